//! When something was noticed, as evidence: boot, boot time, the wall clock as read, and how good that was.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A boot of this machine, as the kernel names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootId(pub String);

/// Nanoseconds since boot, suspended time included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BootNanos(pub i64);

impl BootNanos {
    /// So much earlier in the same boot.
    pub fn before(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// Milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Whole seconds, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
    /// As a timestamp; out of range becomes the nearest end.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

/// How good the wall clock was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// The kernel says that something keeps it synchronised.
    Synchronised,
    /// True time was learned in this boot; the bound has grown since, and with every step.
    Holdover,
    /// Nothing synchronises it, but a battery or the machine's host keeps it going while the machine is off.
    Kept,
    /// Not synchronised in this boot, and started from nowhere.
    Unknown,
}

impl Quality {
    /// The number that the journal stores.
    pub fn code(self) -> i64 {
        match self {
            Self::Synchronised => 0,
            Self::Holdover => 1,
            Self::Unknown => 2,
            Self::Kept => 3,
        }
    }

    /// From the number that the journal stores; what it does not know is not trusted.
    pub fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Synchronised,
            1 => Self::Holdover,
            3 => Self::Kept,
            _ => Self::Unknown,
        }
    }
}

/// When something was noticed, as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The boot.
    pub boot: BootId,
    /// Since that boot.
    pub boottime: BootNanos,
    /// The wall clock as read.
    pub wall: UnixMillis,
    /// How good it was.
    pub quality: Quality,
    /// How far off it can have been; `None` where nothing is known.
    pub bound: Option<Duration>,
}

impl Stamp {
    /// The stamp of what was there so long before it was noticed.
    pub fn ago(self, length: Duration) -> Self {
        let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        let (boottime, wall) = (self.boottime.before(length), UnixMillis(self.wall.0.saturating_sub(millis)));
        Self { boottime, wall, ..self }
    }

    /// Whether the wall clock can be used as the true time.
    pub fn trusted(&self, within: Duration) -> bool {
        self.bound.is_some_and(|bound| bound <= within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noticed_late_is_stamped_when_it_was_there_by_both_clocks() {
        let (boottime, wall) = (BootNanos(90_000_000_000), UnixMillis(1_793_577_600_400));
        let stamp = Stamp { boot: BootId("b".into()), boottime, wall, quality: Quality::Synchronised, bound: None };
        let before = stamp.clone().ago(Duration::from_millis(1000));
        assert_eq!((before.boottime, before.wall), (BootNanos(89_000_000_000), UnixMillis(1_793_577_599_400)));
        assert_eq!((&before.boot, before.quality), (&stamp.boot, stamp.quality));
        assert_eq!(stamp.clone().ago(Duration::ZERO), stamp);
    }
}
