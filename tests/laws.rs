//! The laws of the design, as far as journal and attendance keep them: each test fails if its law is broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "laws/biometrics.rs"]
mod biometrics;
mod common;
#[path = "faulty_disk/disk/mod.rs"]
mod disk;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::{House, at, person, reading, registry, rules};
use disk::{Disk, Kept};
use punchd::attendance::{Decision, DeviceRules, judge, people};
use punchd::clock::{Clock, Quality, UnixMillis};
use punchd::journal::{
    self, DestinationEntry, DeviceEntry, DeviceId, Journal, JournalError, Options, OrganisationEntry, Registry,
    Retention, Submission,
};
use punchd_contract::{Batch, Credential, Cursor, Happened, Method, Origin, Reading, Verdict};
use rusqlite::types::Value;

const SECOND_DEVICE: DeviceId = DeviceId(2);

// Law 1: commit before receipt.

#[tokio::test]
async fn law_1_the_answer_comes_only_when_the_reading_would_outlive_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new();
    let journal = on_disk(folder.path(), &disk);
    disk.stall_syncs();
    let submission =
        Submission { device: House::GATE, batch: of([reading("1001", at(1), 1)]), stamp: common::now(), clock: None };
    let mut answer = Box::pin(journal.write(move |write| write.append(&submission)));
    assert!(futures_util::poll!(&mut answer).is_pending());
    let stalled = disk.clone();
    assert!(tokio::task::spawn_blocking(move || stalled.sync_is_stalled()).await.unwrap(), "nothing was synced");
    // Everything was written, and yet nobody may be told.
    assert!(futures_util::poll!(&mut answer).is_pending(), "answered while the sync was still under way");
    let cut_before = disk.after_power_cut(Kept::Nothing);
    disk.let_syncs_go();
    assert_eq!(answer.await.unwrap().len(), 1);
    let cut_after = disk.after_power_cut(Kept::Nothing);
    journal.close().await;
    drop(journal);
    for (left, readings) in [(cut_before, 0), (cut_after, 1)] {
        let journal = on_disk(folder.path(), &left);
        let there: i64 =
            journal.read(|sql| Ok(sql.query_row("SELECT count(*) FROM reading", [], |row| row.get(0))?)).await.unwrap();
        assert_eq!(there, readings);
        journal.close().await;
    }
}

fn on_disk(folder: &Path, disk: &Arc<Disk>) -> Journal {
    disk::plug(folder, disk);
    let options = Options { folder: folder.into(), vfs: Some(disk::NAME.into()) };
    let (journal, salvaged) = Journal::open(options, &registry(), &common::now()).unwrap();
    assert_eq!(salvaged, None);
    journal
}

fn of(readings: impl IntoIterator<Item = Reading>) -> Batch {
    Batch { readings: readings.into_iter().collect(), ..Batch::default() }
}

// Law 2: readings are append-only and chained.

#[tokio::test]
async fn law_2_nothing_that_is_concluded_or_configured_later_changes_a_reading() {
    let house = House::new().await;
    house.submit((1..=30).map(|n| reading(["1001", "1002", "9999"][n as usize % 3], at(n * 4), 1))).await;
    house.submit([impossible("1001"), Reading { credential: Credential::Unreadable, ..reading("?", at(3), 9) }]).await;
    house.clock.quality(Quality::Unknown, None);
    house.submit([by_reader("1001")]).await;
    let before = readings(&house).await;
    assert_eq!(before.len(), 33);

    house.people(vec![person("zhangsan", &["1001"]), person("lisi", &["1002", "9999"])]).await;
    decide(&house, 31, &Decision::At { time_s: common::EVENING - 3600 }).await;
    decide(&house, 33, &Decision::Refuse).await;
    anchor(&house, &house.clock.stamp().boot.0, 0).await;
    assert!(house.reopen_verdicts().await > 10);
    // Late readings take the place of punches; the log comes a second time; deliveries go their way.
    house.submit((1..=30).map(|n| reading("1001", at(n * 4 - 3), 7))).await;
    house.submit((1..=30).map(|n| reading(["1001", "1002", "9999"][n as usize % 3], at(n * 4), 1))).await;
    house.sql("UPDATE delivery SET state = 4 WHERE seq <= 20").await;
    let mut changed = registry();
    changed.organisations[0].merge_window_s = 10;
    changed.devices[0].settings =
        serde_json::to_string(&DeviceRules { zone: "Europe/Berlin".into(), ..rules() }).unwrap();
    changed.destinations.clear();
    let (house, salvaged) = House::with_registry(house.close().await, &changed).await;
    assert_eq!(salvaged, None);
    house.reopen_verdicts().await;
    assert_eq!(readings(&house).await[..before.len()], before[..]);

    // Retention takes whole rows from the oldest end, and touches no other.
    let year = Duration::from_secs(365 * 86_400);
    let later = UnixMillis(common::EVENING * 1000 + 2 * year.as_millis() as i64);
    let keep = Retention { readings: year, uploads: year };
    let removed = house.journal.write(move |write| journal::cut(write, later, &keep)).await.unwrap();
    assert!(removed.readings >= 10, "{removed:?}");
    let rest = readings(&house).await;
    assert_eq!(rest[..before.len() - removed.readings as usize], before[removed.readings as usize..]);
    let finding = house.journal.read(|sql| journal::verify(sql, None)).await.unwrap();
    assert_eq!(finding.broken, None);
}

