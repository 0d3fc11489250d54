//! What can be set about a device that notifies.

use std::time::Duration;

use punchd_contract::{Declaration, Default, Meaning, Mistake, NumberFormat, Setting, Shape, Values};

use crate::protocol::address::Target;
use crate::protocol::answer::Answers;
use crate::protocol::content::Content;
use crate::protocol::frame::{Framing, LONGEST};
use crate::protocol::uuid::{PIPES, Uuid};
use crate::radio::Wanted;
use crate::radio::air::Gatt;

/// The kind and its settings.
pub(super) const DECLARATION: Declaration = Declaration {
    kind: "ble",
    en: "a Bluetooth Low Energy device that sends what is presented (Nordic UART and the like)",
    zh: "通过低功耗蓝牙发送刷卡内容的设备（Nordic UART 等）",
    keeps_log: false,
    abilities: &[],
    settings: &[
        Setting {
            key: "device",
            shape: Shape::Text,
            default: Default::Required,
            en: "its Bluetooth address (\"C0:11:22:33:44:55\") or the name that it advertises",
            zh: "蓝牙地址（\"C0:11:22:33:44:55\"）或设备广播的名称",
        },
        Setting {
            key: "adapter",
            shape: Shape::Text,
            default: Default::Absent,
            en: "the Bluetooth adapter, such as \"hci1\"; absent: the first one",
            zh: "蓝牙适配器，如 \"hci1\"；不写则用第一个",
        },
        Setting {
            key: "service",
            shape: Shape::Text,
            default: Default::Absent,
            en: "the GATT service; absent: the first that it has of Nordic UART, FFE0, FFF0",
            zh: "GATT 服务；不写则依次尝试 Nordic UART、FFE0、FFF0",
        },
        Setting {
            key: "notify",
            shape: Shape::Text,
            default: Default::Absent,
            en: "the characteristic that it notifies on; absent: as the known services have it",
            zh: "设备用于通知的特征；不写则按已知服务",
        },
        Setting {
            key: "write",
            shape: Shape::Text,
            default: Default::Absent,
            en: "the characteristic that is written to; absent: as the known services have it, or nothing is written",
            zh: "用于写入的特征；不写则按已知服务，未知服务则不写入",
        },
        Setting {
            key: "framing",
            shape: Shape::Word(&["line", "pause", "fixed", "length8", "length16le", "length16be", "stx-etx"]),
            default: Default::Is("line"),
            en: "what ends a message: CR or LF, a pause, a fixed length, a length before it (1 byte; 2 bytes, low or high first), ETX",
            zh: "一条消息如何结束：line 换行，pause 停顿，fixed 固定长度，length8/16le/16be 前置长度，stx-etx 以 ETX 结束",
        },
        Setting {
            key: "frame_length",
            shape: Shape::Integer(1, LONGEST as i64),
            default: Default::Absent,
            en: "with \"fixed\": how many bytes a message has",
            zh: "用于 \"fixed\"：每条消息的字节数",
        },
        Setting {
            key: "pause_ms",
            shape: Shape::Integer(20, 10_000),
            default: Default::Is("300"),
            en: "milliseconds without a byte that make half of a message void (at least 500 with \"line\"); with \"pause\", the longest pause within a message, which is taken after three seconds of silence",
            zh: "多少毫秒没有字节即视未完的消息为作废（\"line\" 时至少 500）；\"pause\" 时为一条消息之内最长的停顿，静默三秒后才算结束",
        },
        Setting {
            key: "prefix",
            shape: Shape::Text,
            default: Default::Absent,
            en: "what stands before the content, such as \"user\"; messages without it are no readings",
            zh: "内容之前的固定文字，如 \"user\"；没有它的消息不算读取",
        },
        Setting {
            key: "credential",
            shape: Shape::Word(&["user_id", "card", "card-bytes", "token"]),
            default: Default::Is("user_id"),
            en: "what the content is: a person's id, a card's number as text or as bytes (in air order), the content of a code",
            zh: "内容的含义：user_id 人员编号，card 文本卡号，card-bytes 字节卡号（空中顺序），token 二维码内容",
        },
        Setting {
            key: "number",
            shape: Shape::Word(NumberFormat::WORDS),
            default: Default::Absent,
            en: "with credential = \"card\": how it writes a card's number (8H10D: the low four bytes as ten decimal digits); absent: hex",
            zh: "用于 credential = \"card\"：卡号的写法（8H10D 即低四字节写成十位十进制）；不写为 hex",
        },
        Setting {
            key: "init",
            shape: Shape::Texts,
            default: Default::Absent,
            en: "what is written after connecting, each with the line end of the answers; bytes as \"hex:7E 00 08\"",
            zh: "连接后写入的内容，行尾与应答相同；字节写作 \"hex:7E 00 08\"",
        },
        Setting {
            key: "answers",
            shape: Shape::Word(&["text", "none"]),
            default: Default::Is("text"),
            en: "what is written back: a line of text for each sign, or nothing",
            zh: "回写内容：text 为每种结果写一行文本，none 不回写",
        },
        Setting {
            key: "answer_accepted",
            shape: Shape::Text,
            default: Default::Is("OK {name}"),
            en: "written when the punch is taken; {name} is the person, {text} and {text_zh} a line to show",
            zh: "打卡成功时写入；{name} 为姓名，{text}、{text_zh} 为提示语",
        },
        Setting {
            key: "answer_already",
            shape: Shape::Text,
            default: Default::Is("ALREADY {name}"),
            en: "written when the person has punched already",
            zh: "已打过卡时写入",
        },
        Setting {
            key: "answer_unknown",
            shape: Shape::Text,
            default: Default::Is("UNKNOWN"),
            en: "written when nobody is known by it",
            zh: "未登记时写入",
        },
        Setting {
            key: "answer_refused",
            shape: Shape::Text,
            default: Default::Is("REFUSED"),
            en: "written when it does not count",
            zh: "不予计入时写入",
        },
        Setting {
            key: "answer_out_of_order",
            shape: Shape::Text,
            default: Default::Is("ERROR"),
            en: "written when nothing was recorded and the person should try again",
            zh: "未能记录、需重试时写入",
        },
        Setting {
            key: "answer_end",
            shape: Shape::Word(&["lf", "cr", "crlf", "none"]),
            default: Default::Is("lf"),
            en: "what stands behind each answer",
            zh: "每条应答的行尾",
        },
        Setting {
            key: "repeat",
            shape: Shape::Duration(0, 60),
            default: Default::Is("3s"),
            en: "the same message within this time is the same presentation",
            zh: "在此时间内的相同消息视为同一次",
        },
        Setting {
            key: "silence",
            shape: Shape::Duration(5, 86_400),
            default: Default::Is("10m"),
            en: "how long a scan may hear nothing at all before it is started anew and the adapter switched off and on",
            zh: "扫描多久完全收不到信号后重新开始扫描并重启适配器",
        },
        Setting {
            key: "link_check",
            shape: Shape::Duration(1, 600),
            default: Default::Is("20s"),
            en: "how often it is checked that the device is still connected",
            zh: "多久检查一次设备是否仍然连接",
        },
    ],
};

