//! Noticing at once that somebody or something set the wall clock.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::kernel;

/// Tells when the wall clock is set. What happens between two waits is not lost, only counted as one.
#[derive(Debug)]
pub struct StepAlarm(By);

#[derive(Debug)]
enum By {
    Kernel(AsyncFd<OwnedFd>),
    Test(watch::Receiver<u64>),
    /// When the rehearsed time server answers; absent once it has.
    Rehearsal(Option<Instant>),
}

impl StepAlarm {
    pub(super) fn of_the_kernel() -> io::Result<Self> {
        Ok(Self(By::Kernel(kernel::step_timer()?)))
    }

    pub(super) fn of_a_rehearsal(after: Duration) -> Self {
        Self(By::Rehearsal(Some(Instant::now() + after)))
    }

    pub(super) fn of_a_test(mut steps: watch::Receiver<u64>) -> Self {
        steps.mark_unchanged();
        Self(By::Test(steps))
    }

    /// Waits for the next step. Safe to drop.
    pub async fn stepped(&mut self) -> io::Result<()> {
        match &mut self.0 {
            By::Kernel(timer) => loop {
                let mut ready = timer.readable().await?;
                if let Ok(read) = ready.try_io(|timer| kernel::take_step(timer.get_ref())) {
                    return read;
                }
            },
            By::Rehearsal(at) => {
                match *at {
                    Some(then) => sleep_until(then).await,
                    None => std::future::pending().await,
                }
                *at = None;
                Ok(())
            }
            By::Test(steps) => steps.changed().await.map_err(io::Error::other),
        }
    }
}
