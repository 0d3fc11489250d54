//! Times of a terminal: one number in records, six bytes in events (facts/terminals.md A.8).

use jiff::civil::{Date, DateTime, Time};

/// A record's time as the terminal keeps it: seconds in a calendar in which every month has 31 days, since 2000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawTime(pub u32);

const DAY: u32 = 86_400;

impl RawTime {
    /// The local civil time, or nothing for a date that does not exist, such as 31 February.
    pub fn civil(self) -> Option<DateTime> {
        let (days, seconds) = (self.0 / DAY, self.0 % DAY);
        let (months, day) = (days / 31, days % 31 + 1);
        let (year, month) = (2000 + months / 12, months % 12 + 1);
        let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let time = clock(seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        Some(date.to_datetime(time))
    }

    /// The number for a civil time from 2000 to 2099; parts of a second are cut off.
    pub fn from_civil(at: DateTime) -> Option<Self> {
        let year = u32::try_from(at.year()).ok()?.checked_sub(2000).filter(|year| *year < 100)?;
        let month = u32::try_from(at.month() - 1).ok()?;
        let day = u32::try_from(at.day() - 1).ok()?;
        let [hour, minute, second] = [at.hour(), at.minute(), at.second()].map(|part| u32::from(part.unsigned_abs()));
        Some(Self(((year * 12 + month) * 31 + day) * DAY + hour * 3600 + minute * 60 + second))
    }
}

/// The six bytes of an event: year − 2000, month, day, hour, minute, second.
pub fn civil_of_six(six: &[u8; 6]) -> Option<DateTime> {
    let [year, month, day, hour, minute, second] = *six;
    let date = Date::new(2000 + i16::from(year), i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(date.to_datetime(clock(hour.into(), minute.into(), second.into())?))
}

/// The six bytes for a civil time from 2000 to 2255.
pub fn six_of_civil(at: DateTime) -> Option<[u8; 6]> {
    let year = u8::try_from(at.year().checked_sub(2000)?).ok()?;
    let [month, day, hour, minute, second] =
        [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(i8::unsigned_abs);
    Some([year, month, day, hour, minute, second])
}

fn clock(hour: u32, minute: u32, second: u32) -> Option<Time> {
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?, 0).ok()
}
