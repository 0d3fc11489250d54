//! The driver against the shared suite, with readers that type in every way.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Exchange, VirtualDevice, conform};
use punchd_contract::{Tone, Value, Values};
use punchd_keyboard::Wedge;
use punchd_keyboard::protocol::typing::Stroke;
use punchd_keyboard::virtual_device::{Ending, Habits, InMemory, VirtualKeyboard};
use tokio::time::sleep;

struct Device {
    keyboard: VirtualKeyboard,
    habits: Habits,
    settings: Vec<(&'static str, &'static str)>,
    card: fn(&str) -> String,
    presented: usize,
    last: String,
    slow: Duration,
}

fn device(lights: bool, habits: Habits, settings: &[(&'static str, &'static str)], card: fn(&str) -> String) -> Device {
    let (keyboard, settings) = (VirtualKeyboard::new(lights), settings.to_vec());
    Device { keyboard, habits, settings, card, presented: 0, last: String::new(), slow: Duration::ZERO }
}

impl VirtualDevice for Device {
    fn values(&self) -> Values {
        let values = Values::new().with("device", Value::Text(self.keyboard.name().into()));
        self.settings.iter().fold(values, |values, (key, word)| values.with(key, Value::Text((*word).into())))
    }
    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        async {
            self.last = (self.card)(user_id);
            self.presented += 1;
            sleep(self.slow).await;
            self.keyboard.type_text(&self.last, self.habits).await;
        }
        .boxed()
    }
    fn punches(&self) -> usize {
        self.presented
    }
    fn shown(&mut self) -> Option<Tone> {
        self.keyboard.shown()
    }
    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        async move {
            match what {
                Exchange::Unplug => self.keyboard.unplug(),
                Exchange::Replug => self.keyboard.replug(),
                Exchange::Garbage => {
                    for code in [69, 59, 0, 240, 60_000, 103, 42, 29] {
                        for stroke in [Stroke::Up, Stroke::Down, Stroke::Again, Stroke::Up] {
                            self.keyboard.key(code, stroke);
                        }
                    }
                    self.keyboard.lose();
                }
                Exchange::HalfFrame if self.habits.ending != Ending::Nothing => {
                    let whole = (self.card)("7");
                    let half = Habits { ending: Ending::Nothing, ..self.habits };
                    self.keyboard.type_text(whole.get(..whole.len() / 2).unwrap_or_default(), half).await;
                    sleep(Duration::from_secs(3)).await;
                    self.keyboard.unplug();
                    self.keyboard.replug();
                }
                Exchange::RepeatLast => self.keyboard.type_text(&self.last, self.habits).await,
                Exchange::SlowMillis(by) => self.slow = Duration::from_millis(by),
                Exchange::HalfFrame | Exchange::ClockOffSeconds(_) => return false,
            }
            true
        }
        .boxed()
    }
}

fn decimal(user_id: &str) -> String {
    format!("000762532{user_id}")
}

#[tokio::test(start_paused = true)]
async fn a_card_reader_with_nothing_set_but_its_device_conforms() {
    conform::<Wedge<InMemory>, _>(async || device(false, Habits::USUAL, &[], decimal)).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_with_lights_that_toggles_num_lock_conforms() {
    let habits = Habits { ending: Ending::PadEnter, num_lock: true };
    conform::<Wedge<InMemory>, _>(async || device(true, habits, &[("number", "8H10D-le")], decimal)).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_without_terminator_conforms() {
    let habits = Habits { ending: Ending::Nothing, num_lock: false };
    conform::<Wedge<InMemory>, _>(async || device(true, habits, &[], decimal)).await;
    conform::<Wedge<InMemory>, _>(async || device(false, habits, &[("terminator", "none")], decimal)).await;
}

#[tokio::test(start_paused = true)]
async fn a_barcode_scanner_that_ends_with_tab_conforms() {
    let habits = Habits { ending: Ending::Tab, num_lock: false };
    let token = |user_id: &str| format!("]Q1A1.Key-{user_id}.58831234.mFzq0_8Zr?");
    conform::<Wedge<InMemory>, _>(async || device(true, habits, &[("credential", "token")], token)).await;
}
