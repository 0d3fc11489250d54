//! What time it really is: stamps that stay true evidence when the wall clock turns out to have been wrong.
//!
//! A Pi has no clock battery (facts/anchors.md 3). So a stamp holds four things: the boot it was made in, `CLOCK_BOOTTIME`
//! (which no step of the wall clock touches), the wall clock as read, and how far off that can be. An [`Anchor`] ties the boot
//! time of one boot to true time; with it every stamp of that boot can be dated, also those made before the anchor was known.
//!
//! Trust is a bound, not a flag. The kernel calls a clock unsynchronised nine hours after the last contact, when its own worst
//! case reaches 16 s; the crystal has then drifted less than a second or two. The best anchor of a boot is remembered, and its
//! bound grows by [`DRIFT_PPM`] from there. A machine whose clock a battery or a host keeps (every PC, a virtual machine, a Pi
//! with a clock module) is usually right without anything that synchronises it: it is taken to be within [`KEPT_WITHIN`]. A Pi
//! without one starts from wherever its last run ended, and nothing is taken from that. The rules stand in [`trust`].
//!
//! Where true time comes from, besides the system clock: [`AnchorSource`]. Where it must not come from: anything that nobody
//! vouches for. A [`Hint`] of such a source serves to judge certificates by, so that a secure connection can begin that then
//! tells the time; it never dates anything.

mod alarm;
mod anchor;
mod core;
mod floor;
mod kernel;
mod stamp;
mod system;
mod trust;
mod virtual_clock;

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use alarm::StepAlarm;
pub use anchor::{Anchor, AnchorSource, DRIFT_PPM};
pub use floor::{EARLIEST, FLOOR};
pub use stamp::{BootId, BootNanos, Quality, Stamp, UnixMillis};
pub use system::{ClockError, SystemClock};
pub use trust::KEPT_WITHIN;
pub use virtual_clock::VirtualClock;

/// What time it is, as well as it is known. Unlike a [`Stamp`], which keeps what the wall clock showed, this is the best guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The moment in this boot.
    pub boottime: BootNanos,
    /// The time; the wall clock as read where nothing is known.
    pub time: UnixMillis,
    /// How far off it can be; `None` where nothing is known.
    pub bound: Option<Duration>,
    /// How it is known.
    pub by: Known,
}

impl Now {
    /// Whether it can be used as the true time.
    pub fn trusted(&self, within: Duration) -> bool {
        self.bound.is_some_and(|bound| bound <= within)
    }
}

/// How the time is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Something keeps the system clock synchronised.
    Synchronised,
    /// It was learned from this source earlier in this boot.
    By(AnchorSource),
    /// The machine's own battery or host keeps it.
    Kept,
    /// It is not.
    Nothing,
}

/// A time that nobody vouches for, good enough to judge certificates by and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The moment in this boot.
    pub boottime: BootNanos,
    /// The time.
    pub time: UnixMillis,
    /// Who said so.
    pub from: String,
}

/// A time server says one thing, somebody else who knows the time another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disputed {
    /// Who else.
    pub source: AnchorSource,
    /// By how many milliseconds the time server's time is ahead of theirs.
    pub by_ms: i64,
}

/// Where stamps come from. One for the whole agent, so that tests can hold the time in their hands.
pub trait Clock: Send + Sync {
    /// A stamp of now.
    fn stamp(&self) -> Stamp;
    /// What time it is, as well as it is known.
    fn now(&self) -> Now;
    /// Takes note of a true time that was learned in this boot, if it is better than what is known.
    fn learn(&self, anchor: &Anchor);
    /// What the readings of this boot are to be dated by.
    fn anchor(&self) -> Option<Anchor>;
    /// Takes note of a time that nobody vouches for.
    fn hint(&self, hint: Hint);
    /// The hint that certificates are judged by, as long as nothing better is known.
    fn hinted(&self) -> Option<Hint>;
    /// The time to judge certificates by. Nothing is dated by it.
    fn certificate_time(&self) -> UnixMillis;
    /// Who contradicted the synchronised clock when they last said something.
    fn disputed(&self) -> Option<Disputed>;
    /// Announces by a rising number that something was learned.
    fn news(&self) -> watch::Receiver<u64>;
    /// Something that tells at once when the wall clock is set. Inside a runtime only.
    fn alarm(&self) -> io::Result<StepAlarm>;
}
