//! What a person and an operator see of a reader that sends lines.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, Cable, EPOCH};
use punchd_contract::{
    Command, CommandError, Condition, Credential, DeviceName, Kind, Line, LineError, Lines, Member, Method, Mode,
    NotRecorded, Parity, Place, Search, Value, Values,
};
use punchd_serial_line::SerialLine;
use punchd_serial_line::protocol::rdm6300;
use punchd_serial_line::virtual_device::{Obeys, Options, Sends, VirtualReader};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

const SOON: Duration = Duration::from_secs(10);

struct Gate {
    reader: VirtualReader,
    cable: Cable,
    bench: Bench,
    _driver: JoinSet<()>,
}

fn cable(reader: &VirtualReader) -> Cable {
    let reader = reader.clone();
    Cable::to(move |line| {
        let reader = reader.clone();
        async move { reader.serve(line).await }
    })
}

fn text(before: &str, after: &str, obeys: Obeys) -> Options {
    Options { sends: Sends::Text { before: before.into(), after: after.into() }, obeys }
}

/// A gate whose driver has opened its port.
async fn gate(options: Options, settings: &[(&str, &str)]) -> Gate {
    let reader = VirtualReader::new(options);
    let cable = cable(&reader);
    let (bench, port) = Bench::with_lines(EPOCH, Arc::new(cable.clone()));
    let values = Values::new().with("port", Value::Line(cable.place()));
    let values = settings.iter().fold(values, |values, (key, word)| values.with(key, Value::Text((*word).into())));
    let settings = Arc::new(SerialLine::settings(&values).unwrap());
    let member = Member { device: DeviceName::new("gate").unwrap(), zone: TimeZone::UTC, settings, port };
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        let _ = SerialLine::run(vec![member]).await;
    });
    assert!(bench.until(SOON, |bench| bench.health_now().is_some()).await);
    Gate { reader, cable, bench, _driver: driver }
}

impl Gate {
    async fn present(&self, what: &str) {
        self.reader.present(what.as_bytes());
        self.reader.taken_away().await;
        sleep(Duration::from_millis(700)).await;
    }

