//! The driver against the shared suite.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

mod wall;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Cable, Exchange, VirtualDevice, conform};
use punchd_contract::{Tone, Values};
use punchd_wiegand::protocol::card::Format;
use punchd_wiegand::virtual_device::Options;
use wall::{AtTheWall, Device, device};

impl VirtualDevice for Device {
    fn values(&self) -> Values {
        self.values()
    }

    fn zone(&self) -> TimeZone {
        self.zone()
    }

    fn cable(&self) -> Option<Cable> {
        Some(self.cable.clone())
    }

    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        self.head.present(0x04A1_B200 + user_id.parse::<u64>().unwrap());
        async {}.boxed()
    }

    fn punches(&self) -> usize {
        self.head.punches()
    }

    fn shown(&mut self) -> Option<Tone> {
        self.head.shown()
    }

    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        match what {
            Exchange::Unplug => self.cable.unplug(),
            Exchange::Replug => self.cable.replug(),
            Exchange::Garbage => self.head.spark(),
            Exchange::HalfFrame => self.head.stop_short(),
            Exchange::RepeatLast => self.head.repeat_last(),
            // Nobody asks it anything, and it has no clock.
            Exchange::SlowMillis(_) | Exchange::ClockOffSeconds(_) => return async { false }.boxed(),
        }
        async { true }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn the_wiegand_driver_conforms() {
    conform::<AtTheWall, _>(async || device(Options::default())).await;
}

#[tokio::test(start_paused = true)]
async fn the_wiegand_driver_conforms_with_26_bits_as_fast_as_heads_send_them() {
    let period = std::time::Duration::from_millis(1);
    conform::<AtTheWall, _>(async || device(Options { format: Format::W26, period, ..Options::default() })).await;
}
