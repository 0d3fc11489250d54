//! What a virtual reader has still to send, and whether it was told to read.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Obeys;

/// How long a scanner that was told to read goes on trying.
const READS: Duration = Duration::from_secs(5);
/// What may wait; more is lost, as in a reader's buffer.
const MOST: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Send {
    /// Goes out at once.
    Bytes(Vec<u8>),
    /// Goes out when the reader reads, until the person loses patience.
    Presented { what: Vec<u8>, until: Instant },
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Send>,
    reads_until: Option<Instant>,
    /// Something presented is on its way just now.
    sending: bool,
}

impl Queue {
    pub(super) fn push(&mut self, what: Send) {
        if self.waiting.len() < MOST {
            self.waiting.push_back(what);
        }
    }

    /// An answer to a command: before whatever the command lets out.
    pub(super) fn answer(&mut self, bytes: Vec<u8>) {
        let at = self.waiting.iter().take_while(|send| matches!(send, Send::Bytes(_))).count();
        if self.waiting.len() < MOST {
            self.waiting.insert(at, Send::Bytes(bytes));
        }
    }

    /// The scanner was told to read, or to stop.
    pub(super) fn read(&mut self, on: bool, now: Instant) {
        self.reads_until = on.then(|| now + READS);
    }

    /// What may go out now.
    pub(super) fn next(&mut self, obeys: Obeys, now: Instant) -> Option<Send> {
        self.forget(now);
        let reads = obeys == Obeys::Nothing || self.reads_until.is_some_and(|until| now < until);
        let may_go = |send: &Send| reads || matches!(send, Send::Bytes(_));
        let at = self.waiting.iter().position(may_go)?;
        let next = self.waiting.remove(at);
        if matches!(next, Some(Send::Presented { .. })) {
            self.sending = true;
            // One code a command.
            self.reads_until = None;
        }
        next
    }

    pub(super) fn sent(&mut self, what: &Send) {
        if matches!(what, Send::Presented { .. }) {
            self.sending = false;
        }
    }

    /// Whether something presented is not sent yet.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        let waits = |send: &Send| matches!(send, Send::Presented { until, .. } if now < *until);
        self.sending || self.waiting.iter().any(waits)
    }

    fn forget(&mut self, now: Instant) {
        self.waiting.retain(|send| !matches!(send, Send::Presented { until, .. } if now >= *until));
    }
}
