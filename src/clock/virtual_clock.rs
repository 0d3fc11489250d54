//! A clock that a test or a rehearsal holds in its hands. What is believed of it is judged as on the machine.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::alarm::StepAlarm;
use super::core::Core;
use super::kernel::Reading;
use super::stamp::{BootId, BootNanos, Quality, Stamp, UnixMillis};
use super::trust::Trust;
use super::{Anchor, AnchorSource, Clock, Disputed, EARLIEST, Hint, Now};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct VirtualClock {
    reading: Mutex<Reading>,
    core: Core,
    steps: watch::Sender<u64>,
}

impl VirtualClock {
    /// In the first boot, one minute after it, at this wall time, synchronised to 10 ms.
    pub fn at(wall: UnixMillis) -> Self {
        let boot = BootId("00000000-0000-4000-8000-000000000001".into());
        let synchronised_within = Some(Duration::from_millis(10));
        Self {
            reading: Mutex::new(Reading { boottime: BootNanos(60_000_000_000), wall, synchronised_within }),
            // Dates of tests do not depend on when the program is built.
            core: Core::new(Trust::new(boot, EARLIEST, false)),
            steps: watch::Sender::new(0),
        }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Reading {
        self.reading().clone()
    }

    /// Time goes on: boot time and wall clock alike.
    pub fn advance(&self, by: Duration) {
        let mut reading = self.reading();
        reading.boottime.0 += by.as_nanos() as i64;
        reading.wall.0 += by.as_millis() as i64;
    }

    /// The wall clock is set, by whatever synchronises it; boot time goes on as it was.
    pub fn step(&self, wall: UnixMillis) {
        self.reading().wall = wall;
        self.steps.send_modify(|number| *number += 1);
    }

    /// Somebody sets the wall clock by hand, which the kernel takes for the end of synchronisation.
    pub fn set_by_hand(&self, wall: UnixMillis) {
        self.reading().synchronised_within = None;
        self.step(wall);
    }

    /// The kernel says from now on that the clock is synchronised to within so much, or that it is not.
    pub fn synchronised(&self, within: Option<Duration>) {
        // What was so until now is known.
        self.stamp();
        self.reading().synchronised_within = within;
    }

    /// Whether a battery keeps the clock while the machine is off.
    pub fn kept(&self, kept: bool) {
        self.core.trust().set_kept(kept);
    }

    /// What is known about the wall clock changes, and everything that was known before is forgotten.
    pub fn quality(&self, quality: Quality, bound: Option<Duration>) {
        self.core.trust().forget();
        self.reading().synchronised_within = bound.filter(|_| quality == Quality::Synchronised);
        self.kept(quality == Quality::Kept);
        let read = self.read();
        if let (Quality::Holdover, Some(bound)) = (quality, bound) {
            let boot = self.core.trust().boot().clone();
            let Reading { boottime, wall, .. } = read;
            self.learn(&Anchor { boot, boottime, true_time: wall, bound, source: AnchorSource::System });
        }
    }

    /// The machine boots again: boot time starts anew, and nothing is known.
    pub fn reboot(&self, boot: &str, wall: UnixMillis) {
        *self.reading() = Reading { boottime: BootNanos(1_000_000_000), wall, synchronised_within: None };
        self.core.trust().reboot(BootId(boot.into()));
    }
}

impl Clock for VirtualClock {
    fn stamp(&self) -> Stamp {
        let reading = self.read();
        self.core.trust().stamp(&reading)
    }
    fn now(&self) -> Now {
        let reading = self.read();
        self.core.trust().now(&reading)
    }
    fn learn(&self, anchor: &Anchor) {
        self.core.learn(anchor, &self.read());
    }
    fn anchor(&self) -> Option<Anchor> {
        self.core.trust().anchor().cloned()
    }
    fn hint(&self, hint: Hint) {
        self.core.trust().hint(hint);
        self.core.tell();
    }
    fn hinted(&self) -> Option<Hint> {
        self.core.trust().hinted().cloned()
    }
    fn certificate_time(&self) -> UnixMillis {
        let reading = self.read();
        self.core.trust().certificate_time(&reading)
    }
    fn disputed(&self) -> Option<Disputed> {
        self.core.trust().disputed()
    }
    fn news(&self) -> watch::Receiver<u64> {
        self.core.news()
    }
    fn alarm(&self) -> io::Result<StepAlarm> {
        Ok(StepAlarm::of_a_test(self.steps.subscribe()))
    }
}