async fn readings(house: &House) -> Vec<Vec<Value>> {
    let all = house.journal.read(|sql| {
        let mut rows = sql.prepare("SELECT * FROM reading ORDER BY seq")?;
        let columns = rows.column_count();
        let rows = rows.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    all.await.unwrap()
}

// Law 3: re-reading is harmless.

#[tokio::test]
async fn law_3_a_record_is_one_reading_whichever_way_and_however_often_it_comes() {
    let house = House::new().await;
    // Two identical records of a person who pressed twice in a second are two.
    let log = || [reading("1001", at(1), 1), reading("1001", at(1), 2), reading("1001", at(30), 1)];
    let ways = [Origin::Live, Origin::Log, Origin::Backfill];
    for (time, origin) in ways.into_iter().cycle().take(6).enumerate() {
        let verdicts = house.submit(log().map(|reading| Reading { origin, ..reading })).await;
        let repeated = verdicts.iter().filter(|verdict| **verdict == Verdict::Repeated).count();
        assert_eq!(repeated, if time == 0 { 0 } else { 3 }, "{origin:?}: {verdicts:?}");
    }
    let (house, _) = House::reopen(house.close().await).await;
    assert!(house.submit(log()).await.iter().all(|verdict| *verdict == Verdict::Repeated));
    assert_eq!(house.count("SELECT count(*) FROM reading").await, 3);
    assert_eq!(house.count("SELECT count(*) FROM delivery").await, 2);
}

#[tokio::test]
async fn law_3_readings_and_cursor_are_there_together_or_not_at_all() {
    let house = House::new().await;
    let state = || async {
        let cursor = house.count("SELECT count(*) FROM device WHERE cursor = 'after 1'").await;
        (
            house.count("SELECT count(*) FROM reading").await,
            house.count("SELECT count(*) FROM record_key").await,
            cursor,
        )
    };
    let batch = Batch { cursor: Some(Cursor("after 1".into())), ..of([reading("1001", at(1), 1)]) };
    let submission = Submission { device: House::GATE, batch: batch.clone(), stamp: common::now(), clock: None };
    let refused = house.journal.write(move |write| -> Result<(), JournalError> {
        write.append(&submission)?;
        Err(JournalError::Refused("a later stage failed".into()))
    });
    assert!(refused.await.is_err());
    assert_eq!(state().await, (0, 0, 0));
    assert!(
        matches!(house.submit_batch(batch).await[..], [Verdict::Punch { .. }]),
        "the second try is the first that counts"
    );
    assert_eq!(state().await, (1, 1, 1));
}

// Law 4: nothing is written off.

#[tokio::test]
async fn law_4_an_unknown_card_is_kept_shown_and_delivered_when_somebody_maps_it() {
    let house = House::new().await;
    assert_eq!(house.submit([by_card(at(1))]).await, [Verdict::Unknown]);
    assert_eq!(open(&house).await, [1]);
    assert_eq!(house.reopen_verdicts().await, 0, "still nobody knows it");
    let mut zhangsan = person("zhangsan", &["1001"]);
    zhangsan.credentials.push(("card".into(), "04A1B2C3".into()));
    house.people(vec![zhangsan]).await;
    assert_eq!(house.reopen_verdicts().await, 1);
    assert_eq!((open(&house).await, delivered_to(&house).await), (vec![], vec![(1, seconds(at(1)))]));
}

#[tokio::test]
async fn law_4_a_person_who_left_is_held_and_delivered_when_the_list_is_corrected_or_somebody_decides() {
    for decided in [false, true] {
        let house = House::new().await;
        let left = Some(jiff::civil::date(2026, 9, 30));
        house.people(vec![people::PersonEntry { left_on: left, ..person("zhangsan", &["1001"]) }]).await;
        let submitted = house.submit([reading("1001", at(1), 1), by_reader("1001")]).await;
        assert!(matches!(submitted[..], [Verdict::Held { .. }, Verdict::Held { .. }]), "{submitted:?}");
        assert_eq!((open(&house).await, delivered_to(&house).await), (vec![1, 2], vec![]));
        if decided {
            decide(&house, 1, &Decision::AsRecorded).await;
            decide(&house, 2, &Decision::AsRecorded).await;
        } else {
            house.people(vec![person("zhangsan", &["1001"])]).await;
        }
        assert_eq!(house.reopen_verdicts().await, 2, "decided: {decided}");
        let punches = vec![(1, seconds(at(1))), (2, common::EVENING)];
        assert_eq!((open(&house).await, delivered_to(&house).await), (vec![], punches));
    }
}

/// Gives a user id to another person, as an import does.
async fn hand_on(house: &House, to: people::PersonEntry) {
    house.people(vec![to]).await;
    let now = house.clock.stamp().wall;
    house.journal.write(move |write| people::handed_on(write.sql(), now)).await.unwrap();
    house.attendance.set_people(house.journal.read(people::People::load).await.unwrap());
    // What comes from now on, comes afterwards.
    house.clock.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn law_4_what_is_older_than_the_hand_over_of_its_credential_is_held() {
    for (last, person_of) in [
        (None, vec![]),
        (Some(jiff::civil::date(2026, 10, 2)), vec!["zhangsan"]),
        (Some(jiff::civil::date(2026, 10, 1)), vec!["lisi"]),
    ] {
        let house = House::new().await;
        hand_on(&house, person("lisi", &["1001"])).await;
        let submitted = house.submit([reading("1001", at(1), 1)]).await;
        assert!(matches!(submitted[..], [Verdict::Held { .. }]), "{submitted:?}");
        assert_eq!((open(&house).await, delivered_to(&house).await), (vec![1], vec![]));
        if last.is_some() {
            let left = people::PersonEntry { left_on: last, ..person("zhangsan", &[]) };
            let contains = [people::Part::LeftOn].into_iter().collect();
            house.people(vec![people::PersonEntry { contains, ..left }]).await;
            assert_eq!(house.reopen_verdicts().await, 1);
        }
        let whose = house
            .journal
            .read(|sql| {
                let mut select = sql.prepare(
                    "SELECT p.userid FROM verdict v JOIN person p USING (person) WHERE v.outcome = 0 ORDER BY v.seq",
                )?;
                Ok(select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?)
            })
            .await
            .unwrap();
        assert_eq!(whose, person_of, "last day: {last:?}");
    }
    // Under another userid it is the same person, and what was read at a reader just now is whoever has it now.
    let house = House::new().await;
    hand_on(&house, people::PersonEntry { name: person("zhangsan", &[]).name, ..person("zhang.san", &["1001"]) }).await;
    assert!(matches!(house.submit([reading("1001", at(1), 1)]).await[..], [Verdict::Punch { .. }]));
    let house = House::new().await;
    hand_on(&house, person("lisi", &["1001"])).await;
    assert!(matches!(house.submit([by_reader("1001")]).await[..], [Verdict::Punch { .. }]));
}

#[tokio::test]
async fn law_4_a_date_that_does_not_exist_is_held_and_delivered_when_somebody_decides_its_time() {
    let house = House::new().await;
    assert!(matches!(house.submit([impossible("1001")]).await[..], [Verdict::Held { .. }]));
    assert_eq!(house.reopen_verdicts().await, 0);
    assert_eq!((open(&house).await, delivered_to(&house).await), (vec![1], vec![]));
    decide(&house, 1, &Decision::At { time_s: seconds(at(5)) }).await;
    assert_eq!(house.reopen_verdicts().await, 1);
    assert_eq!((open(&house).await, delivered_to(&house).await), (vec![], vec![(1, seconds(at(5)))]));
}

#[tokio::test]
async fn law_4_what_is_open_in_one_organisation_stays_open_there_and_only_there() {
    let shared = || Registry {
        organisations: ["main", "other"]
            .map(|name| OrganisationEntry { name: name.into(), merge_window_s: 300 })
            .into(),
        devices: vec![DeviceEntry {
            organisations: vec!["main".into(), "other".into()],
            ..registry().devices[0].clone()
        }],
        destinations: ["main", "other"]
            .map(|name| DestinationEntry {
                name: name.into(),
                kind: "webhook".into(),
                organisation: name.into(),
                identity: "ww1".into(),
                history: punchd::journal::History::default(),
            })
            .into(),
    };
    for decision in [None, Some(Decision::AsRecorded), Some(Decision::Refuse)] {
        let (house, _) = House::with_registry(tempfile::tempdir().unwrap(), &shared()).await;
        let left = Some(jiff::civil::date(2026, 9, 30));
        import_other(&house, people::PersonEntry { left_on: left, ..person("zhang.san", &["1001"]) }).await;
        house.submit([reading("1001", at(1), 1), impossible("1001")]).await;
        let settled = "SELECT count(*) FROM verdict WHERE seq = 1 AND organisation = 1 AND outcome = 0";
        assert_eq!(house.count(settled).await, 1);
        assert_eq!(open(&house).await, [1, 2]);
        match &decision {
            None => import_other(&house, person("zhang.san", &["1001"])).await,
            Some(decision) => {
                for seq in [1, 2] {
                    decide_for(&house, 2, seq, decision).await;
                }
            }
        }
        house.reopen_verdicts().await;
        let other = if decision == Some(Decision::Refuse) { 4 } else { 0 };
        let outcomes = outcomes(&house).await;
        assert_eq!(outcomes[..2], [(1, 1, 0), (1, 2, other)], "{decision:?}");
        // The impossible date stays with the first organisation, whatever the second decides about it.
        assert_eq!(outcomes[2], (2, 1, 3), "{decision:?}");
    }
}

async fn import_other(house: &House, person: people::PersonEntry) {
    let import = house.journal.write(move |write| write.import_people(journal::OrganisationId(2), &[person], true));
    import.await.unwrap();
    house.attendance.set_people(house.journal.read(people::People::load).await.unwrap());
}

// Law 6: time is evidence.

#[tokio::test]
async fn law_6_a_reading_of_an_untrusted_clock_is_held_until_an_anchor_of_its_own_boot_dates_it_exactly() {
    let house = House::new().await;
    house.submit([by_reader("9999")]).await;
    house.clock.reboot("boot-b", UnixMillis(3_600_000));
    house.clock.advance(Duration::from_secs(30));
    let moment = house.clock.stamp();
    assert!(matches!(house.submit([by_reader("1001")]).await[..], [Verdict::Held { .. }]));
    let original = readings(&house).await;
    assert_eq!(house.reopen_verdicts().await, 0, "nothing dates it");
    anchor(&house, "00000000-0000-4000-8000-000000000001", moment.boottime.0).await;
    assert_eq!(house.reopen_verdicts().await, 0, "an anchor of another boot dates nothing");
    // Ten minutes later the network is there, and with it the true time.
    anchor(&house, "boot-b", moment.boottime.0 + 600_000_000_000).await;
    assert_eq!(house.reopen_verdicts().await, 1);
    assert_eq!(delivered_to(&house).await, [(2, common::EVENING - 600)]);
    assert_eq!(house.count("SELECT count(*) FROM verdict WHERE basis = 'anchor'").await, 1);
    assert_eq!(readings(&house).await, original);
    assert_eq!(
        house.count("SELECT wall_ms FROM reading WHERE seq = 2").await,
        moment.wall.0,
        "the wall clock as it was read"
    );
}

#[tokio::test]
async fn law_6_a_terminal_s_time_is_of_its_own_zone() {
    let mut far = registry().devices[0].clone();
    far.name = "far".into();
    far.settings = serde_json::to_string(&DeviceRules { zone: "America/Los_Angeles".into(), ..rules() }).unwrap();
    let registry = Registry { devices: vec![registry().devices[0].clone(), far], ..registry() };
    let (house, _) = House::with_registry(tempfile::tempdir().unwrap(), &registry).await;
    house.clock.advance(Duration::from_secs(86_400));
    house.submit_from(House::GATE, of([reading("1001", at(0), 1)])).await;
    house.submit_from(SECOND_DEVICE, of([reading("1001", at(0), 2)])).await;
    // 2026-10-02 08:00 in Shanghai, and fifteen hours later in Los Angeles.
    assert_eq!(delivered_to(&house).await, [(1, 1_790_899_200), (2, 1_790_899_200 + 15 * 3600)]);
}

#[test]
fn law_6_the_zone_of_the_host_plays_no_part() {
    let this = std::env::current_exe().unwrap();
    for zone in ["America/New_York", "Asia/Kolkata", "UTC", "Nowhere/Land"] {
        let run = Command::new(&this)
            .args(["--exact", "law_6_a_terminal_s_time_is_of_its_own_zone"])
            .args(["law_4_a_person_who_left_is_held_and_delivered_when_the_list_is_corrected_or_somebody_decides"])
            .env("TZ", zone)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("2 passed"), "{zone}: {said}");
    }
}

// What the tests above say and ask.

fn by_card(when: jiff::civil::DateTime) -> Reading {
    Reading { credential: Credential::Card(vec![0x04, 0xA1, 0xB2, 0xC3]), ..reading("card", when, 1) }
}

fn impossible(user: &str) -> Reading {
    Reading { happened: Happened::Impossible, ..reading(user, at(77), 1) }
}

/// What a local reader gives: no clock, no key, said once.
fn by_reader(user: &str) -> Reading {
    let raw = user.as_bytes().to_vec();
    Reading {
        happened: Happened::Now,
        origin: Origin::Live,
        method: Method::Card,
        key: None,
        raw,
        ..reading(user, at(0), 1)
    }
}

fn seconds(shanghai: jiff::civil::DateTime) -> i64 {
    shanghai.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).unwrap().timestamp().as_second()
}

async fn decide(house: &House, seq: i64, decision: &Decision) {
    decide_for(house, 1, seq, decision).await;
}

async fn decide_for(house: &House, organisation: i64, seq: i64, decision: &Decision) {
    let what = serde_json::to_string(decision).unwrap();
    let decided = house.journal.write(move |write| {
        write.sql().execute(
            "INSERT INTO decision (seq, organisation, what, decided_by, reason, wall_ms) VALUES (?1, ?2, ?3, 'boss', 'seen', 0)",
            (seq, organisation, what),
        )?;
        Ok(())
    });
    decided.await.unwrap();
}

/// Ties a moment of a boot to the evening of these tests.
async fn anchor(house: &House, boot: &str, boottime_ns: i64) {
    let boot = boot.to_owned();
    let inserted = house.journal.write(move |write| {
        let row = (boot, boottime_ns, common::EVENING * 1000);
        Ok(write.sql().execute(
            "INSERT INTO anchor (boot, boottime_ns, true_ms, bound_ms, source)
               SELECT boot, ?2, ?3, 50, 'system' FROM boot WHERE kernel_id = ?1",
            row,
        )?)
    });
    assert_eq!(inserted.await.unwrap(), 1, "the journal knows no such boot");
}

async fn open(house: &House) -> Vec<i64> {
    house.journal.read(judge::open_readings).await.unwrap().into_iter().map(|seq| seq.0).collect()
}

/// Which readings wait to be delivered, and with which time.
async fn delivered_to(house: &House) -> Vec<(i64, i64)> {
    let all = house.journal.read(|sql| {
        let mut rows = sql.prepare("SELECT seq, time_s FROM delivery WHERE state = 0 ORDER BY seq")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    all.await.unwrap()
}

async fn outcomes(house: &House) -> Vec<(i64, i64, i64)> {
    let all = house.journal.read(|sql| {
        let mut rows = sql.prepare("SELECT seq, organisation, outcome FROM verdict ORDER BY seq, organisation")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    all.await.unwrap()
}
