//! The other end: a wall reader with its two data wires, its lights and its buzzer.
//!
//! No kernel of ours can simulate GPIO lines (facts/readers.md B.4), so its wires are lines of JSON over any stream: an edge is
//! `{"wire":0,"at":…,"seq":…}` (nanoseconds), a lamp that is switched `{"lamp":"green","on":true}`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use punchd_contract::Tone;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::protocol::bits::Bits;
use crate::protocol::card::{Card, Format};
use crate::protocol::frames::{Edge, Wire, edges};
use crate::protocol::keypad::Key;

/// How it is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How it writes cards.
    pub format: Format,
    /// From one bit to the next.
    pub period: Duration,
    /// Its data wires are swapped.
    pub swapped: bool,
    /// Keys are written with their complement before them.
    pub keys_of_8: bool,
}

impl Default for Options {
    /// As most are sold.
    fn default() -> Self {
        Self { format: Format::W34, period: Duration::from_millis(2), swapped: false, keys_of_8: false }
    }
}

/// A reader at the wall. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct VirtualHead {
    options: Options,
    started: Instant,
    state: Arc<Mutex<State>>,
    news: Arc<Notify>,
}

#[derive(Default)]
struct State {
    listening: bool,
    /// Bursts on their way, each followed by silence.
    bursts: VecDeque<Vec<Edge>>,
    last: Option<Bits>,
    punches: usize,
    seq: u32,
    lit: BTreeSet<String>,
    lights: BTreeSet<String>,
    beeps: usize,
    shown: Option<Tone>,
}

impl VirtualHead {
    /// With nothing presented yet.
    pub fn new(options: Options) -> Self {
        Self { options, started: Instant::now(), state: Arc::default(), news: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody presents a card whose data bits are this number.
    pub fn present(&self, data: u64) {
        let frame = Card { format: self.options.format, data }.encode();
        let mut state = self.state();
        state.punches += 1;
        state.last = Some(frame);
        drop(state);
        self.send(frame);
    }

    /// Sends the last card again, as heads do while it lies there.
    pub fn repeat_last(&self) {
        let last = self.state().last;
        if let Some(frame) = last {
            self.send(frame);
        }
    }

    /// Somebody types; every character of `0123456789*#` is a key.
    pub fn type_keys(&self, keys: &str) {
        for c in keys.chars() {
            let key = match c {
                '*' => Key::Star,
                '#' => Key::Hash,
                digit => Key::Digit(digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0)),
            };
            self.send(key.encode(self.options.keys_of_8));
        }
    }

    /// Sends any bits.
    pub fn send(&self, frame: Bits) {
        let frame = if self.options.swapped { frame.inverted() } else { frame };
        let period = u64::try_from(self.options.period.as_nanos()).unwrap_or(u64::MAX);
        // Time and count are given when it goes out.
        self.burst(edges(frame, 0, period, 0));
    }

    /// Sparks on the wires: pulses too close to each other.
    pub fn spark(&self) {
        let spark = |wire, at| Edge { wire, at, seq: 0 };
        self.burst(vec![spark(Wire::Data1, 0), spark(Wire::Data0, 9_000), spark(Wire::Data0, 70_000)]);
    }

    /// A frame stops in the middle.
    pub fn stop_short(&self) {
        self.send(Bits::new(0b0_1010_1100_1011, 13));
    }

    fn burst(&self, burst: Vec<Edge>) {
        let mut state = self.state();
        if state.listening {
            state.bursts.push_back(burst);
        }
        drop(state);
        self.news.notify_one();
    }

    /// Whether somebody has opened the other end of its wires.
    pub fn is_wired(&self) -> bool {
        self.state().listening
    }

    /// How often a card was presented.
    pub fn punches(&self) -> usize {
        self.state().punches
    }

    /// The sign that lights and buzzer showed last; forgotten when told.
    pub fn shown(&self) -> Option<Tone> {
        self.state().shown.take()
    }

    /// Whether a light or the buzzer is on.
    pub fn is_lit(&self) -> bool {
        !self.state().lit.is_empty()
    }

    /// Is wired to whoever is at the other end, until that goes away.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let (reader, mut writer) = tokio::io::split(stream);
        let mut lines = BufReader::new(reader).lines();
        {
            let mut state = self.state();
            (state.listening, state.bursts) = (true, VecDeque::new());
        }
        let pulses = async {
            loop {
                let burst = self.state().bursts.pop_front();
                let Some(burst) = burst else {
                    self.news.notified().await;
                    continue;
                };
                let from = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
                let mut before = 0;
                for edge in burst {
                    sleep(Duration::from_nanos(edge.at - before)).await;
                    before = edge.at;
                    let seq = {
                        let mut state = self.state();
                        state.seq = state.seq.wrapping_add(1);
                        state.seq
                    };
                    let wire = u8::from(edge.wire == Wire::Data1);
                    let line = format!("{}\n", json!({"wire": wire, "at": from + edge.at, "seq": seq}));
                    if writer.write_all(line.as_bytes()).await.is_err() {
                        return;
                    }
                }
                // What separates two frames on the wire.
                sleep(Duration::from_millis(100)).await;
            }
        };
        let lamps = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let switched: Value = serde_json::from_str(&line).unwrap_or_default();
                if let (Some(lamp), Some(on)) = (switched["lamp"].as_str(), switched["on"].as_bool()) {
                    self.state().switch(lamp, on);
                }
            }
        };
        tokio::select! {
            () = pulses => {}
            () = lamps => {}
        }
        let mut state = self.state();
        state.listening = false;
        // Without power nothing is lit.
        state.lit.clear();
    }
}

impl State {
    fn switch(&mut self, lamp: &str, on: bool) {
        let buzzer = lamp == "buzzer";
        if on {
            if self.lit.insert(lamp.to_owned()) && buzzer {
                self.beeps += 1;
            }
            if !buzzer {
                self.lights.insert(lamp.to_owned());
            }
            return;
        }
        self.lit.remove(lamp);
        if self.lit.is_empty() && self.beeps > 0 {
            let lights: Vec<&str> = self.lights.iter().map(String::as_str).collect();
            self.shown = match (lights.as_slice(), self.beeps) {
                (["green"], 1) => Some(Tone::Accepted),
                (["green"], 2) => Some(Tone::Already),
                (["green", "red"], 3) => Some(Tone::Unknown),
                (["red"], 3) => Some(Tone::Refused),
                (["red"], 1) => Some(Tone::OutOfOrder),
                _ => None,
            };
            (self.beeps, self.lights) = (0, BTreeSet::new());
        }
    }
}
