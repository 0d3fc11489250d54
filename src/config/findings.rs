//! What the check has found so far: mistakes and warnings, each at its place.

use punchd_contract::Text;

use super::source::Place;

/// The most mistakes that are remembered with their text; a file of nonsense must not take the machine's memory.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) mistakes: Vec<(Place, Text)>,
    pub(super) warnings: Vec<(Place, Text)>,
    /// How many mistakes there are besides.
    pub(super) more: usize,
    /// How many of the mistakes are files that whoever reads may not read.
    pub(super) denied: usize,
    /// A file could not be read to its end, so what seems to be missing may stand in the part that was lost.
    incomplete: bool,
}

impl Findings {
    pub(super) fn mistake(&mut self, at: Place, en: impl Into<String>, zh: impl Into<String>) {
        if self.mistakes.len() < REMEMBERED {
            self.mistakes.push((at, Text::new(en, zh)));
        } else {
            self.more += 1;
        }
    }

    pub(super) fn warning(&mut self, at: Place, en: impl Into<String>, zh: impl Into<String>) {
        self.warnings.push((at, Text::new(en, zh)));
    }

    /// Something is not there. Said only if everything could be read.
    pub(super) fn missing(&mut self, at: Place, en: impl Into<String>, zh: impl Into<String>) {
        if !self.incomplete {
            self.mistake(at, en, zh);
        }
    }

    pub(super) fn broken(&mut self) {
        self.incomplete = true;
    }
}
