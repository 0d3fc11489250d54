//! How a destination is, in one sentence.

use std::time::Duration;

use punchd_contract::{Condition, Health, Text};

use super::queries::Summary;
use super::retry::Hindrance;

/// An undelivered punch of this age wants a look.
const OLD: Duration = Duration::from_secs(15 * 60);
/// So many failures in a row are no accident.
const NO_ACCIDENT: u32 = 3;

/// What is known besides what the journal holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mood<'a> {
    /// What keeps it from delivering, and how often in a row.
    pub sending: Option<(&'a Hindrance, u32)>,
    /// What keeps it from reading back.
    pub reading: Option<(&'a Hindrance, u32)>,
    /// Whether the gateway's clock can be trusted.
    pub clock_trusted: bool,
    pub now_ms: i64,
    pub name: &'a str,
    /// In how long it is tried again, while something keeps it from delivering.
    pub next_try: Option<Duration>,
}

/// The sentence: what is wrong first, then what waits and for how long, then what a person has to decide.
pub(super) fn health(summary: &Summary, mood: Mood<'_>) -> Health {
    let mut said: Vec<(Condition, Text)> = Vec::new();
    let mut say = |worse: Condition, text: Text| said.push((worse, text));
    let trouble = |hindrance: &Hindrance, in_a_row: u32| match hindrance {
        Hindrance::Stopped(_) | Hindrance::NoToken(_) => Condition::Fault,
        Hindrance::Limited(_) => Condition::Warning,
        _ if in_a_row >= NO_ACCIDENT => Condition::Fault,
        _ => Condition::Warning,
    };
    let waiting = summary.waiting + summary.sending + summary.in_doubt;
    if let Some(paused) = &summary.paused {
        say(Condition::Warning, paused.text(mood.name));
    }
    // A call that broke is over when what it carried was found by reading back; a wrong setting is wrong until a call went well.
    let sending = mood.sending.filter(|(hindrance, _)| waiting > 0 || hindrance.stop().is_some());
    if let Some((hindrance, in_a_row)) = sending {
        let Text { en, zh } = hindrance.text();
        let (next_en, next_zh) = mood.next_try.map(next_try).unwrap_or_default();
        say(trouble(hindrance, in_a_row), Text::new(format!("{en}{next_en}"), format!("{zh}{next_zh}")));
    }
    if let (Some((hindrance, in_a_row)), true) = (mood.reading, summary.in_doubt > 0) {
        let Text { en, zh } = hindrance.text();
        say(
            trouble(hindrance, in_a_row),
            Text::new(
                format!("What is in doubt cannot be read back. {en}"),
                format!("无法回读核对结果不明的打卡。{zh}"),
            ),
        );
    }
    if waiting > 0 {
        let age = Duration::from_millis(
            summary.oldest_since_ms.map_or(0, |since| mood.now_ms.saturating_sub(since)).max(0).unsigned_abs(),
        );
        let worse = if age >= OLD { Condition::Warning } else { Condition::Working };
        let (en, zh) = words(age);
        let doubt = match summary.in_doubt {
            0 => Text::new("", ""),
            n => Text::new(format!(", {n} of them in doubt"), format!("，其中 {n} 条结果不明")),
        };
        say(
            worse,
            Text::new(
                format!("{} on the way{}, the oldest for {en}.", punches(waiting), doubt.en),
                format!("{waiting} 条打卡待上传{}，最早的已等待 {zh}。", doubt.zh),
            ),
        );
        let future = summary.waiting > 0 && summary.oldest_waiting_s.is_some_and(|s| s > mood.now_ms.div_euclid(1000));
        let hindered = mood.sending.is_some() || mood.reading.is_some() || worse > Condition::Working;
        if future || (!mood.clock_trusted && hindered) {
            say(
                Condition::Warning,
                Text::new(
                    "The gateway's clock is not known to be right: check its date and its time source.",
                    "网关时钟未经确认：请检查日期与时间源。",
                ),
            );
        }
    }
    if summary.parked > 0 {
        say(
            Condition::Warning,
            Text::new(
                format!("{} parked: see `punchd deliveries --state parked`.", punches(summary.parked)),
                format!("{} 条打卡需人工处理：请运行 `punchd deliveries --state parked`。", summary.parked),
            ),
        );
    }
    if summary.invisible > 0 {
        say(
            Condition::Warning,
            Text::new(
                format!(
                    "{} accepted but not visible in WeCom, probably because no punch rule covers the persons: see `punchd deliveries --state delivered`.",
                    punches(summary.invisible)
                ),
                format!(
                    "{} 条打卡已被接受但企业微信中不可见，很可能没有打卡规则覆盖：请运行 `punchd deliveries --state delivered`。",
                    summary.invisible
                ),
            ),
        );
    }
    if said.is_empty() {
        said.push((Condition::Working, Text::new("Every punch that counts is delivered.", "计入的打卡均已上传。")));
    }
    let condition = said.iter().map(|(condition, _)| *condition).max().unwrap_or(Condition::Working);
    let join =
        |part: fn(&Text) -> &str, glue: &str| said.iter().map(|(_, text)| part(text)).collect::<Vec<_>>().join(glue);
    Health { condition, text: Text::new(join(|text| &text.en, " "), join(|text| &text.zh, "")) }
}

/// When it is tried again; a pause of some seconds is not worth a word.
fn next_try(after: Duration) -> (String, String) {
    match after.as_secs() {
        0..=9 => (String::new(), String::new()),
        s @ 10..=119 => (
            format!(" Next try in {s} s; at once: `punchd deliveries retry --now`."),
            format!("{s} 秒后重试；立即重试：`punchd deliveries retry --now`。"),
        ),
        s => (
            format!(" Next try in {} min; at once: `punchd deliveries retry --now`.", s.div_ceil(60)),
            format!("{} 分钟后重试；立即重试：`punchd deliveries retry --now`。", s.div_ceil(60)),
        ),
    }
}

fn punches(n: u64) -> String {
    if n == 1 { "1 punch is".to_owned() } else { format!("{n} punches are") }
}

fn words(age: Duration) -> (String, String) {
    let minutes = age.as_secs() / 60;
    match minutes {
        0 => ("less than a minute".into(), "不到一分钟".into()),
        1..=119 => (format!("{minutes} min"), format!("{minutes} 分钟")),
        120..=2879 => (format!("{} h", minutes / 60), format!("{} 小时", minutes / 60)),
        _ => (format!("{} days", minutes / 1440), format!("{} 天", minutes / 1440)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wecom::{Refusal, Unknown};

    const NOW: i64 = 1_793_620_800_000;
    const QUIET: Mood<'_> =
        Mood { sending: None, reading: None, clock_trusted: true, now_ms: NOW, name: "wecom", next_try: None };

    #[test]
    fn all_is_well_when_nothing_is_left() {
        assert_eq!(health(&Summary::default(), QUIET).condition, Condition::Working);
    }

    #[test]
    fn an_old_punch_is_a_warning_and_a_young_one_is_not() {
        let waits =
            |minutes: i64| Summary { waiting: 3, oldest_since_ms: Some(NOW - minutes * 60_000), ..Summary::default() };
        assert_eq!(health(&waits(5), QUIET).condition, Condition::Working);
        let old = health(&waits(200), QUIET);
        assert_eq!(old.condition, Condition::Warning);
        assert!(old.text.en.contains("3 punches") && old.text.en.contains("3 h"), "{}", old.text.en);
    }

    #[test]
    fn a_stopped_destination_is_a_fault_at_once_and_a_silent_one_soon() {
        let stopped = Hindrance::Stopped(Refusal { code: 48002, message: String::new() });
        let said = health(&Summary::default(), Mood { sending: Some((&stopped, 1)), ..QUIET });
        assert_eq!(said.condition, Condition::Fault);
        assert!(said.text.en.contains("可调用接口的应用"), "{}", said.text.en);
        let silent = Hindrance::Broken(Unknown::Timeout);
        let waits = Summary { waiting: 1, ..Summary::default() };
        let after = |n| health(&waits, Mood { sending: Some((&silent, n)), ..QUIET }).condition;
        assert_eq!([after(1), after(2), after(3)], [Condition::Warning, Condition::Warning, Condition::Fault]);
    }

    #[test]
    fn the_next_try_of_a_stopped_destination_is_told() {
        let stopped = Hindrance::Stopped(Refusal { code: 48002, message: String::new() });
        let in_s = |s| Mood { sending: Some((&stopped, 1)), next_try: Some(Duration::from_secs(s)), ..QUIET };
        let said = |s| health(&Summary::default(), in_s(s)).text;
        assert!(said(290).en.ends_with("Next try in 5 min; at once: `punchd deliveries retry --now`."));
        assert!(said(290).zh.ends_with("5 分钟后重试；立即重试：`punchd deliveries retry --now`。"));
        assert!(said(30).en.ends_with("Next try in 30 s; at once: `punchd deliveries retry --now`."));
        assert!(!said(3).en.contains("Next try"));
    }

    #[test]
    fn a_clock_that_is_not_trusted_is_named_where_something_is_wrong() {
        let silent = Hindrance::Broken(Unknown::Timeout);
        let waits = Summary { waiting: 1, oldest_since_ms: Some(NOW), ..Summary::default() };
        let mood = Mood { sending: Some((&silent, 1)), clock_trusted: false, ..QUIET };
        assert!(health(&waits, mood).text.en.contains("clock"));
        assert!(!health(&waits, Mood { clock_trusted: false, ..QUIET }).text.en.contains("clock"));
    }

    #[test]
    fn what_a_person_has_to_look_at_is_counted() {
        let said = health(&Summary { parked: 1, invisible: 2, ..Summary::default() }, QUIET);
        assert_eq!(said.condition, Condition::Warning);
        assert!(said.text.en.contains("1 punch is parked") && said.text.en.contains("2 punches are accepted"));
    }
}
