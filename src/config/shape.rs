//! One value against its declared shape: either it is what was asked for, or a mistake says what would be right.

use punchd_contract::{Endpoint, Place, Shape, Value};

use super::check::Check;
use super::declared::Form;
use super::destination::History;
use super::duration::{parse_duration, show_duration};
use super::nearest::nearest;
use super::odd::Odd;
use super::tree::{Node, Raw};
use super::zone::Zone;

/// The most entries of a list of texts.
const MAX_TEXTS: usize = 1000;
/// The longest text of a setting, in bytes.
const MAX_TEXT: usize = 4096;

/// A value of one of our own sections.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Checked {
    Value(Value),
    Zone(Zone),
    Date(jiff::civil::Date),
    History(History),
    Degrees(f64),
}

/// What would be right, in both languages, with an example.
pub(super) fn right(shape: &Shape) -> (String, String) {
    let both = |text: String| (text.clone(), text);
    match shape {
        Shape::Text => ("a text in quotes, such as \"gate\"".into(), "带引号的文本，如 \"gate\"".into()),
        Shape::Word(words) => {
            let list = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
            (format!("one of {}", list.join(", ")), format!("以下之一：{}", list.join("、")))
        }
        Shape::Integer(from, to) => (
            format!("a whole number from {from} to {to}, such as {from}"),
            format!("{from} 到 {to} 之间的整数，如 {from}"),
        ),
        Shape::Boolean => both("true / false".into()),
        Shape::Duration(from, to) => {
            let (from, to) = (show_seconds(*from), show_seconds(*to));
            (
                format!(
                    "a length of time from {from} to {to} in quotes with its unit (s, m, h, d), such as \"{from}\""
                ),
                format!("{from} 到 {to} 之间的时长，带引号和单位（s、m、h、d），如 \"{from}\""),
            )
        }
        Shape::Endpoint(port) => (
            format!("a host, with its port if that is not {port}, such as \"10.0.0.8\" or \"10.0.0.8:{port}\""),
            format!("主机地址，端口不是 {port} 时需写明，如 \"10.0.0.8\" 或 \"10.0.0.8:{port}\""),
        ),
        Shape::Line => (
            "a serial port, or a line through a network or Bluetooth, such as \"/dev/serial/by-path/…-usb-0:1.2:1.0-port0\", \"tcp://10.0.0.9:4001\", \"ble://F0:F1:F2:F3:F4:F5\"".into(),
            "串口，或经网络、蓝牙的线路，如 \"/dev/serial/by-path/…-usb-0:1.2:1.0-port0\"、\"tcp://10.0.0.9:4001\"、\"ble://F0:F1:F2:F3:F4:F5\"".into(),
        ),
        Shape::Texts => ("a list of texts, such as [\"a\", \"b\"]".into(), "文本列表，如 [\"a\", \"b\"]".into()),
        Shape::Integers(from, to) => (
            format!("a list of whole numbers from {from} to {to}, such as [{from}]"),
            format!("{from} 到 {to} 之间的整数列表，如 [{from}]"),
        ),
        Shape::Secret => both("{ file = \"…\" } / { env = \"…\" } / { credential = \"…\" }".into()),
    }
}

/// The same for a form of ours.
pub(super) fn right_form(form: &Form) -> (String, String) {
    match form {
        Form::Shape(shape) => right(shape),
        Form::Zone => {
            ("a time zone in quotes, such as \"Asia/Shanghai\"".into(), "带引号的时区名，如 \"Asia/Shanghai\"".into())
        }
        Form::Date => ("a day without quotes, such as 2026-11-01".into(), "不带引号的日期，如 2026-11-01".into()),
        Form::History => (
            "\"none\", \"all\", or a day without quotes, such as 2026-11-01".into(),
            "\"none\"、\"all\" 或不带引号的日期，如 2026-11-01".into(),
        ),
        Form::Degrees(most) => (
            format!("degrees as a decimal number from -{most} to {most}, such as 31.2304"),
            format!("-{most} 到 {most} 之间的十进制度数，如 31.2304"),
        ),
    }
}

fn show_seconds(seconds: u64) -> String {
    show_duration(std::time::Duration::from_secs(seconds))
}

