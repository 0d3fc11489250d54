//! What can be set about badges.

use std::time::Duration;

use punchd_contract::{Declaration, Default, Mistake, Setting, Shape, Values};

use crate::protocol::pattern::Pattern;
use crate::protocol::presence::Rules;
use crate::terminal::adapter;

/// How many badges are followed at once: a shift of a factory, at some 150 bytes each.
const MOST: usize = 2000;

/// The kind and its settings.
pub(super) const DECLARATION: Declaration = Declaration {
    kind: "ble-badge",
    en: "Bluetooth badges that come near (iBeacon, Eddystone): weaker evidence than a card or a finger",
    zh: "靠近的蓝牙工牌（iBeacon、Eddystone）：证明力弱于刷卡和指纹",
    keeps_log: false,
    abilities: &[],
    settings: &[
        Setting {
            key: "badges",
            shape: Shape::Texts,
            default: Default::Is("[\"ibeacon\", \"eddystone\"]"),
            en: "which badges: \"ibeacon\", \"ibeacon:UUID\", \"ibeacon:UUID/MAJOR\", \"eddystone\", \"eddystone:NAMESPACE\", \"eddystone-eid\", or a mask over data: \"manufacturer:0499/05..####\", \"service:fcd2/40####\" (.. any byte, ## tells the badge). The people list holds \"ibeacon:UUID/MAJOR/MINOR\", \"eddystone:NAMESPACE/INSTANCE\", \"manufacturer:0499/…\"",
            zh: "哪些工牌：\"ibeacon\"、\"ibeacon:UUID\"、\"ibeacon:UUID/MAJOR\"、\"eddystone\"、\"eddystone:NAMESPACE\"、\"eddystone-eid\"，或数据掩码：\"manufacturer:0499/05..####\"、\"service:fcd2/40####\"（.. 任意字节，## 为工牌标识）。人员表中写 \"ibeacon:UUID/MAJOR/MINOR\"、\"eddystone:NAMESPACE/INSTANCE\"、\"manufacturer:0499/…\"",
        },
        Setting {
            key: "adapter",
            shape: Shape::Text,
            default: Default::Absent,
            en: "the Bluetooth adapter, such as \"hci1\"; absent: the first one",
            zh: "蓝牙适配器，如 \"hci1\"；不写则用第一个",
        },
        Setting {
            key: "near",
            shape: Shape::Integer(-100, -20),
            default: Default::Is("-70"),
            en: "how strong a badge must be heard to be near, in dBm; -60 is about a metre, -80 a large room",
            zh: "信号多强算靠近（dBm）；-60 约一米，-80 约一个大房间",
        },
        Setting {
            key: "slack",
            shape: Shape::Integer(0, 40),
            default: Default::Is("8"),
            en: "by how many dB less a badge that is near stays near",
            zh: "已靠近的工牌信号再弱多少 dB 仍算靠近",
        },
        Setting {
            key: "seen_in",
            shape: Shape::Integer(1, 60),
            default: Default::Is("3"),
            en: "in how many different seconds of `window` it must be heard so",
            zh: "在 `window` 秒内须有多少个不同的秒收到",
        },
        Setting {
            key: "window",
            shape: Shape::Integer(1, 60),
            default: Default::Is("10"),
            en: "out of how many seconds",
            zh: "统计的秒数",
        },
        Setting {
            key: "dwell",
            shape: Shape::Duration(0, 600),
            default: Default::Is("2s"),
            en: "for how long it must stay near before it counts",
            zh: "须停留多久才算到达",
        },
        Setting {
            key: "away",
            shape: Shape::Duration(10, 86_400),
            default: Default::Is("10m"),
            en: "how long it must not be heard before it can come again",
            zh: "多久收不到之后才能再次算到达",
        },
        Setting {
            key: "silence",
            shape: Shape::Duration(5, 86_400),
            default: Default::Is("10m"),
            en: "how long nothing at all may be heard before the scan is started anew and the adapter switched off and on",
            zh: "多久完全收不到信号后重新开始扫描并重启适配器",
        },
    ],
};

/// The settings of one listener for badges.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which adapter.
    pub(super) adapter: Option<String>,
    /// Which badges.
    pub(super) patterns: Vec<Pattern>,
    /// When they count.
    pub(super) rules: Rules,
    /// After how much silence something is wrong.
    pub(super) silence: Duration,
}

/// Reads the settings.
pub(super) fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let adapter = adapter(values, &mut mistakes);
    let both = ["ibeacon".to_owned(), "eddystone".to_owned()];
    let texts = match values.get("badges") {
        Some(_) => values.texts("badges"),
        None => &both,
    };
    let patterns: Vec<Pattern> = texts.iter().filter_map(|text| Pattern::parse(text)).collect();
    if patterns.is_empty() || patterns.len() < texts.len() {
        let right = "patterns such as \"ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e\", \"eddystone\", \"manufacturer:0499/05..####\"";
        mistakes.push(Mistake::new("badges", right).in_chinese("信标样式，如 \"ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e\"、\"eddystone\"、\"manufacturer:0499/05..####\""));
    }
    let number = |key, default: i64| values.integer(key).unwrap_or(default);
    let seconds = |key, default| values.duration(key).unwrap_or(Duration::from_secs(default));
    let rules = Rules {
        near: i16::try_from(number("near", -70)).unwrap_or(-70),
        slack: u16::try_from(number("slack", 8)).unwrap_or(8),
        seen_in: u32::try_from(number("seen_in", 3)).unwrap_or(3),
        window: u32::try_from(number("window", 10)).unwrap_or(10),
        dwell: seconds("dwell", 2),
        away: seconds("away", 600),
        most: MOST,
    };
    if rules.seen_in > rules.window {
        mistakes.push(
            Mistake::new("seen_in", "at most `window`: a second counts once")
                .in_chinese("不大于 `window`：同一秒只计一次"),
        );
    }
    let settings = Settings { adapter, patterns, rules, silence: seconds("silence", 600) };
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use punchd_contract::Value;

    use super::*;

    #[test]
    fn nothing_needs_to_be_set_and_mistakes_are_named() {
        let settings = parse(&Values::new()).unwrap();
        assert_eq!(settings.patterns.len(), 2);
        let wrong = Values::new()
            .with("badges", Value::Texts(vec!["ibeacon".into(), "manufacturer:004c/12##".into()]))
            .with("seen_in", Value::Integer(5))
            .with("window", Value::Integer(4));
        let keys: Vec<_> = parse(&wrong).unwrap_err().into_iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, ["badges", "seen_in"]);
        let none = Values::new().with("badges", Value::Texts(Vec::new()));
        assert!(parse(&none).is_err());
    }
}
