//! A scanner or card reader that does not exist: sends what is presented, obeys as the real ones do, and keeps what is written to it.

mod obeying;
mod queue;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::protocol::rdm6300;
use obeying::Listening;
use queue::{Queue, Send as ToSend};

/// Frames of a card reader while a card is there: one every 65 ms (facts/readers.md B.3).
const FRAME_EVERY: Duration = Duration::from_millis(65);
/// How many a card gets that is held to it as people do.
const FRAMES: u32 = 4;
/// No reader reads two things without a pause; where it sends no terminator, the pause is what tells them apart.
const BETWEEN: Duration = Duration::from_millis(150);
/// Answers that are kept; the oldest makes room.
const MOST_ANSWERS: usize = 1000;
/// How long a person holds a thing to a reader that does not read it.
const PATIENCE: Duration = Duration::from_secs(6);

/// What kind of reader it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it sends.
    pub sends: Sends,
    /// Whether it has to be told to read.
    pub obeys: Obeys,
}

/// What it sends for what is presented.
#[derive(Clone, Debug)]
pub enum Sends {
    /// The text between these.
    Text {
        /// Before it: a prefix, an AIM id.
        before: Vec<u8>,
        /// After it: the terminator.
        after: Vec<u8>,
    },
    /// Frames of the five bytes presented, again and again while the card is there.
    Rdm6300 {
        /// As an ID-12.
        cr_lf: bool,
    },
}

/// What it obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obeys {
    /// Nothing: it reads by itself.
    Nothing,
    /// GM65 commands, which it acknowledges; it reads when told.
    Gm65,
    /// SYN T CR and SYN U CR; it reads when told.
    Honeywell,
}

/// A reader. Cheap to clone; all clones are one reader, which keeps its answers over replugs.
#[derive(Clone, Debug)]
pub struct VirtualReader(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: Options,
    state: Mutex<State>,
    /// Something is to be sent, or was; an answer has come.
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    last: Option<Vec<u8>>,
    presented: usize,
    plugged: bool,
    slow: Duration,
    answers: VecDeque<String>,
}

impl VirtualReader {
    /// A reader at which nothing is presented yet.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared { options, state: Mutex::default(), moved: Notify::new() }))
    }

    /// Presents a text, or the five bytes of a card; where the reader has no power, to nobody.
    pub fn present(&self, what: &[u8]) {
        let mut state = self.state();
        state.presented += 1;
        state.last = Some(what.to_vec());
        self.enqueue(state, ToSend::Presented { what: what.to_vec(), until: Instant::now() + PATIENCE });
    }

    /// Presents the same as before once more, counting it as the same time.
    pub fn repeat(&self) {
        let state = self.state();
        if let Some(what) = state.last.clone() {
            self.enqueue(state, ToSend::Presented { what, until: Instant::now() + PATIENCE });
        }
    }

    /// Bytes of no protocol, such as plugging in makes.
    pub fn noise(&self, bytes: &[u8]) {
        self.enqueue(self.state(), ToSend::Bytes(bytes.to_vec()));
    }

    /// The first half of what presenting this would send.
    pub fn half(&self, what: &[u8]) {
        let whole = self.0.options.sends.bytes(what);
        let half = whole.len() / 2;
        self.noise(whole.get(..half).unwrap_or_default());
    }

    /// Everything that it sends is late by this.
    pub fn slow(&self, by: Duration) {
        self.state().slow = by;
    }

    /// How often something was presented.
    pub fn presented(&self) -> usize {
        self.state().presented
    }

    /// Waits until what was presented is sent and taken away, or nobody waits for it any more.
    pub async fn taken_away(&self) {
        let empty = || {
            let state = self.state();
            !state.plugged || !state.queue.is_busy(Instant::now())
        };
        let end = Instant::now() + PATIENCE;
        while !empty() && Instant::now() < end {
            // Looked at again soon: who has lost patience tells nobody.
            let _ = timeout(FRAME_EVERY, self.0.moved.notified()).await;
        }
    }

    /// The lines that were written to it and nobody has taken yet, oldest first.
    pub fn take_answers(&self) -> Vec<String> {
        self.state().answers.drain(..).collect()
    }

    /// The next line that is written to it, without its end.
    pub async fn answer(&self) -> String {
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if let Some(answer) = self.state().answers.pop_front() {
                return answer;
            }
            moved.await;
        }
    }

    /// Is the reader at the end of this line, until it breaks.
    pub async fn serve(&self, line: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let _plugged = Plugged::new(self);
        let (mut hears, speaks) = tokio::io::split(line);
        let hearing = async {
            let mut listening = Listening::new(self.0.options.obeys);
            let mut piece = [0; 256];
            while let Ok(length @ 1..) = hears.read(&mut piece).await {
                let mut state = self.state();
                for byte in piece.get(..length).unwrap_or_default() {
                    if let Some(line) = listening.push(*byte, &mut state.queue) {
                        if state.answers.len() == MOST_ANSWERS {
                            state.answers.pop_front();
                        }
                        state.answers.push_back(line);
                    }
                }
                drop(state);
                self.0.moved.notify_waiters();
            }
        };
        tokio::select! {
            () = hearing => {}
            () = self.speak(speaks) => {}
        }
    }

    async fn speak<T: AsyncWrite>(&self, mut line: WriteHalf<T>) {
        loop {
            let next = self.next().await;
            let slow = self.state().slow;
            sleep(slow).await;
            let (bytes, times) = match &next {
                ToSend::Bytes(bytes) => (bytes.clone(), 1),
                ToSend::Presented { what, .. } => {
                    let again = if matches!(self.0.options.sends, Sends::Rdm6300 { .. }) { FRAMES } else { 1 };
                    (self.0.options.sends.bytes(what), again)
                }
            };
            for time in 1..=times {
                if line.write_all(&bytes).await.is_err() || line.flush().await.is_err() {
                    return;
                }
                if time < times {
                    sleep(FRAME_EVERY).await;
                }
            }
            if matches!(next, ToSend::Presented { .. }) {
                sleep(BETWEEN).await;
            }
            self.state().queue.sent(&next);
            self.0.moved.notify_waiters();
        }
    }

    /// The next thing that may be sent.
    async fn next(&self) -> ToSend {
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if let Some(next) = self.state().queue.next(self.0.options.obeys, Instant::now()) {
                return next;
            }
            moved.await;
        }
    }

    fn enqueue(&self, mut state: MutexGuard<'_, State>, what: ToSend) {
        if state.plugged {
            state.queue.push(what);
        }
        drop(state);
        self.0.moved.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has power for as long as this is kept.
struct Plugged<'a>(&'a VirtualReader);

impl<'a> Plugged<'a> {
    fn new(reader: &'a VirtualReader) -> Self {
        reader.state().plugged = true;
        Self(reader)
    }
}

impl Drop for Plugged<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        (state.plugged, state.queue) = (false, Queue::default());
        drop(state);
        self.0.0.moved.notify_waiters();
    }
}

impl Sends {
    fn bytes(&self, what: &[u8]) -> Vec<u8> {
        match self {
            Self::Text { before, after } => [before, what, after].concat(),
            Self::Rdm6300 { cr_lf } => {
                // A card of another length is read by its low five bytes, as such a reader does.
                let mut card = [0; 5];
                card.iter_mut().rev().zip(what.iter().rev()).for_each(|(to, from)| *to = *from);
                rdm6300::frame(card, *cr_lf)
            }
        }
    }
}
