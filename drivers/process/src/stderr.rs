//! What a program says to its author: into the log, bounded.

use std::convert::Infallible;
use std::time::Duration;

use punchd_contract::{DeviceName, Member, Secret};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

use crate::protocol::{Line, Lines};
use crate::settings::Settings;

/// So much of a line is kept.
const MAX_SHOWN: usize = 300;
/// So long a line may be.
const MAX_LINE: usize = 8 << 10;
/// So many lines a minute.
const LINES_A_MINUTE: u32 = 60;

/// The stderr of a program.
pub struct Stderr<R> {
    reader: Option<R>,
    lines: Lines,
    piece: Vec<u8>,
    device: DeviceName,
    secret: Option<Secret>,
    last: Option<String>,
    minute: Instant,
    logged: u32,
    dropped: u64,
}

impl<R: AsyncRead + Unpin> Stderr<R> {
    /// Of the program of this device.
    pub fn new(reader: Option<R>, member: &Member<Settings>) -> Self {
        Self {
            reader,
            lines: Lines::new(MAX_LINE),
            piece: vec![0; 4 << 10],
            device: member.device.clone(),
            secret: member.settings.secret.clone(),
            last: None,
            minute: Instant::now(),
            logged: 0,
            dropped: 0,
        }
    }

    /// The last line that says something.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Logs what comes, for ever; safe to drop.
    pub async fn listen(&mut self) -> Infallible {
        self.drain().await;
        std::future::pending().await
    }

    /// Logs what comes until it is closed.
    pub async fn drain(&mut self) {
        loop {
            while let Some(line) = self.lines.take() {
                match line {
                    Line::Whole { bytes, .. } => self.log(&bytes),
                    Line::TooLong { .. } => self.log(b"(a line longer than 8 KiB)"),
                }
            }
            let Some(reader) = &mut self.reader else { return };
            match reader.read(&mut self.piece).await {
                Ok(0) | Err(_) => break,
                Ok(length) => self.lines.push(self.piece.get(..length).unwrap_or_default()),
            }
        }
        self.reader = None;
        let rest = self.lines.rest().to_vec();
        self.log(&rest);
    }

    fn log(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let mut text: String = text.chars().filter(|c| !c.is_control()).collect();
        if let Some(secret) = self.secret.as_ref().filter(|secret| !secret.reveal().is_empty()) {
            text = text.replace(secret.reveal(), "•••");
        }
        let text: String = text.trim().chars().take(MAX_SHOWN).collect();
        if text.is_empty() {
            return;
        }
        if self.minute.elapsed() >= Duration::from_secs(60) {
            if self.dropped > 0 {
                tracing::info!(device = %self.device, lines = self.dropped, "more that the program said is not logged");
            }
            (self.minute, self.logged, self.dropped) = (Instant::now(), 0, 0);
        }
        if self.logged < LINES_A_MINUTE {
            self.logged += 1;
            tracing::info!(device = %self.device, "the program says: {text}");
        } else {
            self.dropped += 1;
        }
        self.last = Some(text);
    }
}

#[cfg(test)]
mod tests {
    use punchd_contract::conformance::{Bench, EPOCH};

    use super::*;

    #[tokio::test]
    async fn the_last_line_is_kept_without_the_secret_and_without_what_steers_a_terminal() {
        let settings = Settings {
            program: "/x".into(),
            arguments: Vec::new(),
            settings: Default::default(),
            secret: Some(Secret::new("hunter2")),
            env: Default::default(),
            directory: "/".into(),
            silence: Duration::from_secs(60),
        };
        let member = Member {
            device: DeviceName::new("d").unwrap(),
            zone: jiff::tz::TimeZone::UTC,
            settings: settings.into(),
            port: Bench::new(EPOCH).1,
        };
        let mut stderr = Stderr::new(Some(&b"one\n\x1b[31mlogin with hunter2 failed\n\n"[..]), &member);
        stderr.drain().await;
        assert_eq!(stderr.last(), Some("[31mlogin with ••• failed"));
        let long = "x".repeat(1000);
        let mut stderr = Stderr::new(Some(long.as_bytes()), &member);
        stderr.drain().await;
        assert_eq!(stderr.last().map(str::len), Some(300));
    }
}
