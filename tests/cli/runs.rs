//! Held readings that belong together: shown as a run with what is proven, and decided with one command.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};
use punchd::agent::Agent;
use punchd::clock::{Clock, UnixMillis, VirtualClock};
use punchd::config::Config;
use punchd::intake::registry::DRIVERS;
use punchd::journal::{ClockCompared, OrganisationEntry, Submission};
use punchd_contract::{Batch, Contact, Doubt, Reading};
use punchd_sim::clock::SetByHand;
use punchd_sim::standin::{CORP_ID, Limits, Options, SECRET, Standin};
use tempfile::TempDir;

use crate::common::{EVENING, House, at, person, reading, registry};
use crate::site::{Site, WITH_GATE};

const WHY: [&str; 4] = ["--reason", "the camera shows it", "--by", "Wang"];

/// Doubtful by the terminal's order, as a driver says it.
fn behind(when: DateTime) -> Reading {
    Reading { doubt: Some(Doubt::Behind { than: at(0) }), ..reading("1001", when, 1) }
}

/// The clock lost a year for three punches, an hour apart, between two whose times are right.
fn lost_a_year(room: SignedDuration) -> Vec<Reading> {
    let year = 365.days();
    let lost = |minutes: i64| behind(at(minutes).checked_sub(year).unwrap());
    vec![
        reading("1001", at(0), 1),
        lost(60),
        lost(120),
        lost(180),
        reading("1001", at(180).checked_add(room).unwrap(), 1),
    ]
}

async fn site(readings: Vec<Reading>) -> Site {
    let house = House::new().await;
    house.people(vec![person("zhangsan", &["1001"]), person("lisi", &["1002"])]).await;
    house.submit(readings).await;
    Site::in_folder(house.close().await, WITH_GATE)
}

fn decide(site: &Site, arguments: &[&str]) -> crate::site::Answer {
    site.punchd(&[&["punches", "decide"], arguments, &WHY].concat())
}

/// Starts the gateway over this folder and answers what WeCom holds once it has so many.
async fn delivered(folder: TempDir, punches: usize) -> Vec<i64> {
    let truth = SetByHand::at(Timestamp::from_second(EVENING).unwrap());
    let standin = Standin::start(Options { limits: Limits::NONE, ..Options::new(truth.clock()) }).await.unwrap();
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let configuration = WITH_GATE
        .replace("\"ww1\"", &format!("\"{CORP_ID}\"\nhistory = \"all\"\nbase_url = \"{}\"", standin.base_url()))
        .replace("{ env = \"NO_SUCH_SECRET\" }", "{ file = \"secret\" }");
    std::fs::write(folder.path().join("punchd.toml"), configuration).unwrap();
    let (config, _) = Config::load(&folder.path().join("punchd.toml"), DRIVERS).unwrap();
    let clock = Arc::new(VirtualClock::at(UnixMillis(EVENING * 1000)));
    let mut agent = Agent::start(config, clock).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), standin.until_held(punches)).await.expect("delivered");
    agent.stop().await;
    let mut times: Vec<i64> = standin.held().iter().map(|held| held.record.checkin_time).collect();
    times.sort_unstable();
    times
}

/// So many minutes after eight in the morning, in seconds.
fn second(minutes: i64) -> i64 {
    at(minutes).in_tz("Asia/Shanghai").unwrap().timestamp().as_second()
}

#[tokio::test]
async fn a_run_between_two_punches_a_minute_apart_is_proven_and_says_by_how_much() {
    // What came before is an hour earlier, so the proof needs the run to begin right after it.
    let year = 365.days();
    let lost = |minutes: i64| behind(at(minutes).checked_sub(year).unwrap());
    let tight = vec![reading("1002", at(60), 1), lost(61), lost(120), reading("1002", at(121), 1)];
    let site = site(tight).await;
    let held = site.punchd(&["punches", "held", "--json"]).exits(0).json();
    let run = &held[0]["run"];
    assert_eq!((&run["first"], &run["last"], &run["count"]), (&2.into(), &3.into(), &2.into()));
    let year_s = 365 * 86_400;
    assert_eq!(
        (run["shift_at_least_s"].as_i64(), run["shift_at_most_s"].as_i64()),
        (Some(year_s - 60), Some(year_s + 60))
    );
    assert_eq!(held[1]["run"], *run);
    let answer = site.punchd(&["punches", "held"]).exits(0).says("Readings 2 to 3 of gate-1 are a run");
    answer.says(&format!("off by {} s", -year_s)).says(&format!("decide --run 2 --shift {year_s}s"));
    decide(&site, &["--run", "3", "--shift", &format!("{year_s}s")]).exits(0).says("2 are settled");
    let times = delivered(site.folder, 4).await;
    assert_eq!(times, [60, 61, 120, 121].map(second));
}

#[tokio::test]
async fn a_run_with_more_room_says_its_bounds_and_is_dated_by_its_first_reading() {
    let site = site(lost_a_year(SignedDuration::from_hours(10))).await;
    let shown = site.punchd(&["punches", "held"]).exits(0).says("these 3 readings");
    let shown = shown.says("--run 2 --first-at TIME").says(&format!("at least {} s", 365 * 86_400 - 3600));
    shown.says(&format!("at most {} s", 365 * 86_400 + 36_000));
    decide(&site, &["--run", "2", "--at", "2026-10-02T09:00:00"]).exits(64).says("the same second").says("--first-at");
    decide(&site, &["2", "3", "--at", "2026-10-02T09:00:00"]).exits(64).says("--first-at");
    decide(&site, &["--run", "2", "--first-at", "2026-10-02T09:00:00"]).exits(0).says("3 are settled");
    assert_eq!(delivered(site.folder, 5).await, [0, 60, 120, 180, 780].map(second));
}

