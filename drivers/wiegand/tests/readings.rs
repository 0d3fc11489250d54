//! What comes of cards, keys and bad wiring, and what the person at the wall sees of it.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

mod wall;

use std::sync::Arc;
use std::time::Duration;

use punchd_contract::conformance::{Bench, EPOCH};
use punchd_contract::{
    Command, Condition, Credential, DeviceName, Kind, Member, Method, NotRecorded, Reading, Tone, Value, Values,
};
use punchd_wiegand::protocol::bits::Bits;
use punchd_wiegand::protocol::card::Format;
use punchd_wiegand::virtual_device::Options;
use tokio::task::JoinHandle;
use wall::{AtTheWall, Device, device};

const SOON: Duration = Duration::from_secs(10);

struct Site {
    device: Device,
    bench: Bench,
    driver: JoinHandle<Result<(), punchd_contract::DriverError>>,
}

impl Site {
    async fn new(options: Options, set: impl FnOnce(Values) -> Values) -> Self {
        let device = device(options);
        let (bench, port) = Bench::with_lines(EPOCH, Arc::new(device.cable.clone()));
        let settings = Arc::new(AtTheWall::settings(&set(device.values())).unwrap());
        let name = DeviceName::new("wall").unwrap();
        let driver = tokio::spawn(AtTheWall::run(vec![Member { device: name, zone: device.zone(), settings, port }]));
        let site = Self { device, bench, driver };
        assert!(site.bench.until(SOON, |bench| bench.health_now().is_some()).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
        site
    }

    async fn reading(&self, count: usize) -> Reading {
        assert!(self.bench.until(SOON, |bench| bench.readings().len() >= count).await, "{:?}", self.bench.health_now());
        self.bench.readings().pop().unwrap()
    }

    async fn shows(&self, tone: Tone) {
        assert!(self.bench.until(SOON, |_| self.device.head.shown() == Some(tone)).await, "{tone:?} is not shown");
        assert!(!self.device.head.is_lit());
    }
}

#[tokio::test(start_paused = true)]
async fn every_format_gives_the_bytes_that_the_head_tells_and_says_which_it_was() {
    for (format, data, bytes, profile) in [
        (Format::W26, 0x74_5A70, &[0x74, 0x5A, 0x70][..], "wiegand26"),
        (Format::W34, 0x04A1_B2C3, &[0x04, 0xA1, 0xB2, 0xC3], "wiegand34"),
        (Format::W37, 0x7_0000_0001, &[7, 0, 0, 0, 1], "wiegand37"),
    ] {
        let site = Site::new(Options { format, ..Options::default() }, |values| values).await;
        site.device.head.present(data);
        let reading = site.reading(1).await;
        assert_eq!(reading.credential, Credential::Card(bytes.to_vec()));
        assert_eq!((reading.profile.as_deref(), reading.method), (Some(profile), Method::Card));
        assert_eq!(reading.raw.len(), usize::from(format.bits()));
        site.shows(Tone::Accepted).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_sends_bytes_back_to_front_gives_the_card_as_others_do() {
    let reversed = |values: Values| values.with("byte_order", Value::Text("reversed".into()));
    let site = Site::new(Options::default(), reversed).await;
    site.device.head.present(0xC3B2_A104);
    let reading = site.reading(1).await;
    assert_eq!(reading.credential, Credential::Card(vec![0x04, 0xA1, 0xB2, 0xC3]));
    assert_eq!(reading.profile.as_deref(), Some("wiegand34-reversed"));
}

#[tokio::test(start_paused = true)]
async fn a_typed_user_id_is_read_where_that_is_wanted_and_forgotten_when_nobody_ends_it() {
    let keypad = |values: Values| values.with("keypad", Value::Boolean(true));
    for keys_of_8 in [false, true] {
        let site = Site::new(Options { keys_of_8, ..Options::default() }, keypad).await;
        site.device.head.type_keys("99");
        tokio::time::sleep(Duration::from_secs(15)).await;
        site.device.head.type_keys("5*007#");
        let reading = site.reading(1).await;
        assert_eq!((reading.credential, reading.method), (Credential::UserId("007".into()), Method::Password));
        site.shows(Tone::Accepted).await;
    }
    let site = Site::new(Options::default(), |values| values).await;
    site.device.head.type_keys("007#");
    tokio::time::sleep(SOON).await;
    assert_eq!(site.bench.readings(), []);
    assert_eq!(site.bench.health_now().unwrap().condition, Condition::Working);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_recorded_is_shown_and_the_next_try_is_taken() {
    let site = Site::new(Options::default(), |values| values).await;
    site.bench.refuse(Some(NotRecorded::DiskFull));
    site.device.head.present(7);
    site.shows(Tone::OutOfOrder).await;
    site.bench.refuse(None);
    site.device.head.present(7);
    site.shows(Tone::Accepted).await;
    assert_eq!(site.bench.readings().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cards_that_come_while_the_disk_is_slow_are_all_read() {
    let site = Site::new(Options::default(), |values| values).await;
    site.bench.delay(Duration::from_millis(1500));
    for card in 1..=3 {
        site.device.head.present(card);
    }
    site.reading(3).await;
}

#[tokio::test(start_paused = true)]
async fn swapped_wires_are_told_and_every_person_is_asked_to_try_again() {
    let site = Site::new(Options { swapped: true, ..Options::default() }, |values| values).await;
    for card in [1, 2, 3] {
        site.device.head.present(card);
        site.shows(Tone::OutOfOrder).await;
    }
    let health = site.bench.health_now().unwrap();
    assert_eq!(health.condition, Condition::Warning);
    assert!(health.text.en.contains("the two data wires are swapped"), "{}", health.text);
    assert_eq!(site.bench.readings(), []);
}

#[tokio::test(start_paused = true)]
async fn a_reader_with_another_format_is_told_until_it_is_set_right() {
    let site = Site::new(Options::default(), |values| values).await;
    for _ in 0..3 {
        site.device.head.send(Bits::new(0x04A1_B2C3, 32));
        site.shows(Tone::OutOfOrder).await;
    }
    assert!(site.bench.health_now().unwrap().text.en.contains("sends 32 bits"));
    site.device.head.present(1);
    site.reading(1).await;
    assert_eq!(site.bench.health_now().unwrap().condition, Condition::Working);
}

#[tokio::test(start_paused = true)]
async fn a_reader_makes_itself_known_where_it_has_something_to_do_it_with() {
    let site = Site::new(Options::default(), |values| values).await;
    site.bench.command(Command::Identify).await.unwrap();
    site.shows(Tone::Unknown).await;
    assert!(site.bench.command(Command::Unlock).await.is_err());
    assert!(!site.driver.is_finished());
}
