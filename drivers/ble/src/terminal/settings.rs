//! What can be set about a device that notifies.

use std::time::Duration;

use punchd_contract::{Declaration, Default, Mistake, Setting, Shape, Values};

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
            en: "milliseconds without a byte that end a message (\"pause\") or make half of one void",
            zh: "多少毫秒没有字节即视为消息结束（\"pause\"），或使未完的消息作废",
        },
        Setting {
            key: "prefix",
            shape: Shape::Text,
            default: Default::Absent,
            en: "what stands before the content, such as \"user \"; messages without it are no readings",
            zh: "内容之前的固定文字，如 \"user \"；没有它的消息不算读取",
        },
        Setting {
            key: "credential",
            shape: Shape::Word(&["user_id", "card", "card-bytes", "token"]),
            default: Default::Is("user_id"),
            en: "what the content is: a user id, a card number in hexadecimal or as bytes (in air order), a code",
            zh: "内容的含义：user_id 用户编号，card 十六进制卡号，card-bytes 字节卡号（空中顺序），token 码",
        },
        Setting {
            key: "init",
            shape: Shape::Texts,
            default: Default::Absent,
            en: "what is written after connecting",
            zh: "连接后写入的内容",
        },
        Setting {
            key: "answer_accepted",
            shape: Shape::Text,
            default: Default::Is("\"OK {name}\\n\""),
            en: "written when the punch is taken; {name} is the person, {text} and {text_zh} a line to show; \"\": nothing",
            zh: "打卡成功时写入；{name} 为姓名，{text}、{text_zh} 为提示语；\"\" 表示不写",
        },
        Setting {
            key: "answer_already",
            shape: Shape::Text,
            default: Default::Is("\"ALREADY {name}\\n\""),
            en: "written when the person has punched already",
            zh: "已打过卡时写入",
        },
        Setting {
            key: "answer_unknown",
            shape: Shape::Text,
            default: Default::Is("\"UNKNOWN\\n\""),
            en: "written when nobody is known by it",
            zh: "未登记时写入",
        },
        Setting {
            key: "answer_refused",
            shape: Shape::Text,
            default: Default::Is("\"REFUSED\\n\""),
            en: "written when it does not count",
            zh: "不予计入时写入",
        },
        Setting {
            key: "answer_out_of_order",
            shape: Shape::Text,
            default: Default::Is("\"ERROR\\n\""),
            en: "written when nothing was recorded and the person should try again",
            zh: "未能记录、需重试时写入",
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
    pub(super) init: Vec<String>,
    /// What is written back.
    pub(super) answers: Answers,
    /// For how long the same is the same.
    pub(super) repeat: Duration,
}

/// Reads the settings.
pub(super) fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let target = values.text("device").and_then(Target::parse).unwrap_or_else(|| {
        mistakes.push(Mistake::new(
            "device",
            "a Bluetooth address such as \"C0:11:22:33:44:55\", or a name of at most 248 bytes",
        ));
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
            mistakes.push(Mistake::new("frame_length", "with framing \"fixed\": how many bytes a message has"));
            Framing::Line
        }
        (_, Some(_)) => {
            mistakes.push(Mistake::new("frame_length", "only with framing \"fixed\""));
            Framing::Line
        }
        (Some("pause"), None) => Framing::Pause,
        (Some("length8"), None) => Framing::Length8,
        (Some("length16le"), None) => Framing::Length16Le,
        (Some("length16be"), None) => Framing::Length16Be,
        (Some("stx-etx"), None) => Framing::StxEtx,
        (_, None) => Framing::Line,
    };
    let content = match values.text("credential") {
        Some("card") => Content::CardText,
        Some("card-bytes") => Content::CardBytes,
        Some("token") => Content::Token,
        _ => Content::UserId,
    };
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
        init: values.texts("init").to_vec(),
        answers: Answers {
            accepted: answer("answer_accepted", "OK {name}\n"),
            already: answer("answer_already", "ALREADY {name}\n"),
            unknown: answer("answer_unknown", "UNKNOWN\n"),
            refused: answer("answer_refused", "REFUSED\n"),
            out_of_order: answer("answer_out_of_order", "ERROR\n"),
        },
        repeat: seconds("repeat", 3),
    };
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

/// The adapter, where one is named.
pub(crate) fn adapter(values: &Values, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let adapter = values.text("adapter")?;
    if !is_adapter(adapter) {
        mistakes
            .push(Mistake::new("adapter", "the id of an adapter, such as \"hci0\" (`bluetoothctl list`, `hciconfig`)"));
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
            None => Err(Mistake::new(key, "a UUID, such as \"ffe1\" or \"6e400001-b5a3-f393-e0a9-e50e24dcca9e\"")),
        },
    };
    let (service, notify, write) = (uuid("service")?, uuid("notify")?, uuid("write")?);
    let Some(service) = service else {
        return match (notify, write) {
            (None, None) => Ok(Gatt::Known),
            _ => Err(Mistake::new("service", "the service that `notify` and `write` belong to")),
        };
    };
    let known = PIPES.iter().find(|pipe| pipe.service == service);
    let Some(notify) = notify.or(known.map(|pipe| pipe.notify)) else {
        return Err(Mistake::new("notify", "the characteristic of this service that the device notifies on"));
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
        assert_eq!((settings.framing, settings.content), (Framing::Line, Content::UserId));
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
    fn what_does_not_go_together_is_named() {
        assert_eq!(mistaken(&[("device", " ")]), ["device"]);
        assert_eq!(mistaken(&[("device", "x"), ("notify", "ffe1")]), ["service"]);
        assert_eq!(mistaken(&[("device", "x"), ("service", "ffe")]), ["service"]);
        assert_eq!(mistaken(&[("device", "x"), ("framing", "fixed")]), ["frame_length"]);
        assert_eq!(mistaken(&[("device", "x"), ("adapter", "../hci0")]), ["adapter"]);
    }
}
