//! Green means arriving: whatever is recorded and goes nowhere is a warning with the command that helps.

use punchd_contract::{Alert, AlertKind, Batch, Happened, Reading, Text};
use serde_json::Value;

use crate::common::{House, at, person, reading};
use crate::site::{QUIET, Site, WITH_GATE};

/// With a secret that is there, so that the agent runs; its WeCom is nowhere.
fn with_gate() -> String {
    WITH_GATE.replace("{ env = \"NO_SUCH_SECRET\" }", "{ file = \"secret\" }\nbase_url = \"http://127.0.0.1:9\"")
}

fn in_folder(folder: tempfile::TempDir, configuration: &str) -> Site {
    let site = Site::in_folder(folder, configuration);
    site.write("secret", "s3cr3t");
    site
}

fn condition(status: &Value, subject: &str) -> (String, String) {
    let state = &status["health"][subject];
    (state["condition"].as_str().unwrap_or("absent").to_owned(), state["text"]["en"].as_str().unwrap_or("").to_owned())
}

#[tokio::test]
async fn readings_of_nobody_are_never_called_delivered() {
    let house = House::new().await;
    house.submit((1..=201).map(|n| reading("9999", at(n * 2), n as u32))).await;
    let site = in_folder(house.close().await, &with_gate());
    for running in [false, true] {
        let agent = running.then(|| site.run());
        let answer = site.punchd(&["status"]).exits(1);
        assert!(!answer.out.contains("verything is delivered"), "{}", answer.out);
        let (condition, text) = condition(&site.punchd(&["status", "--json"]).exits(1).json(), "punches");
        assert_eq!(condition, "warning");
        assert!(text.contains("201 readings belong to nobody who is known"), "{text}");
        assert!(text.contains("punchd punches unknown") && text.contains("punchd people import"), "{text}");
        drop(agent);
    }
}

#[tokio::test]
async fn held_readings_and_readings_from_before_the_start_want_a_look() {
    let house = House::new().await;
    house.people(vec![person("zhang", &["1001"])]).await;
    house.submit([Reading { happened: Happened::Impossible, ..reading("1001", at(5), 1) }]).await;
    house.submit([reading("1001", at(50), 1)]).await;
    house
        .sql("UPDATE verdict SET outcome = 4, reason = '{\"why\":\"before_start\",\"from\":\"2026-11-02\"}' WHERE outcome = 0")
        .await;
    let site = in_folder(house.close().await, &with_gate());
    let (_, text) = condition(&site.punchd(&["status", "--json"]).exits(1).json(), "punches");
    assert!(text.contains("1 reading is held") && text.contains("punchd punches held"), "{text}");
    assert!(text.contains("1 reading is from before the day") && text.contains("count_from"), "{text}");
}

#[tokio::test]
async fn an_organisation_without_destination_says_that_its_punches_stay() {
    let house = House::new().await;
    house.people(vec![person("zhang", &["1001"])]).await;
    house.submit([reading("1001", at(5), 1)]).await;
    let (gate, _) = WITH_GATE.split_once("[[destination]]").unwrap();
    let site = in_folder(house.close().await, gate);
    let _agent = site.run();
    let status = site.punchd(&["status", "--json"]).exits(1).json();
    let (condition, text) = condition(&status, "organisation:main");
    assert_eq!(condition, "warning");
    assert!(text.contains("no destination takes them") && text.contains("punchd check"), "{text}");
    // What waited for the destination that is gone is told too.
    assert!(self::condition(&status, "punches").1.contains("configured no more"), "{status}");
}

#[test]
fn a_gateway_that_has_nothing_to_deliver_is_green() {
    let site = Site::new(QUIET);
    let _agent = site.run();
    site.punchd(&["status"]).exits(0);
}

#[test]
fn a_people_file_with_mistakes_is_told_until_it_is_imported() {
    let site = Site::new(&format!("{QUIET}[people]\nfile = \"people.csv\"\n"));
    site.write("people.csv", "userid,name\n,nobody\n");
    let agent = site.run();
    let (condition, text) = condition(&site.punchd(&["status", "--json"]).exits(1).json(), "people");
    assert_eq!(condition, "warning");
    assert!(
        text.contains("people.csv") && text.contains("punchd people import") && text.contains("--dry-run"),
        "{text}"
    );
    site.write("people.csv", "userid,name\nzhang,张三\n");
    agent.signal("HUP");
    agent.until("RELOADING=1");
    agent.until("READY=1");
    assert_eq!(self::condition(&site.punchd(&["status", "--json"]).exits(0).json(), "people").0, "working");
}

