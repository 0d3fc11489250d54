//! Atomic or partial, duplicates dropped or kept: each of the ways in which WeCom may take a batch (facts/wecom-api.md 1.4).

mod common;

use common::{Bench, NOW, record, with};
use punchd_sim::standin::{Atomicity, Duplicates};
use serde_json::json;

#[tokio::test]
async fn an_atomic_batch_with_one_bad_record_is_not_stored_at_all() {
    let bench = Bench::new().await;
    let answer = bench.add(&[record("wangwei", NOW), record("nobody", NOW), record("lina", NOW)]).await;
    assert_eq!(answer.errcode(), 60111);
    assert_eq!(bench.standin.held(), []);
}

#[tokio::test]
async fn a_partial_batch_stores_the_good_records_and_answers_for_the_first_bad_one() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.atomicity = Atomicity::Partial);
    let batch = [
        record("wangwei", NOW),
        with("notes", json!(7)),
        record("nobody", NOW),
        record("lina", NOW + 9),
        record("lina", NOW),
    ];
    assert_eq!(bench.add(&batch).await.errcode(), 40058);
    let held: Vec<String> = bench.standin.held().into_iter().map(|held| held.record.userid).collect();
    assert_eq!(held, ["wangwei", "lina"]);
}

#[tokio::test]
async fn a_duplicate_that_is_dropped_is_counted_and_shown_once() {
    let bench = Bench::new().await;
    for userid in ["wangwei", "WANGWEI", "lina"] {
        assert_eq!(bench.add(&[record(userid, NOW - 60)]).await.errcode(), 0);
    }
    assert_eq!(bench.standin.held_count(), 2);
    assert_eq!(bench.standin.held()[0].arrived, 2);
    assert_eq!((bench.standin.arrived("WangWei", NOW - 60), bench.standin.arrived("lina", NOW - 60)), (2, 1));
    assert_eq!(bench.standin.twice().len(), 1);
    assert_eq!(bench.punches("wangwei", NOW, NOW).await, [NOW - 60]);
}

#[tokio::test]
async fn a_duplicate_that_is_kept_is_shown_twice_with_what_it_said() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.duplicates = Duplicates::Keep);
    bench.add(&[record("wangwei", NOW - 60), with("notes", json!("again"))]).await;
    let held = bench.standin.held();
    assert_eq!(held.iter().map(|held| (held.arrival, held.arrived)).collect::<Vec<_>>(), [(1, 2), (2, 2)]);
    assert_eq!(held[1].record.notes, "again");
    assert_eq!(bench.punches("wangwei", NOW, NOW).await, [NOW - 60, NOW - 60]);
}

#[tokio::test]
async fn a_batch_that_was_refused_did_not_arrive() {
    let bench = Bench::new().await;
    bench.add(&[record("wangwei", NOW), record("nobody", NOW)]).await;
    assert_eq!(bench.standin.arrived("wangwei", NOW), 0);
    bench.add(&[record("wangwei", NOW)]).await;
    assert_eq!(bench.standin.arrived("wangwei", NOW), 1);
    assert_eq!(bench.standin.twice(), []);
}

#[tokio::test]
async fn who_waits_for_records_is_woken_when_they_are_there() {
    let bench = Bench::new().await;
    let waiting = bench.standin.until_held(3);
    tokio::pin!(waiting);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    bench.add(&[record("wangwei", NOW), record("wangwei", NOW - 1)]).await;
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    bench.add(&[record("lina", NOW)]).await;
    waiting.await;
}
