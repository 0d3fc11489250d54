//! When the same thing again is the same reading: readers tell a code or card again and again while it is in front of them.

use std::time::Duration;

use tokio::time::Instant;

/// How soon a person whose reading was not recorded can try again.
const RETRY: Duration = Duration::from_secs(1);

/// What was read last.
#[derive(Debug)]
pub struct Repeat {
    within: Duration,
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    payload: Vec<u8>,
    until: Instant,
    recorded: bool,
}

impl Repeat {
    /// The same within this time of when it was last there is one reading.
    pub fn new(within: Duration) -> Self {
        Self { within, last: None }
    }

    /// Whether this is a reading of its own. Something else at once always is.
    pub fn is_new(&mut self, payload: &[u8], now: Instant) -> bool {
        match &mut self.last {
            Some(last) if last.payload == payload && now < last.until => {
                if last.recorded {
                    last.until = now + self.within;
                }
                false
            }
            last => {
                *last = Some(Last { payload: payload.to_vec(), until: now + self.within, recorded: true });
                true
            }
        }
    }

    /// What was read last is answered: it counts from now, and what was not recorded may come again soon.
    pub fn answered(&mut self, recorded: bool, now: Instant) {
        if let Some(last) = &mut self.last {
            last.recorded = recorded;
            last.until = now + if recorded { self.within } else { RETRY.min(self.within) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn a_card_that_stays_is_one_reading_and_one_that_comes_back_another() {
        let (mut repeat, start) = (Repeat::new(Duration::from_secs(1)), Instant::now());
        let read = (0..100).filter(|n| repeat.is_new(b"a", after(start, n * 65))).count();
        assert_eq!(read, 1);
        assert!(!repeat.is_new(b"a", after(start, 99 * 65 + 999)));
        assert!(repeat.is_new(b"a", after(start, 99 * 65 + 2000)));
    }

    #[tokio::test(start_paused = true)]
    async fn another_card_at_once_is_another_reading() {
        let (mut repeat, start) = (Repeat::new(Duration::from_secs(3)), Instant::now());
        assert!(repeat.is_new(b"a", start) && repeat.is_new(b"b", start) && repeat.is_new(b"a", start));
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_not_recorded_can_try_again_soon_and_also_without_moving_the_card() {
        let (mut repeat, start) = (Repeat::new(Duration::from_secs(3)), Instant::now());
        assert!(repeat.is_new(b"a", start));
        repeat.answered(false, after(start, 100));
        assert!(!repeat.is_new(b"a", after(start, 600)));
        assert!(repeat.is_new(b"a", after(start, 1100)));
        repeat.answered(true, after(start, 1200));
        assert!(!repeat.is_new(b"a", after(start, 2300)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_repeats_where_no_time_is_set() {
        let (mut repeat, start) = (Repeat::new(Duration::ZERO), Instant::now());
        assert!(repeat.is_new(b"a", start) && repeat.is_new(b"a", start));
    }
}
