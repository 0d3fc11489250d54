//! The other end: a program with a reader or a terminal behind it, for tests and rehearsals.
//!
//! It speaks the protocol as drivers/README.md describes it, over any stream, and shares no code with the driver. What its device holds
//! outlives the stream, as a device outlives the program that reads it.

mod serve;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

/// What is behind the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// A reader of cards, which keeps nothing.
    Reader,
    /// A terminal that keeps a log.
    Terminal,
}

/// How it is set up.
#[derive(Clone)]
pub struct Options {
    /// What is behind it.
    pub behind: Behind,
    /// The zone of the terminal's clock.
    pub zone: TimeZone,
    /// The true time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// A program with its device. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct VirtualProgram {
    options: Options,
    state: Arc<Mutex<State>>,
    news: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// What was presented and not told yet; a reader forgets it when nobody listens.
    presented: Vec<String>,
    /// The terminal's log: user id and local time.
    log: Vec<(String, String)>,
    /// To be told once more.
    again: bool,
    /// Written as they are, before anything else.
    noise: Vec<Vec<u8>>,
    /// After the noise the program hangs for a moment and dies.
    dies: bool,
    listening: bool,
    punches: usize,
    shown: Option<String>,
    identified: usize,
    slow: Duration,
    clock_off: SignedDuration,
}

impl VirtualProgram {
    /// With nothing presented yet.
    pub fn new(options: Options) -> Self {
        Self { options, state: Arc::default(), news: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody presents a card (of four bytes, in hexadecimal), or punches with a user id at the terminal.
    pub fn present(&self, what: &str) {
        let local = self.local();
        let mut state = self.state();
        state.punches += 1;
        match self.options.behind {
            Behind::Reader if state.listening => state.presented.push(what.to_owned()),
            Behind::Reader => {}
            Behind::Terminal => state.log.push((what.to_owned(), local)),
        }
        drop(state);
        self.news.notify_one();
    }

    /// What the terminal's clock shows.
    fn local(&self) -> String {
        let off = self.state().clock_off;
        let shown = (self.options.clock)().saturating_add(off).unwrap_or(Timestamp::MAX);
        self.options.zone.to_datetime(shown).strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// Writes bytes in between, whatever they are.
    pub fn make_noise(&self, bytes: &[u8]) {
        self.state().noise.push(bytes.to_vec());
        self.news.notify_one();
    }

    /// Writes half a line and dies a moment later.
    pub fn die_in_a_line(&self) {
        let mut state = self.state();
        if state.listening {
            state.noise.push(br#"{"type":"reading","id":1,"cred"#.to_vec());
            state.dies = true;
        }
        drop(state);
        self.news.notify_one();
    }

    /// Tells the terminal's last record once more.
    pub fn repeat_last(&self) {
        self.state().again = true;
        self.news.notify_one();
    }

    /// Takes so long for everything.
    pub fn be_slow(&self, wait: Duration) {
        self.state().slow = wait;
    }

    /// Sets the terminal's clock off by so much.
    pub fn set_clock_off(&self, off: SignedDuration) {
        self.state().clock_off = off;
    }

    /// How often something was presented.
    pub fn punches(&self) -> usize {
        self.state().punches
    }

    /// The tone that was shown last; forgotten when told.
    pub fn shown(&self) -> Option<String> {
        self.state().shown.take()
    }

    /// How often it made itself known.
    pub fn identified(&self) -> usize {
        self.state().identified
    }
}