/// The settings of one device.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which adapter.
    pub(super) adapter: Option<String>,
    /// Which device, and how it is watched.
    pub(super) wanted: Wanted,
    /// How it marks its frames.
    pub(super) framing: Framing,
    /// What ends a frame, or makes half of one void.
    pub(super) pause: Duration,
    /// What stands before the content.
    pub(super) prefix: String,
    /// What the content is.
    pub(super) content: Content,
    /// What is written after connecting.
    pub(super) init: Vec<Vec<u8>>,
    /// What is written back, if anything.
    pub(super) answers: Option<Answers>,
    /// For how long the same is the same.
    pub(super) repeat: Duration,
}

/// Reads the settings.
pub(super) fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let target = values.text("device").and_then(Target::parse).unwrap_or_else(|| {
        mistakes.push(
            Mistake::new("device", "a Bluetooth address such as \"C0:11:22:33:44:55\", or a name of at most 248 bytes")
                .in_chinese("蓝牙地址，如 \"C0:11:22:33:44:55\"，或不超过 248 字节的名称"),
        );
        Target::Named(String::new())
    });
    let adapter = adapter(values, &mut mistakes);
    let gatt = gatt(|key| values.text(key)).unwrap_or_else(|mistake| {
        mistakes.push(mistake);
        Gatt::Known
    });
    let fixed = values.integer("frame_length").and_then(|length| usize::try_from(length).ok());
    let framing = match (values.text("framing"), fixed) {
        (Some("fixed"), Some(length)) => Framing::Fixed(length),
        (Some("fixed"), None) => {
            mistakes.push(
                Mistake::new("frame_length", "with framing \"fixed\": how many bytes a message has")
                    .in_chinese("framing 为 \"fixed\" 时：每条消息的字节数"),
            );
            Framing::Line
        }
        (_, Some(_)) => {
            mistakes.push(
                Mistake::new("frame_length", "only with framing \"fixed\"")
                    .in_chinese("仅在 framing 为 \"fixed\" 时使用"),
            );
            Framing::Line
        }
        (Some("pause"), None) => Framing::Pause,
        (Some("length8"), None) => Framing::Length8,
        (Some("length16le"), None) => Framing::Length16Le,
        (Some("length16be"), None) => Framing::Length16Be,
        (Some("stx-etx"), None) => Framing::StxEtx,
        (_, None) => Framing::Line,
    };
    let number = values.text("number").and_then(NumberFormat::from_word);
    let content = match values.text("credential") {
        Some("card") => Content::Text(Meaning::Card(number.unwrap_or(NumberFormat::Hex))),
        Some("card-bytes") => Content::CardBytes,
        Some("token") => Content::Text(Meaning::Token),
        _ => Content::Text(Meaning::UserId),
    };
    if number.is_some() && !matches!(content, Content::Text(Meaning::Card(_))) {
        mistakes.push(
            Mistake::new("number", "only with credential = \"card\": others have no number format")
                .in_chinese("仅在 credential = \"card\" 时使用：其他内容没有号码格式"),
        );
    }
    let end = match values.text("answer_end") {
        Some("cr") => "\r",
        Some("crlf") => "\r\n",
        Some("none") => "",
        _ => "\n",
    };
    let init: Option<Vec<_>> = values.texts("init").iter().map(|text| bytes(text, end)).collect();
    let init = init.unwrap_or_else(|| {
        mistakes.push(
            Mistake::new("init", "texts, or bytes such as \"hex:7E 00 08\"")
                .in_chinese("文本，或字节，如 \"hex:7E 00 08\""),
        );
        Vec::new()
    });
    let answer = |key, default: &str| values.text(key).unwrap_or(default).to_owned();
    let seconds = |key, default| values.duration(key).unwrap_or(Duration::from_secs(default));
    let pause = values.integer("pause_ms").and_then(|millis| u64::try_from(millis).ok()).unwrap_or(300);
    let settings = Settings {
        adapter,
        wanted: Wanted { target, gatt, silence: seconds("silence", 600), check: seconds("link_check", 20) },
        framing,
        pause: Duration::from_millis(pause),
        prefix: values.text("prefix").unwrap_or_default().to_owned(),
        content,
        init,
        answers: (values.text("answers") != Some("none")).then(|| Answers {
            accepted: answer("answer_accepted", "OK {name}"),
            already: answer("answer_already", "ALREADY {name}"),
            unknown: answer("answer_unknown", "UNKNOWN"),
            refused: answer("answer_refused", "REFUSED"),
            out_of_order: answer("answer_out_of_order", "ERROR"),
            end,
        }),
        repeat: seconds("repeat", 3),
    };
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

