//! The driver against the shared suite, with each kind of reader that it serves.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Cable, Exchange, VirtualDevice, conform};
use punchd_contract::{Tone, Value, Values};
use punchd_serial_line::SerialLine;
use punchd_serial_line::virtual_device::{Obeys, Options, Sends, VirtualReader};
use tokio::time::sleep;

struct Device {
    reader: VirtualReader,
    cable: Cable,
    settings: Vec<(&'static str, &'static str)>,
    /// What a user presents.
    card: fn(&str) -> Vec<u8>,
    /// Without a terminator half a line is a line.
    terminated: bool,
}

fn device(options: Options, settings: &[(&'static str, &'static str)], card: fn(&str) -> Vec<u8>) -> Device {
    let reader = VirtualReader::new(options);
    let served = reader.clone();
    let cable = Cable::to(move |line| {
        let reader = served.clone();
        async move { reader.serve(line).await }
    });
    Device { reader, cable, settings: settings.to_vec(), card, terminated: true }
}

fn text(before: &str, after: &str, obeys: Obeys) -> Options {
    Options { sends: Sends::Text { before: before.into(), after: after.into() }, obeys }
}

impl VirtualDevice for Device {
    fn values(&self) -> Values {
        let values = Values::new().with("port", Value::Line(self.cable.place()));
        self.settings.iter().fold(values, |values, (key, word)| values.with(key, Value::Text((*word).into())))
    }
    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
    fn cable(&self) -> Option<Cable> {
        Some(self.cable.clone())
    }
    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        async {
            self.reader.present(&(self.card)(user_id));
            self.reader.taken_away().await;
        }
        .boxed()
    }
    fn punches(&self) -> usize {
        self.reader.presented()
    }
    fn shown(&mut self) -> Option<Tone> {
        let last = self.reader.take_answers().pop()?;
        Some(match last.split(' ').next().unwrap_or_default() {
            "OK" => Tone::Accepted,
            "AGAIN" => Tone::Already,
            "UNKNOWN" => Tone::Unknown,
            "NO" => Tone::Refused,
            "RETRY" => Tone::OutOfOrder,
            word => Tone::from_word(word).unwrap(),
        })
    }
    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        async move {
            match what {
                Exchange::Unplug => self.cable.unplug(),
                Exchange::Replug => self.cable.replug(),
                Exchange::Garbage => {
                    self.reader.noise(&[0xFF, 0x00, 0xFE, 0x80, 0x02, 0x1F, 0xB5, 0x00, 0x05, 0xF8, 0x7F])
                }
                Exchange::HalfFrame if self.terminated => {
                    self.reader.half(&(self.card)("7"));
                    sleep(Duration::from_secs(3)).await;
                    self.cable.unplug();
                    self.cable.replug();
                }
                Exchange::RepeatLast => {
                    self.reader.repeat();
                    if !self.terminated {
                        // What comes sooner after it could be its tail.
                        sleep(Duration::from_millis(1500)).await;
                    }
                }
                Exchange::SlowMillis(by) => self.reader.slow(Duration::from_millis(by)),
                Exchange::HalfFrame | Exchange::ClockOffSeconds(_) => return false,
            }
            true
        }
        .boxed()
    }
}

fn token(user_id: &str) -> Vec<u8> {
    format!("A1.k{user_id}.58831234.mFzq0-8Zr").into()
}

#[tokio::test(start_paused = true)]
async fn a_qr_scanner_with_nothing_set_but_its_port_conforms() {
    conform::<SerialLine, _>(async || device(text("]Q1", "\r\n", Obeys::Nothing), &[], token)).await;
}

#[tokio::test(start_paused = true)]
async fn a_card_reader_with_a_display_conforms() {
    let settings = [("credential", "card"), ("number", "8H10D"), ("terminator", "cr"), ("answers", "text")];
    let card = |user_id: &str| format!("000408566{user_id}").into_bytes();
    conform::<SerialLine, _>(async || device(text("", "\r", Obeys::Nothing), &settings, card)).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_without_terminator_conforms() {
    let settings = [("credential", "user_id"), ("terminator", "none"), ("answers", "receipt"), ("prefix", "ID=")];
    let make = async || {
        let device = device(text("ID=", "", Obeys::Nothing), &settings, |user_id| user_id.into());
        Device { terminated: false, ..device }
    };
    conform::<SerialLine, _>(make).await;
}

#[tokio::test(start_paused = true)]
async fn rdm6300_and_id12_readers_conform() {
    for cr_lf in [false, true] {
        let options = Options { sends: Sends::Rdm6300 { cr_lf }, obeys: Obeys::Nothing };
        let card = |user_id: &str| [&[0x01, 0x00, 0x74, 0x5A], user_id.as_bytes()].concat();
        conform::<SerialLine, _>(async || device(options.clone(), &[("format", "rdm6300"), ("answers", "text")], card))
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_gm65_in_command_mode_conforms() {
    conform::<SerialLine, _>(async || device(text("", "\r", Obeys::Gm65), &[("trigger", "gm65")], token)).await;
}

#[tokio::test(start_paused = true)]
async fn a_honeywell_scanner_in_host_trigger_mode_conforms() {
    let settings = [("trigger", "honeywell"), ("answers", "text")];
    conform::<SerialLine, _>(async || device(text("", "\r\n", Obeys::Honeywell), &settings, token)).await;
}
