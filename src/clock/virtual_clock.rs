//! A clock that a test or a rehearsal holds in its hands.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Anchor, BootId, BootNanos, Clock, Quality, Stamp, UnixMillis};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct VirtualClock(Mutex<Stamp>);

impl VirtualClock {
    /// In the first boot, one minute after it, at this wall time, synchronised to 10 ms.
    pub fn at(wall: UnixMillis) -> Self {
        Self(Mutex::new(Stamp {
            boot: BootId("00000000-0000-4000-8000-000000000001".into()),
            boottime: BootNanos(60_000_000_000),
            wall,
            quality: Quality::Synchronised,
            bound: Some(Duration::from_millis(10)),
        }))
    }

    fn change(&self, change: impl FnOnce(&mut Stamp)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Time goes on: boot time and wall clock alike.
    pub fn advance(&self, by: Duration) {
        self.change(|stamp| {
            stamp.boottime.0 += by.as_nanos() as i64;
            stamp.wall.0 += by.as_millis() as i64;
        });
    }

    /// Somebody sets the wall clock; boot time goes on as it was.
    pub fn step(&self, wall: UnixMillis) {
        self.change(|stamp| stamp.wall = wall);
    }

    /// What is known about the wall clock changes.
    pub fn quality(&self, quality: Quality, bound: Option<Duration>) {
        self.change(|stamp| (stamp.quality, stamp.bound) = (quality, bound));
    }

    /// The machine boots again: boot time starts anew.
    pub fn reboot(&self, boot: &str, wall: UnixMillis) {
        self.change(|stamp| {
            stamp.boot = BootId(boot.into());
            stamp.boottime = BootNanos(1_000_000_000);
            stamp.wall = wall;
            (stamp.quality, stamp.bound) = (Quality::Unknown, None);
        });
    }
}

impl Clock for VirtualClock {
    fn stamp(&self) -> Stamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, _anchor: &Anchor) {}
}
