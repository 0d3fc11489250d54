//! From which day on a device counts: what is older is kept, counted, and let through by whoever says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/operations.rs"]
mod operations;

use common::{House, at, person, reading, registry, rules};
use jiff::civil::{Date, date};
use punchd::agent::{Decided, LetThrough};
use punchd::attendance::{Decision, DeviceRules, UserIdRule, start};
use punchd::journal::{Registry, Seq};

const DAY: i64 = 24 * 60;

/// One device that counts from this day, and so reads user ids.
fn counting(count_from: Option<Date>, user_ids: UserIdRule, name: &str) -> Registry {
    let mut all = registry();
    let rules = DeviceRules { count_from, user_ids, ..rules() };
    all.devices[0].settings = serde_json::to_string(&rules).unwrap();
    all.devices[0].name = name.into();
    all.devices[0].identity = Some("SN1".into());
    all
}

/// The device is seen on 2026-11-02; its readings are of 2 October and later.
async fn house(count_from: Option<Date>) -> House {
    House::with_registry(tempfile::tempdir().unwrap(), &counting(count_from, UserIdRule::Mapped, "gate-1")).await.0
}

async fn kept(house: &House) -> Vec<(String, u64, Date)> {
    let all = house.journal.read(start::kept).await.unwrap();
    all.into_iter().map(|one| (one.device, one.readings, one.from)).collect()
}

async fn deliveries(house: &House) -> i64 {
    house.count("SELECT count(*) FROM delivery").await
}

fn wish(from: Option<Date>, until: Option<Date>) -> LetThrough {
    LetThrough {
        device: "gate-1".into(),
        from,
        until,
        reason: "they were not paid".into(),
        by: "Wang".into(),
        dry_run: false,
    }
}

#[tokio::test]
async fn nothing_older_than_the_day_on_which_a_device_was_first_seen_counts_by_itself() {
    let house = house(None).await;
    house.submit([reading("1001", at(0), 1), reading("1001", at(31 * DAY), 1)]).await;
    assert_eq!(kept(&house).await, [("gate-1".into(), 1, date(2026, 11, 2))]);
    assert_eq!(deliveries(&house).await, 1);
}

#[tokio::test]
async fn the_first_day_stays_over_restarts_and_another_name() {
    let house = house(None).await;
    house.sql("UPDATE device SET first_seen_ms = first_seen_ms - 20 * 86400000").await;
    let renamed = counting(None, UserIdRule::Mapped, "north");
    let mut house = House::with_registry(house.close().await, &renamed).await.0;
    for n in 0..2u32 {
        house.submit([reading("1001", at(0), n + 1), reading("1001", at(15 * DAY + i64::from(n) * 60), 1)]).await;
        assert_eq!(kept(&house).await, [("north".into(), u64::from(n) + 1, date(2026, 10, 13))]);
        assert_eq!(deliveries(&house).await, i64::from(n) + 1);
        house = House::with_registry(house.close().await, &renamed).await.0;
    }
}

#[tokio::test]
async fn letting_through_goes_by_device_and_days_is_kept_with_its_reason_and_undone_by_a_refusal() {
    let house = house(None).await;
    house.submit((0..4).map(|n| reading("1001", at(n * DAY), 1))).await;
    let operations = house.operations();
    let (second, third) = (date(2026, 10, 3), date(2026, 10, 4));
    let counted =
        operations.let_through(LetThrough { dry_run: true, ..wish(Some(second), Some(third)) }).await.unwrap();
    assert_eq!((counted.readings, counted.settled, deliveries(&house).await), (2, 0, 0));
    let wordless = LetThrough { reason: " ".into(), ..wish(None, None) };
    assert!(operations.let_through(wordless).await.is_err());
    let elsewhere = LetThrough { device: "gate-9".into(), ..wish(None, None) };
    assert!(operations.let_through(elsewhere).await.unwrap_err().to_string().contains("gate-9"));
    let done = operations.let_through(wish(Some(second), Some(third))).await.unwrap();
    assert_eq!((done.readings, done.settled, deliveries(&house).await), (2, 2, 2));
    assert_eq!(kept(&house).await[0].1, 2);
    let journalled =
        "SELECT count(*) FROM decision WHERE decided_by = 'Wang' AND reason = 'they were not paid' AND seq IN (2, 3)";
    assert_eq!(house.count(journalled).await, 2);
    // The same wish again finds nothing.
    assert_eq!(operations.let_through(wish(Some(second), Some(third))).await.unwrap().readings, 0);
    let refusal = Decided {
        seqs: vec![2],
        decision: Some(Decision::Refuse),
        person: None,
        by: "Wang".into(),
        reason: "paid in cash".into(),
        forced: false,
    };
    operations.decide(refusal).await.unwrap();
    assert_eq!(deliveries(&house).await, 1);
    assert_eq!(house.count("SELECT outcome FROM verdict WHERE seq = 2").await, 4);
}

