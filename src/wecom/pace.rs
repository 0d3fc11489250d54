//! How often and how many at a time: one call after the other, never more than n in any 60 seconds.
//!
//! A call counts from its end, not from its start: where in between the server saw it is not known, and counted so, no
//! sliding minute *of the server* holds more than n either. The memory is of this process only; the default is a third of
//! what WeCom allows, which leaves room for restarts and for other gateways of the corp (facts/wecom-api.md 13.4, 14.10).
//!
//! A quarter of a minute's calls may follow each other at once, the rest is spread evenly over the minute: a gate at shift change
//! would otherwise spend its calls on single punches within seconds, and the next punch would wait for most of a minute.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::time::{Instant, sleep_until};

const WINDOW: Duration = Duration::from_secs(60);
/// The first block after 45009, and the next if it was not enough (facts/wecom-api.md 13.4).
const FIRST_BLOCK: Duration = Duration::from_secs(60);
const NEXT_BLOCK: Duration = Duration::from_secs(3600);
/// The pause after 45033: others are calling at this moment.
const CROWDED: Duration = Duration::from_secs(10);

/// The pace of one of WeCom's calls.
#[derive(Debug)]
pub struct Pace {
    per_minute: usize,
    /// So many calls in the window may follow each other without a pause.
    at_once: usize,
    /// The pause between two calls beyond those.
    apart: Duration,
    past: Mutex<Past>,
    blocked: watch::Sender<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Past {
    /// When the latest calls ended, at most `per_minute`.
    ends: VecDeque<Instant>,
    /// Answers of 45009 since the last call that was not limited.
    limited: u32,
}

/// The turn of one call. While it lives, nobody else has one.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    pace: &'a Pace,
    past: MutexGuard<'a, Past>,
    used: bool,
}

impl Pace {
    /// At most this many calls in any 60 seconds.
    pub fn new(per_minute: NonZeroU32) -> Self {
        let calls = usize::try_from(per_minute.get()).unwrap_or(usize::MAX);
        Self {
            per_minute: calls,
            at_once: (calls / 4).max(1),
            apart: WINDOW / per_minute.get(),
            past: Mutex::default(),
            blocked: watch::Sender::new(None),
        }
    }

    /// No call before then, whoever is waiting. A longer block that is already there stays.
    pub fn block(&self, until: Instant) {
        self.blocked.send_if_modified(|blocked| {
            let longer = blocked.is_none_or(|now| now < until);
            if longer {
                *blocked = Some(until);
            }
            longer
        });
    }

    /// Until when no call is made, if there is a block.
    pub fn blocked_until(&self) -> Option<Instant> {
        self.blocked.borrow().filter(|until| *until > Instant::now())
    }

    /// Waits for the turn. Waits are bounded by the block, at most an hour, and the window.
    pub(crate) async fn permit(&self) -> Permit<'_> {
        let mut permit = Permit { pace: self, past: self.past.lock().await, used: false };
        permit.wait().await;
        permit
    }
}

impl Permit<'_> {
    /// From now on this turn counts as a call.
    pub(crate) fn begin(&mut self) {
        self.used = true;
    }

    /// Ends this call and waits until one more may follow, in the same turn.
    pub(crate) async fn again(&mut self) {
        self.end();
        self.wait().await;
    }

    /// The call was refused as one too many.
    pub(crate) fn limited(&mut self) {
        let length = if self.past.limited == 0 { FIRST_BLOCK } else { NEXT_BLOCK };
        self.past.limited = self.past.limited.saturating_add(1);
        self.pace.block(Instant::now() + length);
    }

    /// The call was refused because others are calling.
    pub(crate) fn crowded(&self) {
        self.pace.block(Instant::now() + CROWDED);
    }

    /// The call was not refused for being one too many.
    pub(crate) fn passed(&mut self) {
        self.past.limited = 0;
    }

    async fn wait(&mut self) {
        let mut blocked = self.pace.blocked.subscribe();
        loop {
            let now = Instant::now();
            while self.past.ends.front().is_some_and(|end| *end + WINDOW <= now) {
                self.past.ends.pop_front();
            }
            let full = self.past.ends.len() >= self.pace.per_minute;
            let room_at = self.past.ends.front().filter(|_| full).map(|end| *end + WINDOW);
            let spread = self.past.ends.len() >= self.pace.at_once;
            let apart_at = self.past.ends.back().filter(|_| spread).map(|end| *end + self.pace.apart);
            let open_at = *blocked.borrow_and_update();
            let Some(at) = room_at.max(apart_at).max(open_at).filter(|at| *at > now) else { return };
            tokio::select! {
                () = sleep_until(at) => {}
                // The sender lives in the pace that this permit borrows; a change means another block.
                _ = blocked.changed() => {}
            }
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.used) {
            self.past.ends.push_back(Instant::now());
        }
    }
}

