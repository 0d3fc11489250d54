//! Punches as the program shows them: lined up, in the device's zone, and as data.

use std::time::Duration;

use punchd::clock::UnixMillis;
use punchd_contract::{Batch, Happened, Origin, Reading, TerminalUser};
use unicode_width::UnicodeWidthStr;

use crate::common::{EVENING, House, at, person, reading};
use crate::site::{Site, WITH_GATE};

/// Three punches, a merged one, two of somebody unknown, one with an impossible date.
async fn site() -> Site {
    let house = House::new().await;
    house.people(vec![person("zhangsan", &["1001"]), person("Li.Si-with-a-long-id", &["1002"])]).await;
    let users = vec![TerminalUser { user_id: "1003".into(), name: "王五\u{1b}[31m".into(), card: None }];
    house.submit_batch(Batch { users: Some(users), ..Batch::default() }).await;
    house
        .submit([
            reading("1001", at(0), 1),
            reading("1002", at(1), 1),
            reading("1001", at(2), 1),
            reading("1003", at(3), 1),
            reading("1003", at(60 * 24), 1),
            reading("1002", at(60 * 24 + 1), 1),
            Reading { happened: Happened::Impossible, ..reading("1001", at(5), 2) },
        ])
        .await;
    Site::in_folder(house.close().await, WITH_GATE)
}

#[tokio::test]
async fn punches_line_up_also_with_chinese_names_and_nothing_is_cut_in_a_pipe() {
    let site = site().await;
    let answer = site.punchd(&["punches"]).exits(0);
    let lines: Vec<&str> = answer.out.lines().filter(|line| line.contains("gate-1")).collect();
    assert_eq!(lines.len(), 7, "{}", answer.out);
    let column = |line: &&str| line.split("gate-1").next().unwrap().width();
    assert!(lines.iter().all(|line| column(line) == column(&lines[0])), "{}", answer.out);
    assert!(
        answer.out.contains("Li.Si-with-a-long-id先生 Li.Si-with-a-long-id") && !answer.out.contains('…'),
        "{}",
        answer.out
    );
    assert!(answer.out.contains("2026-10-02 08:00:00") && answer.out.contains("merged into 1"), "{}", answer.out);
}

