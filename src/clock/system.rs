//! The machine's own clock.

use std::io;
use std::time::Duration;

use tokio::sync::watch;

use super::alarm::StepAlarm;
use super::core::Core;
use super::stamp::{BootId, BootNanos, Stamp, UnixMillis};
use super::trust::Trust;
use super::{Anchor, Clock, Disputed, FLOOR, Hint, Now, kernel};

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    core: Core,
    /// In a rehearsal: until when nothing is known and the wall clock counts from 1970, as on a board without a battery.
    asleep_until: Option<BootNanos>,
}

/// How well a rehearsed time server keeps the clock.
const REHEARSED_WITHIN: Duration = Duration::from_millis(50);

/// Why the machine's clock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The kernel does not tell which boot this is.
    #[error(
        "cannot read the boot id from /proc/sys/kernel/random/boot_id ({0}): punchd needs Linux with /proc mounted"
    )]
    NoBootId(io::Error),
}

impl SystemClock {
    /// The clock of this boot.
    pub fn new() -> Result<Self, ClockError> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_err(ClockError::NoBootId)?;
        let trust = Trust::new(BootId(boot.trim().to_owned()), FLOOR, kernel::clock_is_kept());
        Ok(Self { core: Core::new(trust), asleep_until: None })
    }

    /// The same as if this machine had no battery and a time server answered only after so long: a rehearsal, which can only know
    /// less than the machine does.
    pub fn asleep_for(length: Duration) -> Result<Self, ClockError> {
        let clock = Self::new()?;
        clock.core.trust().set_kept(false);
        let until = kernel::read().boottime.0.saturating_add(i64::try_from(length.as_nanos()).unwrap_or(i64::MAX));
        Ok(Self { asleep_until: Some(BootNanos(until)), ..clock })
    }

    fn read(&self) -> kernel::Reading {
        let mut reading = kernel::read();
        match self.asleep_until {
            None => {}
            Some(until) if reading.boottime < until => {
                reading.wall = UnixMillis(reading.boottime.0 / 1_000_000);
                reading.synchronised_within = None;
            }
            Some(_) => reading.synchronised_within = Some(REHEARSED_WITHIN),
        }
        reading
    }
}

impl Clock for SystemClock {
    fn stamp(&self) -> Stamp {
        self.core.trust().stamp(&self.read())
    }
    fn now(&self) -> Now {
        self.core.trust().now(&self.read())
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
        self.core.trust().certificate_time(&self.read())
    }
    fn disputed(&self) -> Option<Disputed> {
        self.core.trust().disputed()
    }
    fn news(&self) -> watch::Receiver<u64> {
        self.core.news()
    }
    fn alarm(&self) -> io::Result<StepAlarm> {
        match self.asleep_until {
            None => StepAlarm::of_the_kernel(),
            Some(until) => {
                let left = until.0.saturating_sub(kernel::read().boottime.0);
                Ok(StepAlarm::of_a_rehearsal(Duration::from_nanos(u64::try_from(left).unwrap_or(0))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Quality;

    #[test]
    fn the_system_clock_gives_rising_boot_times_of_one_boot() {
        let clock = SystemClock::new().unwrap();
        let (first, second) = (clock.stamp(), clock.stamp());
        assert_eq!(first.boot, second.boot);
        assert!(second.boottime >= first.boottime);
        assert!(first.wall > FLOOR, "the machine that runs this test has a sane date");
    }

    #[tokio::test]
    async fn a_rehearsed_clock_counts_from_1970_until_its_time_server_answers_and_tells_of_the_step() {
        let clock = SystemClock::asleep_for(Duration::from_millis(300)).unwrap();
        let asleep = clock.stamp();
        assert_eq!((asleep.quality, asleep.bound), (Quality::Unknown, None));
        assert!(asleep.wall < FLOOR);
        clock.alarm().unwrap().stepped().await.unwrap();
        let awake = clock.stamp();
        assert_eq!((awake.quality, awake.boot), (Quality::Synchronised, asleep.boot));
        assert!(awake.wall > FLOOR);
    }

    #[tokio::test]
    async fn the_kernel_s_alarm_is_there_and_silent_while_nobody_sets_the_clock() {
        let clock = SystemClock::new().unwrap();
        let mut alarm = clock.alarm().unwrap();
        for _ in 0..3 {
            tokio::task::yield_now().await;
            assert!(futures_util::poll!(Box::pin(alarm.stepped())).is_pending());
        }
    }
}
