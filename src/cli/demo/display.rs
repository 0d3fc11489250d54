//! What the demo shows: a line that changes in place in a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};

use tokio::time::Instant;

use super::account::Account;

/// The demo's display.
pub(super) struct Display {
    started: Instant,
    live: bool,
    /// Whether the last line on the screen is the one that changes.
    changing: bool,
    shown: String,
}

impl Display {
    pub fn new() -> Self {
        let live = std::io::stdout().is_terminal();
        Self { started: Instant::now(), live, changing: false, shown: String::new() }
    }

    /// Something happened.
    pub fn say(&mut self, en: &str, zh: &str) {
        let at = self.started.elapsed().as_secs_f64();
        self.finish_line();
        self.write(&format!("{at:5.1} s  {en}\n         {zh}\n"));
    }

    /// How things stand now.
    pub fn state(&mut self, account: &Account, agent_runs: bool, uplink: bool) {
        let journalled = &account.journalled;
        let line = format!(
            "taken {} · merged {} · unknown {} · held {} · waiting {} · delivered {} · agent {} · uplink {}",
            journalled.readings,
            journalled.merged,
            journalled.unknown,
            journalled.held,
            journalled.waiting,
            account.arrived.held,
            if agent_runs { "up" } else { "KILLED" },
            if uplink { "up" } else { "DOWN" },
        );
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
