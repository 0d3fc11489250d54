//! A virtual PN532: the other end of the line, written from the chip's manual and from what independent clients expect
//! (facts/readers.md A.9), not from the driver. Its proof is libnfc's `nfc-list`.

/// What can be laid on it.
pub mod cards;

mod chip;
mod field;
mod serve;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::protocol::command::Pins;
use cards::Card;
use chip::Chip;

/// How many changes of the pins are remembered; older ones are forgotten.
const REMEMBERED: usize = 64;

/// What kind of chip it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// IC, version, revision, what it reads.
    pub firmware: [u8; 4],
    /// How long one try to find a card takes, with answer or without.
    pub attempt: Duration,
    /// How long everything else takes.
    pub thinks: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { firmware: [0x32, 0x01, 0x06, 0x07], attempt: Duration::from_millis(5), thinks: Duration::from_millis(1) }
    }
}

/// What happens to one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// These bytes come before it.
    NoiseBefore(Vec<u8>),
    /// One of its bytes is turned over.
    Corrupt,
    /// This byte of it arrives changed.
    Change {
        /// Which, counted round.
        at: usize,
        /// The bits that are the other way.
        bits: u8,
    },
    /// Only so many of its bytes arrive.
    Cut(usize),
    /// It comes twice.
    Twice,
    /// The command is taken and its ACK lost.
    LoseAck,
}

/// A PN532 on a board. Cheap to clone; all clones are one chip.
#[derive(Clone, Debug)]
pub struct VirtualPn532 {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something is to be said that nobody asked for.
    unasked: Notify,
}

#[derive(Debug)]
struct State {
    chip: Chip,
    options: Options,
    /// One for each answer to come.
    disturbances: VecDeque<Disturbance>,
    unasked: Vec<u8>,
    slow: Duration,
    pins: VecDeque<(Instant, Pins)>,
    /// How many commands it has taken.
    taken: u64,
    /// How often it lost power.
    outages: u64,
    /// When it told of a card, since one was laid on it.
    told: Vec<Instant>,
}

impl VirtualPn532 {
    /// One that has just been given power.
    pub fn new(options: Options) -> Self {
        let state = State {
            chip: Chip::powered(options.firmware),
            options,
            disturbances: VecDeque::new(),
            unasked: Vec::new(),
            slow: Duration::ZERO,
            pins: VecDeque::new(),
            taken: 0,
            outages: 0,
            told: Vec::new(),
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), unasked: Notify::new() }) }
    }

    /// Lays a card on it, beside what lies there.
    pub fn present(&self, card: Card) {
        let mut state = self.state();
        state.told.clear();
        state.chip.field.add(card);
    }

    /// Takes this card away.
    pub fn take(&self, card: &Card) {
        self.state().chip.field.take(card);
    }

    /// Takes everything away.
    pub fn remove(&self) {
        self.state().chip.field.clear();
    }

    /// The supply drops for a moment: everything is forgotten, and nothing is heard before it is woken.
    pub fn brown_out(&self) {
        let mut state = self.state();
        state.chip.brown_out();
        state.outages += 1;
        note_pins(&mut state);
    }

    /// Something happens to the next answer that has not got its disturbance yet.
    pub fn disturb(&self, disturbance: Disturbance) {
        self.state().disturbances.push_back(disturbance);
    }

    /// Says these bytes now, unasked.
    pub fn noise(&self, bytes: &[u8]) {
        self.state().unasked.extend_from_slice(bytes);
        self.shared.unasked.notify_one();
    }

    /// Everything that it says takes this much longer from now on.
    pub fn slow(&self, by: Duration) {
        self.state().slow = by;
    }

    /// The levels of its pins now.
    pub fn pins(&self) -> Pins {
        self.state().chip.pins()
    }

    /// The last changes of its pins, oldest first.
    pub fn pins_history(&self) -> Vec<(Instant, Pins)> {
        self.state().pins.iter().copied().collect()
    }

    /// Forgets the changes of its pins.
    pub fn forget_pins(&self) {
        self.state().pins.clear();
    }

    /// Whether it keeps its field on.
    pub fn field_is_on(&self) -> bool {
        self.state().chip.field.is_on()
    }

    /// When it told of a card, since one was laid on it last: the first times.
    pub fn told(&self) -> Vec<Instant> {
        self.state().told.clone()
    }

    /// How many commands it has taken since it was made.
    pub fn commands(&self) -> u64 {
        self.state().taken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers the pins where they have changed.
fn note_pins(state: &mut State) {
    let now = state.chip.pins();
    if state.pins.back().map_or(Pins::HIGH, |(_, pins)| *pins) != now {
        if state.pins.len() == REMEMBERED {
            state.pins.pop_front();
        }
        state.pins.push_back((Instant::now(), now));
    }
}