/// What is written for one text of `init`.
fn bytes(text: &str, end: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("hex:") else { return Some([text, end].concat().into_bytes()) };
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| match pair {
        [high, low] => u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

/// The adapter, where one is named.
pub(crate) fn adapter(values: &Values, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let adapter = values.text("adapter")?;
    if !is_adapter(adapter) {
        mistakes.push(
            Mistake::new("adapter", "the id of an adapter, such as \"hci0\" (`bluetoothctl list`, `hciconfig`)")
                .in_chinese("适配器编号，如 \"hci0\"（`bluetoothctl list`、`hciconfig`）"),
        );
    }
    Some(adapter.to_owned())
}

/// Whether that can be an adapter's id; it becomes a part of a path on the bus.
pub(crate) fn is_adapter(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// The pipe that the three settings name.
pub(crate) fn gatt<'a>(text: impl Fn(&'static str) -> Option<&'a str>) -> Result<Gatt, Mistake> {
    let uuid = |key: &'static str| match text(key) {
        None => Ok(None),
        Some(text) => match Uuid::parse(text) {
            Some(uuid) => Ok(Some(uuid)),
            None => Err(Mistake::new(key, "a UUID, such as \"ffe1\" or \"6e400001-b5a3-f393-e0a9-e50e24dcca9e\"")
                .in_chinese("UUID，如 \"ffe1\" 或 \"6e400001-b5a3-f393-e0a9-e50e24dcca9e\"")),
        },
    };
    let (service, notify, write) = (uuid("service")?, uuid("notify")?, uuid("write")?);
    let Some(service) = service else {
        return match (notify, write) {
            (None, None) => Ok(Gatt::Known),
            _ => Err(Mistake::new("service", "the service that `notify` and `write` belong to")
                .in_chinese("`notify` 和 `write` 所属的服务")),
        };
    };
    let known = PIPES.iter().find(|pipe| pipe.service == service);
    let Some(notify) = notify.or(known.map(|pipe| pipe.notify)) else {
        return Err(Mistake::new("notify", "the characteristic of this service that the device notifies on")
            .in_chinese("该服务中设备用于通知的特征值"));
    };
    Ok(Gatt::Named { service, notify, write: write.or(known.map(|pipe| pipe.write)) })
}

