//! What is believed of the clocks: pure judgement over readings of the kernel, the same for the machine's clock and for a test's.
//!
//! The rules, in the order in which they are asked:
//!
//! 1. A wall clock before the build of this program is wrong, whatever the kernel says of it.
//! 2. While the kernel says that something synchronises it, the wall clock is right to within the kernel's own bound. That becomes
//!    the boot's anchor, unless a better one is known that agrees with it: nothing worse replaces anything better. If the two
//!    cannot both be right, the synchronised clock is believed.
//! 3. Else the best anchor of this boot tells true time, and its bound grows by [`DRIFT_PPM`](super::DRIFT_PPM). The wall clock is
//!    off by no more than that and whatever it differs from it: a step, either way, is in the bound at once and is never trust.
//! 4. Else a clock that a battery or the host keeps is taken to be within [`KEPT_WITHIN`] of what it was when it was first seen in
//!    this boot. (Time in the boot runs at the wall clock's own rate, so that the difference moves by steps alone.)
//! 5. Else nothing is known.

use std::time::Duration;

use super::anchor::{Anchor, AnchorSource};
use super::kernel::Reading;
use super::stamp::{BootId, BootNanos, Quality, Stamp, UnixMillis};
use super::{Disputed, Hint, Known, Now};

/// What a clock that a battery keeps is taken to be right to, while nothing synchronises it.
pub const KEPT_WITHIN: Duration = Duration::from_secs(20);

/// What is known of the time in one boot.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    boot: BootId,
    /// No clock that shows less is believed.
    floor: UnixMillis,
    /// Whether the clock goes on while the machine is off.
    kept: bool,
    /// The best anchor of this boot.
    anchor: Option<Anchor>,
    /// A kept clock as it was first seen in this boot.
    first: Option<Anchor>,
    hint: Option<Hint>,
    disputed: Option<Disputed>,
}

impl Trust {
    pub fn new(boot: BootId, floor: UnixMillis, kept: bool) -> Self {
        Self { boot, floor, kept, anchor: None, first: None, hint: None, disputed: None }
    }

    /// A stamp of this reading; takes note of what it proves.
    pub fn stamp(&mut self, reading: &Reading) -> Stamp {
        let (quality, bound) = self.judge(reading);
        Stamp { boot: self.boot.clone(), boottime: reading.boottime, wall: reading.wall, quality, bound }
    }

    fn judge(&mut self, reading: &Reading) -> (Quality, Option<Duration>) {
        let believable = reading.wall >= self.floor;
        if let (true, Some(within)) = (believable, reading.synchronised_within) {
            self.synchronised(reading, within);
            // What is known may be better than the kernel's worst case, which grows fast.
            let known =
                self.anchor.as_ref().map(|anchor| off(anchor, reading, anchor.date_boottime(reading.boottime).1));
            return (Quality::Synchronised, Some(known.map_or(within, |known| known.min(within))));
        }
        if let Some(anchor) = &self.anchor {
            return (Quality::Holdover, Some(off(anchor, reading, anchor.date_boottime(reading.boottime).1)));
        }
        if !(self.kept && believable) {
            return (Quality::Unknown, None);
        }
        let first = self.first.get_or_insert_with(|| Anchor {
            boot: self.boot.clone(),
            boottime: reading.boottime,
            true_time: reading.wall,
            bound: KEPT_WITHIN,
            source: AnchorSource::Kept,
        });
        (Quality::Kept, Some(off(first, reading, KEPT_WITHIN)))
    }

    fn synchronised(&mut self, reading: &Reading, within: Duration) {
        let better = self.anchor.as_ref().is_some_and(|anchor| {
            let (dated, bound) = anchor.date_boottime(reading.boottime);
            let apart = Duration::from_millis(dated.0.abs_diff(reading.wall.0));
            apart <= bound.saturating_add(within) && bound < within
        });
        if !better {
            self.anchor = Some(Anchor {
                boot: self.boot.clone(),
                boottime: reading.boottime,
                true_time: reading.wall,
                bound: within,
                source: AnchorSource::System,
            });
        }
    }

