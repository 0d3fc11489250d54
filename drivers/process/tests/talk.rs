//! What a program and the driver say to each other, line by line.
#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, EPOCH};
use punchd_contract::{
    Command, CommandError, Condition, Cursor, DeviceName, Doubt, Event, Happened, Kind, Member, NotRecorded, Origin,
    Port, Secret, Value as Setting, Values,
};
use punchd_process::{Ended, Outbox, Process, converse};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

const HELLO: &str = r#"{"type":"hello","protocol":1,"name":"acme","can":["identify","unlock","set_face"]}"#;
const HELLO_LOG: &str = r#"{"type":"hello","protocol":1,"name":"acme","keeps_log":true,"serial":"A1"}"#;

/// A program in the hands of a test.
struct Program {
    bench: Bench,
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    writer: WriteHalf<DuplexStream>,
    driver: JoinHandle<Ended>,
}

impl Program {
    async fn silent() -> Self {
        Self::over(Bench::new(EPOCH))
    }

    /// Another run at the same agent.
    fn over((bench, port): (Bench, Port)) -> Self {
        let values = Values::new()
            .with("command", Setting::Texts(vec!["/opt/acme".into()]))
            .with("settings", Setting::Texts(vec!["host=10.0.0.9".into()]))
            .with("secret", Setting::Secret(Secret::new("hunter2")));
        let member = Member {
            device: DeviceName::new("gate-1").unwrap(),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
            settings: Arc::new(Process::settings(&values).unwrap()),
            port,
        };
        let (ours, theirs) = tokio::io::duplex(4096);
        let driver = tokio::spawn(async move {
            let (reader, writer) = tokio::io::split(theirs);
            converse(&member, "acme", reader, &mut Outbox::new(writer)).await
        });
        let (reader, writer) = tokio::io::split(ours);
        Self { bench, lines: BufReader::new(reader).lines(), writer, driver }
    }

    async fn welcomed(hello: &str) -> Self {
        let mut program = Self::silent().await;
        program.say(hello).await;
        assert_eq!(program.hear().await["type"], "welcome");
        program
    }

    async fn say(&mut self, line: &str) {
        self.writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            let line = self.lines.next_line().await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["type"] != "now" {
                return message;
            }
        }
    }

    async fn ended(self) -> String {
        self.driver.await.unwrap().text("acme").en
    }
}

fn card(id: u64, value: &str) -> String {
    json!({"type": "reading", "id": id, "credential": {"kind": "card", "value": value}}).to_string()
}

fn record(second: u8) -> Value {
    json!({"credential": {"kind": "user_id", "value": "7"}, "at": format!("2026-11-02T08:00:{second:02}"),
           "key": {"content": format!("7|{second}"), "occurrence": 1}})
}

#[tokio::test(start_paused = true)]
async fn the_welcome_tells_what_is_configured_and_where_the_program_stood() {
    let mut program = Program::silent().await;
    program.say(HELLO).await;
    let welcome = program.hear().await;
    assert_eq!(welcome["settings"], json!({"host": "10.0.0.9"}));
    assert_eq!((&welcome["device"], &welcome["zone"]), (&json!("gate-1"), &json!("Asia/Shanghai")));
    assert_eq!((&welcome["secret"], &welcome["cursor"]), (&json!("hunter2"), &Value::Null));
    assert_eq!(welcome["time"]["local"], "2026-11-02T08:00:00");
    assert_eq!(program.bench.health_now().unwrap().condition, Condition::Starting);
}

#[tokio::test(start_paused = true)]
async fn a_reading_is_answered_by_its_id_and_what_reads_works() {
    let mut program = Program::welcomed(HELLO).await;
    program.say(&card(7, "04A1B2C3")).await;
    let receipt = program.hear().await;
    assert_eq!(
        (&receipt["type"], &receipt["id"], &receipt["tone"]),
        (&json!("receipt"), &json!(7), &json!("accepted"))
    );
    assert_eq!(program.bench.health_now().unwrap().condition, Condition::Working);
    program.bench.refuse(Some(NotRecorded::DiskFull));
    program.say(&card(8, "04A1B2C3")).await;
    let answer = program.hear().await;
    assert_eq!(
        (&answer["type"], &answer["id"], &answer["reason"]),
        (&json!("not_recorded"), &json!(8), &json!("disk_full"))
    );
}

