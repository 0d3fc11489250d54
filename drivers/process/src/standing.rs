//! How the device is, from what the program says and what is wrong with how it says it.

use std::time::Duration;

use punchd_contract::{Condition, Health, Port, Text};
use tokio::time::Instant;

/// How long what was wrong is shown.
const COMPLAINED: Duration = Duration::from_secs(300);
/// A newer complaint waits so long before it takes the place of one: a program that writes nonsense must not flood the log.
const NEWER: Duration = Duration::from_secs(10);

/// What is told to the agent.
pub struct Standing {
    port: Port,
    /// As the program said last.
    said: Health,
    complaint: Option<(Instant, Text)>,
}

impl Standing {
    /// At the start.
    pub fn new(port: Port, text: Text) -> Self {
        let standing = Self { port, said: Health { condition: Condition::Starting, text }, complaint: None };
        standing.tell();
        standing
    }

    /// What the program says.
    pub fn say(&mut self, health: Health) {
        self.said = health;
        self.tell();
    }

    /// Whether the program has said anything.
    pub fn is_starting(&self) -> bool {
        self.said.condition == Condition::Starting
    }

    /// Something is wrong with what the program writes; readings arrive all the same.
    pub fn complain(&mut self, text: Text) {
        if self.complaint.as_ref().is_none_or(|(since, _)| since.elapsed() >= NEWER) {
            self.complaint = Some((Instant::now(), text));
            self.tell();
        }
    }

    /// Says it again, and lets go of what is long over.
    pub fn refresh(&mut self) {
        if self.complaint.as_ref().is_some_and(|(since, _)| since.elapsed() >= COMPLAINED) {
            self.complaint = None;
        }
        self.tell();
    }

    fn tell(&self) {
        let health = match &self.complaint {
            Some((_, text)) if self.said.condition < Condition::Warning => Health::warning(text.clone()),
            _ => self.said.clone(),
        };
        self.port.health(health);
    }
}
