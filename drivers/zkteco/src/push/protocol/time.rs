//! Times on the wire: record times, the terminal's zone, the `Date` header, and the number of the security dialect.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

use super::written_time::{self, WrittenTime};

/// A record's time by the terminal's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamped {
    /// A time that exists.
    Civil(DateTime),
    /// Written like a time, but there is no such day or hour; as sent.
    Impossible(String),
}

impl From<&WrittenTime> for Stamped {
    fn from(written: &WrittenTime) -> Self {
        written.civil.map_or_else(|| Self::Impossible(written.text.clone()), Self::Civil)
    }
}

impl Stamped {
    /// Reads `2026-01-05 08:00:00` (also with `/` or `T`). `None`: not written like a time; digits alone never are.
    pub fn parse(text: &str) -> Option<Self> {
        written_time::whole(text).as_ref().map(Self::from)
    }

    /// Reads the number of A.8, which some fields of the security dialect hold (`time_second`), or a written time.
    pub fn parse_number(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Self::parse(text);
        }
        let read = text.parse().ok().and_then(from_number);
        Some(read.map_or_else(|| Self::Impossible(text.to_owned()), Self::Civil))
    }

    /// The time, if there is such a one.
    pub fn civil(&self) -> Option<DateTime> {
        match self {
            Self::Civil(time) => Some(*time),
            Self::Impossible(_) => None,
        }
    }

    /// The part of a record's key: the same however the firmware pads it.
    pub fn key(&self) -> String {
        match self {
            Self::Civil(time) => written(*time),
            Self::Impossible(text) => text.clone(),
        }
    }
}

/// As terminals write it.
pub fn written(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time number of facts/terminals.md A.8.
pub fn to_number(time: DateTime) -> u32 {
    let part = |value: i8| u32::try_from(value).unwrap_or(0);
    let year = u32::from(time.year().unsigned_abs()) % 100;
    let days = year * 12 * 31 + (part(time.month()) - 1) * 31 + part(time.day()) - 1;
    days * 86_400 + part(time.hour()) * 3600 + part(time.minute()) * 60 + part(time.second())
}

/// The time behind a number of A.8; `None` for days that do not exist (every month has 31 slots).
pub fn from_number(number: u32) -> Option<DateTime> {
    let (days, seconds) = (number / 86_400, number % 86_400);
    let date = Date::new(
        i16::try_from(2000 + days / 372).ok()?,
        i8::try_from(days / 31 % 12 + 1).ok()?,
        i8::try_from(days % 31 + 1).ok()?,
    )
    .ok()?;
    let small = |value: u32| i8::try_from(value).ok();
    Some(date.at(small(seconds / 3600)?, small(seconds / 60 % 60)?, small(seconds % 60)?, 0))
}

/// What the zone is ahead of UTC at this moment, in minutes: summer time is in it.
pub fn minutes_ahead(zone: &TimeZone, at: Timestamp) -> i32 {
    zone.to_offset(at).seconds() / 60
}

/// The `TimeZone` option: hours from −12 to 12, minutes beyond ±60 (facts/terminals.md B.2).
pub fn zone_option(minutes: i32) -> String {
    let hours = minutes / 60;
    let whole = minutes % 60 == 0 && (-12..=12).contains(&hours);
    // From −60 to 60 only whole hours can be said; no zone in use lies between them.
    if whole || minutes.abs() <= 60 { hours.to_string() } else { minutes.to_string() }
}

/// How a terminal reads the `TimeZone` option.
pub fn from_zone_option(text: &str) -> Option<Offset> {
    let number: i32 = text.trim().parse().ok()?;
    let minutes = if (-12..=12).contains(&number) { number * 60 } else { number };
    Offset::from_seconds(minutes.checked_mul(60)?).ok()
}

/// `+0800`, as the security dialect wants it.
pub fn zone_sign(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// The `Date` header; it sets the terminal's clock (facts/terminals.md B.1).
pub fn date_header(now: Timestamp) -> String {
    now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_that_does_not_exist_is_impossible_and_words_are_no_time() {
        let time = date(2026, 1, 5).at(8, 0, 0, 0);
        assert_eq!(Stamped::parse("2026-01-05 08:00:00"), Some(Stamped::Civil(time)));
        assert_eq!(Stamped::parse("2026/1/5T8:00:00"), Some(Stamped::Civil(time)));
        assert_eq!(Stamped::parse("2026-02-31 08:00:00"), Some(Stamped::Impossible("2026-02-31 08:00:00".into())));
        assert_eq!(Stamped::parse("0000-00-00 00:00:00").and_then(|at| at.civil()), None);
        assert_eq!(Stamped::parse("not-a-date"), None);
        assert_eq!(Stamped::parse(""), None);
        assert_eq!((Stamped::parse("0"), Stamped::parse("862560000")), (None, None));
        assert_eq!(Stamped::parse_number("862560000"), Some(Stamped::Civil(date(2026, 11, 2).at(8, 0, 0, 0))));
    }

    #[test]
    fn zones_of_half_an_hour_go_in_minutes() {
        assert_eq!(zone_option(480), "8");
        assert_eq!(zone_option(330), "330");
        assert_eq!(zone_option(-210), "-210");
        assert_eq!(zone_option(13 * 60), "780");
        assert_eq!(zone_option(-60), "-1");
        assert_eq!(zone_option(0), "0");
        for minutes in [480, 330, -210, 780, -60, 0] {
            let read = from_zone_option(&zone_option(minutes)).map(|offset| offset.seconds() / 60);
            assert_eq!(read, Some(minutes));
        }
    }

    #[test]
    fn summer_time_moves_the_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(minutes_ahead(&zone, "2026-01-05T00:00:00Z".parse().unwrap()), 60);
        assert_eq!(minutes_ahead(&zone, "2026-07-05T00:00:00Z".parse().unwrap()), 120);
    }

    #[test]
    fn the_date_header_is_in_the_form_of_http() {
        assert_eq!(date_header("2026-01-05T08:07:06Z".parse().unwrap()), "Mon, 05 Jan 2026 08:07:06 GMT");
    }

    proptest! {
        #[test]
        fn any_number_is_a_time_or_none_and_times_come_back(number in any::<u32>()) {
            if let Some(time) = from_number(number)
                && time.year() < 2100
            {
                prop_assert_eq!(to_number(time), number);
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = (Stamped::parse(&text), Stamped::parse_number(&text));
        }
    }
}
