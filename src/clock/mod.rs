//! What time it really is: stamps that stay true evidence when the wall clock turns out to have been wrong.
//!
//! A Pi has no clock battery (facts/anchors.md 3). So a stamp holds four things: the boot it was made in, `CLOCK_BOOTTIME`
//! (which no step of the wall clock touches), the wall clock as read, and how far off that can be. An [`Anchor`] ties the boot
//! time of one boot to true time; with it every stamp of that boot can be dated, also those made before the anchor was known.
//!
//! Trust is a bound, not a flag. The kernel calls a clock unsynchronised nine hours after the last contact, when its own worst
//! case reaches 16 s; the crystal has then drifted less than a second or two. [`SystemClock`] remembers the last synchronised moment of this boot
//! and lets the bound grow by [`DRIFT_PPM`] from there. A machine whose clock a battery or a host keeps (every PC, a virtual
//! machine, a Pi with a clock module) is usually right without anything that synchronises it: it is taken to be within
//! [`KEPT_WITHIN`]. A Pi without one starts from wherever its last run ended, and nothing is taken from that.

mod kernel;
mod virtual_clock;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use virtual_clock::VirtualClock;

/// How fast an uncontrolled crystal may drift, in parts per million: four times what a Pi's usually does (facts/anchors.md 3).
pub const DRIFT_PPM: u64 = 80;

/// Before this moment no punchd existed: a wall clock that shows less is wrong (2026-01-01T00:00:00Z).
pub const FLOOR: UnixMillis = UnixMillis(1_767_225_600_000);

/// What a clock that a battery keeps is taken to be right to, while nothing synchronises it.
pub const KEPT_WITHIN: Duration = Duration::from_secs(20);

/// A boot of this machine, as the kernel names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootId(pub String);

/// Nanoseconds since boot, suspended time included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BootNanos(pub i64);

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
    /// It was synchronised in this boot; the bound has grown since.
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
    /// Whether the wall clock can be used as the true time.
    pub fn trusted(&self, within: Duration) -> bool {
        self.bound.is_some_and(|bound| bound <= within) && self.wall >= FLOOR
    }
}

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

/// Where an anchor came from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorSource {
    /// The system clock while synchronised.
    System,
    /// A terminal whose clock had been checked.
    Terminal,
    /// The `Date` header of WeCom's answer.
    WeCom,
    /// A person.
    Person,
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
}

fn drift(over: Duration) -> Duration {
    Duration::from_nanos((over.as_nanos() as u64 / 1_000_000).saturating_mul(DRIFT_PPM))
}

/// Where stamps come from. One for the whole agent, so that tests can hold the time in their hands.
pub trait Clock: Send + Sync {
    /// A stamp of now.
    fn stamp(&self) -> Stamp;
    /// Takes note of a true time that was learned in this boot.
    fn learn(&self, anchor: &Anchor);
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    boot: BootId,
    /// The best anchor of this boot.
    anchor: Mutex<Option<Anchor>>,
    /// Whether the clock goes on while the machine is off.
    kept: bool,
}

/// Why the machine's clock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The kernel does not tell which boot this is.
    #[error(
        "cannot read the boot id from /proc/sys/kernel/random/boot_id ({0}): punchd needs Linux with /proc mounted"
    )]
    NoBootId(std::io::Error),
}

impl SystemClock {
    /// The clock of this boot.
    pub fn new() -> Result<Self, ClockError> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_err(ClockError::NoBootId)?;
        Ok(Self { boot: BootId(boot.trim().to_owned()), anchor: Mutex::new(None), kept: kernel::clock_is_kept() })
    }
}

impl Clock for SystemClock {
    fn stamp(&self) -> Stamp {
        let reading = kernel::read();
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let (quality, bound) = match reading.synchronised_within {
            Some(bound) => {
                *anchor = Some(Anchor {
                    boot: self.boot.clone(),
                    boottime: reading.boottime,
                    true_time: reading.wall,
                    bound,
                    source: AnchorSource::System,
                });
                (Quality::Synchronised, Some(bound))
            }
            None => match anchor.as_ref() {
                Some(anchor) => {
                    // The wall clock may have been stepped since: what counts is how far it is from what the anchor says.
                    let (dated, bound) = anchor.date_boottime(reading.boottime);
                    let apart = Duration::from_millis(dated.0.abs_diff(reading.wall.0));
                    (Quality::Holdover, Some(bound.saturating_add(apart)))
                }
                None if self.kept && reading.wall >= FLOOR => (Quality::Kept, Some(KEPT_WITHIN)),
                None => (Quality::Unknown, None),
            },
        };
        Stamp { boot: self.boot.clone(), boottime: reading.boottime, wall: reading.wall, quality, bound }
    }

    fn learn(&self, learned: &Anchor) {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let now = kernel::read().boottime;
        let better = match anchor.as_ref() {
            Some(known) => learned.date_boottime(now).1 < known.date_boottime(now).1,
            None => true,
        };
        if learned.boot == self.boot && better {
            *anchor = Some(learned.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(boot: &str, boottime_s: i64) -> Stamp {
        Stamp {
            boot: BootId(boot.into()),
            boottime: BootNanos(boottime_s * 1_000_000_000),
            wall: UnixMillis(0),
            quality: Quality::Unknown,
            bound: None,
        }
    }

    #[test]
    fn an_anchor_dates_moments_before_and_after_it_in_its_own_boot_only() {
        let anchor = Anchor {
            boot: BootId("a".into()),
            boottime: BootNanos(100_000_000_000),
            true_time: UnixMillis(1_800_000_000_000),
            bound: Duration::from_millis(50),
            source: AnchorSource::System,
        };
        assert_eq!(anchor.date(&stamp("a", 40)).unwrap().0, UnixMillis(1_799_999_940_000));
        assert_eq!(anchor.date(&stamp("a", 160)).unwrap().0, UnixMillis(1_800_000_060_000));
        assert!(anchor.date(&stamp("b", 40)).is_none());
    }

    #[test]
    fn the_bound_grows_with_the_distance_from_the_anchor() {
        let anchor = Anchor {
            boot: BootId("a".into()),
            boottime: BootNanos(0),
            true_time: UnixMillis(0),
            bound: Duration::from_millis(50),
            source: AnchorSource::System,
        };
        let (_, bound) = anchor.date_boottime(BootNanos(86_400 * 1_000_000_000));
        assert_eq!(bound, Duration::from_millis(50) + Duration::from_micros(86_400 * DRIFT_PPM));
    }

    #[test]
    fn the_system_clock_gives_rising_boot_times_of_one_boot() {
        let clock = SystemClock::new().unwrap();
        let (first, second) = (clock.stamp(), clock.stamp());
        assert_eq!(first.boot, second.boot);
        assert!(second.boottime >= first.boottime);
        assert!(first.wall > FLOOR, "the machine that runs this test has a sane date");
    }
}
