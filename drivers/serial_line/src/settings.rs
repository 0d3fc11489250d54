//! What can be set about a reader that sends lines.

use std::time::Duration;

use punchd_contract::{
    Declaration, Default, Meaning, Mistake, Mode, NumberFormat, Parity, Place, PresentedText, Setting, Shape, Tone,
    Values,
};

use crate::answers::{self, Answers, Template, bytes_of};
use crate::protocol::decoder::Decoder;
use crate::protocol::lines::{self, End, Lines};

/// What a reader that sends lines is and what can be set about it.
pub const DECLARATION: Declaration = Declaration {
    kind: "serial_line",
    en: "a scanner or card reader that sends lines over a serial port: barcode, QR, RDM6300, ID-12",
    zh: "通过串口逐行发送内容的扫码器或读卡器：条码、二维码、RDM6300、ID-12",
    keeps_log: false,
    abilities: &[],
    settings: &[
        Setting {
            key: "port",
            shape: Shape::Line,
            default: Default::Required,
            en: "where it is: a serial port such as /dev/serial/by-id/usb-…, or tcp://host:port, ble://address",
            zh: "设备所在：串口（如 /dev/serial/by-id/usb-…），或 tcp://主机:端口、ble://地址",
        },
        Setting {
            key: "baud",
            shape: Shape::Integer(300, 921_600),
            default: Default::Is("9600"),
            en: "its speed; USB readers take any",
            zh: "波特率；USB 读头可用任意值",
        },
        Setting {
            key: "parity",
            shape: Shape::Word(&["none", "even", "odd"]),
            default: Default::Is("none"),
            en: "its check bit",
            zh: "校验位",
        },
        Setting {
            key: "format",
            shape: Shape::Word(&["text", "rdm6300"]),
            default: Default::Is("text"),
            en: "what it sends: lines of text, or the frames of an RDM6300 or ID-12 reader of 125 kHz cards",
            zh: "发送内容：text 为文本行；rdm6300 为 RDM6300、ID-12 等 125 kHz 读头的数据帧",
        },
        Setting {
            key: "credential",
            shape: Shape::Word(&["card", "token", "user_id"]),
            default: Default::Absent,
            en: "what a line is: a card's number, the content of a code, or a person's id; absent: card for rdm6300, else token",
            zh: "每行内容的含义：card 卡号，token 二维码内容，user_id 人员编号；不写时 rdm6300 为 card，其余为 token",
        },
        Setting {
            key: "number",
            shape: Shape::Word(NumberFormat::WORDS),
            default: Default::Absent,
            en: "with credential = \"card\": how it writes a card's number (8H10D: the low four bytes as ten decimal digits); absent: hex",
            zh: "用于 credential = \"card\"：卡号的写法（8H10D 即低四字节写成十位十进制）；不写为 hex",
        },
        Setting {
            key: "terminator",
            shape: Shape::Word(lines::WORDS),
            default: Default::Is("auto"),
            en: "what ends a line; auto takes CR, LF, Tab or ETX, and silence until one of them has come; codes that contain one of these need the right one",
            zh: "行结束符；auto 接受 CR、LF、Tab、ETX，首次出现之前以静默判断；若内容本身含有这些字符，请明确指定",
        },
        Setting {
            key: "idle_ms",
            shape: Shape::Integer(20, 5000),
            default: Default::Is("80"),
            en: "the longest pause, in milliseconds, within a line; without terminator, silence ends a line: after this where its width is known (a card number with leading zeros), else after a second",
            zh: "一行之内最长的停顿（毫秒）；没有结束符时以静默判断结束：宽度固定（带前导零的卡号）时为此值，否则为一秒",
        },
        Setting {
            key: "prefix",
            shape: Shape::Text,
            default: Default::Absent,
            en: "stripped from the start of every line that has it",
            zh: "去除行首的这段文字（若有）",
        },
        Setting {
            key: "suffix",
            shape: Shape::Text,
            default: Default::Absent,
            en: "stripped from the end of every line that has it, before the terminator",
            zh: "去除行尾（结束符之前）的这段文字（若有）",
        },
        Setting {
            key: "repeat",
            shape: Shape::Duration(0, 3600),
            default: Default::Absent,
            en: "the same again within this time of when it was last there is one reading; absent: 1s for rdm6300, else 3s",
            zh: "同一内容在此时间内再次出现视为同一次；不写时 rdm6300 为 1s，其余为 3s",
        },
        Setting {
            key: "trigger",
            shape: Shape::Word(&["none", "gm65", "honeywell"]),
            default: Default::Is("none"),
            en: "tell the scanner to read: gm65 in its command mode, honeywell (and Metrologic) in host-trigger mode; none: it reads by itself",
            zh: "由 punchd 触发扫描：gm65 为命令模式，honeywell（含 Metrologic）为主机触发模式；none 表示扫码器自行扫描",
        },
        Setting {
            key: "init",
            shape: Shape::Texts,
            default: Default::Absent,
            en: "bytes sent whenever the port was opened, in hexadecimal, such as [\"7E 00 08 02 00 2A 39 01 A7 EA\"]; their answers are thrown away",
            zh: "每次打开串口后发送的字节（十六进制），如 [\"7E 00 08 02 00 2A 39 01 A7 EA\"]；其应答会被丢弃",
        },
        Setting {
            key: "answers",
            shape: Shape::Word(&["none", "text", "receipt"]),
            default: Default::Is("none"),
            en: "what is written back: nothing (the reader beeps by itself), a line such as \"OK 张三\" for a display, or \"tone seq kind value line\" for a machine",
            zh: "回写内容：none 不回写（读头自带提示音），text 为供显示的一行如 \"OK 张三\"，receipt 为供程序读取的 \"结果 序号 类型 值 原文\"",
        },
        answer(
            "answer_accepted",
            "instead, when the punch is taken: a text, ended by CR LF, in which {name}, {tone}, {seq}, {kind}, {value}, {line}, {en} and {zh} are replaced, or bytes such as \"hex:1B 42\"",
            "改写：打卡成功时。文本（以 CR LF 结尾，可用 {name}、{tone}、{seq}、{kind}、{value}、{line}、{en}、{zh}），或字节如 \"hex:1B 42\"",
        ),
        answer("answer_already", "instead, when the person has punched already", "改写：此人已打过卡时"),
        answer("answer_unknown", "instead, when nobody is known by this", "改写：未登记时"),
        answer("answer_refused", "instead, when it does not count", "改写：被拒绝时"),
        answer("answer_out_of_order", "instead, when nothing could be recorded", "改写：无法记录、请重试时"),
    ],
};

