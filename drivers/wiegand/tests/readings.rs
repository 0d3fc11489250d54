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
    /// Whose lines have been open for a moment.
    async fn new(options: Options, set: impl FnOnce(Values) -> Values) -> Self {
        let site = Self::start(options, set).await;
        assert!(site.bench.until(SOON, |bench| bench.health_now().is_some()).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
        site
    }

    /// Whose lines are being opened.
    async fn start(options: Options, set: impl FnOnce(Values) -> Values) -> Self {
        let device = device(options);
        let (bench, port) = Bench::with_lines(EPOCH, Arc::new(device.cable.clone()));
        let settings = Arc::new(AtTheWall::settings(&set(device.values())).unwrap());
        let name = DeviceName::new("wall").unwrap();
        let driver = tokio::spawn(AtTheWall::run(vec![Member { device: name, zone: device.zone(), settings, port }]));
        let site = Self { device, bench, driver };
        while !site.device.head.is_wired() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
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
async fn a_typed_user_id_is_read_where_that_is_wanted() {
    let keypad = |values: Values| values.with("keypad", Value::Boolean(true));
    for keys_of_8 in [false, true] {
        let site = Site::new(Options { keys_of_8, ..Options::default() }, keypad).await;
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
async fn half_a_number_is_nobody_and_who_types_again_is_somebody() {
    let keypad = |values: Values| values.with("keypad", Value::Boolean(true));
    let site = Site::new(Options::default(), keypad).await;
    site.device.head.type_keys("1002");
    tokio::time::sleep(Duration::from_millis(10_500)).await;
    site.device.head.type_keys("34#");
    let reading = site.reading(1).await;
    assert_eq!((reading.credential, &reading.raw[..]), (Credential::Unreadable, &b"34#"[..]));
    site.shows(Tone::OutOfOrder).await;
    site.device.head.type_keys("100234#");
    assert_eq!(site.reading(2).await.credential, Credential::UserId("100234".into()));
    site.shows(Tone::Accepted).await;
}

/// The middle key of 10234 is lost on the wire, or a card comes between: 1034 is somebody else.
#[tokio::test(start_paused = true)]
async fn a_number_with_a_lost_key_or_a_card_in_the_middle_is_nobody() {
    let keypad = |values: Values| values.with("keypad", Value::Boolean(true));
    let site = Site::new(Options::default(), keypad).await;
    let head = &site.device.head;
    for (count, lost) in [(1, Bits::new(0b10, 3)), (2, Bits::new(0b01_0001, 6))] {
        head.type_keys("10");
        head.send(lost);
        head.type_keys("34#");
        assert_eq!(site.reading(count).await.credential, Credential::Unreadable);
        site.shows(Tone::OutOfOrder).await;
    }
    head.type_keys("10");
    head.present(7);
    head.type_keys("34#56#");
    let credentials: Vec<_> = {
        site.reading(5).await;
        site.bench.readings().split_off(2)
    }
    .into_iter()
    .map(|reading| reading.credential)
    .collect();
    assert_eq!(
        credentials,
        [Credential::Card(vec![0, 0, 0, 7]), Credential::Unreadable, Credential::UserId("56".into())]
    );
}

/// 7, 8, 4 over swapped wires are 8, 7, #: somebody else, and no check tells.
#[tokio::test(start_paused = true)]
async fn a_number_that_swapped_wires_could_have_made_is_held_until_they_are_known() {
    let keypad = |values: Values| values.with("keypad", Value::Boolean(true));
    let swapped = Site::new(Options { swapped: true, ..Options::default() }, keypad).await;
    swapped.device.head.type_keys("784");
    let reading = swapped.reading(1).await;
    assert_eq!(reading.credential, Credential::UserId("87".into()));
    assert!(reading.doubt.is_some());
    swapped.device.head.type_keys("0123");
    assert!(swapped.bench.until(SOON, |bench| bench.health_now().unwrap().text.en.contains("are swapped")).await);

    let right = Site::new(Options::default(), keypad).await;
    right.device.head.type_keys("87#");
    assert!(right.reading(1).await.doubt.is_some());
    right.device.head.type_keys("80#87#");
    assert_eq!(right.reading(3).await.doubt, None);
    let right = Site::new(Options::default(), keypad).await;
    right.device.head.present(7);
    right.device.head.type_keys("87#");
    assert_eq!(right.reading(2).await.doubt, None);
}

/// The driver starts while a card is being sent: what is left of 34 bits can be a right frame of 26.
#[tokio::test(start_paused = true)]
async fn a_frame_that_was_under_way_when_the_lines_were_opened_is_nobodys() {
    let card = punchd_wiegand::protocol::card::Card { format: Format::W26, data: 0x74_5A70 }.encode();
    let site = Site::start(Options::default(), |values| values).await;
    site.device.head.send(card);
    site.shows(Tone::OutOfOrder).await;
    site.device.head.send(card);
    assert_eq!(site.reading(1).await.credential, Credential::Card(vec![0x74, 0x5A, 0x70]));
    assert_eq!(site.bench.readings().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn swapped_wires_are_told_and_what_was_held_up_is_kept() {
    let site = Site::new(Options { swapped: true, ..Options::default() }, |values| values).await;
    for card in [1, 2, 3] {
        site.device.head.present(card);
        site.shows(Tone::OutOfOrder).await;
    }
    let health = site.bench.health_now().unwrap();
    assert_eq!(health.condition, Condition::Warning);
    assert!(health.text.en.contains("the two data wires are swapped"), "{}", health.text);
    let readings = site.bench.readings();
    assert!(readings.iter().all(|reading| reading.credential == Credential::Unreadable && reading.raw.len() == 34));
    assert_eq!(readings.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_another_length_is_kept_bit_by_bit_and_told() {
    let site = Site::new(Options::default(), |values| values).await;
    site.device.head.present(1);
    let first = site.reading(1).await;
    let frames = [
        Bits::new(0x2_DEAD_BEEF, 35),
        Bits::new(0x04A1_B2C3, 32),
        Bits::new(u64::MAX << 1, 64),
        Bits::new(0x2_DEAD_BEF0, 35),
    ];
    for (count, frame) in (2..).zip(frames) {
        site.device.head.send(frame);
        let reading = site.reading(count).await;
        assert_eq!((reading.credential, reading.raw), (Credential::Unreadable, frame.to_string().into_bytes()));
        assert_eq!((reading.profile, reading.method), (Some(format!("wiegand{}", frame.len())), Method::Card));
    }
    let said = site.bench.health_now().unwrap();
    assert!(
        said.condition == Condition::Warning && said.text.en.contains("2 of the last 5 cards had 35 bits"),
        "{}",
        said.text
    );
    assert_eq!(first.credential, Credential::Card(vec![0, 0, 0, 1]));
}

/// A third of all frames loses an edge on the wire, where nothing but its length tells.
#[tokio::test(start_paused = true)]
async fn who_is_spoilt_on_the_wire_is_asked_to_try_again_and_counted() {
    let site = Site::new(Options::default(), |values| values).await;
    for n in 0..15 {
        let card =
            punchd_wiegand::protocol::card::Card { format: Format::W34, data: 0x04A1_B200 + n }.encode().to_string();
        let (mut cut, at) = (card.clone(), (7 * n as usize) % 34);
        cut.remove(at);
        let frame = if n % 3 == 1 { &cut } else { &card };
        site.device.head.send(Bits::parse(frame).unwrap());
        site.shows(if n % 3 == 1 { Tone::OutOfOrder } else { Tone::Accepted }).await;
    }
    assert_eq!(site.bench.readings().len(), 10);
    let health = site.bench.health_now().unwrap();
    assert_eq!(health.condition, Condition::Warning);
    assert!(health.text.en.contains("5 of the last 15 frames were spoilt"), "{}", health.text);
}

#[tokio::test(start_paused = true)]
async fn a_reader_makes_itself_known_where_it_has_something_to_do_it_with() {
    let site = Site::new(Options::default(), |values| values).await;
    site.bench.command(Command::Identify).await.unwrap();
    site.shows(Tone::Unknown).await;
    assert!(site.bench.command(Command::Unlock).await.is_err());
    assert!(!site.driver.is_finished());
}
