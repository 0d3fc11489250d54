//! The terminal's order from one upload to the next: a log that was kept back comes in several bodies, one after the other.
//!
//! Bodies of several records that follow each other within [`TOGETHER`] are one stretch of the log, so that a run at a false time is
//! seen to its end although a body ends in the middle of it. A stretch ends where the terminal begins anew: with its greeting, with
//! a record that it has sent in this stretch already, with a body that goes backwards, or with an answer to a question of ours. Records
//! that come alone come as they happen; before a stretch they say nothing of it.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::order::{self, Placed, Written};
use tokio::time::Instant;

use super::placing::Draft;

/// Bodies of one stretch come one after the other; a terminal that is told to wait asks again within five minutes (ErrorDelay).
const TOGETHER: Duration = Duration::from_secs(600);
/// Records of a stretch that are remembered; a longer one goes on from its last ones.
const REMEMBERED: usize = 4000;

/// What a stretch has brought so far.
#[derive(Debug, Default)]
pub struct Trail {
    written: Vec<Written>,
    contents: HashSet<u64>,
    last: Option<Instant>,
}

impl Trail {
    /// The terminal begins anew.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// What the order tells of the records of a body, with those that came before them in the same stretch.
    pub(super) fn place(&mut self, drafts: &[Draft], zone: &TimeZone) -> Vec<Placed> {
        let body: Vec<Written> = drafts.iter().map(|draft| draft.written).collect();
        let dated: Vec<_> = body.iter().filter_map(|written| written.civil).collect();
        if dated.len() > 2 && dated.is_sorted_by(|one, next| one > next) {
            // A log that is sent from its end.
            self.end();
            let reversed: Vec<Written> = body.into_iter().rev().collect();
            let mut placed = order::place(&reversed, zone, None);
            placed.reverse();
            return placed;
        }
        if body.len() < 2 {
            return order::place(&body, zone, None);
        }
        let contents: Vec<u64> = drafts.iter().map(|draft| likeness(&draft.content)).collect();
        let late = self.last.is_none_or(|last| last.elapsed() > TOGETHER);
        if late || contents.iter().any(|content| self.contents.contains(content)) {
            self.end();
        }
        let before = self.written.len();
        self.written.extend(body);
        self.contents.extend(contents);
        self.last = Some(Instant::now());
        let placed = order::place(&self.written, zone, None).split_off(before);
        if self.written.len() > REMEMBERED {
            self.written.drain(..self.written.len() - REMEMBERED);
        }
        if self.contents.len() > 8 * REMEMBERED {
            self.contents.clear();
        }
        placed
    }
}

fn likeness(content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}