#[tokio::test]
async fn punches_are_found_by_person_device_day_and_state() {
    let site = site().await;
    let seqs = |arguments: &[&str]| -> Vec<i64> {
        let all = [&["punches", "--json"], arguments].concat();
        let found = site.punchd(&all).exits(0).json();
        found.as_array().unwrap().iter().map(|row| row["seq"].as_i64().unwrap()).collect()
    };
    assert_eq!(seqs(&[]), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(seqs(&["--limit", "2"]), [6, 7]);
    assert_eq!(seqs(&["--state", "unknown"]), [4, 5]);
    assert_eq!(seqs(&["--state", "held"]), [7]);
    assert_eq!(seqs(&["--state", "merged"]), [3]);
    assert_eq!(seqs(&["--person", "LI.SI-with-a-long-id"]), [2, 6]);
    assert_eq!(seqs(&["--device", "gate-2"]), [0; 0]);
    assert_eq!(seqs(&["--from", "2026-10-03", "--to", "2026-10-03"]), [5, 6]);
    assert_eq!(seqs(&["--to", "2026-10-02", "--state", "punch"]), [1, 2]);
    let first = &site.punchd(&["punches", "--json"]).json()[0];
    assert_eq!((&first["deliveries"][0]["state"], &first["zone"]), (&"waiting".into(), &"Asia/Shanghai".into()));
}

#[tokio::test]
async fn what_is_unknown_is_shown_with_the_terminals_name_for_it_which_cannot_steer_the_screen() {
    let site = site().await;
    let answer = site.punchd(&["punches", "unknown"]).exits(0).says("user_id 1003").says("王五").says("2026-10-03");
    assert!(!answer.out.contains('\u{1b}'), "{:?}", answer.out);
    let strays = site.punchd(&["punches", "unknown", "--json"]).json();
    assert_eq!((&strays[0]["readings"], &strays[0]["credential"]), (&2.into(), &"1003".into()));
}

#[tokio::test]
async fn what_is_held_says_why_and_what_to_do() {
    let site = site().await;
    site.punchd(&["punches", "held"]).exits(0).says("7: The terminal gave a date that does not exist");
    assert_eq!(site.punchd(&["punches", "held", "--json"]).json()[0]["reason"]["why"], "impossible_date");
}

#[tokio::test]
async fn a_decision_is_kept_with_its_name_and_reason_and_only_about_what_is_open() {
    let site = site().await;
    let decide = |arguments: &[&str]| site.punchd(&[&["punches", "decide"], arguments].concat());
    decide(&["1", "--refuse", "--reason", "a test"]).exits(1).says("reading 1 is not open");
    decide(&["7", "--refuse", "--reason", " "]).exits(64).says("say why");
    decide(&["7", "--at", "noon", "--reason", "x"]).exits(64).says("is no time");
    decide(&["--all-held", "--device", "gate-9", "--refuse", "--reason", "x"]).exits(1).says("Nothing is held");
    let done = decide(&["7", "--at", "2026-10-02T08:25:00", "--reason", "seen by the guard", "--by", "Wang", "--json"]);
    assert_eq!(done.exits(0).json()["settled"], 1);
    let row = site.punchd(&["punches", "--json", "--limit", "1"]).json()[0].clone();
    assert_eq!((&row["outcome"], &row["local_time"]), (&"punch".into(), &"2026-10-02 08:25:00".into()));
    decide(&["7", "--refuse", "--reason", "it was another day"]).exits(0).says("1 are settled");
    assert_eq!(
        site.punchd(&["punches", "--json", "--limit", "1"]).json()[0]["outcome"],
        "refused",
        "nothing was sent yet"
    );
    let sql = rusqlite::Connection::open(site.path("journal.db")).unwrap();
    let kept: (String, String, String) = sql
        .query_row("SELECT what, decided_by, reason FROM decision WHERE decision = 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(kept, (r#"{"decide":"at","time_s":1790900700}"#.into(), "Wang".into(), "seen by the guard".into()));
}

#[tokio::test]
async fn whatever_is_unknown_or_held_can_be_given_to_a_person_and_taken_back() {
    let site = site().await;
    let decide = |arguments: &[&str]| site.punchd(&[&["punches", "decide"], arguments].concat());
    let outcome = |seq: i64| {
        let rows = site.punchd(&["punches", "--json"]).json();
        let row = rows.as_array().unwrap().iter().find(|row| row["seq"] == seq).unwrap().clone();
        (row["outcome"].as_str().unwrap().to_owned(), row["userid"].as_str().unwrap_or_default().to_owned())
    };
    let strays = site.punchd(&["punches", "--json", "--state", "unknown"]).json();
    let stray = strays[0]["seq"].as_i64().unwrap();
    let (number, by) = (stray.to_string(), ["--reason", "seen on the camera", "--by", "Wang"]);
    decide(&[&[&number, "--person", "nobody"], &by[..]].concat()).exits(1).says("nobody of the people list");
    decide(&[&[&number, "--person", "zhangsan"], &by[..]].concat()).exits(0).says("1 are settled");
    assert_eq!(outcome(stray), ("merged".into(), "zhangsan".into()), "they punched in the same minute");
    decide(&[&[&number, "--refuse"], &by[..]].concat()).exits(0);
    assert_eq!(outcome(stray).0, "refused");
    // A reading without a date needs one beside the person.
    decide(&[&["7", "--person", "zhangsan"], &by[..]].concat()).exits(0).says("0 are settled");
    assert_eq!(outcome(7), ("held".into(), "zhangsan".into()));
    decide(&[&["--run", "7", "--at", "2026-10-02T08:25:00"], &by[..]].concat()).exits(0).says("1 are settled");
    assert_eq!(outcome(7), ("punch".into(), "zhangsan".into()));
    decide(&[&["7", "--first-at", "2026-10-02T08:25:00"], &by[..]].concat()).exits(64).says("no date of its own");
}

#[tokio::test]
async fn all_that_a_device_holds_is_decided_at_once() {
    let site = site().await;
    let answer =
        site.punchd(&["punches", "decide", "--all-held", "--device", "gate-1", "--refuse", "--reason", "test rig"]);
    answer.exits(0).says("1 are settled");
    site.punchd(&["punches", "held"]).exits(0).says("Nothing is held");
    assert_eq!(site.punchd(&["punches", "--json", "--state", "refused"]).json()[0]["reason"]["words"], "test rig");
}

#[tokio::test]
async fn people_who_are_imported_later_get_the_punches_that_waited_for_them() {
    let site = site().await;
    site.write("p.csv", "userid,name,user_id\nwangwu,王五,1003\n");
    let file = site.path("p.csv");
    site.punchd(&["people", "import", file.to_str().unwrap()])
        .exits(0)
        .says("2 readings that were open found their person");
    site.punchd(&["punches", "unknown"]).exits(0).says("Every credential belongs to somebody");
    assert_eq!(site.punchd(&["punches", "--json", "--person", "wangwu"]).json().as_array().unwrap().len(), 2);
}

/// Two taps at a reader in a boot that never knew the time, between two that did.
async fn undated() -> Site {
    let house = House::new().await;
    house.people(vec![person("zhangsan", &["1001"])]).await;
    let tap = |n: u32| Reading {
        happened: Happened::Now,
        origin: Origin::Live,
        key: None,
        raw: vec![n as u8],
        ..reading("1001", at(0), n)
    };
    house.submit([reading("1001", at(0), 1)]).await;
    anchor(&house, 1, 60, EVENING);
    house.clock.reboot("b", UnixMillis(0));
    house.clock.advance(Duration::from_secs(100));
    house.submit([tap(2)]).await;
    house.clock.advance(Duration::from_secs(3725));
    house.submit([tap(3)]).await;
    house.clock.reboot("c", UnixMillis(0));
    house.submit([reading("1001", at(1), 1)]).await;
    anchor(&house, 3, 1, EVENING + 86_400);
    Site::in_folder(house.close().await, WITH_GATE)
}

/// Ties a moment of a boot, in seconds since it began, to true time.
fn anchor(house: &House, boot: i64, boottime_s: i64, true_s: i64) {
    let sql = rusqlite::Connection::open(house.options().folder.join("journal.db")).unwrap();
    let row = (boot, boottime_s * 1_000_000_000, true_s * 1000);
    sql.execute(
        "INSERT INTO anchor (boot, boottime_ns, true_ms, bound_ms, source) VALUES (?1, ?2, ?3, 0, 'system')",
        row,
    )
    .unwrap();
}

#[tokio::test]
async fn a_boot_that_never_knew_the_time_is_shown_with_what_the_journal_proves_and_decided_by_one_reading() {
    let site = undated().await;
    let shown = site.punchd(&["punches", "held"]).exits(0);
    let shown = shown.says("Of an earlier boot, which never knew the time (2)").says("decide 2 --at TIME --whole-boot");
    // The boot began after the evening at eight, and ended before the same time of the next day.
    for words in ["0:00:00", "2026-11-02 20:01:40", "2026-11-03 18:57:54", "1:02:05", "2026-11-03 19:59:59"] {
        assert!(shown.out.contains(words), "{words} in:\n{}", shown.out);
    }
    let held = site.punchd(&["punches", "held", "--json"]).json();
    let not_before = held[0]["bounds"]["not_before_ms"].as_i64().unwrap();
    assert!((not_before - (EVENING + 101) * 1000).abs() < 10, "{not_before}");
    let decide = |at: &str, more: &[&str]| {
        let arguments = ["punches", "decide", "3", "--at", at, "--whole-boot", "--reason", "seen by the guard"];
        site.punchd(&[&arguments, more].concat())
    };
    decide("2026-11-02T08:00:00", &[]).exits(1).says("was not before").says("--force");
    decide("2026-11-03T08:02:05", &["--json"]).exits(0).says("\"settled\": 2");
    let rows = site.punchd(&["punches", "--json"]).json();
    let times: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["local_time"].as_str().unwrap()).collect();
    assert!(times.contains(&"2026-11-03 08:02:05") && times.contains(&"2026-11-03 07:00:00"), "{times:?}");
    site.punchd(&["punches", "held"]).exits(0).says("Nothing is held");
}
