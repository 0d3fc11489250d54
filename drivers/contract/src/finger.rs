//! Fingers that a module keeps: what a driver tells of them and what the agent sends it.

use serde::{Deserialize, Serialize};

/// The name of a finger that one module keeps. It is never used again for another finger, also when the module's slot is, and
/// belongs to that module alone: a slot number is neither (facts/readers.md C.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FingerName(pub String);

/// A template as one model of module reads and writes it. Goes into modules of the same model alone (facts/readers.md C.2). Shows
/// itself to nobody: `Debug` prints its length.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    /// What has to be equal for a module to take it: model, firmware and length as the driver finds them.
    pub model: String,
    /// At most 4 KiB.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({}, {} bytes)", self.model, self.bytes.len())
    }
}

/// A finger that was just stored in a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFinger {
    /// What it is called from now on; the credential of its readings.
    pub name: FingerName,
    /// Its template, where the module gives it away.
    pub template: Option<Template>,
}

/// What a module holds, as read from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerModule {
    /// What tells this very module from others.
    pub module: String,
    /// See [`Template::model`].
    pub model: String,
    /// How many fingers it can hold.
    pub capacity: u32,
    /// Fingers that were stored through punchd.
    pub fingers: Vec<FingerName>,
    /// Fingers that were in it already: readings of theirs are of unknown people until somebody maps them.
    pub foreign: Vec<FingerName>,
}
