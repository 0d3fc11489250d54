//! The agent's life: started, asked, reloaded, stopped, killed.

use std::time::Duration;

use punchd::console::{Client, ClientError, Reloaded};
use serde_json::json;

use crate::site::{Agent, QUIET, Site, mode};

#[test]
fn an_agent_runs_answers_and_stops_in_order_when_it_is_told_to() {
    let site = Site::new(QUIET);
    let agent = site.run();
    assert_eq!(mode(&site.path("punchd.sock")), 0o660);
    let status = site.punchd(&["status", "--json"]).json();
    assert_eq!((&status["running"], &status["gateway"]), (&true.into(), &"north gate".into()));
    site.punchd(&["status"]).exits(0).says("north gate: running").says("Readings are kept");
    site.punchd(&["devices"]).exits(0).says("No device is configured");
    agent.signal("TERM");
    agent.until("STOPPING=1");
    let (code, logged) = agent.end();
    assert_eq!(code, Some(0), "{logged}");
    assert!(logged.contains("stopping"));
    assert!(!site.path("punchd.sock").exists());
    site.punchd(&["status"]).exits(1).says("NOT RUNNING").says("Readings are kept");
}

#[test]
fn a_second_agent_on_the_same_journal_is_refused_with_a_sentence_and_the_first_goes_on() {
    let site = Site::new(QUIET);
    let _agent = site.run();
    site.punchd(&["run"]).exits(69).says("in use by another punchd");
    site.punchd(&["status"]).exits(0);
}

#[test]
fn a_socket_that_a_killed_agent_left_is_no_obstacle() {
    let site = Site::new(QUIET);
    let agent = site.run();
    agent.signal("KILL");
    agent.end();
    assert!(site.path("punchd.sock").exists());
    site.punchd(&["status"]).exits(1).says("NOT RUNNING");
    let _agent = site.run();
    site.punchd(&["status"]).exits(0);
}

#[test]
fn a_file_in_the_place_of_the_socket_is_left_alone() {
    let site = Site::new(QUIET);
    site.write("punchd.sock", "mine");
    site.punchd(&["run"]).exits(73).says("is no socket");
    assert_eq!(std::fs::read_to_string(site.path("punchd.sock")).unwrap(), "mine");
}

#[test]
fn a_reload_takes_what_is_right_and_leaves_everything_as_it_was_otherwise() {
    let site = Site::new(QUIET);
    let agent = site.run();
    site.write("punchd.toml", &QUIET.replace("Asia/Shanghai", "Asia/Beijng"));
    agent.signal("HUP");
    agent.until("RELOADING=1");
    agent.until("READY=1");
    site.write("punchd.toml", QUIET);
    // The file is right again, and still not what is in effect.
    site.punchd(&["status"]).exits(1).says("north gate: running").says("the file has 1 mistake, in punchd.toml:3:8");
    site.write("punchd.toml", &QUIET.replace("north gate", "south gate"));
    agent.signal("HUP");
    agent.until("RELOADING=1");
    agent.until("READY=1");
    site.punchd(&["status"]).exits(0).says("south gate: running");
    agent.signal("INT");
    let (code, logged) = agent.end();
    assert_eq!(code, Some(0), "{logged}");
    assert!(logged.contains("punchd.toml:3:") && logged.contains("everything goes on as before"), "{logged}");
}

#[tokio::test]
async fn whoever_asks_for_a_reload_is_told_all_mistakes_or_what_runs_now() {
    let site = Site::new(QUIET);
    let _agent = site.run();
    let client = Client::new(&site.path("punchd.sock"));
    site.write("punchd.toml", &format!("{}[nonsense]\n", QUIET.replace("Asia/Shanghai", "Asia/Beijng")));
    match client.post::<Reloaded>("/v1/reload", &json!({})).await {
        Err(ClientError::Refused { status, text }) => {
            assert_eq!(status.as_u16(), 422);
            assert!(text.en.contains("zone") && text.en.contains("nonsense"), "{}", text.en);
        }
        other => panic!("{other:?}"),
    }
    // The socket may move while somebody talks through it.
    site.write("punchd.toml", &format!("{QUIET}socket = \"other.sock\"\n"));
    let done: Reloaded = client.post("/v1/reload", &json!({})).await.unwrap();
    assert_eq!((done.devices, done.destinations), (0, 0));
    site.punchd(&["status"]).exits(0);
    assert!(matches!(client.get::<serde_json::Value>("/v1/head").await, Err(ClientError::NoAgent(_))));
    let there = Client::new(&site.path("other.sock"));
    assert_eq!(there.get::<serde_json::Value>("/v1/head").await.unwrap()["seq"], 0);
}

