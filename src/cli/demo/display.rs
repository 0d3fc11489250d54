//! What the demo shows: a line that changes in place in a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};

use tokio::time::Instant;

use super::account::{Account, Journalled};
use crate::cli::screen::Screen;
use crate::cli::table::wrap;
use crate::config::Language;

/// The demo's display.
pub(super) struct Display {
    started: Instant,
    live: bool,
    /// Whether the last line on the screen is the one that changes.
    changing: bool,
    shown: String,
    width: Option<usize>,
}

/// The columns before a sentence: the seconds.
const MARGIN: &str = "         ";

impl Display {
    pub fn new() -> Self {
        let (live, width) = (std::io::stdout().is_terminal(), Screen::new(Language::Both, false).width());
        Self { started: Instant::now(), live, changing: false, shown: String::new(), width }
    }

    /// Something happened.
    pub fn say(&mut self, en: &str, zh: &str) {
        let at = self.started.elapsed().as_secs_f64();
        self.finish_line();
        let lines = |text: &str| match self.width {
            Some(width) => wrap(text, width.saturating_sub(MARGIN.len())).join(&format!("\n{MARGIN}")),
            None => text.to_owned(),
        };
        self.write(&format!("{at:5.1} s  {}\n{MARGIN}{}\n", lines(en), lines(zh)));
    }

    /// A command for another window, alone on its line so that it can be copied.
    pub fn command(&mut self, command: &str) {
        self.finish_line();
        self.write(&format!("{MARGIN}{command}\n"));
    }

    /// How things stand now.
    pub fn state(&mut self, account: &Account, agent_runs: bool, uplink: bool) {
        let journalled = &account.journalled;
        let line = state_line(journalled, account.arrived.held, agent_runs, uplink);
        if line == self.shown {
            return;
        }
        let at = self.started.elapsed().as_secs_f64();
        if self.live {
            self.write(&format!("\r\x1b[2K{at:5.1} s  {line}"));
            self.changing = true;
        } else {
            self.write(&format!("{at:5.1} s  {line}\n"));
        }
        self.shown = line;
    }

    /// The account at the end.
    pub fn account(&mut self, account: &Account) {
        self.finish_line();
        let journalled = &account.journalled;
        let rows = [
            ("taken", "已接收", journalled.readings.unsigned_abs() as usize),
            ("merged", "已合并", journalled.merged.unsigned_abs() as usize),
            ("unknown", "未知人员", journalled.unknown.unsigned_abs() as usize),
            ("delivered", "已送达", account.arrived.held),
            ("lost", "丢失", account.lost()),
            ("twice", "重复", account.twice()),
        ];
        let mut text = String::from("\n");
        for (en, zh, count) in rows {
            text.push_str(&format!("{en:>12} {count:>7}  {zh}\n"));
        }
        if journalled.held > 0 {
            text.push_str(&format!("{:>12} {:>7}  待处理\n", "held", journalled.held));
        }
        for (name, what) in [
            ("lost", &account.arrived.lost),
            ("twice", &account.arrived.twice),
            ("from nowhere", &account.arrived.invented),
        ] {
            for (userid, second) in what.iter().take(10) {
                text.push_str(&format!("  {name}: {userid} at {second}\n"));
            }
        }
        self.write(&text);
    }

    fn finish_line(&mut self) {
        if self.changing {
            self.write("\n");
            self.changing = false;
        }
    }

    fn write(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A reader that closed the pipe has seen enough; the exit code tells the rest.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// How things stand, in the columns that any terminal has: the line is written over again and again, and must not break.
fn state_line(journalled: &Journalled, delivered: usize, agent_runs: bool, uplink: bool) -> String {
    let mut line = format!(
        "taken {}  held {}  waiting {}  delivered {delivered}",
        journalled.readings, journalled.held, journalled.waiting
    );
    if !agent_runs {
        line.push_str("  KILLED");
    }
    if !uplink {
        line.push_str("  no uplink");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_changes_fits_into_80_columns_at_its_longest() {
        let journalled = Journalled { readings: 9999, held: 99, waiting: 999, ..Journalled::default() };
        let line = state_line(&journalled, 9999, false, false);
        assert!(MARGIN.len() + line.len() < 80, "{line}");
    }
}
