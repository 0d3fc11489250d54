//! The virtual PN532 as a program: a port that a script can be sure of, and cards that it lays there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use punchd_pn532::protocol::frame::{Decoder, Frame};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_serial::{SerialPortBuilderExt, SerialStream};

struct Running {
    child: Child,
    orders: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> (Self, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_punchd-sim"));
        command.args(["device", "pn532"]).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (orders, said) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut running = Self { child, orders, said };
        let ready = running.line();
        (running, ready)
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn order(&mut self, line: &str) -> Value {
        std::io::Write::write_all(&mut self.orders, format!("{line}\n").as_bytes()).unwrap();
        self.line()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(path: &str) -> SerialStream {
    let real = std::fs::canonicalize(path).unwrap();
    tokio_serial::new(real.to_string_lossy(), 115_200).open_native_async().unwrap()
}

/// The answer to a command, the chip being woken and told not to search for ever.
async fn ask(line: &mut SerialStream, command: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    for command in [&[0x14, 0x01][..], &[0x32, 0x05, 0x00, 0x01, 0x01], command] {
        let mut bytes = vec![0x55, 0x55, 0, 0, 0, 0];
        bytes.extend(Frame::Command(command.to_vec()).encode());
        line.write_all(&bytes).await.unwrap();
        answer = next_answer(line).await;
        assert_eq!(answer[0], command[0] + 1);
    }
    answer
}

async fn next_answer(line: &mut SerialStream) -> Vec<u8> {
    let mut decoder = Decoder::default();
    loop {
        match decoder.next_frame() {
            Some(Frame::Answer(answer)) => return answer,
            Some(_) => {}
            None => {
                let mut piece = [0; 64];
                let length = timeout(Duration::from_secs(10), line.read(&mut piece)).await.unwrap().unwrap();
                assert!(length > 0, "the port is gone");
                decoder.push(&piece[..length]);
            }
        }
    }
}

#[tokio::test]
async fn a_script_lays_cards_on_it_and_pulls_its_plug() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("reader").display().to_string();
    let (mut reader, ready) = Running::start(&["--link", &link, "--card", "ntag:04A1B2C3D4E580"]);
    assert_eq!(ready, json!({"ready": "pn532", "port": link}));
    let list = [0x4A, 0x02, 0x00];
    let mut line = open(&link);
    assert_eq!(ask(&mut line, &list).await[5..], [0x00, 7, 4, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80]);
    assert_eq!(reader.order("remove"), json!({"done": {"order": "remove"}}));
    assert_eq!(ask(&mut line, &list).await, [0x4B, 0x00]);
    reader.order("unplug");
    assert!(std::fs::canonicalize(&link).is_err());
    assert_eq!(reader.order("replug"), json!({"done": {"order": "replug", "says": link}}));
    reader.order("present 01020304");
    assert_eq!(ask(&mut open(&link), &list).await[6..], [4, 1, 2, 3, 4]);
    assert_eq!(reader.order("pins"), json!({"done": {"order": "pins", "says": "3F 06"}}));
    for wrong in ["present", "present 0102", "present ntag:xy", "cut", "noise 1", "fly"] {
        assert!(reader.order(wrong)["wrong"]["why"].is_string(), "{wrong}");
    }
}

#[test]
fn a_card_that_does_not_exist_is_bad_usage_and_a_link_that_cannot_be_made_is_told() {
    let ends = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_punchd-sim"));
        command.args(["device", "pn532"]).args(arguments).stdin(Stdio::null()).output().unwrap().status.code()
    };
    assert_eq!(ends(&["--card", "ntag:1"]), Some(64));
    assert_eq!(ends(&["--link", "/nowhere/at/all"]), Some(69));
}