const fn answer(key: &'static str, en: &'static str, zh: &'static str) -> Setting {
    Setting { key, shape: Shape::Text, default: Default::Absent, en, zh }
}

/// The settings of one reader.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is.
    pub place: Place,
    /// How its port is set.
    pub mode: Mode,
    /// What it sends.
    pub sends: Sends,
    /// The same within this time is one reading.
    pub repeat: Duration,
    /// How it is told to read.
    pub trigger: Trigger,
    /// Sent after opening.
    pub init: Vec<Vec<u8>>,
    /// Written back.
    pub answers: Answers,
}

/// What a reader sends.
#[derive(Clone, Debug)]
pub enum Sends {
    /// Lines of text.
    Text {
        /// How they end.
        end: End,
        /// The silence that ends them.
        idle: Duration,
        /// What they mean.
        means: PresentedText,
    },
    /// Frames of a card reader.
    Rdm6300,
}

/// How a scanner is told to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// It reads by itself.
    Free,
    /// GM65's command, which it acknowledges.
    Gm65,
    /// SYN T CR, which nothing acknowledges.
    Honeywell,
}

impl Settings {
    /// A decoder for what it sends.
    pub fn decoder(&self) -> Decoder {
        match &self.sends {
            Sends::Rdm6300 => Decoder::rdm6300(),
            Sends::Text { end, idle, means } => {
                let lines = Lines::new(*end, *idle).meaning(means);
                match self.trigger {
                    Trigger::Gm65 => Decoder::answering(lines, *idle),
                    Trigger::Free | Trigger::Honeywell => Decoder::text(lines),
                }
            }
        }
    }
}

