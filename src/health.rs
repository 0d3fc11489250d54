//! How everything is: one sentence for every device, every destination, the clock and the journal.
//!
//! Silence is a fault (DESIGN §2 law 7). Whoever is responsible for something says how it is on the [`Board`]; a change is logged
//! once when it happens. The CLI, the page, the metrics and the journal all show what stands on the board.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use punchd_contract::{Condition, Health, Text};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::UnixMillis;

/// Whose health it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Subject {
    /// The journal and the disk under it.
    Journal,
    /// The gateway's clock.
    Clock,
    /// The configuration, and whether the file still says what is in effect.
    Configuration,
    /// The people list, and whether the file of the configuration could be imported.
    People,
    /// How much room the disk under the journal has.
    Disk,
    /// What arrives and reaches no destination: unknown, held, refused for want of a decision.
    Punches,
    /// An organisation by name: whether its punches go anywhere.
    Organisation(String),
    /// A device by name.
    Device(String),
    /// A destination by name.
    Destination(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal => f.write_str("journal"),
            Self::Clock => f.write_str("clock"),
            Self::Configuration => f.write_str("configuration"),
            Self::People => f.write_str("people"),
            Self::Disk => f.write_str("disk"),
            Self::Punches => f.write_str("punches"),
            Self::Organisation(name) => write!(f, "organisation:{name}"),
            Self::Device(name) => write!(f, "device:{name}"),
            Self::Destination(name) => write!(f, "destination:{name}"),
        }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> String {
        subject.to_string()
    }
}

impl TryFrom<String> for Subject {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("device", name)) => Ok(Self::Device(name.to_owned())),
            Some(("destination", name)) => Ok(Self::Destination(name.to_owned())),
            Some(("organisation", name)) => Ok(Self::Organisation(name.to_owned())),
            _ => match text.as_str() {
                "journal" => Ok(Self::Journal),
                "clock" => Ok(Self::Clock),
                "configuration" => Ok(Self::Configuration),
                "people" => Ok(Self::People),
                "disk" => Ok(Self::Disk),
                "punches" => Ok(Self::Punches),
                _ => Err(format!("{text:?} is nothing that has a health")),
            },
        }
    }
}

/// How something is, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// How it is.
    #[serde(flatten)]
    pub health: Health,
    /// Since when the condition is what it is, by the gateway's wall clock.
    pub since_ms: i64,
}

/// What everyone said last.
#[derive(Debug)]
pub struct Board {
    states: Mutex<BTreeMap<Subject, State>>,
    changed: watch::Sender<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self { states: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Board {
    /// Takes note of how something is; logs a change of condition, and of the sentence where something is wrong.
    pub fn say(&self, subject: Subject, health: Health, now: UnixMillis) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let before = states.get(&subject);
        if before.is_some_and(|state| state.health == health) {
            return;
        }
        let same_condition = before.is_some_and(|state| state.health.condition == health.condition);
        let since_ms = before.filter(|_| same_condition).map_or(now.0, |state| state.since_ms);
        if !same_condition {
            announce(&subject, &health);
        }
        states.insert(subject, State { health, since_ms });
        self.changed.send_modify(|change| *change += 1);
    }

    /// The time turned out to be another by so much: what was said until `before` was said then all the same.
    pub fn shift(&self, before: UnixMillis, by_ms: i64) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        for state in states.values_mut().filter(|state| state.since_ms <= before.0) {
            state.since_ms = state.since_ms.saturating_add(by_ms);
        }
        self.changed.send_modify(|change| *change += 1);
    }

    /// Forgets what is no longer configured.
    pub fn forget(&self, subject: &Subject) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).remove(subject);
        self.changed.send_modify(|change| *change += 1);
    }

    /// What stands on the board.
    pub fn states(&self) -> BTreeMap<Subject, State> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The worst condition on the board.
    pub fn worst(&self) -> Condition {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.values().map(|state| state.health.condition).max().unwrap_or(Condition::Starting)
    }

    /// Announces changes by a rising number.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

fn announce(subject: &Subject, health: &Health) {
    let Text { en, zh } = &health.text;
    match health.condition {
        Condition::Working | Condition::Starting => tracing::info!(%subject, condition = ?health.condition, zh, "{en}"),
        Condition::Warning => tracing::warn!(%subject, zh, "{en}"),
        Condition::Fault => tracing::error!(%subject, zh, "{en}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_when_is_that_of_the_condition_not_of_the_sentence() {
        let board = Board::default();
        let say = |health: Health, at| board.say(Subject::Clock, health, UnixMillis(at));
        say(Health::fault(Text::new("one", "一")), 1);
        say(Health::fault(Text::new("two", "二")), 2);
        let state = board.states()[&Subject::Clock].clone();
        assert_eq!((state.since_ms, state.health.text.en.as_str()), (1, "two"));
        say(Health::working(Text::new("three", "三")), 3);
        assert_eq!(board.states()[&Subject::Clock].since_ms, 3);
    }

    #[test]
    fn when_the_time_is_learned_what_was_said_before_is_as_old_as_it_was() {
        let board = Board::default();
        board.say(Subject::Journal, Health::working(Text::new("one", "一")), UnixMillis(5_000));
        board.say(Subject::Clock, Health::working(Text::new("one", "一")), UnixMillis(1_800_000_060_000));
        board.shift(UnixMillis(60_000), 1_800_000_000_000);
        let since = |subject| board.states()[&subject].since_ms;
        assert_eq!((since(Subject::Journal), since(Subject::Clock)), (1_800_000_005_000, 1_800_000_060_000));
    }

    #[test]
    fn a_subject_is_written_and_read_alike() {
        for subject in [
            Subject::Journal,
            Subject::Clock,
            Subject::Configuration,
            Subject::People,
            Subject::Disk,
            Subject::Punches,
            Subject::Device("a:b".into()),
            Subject::Destination("w".into()),
            Subject::Organisation("acme".into()),
        ] {
            assert_eq!(Subject::try_from(subject.to_string()), Ok(subject));
        }
    }
}
