//! The commands that wait for a terminal to fetch them, and those whose results are awaited.

use std::collections::VecDeque;
use std::time::Duration;

use punchd_contract::Request;
use tokio::time::Instant;

use super::protocol::command::{Order, Outcome};

/// More than this at once is refused: a terminal works through them one by one.
const MOST: usize = 64;

/// How many may be with the terminal unanswered; it gets no more until it answered some.
const MOST_UNANSWERED: usize = 8;

/// How long a command waits to be fetched.
const FETCHED_WITHIN: Duration = Duration::from_secs(120);

/// How long a terminal may work on a command.
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);

/// How long it may be silent while it sends punches of a period.
const SENT_WITHIN: Duration = Duration::from_secs(600);

/// Why a command is given.
#[derive(Debug)]
pub enum Purpose {
    /// To know the firmware.
    Info,
    /// To know who is on it.
    Users,
    /// To make it fetch its options again.
    Options,
    /// A step of the comparison of counts.
    Survey,
    /// The agent asked for it.
    Agent(Request),
}

/// A command on its way.
#[derive(Debug)]
pub struct Errand {
    id: u64,
    /// What.
    pub order: Order,
    /// Why.
    pub purpose: Purpose,
    since: Instant,
    tries: u8,
}

/// All commands of one terminal.
#[derive(Debug)]
pub struct Orders {
    next_id: u64,
    waiting: VecDeque<Errand>,
    sent: Vec<Errand>,
}

impl Orders {
    /// None yet. The ids begin anywhere, so that a late answer to a command from before a restart is not taken for another's.
    pub fn new() -> Self {
        Self { next_id: fastrand::u64(1_000_000..1_000_000_000), waiting: VecDeque::new(), sent: Vec::new() }
    }

    /// Lines up a command, to be fetched from then on; what the agent asks for goes first. Gives the purpose back if too
    /// many wait.
    pub fn give(&mut self, order: Order, purpose: Purpose, from: Instant) -> Result<(), Purpose> {
        if self.waiting.len() + self.sent.len() >= MOST {
            return Err(purpose);
        }
        self.next_id += 1;
        let first = matches!(purpose, Purpose::Agent(_));
        let errand = Errand { id: self.next_id, order, purpose, since: from, tries: 0 };
        if first {
            self.waiting.push_front(errand)
        } else {
            self.waiting.push_back(errand)
        }
        Ok(())
    }

    /// Whether such a command is lined up or unanswered.
    pub fn has(&self, order: &Order) -> bool {
        self.waiting.iter().chain(&self.sent).any(|errand| errand.order == *order)
    }

    /// The next command for a terminal that polls: its id and its text.
    pub fn next(&mut self, now: Instant) -> Option<(u64, String)> {
        if self.sent.len() >= MOST_UNANSWERED {
            return None;
        }
        let at = self.waiting.iter().position(|errand| errand.since <= now)?;
        let mut errand = self.waiting.remove(at)?;
        errand.since = now;
        errand.tries += 1;
        let line = (errand.id, errand.order.encode());
        self.sent.push(errand);
        Some(line)
    }

    /// The errand that this result belongs to.
    pub fn answered(&mut self, outcome: &Outcome) -> Option<Errand> {
        let at = self.sent.iter().position(|errand| errand.id == outcome.id)?;
        Some(self.sent.swap_remove(at))
    }

    /// The terminal is at work on a period: its silence begins anew.
    pub fn still_sending(&mut self, now: Instant) {
        let sending = self.sent.iter_mut().filter(|errand| matches!(errand.order, Order::SendPunches { .. }));
        sending.for_each(|errand| errand.since = now);
    }

    /// Gives an unanswered command a second try, and returns those that nothing came of.
    pub fn overdue(&mut self, now: Instant) -> Vec<Errand> {
        let bound = |errand: &Errand| match errand.order {
            Order::SendPunches { .. } => SENT_WITHIN,
            _ => ANSWERED_WITHIN,
        };
        let late = |errand: &mut Errand| now.saturating_duration_since(errand.since) > bound(errand);
        let mut failed = Vec::new();
        for mut errand in self.sent.extract_if(.., late).collect::<Vec<_>>() {
            // A door that opens twice is worse than one that must be asked for again.
            if errand.tries < 2 && errand.order != Order::Unlock {
                errand.since = now;
                self.waiting.push_front(errand);
            } else {
                failed.push(errand);
            }
        }
        let unfetched = |errand: &Errand| now.saturating_duration_since(errand.since) > FETCHED_WITHIN;
        let (gone, stay) = self.waiting.drain(..).partition::<Vec<_>, _>(unfetched);
        self.waiting = stay.into();
        failed.extend(gone);
        failed
    }

    /// Forgets everything, as when a terminal comes back after a silence; returns what was under way.
    pub fn take_all(&mut self) -> Vec<Errand> {
        self.waiting.drain(..).chain(self.sent.drain(..)).collect()
    }
}

impl Default for Orders {
    fn default() -> Self {
        Self::new()
    }
}
