//! What is on its way to a program: bounded, and never torn when the driver is stopped.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::ended::Ended;
use crate::protocol::ToProgram;

/// The most that may wait.
const MOST: usize = 4 << 20;
/// How long a program may take nothing.
pub const STUCK: Duration = Duration::from_secs(30);

/// Lines on their way to a program's stdin.
#[derive(Debug)]
pub struct Outbox<W> {
    writer: W,
    lines: VecDeque<Vec<u8>>,
    /// So much of the first line is gone.
    sent: usize,
    bytes: usize,
    /// When something was taken last, or began to wait.
    moved: Instant,
}

impl<W: AsyncWrite + Unpin> Outbox<W> {
    /// Over this pipe.
    pub fn new(writer: W) -> Self {
        Self { writer, lines: VecDeque::new(), sent: 0, bytes: 0, moved: Instant::now() }
    }

    /// Puts a line at the end. Answers `false` for what is too long to be said.
    pub fn push(&mut self, message: &ToProgram) -> Result<bool, Ended> {
        let Some(line) = message.line() else { return Ok(false) };
        self.push_line(line).map(|()| true)
    }

    /// The same for bytes as they are.
    pub fn push_line(&mut self, line: Vec<u8>) -> Result<(), Ended> {
        if self.lines.is_empty() {
            self.moved = Instant::now();
        }
        self.bytes += line.len();
        self.lines.push_back(line);
        if self.bytes > MOST { Err(Ended::DoesNotRead) } else { Ok(()) }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// When the program counts as not reading, if something waits.
    pub fn stuck_at(&self) -> Option<Instant> {
        (!self.is_empty()).then(|| self.moved + STUCK)
    }

    /// Writes what the pipe takes now. Safe to drop: what is written is counted at once.
    pub async fn write_some(&mut self) -> io::Result<()> {
        let Some(first) = self.lines.front() else { return Ok(()) };
        let length = first.len();
        let written = self.writer.write(first.get(self.sent..).unwrap_or_default()).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        (self.sent, self.moved) = (self.sent + written, Instant::now());
        self.bytes = self.bytes.saturating_sub(written);
        if self.sent >= length {
            self.lines.pop_front();
            self.sent = 0;
        }
        Ok(())
    }

    /// Writes everything, bounded by whoever calls.
    pub async fn write_all(&mut self) -> io::Result<()> {
        while !self.is_empty() {
            self.write_some().await?;
        }
        self.writer.flush().await
    }

    /// Says one last thing if the pipe takes it at once and no line is half written; waits for nothing, so that it can be done while
    /// the driver is dropped.
    pub fn last_words(&mut self, message: &ToProgram) {
        let Some(line) = message.line().filter(|_| self.sent == 0) else { return };
        let mut context = Context::from_waker(Waker::noop());
        // A program that does not read learns from the end of its stdin that it is to stop.
        let _ = Pin::new(&mut self.writer).poll_write(&mut context, &line);
        self.lines.clear();
    }
}
