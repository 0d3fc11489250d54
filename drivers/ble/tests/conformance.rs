//! Both kinds against the conformance suite, over Bluetooth in memory and in virtual time.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_ble::badge::BleBadgeOver;
use punchd_ble::protocol::address::Address;
use punchd_ble::protocol::badge::{APPLE, Told};
use punchd_ble::terminal::BleOver;
use punchd_ble::virtual_device::{Rehearsed, VirtualAir, VirtualTerminal};
use punchd_contract::conformance::{Exchange, VirtualDevice, conform};
use punchd_contract::{Tone, Value, Values};
use tokio::time::sleep;

struct Terminal {
    air: VirtualAir,
    terminal: VirtualTerminal,
    unplugged: usize,
}

impl VirtualDevice for Terminal {
    fn values(&self) -> Values {
        let text = |text: &str| Value::Text(text.to_owned());
        Values::new()
            .with("device", text(&VirtualTerminal::ADDRESS.to_string()))
            .with("adapter", text(self.air.adapter()))
            .with("prefix", text("user"))
    }

    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }

    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        self.terminal.present(user_id);
        std::future::ready(()).boxed()
    }

    fn punches(&self) -> usize {
        self.terminal.presented()
    }

    fn shown(&mut self) -> Option<Tone> {
        self.terminal.shown()
    }

    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        match what {
            Exchange::Unplug => {
                // Now with a word, now without.
                if self.unplugged.is_multiple_of(2) {
                    self.air.disconnect(VirtualTerminal::ADDRESS);
                }
                self.unplugged += 1;
                self.air.gone(VirtualTerminal::ADDRESS, true);
            }
            Exchange::Replug => self.air.gone(VirtualTerminal::ADDRESS, false),
            Exchange::Garbage => self.terminal.noise(),
            Exchange::HalfFrame => self.terminal.cut(),
            Exchange::RepeatLast => self.terminal.repeat(),
            Exchange::SlowMillis(millis) => self.air.slow(Duration::from_millis(millis)),
            Exchange::ClockOffSeconds(_) => return std::future::ready(false).boxed(),
        }
        std::future::ready(true).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_notifies_conforms() {
    conform::<BleOver<Rehearsed>, _>(async || {
        let air = VirtualAir::new();
        let terminal = VirtualTerminal::near(&air);
        Terminal { air, terminal, unplugged: 0 }
    })
    .await;
}

/// People who come with badges and go again.
struct Badges {
    air: VirtualAir,
    presented: usize,
    last: u8,
}

const OWNER: u128 = 0xF782_6DA6_4FA2_4E98_8024_BC5B_71E0_893E;

impl Badges {
    /// The badge is heard five times a second for so many seconds.
    async fn near(&self, minor: u8, seconds: i16) {
        for tick in 0..seconds * 5 {
            let mut frame = vec![0x02, 0x15];
            frame.extend(OWNER.to_be_bytes());
            frame.extend([0, 1, 0, minor, 0xC5]);
            let rssi = -60 - tick % 5;
            let told = Told { manufacturer: vec![(APPLE, frame)], service: Vec::new() };
            self.air.advertise(Address([0xC1, 0, 0, 0, 0, minor]), rssi, told);
            sleep(Duration::from_millis(200)).await;
        }
    }
}

impl VirtualDevice for Badges {
    fn values(&self) -> Values {
        Values::new()
            .with("adapter", Value::Text(self.air.adapter().to_owned()))
            .with("away", Value::Duration(Duration::from_secs(20)))
    }

    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }

    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        async move {
            self.presented += 1;
            self.last = user_id.parse().unwrap_or(0);
            self.near(self.last, 6).await;
        }
        .boxed()
    }

    fn punches(&self) -> usize {
        self.presented
    }

    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        async move {
            match what {
                Exchange::Unplug => self.air.stop_service(true),
                Exchange::Replug => self.air.stop_service(false),
                Exchange::RepeatLast => self.near(self.last, 6).await,
                Exchange::Garbage | Exchange::HalfFrame => {
                    for length in 0..31_u8 {
                        let data = [&[0x02, 0x15][..], &vec![length; usize::from(length)]].concat();
                        let data = data.get(..24 - usize::from(what == Exchange::HalfFrame) * 2).unwrap_or(&data);
                        let told = Told {
                            manufacturer: vec![(0x0499, data.to_vec()), (APPLE, data[..data.len().min(22)].to_vec())],
                            service: Vec::new(),
                        };
                        self.air.advertise(Address([0xC2; 6]), -40, told);
                    }
                }
                Exchange::SlowMillis(_) | Exchange::ClockOffSeconds(_) => return false,
            }
            true
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn badges_that_come_near_conform() {
    conform::<BleBadgeOver<Rehearsed>, _>(async || Badges { air: VirtualAir::new(), presented: 0, last: 1 }).await;
}