/// Reads checked values; all mistakes at once.
pub fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut wrong = |key, right: &str, zh: &str| mistakes.push(Mistake::new(key, right).in_chinese(zh));
    let place = values.line("port").cloned();
    if place.is_none() {
        wrong(
            "port",
            "where the reader is, such as \"/dev/serial/by-id/usb-…\"",
            "读卡器所在位置，如 \"/dev/serial/by-id/usb-…\"",
        );
    }
    let number = |key| values.integer(key);
    let baud = number("baud").and_then(|baud| u32::try_from(baud).ok()).unwrap_or(9600);
    let parity = match values.text("parity") {
        Some("even") => Parity::Even,
        Some("odd") => Parity::Odd,
        _ => Parity::None,
    };
    let trigger = match values.text("trigger") {
        Some("gm65") => Trigger::Gm65,
        Some("honeywell") => Trigger::Honeywell,
        _ => Trigger::Free,
    };
    let rdm6300 = values.text("format") == Some("rdm6300");
    let credential = values.text("credential").unwrap_or(if rdm6300 { "card" } else { "token" });
    let format = values.text("number");
    if format.is_some() && credential != "card" {
        wrong(
            "number",
            "nothing, or credential = \"card\" besides: other lines have no number format",
            "不设，或同时设 credential = \"card\"：其他内容没有号码格式",
        );
    }
    let sends = if rdm6300 {
        if credential != "card" {
            wrong("credential", "\"card\" or nothing: an RDM6300 reads cards", "\"card\" 或不设：RDM6300 读的是卡");
        }
        if trigger != Trigger::Free {
            wrong("trigger", "\"none\": an RDM6300 reads by itself", "\"none\"：RDM6300 自动读卡");
        }
        for key in ["number", "prefix", "suffix"] {
            if values.text(key).is_some() {
                wrong(
                    key,
                    "nothing: the frames of an RDM6300 carry all bytes of a card and no text",
                    "不设：RDM6300 的帧含卡号的全部字节，没有文本",
                );
            }
        }
        Sends::Rdm6300
    } else {
        let means = match credential {
            "card" => Meaning::Card(format.and_then(NumberFormat::from_word).unwrap_or(NumberFormat::Hex)),
            "user_id" => Meaning::UserId,
            _ => Meaning::Token,
        };
        let text = |key| values.text(key).unwrap_or("").to_owned();
        Sends::Text {
            end: values.text("terminator").and_then(End::from_word).unwrap_or(End::Auto),
            idle: Duration::from_millis(number("idle_ms").and_then(|idle| u64::try_from(idle).ok()).unwrap_or(80)),
            means: PresentedText { means, prefix: text("prefix"), suffix: text("suffix") },
        }
    };
    let init: Vec<_> = values.texts("init").iter().map(|text| bytes_of(text)).collect();
    if init.contains(&None) {
        wrong(
            "init",
            "texts of hexadecimal bytes, such as [\"7E 00 08 02 00 2A 39 01 A7 EA\"]",
            "十六进制字节的文本，如 [\"7E 00 08 02 00 2A 39 01 A7 EA\"]",
        );
    }
    let mut answers = match values.text("answers") {
        Some("text") => Answers::text(),
        Some("receipt") => Answers::receipt(),
        _ => Answers::none(),
    };
    for (key, tone) in [
        ("answer_accepted", Tone::Accepted),
        ("answer_already", Tone::Already),
        ("answer_unknown", Tone::Unknown),
        ("answer_refused", Tone::Refused),
        ("answer_out_of_order", Tone::OutOfOrder),
    ] {
        match values.text(key).map(Template::parse) {
            None => {}
            Some(Some(template)) => answers.set(tone, template),
            Some(None) => wrong(key, answers::RIGHT, answers::RIGHT_ZH),
        }
    }
    let usual = if rdm6300 { 1 } else { 3 };
    let repeat = values.duration("repeat").unwrap_or(Duration::from_secs(usual));
    let (Some(place), true) = (place, mistakes.is_empty()) else { return Err(mistakes) };
    let init = init.into_iter().flatten().collect();
    Ok(Settings { place, mode: Mode { baud, parity }, sends, repeat, trigger, init, answers })
}

#[cfg(test)]
mod tests {
    use punchd_contract::Value;

    use super::*;

    fn port() -> Values {
        Values::new().with("port", Value::Line(Place::Serial("/dev/ttyUSB0".into())))
    }

    fn text(values: Values, key: &str, text: &str) -> Values {
        values.with(key, Value::Text(text.into()))
    }

    #[test]
    fn a_port_is_enough() {
        let settings = parse(&port()).unwrap();
        assert_eq!((settings.mode, settings.repeat), (Mode::at(9600), Duration::from_secs(3)));
        let Sends::Text { end, idle, means } = settings.sends else { panic!("not text") };
        assert_eq!((end, idle, means.means), (End::Auto, Duration::from_millis(80), Meaning::Token));
    }

    #[test]
    fn a_card_reader_says_how_it_writes_numbers() {
        let settings = parse(&text(text(port(), "credential", "card"), "number", "8H10D")).unwrap();
        let Sends::Text { means, .. } = settings.sends else { panic!("not text") };
        assert_eq!(means.means, Meaning::Card(NumberFormat::H8D10));
        let settings = parse(&text(port(), "format", "rdm6300")).unwrap();
        assert!(matches!(settings.sends, Sends::Rdm6300));
        assert_eq!(settings.repeat, Duration::from_secs(1));
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let keys = |values: &Values| parse(values).unwrap_err().iter().map(|mistake| mistake.key).collect::<Vec<_>>();
        let values = text(text(Values::new(), "number", "hex"), "answer_accepted", "{nobody}");
        let values = values.with("init", Value::Texts(vec!["7E".into(), "7".into()]));
        assert_eq!(keys(&values), ["port", "number", "init", "answer_accepted"]);
        let mut values = port();
        for (key, word) in [("format", "rdm6300"), ("credential", "token"), ("trigger", "gm65"), ("prefix", "x")] {
            values = text(values, key, word);
        }
        assert_eq!(keys(&values), ["credential", "trigger", "prefix"]);
    }
}
