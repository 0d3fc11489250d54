//! When the same thing again is the same reading: readers tell a code or card again and again while it is in front of them, and several
//! that lie there in turn.

use std::time::Duration;

use tokio::time::Instant;

/// How soon a person whose reading was not recorded can try again.
const RETRY: Duration = Duration::from_secs(1);
/// Things that are remembered at once: more do not fit in front of a reader. The one that was there least lately makes room.
const MOST: usize = 16;

/// What is in front of the reader, or was a moment ago.
#[derive(Debug)]
pub struct Repeat {
    within: Duration,
    present: Vec<Present>,
}

#[derive(Debug)]
struct Present {
    payload: Vec<u8>,
    until: Instant,
    recorded: bool,
}

impl Repeat {
    /// The same within this time of when it was last there is one reading, whatever else is told in between.
    pub fn new(within: Duration) -> Self {
        Self { within, present: Vec::new() }
    }

    /// Whether this is a presentation of its own: it has not been there for a while.
    pub fn is_new(&mut self, payload: &[u8], now: Instant) -> bool {
        self.present.retain(|present| now < present.until);
        if let Some(present) = self.present.iter_mut().find(|present| present.payload == payload) {
            if present.recorded {
                present.until = now + self.within;
            }
            return false;
        }
        if self.present.len() == MOST
            && let Some(oldest) = (0..MOST).min_by_key(|at| self.present.get(*at).map(|present| present.until))
        {
            self.present.swap_remove(oldest);
        }
        self.present.push(Present { payload: payload.to_vec(), until: now + self.within, recorded: true });
        true
    }

    /// This reading is answered: it counts from now, and what was not recorded may come again soon.
    pub fn answered(&mut self, payload: &[u8], recorded: bool, now: Instant) {
        if let Some(present) = self.present.iter_mut().find(|present| present.payload == payload) {
            present.recorded = recorded;
            present.until = now + if recorded { self.within } else { RETRY.min(self.within) };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    async fn another_card_at_once_is_another_reading_and_two_that_lie_there_in_turn_are_two() {
        let (mut repeat, start) = (Repeat::new(Duration::from_secs(1)), Instant::now());
        let read = (0..100_u64).filter(|n| repeat.is_new(if n % 2 == 0 { b"a" } else { b"b" }, after(start, n * 100)));
        assert_eq!(read.count(), 2);
        let (mut repeat, start) = (Repeat::new(Duration::from_secs(1)), Instant::now());
        let read = (0..4_u64).filter(|n| repeat.is_new(if n % 2 == 0 { b"a" } else { b"b" }, after(start, n * 4000)));
        assert_eq!(read.count(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_not_recorded_can_try_again_soon_and_also_without_moving_the_card() {
        let (mut repeat, start) = (Repeat::new(Duration::from_secs(3)), Instant::now());
        assert!(repeat.is_new(b"a", start) && repeat.is_new(b"b", start));
        repeat.answered(b"a", false, after(start, 100));
        assert!(!repeat.is_new(b"a", after(start, 600)));
        assert!(repeat.is_new(b"a", after(start, 1100)));
        assert!(!repeat.is_new(b"b", after(start, 1100)));
        repeat.answered(b"a", true, after(start, 1200));
        assert!(!repeat.is_new(b"a", after(start, 2300)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_repeats_where_no_time_is_set() {
        let (mut repeat, start) = (Repeat::new(Duration::ZERO), Instant::now());
        assert!(repeat.is_new(b"a", start) && repeat.is_new(b"a", start));
    }

    proptest! {
        /// However things alternate: each is new exactly when it has not been there for the time.
        #[test]
        fn presence_ends_by_absence_alone(told in prop::collection::vec((0_u8..8, 0_u64..1500), 0..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let start = runtime.block_on(async { Instant::now() });
            let (mut repeat, mut now) = (Repeat::new(Duration::from_secs(1)), start);
            let mut last = [None::<Instant>; 8];
            for (thing, later) in told {
                now += Duration::from_millis(later);
                let seen = last[usize::from(thing)].replace(now);
                let new = seen.is_none_or(|seen| now >= seen + Duration::from_secs(1));
                prop_assert_eq!(repeat.is_new(&[thing], now), new);
            }
            prop_assert!(repeat.present.len() <= MOST);
        }
    }
}
