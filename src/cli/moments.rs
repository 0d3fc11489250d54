//! Times and lengths of time as people read them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use punchd_contract::Text;

/// The zone of this name, from the database that is built in; UTC for a name that nobody knows.
pub fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
}

/// `2026-11-02 08:01:05`, in this zone.
pub fn at(second: i64, zone: &TimeZone) -> String {
    match Timestamp::from_second(second) {
        Ok(moment) => zone.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => second.to_string(),
    }
}

/// The day of this moment, in this zone.
pub fn day(second: i64, zone: &TimeZone) -> Option<Date> {
    Some(zone.to_datetime(Timestamp::from_second(second).ok()?).date())
}

/// `42 s`, `12 min`, `5 h 3 min`, `8 d 2 h`.
pub fn length(seconds: u64) -> Text {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..=119 => Text::new(format!("{seconds} s"), format!("{seconds} 秒")),
        120..=7199 => Text::new(format!("{minutes} min"), format!("{minutes} 分钟")),
        7200..=172_799 => {
            Text::new(format!("{hours} h {} min", minutes % 60), format!("{hours} 小时 {} 分", minutes % 60))
        }
        _ => Text::new(format!("{days} d {} h", hours % 24), format!("{days} 天 {} 小时", hours % 24)),
    }
}

/// How long ago, by a clock that shows `now_ms`.
pub fn ago(then_ms: i64, now_ms: i64) -> Text {
    length(now_ms.saturating_sub(then_ms).max(0).unsigned_abs() / 1000)
}

/// `+3 s`, `-95 s`, `+12 min`: a clock's error.
pub fn offset(ms: i64) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    let text = length(ms.unsigned_abs().div_ceil(1000)).en;
    if ms.unsigned_abs() < 1000 { "0 s".to_owned() } else { format!("{sign}{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_the_zone_of_its_device() {
        assert_eq!(at(1_793_620_800, &zone("Asia/Shanghai")), "2026-11-02 20:00:00");
        assert_eq!(at(1_793_620_800, &zone("UTC")), "2026-11-02 12:00:00");
        assert_eq!(day(1_793_620_800, &zone("Pacific/Auckland")).unwrap().to_string(), "2026-11-03");
    }

    #[test]
    fn lengths_and_offsets_keep_the_units_that_matter() {
        let en = |seconds| length(seconds).en;
        assert_eq!([en(42), en(150), en(7300), en(700_000)], ["42 s", "2 min", "2 h 1 min", "8 d 2 h"]);
        assert_eq!([offset(300), offset(-95_000), offset(720_000)], ["0 s", "-95 s", "+12 min"]);
    }
}