#[cfg(test)]
mod tests {
    use punchd_contract::Value;

    use super::*;
    use crate::protocol::uuid::NUS;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().fold(Values::new(), |values, (key, text)| values.with(key, Value::Text((*text).into())))
    }

    fn mistaken(pairs: &[(&str, &str)]) -> Vec<&'static str> {
        parse(&values(pairs)).err().unwrap_or_default().into_iter().map(|mistake| mistake.key).collect()
    }

    #[test]
    fn the_device_alone_is_enough() {
        let settings = parse(&values(&[("device", "Gate 1")])).unwrap();
        assert_eq!(settings.wanted.gatt, Gatt::Known);
        assert_eq!((settings.framing, settings.content), (Framing::Line, Content::Text(Meaning::UserId)));
    }

    #[test]
    fn a_known_service_needs_no_characteristics() {
        let nus = values(&[("device", "x"), ("service", "6E400001-B5A3-F393-E0A9-E50E24DCCA9E")]);
        let named = Gatt::Named { service: NUS.service, notify: NUS.notify, write: Some(NUS.write) };
        assert_eq!(parse(&nus).unwrap().wanted.gatt, named);
        assert_eq!(mistaken(&[("device", "x"), ("service", "1234")]), ["notify"]);
        let own = values(&[("device", "x"), ("service", "1234"), ("notify", "1235")]);
        let named = Gatt::Named { service: Uuid::short(0x1234), notify: Uuid::short(0x1235), write: None };
        assert_eq!(parse(&own).unwrap().wanted.gatt, named);
    }

    #[test]
    fn what_is_written_first_is_text_or_bytes() {
        assert_eq!(bytes("AT+ON", "\r\n").unwrap(), b"AT+ON\r\n");
        assert_eq!(bytes("hex:7E 00 0a", "\n").unwrap(), [0x7E, 0, 0x0A]);
        assert_eq!(bytes("hex:7", "\n"), None);
        assert_eq!(bytes("hex:+7", "\n"), None);
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        assert_eq!(mistaken(&[("device", " ")]), ["device"]);
        assert_eq!(mistaken(&[("device", "x"), ("notify", "ffe1")]), ["service"]);
        assert_eq!(mistaken(&[("device", "x"), ("service", "ffe")]), ["service"]);
        assert_eq!(mistaken(&[("device", "x"), ("framing", "fixed")]), ["frame_length"]);
        assert_eq!(mistaken(&[("device", "x"), ("number", "8H10D")]), ["number"]);
        assert_eq!(mistaken(&[("device", "x"), ("adapter", "../hci0")]), ["adapter"]);
    }
}
