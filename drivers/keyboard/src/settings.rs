//! What can be set about a reader that types.

use std::time::Duration;

use punchd_contract::{Declaration, Default, Meaning, Mistake, NumberFormat, PresentedText, Setting, Shape, Values};

use crate::protocol::typing::End;
use crate::wanted::Wanted;

/// What a reader that types is and what can be set about it.
pub const DECLARATION: Declaration = Declaration {
    kind: "keyboard",
    en: "a USB card reader or barcode scanner that types like a keyboard; it is taken for punchd alone, and types nowhere else",
    zh: "像键盘一样输入的 USB 读卡器或扫码器；由 punchd 独占，不会再输入到别处",
    keeps_log: false,
    abilities: &[],
    settings: &[
        Setting {
            key: "device",
            shape: Shape::Text,
            default: Default::Required,
            en: "which one: its port /dev/input/by-path/… (best, tells two of a kind apart) or phys:usb-…, itself /dev/input/by-id/…, vendor:product such as ffff:0035, or its name",
            zh: "哪一台：端口 /dev/input/by-path/…（推荐，可区分同型号）或 phys:usb-…，设备 /dev/input/by-id/…，厂商:产品（如 ffff:0035），或名称",
        },
        Setting {
            key: "credential",
            shape: Shape::Word(&["card", "token", "user_id"]),
            default: Default::Is("card"),
            en: "what it types: a card's number, the content of a code, or a person's id",
            zh: "输入内容的含义：card 卡号，token 二维码内容，user_id 人员编号",
        },
        Setting {
            key: "number",
            shape: Shape::Word(NumberFormat::WORDS),
            default: Default::Absent,
            en: "with credential = \"card\": how it writes a card's number; absent: 8H10D, ten decimal digits",
            zh: "用于 credential = \"card\"：卡号的写法；不写为 8H10D，即十位十进制",
        },
        Setting {
            key: "terminator",
            shape: Shape::Word(End::WORDS),
            default: Default::Is("auto"),
            en: "what it types at the end; auto takes Enter or Tab, and silence until one of them has come",
            zh: "结尾按键；auto 接受回车或 Tab，首次出现之前以静默判断",
        },
        Setting {
            key: "idle_ms",
            shape: Shape::Integer(20, 10_000),
            default: Default::Is("80"),
            en: "the longest pause, in milliseconds, within a text; without terminator, silence ends one: after this where its width is known (a card number with leading zeros), else after a second at least; for keypads on which people type, 5000 and terminator = \"enter\"",
            zh: "一条内容之内最长的停顿（毫秒）；没有结尾按键时以静默判断结束：宽度固定（带前导零的卡号）时为此值，否则至少一秒；人工输入的键盘请设 5000 并设 terminator = \"enter\"",
        },
        Setting {
            key: "prefix",
            shape: Shape::Text,
            default: Default::Absent,
            en: "stripped from the start of what has it",
            zh: "去除开头的这段文字（若有）",
        },
        Setting {
            key: "suffix",
            shape: Shape::Text,
            default: Default::Absent,
            en: "stripped from the end of what has it",
            zh: "去除结尾的这段文字（若有）",
        },
        Setting {
            key: "repeat",
            shape: Shape::Duration(0, 3600),
            default: Default::Is("3s"),
            en: "the same again within this time of when it was last there is one reading",
            zh: "同一内容在此时间内再次出现视为同一次",
        },
    ],
};

/// The settings of one reader.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which one.
    pub device: Wanted,
    /// What it types.
    pub means: PresentedText,
    /// What ends it.
    pub end: End,
    /// The silence that ends it.
    pub idle: Duration,
    /// The same within this time is one reading.
    pub repeat: Duration,
}

/// Reads checked values; all mistakes at once.
pub fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let device = values.text("device").and_then(Wanted::parse);
    if device.is_none() {
        let right = "/dev/input/by-path/…, /dev/input/by-id/…, phys:usb-…, vendor:product in hexadecimal, or a name; `punchd devices discover` lists readers";
        let zh = "/dev/input/by-path/…、/dev/input/by-id/…、phys:usb-…、十六进制的 厂商:产品，或名称；`punchd devices discover` 会列出读卡器";
        mistakes.push(Mistake::new("device", right).in_chinese(zh));
    }
    let number = values.text("number");
    let means = match values.text("credential") {
        Some("token") => Meaning::Token,
        Some("user_id") => Meaning::UserId,
        _ => Meaning::Card(number.and_then(NumberFormat::from_word).unwrap_or(NumberFormat::H8D10)),
    };
    if number.is_some() && !matches!(means, Meaning::Card(_)) {
        mistakes.push(
            Mistake::new("number", "nothing, or credential = \"card\" besides: other texts have no number format")
                .in_chinese("不设，或同时设 credential = \"card\"：其他文本没有号码格式"),
        );
    }
    let text = |key| values.text(key).unwrap_or("").to_owned();
    let idle = values.integer("idle_ms").and_then(|idle| u64::try_from(idle).ok()).unwrap_or(80);
    let (Some(device), true) = (device, mistakes.is_empty()) else { return Err(mistakes) };
    Ok(Settings {
        device,
        means: PresentedText { means, prefix: text("prefix"), suffix: text("suffix") },
        end: values.text("terminator").and_then(End::from_word).unwrap_or(End::Auto),
        idle: Duration::from_millis(idle),
        repeat: values.duration("repeat").unwrap_or(Duration::from_secs(3)),
    })
}

#[cfg(test)]
mod tests {
    use punchd_contract::Value;

    use super::*;

    fn values(settings: &[(&str, &str)]) -> Values {
        settings.iter().fold(Values::new(), |values, (key, text)| values.with(key, Value::Text((*text).into())))
    }

    #[test]
    fn a_device_is_enough_for_the_readers_that_are_sold_most() {
        let settings = parse(&values(&[("device", "ffff:0035")])).unwrap();
        assert_eq!(settings.means.means, Meaning::Card(NumberFormat::H8D10));
        assert_eq!(
            (settings.end, settings.idle, settings.repeat),
            (End::Auto, Duration::from_millis(80), Duration::from_secs(3))
        );
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let wrong = values(&[("device", "/dev/sda"), ("credential", "token"), ("number", "hex")]);
        let keys: Vec<_> = parse(&wrong).unwrap_err().iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, ["device", "number"]);
    }
}
