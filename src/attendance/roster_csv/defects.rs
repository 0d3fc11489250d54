//! What is wrong or strange about a people file, by row and column.

use punchd_contract::Text;

/// The most defects that are listed; the rest is counted.
const LISTED: usize = 1000;

/// How much a defect matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Read without doubt, but worth knowing.
    Note,
    /// Read, but perhaps not as it was meant.
    Warning,
    /// Cannot be read; the import changes nothing.
    Error,
}

/// One thing about one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The row as the spreadsheet counts, from 1 with the headings.
    pub row: usize,
    /// The heading of the column, if it is about one.
    pub column: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// What it is and what to do.
    pub text: Text,
}

/// The defects of a file while it is read.
#[derive(Debug, Default)]
pub(super) struct Defects {
    list: Vec<Defect>,
    unlisted: usize,
    refused: bool,
}

impl Defects {
    pub(super) fn add(&mut self, severity: Severity, row: usize, column: Option<&str>, text: Text) {
        self.refused |= severity == Severity::Error;
        if self.list.len() >= LISTED {
            // An error is worth more than a note that came before it.
            let Some(least) = self.list.iter().position(|defect| defect.severity < severity) else {
                self.unlisted += 1;
                return;
            };
            self.list.remove(least);
            self.unlisted += 1;
        }
        self.list.push(Defect { row, column: column.map(shown), severity, text });
    }

    pub(super) fn error(&mut self, row: usize, column: Option<&str>, en: impl Into<String>, zh: impl Into<String>) {
        self.add(Severity::Error, row, column, Text::new(en, zh));
    }

    pub(super) fn warning(&mut self, row: usize, column: Option<&str>, en: impl Into<String>, zh: impl Into<String>) {
        self.add(Severity::Warning, row, column, Text::new(en, zh));
    }

    pub(super) fn note(&mut self, row: usize, column: Option<&str>, en: impl Into<String>, zh: impl Into<String>) {
        self.add(Severity::Note, row, column, Text::new(en, zh));
    }

    pub(super) fn are_fatal(&self) -> bool {
        self.refused
    }

    /// In the order of rows.
    pub(super) fn finish(mut self) -> Vec<Defect> {
        self.list.sort_by_key(|defect| defect.row);
        if self.unlisted > 0 {
            let (row, more) = (self.list.last().map_or(1, |defect| defect.row), self.unlisted);
            let text = Text::new(
                format!("{more} more things are not listed: correct these first"),
                format!("还有 {more} 处未列出：请先改正以上各处"),
            );
            self.list.push(Defect { row, column: None, severity: Severity::Note, text });
        }
        self.list
    }
}

/// Text of the file as it may stand in a message: one line and not long.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect()
}
