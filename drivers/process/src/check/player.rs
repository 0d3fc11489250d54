//! The agent's end of the pipes, in the hands of the check.

use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tokio::time::{Instant, timeout_at};

use punchd_contract::SerialNumber;

use crate::program::Running;
use crate::protocol::{FromProgram, Line, Lines, MAX_LINE, Refused, ToProgram, Wrong};

/// What came.
pub enum Heard {
    /// A message.
    Message(FromProgram),
    /// A line, by its number, that is none.
    Wrong(Refused, u64),
    /// The end.
    Closed,
}

/// Reads what a program says.
pub struct Player {
    stdout: ChildStdout,
    lines: Lines,
    piece: Vec<u8>,
    /// Set once hello has told it.
    pub log: Option<SerialNumber>,
    closed: bool,
}

impl Player {
    /// Over this pipe.
    pub fn new(stdout: ChildStdout) -> Self {
        Self { stdout, lines: Lines::new(MAX_LINE), piece: vec![0; 16 << 10], log: None, closed: false }
    }

    /// What comes next, until then; meanwhile what waits for the program is written.
    pub async fn next(&mut self, running: &mut Running, until: Instant) -> Option<Heard> {
        loop {
            match self.lines.take() {
                Some(Line::Whole { bytes, .. }) if bytes.is_empty() => continue,
                Some(Line::Whole { number, bytes }) => {
                    return Some(match FromProgram::parse(&bytes, self.log.as_ref()) {
                        Ok(message) => Heard::Message(message),
                        Err(refused) => Heard::Wrong(refused, number),
                    });
                }
                Some(Line::TooLong { number }) => return Some(Heard::Wrong(Wrong::TooLong.into(), number)),
                None if self.closed => return Some(Heard::Closed),
                None => {}
            }
            let outbox = running.outbox().filter(|outbox| !outbox.is_empty());
            let waits = outbox.is_some();
            let write = async {
                match outbox {
                    Some(outbox) => outbox.write_some().await,
                    None => Ok(()),
                }
            };
            let step = async {
                tokio::select! {
                    read = self.stdout.read(&mut self.piece) => Some(read.unwrap_or(0)),
                    written = write, if waits => written.is_err().then_some(0),
                }
            };
            match timeout_at(until, step).await {
                Ok(Some(0)) => self.closed = true,
                Ok(Some(length)) => self.lines.push(self.piece.get(..length).unwrap_or_default()),
                Ok(None) => {}
                Err(_) => return None,
            }
        }
    }

    /// Says something; a program that does not read is noticed by what it does not answer.
    pub async fn say(&mut self, running: &mut Running, message: &ToProgram) {
        if let Some(line) = message.line() {
            self.say_line(running, line).await;
        }
    }

    /// The same for bytes as they are.
    pub async fn say_line(&mut self, running: &mut Running, line: Vec<u8>) {
        let Some(outbox) = running.outbox() else { return };
        if outbox.push_line(line).is_ok() {
            // The rest is written while the next line is waited for.
            let _ = timeout_at(Instant::now() + std::time::Duration::from_millis(200), outbox.write_all()).await;
        }
    }

    /// Reads until the end and forgets it.
    pub async fn drain(&mut self) {
        while self.stdout.read(&mut self.piece).await.is_ok_and(|length| length > 0) {}
    }
}
