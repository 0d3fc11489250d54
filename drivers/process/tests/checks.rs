//! `punchd driver check`'s play with real programs: the example has nothing wrong, and each mistake is found.
#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::time::Duration;

use punchd_contract::conformance::EPOCH;
use punchd_contract::{Kind, Value, Values};
use punchd_process::Process;
use punchd_process::check::{Finding, Grade, Trial, check};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

fn texts(texts: &[&str]) -> Value {
    Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

async fn findings(values: Values, readings: usize, lasts: u64) -> (bool, Vec<Finding>) {
    let settings = Process::settings(&values).unwrap();
    let trial = Trial { settings, readings, lasts: Duration::from_secs(lasts), now: EPOCH };
    let mut found = Vec::new();
    let good = check(&trial, &mut |finding| found.push(finding)).await.unwrap();
    (good, found)
}

fn python(script: &str) -> Values {
    // What every one of them needs, so that each shows its own mistake alone.
    let frame = format!("import json, sys\ndef say(**m): print(json.dumps(m), flush=True)\n{script}");
    Values::new()
        .with("command", texts(&["python3", "-c", &frame]))
        .with("env", texts(&[&format!("PATH={}", std::env::var("PATH").unwrap())]))
}

async fn wrong(script: &str, readings: usize) -> Vec<String> {
    let (good, found) = findings(python(script), readings, 3).await;
    let wrong: Vec<_> = found.into_iter().filter(|one| one.grade == Grade::Wrong).map(|one| one.text.en).collect();
    assert_eq!(good, wrong.is_empty());
    wrong
}

const HELLO: &str = "say(type='hello', protocol=1, name='x')\n";
const HEALTH: &str = "say(type='health', condition='working', en='reads', zh='正在读取')\n";

/// A program without a mistake, with `more` in its loop.
fn script(before: &str, more: &str) -> String {
    format!(
        "{HELLO}{before}for line in sys.stdin:\n    m = json.loads(line) if line.startswith('{{') else {{}}\n    t = m.get('type')\n    \
         if t == 'welcome': {HEALTH}    if t == 'stop': break\n    \
         if t == 'command': say(type='failed', id=m['id'], reason='unsupported')\n{more}"
    )
}

#[tokio::test]
async fn the_example_is_right() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let reader = tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"04A1B2C3\n04A1B2C4\n04A1B2C5\n04A1B2C6\n").await.unwrap();
            open.push(stream);
        }
    });
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/reader.py");
    let values = python("")
        .with("command", texts(&["python3", example]))
        .with("settings", texts(&["host=127.0.0.1", &format!("port={port}")]));
    let (good, found) = findings(values, 3, 30).await;
    reader.abort();
    assert!(good, "{found:#?}");
    assert!(found.iter().all(|one| one.grade == Grade::Right), "{found:#?}");
    assert!(found.len() >= 8, "{found:#?}");
}

#[tokio::test]
async fn a_program_without_a_mistake_is_right_though_it_reads_nothing() {
    assert_eq!(wrong(&script("", ""), 0).await, [] as [&str; 0]);
}

#[tokio::test]
async fn each_mistake_is_found_and_named() {
    let cases = [
        ("print('Listening')".to_owned(), "no JSON"),
        ("say(type='hello', protocol=9, name='x')\nsys.stdin.read()".to_owned(), "version 9"),
        ("pass".to_owned(), "without hello"),
        (
            format!("{HELLO}{HEALTH}for line in sys.stdin: json.loads(line)['type'].upper()"),
            "ended or closed its stdout",
        ),
        (script("", "").replace(HEALTH, "pass\n"), "does not say how its device is"),
        (
            script("", "").replace("say(type='failed'", "str(type='failed'").replace("str(", "dict("),
            "does not answer a command",
        ),
        (script("print('debug: connected', flush=True)\n", ""), "line 2: it is no JSON"),
        (
            script("", "    if t == 'welcome': say(type='reading', id=1, credential={'kind': 'card', 'value': 'x'})\n"),
            "credential.value",
        ),
        (
            script(
                "",
                "    if t == 'welcome': [say(type='reading', id=i, credential={'kind': 'card', 'value': '0102'}) for i in range(17)]\n",
            ),
            "without waiting for an answer",
        ),
        (script("", "    if t == 'welcome': [say(type='batch', id=i) for i in range(2)]\n"), "sends a batch before"),
        (
            script(
                "",
                "    if t == 'welcome': [say(type='reading', id=7, credential={'kind': 'card', 'value': '0102'}) for i in range(2)]\n",
            ),
            "two messages at once",
        ),
        (script("", "").replace("if t == 'stop': break", "pass"), "does not end within 2 s after"),
        (script("", "") + "import time\ntime.sleep(100)\n", "its stdin is closed"),
    ];
    // All at once: most of the time is waiting.
    let tried = cases.into_iter().map(async |(script, words)| {
        let wrong = wrong(&script, 0).await;
        assert!(wrong.iter().any(|text| text.contains(words)), "{words}: {wrong:?}\n{script}");
    });
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn a_terminal_that_forgets_what_was_not_recorded_is_found() {
    let hello = "say(type='hello', protocol=1, name='x', keeps_log=True, serial='A1')\n";
    let record = |second: u32| {
        format!(
            "say(type='batch', id={second}, readings=[{{'credential': {{'kind': 'user_id', 'value': '7'}}, 'at': \
             '2026-11-02T08:00:0{second}', 'key': {{'content': '7|{second}', 'occurrence': 1}}}}])"
        )
    };
    let sends = |after: &str| {
        let (first, second) = (record(1), record(2));
        let more =
            format!("    if t == 'welcome': {first}\n    if t == 'receipts' and m['id'] == 1: {second}\n{after}");
        script("", &more).replace(HELLO, hello)
    };
    let forgets = wrong(&sends(""), 2).await;
    assert!(forgets.iter().any(|text| text.contains("does not send a record again")), "{forgets:?}");
    let again = sends(&format!("    if t == 'not_recorded': {}\n", record(2)));
    assert_eq!(wrong(&again, 2).await, [] as [&str; 0]);
}

#[tokio::test]
async fn what_cannot_be_started_is_no_finding() {
    let settings = Process::settings(&Values::new().with("command", texts(&["/no/such/program"]))).unwrap();
    let trial = Trial { settings, readings: 0, lasts: Duration::from_secs(1), now: EPOCH };
    let error = check(&trial, &mut |_| panic!("nothing was tried")).await.unwrap_err();
    assert!(error.en.contains("/no/such/program"));
}

#[tokio::test]
async fn a_terminal_whose_readings_stand_in_no_order_is_told_that_they_would_be_held() {
    let one = "one = lambda at: {'credential': {'kind': 'user_id', 'value': '7'}, 'at': at, 'key': {'content': at, 'occurrence': 1}}\n\
               log = [one('2026-01-04T08:00:00'), one('2025-07-05T09:00:00'), one('2026-01-04T17:00:00')]\n";
    let more = "    if t in ('welcome', 'not_recorded'): say(type='batch', id=1, readings=log)\n";
    let script = script(one, more).replace("name='x'", "name='x', keeps_log=True, serial='A1'");
    let found = wrong(&script, 3).await;
    assert!(
        matches!(found.as_slice(), [one] if one.contains("1 of the 3 readings") && one.contains("would be held")),
        "{found:?}"
    );
}