#[tokio::test(start_paused = true)]
async fn receipts_come_in_the_order_of_the_readings_and_a_program_that_waits_for_none_is_held_back() {
    let program = Program::welcomed(HELLO).await;
    program.bench.delay(Duration::from_millis(1500));
    let many: String = (0..600).map(|id| card(id, "04A1B2C3") + "\n").collect();
    let Program { mut writer, mut lines, bench, .. } = program;
    let writing = tokio::spawn(async move { writer.write_all(many.as_bytes()).await.unwrap() });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!writing.is_finished(), "everything was read though nothing is answered");
    for id in 0..600 {
        let line = lines.next_line().await.unwrap().unwrap();
        let receipt: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&receipt["type"], &receipt["id"]), (&json!("receipt"), &json!(id)));
    }
    assert_eq!(bench.readings().len(), 600);
}

#[tokio::test(start_paused = true)]
async fn a_batch_brings_readings_cursor_and_clock_and_its_cursor_comes_back() {
    let agent = Bench::new(EPOCH);
    let mut program = Program::over(agent.clone());
    program.say(HELLO_LOG).await;
    assert_eq!(program.hear().await["cursor"], Value::Null);
    let batch = json!({"type": "batch", "id": "b", "readings": [record(1), record(1)], "cursor": {"next": 2},
                       "contact": {"clock": "2026-11-02T07:53:00", "records_read": 2}});
    program.say(&batch.to_string()).await;
    let receipts = program.hear().await;
    assert_eq!((&receipts["type"], &receipts["id"]), (&json!("receipts"), &json!("b")));
    let verdicts: Vec<_> = receipts["receipts"].as_array().unwrap().iter().map(|one| one["verdict"].clone()).collect();
    assert_eq!(verdicts, ["punch", "repeated"]);
    assert_eq!(program.bench.cursor_now(), Some(Cursor(r#"{"next":2}"#.into())));
    let contact = &program.bench.contacts()[0];
    assert_eq!((program.bench.offsets(), contact.serial.as_ref().unwrap().as_str()), (vec![-420_000], "A1"));
    drop(program);
    let mut program = Program::over(agent);
    program.say(HELLO_LOG).await;
    assert_eq!(program.hear().await["cursor"], json!({"next": 2}));
}

#[tokio::test(start_paused = true)]
async fn a_batch_before_the_answer_to_the_last_one_is_refused_so_that_no_cursor_passes_what_is_lost() {
    let mut program = Program::welcomed(HELLO_LOG).await;
    program.bench.delay(Duration::from_secs(1));
    for (id, second) in [(1, 1), (2, 2)] {
        let batch = json!({"type": "batch", "id": id, "readings": [record(second)], "cursor": id});
        program.say(&batch.to_string()).await;
    }
    let (first, second) = (program.hear().await, program.hear().await);
    assert_eq!((&first["id"], &first["reason"]), (&json!(2), &json!("malformed")));
    assert_eq!((&second["id"], &second["type"]), (&json!(1), &json!("receipts")));
    assert_eq!(program.bench.cursor_now(), Some(Cursor("1".into())));
    program.say(&json!({"type": "batch", "id": 3, "readings": [record(2)], "cursor": 2}).to_string()).await;
    assert_eq!(program.hear().await["type"], "receipts");
    assert_eq!(program.bench.readings().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_reading_is_not_the_answer_to_the_batch_after_it() {
    let mut program = Program::welcomed(HELLO_LOG).await;
    let mut first = record(1);
    (first["type"], first["id"]) = (json!("reading"), json!(1));
    program.bench.delay(Duration::from_secs(1));
    program.say(&first.to_string()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    program.bench.delay(Duration::from_secs(5));
    program.say(&json!({"type": "batch", "id": 2, "readings": [record(2)], "cursor": 2}).to_string()).await;
    assert_eq!(program.hear().await["type"], "receipt");
    program.say(&json!({"type": "batch", "id": 3, "readings": [record(3)], "cursor": 3}).to_string()).await;
    let refused = program.hear().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!(3), &json!("not_recorded")));
    assert_eq!(program.hear().await["type"], "receipts");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_said_to_the_program_and_shown_with_its_line_for_a_while() {
    let mut program = Program::welcomed(HELLO).await;
    program.say(r#"{"type":"health","condition":"working","en":"reads","zh":"读取"}"#).await;
    program.say(r#"{"type":"punch"}"#).await;
    let wrong = program.hear().await;
    assert_eq!((&wrong["type"], &wrong["line"]), (&json!("wrong"), &json!(3)));
    let health = program.bench.health_now().unwrap();
    assert_eq!(health.condition, Condition::Warning);
    assert!(health.text.en.contains("line 3") && health.text.en.contains("\"punch\""), "{}", health.text);
    program.say(&card(9, "4A1")).await;
    let answer = program.hear().await;
    assert_eq!(
        (&answer["type"], &answer["id"], &answer["reason"]),
        (&json!("not_recorded"), &json!(9), &json!("malformed"))
    );
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        program.say(r#"{"type":"health","condition":"working","en":"reads","zh":"读取"}"#).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(program.bench.health_now().unwrap().condition, Condition::Working);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_writes_nothing_but_nonsense_is_ended() {
    let mut program = Program::welcomed(HELLO).await;
    for _ in 0..101 {
        program.say("nonsense").await;
        let _ = program.lines.next_line().await;
    }
    assert!(program.ended().await.contains("101 lines within a minute were not understood"));
}

#[tokio::test(start_paused = true)]
async fn a_program_that_floods_is_slowed_down_and_that_is_shown() {
    let mut program = Program::welcomed(HELLO).await;
    let health = r#"{"type":"health","condition":"working","en":"reads","zh":"读取"}"#;
    let started = tokio::time::Instant::now();
    for _ in 0..3000 {
        program.say(health).await;
    }
    assert!(started.elapsed() > Duration::from_secs(15), "{:?}", started.elapsed());
    let health = program.bench.health_now().unwrap();
    assert!(health.condition == Condition::Warning && health.text.en.contains("slowed down"), "{}", health.text);
    assert!(program.bench.health_history().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_does_not_begin_right_is_told_what_would_be() {
    for (first, words) in [
        (r#"{"type":"hello","protocol":2,"name":"x"}"#, "version 2"),
        ("Listening on port 7…", "no JSON"),
        (r#"{"type":"health","condition":"working","en":"x"}"#, "another message"),
        (r#"{"type":"hello","protocol":1}"#, "missing field `name`"),
    ] {
        let mut program = Program::silent().await;
        program.say(first).await;
        let text = program.ended().await;
        assert!(text.contains(words), "{text}");
    }
    assert!(Program::silent().await.ended().await.contains("no hello within 10 s"));
}

#[tokio::test(start_paused = true)]
async fn a_program_that_says_nothing_any_more_is_ended_but_not_one_that_waits_for_a_slow_disk() {
    let mut program = Program::welcomed(HELLO).await;
    program.say(&card(1, "04A1B2C3")).await;
    assert!(program.ended().await.contains("written nothing for 180 s"));
}

#[tokio::test(start_paused = true)]
async fn a_program_that_does_not_read_is_ended_and_holds_up_nothing() {
    let mut program = Program::welcomed(HELLO_LOG).await;
    for id in 0..200 {
        let batch = json!({"type": "batch", "id": id, "readings": [record(1), record(2), record(3)]});
        if program.writer.write_all(format!("{batch}\n").as_bytes()).await.is_err() {
            break;
        }
    }
    assert!(program.ended().await.contains("does not read its stdin"));
}

#[tokio::test(start_paused = true)]
async fn a_line_without_an_end_is_an_end() {
    let mut program = Program::welcomed(HELLO).await;
    let piece = vec![b'x'; 4096];
    while program.writer.write_all(&piece).await.is_ok() {}
    assert!(program.ended().await.contains("longer than 1 MiB"));
}

#[tokio::test(start_paused = true)]
async fn commands_are_carried_out_step_by_step_refused_or_given_up() {
    let mut program = Program::welcomed(HELLO).await;
    let bench = program.bench.clone();
    let asking = tokio::spawn(async move {
        let mut steps = Vec::new();
        let done = bench.command_with_steps(Command::Unlock, |step| steps.push(step.en)).await;
        (done, steps)
    });
    let command = program.hear().await;
    assert_eq!((&command["type"], &command["command"]), (&json!("command"), &json!("unlock")));
    let id = &command["id"];
    program.say(&json!({"type": "step", "id": id, "en": "push the door"}).to_string()).await;
    program.say(&json!({"type": "done", "id": id, "en": "open", "zh": "已开"}).to_string()).await;
    let (done, steps) = asking.await.unwrap();
    assert_eq!((done.unwrap().text.zh.as_str(), steps), ("已开", vec!["push the door".to_owned()]));

    let bench = program.bench.clone();
    let asking = tokio::spawn(async move { bench.command(Command::Identify).await });
    let id = program.hear().await["id"].clone();
    program.say(&json!({"type": "failed", "id": id, "reason": "unreachable", "en": "it is off"}).to_string()).await;
    assert!(matches!(asking.await.unwrap(), Err(CommandError::Unreachable(text)) if text.en == "it is off"));

    let bench = program.bench.clone();
    let asking = tokio::spawn(async move { bench.command(Command::Identify).await });
    let id = program.hear().await["id"].clone();
    asking.abort();
    assert_eq!(program.hear().await, json!({"type": "cancel", "id": id}));

    assert_eq!(program.bench.command(Command::ReadLog).await, Err(CommandError::Unsupported));
    let face = Command::SetFace { user_id: "7".into(), jpeg: vec![0; 600_000] };
    assert!(
        matches!(program.bench.command(face).await, Err(CommandError::Failed(text)) if text.en.contains("too large"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_is_told_every_minute() {
    let mut program = Program::welcomed(HELLO).await;
    let line = program.lines.next_line().await.unwrap().unwrap();
    let now: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&now["type"], &now["bound_ms"]), (&json!("now"), &json!(10)));
    assert_eq!(now["local"], "2026-11-02T08:01:00");
}

#[tokio::test(start_paused = true)]
async fn a_program_that_goes_away_ends_the_talk() {
    let program = Program::welcomed(HELLO).await;
    let Program { lines, mut writer, driver, .. } = program;
    writer.shutdown().await.unwrap();
    assert_eq!(driver.await.unwrap(), Ended::Closed);
    let mut rest = Vec::new();
    let _ = lines.into_inner().read_to_end(&mut rest).await;
}

fn batch(readings: &[(&str, Value)], clock: Option<&str>) -> String {
    let reading = |(at, more): &(&str, Value)| {
        let mut reading = json!({
            "credential": {"kind": "user_id", "value": "7"}, "at": at, "key": {"content": at, "occurrence": 1},
        });
        reading.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        reading
    };
    let contact = clock.map(|clock| json!({ "clock": clock }));
    json!({"type": "batch", "id": 1, "readings": readings.iter().map(reading).collect::<Vec<_>>(), "contact": contact})
        .to_string()
}

#[tokio::test(start_paused = true)]
async fn the_readings_of_a_batch_are_looked_at_among_their_neighbours_and_by_the_clock() {
    let mut program = Program::welcomed(HELLO_LOG).await;
    let plain = || json!({});
    let line = batch(
        &[
            ("2026-01-04T08:00:00", plain()),
            ("2025-07-05T09:00:00", plain()),
            ("2026-01-04T17:00:00", plain()),
            ("2026-02-04T17:00:00", json!({"origin": "live"})),
            ("2026-01-04T18:00:00", json!({"utc_offset": 25200, "event": {"code": 22, "en": "refused"}})),
        ],
        Some("2026-01-05T08:00:00"),
    );
    program.say(&line).await;
    assert_eq!(program.hear().await["type"], "receipts");
    let readings = program.bench.readings();
    let doubts: Vec<_> = readings.iter().map(|reading| reading.doubt.clone()).collect();
    assert!(matches!(doubts[1], Some(Doubt::Behind { .. })) && matches!(doubts[3], Some(Doubt::AfterClock { .. })));
    assert!([0, 2, 4].iter().all(|place: &usize| doubts[*place].is_none()), "{doubts:?}");
    let origins: Vec<Origin> = readings.iter().map(|reading| reading.origin).collect();
    assert_eq!(origins, [Origin::Log, Origin::Log, Origin::Log, Origin::Live, Origin::Log]);
    assert!(matches!(readings[4].happened, Happened::ByTerminalAt(..)));
    assert!(matches!(&readings[4].event, Event::NoPunch { code: 22, text } if text.zh == "refused"));
}
