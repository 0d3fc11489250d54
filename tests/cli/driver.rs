//! `punchd driver check`, and a program as a device of a running agent.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::site::{Answer, QUIET, Site};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drivers/process/examples/reader.py");
const PATIENCE: Duration = Duration::from_secs(60);

/// What comes after `--` is the program's, so the configuration's path cannot stand at the end.
fn check(options: &[&str], program: &[&str]) -> Answer {
    let path = format!("PATH={}", std::env::var("PATH").unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_punchd"));
    command.args(["--lang", "en", "driver", "check", "--env", &path]).args(options).arg("--").args(program);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A reader that shows one card after the other to whoever connects; ends with the test's process.
fn reader() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || present(stream));
        }
    });
    port
}

fn present(stream: TcpStream) {
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for card in ["04A1B2C3", "04A1B2C4", "04A1B2C5", "04A1B2C6"].iter().cycle() {
        if (&stream).write_all(format!("{card}\n").as_bytes()).is_err() {
            return;
        }
        if !matches!(answers.read_line(&mut String::new()), Ok(length) if length > 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_check_finds_nothing_wrong_with_the_example() {
    let port = format!("port={}", reader());
    let options = ["--setting", "host=127.0.0.1", "--setting", &port, "--readings", "5", "--for", "30s"];
    let answer = check(&options, &["python3", EXAMPLE]).exits(0);
    answer.says("ok     says hello").says("goes on after `not_recorded`").says("Nothing is wrong");
}

#[test]
fn the_check_says_what_is_wrong_and_with_what_code() {
    let printer = "print('Listening on port 7', flush=True)";
    check(&[], &["python3", "-c", printer])
        .exits(1)
        .says("WRONG")
        .says("its first line has to be")
        .says("Something is");
    check(&[], &["./no-such-program"]).exits(69).says("no-such-program");
    check(&["--setting", "host"], &["sh"]).exits(64).says("key=value");
    check(&["--for", "soon"], &["sh"]).exits(64).says("such as 30s");
    let found = check(&["--json"], &["python3", "-c", printer]).exits(1);
    assert!(found.json()["en"].as_str().unwrap().contains("first line"));
}

#[test]
fn a_program_is_a_device_of_the_agent() {
    let path = std::env::var("PATH").unwrap();
    let port = reader();
    let device = format!(
        "[[device]]\nname = \"gate-2\"\nkind = \"process\"\ncommand = [\"python3\", {EXAMPLE:?}]\nenv = [\"PATH={path}\"]\n\
         settings = [\"host=127.0.0.1\", \"port={port}\"]\n"
    );
    let site = Site::new(&format!("{QUIET}{device}"));
    let _agent = site.run();
    let started = Instant::now();
    loop {
        let unknown = site.punchd(&["punches", "unknown"]).exits(0);
        if unknown.out.contains("04A1B2C6") {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{}\n{}", unknown.out, site.punchd(&["devices"]).out);
        std::thread::sleep(Duration::from_millis(100));
    }
    site.punchd(&["devices"]).exits(0).says("reads from 127.0.0.1");
}
