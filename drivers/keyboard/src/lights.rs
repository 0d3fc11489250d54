//! The five signs as lights and beeps of one kind: long is good, short is not.

use std::time::Duration;

use punchd_contract::Tone;
use tokio::time::Instant;

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_millis(800);
const VERY_LONG: Duration = Duration::from_millis(2500);
const PAUSE: Duration = Duration::from_millis(150);

/// What is being shown.
#[derive(Debug, Default)]
pub struct Lights {
    /// What is left of the sign, the next change last.
    changes: Vec<(Instant, bool)>,
}

impl Lights {
    /// Shows this sign from now on, instead of what was shown.
    pub fn show(&mut self, tone: Tone, now: Instant) {
        let (flashes, length) = match tone {
            Tone::Accepted => (1, LONG),
            Tone::Already => (2, SHORT),
            Tone::Unknown | Tone::Refused => (3, SHORT),
            Tone::OutOfOrder => (1, VERY_LONG),
        };
        self.changes.clear();
        let mut at = now;
        for _ in 0..flashes {
            self.changes.extend([(at, true), (at + length, false)]);
            at += length + PAUSE;
        }
        self.changes.reverse();
    }

    /// When there is something to change.
    pub fn due(&self) -> Option<Instant> {
        self.changes.last().map(|(at, _)| *at)
    }

    /// What to change now.
    pub fn change(&mut self) -> Option<bool> {
        self.changes.pop().map(|(_, on)| on)
    }
}
