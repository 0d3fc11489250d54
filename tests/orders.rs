//! What people order of many deliveries or of a destination, and what is kept of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/operations.rs"]
mod operations;

use common::{House, at, reading};
use jiff::civil::date;
use punchd::agent::{DropMany, Meant, OrderDestination, RetryDeliveries};
use punchd::delivery::Order;

/// Six days with a punch each: waiting, sending, in doubt, confirmed, refused, waiting.
async fn house() -> House {
    let house = House::new().await;
    house.submit((0..6).map(|n| reading("1001", at(n * 24 * 60), n as u32 + 1))).await;
    house
        .sql(
            r#"UPDATE delivery SET state = 1, attempts = 1 WHERE seq = 2;
               UPDATE delivery SET state = 2, attempts = 1 WHERE seq = 3;
               UPDATE delivery SET state = 4, attempts = 1 WHERE seq = 4;
               UPDATE delivery SET state = 5, attempts = 1, code = 1, reason = '{"refused":{"message":""}}' WHERE seq = 5;"#,
        )
        .await;
    house
}

async fn states(house: &House) -> Vec<i64> {
    let all = |sql: &rusqlite::Connection| {
        let mut select = sql.prepare("SELECT state FROM delivery ORDER BY seq")?;
        Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    };
    house.journal.read(all).await.unwrap()
}

fn wish() -> DropMany {
    DropMany { reason: "of the old system".into(), by: "Wang".into(), ..DropMany::default() }
}

#[tokio::test]
async fn only_what_waits_or_is_parked_is_dropped_and_what_may_have_arrived_is_told() {
    let house = house().await;
    let done = house.operations().drop_many(wish()).await.unwrap();
    assert_eq!((done.changed, done.left), (3, 2));
    assert_eq!(states(&house).await, [6, 1, 2, 4, 6, 6]);
    let noted = "SELECT changed FROM delivery_decision WHERE decided_by = 'Wang' AND reason = 'of the old system'";
    assert_eq!(house.count(noted).await, 3);
    let kept =
        "SELECT count(*) FROM delivery WHERE state = 6 AND reason LIKE '%of the old system%' AND reason LIKE '%Wang%'";
    assert_eq!(house.count(kept).await, 3);
}

#[tokio::test]
async fn dropping_goes_by_day_and_device_and_wants_a_reason() {
    let house = house().await;
    let operations = house.operations();
    assert!(operations.drop_many(DropMany { reason: " ".into(), ..wish() }).await.is_err());
    let unknown = DropMany { device: Some("gate-9".into()), ..wish() };
    assert!(operations.drop_many(unknown).await.unwrap_err().to_string().contains("gate-1"), "it says which there are");
    let unknown = DropMany { destination: Some("hub".into()), ..wish() };
    assert!(operations.drop_many(unknown).await.unwrap_err().to_string().contains("wecom"));
    // The first day is 2 October; the day itself is not before it.
    let before = DropMany { before: Some(date(2026, 10, 2)), ..wish() };
    assert_eq!(operations.drop_many(before).await.unwrap().changed, 0);
    let before = DropMany { before: Some(date(2026, 10, 5)), device: Some("gate-1".into()), ..wish() };
    let done = operations.drop_many(before).await.unwrap();
    assert_eq!((done.changed, done.left), (1, 2));
    assert_eq!(states(&house).await, [6, 1, 2, 4, 5, 0]);
}

#[tokio::test]
async fn a_dropped_punch_is_not_brought_back_by_a_restart() {
    let house = house().await;
    house.operations().drop_many(wish()).await.unwrap();
    let house = House::reopen(house.close().await).await.0;
    house.reopen_verdicts().await;
    assert_eq!(states(&house).await, [6, 1, 2, 4, 6, 6]);
}

#[tokio::test]
async fn a_pause_wants_a_reason_outlives_a_restart_and_is_noted_with_its_end() {
    let house = house().await;
    let order = |order, reason: &str| OrderDestination {
        destination: Some("wecom".into()),
        order,
        reason: reason.into(),
        by: "Wang".into(),
    };
    assert!(house.operations().order_destination(order(Order::Pause, "")).await.is_err());
    let paused = "SELECT count(*) FROM destination WHERE json_extract(paused, '$.reason') = 'the corp moves'";
    let done = house.operations().order_destination(order(Order::Pause, "the corp moves")).await.unwrap();
    assert_eq!((done.changed, house.count(paused).await), (1, 1));
    // A second one changes nothing, neither who nor why.
    assert_eq!(house.operations().order_destination(order(Order::Pause, "again")).await.unwrap().left, 1);
    let house = House::reopen(house.close().await).await.0;
    assert_eq!(house.count(paused).await, 1);
    assert_eq!(house.operations().order_destination(order(Order::Resume, "")).await.unwrap().changed, 1);
    assert_eq!(house.operations().order_destination(order(Order::Hurry, "")).await.unwrap().changed, 1);
    assert_eq!(house.count(paused).await, 0);
    assert_eq!(house.count("SELECT count(*) FROM delivery_decision WHERE decided_by = 'Wang'").await, 3);
}

#[tokio::test]
async fn a_refusal_that_a_restored_journal_remembers_is_read_back_before_it_is_sent_again() {
    for (restored, state) in [(false, 0), (true, 2)] {
        let house = house().await;
        let retry =
            RetryDeliveries { meant: Meant::AllParked { destination: None }, even_twice: false, by: "Wang".into() };
        let house = if restored {
            let folder = house.close().await;
            std::fs::remove_file(folder.path().join("journal.marker")).unwrap();
            let house = House::reopen(folder).await.0;
            // The refusal is older than the restoring.
            house.sql("UPDATE delivery SET changed_ms = changed_ms - 60000 WHERE seq = 5").await;
            house
        } else {
            house
        };
        assert_eq!(house.operations().retry_deliveries(retry).await.unwrap().changed, 1);
        assert_eq!(states(&house).await[4], state, "restored: {restored}");
        assert_eq!(house.count("SELECT count(*) FROM delivery_decision WHERE decided_by = 'Wang'").await, 1);
    }
}