#[tokio::test]
async fn what_the_console_does_not_know_is_answered_in_json_with_words() {
    let site = Site::new(QUIET);
    let _agent = site.run();
    let client = Client::new(&site.path("punchd.sock"));
    let refused = async |path: &str, body: serde_json::Value| match client.post::<serde_json::Value>(path, &body).await
    {
        Err(ClientError::Refused { status, text }) => (status.as_u16(), text.en),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused("/v1/nothing", json!({})).await.0, 404);
    assert_eq!(refused("/v1/status", json!({})).await.0, 405);
    let (status, words) = refused("/v1/devices/gate-9/identify", json!({})).await;
    assert!(status == 404 && words.contains("gate-9"), "{status} {words}");
    assert_eq!(refused("/v1/decide", json!({ "no": 1 })).await.0, 400);
    let (status, words) =
        refused("/v1/decide", json!({ "seqs": [7], "decision": { "decide": "refuse" }, "by": "x", "reason": "y" }))
            .await;
    assert!(status == 409 && words.contains("reading 7 is not open"), "{status} {words}");
    let body = json!({ "people": [], "dry_run": true, "padding": "x".repeat(17 << 20) });
    assert!(matches!(client.post::<serde_json::Value>("/v1/people", &body).await, Err(ClientError::TooLarge)));
}

#[test]
fn the_watchdog_is_fed_while_the_writer_answers() {
    let site = Site::new(QUIET);
    let agent = site.run_watched(Some(Duration::from_secs(4)));
    agent.until("READY=1");
    for _ in 0..3 {
        agent.until("WATCHDOG=1");
    }
}

#[test]
fn commands_to_devices_need_the_agent_and_say_so() {
    let site = Site::new(QUIET);
    drop(site.run());
    site.punchd(&["devices", "identify", "gate-1"])
        .exits(69)
        .says("no agent answers at")
        .says("systemctl status punchd");
    site.punchd(&["devices", "identify", "../x"]).exits(64);
    let _agent = site.run();
    site.punchd(&["devices", "identify", "gate-1"]).exits(1).says("no device is called");
    let days = ["devices", "reconcile", "gate-1", "--from", "2026-11-02", "--to", "2026-11-01"];
    site.punchd(&days).exits(64).says("before the first");
    site.punchd(&["devices", "approve", "SN 1", "--name", "gate-2"]).exits(64);
    site.punchd(&["devices", "approve", "SN1", "--name", "gate-2"]).exits(1).says("no terminal SN1");
}

/// A terminal at an address where nobody answers.
const GATE: &str = "[[device]]\nname = \"gate-1\"\nkind = \"zkteco-pull\"\naddress = \"127.0.0.1:9\"\n";

#[test]
fn a_device_that_a_reload_brings_is_served_and_its_silence_is_told_everywhere() {
    let site = Site::new(QUIET);
    let agent = site.run();
    site.write("punchd.toml", &format!("{QUIET}{GATE}"));
    agent.signal("HUP");
    let told = agent.until("fault: device:gate-1");
    assert!(told.starts_with("STATUS=1 devices"), "{told}");
    let answer = site.punchd(&["status"]).exits(1);
    assert!(answer.out.lines().nth(1).is_some_and(|line| line.starts_with("FAULT    device gate-1")), "{}", answer.out);
    site.punchd(&["devices"]).exits(0).says("gate-1").says("FAULT");
    let devices = site.punchd(&["devices", "--json"]).exits(0).json();
    assert_eq!(devices["devices"][0]["health"]["condition"], "fault");
    site.punchd(&["devices", "unlock", "gate-1"]).exits(69).says("not reachable");
    agent.signal("TERM");
    assert_eq!(agent.end().0, Some(0));
    // What was last said is kept, as long as the device is configured.
    site.punchd(&["status"]).exits(1).says("FAULT    device gate-1");
    site.write("punchd.toml", QUIET);
    drop(site.run());
    assert!(!site.punchd(&["status"]).exits(1).out.contains("gate-1"));
}

#[test]
fn a_terminal_that_knocked_is_let_in_by_the_command_that_status_shows() {
    let site = Site::new(QUIET);
    drop::<Agent>(site.run());
    rusqlite::Connection::open(site.path("journal.db"))
        .unwrap()
        .execute(
            "INSERT INTO stranger (serial, kind, address, detail, first_ms, last_ms, times)
             VALUES ('SN77', 'zkteco-push', '10.0.0.9', 'model X\u{1b}[2J', 1, 2, 3)",
            [],
        )
        .unwrap();
    let answer = site.punchd(&["status"]).exits(1).says("punchd devices approve SN77 --name NAME").says("10.0.0.9");
    assert!(!answer.out.contains('\u{1b}'));
    site.punchd(&["devices", "approve", "SN77", "--name", "gate-2"]).exits(0).says("device-gate-2.toml");
    let added = std::fs::read_to_string(site.path("conf.d/device-gate-2.toml")).unwrap();
    assert!(added.contains("serial = \"SN77\""), "{added}");
    site.punchd(&["check"]).exits(0).says("Device gate-2");
    let answer = site.punchd(&["devices", "--json"]).exits(0).json();
    assert_eq!(answer["strangers"].as_array().unwrap().len(), 0);
}
