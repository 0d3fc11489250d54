//! Which configuration is in effect, and what is wrong with the file since.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use punchd_contract::{Health, Text};

use crate::clock::{Clock, UnixMillis};
use crate::config::Mistakes;

/// What was read, and when.
#[derive(Clone, Debug)]
pub(super) struct Read {
    at: UnixMillis,
    /// Why the last reload changed nothing.
    pub(super) trouble: Option<Text>,
}

impl Read {
    /// Just read and in effect.
    pub(super) fn now(clock: &dyn Clock) -> Self {
        Self { at: clock.now().time, trouble: None }
    }

    /// The sentence.
    pub(super) fn health(&self, zone: &TimeZone, now: UnixMillis) -> Health {
        let at = shown(self.at, now, zone);
        match &self.trouble {
            None => Health::working(Text::new(
                format!("Running with the configuration of {at}."),
                format!("正在使用 {at} 读取的配置。"),
            )),
            Some(Text { en, zh }) => Health::warning(Text::new(
                format!(
                    "Running with the configuration of {at}; {en}. See `punchd check`, correct it, then `systemctl reload punchd`; as it is, punchd does not start again."
                ),
                format!(
                    "正在使用 {at} 读取的配置；{zh}。请运行 `punchd check`，改正后执行 `systemctl reload punchd`；现状下 punchd 无法重新启动。"
                ),
            )),
        }
    }
}

/// `the file has 2 mistakes, the first in punchd.toml:3:1`.
pub(super) fn in_short(mistakes: &Mistakes) -> Text {
    let count = mistakes.list.len() + mistakes.more;
    let first = mistakes.list.first().map(|first| first.spot.to_string()).unwrap_or_default();
    let en = if count == 1 { "1 mistake, in".to_owned() } else { format!("{count} mistakes, the first in") };
    Text::new(format!("the file has {en} {first}"), format!("文件有 {count} 处错误，首处在 {first}"))
}

/// `13:02`, with its day where that is another one.
fn shown(at: UnixMillis, now: UnixMillis, zone: &TimeZone) -> String {
    let civil = |moment: UnixMillis| Timestamp::from_millisecond(moment.0).ok().map(|moment| zone.to_datetime(moment));
    match (civil(at), civil(now)) {
        (Some(at), Some(now)) if at.date() == now.date() => at.strftime("%H:%M").to_string(),
        (Some(at), _) => at.strftime("%Y-%m-%d %H:%M").to_string(),
        _ => at.0.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_reload_is_told_with_the_time_of_what_is_in_effect() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Asia/Shanghai").unwrap();
        let (at, hour) = (UnixMillis(1_793_595_720_000), 3_600_000);
        let trouble = Some(Text::new("the file has 1 mistake, in punchd.toml:3:1", "文件有 1 处错误"));
        let said = Read { at, trouble }.health(&zone, UnixMillis(at.0 + hour)).text.en;
        assert!(said.contains("the configuration of 13:02; the file has 1 mistake"), "{said}");
        let later = Read { at, trouble: None }.health(&zone, UnixMillis(at.0 + 48 * hour)).text.en;
        assert!(later.contains("2026-11-02 13:02"), "{later}");
    }
}
