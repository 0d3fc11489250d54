//! What people and programs are shown: sentences in their language, tables as wide as their screen, JSON for programs.

use std::io::{self, IsTerminal, Write};

use punchd_contract::Text;
use serde::Serialize;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::table::{Table, printable, wrap};
use super::window;
use crate::config::Language;

/// How wide a terminal is taken to be if nobody says.
const WIDTH: usize = 80;
/// Narrower ones are written to as if they were so wide.
const NARROWEST: usize = 40;

/// Where a command writes. Everything is gathered and written at its end, so that a reader that goes away ends nothing halfway.
#[derive(Debug)]
pub struct Screen {
    /// The language of sentences.
    pub language: Language,
    /// JSON is wanted.
    pub json: bool,
    /// `None`: a file or a pipe, in which no line is broken.
    width: Option<usize>,
    terminal: bool,
    out: String,
}

impl Screen {
    /// The process's own, in this language.
    pub fn new(language: Language, json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let width = terminal.then(terminal_width);
        Self { language, json, width, terminal, out: String::new() }
    }

    /// That of somebody else, whose answer is taken with [`Screen::take`].
    pub fn of_another(language: Language, json: bool, width: Option<usize>, terminal: bool) -> Self {
        Self { language, json, width: width.map(|width| width.max(NARROWEST)), terminal, out: String::new() }
    }

    /// How wide it is; `None`: no line is to be broken.
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// What was gathered.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// Puts somebody else's answer in the place of what was gathered.
    pub fn replace(&mut self, out: String) {
        self.out = out;
    }

    /// The word in the language of headings: Chinese if only Chinese is wanted, else English.
    pub fn word<'w>(&self, en: &'w str, zh: &'w str) -> &'w str {
        if self.language == Language::Chinese { zh } else { en }
    }

    /// A sentence; in both languages it takes two lines.
    pub fn say(&mut self, en: impl Into<String>, zh: impl Into<String>) {
        self.text(&Text::new(en, zh));
    }

    /// The same for a text.
    pub fn text(&mut self, text: &Text) {
        for line in self.sentences(text) {
            match self.width {
                Some(width) => wrapped(&line, width).into_iter().for_each(|line| self.line(&line)),
                None => self.line(&line),
            }
        }
    }

    /// The text's lines in the wanted language, without what could steer a terminal.
    pub fn sentences(&self, text: &Text) -> Vec<String> {
        let lines = |text: &str| text.lines().map(printable).collect::<Vec<_>>();
        match self.language {
            Language::English => lines(&text.en),
            Language::Chinese => lines(&text.zh),
            Language::Both if text.en == text.zh => lines(&text.en),
            Language::Both => [lines(&text.en), lines(&text.zh)].concat(),
        }
    }

    /// A line as it is.
    pub fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// A table, its headings bold on a terminal.
    pub fn table(&mut self, table: &Table) {
        let bold = self.terminal && std::env::var_os("NO_COLOR").is_none();
        for (at, line) in table.lines(self.width).iter().enumerate() {
            match (at, bold) {
                (0, true) => self.line(&format!("\u{1b}[1m{line}\u{1b}[0m")),
                _ => self.line(line),
            }
        }
    }

    /// A value for programs.
    pub fn value(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::plain(Exit::Negative, error))?;
        self.line(&text);
        Ok(())
    }

    /// Writes out what was gathered. A reader that has gone away is not a failure.
    pub fn show(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        let mut stdout = io::stdout().lock();
        match stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Says on standard error why a command was not carried out.
    pub fn complain(&self, failure: &Failure) {
        let mut lines = String::new();
        if self.json {
            let Text { en, zh } = &failure.text;
            lines = json!({ "error": { "en": en, "zh": zh }, "exit": failure.exit.code() }).to_string();
            lines.push('\n');
        } else {
            for (at, line) in self.sentences(&failure.text).iter().enumerate() {
                lines.push_str(if at == 0 { "punchd: " } else { "        " });
                lines.push_str(line);
                lines.push('\n');
            }
        }
        // There is nowhere else to say that standard error is closed.
        let _ = io::stderr().lock().write_all(lines.as_bytes());
    }
}

/// A sentence in lines that fit; what follows the first one stands a little further in. A command and a path are never broken.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start_matches(' ').len() + 4;
    let mut lines = wrap(line.trim_start_matches(' '), width.saturating_sub(indent)).into_iter();
    let first = lines.next().map(|first| format!("{}{first}", " ".repeat(indent - 4)));
    first.into_iter().chain(lines.map(|line| format!("{}{line}", " ".repeat(indent)))).collect()
}

/// As the terminal says, else as the shell says.
fn terminal_width() -> usize {
    let said = window::width().or_else(|| std::env::var("COLUMNS").ok()?.parse().ok());
    said.filter(|columns| *columns > 0).unwrap_or(WIDTH).max(NARROWEST)
}

/// The language: as asked for, else as configured, else that of the surroundings.
pub fn language(asked: Option<Language>, configured: Language) -> Language {
    match (asked, configured) {
        (Some(asked), _) => asked,
        (None, Language::Both) => of_the_surroundings(&|name| std::env::var(name).ok()),
        (None, configured) => configured,
    }
}

fn of_the_surroundings(variable: &dyn Fn(&str) -> Option<String>) -> Language {
    // The order in which the C library looks.
    let said = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|said| !said.is_empty());
    match said {
        Some(said) if said.starts_with("zh") => Language::Chinese,
        Some(said) if said.starts_with("en") => Language::English,
        _ => Language::Both,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surroundings_choose_a_language_only_where_nobody_else_does() {
        let said = |lang: &'static str| of_the_surroundings(&move |name| (name == "LANG").then(|| lang.to_owned()));
        assert_eq!(said("zh_CN.UTF-8"), Language::Chinese);
        assert_eq!(said("en_GB.UTF-8"), Language::English);
        assert_eq!(said("C.UTF-8"), Language::Both);
        assert_eq!(language(Some(Language::English), Language::Chinese), Language::English);
        assert_eq!(language(None, Language::Chinese), Language::Chinese);
    }
}