#[tokio::test]
async fn a_run_may_be_right_as_it_was_recorded_or_count_for_nothing() {
    let site_of_run = async || site(lost_a_year(SignedDuration::from_hours(10))).await;
    let right = site_of_run().await;
    decide(&right, &["--run", "4", "--as-recorded"]).exits(0).says("3 are settled");
    let year = |minutes| second(minutes) - 365 * 86_400;
    let mut wanted = vec![year(60), year(120), year(180), second(0), second(780)];
    wanted.sort_unstable();
    assert_eq!(delivered(right.folder, 5).await, wanted);
    let refused = site_of_run().await;
    decide(&refused, &["--run", "4", "--refuse"]).exits(0).says("3 are settled");
    decide(&refused, &["--run", "4", "--refuse"]).exits(1).says("is not held");
    assert_eq!(delivered(refused.folder, 2).await, [second(0), second(780)]);
}

#[tokio::test]
async fn a_reading_that_two_organisations_hold_is_counted_once() {
    let mut two = registry();
    two.organisations.push(OrganisationEntry { name: "other".into(), merge_window_s: 300 });
    two.devices[0].organisations.push("other".into());
    let (house, _) = House::with_registry(tempfile::tempdir().unwrap(), &two).await;
    let everybody = vec![person("zhangsan", &["1001"])];
    let theirs = everybody.clone();
    house
        .journal
        .write(move |write| write.import_people(punchd::journal::OrganisationId(2), &theirs, true))
        .await
        .unwrap();
    house.people(everybody).await;
    house.submit(lost_a_year(SignedDuration::from_hours(10))).await;
    // One alone is no run, though both hold it.
    house.submit([behind(at(-60 * 24 * 30))]).await;
    let site = Site::in_folder(house.close().await, WITH_GATE);
    let held = site.punchd(&["punches", "held", "--json"]).exits(0).json();
    let rows = held.as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let counts: Vec<_> = rows.iter().map(|row| row["run"]["count"].as_i64()).collect();
    assert_eq!(counts, [Some(3), Some(3), Some(3), Some(3), Some(3), Some(3), None, None]);
    decide(&site, &["--run", "2", "--first-at", "2026-10-02T09:00:00"]).exits(0).says("Decided about 3");
}

/// A batch that a terminal handed over while its clock was off by so much, as the gateway measured at that contact.
async fn contact(house: &House, readings: Vec<Reading>, offset_s: i64) {
    let stamp = house.clock.stamp();
    let clock = ClockCompared {
        shown: UnixMillis(stamp.wall.0 + offset_s * 1000),
        boottime: stamp.boottime,
        offset: Some((offset_s * 1000, Duration::ZERO)),
    };
    let batch = Batch { readings, contact: Some(Contact::default()), ..Batch::default() };
    let submission = Submission { device: House::GATE, batch, stamp, clock: Some(clock) };
    let attendance = house.attendance.clone();
    let work = move |write: &mut punchd::journal::Write<'_>| {
        let appended = write.append(&submission)?;
        let fresh = appended.into_iter().filter_map(|one| match one {
            punchd::journal::Appended::Fresh(evidence) => Some(evidence),
            punchd::journal::Appended::Repeated => None,
        });
        attendance.judge(write, &fresh.collect::<Vec<_>>())
    };
    house.journal.write(work).await.unwrap();
}

/// Today at eight and at nine, by a clock that is so much off.
fn of_today(offset_s: i64) -> Vec<Reading> {
    let eight =
        Timestamp::from_second(EVENING - 12 * 3600 + offset_s).unwrap().in_tz("Asia/Shanghai").unwrap().datetime();
    vec![reading("1001", eight, 1), reading("1001", eight.checked_add(1.hour()).unwrap(), 1)]
}

#[tokio::test]
async fn a_run_whose_offset_a_contact_measured_is_proposed_to_be_corrected_by_it() {
    let house = House::new().await;
    contact(&house, of_today(-7200), -7200).await;
    let site = Site::in_folder(house.close().await, WITH_GATE);
    let run = site.punchd(&["punches", "held", "--json"]).exits(0).json()[0]["run"].clone();
    assert_eq!(run["measured"], serde_json::json!([{ "shift_ms": 7_200_000, "option": "--corrected" }]));
    site.punchd(&["punches", "held"]).exits(0).says("off by -7200 s").says("decide --run 1 --corrected");
    decide(&site, &["--run", "1", "--corrected"]).exits(0).says("2 are settled");
    assert_eq!(delivered(site.folder, 2).await, [EVENING - 12 * 3600, EVENING - 11 * 3600]);
}

#[tokio::test]
async fn a_run_from_around_the_moment_at_which_a_clock_was_set_has_two_explanations() {
    let house = House::new().await;
    contact(&house, Vec::new(), 3600).await;
    house.clock.advance(Duration::from_secs(86_400));
    // By its own clock an hour and two hours after that contact.
    let set = of_today(13 * 3600);
    contact(&house, set, 0).await;
    let site = Site::in_folder(house.close().await, WITH_GATE);
    let run = site.punchd(&["punches", "held", "--json"]).exits(0).json()[0]["run"].clone();
    let wanted = serde_json::json!([
        { "shift_ms": -3_600_000, "option": "--shift -3600s" }, { "shift_ms": 0, "option": "--as-recorded" }
    ]);
    assert_eq!(run["measured"], wanted);
    decide(&site, &["--run", "1", "--shift", "-3600s"]).exits(0).says("2 are settled");
}

#[tokio::test]
async fn without_a_measured_offset_nothing_is_corrected() {
    let site = site(lost_a_year(SignedDuration::from_hours(10))).await;
    decide(&site, &["--run", "2", "--corrected"]).exits(1).says("no contact measured").says("--shift");
}
