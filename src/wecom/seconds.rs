//! A time as WeCom counts it: whole seconds since 1970, never milliseconds.

use serde::{Deserialize, Serialize};

/// Unix seconds. Milliseconds of any date after 1978 are outside the range, so the two cannot be mixed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct UnixSeconds(i64);

/// A number that is no time in seconds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a time in Unix seconds (1970 to 9999): milliseconds must be divided by 1000")]
pub struct SecondsError(pub i64);

impl UnixSeconds {
    /// The last second of the year 9999.
    const LAST: i64 = 253_402_300_799;

    /// Checks and wraps.
    pub fn new(seconds: i64) -> Result<Self, SecondsError> {
        if (0..=Self::LAST).contains(&seconds) { Ok(Self(seconds)) } else { Err(SecondsError(seconds)) }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// This many seconds later (or earlier), held inside the range.
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds).clamp(0, Self::LAST))
    }
}

impl TryFrom<i64> for UnixSeconds {
    type Error = SecondsError;
    fn try_from(seconds: i64) -> Result<Self, SecondsError> {
        Self::new(seconds)
    }
}

impl TryFrom<jiff::Timestamp> for UnixSeconds {
    type Error = SecondsError;
    /// The second in which the moment lies.
    fn try_from(time: jiff::Timestamp) -> Result<Self, SecondsError> {
        Self::new(time.as_second())
    }
}

impl From<UnixSeconds> for i64 {
    fn from(seconds: UnixSeconds) -> i64 {
        seconds.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_not_taken_for_seconds() {
        assert_eq!(UnixSeconds::new(1_705_899_000).unwrap().get(), 1_705_899_000);
        assert!(UnixSeconds::new(1_705_899_000_000).is_err());
        assert!(UnixSeconds::new(-1).is_err());
    }

    #[test]
    fn moving_a_time_stays_inside_the_range() {
        assert_eq!(UnixSeconds::new(5).unwrap().plus(-10).get(), 0);
        assert_eq!(UnixSeconds::new(5).unwrap().plus(i64::MAX).get(), UnixSeconds::LAST);
    }
}
