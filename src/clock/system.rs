//! The machine's own clock.

use std::io;

use tokio::sync::watch;

use super::alarm::StepAlarm;
use super::core::Core;
use super::stamp::{BootId, Stamp, UnixMillis};
use super::trust::Trust;
use super::{Anchor, Clock, Disputed, FLOOR, Hint, Now, kernel};

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    core: Core,
}

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
        Ok(Self { core: Core::new(trust) })
    }
}

impl Clock for SystemClock {
    fn stamp(&self) -> Stamp {
        self.core.trust().stamp(&kernel::read())
    }
    fn now(&self) -> Now {
        self.core.trust().now(&kernel::read())
    }
    fn learn(&self, anchor: &Anchor) {
        self.core.learn(anchor, &kernel::read());
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
        self.core.trust().certificate_time(&kernel::read())
    }
    fn disputed(&self) -> Option<Disputed> {
        self.core.trust().disputed()
    }
    fn news(&self) -> watch::Receiver<u64> {
        self.core.news()
    }
    fn alarm(&self) -> io::Result<StepAlarm> {
        StepAlarm::of_the_kernel()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_gives_rising_boot_times_of_one_boot() {
        let clock = SystemClock::new().unwrap();
        let (first, second) = (clock.stamp(), clock.stamp());
        assert_eq!(first.boot, second.boot);
        assert!(second.boottime >= first.boottime);
        assert!(first.wall > FLOOR, "the machine that runs this test has a sane date");
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