impl Drop for Permit<'_> {
    /// A turn that was cancelled in the middle of a call counts like any other.
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn pace(n: u32) -> Arc<Pace> {
        Arc::new(Pace::new(NonZeroU32::new(n).unwrap()))
    }

    async fn call(pace: &Pace, lasting: Duration) -> (Instant, Instant) {
        let mut permit = pace.permit().await;
        permit.begin();
        let start = Instant::now();
        tokio::time::sleep(lasting).await;
        (start, Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn no_sliding_minute_holds_more_calls_than_allowed_wherever_the_server_saw_them() {
        let pace = pace(3);
        let mut calls = Vec::new();
        for i in 0..20u64 {
            calls.push(call(&pace, Duration::from_millis(i % 5 * 700)).await);
            tokio::time::sleep(Duration::from_millis(i % 7 * 900)).await;
        }
        for (first, later) in calls.iter().zip(calls.iter().skip(3)) {
            assert!(later.0 - first.1 >= WINDOW, "the fourth began within a minute of the first's end");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quarter_of_the_calls_does_not_wait_and_the_rest_is_spread_over_the_minute() {
        let pace = pace(20);
        let start = Instant::now();
        let mut starts = Vec::new();
        for _ in 0..22 {
            starts.push((call(&pace, Duration::ZERO).await.0 - start).as_secs());
        }
        assert_eq!(starts[..8], [0, 0, 0, 0, 0, 3, 6, 9]);
        assert_eq!(starts[20], 60, "the twenty-first waits for the minute to be over");
    }

    #[tokio::test(start_paused = true)]
    async fn two_calls_never_overlap() {
        let pace = pace(20);
        let other = pace.clone();
        let first = tokio::spawn(async move { call(&other, Duration::from_secs(5)).await });
        tokio::task::yield_now().await;
        let second = call(&pace, Duration::from_secs(5)).await;
        assert!(second.0 >= first.await.unwrap().1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_holds_also_those_who_already_wait() {
        let pace = pace(1);
        call(&pace, Duration::ZERO).await;
        let start = Instant::now();
        let other = pace.clone();
        let waiting = tokio::spawn(async move { call(&other, Duration::ZERO).await });
        tokio::time::sleep(Duration::from_secs(30)).await;
        pace.block(start + Duration::from_secs(300));
        pace.block(start + Duration::from_secs(100));
        assert_eq!(waiting.await.unwrap().0 - start, Duration::from_secs(300));
        assert_eq!(pace.blocked_until(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn being_limited_twice_in_a_row_blocks_for_an_hour_and_a_pass_forgives() {
        let pace = pace(20);
        let mut lengths = Vec::new();
        for pass in [false, false, true, false] {
            let mut permit = pace.permit().await;
            permit.begin();
            if pass {
                permit.passed()
            } else {
                permit.limited()
            }
            drop(permit);
            lengths.push(pace.blocked_until().map_or(0, |until| (until - Instant::now()).as_secs()));
        }
        assert_eq!(lengths, [60, 3600, 0, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_was_not_used_costs_nothing() {
        let pace = pace(1);
        let start = Instant::now();
        drop(pace.permit().await);
        call(&pace, Duration::ZERO).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
