//! What a person and an operator see of a reader that sends lines.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, Cable, EPOCH};
use punchd_contract::{
    Command, CommandError, Condition, Credential, DeviceName, Kind, Member, Method, NotRecorded, Parity, Search, Value,
    Values,
};
use punchd_serial_line::SerialLine;
use punchd_serial_line::virtual_device::{Obeys, Options, Sends, VirtualReader};
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