    /// Takes an anchor if it is of this boot, believable, better than what is known, and not against a synchronised clock. Tells
    /// whether anything is new.
    pub fn learn(&mut self, learned: &Anchor, reading: &Reading) -> bool {
        if learned.boot != self.boot || learned.true_time < self.floor {
            return false;
        }
        if learned.source == AnchorSource::Kept {
            // Of the ends of a run that is over: the earliest one shows every step since.
            let earlier = self.first.as_ref().is_none_or(|first| learned.boottime <= first.boottime);
            if self.kept && earlier {
                self.first = Some(learned.clone());
            }
            return false;
        }
        if self.judge(reading).0 == Quality::Synchronised {
            let before = self.disputed;
            self.compare(learned, reading);
            if self.disputed.is_some() {
                return self.disputed != before;
            }
        }
        let at = reading.boottime;
        let better = self.anchor.as_ref().is_none_or(|known| learned.date_boottime(at).1 < known.date_boottime(at).1);
        if better {
            self.anchor = Some(learned.clone());
        }
        better
    }

    /// Whether the synchronised clock and somebody else who knows the time can both be right.
    fn compare(&mut self, learned: &Anchor, reading: &Reading) {
        let (said, bound) = learned.date_boottime(reading.boottime);
        let by_ms = reading.wall.0.saturating_sub(said.0);
        let within = bound.saturating_add(reading.synchronised_within.unwrap_or_default());
        self.disputed = (Duration::from_millis(by_ms.unsigned_abs()) > within)
            .then_some(Disputed { source: learned.source, by_ms })
            .filter(|_| learned.source != AnchorSource::System);
    }

    pub fn disputed(&self) -> Option<Disputed> {
        self.disputed
    }

    /// The anchor that the boot's readings are to be dated by; of a kept clock without any, how it was first seen.
    pub fn anchor(&self) -> Option<&Anchor> {
        self.anchor.as_ref().or(self.first.as_ref())
    }

    /// What time it is, as well as it is known.
    pub fn now(&mut self, reading: &Reading) -> Now {
        let (quality, bound) = self.judge(reading);
        let wall = |by| Now { boottime: reading.boottime, time: reading.wall, bound, by };
        match (&self.anchor, quality) {
            (_, Quality::Synchronised) => wall(Known::Synchronised),
            (_, Quality::Kept) => wall(Known::Kept),
            (Some(anchor), _) => {
                let (time, within) = anchor.date_boottime(reading.boottime);
                Now { boottime: reading.boottime, time, bound: Some(within), by: Known::By(anchor.source) }
            }
            (None, _) => wall(Known::Nothing),
        }
    }

    /// Takes note of a time that nobody vouches for.
    pub fn hint(&mut self, hint: Hint) {
        if hint.time >= self.floor {
            self.hint = Some(hint);
        }
    }

    pub fn hinted(&self) -> Option<&Hint> {
        self.hint.as_ref()
    }

    /// The time by which certificates are judged: true time, or else the hint, or else the wall clock, and in no case before the
    /// build of this program. Nothing is dated by it.
    pub fn certificate_time(&mut self, reading: &Reading) -> UnixMillis {
        let now = self.now(reading);
        let time = match (now.bound, &self.hint) {
            // A kept clock that was set by hand may be anywhere; the hint is no worse.
            (Some(bound), _) if bound <= CERTIFICATE_WITHIN => now.time,
            (_, Some(hint)) => hint.at(reading.boottime),
            _ => now.time,
        };
        time.max(self.floor)
    }

    /// The boot ends: nothing of it holds in the next one.
    pub fn reboot(&mut self, boot: BootId) {
        *self = Self::new(boot, self.floor, self.kept);
    }

    pub fn set_kept(&mut self, kept: bool) {
        self.kept = kept;
    }

    pub fn forget(&mut self) {
        (self.anchor, self.first) = (None, None);
    }

    pub fn boot(&self) -> &BootId {
        &self.boot
    }
}

/// How well the time has to be known so that a certificate's first and last day are judged by it.
pub(super) const CERTIFICATE_WITHIN: Duration = Duration::from_secs(3600);

/// How far the wall clock can be from true time, by an anchor whose own bound is given.
fn off(anchor: &Anchor, reading: &Reading, bound: Duration) -> Duration {
    let (dated, _) = anchor.date_boottime(reading.boottime);
    bound.saturating_add(Duration::from_millis(dated.0.abs_diff(reading.wall.0)))
}

impl Hint {
    /// What it says of another moment of the boot.
    pub(super) fn at(&self, moment: BootNanos) -> UnixMillis {
        let apart = moment.0.saturating_sub(self.boottime.0).div_euclid(1_000_000);
        UnixMillis(self.time.0.saturating_add(apart))
    }
}

#[cfg(test)]
mod tests;
