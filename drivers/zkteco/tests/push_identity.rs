//! Who may talk to the push driver, and what hostile or slow peers can do: nothing to anybody else.

mod push_site;

use std::time::Duration;

use punchd_contract::{AlertKind, Command, CommandError, Condition, Kind, Secret, SerialNumber, Value, Values};
use punchd_zkteco::ZktecoPush;
use punchd_zkteco::push::virtual_device::{Dialect, VirtualPushTerminal};
use push_site::{MINUTE, SERIAL, Site, body, has_date};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(start_paused = true)]
async fn an_unknown_terminal_is_shown_once_a_minute_and_told_nothing() {
    let site = Site::new().await;
    for _ in 0..5 {
        let answer = site.get("/iclock/cdata?SN=STRANGER1&options=all&pushver=2.2.14").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(!body(&answer).contains("OK") && !has_date(&answer), "{answer}");
    }
    let upload = site.post("/iclock/cdata?SN=STRANGER1&table=ATTLOG", b"1\t2026-01-05 08:00:00\t0\t1\n").await;
    assert!(upload.starts_with("HTTP/1.1 403"), "{upload}");
    let strangers = site.bench.strangers();
    assert_eq!(strangers.len(), 1);
    let serial = strangers[0].serial.as_ref().map(SerialNumber::as_str);
    assert_eq!((serial, strangers[0].address.as_str()), (Some("STRANGER1"), "127.0.0.1"));
    assert!(site.bench.readings().is_empty() && site.bench.uploads().is_empty());
    tokio::time::sleep(2 * MINUTE).await;
    site.get("/iclock/getrequest?SN=STRANGER1").await;
    assert_eq!(site.bench.strangers().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_made_up_serials_is_reported_in_bounds() {
    let site = Site::new().await;
    for number in 0..200 {
        site.get(&format!("/iclock/getrequest?SN=FAKE{number}")).await;
    }
    assert!(site.bench.strangers().len() <= 64);
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_hostile_serial_is_a_bad_request() {
    let site = Site::new().await;
    for query in ["", "?SN=", "?SN=a%0d%0ab", "?SN=%3Cscript%3E", "?SN=../../x"] {
        let answer = site.get(&format!("/iclock/cdata{query}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{query}: {answer}");
    }
    let strangers = site.bench.strangers();
    // One for the missing and one for the odd number: each has its own sentence.
    assert_eq!(strangers.len(), 2, "{strangers:?}");
    assert!(strangers.iter().all(|one| one.serial.is_none() && one.trouble.is_some() && one.address == "127.0.0.1"));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_comm_key_is_refused_and_shown_and_the_right_one_opens() {
    let key = |values: punchd_contract::Values| values.with("comm_key", Value::Secret(Secret::new("s3cret")));
    let site = Site::with(key).await;
    let mut options = site.options();
    options.comm_key = Some("wrong".into());
    let intruder = VirtualPushTerminal::start(options.clone());
    intruder.punch_now("1001");
    assert!(site.sees(|bench| bench.alerts().iter().any(|alert| alert.kind == AlertKind::WrongTerminal)).await);
    assert!(site.bench.readings().is_empty());
    assert_eq!(site.bench.health_now().unwrap().condition, Condition::Fault);
    let direct = site.upload("ATTLOG", b"1\t2026-01-05 08:00:00\t0\t1\n").await;
    assert!(direct.starts_with("HTTP/1.1 403"), "{direct}");
    drop(intruder);
    options.comm_key = Some("s3cret".into());
    let terminal = VirtualPushTerminal::start(options);
    terminal.punch_now("1001");
    assert!(site.sees(|bench| bench.readings().len() == 1).await);
    let told = format!("{:?}{:?}", site.bench.alerts(), site.bench.health_history());
    assert!(!told.contains("s3cret") && !told.contains("wrong\""), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_pinned_terminal_from_another_address_is_refused_and_raises_an_alert() {
    let site = Site::with(|values| values.with("source", Value::Text("10.0.0.8".into()))).await;
    for _ in 0..3 {
        let answer = site.upload("ATTLOG", b"1\t2026-01-05 08:00:00\t0\t1\n").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    assert!(site.bench.readings().is_empty());
    assert_eq!(site.bench.alerts().len(), 1);
    assert_eq!(site.bench.alerts()[0].kind, AlertKind::WrongTerminal);
}

#[tokio::test(start_paused = true)]
async fn old_paths_old_http_and_chunks_are_taken() {
    let site = Site::new().await;
    let line = "1001\t2026-01-05 08:00:0";
    for (number, path) in ["/iclock/cdata.aspx", "/iclock/cdata/", "/ICLOCK/CDATA"].into_iter().enumerate() {
        let answer =
            site.post(&format!("{path}?sn={SERIAL}&Table=attlog"), format!("{line}{number}\t0\t1\n").as_bytes()).await;
        assert_eq!(body(&answer), "OK: 1");
    }
    let old =
        format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.0\r\nContent-Length: 30\r\n\r\n{line}4\t0\t1\t0");
    assert_eq!(body(&site.raw(old.as_bytes()).await), "OK: 1");
    let chunked = format!(
        "POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         18\r\n{line}5\r\n4\r\n\t0\t1\r\n0\r\n\r\n"
    );
    assert_eq!(body(&site.raw(chunked.as_bytes()).await), "OK: 1");
    assert_eq!(site.bench.readings().len(), 5);
    let lost = format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.0\r\n\r\n{line}6\t0\t1");
    assert!(site.raw(lost.as_bytes()).await.contains(" 411 "));
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit_is_refused() {
    let site = Site::new().await;
    let head = format!(
        "POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\nConnection: close\r\n\r\n"
    );
    let answer = site.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn peers_that_never_finish_are_bounded_and_delay_nobody() {
    let site = Site::new().await;
    let mut stuck = Vec::new();
    for number in 0..25 {
        let mut stream = TcpStream::connect(&site.server).await.unwrap();
        let head = format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.1\r\nContent-Length: 500\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(b"Host: x\r\n\r\n1001\t20").await.unwrap();
        }
        stuck.push(stream);
    }
    let answer = site.upload("ATTLOG", b"1\t2026-01-05 08:00:00\t0\t1\n").await;
    assert_eq!(body(&answer), "OK: 1");
    tokio::time::sleep(3 * MINUTE).await;
    for mut stream in stuck {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is still open");
    }
    assert_eq!(site.bench.readings().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn garbage_and_half_uploads_leave_no_trace() {
    let site = Site::new().await;
    let terminal = site.terminal();
    assert!(site.sees(|bench| !bench.contacts().is_empty()).await);
    terminal.send_garbage().await.unwrap();
    terminal.send_half().await.unwrap();
    terminal.punch_now("1001");
    assert!(site.sees(|bench| bench.readings().len() == 1).await);
    assert_eq!(site.bench.repeated(), 0);
}

#[tokio::test(start_paused = true)]
async fn silence_becomes_a_fault_with_what_to_do() {
    let site = Site::new().await;
    assert!(site.sees(|bench| bench.health_now().is_some_and(|health| health.condition == Condition::Starting)).await);
    assert!(site.sees(|bench| bench.health_now().is_some_and(|health| health.condition == Condition::Fault)).await);
    let text = site.bench.health_now().unwrap().text;
    assert!(text.en.contains("server address") && text.zh.contains("云服务器"), "{text}");
    let terminal = site.terminal();
    assert!(site.sees(|bench| bench.health_now().is_some_and(|health| health.condition == Condition::Working)).await);
    terminal.go_offline();
    assert!(site.sees(|bench| bench.health_now().is_some_and(|health| health.condition == Condition::Fault)).await);
}

#[tokio::test(start_paused = true)]
async fn a_day_of_idleness_is_quiet() {
    let site = Site::new().await;
    let _terminal = site.terminal();
    tokio::time::sleep(60 * MINUTE).await;
    let (health, contacts) = (site.bench.health_history().len(), site.bench.contacts().len());
    tokio::time::sleep(22 * 60 * MINUTE).await;
    assert_eq!(site.bench.health_history().len(), health);
    assert_eq!(site.bench.contacts().len(), contacts);
    assert!(site.bench.uploads().len() < 10);
}

#[test]
fn settings_that_cannot_be_right_are_named() {
    let text =
        |key, text: &str| Values::new().with("serial", Value::Text("S1".into())).with(key, Value::Text(text.into()));
    let mistakes = |values: &Values| match ZktecoPush::settings(values) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(|mistake| mistake.key).collect(),
    };
    assert_eq!(mistakes(&text("serial", "a b")), ["serial"]);
    assert_eq!(mistakes(&text("source", "gate.example")), ["source"]);
    assert_eq!(mistakes(&text("source", "10.0.0.8")), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_access_controller_is_sent_no_commands_of_the_other_dialect() {
    let site = Site::new().await;
    let mut options = site.options();
    options.dialect = Dialect::Security;
    let terminal = VirtualPushTerminal::start(options);
    terminal.punch_now("1001");
    assert!(site.sees(|bench| bench.readings().len() == 1 && bench.users().len() == 2).await);
    tokio::time::sleep(30 * MINUTE).await;
    let health = site.bench.health_now().unwrap();
    assert_eq!(health.condition, Condition::Working, "{}", health.text);
    assert!(health.text.en.contains("not proven"), "{}", health.text);
    assert_eq!(terminal.refused(), 0);
    let refused = site.bench.command(Command::ReadLog).await;
    assert!(matches!(refused, Err(CommandError::Unsupported)), "{refused:?}");
}