/// Checks a value that is no secret.
pub(super) fn value(check: &mut Check<'_>, key: &str, shape: &Shape, node: &Node) -> Option<Value> {
    let fits = match (shape, &node.raw) {
        (Shape::Text, Raw::Text(text)) => return plain_text(check, key, node, text).map(Value::Text),
        (Shape::Word(words), Raw::Text(text)) => {
            let found = words.iter().find(|word| *word == text).map(|word| Value::Text((*word).to_owned()));
            if found.is_none() {
                unknown_word(check, key, node, text, shape, nearest(text, words.iter().copied()));
                return None;
            }
            found
        }
        (Shape::Integer(from, to), Raw::Integer(Some(number))) => {
            (from..=to).contains(&number).then_some(Value::Integer(*number))
        }
        (Shape::Boolean, Raw::Boolean(truth)) => Some(Value::Boolean(*truth)),
        (Shape::Duration(from, to), Raw::Text(text)) => {
            parse_duration(text).filter(|length| (*from..=*to).contains(&length.as_secs())).map(Value::Duration)
        }
        (Shape::Endpoint(port), Raw::Text(text)) => parse_endpoint(text, *port).map(Value::Endpoint),
        (Shape::Line, Raw::Text(text)) => Place::parse(text.trim()).map(Value::Line),
        (Shape::Texts, Raw::Array(nodes)) if nodes.len() <= MAX_TEXTS => {
            let mut texts = Vec::with_capacity(nodes.len());
            for node in nodes {
                let Raw::Text(text) = &node.raw else {
                    wrong(check, key, node, right(shape));
                    return None;
                };
                texts.push(plain_text(check, key, node, text)?);
            }
            Some(Value::Texts(texts))
        }
        (Shape::Integers(from, to), Raw::Array(nodes)) if nodes.len() <= MAX_TEXTS => {
            let number = |node: &Node| match &node.raw {
                Raw::Integer(Some(number)) if (*from..=*to).contains(number) => Some(*number),
                _ => None,
            };
            nodes.iter().map(number).collect::<Option<Vec<_>>>().map(Value::Integers)
        }
        _ => None,
    };
    if fits.is_none() {
        wrong(check, key, node, right(shape));
    }
    fits
}

/// Checks a value of one of our own forms; secrets are fetched elsewhere.
pub(super) fn form(check: &mut Check<'_>, key: &str, form: &Form, node: &Node) -> Option<Checked> {
    let fits = match (form, &node.raw) {
        (Form::Shape(shape), _) => return value(check, key, shape, node).map(Checked::Value),
        (Form::Zone, Raw::Text(name)) => match Zone::find(name) {
            Ok(zone) => {
                zone_of_other_sign(check, key, node, &zone);
                return Some(Checked::Zone(zone));
            }
            Err(nearest) => {
                let (en, zh) = meant(nearest.as_deref());
                let (note_en, note_zh) = Odd::note(name);
                let shown: String = name.chars().take(60).collect();
                check.findings.mistake(
                    node.at,
                    format!(
                        "no time zone is called {shown:?}{en}: `{key}` wants the name of a place, such as \"Asia/Shanghai\" for all of China{note_en}"
                    ),
                    format!("没有名为 {shown:?} 的时区{zh}：`{key}` 应为地点名称，全中国都写 \"Asia/Shanghai\"{note_zh}"),
                );
                return None;
            }
        },
        (Form::Date, Raw::Datetime(moment)) => day(moment).map(Checked::Date),
        (Form::History, Raw::Datetime(moment)) => day(moment).map(|day| Checked::History(History::From(day))),
        (Form::History, Raw::Text(word)) => match word.as_str() {
            "none" => Some(Checked::History(History::None)),
            "all" => Some(Checked::History(History::All)),
            _ => None,
        },
        (Form::Degrees(most), Raw::Float(Some(degrees))) => in_degrees(*degrees, *most),
        (Form::Degrees(most), Raw::Integer(Some(degrees))) => {
            i16::try_from(*degrees).ok().and_then(|degrees| in_degrees(f64::from(degrees), *most))
        }
        _ => None,
    };
    if fits.is_none() {
        wrong(check, key, node, right_form(form));
    }
    fits
}