#[test]
fn a_failed_reload_is_told_until_one_succeeds() {
    let site = Site::new(QUIET);
    let agent = site.run();
    let reload = || {
        agent.signal("HUP");
        agent.until("RELOADING=1");
        agent.until("READY=1");
    };
    let said = || condition(&site.punchd(&["status", "--json"]).json(), "configuration");
    assert_eq!(said().0, "working");
    site.write("punchd.toml", &format!("{QUIET}lgo = 1\n"));
    reload();
    site.write("punchd.toml", QUIET);
    for _ in 0..2 {
        let (condition, text) = said();
        assert_eq!(condition, "warning");
        assert!(
            text.contains("Running with the configuration of ") && text.contains("the file has 1 mistake"),
            "{text}"
        );
        assert!(text.contains("punchd check") && text.contains("systemctl reload punchd"), "{text}");
    }
    reload();
    assert_eq!(said().0, "working");
}

#[test]
fn status_asks_the_running_agent_also_where_the_file_is_broken_or_gone() {
    let site = Site::new(QUIET);
    let _agent = site.run();
    site.write("punchd.toml", &QUIET.replace("zone", "zoen"));
    let answer = site.punchd(&["status"]).exits(1).says("north gate: running").says("punchd check").says("zoen");
    assert!(answer.err.is_empty(), "{}", answer.err);
    assert_eq!(site.punchd(&["status", "--json"]).exits(1).json()["running"], true);
    site.punchd(&["punches"]).exits(0);
    // Not even TOML any more: what can be read of it still tells where the agent is.
    site.write("punchd.toml", &QUIET.replace("name = \"", "name = “"));
    site.punchd(&["status"]).exits(1).says("north gate: running").says("typographic quote");
    std::fs::remove_file(site.path("punchd.toml")).unwrap();
    let socket = site.path("punchd.sock");
    let with = [("PUNCHD_SOCKET", socket.to_str().unwrap())];
    site.punchd_with(&with, None, &["status"]).exits(1).says("north gate: running").says("cannot be read");
    site.punchd_with(&[("PUNCHD_SOCKET", "/nowhere.sock")], None, &["status"])
        .exits(64)
        .says("no agent answers at /nowhere.sock");
}

fn alert(kind: AlertKind, text: &str) -> Batch {
    Batch { alerts: vec![Alert { kind, text: Text::new(text, text) }], ..Batch::default() }
}

#[tokio::test]
async fn an_alert_that_comes_again_is_counted_and_one_that_is_over_is_shown_on_demand() {
    let house = House::new().await;
    for _ in 0..3 {
        house.submit_batch(alert(AlertKind::NotUnderstood, "a line is odd")).await;
    }
    house.submit_batch(alert(AlertKind::NotUnderstood, "another line is odd")).await;
    house.submit_batch(alert(AlertKind::CountsDiffer, "the counts differ")).await;
    // The house's clock is its own; the program's is the machine's.
    house
        .sql("UPDATE alert SET wall_ms = unixepoch() * 1000, last_ms = iif(last_ms IS NULL, NULL, unixepoch() * 1000)")
        .await;
    house
        .sql("UPDATE alert SET wall_ms = wall_ms - 8 * 86400000, last_ms = NULL WHERE en = 'another line is odd'")
        .await;
    house.sql("UPDATE alert SET ended_ms = wall_ms WHERE en = 'the counts differ'").await;
    let site = in_folder(house.close().await, &with_gate());
    let live = |arguments: &[&str]| -> Vec<(String, i64)> {
        let all = site.punchd(arguments).exits(1).json()["alerts"].as_array().unwrap().clone();
        all.iter().map(|alert| (alert["en"].as_str().unwrap().to_owned(), alert["times"].as_i64().unwrap())).collect()
    };
    assert_eq!(live(&["status", "--json"]), [("a line is odd".to_owned(), 3)]);
    assert_eq!(live(&["status", "--json", "--all"]).len(), 3);
    site.punchd(&["status", "--all"]).exits(1).says("3 times since").says("Over");
}

#[tokio::test]
async fn what_lasts_is_over_when_its_device_works_again() {
    let house = House::new().await;
    house.submit_batch(alert(AlertKind::WrongTerminal, "another terminal answers")).await;
    house.submit_batch(alert(AlertKind::ClockSet, "somebody set the clock")).await;
    let works = |since_ms: i64| house.journal.write(move |write| write.end_alerts("device:gate-1", since_ms));
    works(0).await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM alert WHERE ended_ms IS NULL").await, 2);
    works(i64::MAX).await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM alert WHERE ended_ms IS NULL AND kind = 'wrong_terminal'").await, 0);
    assert_eq!(house.count("SELECT count(*) FROM alert WHERE ended_ms IS NULL AND kind = 'clock_set'").await, 1);
    // After its end it may come again, as a new one.
    house.submit_batch(alert(AlertKind::WrongTerminal, "another terminal answers")).await;
    assert_eq!(house.count("SELECT count(*) FROM alert WHERE kind = 'wrong_terminal'").await, 2);
}
