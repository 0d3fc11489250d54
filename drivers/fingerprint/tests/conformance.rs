//! The fingerprint driver against the shared suite, at modules of several models.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Cable, Exchange, USERS, VirtualDevice, conform};
use punchd_contract::{Tone, Value, Values};
use punchd_fingerprint::Fingerprint;
use punchd_fingerprint::protocol::{Aura, Control};
use punchd_fingerprint::virtual_device::{Mischief, Options, Shine, VirtualModule};
use tokio::time::sleep;

struct Device {
    module: VirtualModule,
    cable: Cable,
    poll: i64,
    touches: usize,
}

/// `poll` in milliseconds: a slower one than the default makes the day of idleness shorter.
fn device(options: Options, poll: i64) -> Device {
    let module = VirtualModule::new(options.with((0..).zip(USERS)));
    let served = module.clone();
    let cable = Cable::to(move |line| {
        let module = served.clone();
        async move { module.serve(line).await }
    });
    Device { module, cable, poll, touches: 0 }
}

/// What the ring of a newer module says, read by its manual.
fn tone(shine: &Shine) -> Option<Tone> {
    let Shine::Ring(Aura { control, colour, count, .. }) = *shine else { return None };
    match (control, colour, count) {
        (Control::On, 4, _) => Some(Tone::Accepted),
        (Control::Flash, 2, 2) => Some(Tone::Already),
        (Control::Flash, 5, 3) => Some(Tone::Unknown),
        (Control::Flash, 1, 3) => Some(Tone::Refused),
        (Control::On, 1, _) => Some(Tone::OutOfOrder),
        _ => None,
    }
}

impl VirtualDevice for Device {
    fn values(&self) -> Values {
        Values::new().with("port", Value::Line(self.cable.place())).with("poll", Value::Integer(self.poll))
    }
    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
    fn cable(&self) -> Option<Cable> {
        Some(self.cable.clone())
    }
    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        async move {
            self.touches += 1;
            self.module.touch(user_id);
            sleep(Duration::from_millis(700)).await;
            self.module.lift();
            // The next person needs a moment to come.
            sleep(Duration::from_millis(500)).await;
        }
        .boxed()
    }
    fn punches(&self) -> usize {
        self.touches
    }
    fn shown(&mut self) -> Option<Tone> {
        self.module.take_shone().iter().filter_map(tone).next_back()
    }
    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        match what {
            Exchange::Unplug => self.cable.unplug(),
            Exchange::Replug => self.cable.replug(),
            Exchange::Garbage => self.module.noise(&[0xEF, 0x01, 0xFF, 0x00, 0x55, 0x13, 0xEF, 0x01, 0xFF, 0xFF]),
            Exchange::HalfFrame => self.module.mischief(None, Mischief::CutAndBreak),
            Exchange::RepeatLast => self.module.mischief(None, Mischief::Twice),
            Exchange::SlowMillis(by) => self.module.slow(Duration::from_millis(by)),
            Exchange::ClockOffSeconds(_) => return async { false }.boxed(),
        }
        async { true }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn an_r503_conforms() {
    conform::<Fingerprint, _>(async || device(Options::r503(), 200)).await;
}

#[tokio::test(start_paused = true)]
async fn a_zfm20_conforms() {
    conform::<Fingerprint, _>(async || device(Options::zfm20(), 400)).await;
}

#[tokio::test(start_paused = true)]
async fn an_as608_conforms() {
    conform::<Fingerprint, _>(async || device(Options::as608(), 400)).await;
}

#[tokio::test(start_paused = true)]
async fn an_r551_conforms() {
    conform::<Fingerprint, _>(async || device(Options::r551(), 400)).await;
}
