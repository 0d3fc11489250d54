//! How a device is, with a sentence for people.

use serde::{Deserialize, Serialize};

use crate::Text;

/// How a device is. Silence is a fault: a driver says something within its first minute and at every change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How it is.
    pub condition: Condition,
    /// What is wrong and what to do; for a working device, what it is doing.
    pub text: Text,
}

/// The conditions, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Readings arrive.
    Working,
    /// Just started, nothing known yet.
    Starting,
    /// Readings arrive, and something wants a look.
    Warning,
    /// No readings arrive.
    Fault,
}

impl Health {
    /// All is well.
    pub fn working(text: Text) -> Self {
        Self { condition: Condition::Working, text }
    }
    /// Readings arrive, and something wants a look.
    pub fn warning(text: Text) -> Self {
        Self { condition: Condition::Warning, text }
    }
    /// No readings arrive.
    pub fn fault(text: Text) -> Self {
        Self { condition: Condition::Fault, text }
    }
}
