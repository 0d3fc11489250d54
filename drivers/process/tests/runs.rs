//! Real programs: how they start, crash, hang, and end with everything that they have started.
#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, EPOCH};
use punchd_contract::{Condition, Credential, DeviceName, DriverError, Kind, Member, Secret, Text, Value, Values};
use punchd_process::Process;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing here takes so long; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(60);
const HELLO: &str = r#"echo '{"type":"hello","protocol":1,"name":"script"}'"#;

fn texts(texts: &[&str]) -> Value {
    Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

/// A device of this name, so that tests do not wait for each other's programs.
fn run(device: &str, bench: &(Bench, punchd_contract::Port), values: Values) -> JoinHandle<Result<(), DriverError>> {
    let member = Member {
        device: DeviceName::new(device).unwrap(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        settings: Arc::new(Process::settings(&values).unwrap()),
        port: bench.1.clone(),
    };
    tokio::spawn(Process::run(vec![member]))
}

fn shell(script: &str) -> Values {
    Values::new().with("command", texts(&["sh", "-c", script]))
}

/// What the driver says when the script has ended.
async fn end_of(device: &str, values: Values) -> Text {
    let bench = Bench::new(EPOCH);
    let ended = timeout(PATIENCE, run(device, &bench, values)).await.unwrap().unwrap();
    let text = ended.unwrap_err().0;
    let health = bench.0.health_now().unwrap();
    assert_eq!((health.condition, &health.text), (Condition::Fault, &text));
    assert_ne!(text.en, text.zh);
    text
}

async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap()
}

/// Waits until the file holds a whole line.
async fn line_of(path: &Path) -> String {
    until(async || {
        let text = std::fs::read_to_string(path).ok()?;
        text.strip_suffix('\n').map(str::to_owned)
    })
    .await
}

/// Waits until no process has this number.
async fn gone(pid: &str) {
    let stat = PathBuf::from(format!("/proc/{pid}/stat"));
    // One that nobody has waited for yet is over too.
    until(async || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ")).then_some(())).await;
}

#[tokio::test]
async fn a_crash_is_told_with_its_code_and_its_last_words() {
    let text = end_of("crash", shell(&format!("{HELLO}; echo 'no licence found' >&2; exit 3"))).await;
    assert!(text.en.contains("exit code 3") && text.en.contains("no licence found"), "{text}");
    let text = end_of("killed", shell(&format!("{HELLO}; kill -9 $$"))).await;
    assert!(text.en.contains("signal 9") && text.en.contains("nothing on stderr"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_started_is_told_with_what_to_correct() {
    let text = end_of("none", Values::new().with("command", texts(&["/no/such/program"]))).await;
    assert!(text.en.contains("/no/such/program") && text.en.contains("`command`"), "{text}");
    let text = end_of("folder", shell("true").with("directory", Value::Text("/no/such/folder".into()))).await;
    assert!(text.en.contains("/no/such/folder"), "{text}");
    let text = end_of("forbidden", Values::new().with("command", texts(&["/etc/passwd"]))).await;
    assert!(text.en.contains("chmod +x"), "{text}");
}

#[tokio::test]
async fn a_program_that_speaks_otherwise_is_ended_though_it_would_go_on() {
    let text = end_of("other", shell("echo Listening; exec sleep 1000")).await;
    assert!(text.en.contains("first line") && text.en.contains("no JSON"), "{text}");
}

#[tokio::test]
async fn a_program_that_hangs_is_ended() {
    let values = shell(&format!("{HELLO}; exec sleep 1000")).with("silence", Value::Duration(Duration::from_secs(1)));
    let text = end_of("hangs", values).await;
    assert!(text.en.contains("written nothing for 1 s"), "{text}");
}

#[tokio::test]
async fn a_program_that_closes_its_stdout_is_ended() {
    let text = end_of("closes", shell(&format!("{HELLO}; exec >&-; sleep 1000"))).await;
    assert!(text.en.contains("closed its stdout"), "{text}");
}

#[tokio::test]
async fn everything_that_a_program_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let values = shell(&format!("sleep 1000 & echo $! > child; {HELLO}; trap '' TERM; cat > said; sleep 1000"))
        .with("directory", Value::Text(folder.path().to_str().unwrap().into()));
    let bench = Bench::new(EPOCH);
    let driver = run("group", &bench, values);
    let child = line_of(&folder.path().join("child")).await;
    // The welcome has arrived: the talk is under way.
    until(async || std::fs::metadata(folder.path().join("said")).ok().filter(|said| said.len() > 0)).await;
    driver.abort();
    gone(&child).await;
    let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(said.lines().last().unwrap().contains(r#""type":"stop""#), "{said}");
}

#[tokio::test]
async fn the_next_run_waits_for_the_end_of_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mkdir held || {{ echo 'two at once' >&2; exit 9; }}; echo began >> runs; {HELLO}; cat >/dev/null; sleep 0.3; rmdir held; echo ended >> runs"
    );
    let values = || shell(&script).with("directory", Value::Text(folder.path().to_str().unwrap().into()));
    let bench = Bench::new(EPOCH);
    let runs = async |count: usize| {
        let path = folder.path().join("runs");
        until(async || std::fs::read_to_string(&path).ok().filter(|runs| runs.lines().count() == count)).await
    };
    for run_before in 0..3 {
        let driver = run("turns", &bench, values());
        runs(2 * run_before + 1).await;
        driver.abort();
    }
    assert_eq!(runs(6).await, "began\nended\n".repeat(3));
    let said: Vec<_> = bench.0.health_history().into_iter().map(|health| health.text.en).collect();
    assert!(said.iter().all(|text| !text.contains("two at once")), "{said:?}");
}

#[tokio::test]
async fn a_program_sees_its_own_environment_alone() {
    let folder = tempfile::tempdir().unwrap();
    let values = Values::new()
        .with("command", texts(&["sh", "-c", "env | sort > env; echo done >> env"]))
        .with("env", texts(&["ACME=1"]))
        .with("secret", Value::Secret(Secret::new("hunter2")))
        .with("directory", Value::Text(folder.path().to_str().unwrap().into()));
    end_of("env", values).await;
    let env = std::fs::read_to_string(folder.path().join("env")).unwrap();
    let names: Vec<_> = env.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let names: Vec<_> = names.into_iter().filter(|name| !matches!(*name, "PWD" | "_" | "OLDPWD" | "SHLVL")).collect();
    assert_eq!(names, ["ACME", "HOME", "LANG", "PATH"]);
    assert!(!env.contains("hunter2"));
}

/// The reader of the manual's example: at the other end of a TCP serial server.
async fn presented(reader: &mut BufReader<TcpStream>, card: &str) -> String {
    reader.get_mut().write_all(format!("{card}\r\n").as_bytes()).await.unwrap();
    let mut shown = String::new();
    timeout(PATIENCE, reader.read_line(&mut shown)).await.unwrap().unwrap();
    shown.trim().to_owned()
}

#[tokio::test]
async fn the_example_reads_cards_shows_the_answer_and_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/reader.py");
    let values = Values::new()
        .with("command", texts(&["python3", example]))
        .with("settings", texts(&["host=127.0.0.1", &format!("port={port}")]))
        .with("env", texts(&[&format!("PATH={}", std::env::var("PATH").unwrap())]));
    let bench = Bench::new(EPOCH);
    let driver = run("example", &bench, values);
    let accept = async || BufReader::new(timeout(PATIENCE, listener.accept()).await.unwrap().unwrap().0);
    let mut reader = accept().await;
    assert_eq!(presented(&mut reader, "04A1B2C3").await, "accepted");
    assert_eq!(presented(&mut reader, "0A1").await, "out_of_order");
    let readings = bench.0.readings();
    assert_eq!(readings.len(), 1);
    assert_eq!(readings[0].credential, Credential::Card(vec![0x04, 0xA1, 0xB2, 0xC3]));
    assert_eq!((readings[0].raw.as_slice(), readings[0].profile.as_deref()), (&b"04A1B2C3"[..], Some("acme-hex")));
    drop(reader);
    until(async || bench.0.health_now().filter(|health| health.condition == Condition::Fault)).await;
    let mut reader = accept().await;
    assert_eq!(presented(&mut reader, "04A1B2C4").await, "accepted");
    assert!(!driver.is_finished());
    driver.abort();
}