fn day(moment: &toml::value::Datetime) -> Option<jiff::civil::Date> {
    let (Some(date), None) = (moment.date, moment.time) else { return None };
    let (year, month, day) =
        (i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    jiff::civil::Date::new(year, month, day).ok()
}

/// Names that exist and are seldom what is meant. `Etc/GMT+8` counts the other way round from what people write: it is the time of Los Angeles in winter.
fn zone_of_other_sign(check: &mut Check<'_>, key: &str, node: &Node, zone: &Zone) {
    if ["Asia/Urumqi", "Asia/Kashgar"].contains(&zone.name.as_str()) {
        let name = &zone.name;
        check.findings.warning(
            node.at,
            format!("`{key}`: {name} is two hours behind Beijing time; where the terminals' clocks show Beijing time, write \"Asia/Shanghai\""),
            format!("`{key}`：{name} 比北京时间晚两小时；若终端时钟显示北京时间，请写 \"Asia/Shanghai\""),
        );
    }
    let Some(hours) = zone.name.strip_prefix("Etc/GMT").filter(|hours| hours.len() > 1 && !hours.ends_with('0')) else {
        return;
    };
    let (name, behind) = (&zone.name, hours.starts_with('+'));
    let (en, zh) = if behind { ("behind", "晚于") } else { ("ahead of", "早于") };
    let hours = hours.trim_start_matches(['+', '-']);
    check.findings.warning(
        node.at,
        format!("`{key}`: {name} is {hours} hours {en} UTC, the other way round from what is written; China is \"Asia/Shanghai\""),
        format!("`{key}`：{name} 的符号与习惯相反，实际{zh} UTC {hours} 小时；中国请写 \"Asia/Shanghai\""),
    );
}

fn in_degrees(degrees: f64, most: u8) -> Option<Checked> {
    (degrees.abs() <= f64::from(most)).then_some(Checked::Degrees(degrees))
}

/// Says what would be right, and what kind of thing was found; never its content, which may be a misplaced secret.
fn wrong(check: &mut Check<'_>, key: &str, node: &Node, (en, zh): (String, String)) {
    let (found_en, found_zh) = node.raw.called();
    let (note_en, note_zh) = match &node.raw {
        Raw::Text(text) if text.contains("://") => (
            "; leave out what stands before the address (http://) and after it".to_owned(),
            "；请去掉前面的协议（http://）和后面的路径，只留地址".to_owned(),
        ),
        Raw::Text(text) => Odd::note(text),
        _ => (String::new(), String::new()),
    };
    check.findings.mistake(
        node.at,
        format!("`{key}` cannot be this ({found_en}): it wants {en}{note_en}"),
        format!("`{key}` 的值不对（现为{found_zh}）：应为{zh}{note_zh}"),
    );
}

fn unknown_word(check: &mut Check<'_>, key: &str, node: &Node, text: &str, shape: &Shape, near: Option<&str>) {
    let (en, zh) = right(shape);
    let (near_en, near_zh) = meant(near);
    let shown: String = text.chars().take(60).collect();
    let (note_en, note_zh) = Odd::note(text);
    check.findings.mistake(
        node.at,
        format!("`{key}` cannot be {shown:?}{near_en}: it wants {en}{note_en}"),
        format!("`{key}` 不能是 {shown:?}{near_zh}：应为{zh}{note_zh}"),
    );
}

/// `, did you mean …`, or nothing.
pub(super) fn meant(near: Option<&str>) -> (String, String) {
    match near {
        Some(near) => (format!(" (did you mean \"{near}\"?)"), format!("（是不是 \"{near}\"？）")),
        None => (String::new(), String::new()),
    }
}

fn plain_text(check: &mut Check<'_>, key: &str, node: &Node, text: &str) -> Option<String> {
    if text.trim().is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        check.findings.mistake(
            node.at,
            format!("`{key}` wants one line of text, neither empty nor longer than {MAX_TEXT} bytes; leave the key out if there is nothing to say"),
            format!("`{key}` 应为一行文本，不能为空，不超过 {MAX_TEXT} 字节；不需要时请删去该项"),
        );
        return None;
    }
    Some(text.trim().to_owned())
}

/// `host`, `host:port`, `[v6]:port`, `v6`.
pub(super) fn parse_endpoint(text: &str, default_port: u16) -> Option<Endpoint> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
        (text, None)
    } else {
        match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() || host.len() > 253 || !(host.contains(':') || host.chars().all(named)) {
        return None;
    }
    // Four numbers that are no address are a slip, not a name.
    let numeric = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    if numeric && host.parse::<std::net::Ipv4Addr>().is_err() {
        return None;
    }
    let port = match port {
        Some(port) if port.chars().all(|c| c.is_ascii_digit()) => port.parse().ok()?,
        Some(_) => return None,
        None => default_port,
    };
    (port != 0).then(|| Endpoint { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_endpoint_is_a_host_with_or_without_its_port() {
        let shown = |text| parse_endpoint(text, 4370).map(|endpoint| endpoint.to_string());
        assert_eq!(shown("10.0.0.8").as_deref(), Some("10.0.0.8:4370"));
        assert_eq!(shown("gate.lan:99").as_deref(), Some("gate.lan:99"));
        assert_eq!(shown("[fe80::1]:80").as_deref(), Some("[fe80::1]:80"));
        assert_eq!(shown("fe80::1").as_deref(), Some("[fe80::1]:4370"));
        for wrong in ["", ":80", "10.0.0.256", "10.0.0", "a b", "http://x", "x:0", "x:65536", "x:+5", "[::1", "[::1]80"]
        {
            assert_eq!(shown(wrong), None, "{wrong:?}");
        }
        assert_eq!(parse_endpoint("host", 0), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_endpoint_panic(text in "\\PC{0,40}") {
            let _ = parse_endpoint(&text, 1);
        }
    }
}
