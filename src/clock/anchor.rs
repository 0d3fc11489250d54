//! What ties the boot time of one boot to true time, and who said so.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stamp::{BootId, BootNanos, Stamp, UnixMillis};

/// How fast an uncontrolled crystal may drift, in parts per million: four times what a Pi's usually does (facts/anchors.md 3).
pub const DRIFT_PPM: u64 = 80;

/// Ties the boot time of one boot to true time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The boot.
    pub boot: BootId,
    /// The moment in that boot.
    pub boottime: BootNanos,
    /// The true time of that moment.
    pub true_time: UnixMillis,
    /// How far off `true_time` can be.
    pub bound: Duration,
    /// Who said so.
    pub source: AnchorSource,
}

/// Where an anchor came from. What counts among those that agree is the bound; where they cannot both be right, the system clock
/// while synchronised is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorSource {
    /// The system clock while synchronised.
    System,
    /// A terminal whose clock had been checked.
    Terminal,
    /// The `Date` header of WeCom's answer, over verified TLS.
    Wecom,
    /// The clock that a battery or the host keeps, as it was first seen in the boot. Proves order, dates nothing by itself.
    Kept,
    /// A person.
    Person,
}

impl AnchorSource {
    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Terminal => "terminal",
            Self::Wecom => "wecom",
            Self::Kept => "kept",
            Self::Person => "person",
        }
    }

    /// From the word in the journal; `None` for what a later version may have written.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::System, Self::Terminal, Self::Wecom, Self::Kept, Self::Person]
            .into_iter()
            .find(|source| source.word() == word)
    }
}

impl Anchor {
    /// The true time of another moment of the same boot, and its bound; `None` for a moment of another boot.
    pub fn date(&self, stamp: &Stamp) -> Option<(UnixMillis, Duration)> {
        (stamp.boot == self.boot).then(|| self.date_boottime(stamp.boottime))
    }

    /// The true time of a moment of the anchor's own boot, and its bound.
    pub fn date_boottime(&self, moment: BootNanos) -> (UnixMillis, Duration) {
        let apart = moment.0.saturating_sub(self.boottime.0);
        let true_time = self.true_time.0.saturating_add(apart.div_euclid(1_000_000));
        (UnixMillis(true_time), self.bound.saturating_add(drift(Duration::from_nanos(apart.unsigned_abs()))))
    }

    /// Whether not both of them can be right.
    pub fn contradicts(&self, other: &Self) -> bool {
        let (dated, bound) = other.date_boottime(self.boottime);
        let apart = Duration::from_millis(dated.0.abs_diff(self.true_time.0));
        self.boot != other.boot || apart > bound.saturating_add(self.bound)
    }
}

/// How far a crystal can have drifted meanwhile.
pub(super) fn drift(over: Duration) -> Duration {
    Duration::from_nanos((u64::try_from(over.as_nanos()).unwrap_or(u64::MAX) / 1_000_000).saturating_mul(DRIFT_PPM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Quality;

    fn stamp(boot: &str, boottime_s: i64) -> Stamp {
        Stamp {
            boot: BootId(boot.into()),
            boottime: BootNanos(boottime_s * 1_000_000_000),
            wall: UnixMillis(0),
            quality: Quality::Unknown,
            bound: None,
        }
    }

    fn anchor(boottime_s: i64, true_ms: i64) -> Anchor {
        Anchor {
            boot: BootId("a".into()),
            boottime: BootNanos(boottime_s * 1_000_000_000),
            true_time: UnixMillis(true_ms),
            bound: Duration::from_millis(50),
            source: AnchorSource::System,
        }
    }

    #[test]
    fn an_anchor_dates_moments_before_and_after_it_in_its_own_boot_only() {
        let anchor = anchor(100, 1_800_000_000_000);
        assert_eq!(anchor.date(&stamp("a", 40)).unwrap().0, UnixMillis(1_799_999_940_000));
        assert_eq!(anchor.date(&stamp("a", 160)).unwrap().0, UnixMillis(1_800_000_060_000));
        assert!(anchor.date(&stamp("b", 40)).is_none());
    }

    #[test]
    fn the_bound_grows_with_the_distance_from_the_anchor() {
        let (_, bound) = anchor(0, 0).date_boottime(BootNanos(86_400 * 1_000_000_000));
        assert_eq!(bound, Duration::from_millis(50) + Duration::from_micros(86_400 * DRIFT_PPM));
    }

    #[test]
    fn a_source_is_written_and_read_alike() {
        for word in ["system", "terminal", "wecom", "kept", "person"] {
            assert_eq!(AnchorSource::from_word(word).unwrap().word(), word);
        }
        assert_eq!(AnchorSource::from_word("gps"), None);
    }
}
