//! The binary: one line when it is ready, exit codes that a script can tell apart.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

fn sim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_punchd-sim"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ends(arguments: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } = sim(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// A running `punchd-sim`, and what it said when it was ready.
struct Running(Child, Value);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = sim(arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, serde_json::from_str(&line).unwrap())
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Value {
        let address = self.1["address"].as_str().unwrap().parse().unwrap();
        common::call(address, method, path, body.as_bytes().to_vec()).await.unwrap().json()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_stand_in_says_where_it_is_and_serves_until_it_is_told_to_stop() {
    let mut users = tempfile::NamedTempFile::new().unwrap();
    writeln!(users, "userid,name\nzhaoliu,赵六").unwrap();
    let file = users.path().to_str().unwrap();
    let mut running = Running::start(&[
        "wecom",
        "--corp-id",
        "corp",
        "--secret",
        "s3",
        "--user",
        "lina",
        "--users-file",
        file,
        "--people",
        "1",
        "--partial",
        "--keep-duplicates",
        "--visible-after",
        "10s",
        "--uncovered",
        "lina",
        "--no-rate-limit",
        "--future-skew",
        "5s",
    ]);
    assert_eq!(running.1["ready"], "wecom");
    assert_eq!(running.1["url"], format!("http://{}", running.1["address"].as_str().unwrap()));
    let behaviour = running.call("GET", "/behaviour", "").await;
    assert_eq!(behaviour["atomicity"], "partial");
    assert_eq!(behaviour["duplicates"], "keep");
    assert_eq!((&behaviour["visible_after"], &behaviour["future_skew"]), (&json!(10.0), &json!(5.0)));
    assert_eq!(behaviour["uncovered"], json!(["lina"]));
    let token = running.call("GET", "/cgi-bin/gettoken?corpid=corp&corpsecret=s3", "").await;
    let path = format!("/cgi-bin/checkin/add_checkin_record?access_token={}", token["access_token"].as_str().unwrap());
    let invented = punchd_sim::people::roster(1).remove(0).userid;
    for (userid, code) in [("lina", 0), ("zhaoliu", 0), (invented.as_str(), 0), ("nobody", 60111)] {
        let body = json!({"records": [common::record(userid, 1_700_000_000)]}).to_string();
        assert_eq!(running.call("POST", &path, &body).await["errcode"], code, "{userid}");
    }
    let stop = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(stop.success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn without_members_everybody_is_one() {
    let running = Running::start(&["wecom"]);
    let login = "/cgi-bin/gettoken?corpid=ww0123456789abcdef&corpsecret=stand-in-secret-0123456789";
    let token = running.call("GET", login, "").await;
    let path = format!("/cgi-bin/checkin/add_checkin_record?access_token={}", token["access_token"].as_str().unwrap());
    let body = json!({"records": [common::record("anybody", 1_700_000_000)]}).to_string();
    assert_eq!(running.call("POST", &path, &body).await["errcode"], 0);
}

#[test]
fn bad_usage_ends_with_64() {
    for arguments in [
        &[][..],
        &["nothing"],
        &["wecom", "--no-such-flag"],
        &["wecom", "--listen", "here"],
        &["wecom", "--visible-after", "soon"],
        &["wecom", "--atomic", "--partial"],
        &["wecom", "--any-user", "--user", "lina"],
        &["people", "0"],
    ] {
        assert_eq!(ends(arguments).0, 64, "{arguments:?}");
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(ends(&["wecom", "--users-file", empty.path().to_str().unwrap()]).0, 64);
    assert_eq!(ends(&["--help"]).0, 0);
}

#[test]
fn a_port_that_is_taken_and_a_file_that_is_not_there_end_with_69() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, text) = ends(&["wecom", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(code, 69);
    assert!(text.contains("cannot listen"), "{text}");
    assert_eq!(ends(&["wecom", "--users-file", "/nowhere/users.csv"]).0, 69);
}

#[test]
fn the_invented_people_are_printed_as_a_table() {
    let output = sim(&["people", "3"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("userid,name,user_id"));
    assert_eq!(lines.count(), 3);
    assert!(text.contains(",1003\n"));
}

#[test]
fn a_program_speaks_on_its_pipes_alone() {
    let mut program = sim(&["device", "process", "--punch-every", "0.05"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = program.stdin.take().unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut hear = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(hear()["type"], "hello");
    writeln!(stdin, "{}", json!({"type": "welcome", "protocol": 1, "cursor": null})).unwrap();
    assert_eq!(hear()["type"], "health");
    assert_eq!(hear()["credential"], json!({"kind": "card", "value": "000003E9"}));
    writeln!(stdin, "{}", json!({"type": "stop"})).unwrap();
    assert!(program.wait().unwrap().success());
    let (code, text) = ends(&["device", "process"]);
    assert_eq!(code, 69);
    assert!(text.contains("have to be pipes"), "{text}");
}

#[test]
fn a_wall_reader_shows_its_pulses() {
    let output = sim(&["device", "wiegand", "745A70", "--format", "26"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let pulses: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bits: String = pulses.iter().map(|pulse| if pulse["wire"] == "data1" { '1' } else { '0' }).collect();
    assert_eq!(bits, "00111010001011010011100000");
    assert_eq!((&pulses[25]["at_ns"], &pulses[25]["seq"]), (&json!(50_000_000), &json!(26)));
    let keys = sim(&["device", "wiegand", "--keys", "7#", "--swapped"]).output().unwrap();
    assert_eq!(String::from_utf8(keys.stdout).unwrap().lines().count(), 8);
    for wrong in [&["745A7"][..], &["F45A701111", "--format", "37"], &["+45A70", "--format", "26"], &[]] {
        assert_eq!(ends(&[&["device", "wiegand"], wrong].concat()).0, 64, "{wrong:?}");
    }
}
