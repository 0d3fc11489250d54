//! What a terminal's clock showed at one moment, so that the agent can compare it with true time, now or once it knows it.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::GatewayTime;

/// What a terminal's clock showed, and when. A driver says it whether or not the gateway knows the time: the agent decides what
/// follows from it, and a gateway without time may learn it from a terminal whose clock was checked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockShown {
    /// Its civil time, taken in its zone.
    pub shown: Timestamp,
    /// The moment at which it showed that, by a clock that nobody can set.
    pub at: Instant,
}

impl ClockShown {
    /// The terminal's clock minus the gateway's, in milliseconds; `None` while the gateway's is not to be trusted. `now` was read
    /// just now.
    pub fn offset_ms(&self, now: GatewayTime) -> Option<i64> {
        now.bound?;
        let then = now.utc.checked_sub(SignedDuration::try_from(self.at.elapsed()).ok()?).ok()?;
        Some(millis(self.shown.duration_since(then)))
    }

    /// By how many milliseconds the terminal's clock moved more than time went on since an earlier look.
    pub fn moved_ms(&self, since: &Self) -> i64 {
        let gone = match self.at.checked_duration_since(since.at) {
            Some(gone) => signed(gone),
            None => -signed(since.at.duration_since(self.at)),
        };
        millis(self.shown.duration_since(since.shown).saturating_sub(gone))
    }
}

fn signed(length: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}

fn millis(length: SignedDuration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(if length.is_negative() { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_offset_is_that_of_the_moment_of_the_look_and_known_only_to_a_gateway_that_knows_the_time() {
        let look = ClockShown { shown: at(1_800_000_010), at: Instant::now() };
        tokio::time::advance(Duration::from_secs(60)).await;
        let trusted = GatewayTime { utc: at(1_800_000_060), bound: Some(Duration::from_secs(1)) };
        assert_eq!(look.offset_ms(trusted), Some(10_000));
        assert_eq!(look.offset_ms(GatewayTime { bound: None, ..trusted }), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_only_goes_on_has_not_moved() {
        let first = ClockShown { shown: at(1000), at: Instant::now() };
        tokio::time::advance(Duration::from_secs(60)).await;
        let second = ClockShown { shown: at(1060), at: Instant::now() };
        assert_eq!((second.moved_ms(&first), first.moved_ms(&second)), (0, 0));
        let set = ClockShown { shown: at(60), ..second };
        assert_eq!(set.moved_ms(&first), -1_000_000);
    }
}
