//! What to do when a scan hears nothing at all: the steps, one after the other.
//!
//! A daemon can stop delivering after hours without a word, until it is restarted (facts/readers.md D.3). But a lonely site is silent too: so each
//! step costs more and comes later, and what is said in the end is a hint and no fault.

use std::time::Duration;

use tokio::time::Instant;

/// After the last step, this many times the length of silence passes before they begin anew.
const RESTS: u32 = 6;

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Stop scanning and start again.
    ScanAnew,
    /// Switch the adapter off and on.
    PowerCycle,
    /// Say that restarting the service may help.
    Tell,
}

/// How long nothing was heard, and what was tried.
#[derive(Debug)]
pub struct Silence {
    since: Instant,
    next: Step,
}

impl Silence {
    /// Scanning begins now.
    pub fn begins(now: Instant) -> Self {
        Self { since: now, next: Step::ScanAnew }
    }

    /// Something was heard.
    pub fn broken(&mut self, now: Instant) {
        *self = Self::begins(now);
    }

    /// When the next step is due, if nothing is heard for this long at a time.
    pub fn due(&self, length: Duration) -> Instant {
        self.since + length
    }

    /// Takes the step that is due.
    pub fn step(&mut self, now: Instant, length: Duration) -> Step {
        let step = self.next;
        self.since = now;
        self.next = match step {
            Step::ScanAnew => Step::PowerCycle,
            Step::PowerCycle => Step::Tell,
            Step::Tell => {
                self.since = now + length * RESTS;
                Step::ScanAnew
            }
        };
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_steps_come_one_after_the_other_and_then_rest() {
        let (start, length) = (Instant::now(), Duration::from_secs(600));
        let mut silence = Silence::begins(start);
        let mut steps = Vec::new();
        for _ in 0..5 {
            let due = silence.due(length);
            steps.push((silence.step(due, length), (due - start).as_secs() / 600));
        }
        use Step::{PowerCycle, ScanAnew, Tell};
        assert_eq!(steps, [(ScanAnew, 1), (PowerCycle, 2), (Tell, 3), (ScanAnew, 10), (PowerCycle, 11)]);
        silence.broken(start);
        assert_eq!((silence.step(start, length), silence.due(length)), (ScanAnew, start + length));
    }
}
