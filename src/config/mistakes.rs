//! What is wrong with a configuration, all of it at once, as a person reads it.

use punchd_contract::Text;

use super::findings::Findings;
use super::language::Language;
use super::source::Sources;

/// The most mistakes that are kept; the rest is counted.
const KEPT: usize = 200;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file, named from the main file's folder.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Something that keeps the configuration from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub spot: Spot,
    /// What is wrong and what would be right. Holds no secret.
    pub text: Text,
}

/// Something that works but is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub spot: Spot,
    /// What to look at.
    pub text: Text,
}

impl Warning {
    /// One line (two in both languages), with its place.
    pub fn say(&self, language: Language) -> String {
        say(&self.spot, &self.text, language)
    }
}

/// All mistakes of a configuration, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The first of them; never empty.
    pub list: Vec<Mistake>,
    /// How many more there are.
    pub more: usize,
    /// The language that the file asks for, as far as it could be read.
    pub language: Language,
    /// What was found besides.
    pub warnings: Vec<Warning>,
    /// Nothing is wrong but that whoever reads may not read all files.
    pub denied: bool,
}

impl Mistakes {
    /// What a program exits with (`EX_USAGE` of sysexits.h).
    pub const EXIT_CODE: u8 = 64;

    pub(super) fn new(findings: Findings, sources: &Sources, language: Language) -> Self {
        let warnings = warnings(&findings, sources);
        let denied = findings.denied > 0 && findings.denied == findings.mistakes.len();
        let mut mistakes = findings.mistakes;
        mistakes.sort_by_key(|(at, _)| *at);
        mistakes.dedup();
        let more = findings.more + mistakes.len().saturating_sub(KEPT);
        let list = mistakes.into_iter().take(KEPT).map(|(at, text)| Mistake { spot: sources.spot(at), text }).collect();
        Self { list, more, language, warnings, denied }
    }

    /// All of them, a line each (two in both languages).
    pub fn say(&self, language: Language) -> String {
        let mut lines: Vec<String> =
            self.list.iter().map(|mistake| say(&mistake.spot, &mistake.text, language)).collect();
        if let more @ 1.. = self.more {
            lines.push(language.of(&Text::new(format!("… and {more} more"), format!("……还有 {more} 处"))));
        }
        lines.join("\n")
    }
}

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.say(self.language))
    }
}

impl std::error::Error for Mistakes {}

pub(super) fn warnings(findings: &Findings, sources: &Sources) -> Vec<Warning> {
    let mut found = findings.warnings.clone();
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(at, text)| Warning { spot: sources.spot(at), text }).collect()
}

fn say(spot: &Spot, text: &Text, language: Language) -> String {
    match language {
        Language::Both => format!("{spot}: {}\n    {}", text.en, text.zh),
        one => format!("{spot}: {}", one.of(text)),
    }
}
