//! `punchd devices listen` and `discover`, with a reader at a pseudo terminal.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use punchd_serial_line::virtual_device::{Obeys, Options, Sends, VirtualReader};
use punchd_sim::pty::Pty;
use serde_json::Value;

use crate::site::Site;

const CONFIG: &str = "[gateway]\nname = \"gate\"\nzone = \"Asia/Shanghai\"\ndata = \".\"\n\
    [[device]]\nname = \"door\"\nkind = \"serial_line\"\nport = \"{folder}/door\"\nformat = \"rdm6300\"\n\
    [[person]]\nuserid = \"whole\"\nname = \"Whole\"\ncards = [\"hex:0100745A70\"]\n\
    [[person]]\nuserid = \"part\"\nname = \"Part\"\ncards = [\"hex:745A70\"]\n";

#[test]
fn a_card_is_shown_in_every_usual_format_with_the_person_whom_each_would_match() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let reader = VirtualReader::new(Options { sends: Sends::Rdm6300 { cr_lf: false }, obeys: Obeys::Nothing });
    let (served, link) = (reader.clone(), folder.path().join("door"));
    let _pty = runtime.block_on(async {
        Pty::to(Some(link), move |line| {
            let reader = served.clone();
            async move { reader.serve(line).await }
        })
        .unwrap()
    });
    let config = CONFIG.replace("{folder}", &folder.path().display().to_string());
    let site = Site::in_folder(folder, &config);
    let _agent = site.run();
    // The driver opens the port a moment after the agent is ready.
    site.until(|| site.punchd(&["--json", "devices"]).json()["devices"][0]["health"]["condition"] == "working");
    let mut listening = Command::new(env!("CARGO_BIN_EXE_punchd"))
        .args(["--lang", "en", "devices", "listen", "door", "--count", "2", "--config"])
        .arg(site.path("punchd.toml"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(listening.stdout.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    assert!(first.contains("Listening at door"), "{first}");
    // It says so just before it asks the agent.
    std::thread::sleep(Duration::from_millis(700));
    reader.present(&[0x01, 0x00, 0x74, 0x5A, 0x70]);
    std::thread::sleep(Duration::from_millis(700));
    reader.present(&[0x01, 0x02, 0x6F, 0x6C, 0x3A]);
    let mut text = String::new();
    said.read_to_string(&mut text).unwrap();
    assert!(listening.wait().unwrap().success());
    // The number of the vector is printed on the card in two ways (facts/readers.md B.3).
    let line = |format: &str| {
        text.lines()
            .find(|line| line.starts_with(&format!("{format} ")))
            .unwrap_or_else(|| panic!("no {format} in\n{text}"))
    };
    assert!(line("8H10D").contains("0007625328"), "{text}");
    let printed = line("2H4H");
    assert!(printed.contains("116,23152") && printed.contains("partial") && printed.contains("Part"), "{text}");
    let whole = line("hex");
    assert!(whole.contains("0100745A70") && whole.contains("Whole") && !whole.contains("partial"), "{text}");
    assert!(text.contains("01026F6C3A") && text.contains("Unknown"), "{text}");
}

#[test]
fn discover_needs_no_agent_and_looks_nowhere_that_nobody_named() {
    let site = Site::new(crate::site::QUIET);
    let found: Value = site.punchd(&["--json", "devices", "discover"]).exits(0).json();
    assert!(found["ports"].is_array());
    assert!(found["found"].as_array().unwrap().iter().all(|found| found["kind"] != "zkteco-pull"));
    site.punchd(&["devices", "discover", "--subnet", "10.0.0.0/8"]).exits(64).says("/20");
}