    fn condition(&self) -> Condition {
        self.bench.health_now().unwrap().condition
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_reads_what_became_of_it_and_a_machine_can_match_it() {
    let gate = gate(text("]C0", "\r\n", Obeys::Nothing), &[("credential", "user_id"), ("answers", "text")]).await;
    gate.present("007").await;
    gate.bench.refuse(Some(NotRecorded::DiskFull));
    gate.present("008").await;
    assert_eq!(gate.reader.take_answers(), ["OK 测试", "RETRY"]);
    let readings = gate.bench.readings();
    assert_eq!(
        (&readings[0].credential, readings[0].profile.as_deref()),
        (&Credential::UserId("007".into()), Some("user_id ]C0"))
    );

    let gate = self::gate(text("", "\r", Obeys::Nothing), &[("credential", "card"), ("answers", "receipt")]).await;
    gate.present("04a1b2c3").await;
    gate.present("0102").await;
    assert_eq!(gate.reader.take_answers(), ["accepted 1 card 04A1B2C3 04a1b2c3", "accepted 2 card 0102 0102"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_before_the_reading_is_on_disk() {
    let gate = gate(text("", "\r\n", Obeys::Nothing), &[("answers", "text")]).await;
    gate.bench.delay(Duration::from_millis(1500));
    gate.reader.present(b"code");
    sleep(Duration::from_millis(1400)).await;
    assert!(gate.reader.take_answers().is_empty());
    sleep(Duration::from_millis(400)).await;
    assert_eq!(gate.reader.take_answers(), ["OK 测试"]);
}

#[tokio::test(start_paused = true)]
async fn a_number_of_another_form_is_kept_and_the_operator_is_told_the_setting() {
    let gate = gate(text("", "\r\n", Obeys::Nothing), &[("credential", "card"), ("number", "6H8D")]).await;
    gate.present("0007625328").await;
    let reading = gate.bench.readings().pop().unwrap();
    assert_eq!((reading.credential, reading.method), (Credential::Unreadable, Method::Card));
    assert_eq!(reading.raw, b"0007625328");
    let health = gate.bench.health_now().unwrap();
    assert!(health.condition == Condition::Warning && health.text.en.contains("8H10D"), "{health:?}");
    gate.present("07625328").await;
    assert_eq!(gate.condition(), Condition::Working);
}

#[tokio::test(start_paused = true)]
async fn a_code_held_before_the_scanner_is_one_reading_until_it_is_taken_away() {
    let gate = gate(text("", "\r\n", Obeys::Nothing), &[]).await;
    for _ in 0..20 {
        gate.present("code").await;
    }
    assert_eq!(gate.bench.readings().len(), 1);
    sleep(Duration::from_secs(3)).await;
    gate.present("code").await;
    assert_eq!(gate.bench.readings().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn noise_without_end_makes_the_operator_look_at_the_speed() {
    let gate = gate(text("", "\r\n", Obeys::Nothing), &[]).await;
    gate.present("code").await;
    for _ in 0..5 {
        gate.reader.noise(&[0xF8; 9]);
        sleep(Duration::from_secs(2)).await;
    }
    let health = gate.bench.health_now().unwrap();
    assert!(health.condition == Condition::Warning && health.text.en.contains("`baud`"), "{health:?}");
    assert_eq!(gate.bench.readings().len(), 1);
}

fn named(gate: &Gate) -> Vec<Credential> {
    gate.bench
        .readings()
        .into_iter()
        .map(|reading| reading.credential)
        .filter(|one| *one != Credential::Unreadable)
        .collect()
}

fn user(id: &str) -> Credential {
    Credential::UserId(id.into())
}

fn card(number: u32) -> Credential {
    Credential::Card(number.to_be_bytes().to_vec())
}

#[tokio::test(start_paused = true)]
async fn half_a_text_is_kept_and_credits_nobody_and_who_presented_it_is_told_to_try_again() {
    let settings = [("credential", "user_id"), ("terminator", "crlf"), ("answers", "text")];
    let gate = gate(text("", "\r\n", Obeys::Nothing), &settings).await;
    gate.reader.noise(b"1002");
    sleep(Duration::from_millis(700)).await;
    assert_eq!(gate.reader.take_answers(), ["RETRY"]);
    gate.reader.noise(b"34\r\n");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(gate.reader.take_answers(), ["RETRY"]);
    gate.present("100234").await;
    assert_eq!((named(&gate), gate.reader.take_answers()), (vec![user("100234")], vec!["OK 测试".to_owned()]));
    let raw: Vec<_> = gate.bench.readings().into_iter().map(|reading| reading.raw).collect();
    assert_eq!(raw, [&b"1002"[..], b"34", b"100234"]);
    let health = gate.bench.health_now().unwrap();
    assert!(health.condition == Condition::Warning && health.text.en.starts_with("2 of the last 3 "), "{health:?}");
    for turn in 0..20 {
        gate.present(&format!("{turn}")).await;
    }
    assert_eq!(gate.condition(), Condition::Working);
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_while_a_reading_is_being_written_and_nothing_is_joined() {
    let settings = [("credential", "card"), ("number", "8H10D"), ("answers", "receipt")];
    let gate = gate(text("", "", Obeys::Nothing), &settings).await;
    gate.bench.delay(Duration::from_millis(1900));
    for number in [7_625_328, 7_625_329, 7_625_330] {
        gate.reader.noise(format!("{number:010}").as_bytes());
        sleep(Duration::from_millis(350)).await;
    }
    sleep(Duration::from_secs(3)).await;
    assert_eq!(named(&gate), [card(7_625_328), card(7_625_329), card(7_625_330)]);
    let answers = gate.reader.take_answers();
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("accepted")).count(), 3, "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn more_than_the_disk_takes_is_refused_so_that_it_is_seen() {
    let settings = [("credential", "user_id"), ("answers", "text")];
    let gate = gate(text("", "\n", Obeys::Nothing), &settings).await;
    gate.bench.delay(Duration::from_millis(1500));
    for number in 0..20 {
        gate.reader.noise(format!("{number}\n").as_bytes());
        sleep(Duration::from_millis(5)).await;
    }
    sleep(Duration::from_secs(4)).await;
    let answers = gate.reader.take_answers();
    let count = |wanted: &str| answers.iter().filter(|answer| answer.starts_with(wanted)).count();
    assert_eq!((named(&gate).len(), count("OK"), count("RETRY")), (16, 16, 4), "{answers:?}");
    assert!(gate.bench.health_now().unwrap().text.en.starts_with("4 of the last 20 "));
}

#[tokio::test(start_paused = true)]
async fn two_cards_that_lie_there_in_turn_are_two_readings_and_people_in_turn_are_each_one() {
    let gate =
        gate(Options { sends: Sends::Rdm6300 { cr_lf: false }, obeys: Obeys::Nothing }, &[("format", "rdm6300")]).await;
    let frames = [rdm6300::frame([1, 0, 0x74, 0x5A, 0x70], false), rdm6300::frame([0x0D, 0, 0x31, 0x9C, 0xD0], false)];
    for _ in 0..50 {
        for frame in &frames {
            gate.reader.noise(frame);
            sleep(Duration::from_millis(100)).await;
        }
    }
    assert_eq!(named(&gate).len(), 2);
    sleep(Duration::from_secs(4)).await;
    for frame in frames.iter().chain(&frames) {
        gate.reader.noise(frame);
        sleep(Duration::from_secs(4)).await;
    }
    assert_eq!(named(&gate).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_frame_that_no_good_one_follows_is_kept_and_one_that_is_followed_is_not() {
    let gate =
        gate(Options { sends: Sends::Rdm6300 { cr_lf: false }, obeys: Obeys::Nothing }, &[("format", "rdm6300")]).await;
    let frame = rdm6300::frame([1, 0, 0x74, 0x5A, 0x70], false);
    gate.reader.noise(&[&frame[..8], &frame].concat());
    sleep(Duration::from_secs(3)).await;
    assert_eq!(gate.bench.readings().len(), 1);
    gate.reader.noise(&[&frame[..8], b"\x03"].concat());
    sleep(Duration::from_secs(3)).await;
    let readings = gate.bench.readings();
    assert_eq!((readings.len(), &readings[1].credential), (2, &Credential::Unreadable));
}

#[tokio::test(start_paused = true)]
async fn what_comes_with_the_opening_of_a_line_was_presented_before_and_credits_nobody() {
    let (bench, _driver) = over_tcp(|mut line: DuplexStream| async move {
        // What the serial server has kept: the tail of one, a whole one, the head of a third.
        let _ = line.write_all(b"34\n777\n1002").await;
        sleep(Duration::from_secs(5)).await;
        let _ = line.write_all(b"34\n100234\n").await;
        sleep(Duration::from_secs(3600)).await;
    })
    .await;
    sleep(SOON).await;
    let readings: Vec<_> = bench.readings().into_iter().map(|reading| (reading.credential, reading.raw)).collect();
    let nobody = |raw: &[u8]| (Credential::Unreadable, raw.to_vec());
    assert_eq!(
        readings,
        [nobody(b"34"), nobody(b"777"), nobody(b"1002"), nobody(b"34"), (user("100234"), b"100234".to_vec())]
    );
}

#[tokio::test(start_paused = true)]
async fn a_tail_over_the_next_connection_of_a_serial_server_is_nobodys() {
    let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (bench, _driver) = over_tcp(move |mut line: DuplexStream| {
        let connections = connections.clone();
        async move {
            sleep(Duration::from_secs(2)).await;
            if connections.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                let _ = line.write_all(b"777\n1002").await;
                return sleep(Duration::from_millis(10)).await;
            }
            let _ = line.write_all(b"34\n100234\n").await;
            sleep(Duration::from_secs(3600)).await;
        }
    })
    .await;
    sleep(Duration::from_secs(20)).await;
    let named: Vec<_> = bench
        .readings()
        .into_iter()
        .map(|reading| reading.credential)
        .filter(|one| *one != Credential::Unreadable)
        .collect();
    assert_eq!(named, [user("777"), user("100234")]);
}

/// A driver at a serial server that is this.
async fn over_tcp<F>(server: impl Fn(DuplexStream) -> F + Send + 'static) -> (Bench, JoinSet<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    struct Tcp(Cable);
    impl Lines for Tcp {
        fn open(&self, place: Place, mode: Mode) -> BoxFuture<'_, Result<Line, LineError>> {
            let _ = place;
            self.0.open(self.0.place(), mode)
        }
    }
    let (bench, port) = Bench::with_lines(EPOCH, Arc::new(Tcp(Cable::to(server))));
    let place = Place::Tcp { host: "10.0.0.9".into(), port: 4001 };
    let values = Values::new().with("port", Value::Line(place)).with("credential", Value::Text("user_id".into()));
    let settings = Arc::new(SerialLine::settings(&values.with("terminator", Value::Text("lf".into()))).unwrap());
    let member = Member { device: DeviceName::new("gate").unwrap(), zone: TimeZone::UTC, settings, port };
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        let _ = SerialLine::run(vec![member]).await;
    });
    (bench, driver)
}

#[tokio::test(start_paused = true)]
async fn a_gm65_that_stops_acknowledging_is_a_fault_until_it_does_again() {
    let gate = gate(text("", "\r", Obeys::Nothing), &[("trigger", "gm65")]).await;
    assert!(gate.bench.until(SOON, |bench| bench.health_now().unwrap().condition == Condition::Fault).await);
    assert!(gate.bench.health_now().unwrap().text.en.contains("acknowledge"));

    let gate = self::gate(text("", "\r", Obeys::Gm65), &[("trigger", "gm65")]).await;
    gate.present("code").await;
    assert_eq!((gate.bench.readings().len(), gate.condition()), (1, Condition::Working));
    assert_eq!(gate.bench.readings()[0].credential, Credential::Token("code".into()));
    gate.cable.unplug();
    assert!(gate.bench.until(SOON, |bench| bench.health_now().unwrap().condition == Condition::Fault).await);
    gate.cable.replug();
    assert!(gate.bench.until(SOON, |bench| bench.health_now().unwrap().condition == Condition::Working).await);
}

#[tokio::test(start_paused = true)]
async fn the_port_is_set_as_configured_and_commands_are_declined() {
    let gate = gate(text("", "\r", Obeys::Nothing), &[("parity", "even")]).await;
    assert_eq!(gate.cable.mode().map(|mode| (mode.baud, mode.parity)), Some((9600, Parity::Even)));
    assert_eq!(gate.bench.command(Command::Unlock).await, Err(CommandError::Unsupported));
}

#[tokio::test(start_paused = true)]
async fn a_scanner_and_a_tag_reader_are_found_and_a_silent_port_is_not() {
    let search = |reader: &VirtualReader| {
        let cable = cable(reader);
        Search { ports: vec![cable.place()], lines: Arc::new(cable), subnets: vec![] }
    };
    let scanner = VirtualReader::new(text("", "\r", Obeys::Gm65));
    let found = SerialLine::discover(&search(&scanner)).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].settings, [("port", "\"/dev/serial/by-id/under-test\"".to_owned())]);

    let tags = VirtualReader::new(Options { sends: Sends::Rdm6300 { cr_lf: false }, obeys: Obeys::Nothing });
    let lying = tags.clone();
    let tag = tokio::spawn(async move {
        loop {
            lying.present(&[1, 0, 0x74, 0x5A, 0x70]);
            sleep(Duration::from_millis(65)).await;
        }
    });
    let found = SerialLine::discover(&search(&tags)).await;
    tag.abort();
    assert_eq!(found[0].settings.last(), Some(&("format", "\"rdm6300\"".to_owned())));

    let silent = VirtualReader::new(text("", "\r", Obeys::Nothing));
    assert_eq!(SerialLine::discover(&search(&silent)).await, []);
}
