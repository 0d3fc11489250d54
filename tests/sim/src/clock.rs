//! Where the stand-in's time comes from: the machine, a running clock that starts where a test wants it, or a clock set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Says what time it is at WeCom.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's own clock.
#[allow(clippy::disallowed_methods, reason = "the stand-in plays WeCom's server, whose clock is the true time")]
pub fn real() -> Clock {
    Arc::new(Timestamp::now)
}

/// A clock that shows `start` now and goes on with tokio's time, virtual time included.
pub fn running_from(start: Timestamp) -> Clock {
    let origin = tokio::time::Instant::now();
    Arc::new(move || start.checked_add(origin.elapsed()).unwrap_or(Timestamp::MAX))
}

/// A clock that stands until somebody moves it.
#[derive(Clone, Debug)]
pub struct SetByHand(Arc<AtomicI64>);

impl SetByHand {
    /// Stands at `start`, to the second.
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.as_second())))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// The seconds since 1970 that it shows.
    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// The clock to hand to the stand-in.
    pub fn clock(&self) -> Clock {
        let hands = self.clone();
        Arc::new(move || Timestamp::from_second(hands.seconds()).unwrap_or(Timestamp::MAX))
    }
}