/// Three organisations have a verdict on each, so a portion ends between those of one reading.
#[tokio::test]
async fn what_is_let_through_is_let_through_for_every_organisation() {
    let mut all = counting(None, UserIdRule::Mapped, "gate-1");
    for name in ["other", "third"] {
        all.organisations.push(punchd::journal::OrganisationEntry { name: name.into(), merge_window_s: 300 });
        all.devices[0].organisations.push(name.into());
    }
    let house = House::with_registry(tempfile::tempdir().unwrap(), &all).await.0;
    house.submit((0..150).map(|n| reading("1001", at(n * 10), 1))).await;
    let done = house.operations().let_through(wish(None, None)).await.unwrap();
    assert_eq!(done.readings, 450);
    assert_eq!(kept(&house).await, []);
}

#[tokio::test]
async fn a_false_date_is_held_and_not_refused_as_old() {
    let house = house(None).await;
    let mut odd = reading("1001", at(0), 1);
    odd.doubt = Some(punchd_contract::Doubt::Late { by_s: 90_000 });
    house.submit([odd]).await;
    assert_eq!(house.count("SELECT outcome FROM verdict WHERE seq = 1").await, 3);
    assert_eq!(kept(&house).await, []);
}

#[tokio::test]
async fn where_the_userid_is_the_terminals_id_no_list_is_needed_and_what_cannot_be_one_is_unknown() {
    for (rule, userid) in [(UserIdRule::Userid, "7001"), (UserIdRule::Prefixed("emp-".into()), "emp-7001")] {
        let all = counting(Some(date(2026, 1, 1)), rule, "gate-1");
        let house = House::with_registry(tempfile::tempdir().unwrap(), &all).await.0;
        house
            .submit([reading("7001", at(0), 1), reading("70 01", at(20), 1), reading(&"9".repeat(70), at(30), 1)])
            .await;
        let whose = house.journal.read(|sql| {
            Ok(sql.query_row("SELECT p.userid FROM delivery d JOIN person p USING (person)", [], |row| {
                row.get::<_, String>(0)
            })?)
        });
        assert_eq!(whose.await.unwrap(), userid);
        assert_eq!(house.count("SELECT count(*) FROM verdict WHERE outcome = 2").await, 2);
        assert_eq!(deliveries(&house).await, 1);
        // A list that gives the id to somebody has the last word.
        house.sql("UPDATE delivery SET state = 5, code = 60111, reason = '{\"refused\":{\"message\":\"\"}}'").await;
        let people = vec![(None, person("lisi", &["7001"]))];
        let import = punchd::agent::Import { people, dry_run: false, source: Default::default(), confirmed: true };
        assert_eq!(house.operations().import(import).await.unwrap().credited_again, 1);
        assert_eq!(house.count("SELECT count(*) FROM delivery d JOIN person p USING (person) WHERE p.userid = 'lisi' AND d.state = 0").await, 1);
        assert_eq!(deliveries(&house).await, 1);
    }
}

/// The plan is what keeps `status` fast over a terminal's years: it looks at what is refused as old, and at nothing else.
#[tokio::test]
async fn counting_what_is_kept_looks_at_nothing_else() {
    let house = house(None).await;
    let plan = house.journal.read(|sql| {
        let mut select = sql.prepare(&format!("EXPLAIN QUERY PLAN {}", start::KEPT))?;
        Ok(select.query_map([], |row| row.get::<_, String>(3))?.collect::<Result<Vec<_>, _>>()?.join("\n"))
    });
    let plan = plan.await.unwrap();
    assert!(plan.contains("verdict_before_start"), "{plan}");
    assert!(!plan.contains("SCAN r\n"), "{plan}");
    assert_eq!(
        house.journal.read(move |sql| start::refused(sql, House::GATE, 0, 1, (Seq(0), House::MAIN), 10)).await.unwrap(),
        []
    );
}
