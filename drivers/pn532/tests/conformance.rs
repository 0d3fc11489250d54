//! The driver against the shared suite for readers.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

mod common;

use std::time::Duration;

use common::{Wired, tone};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Cable, Exchange, VirtualDevice, conform};
use punchd_contract::{Tone, Value, Values};
use punchd_pn532::Pn532;
use punchd_pn532::virtual_device::Disturbance;
use punchd_pn532::virtual_device::cards::Card;
use tokio::time::sleep;

/// How long people hold a card there.
const TAP: Duration = Duration::from_millis(400);
/// How long they hold it where the answer is slow to come.
const PATIENCE: Duration = Duration::from_secs(4);

struct Device {
    wired: Wired,
    punches: usize,
    slow: bool,
}

fn device() -> Device {
    Device { wired: Wired::new(), punches: 0, slow: false }
}

/// What a user is known by: every kind of card that a site may have.
fn card_of(user: u8) -> Card {
    match user % 5 {
        0 => Card::Classic(vec![user, 2, 3, 4]),
        1 => Card::Ntag(vec![4, user, 2, 3, 4, 5, 6]),
        2 => Card::Plain(vec![1, user, 3, 4, 5, 6, 7, 8, 9, 10]),
        3 => Card::B([user, 2, 3, 4]),
        _ => Card::Felica([1, user, 3, 4, 5, 6, 7, 8]),
    }
}

impl VirtualDevice for Device {
    fn values(&self) -> Values {
        let pin = |word: &str| Value::Text(word.to_owned());
        self.wired.values().with("green_pin", pin("p30")).with("red_pin", pin("p31")).with("buzzer_pin", pin("p72"))
    }
    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
    fn cable(&self) -> Option<Cable> {
        Some(self.wired.cable.clone())
    }
    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        async move {
            let card = card_of(user_id.parse().unwrap());
            self.punches += 1;
            // What is still shown to the one before is none of this one's.
            self.wired.chip.forget_pins();
            self.wired.chip.present(card.clone());
            sleep(if self.slow { PATIENCE } else { TAP }).await;
            self.wired.chip.take(&card);
        }
        .boxed()
    }
    fn punches(&self) -> usize {
        self.punches
    }
    fn shown(&mut self) -> Option<Tone> {
        // A slow chip's flashes are as long as its answers take: nobody can tell them apart.
        let tone = (!self.slow).then(|| tone(&self.wired.chip))??;
        self.wired.chip.forget_pins();
        Some(tone)
    }
    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        async move {
            let Wired { cable, chip } = &self.wired;
            match what {
                Exchange::Unplug => cable.unplug(),
                // The board gets its power through the cable.
                Exchange::Replug => {
                    chip.brown_out();
                    cable.replug();
                }
                Exchange::Garbage => {
                    chip.noise(&[0x00, 0x00, 0xFF, 0x55, 0xD5, 0x4B, 0x01, 0x00, 0xFF, 0x20, 0xE0, 0x7F]);
                    chip.disturb(Disturbance::NoiseBefore(vec![0xFF, 0x00, 0xFF, 0x05, 0xFB, 0xD5]));
                    chip.disturb(Disturbance::Corrupt);
                    chip.disturb(Disturbance::LoseAck);
                }
                Exchange::HalfFrame => {
                    chip.disturb(Disturbance::Cut(6));
                    sleep(Duration::from_millis(700)).await;
                    cable.unplug();
                    cable.replug();
                }
                Exchange::RepeatLast => {
                    for _ in 0..8 {
                        chip.disturb(Disturbance::Twice);
                    }
                }
                Exchange::SlowMillis(by) => {
                    self.slow = by > 0;
                    chip.slow(Duration::from_millis(by));
                }
                Exchange::ClockOffSeconds(_) => return false,
            }
            true
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn the_driver_conforms() {
    conform::<Pn532, _>(async || device()).await;
}
