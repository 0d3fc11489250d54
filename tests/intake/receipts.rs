//! Law 1 at the desk: the receipt comes after the commit, and a person whose disk stalls is told so in time.

use std::time::Duration;

use futures_util::poll;
use punchd_contract::{Batch, Cursor, MAX_BATCH, NotRecorded, Verdict};

use crate::common::{at, reading};
use crate::site::{Site, Stall, tap};

const BOUND: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_person_at_a_stalled_disk_is_told_to_try_again_and_the_second_tap_merges() {
    let site = Site::new().await;
    let port = site.port();
    let stall = Stall::of(&site.house.journal).await;
    let first = tokio::time::timeout(BOUND, port.submit_one(tap("1001"))).await.expect("an answer within its bound");
    assert_eq!(first, Err(NotRecorded::Busy));
    drop(stall);
    site.house.clock.advance(Duration::from_secs(3));
    let second = port.submit_one(tap("1001")).await.unwrap();
    assert!(matches!(second.verdict, Verdict::Merged { .. }), "{second:?}");
    assert_eq!(site.house.count("SELECT count(*) FROM delivery").await, 1);
}

#[tokio::test]
async fn delivery_is_told_of_a_punch_whose_person_did_not_wait_for_the_commit() {
    let site = Site::new().await;
    let port = site.port();
    let stall = Stall::of(&site.house.journal).await;
    assert_eq!(port.submit_one(tap("1001")).await, Err(NotRecorded::Busy));
    assert!(poll!(Box::pin(site.punched.notified())).is_pending(), "told before anything was committed");
    drop(stall);
    tokio::time::timeout(BOUND, site.punched.notified()).await.expect("delivery was not told");
    assert_eq!(site.house.count("SELECT count(*) FROM delivery").await, 1);
}

#[tokio::test]
async fn a_receipt_comes_only_when_another_connection_can_see_the_reading() {
    let site = Site::new().await;
    let port = site.port();
    let stall = Stall::of(&site.house.journal).await;
    let mut receipt = Box::pin(port.submit_one(tap("1001")));
    assert!(poll!(&mut receipt).is_pending());
    assert_eq!(site.house.count("SELECT count(*) FROM reading").await, 0);
    assert!(poll!(&mut receipt).is_pending(), "a receipt for what nobody can see");
    drop(stall);
    assert_eq!(receipt.await.unwrap().seq, 1);
    assert_eq!(site.house.count("SELECT count(*) FROM reading").await, 1);
}

#[tokio::test]
async fn each_reading_of_a_batch_has_its_own_receipt_in_order() {
    let site = Site::new().await;
    let port = site.port();
    let one = Batch { readings: vec![reading("1001", at(0), 1)], ..Batch::default() };
    port.submit(one).await.unwrap();
    let readings = ["9999", "1001", "1001", "1001"].into_iter().zip([at(1), at(0), at(2), at(60)]);
    let readings = readings.map(|(user, when)| reading(user, when, 1)).collect();
    let receipts = port.submit(Batch { readings, ..Batch::default() }).await.unwrap();
    assert!(matches!(receipts[0].verdict, Verdict::Unknown), "{receipts:?}");
    assert_eq!(receipts[1].verdict, Verdict::Repeated);
    assert!(matches!(receipts[2].verdict, Verdict::Merged { .. }), "{receipts:?}");
    assert!(matches!(receipts[3].verdict, Verdict::Punch { .. }), "{receipts:?}");
    assert_eq!(receipts.iter().map(|receipt| receipt.seq).collect::<Vec<_>>(), [2, 0, 3, 4]);
}

#[tokio::test]
async fn a_batch_beyond_the_limit_is_refused_whole() {
    let site = Site::new().await;
    let port = site.port();
    let of = |count: usize| Batch {
        readings: (0..count).map(|n| reading("1001", at(n as i64), 1)).collect(),
        cursor: Some(Cursor(format!("{{\"read\":{count}}}"))),
        ..Batch::default()
    };
    let refused = port.submit(of(MAX_BATCH + 1)).await;
    assert!(matches!(refused, Err(NotRecorded::Malformed(_))), "{refused:?}");
    assert_eq!((site.house.count("SELECT count(*) FROM reading").await, port.cursor().await), (0, None));
    assert_eq!(port.submit(of(MAX_BATCH)).await.unwrap().len(), MAX_BATCH);
}

#[tokio::test]
async fn the_cursor_comes_back_as_it_was_committed_last() {
    let site = Site::new().await;
    let port = site.port();
    assert_eq!(port.cursor().await, None);
    for text in [r#"{"read":7}"#, r#"{"读":8}"#] {
        port.submit(Batch { cursor: Some(Cursor(text.into())), ..Batch::default() }).await.unwrap();
        assert_eq!(port.cursor().await, Some(Cursor(text.into())));
    }
    port.submit(Batch { readings: vec![reading("1001", at(0), 1)], ..Batch::default() }).await.unwrap();
    assert_eq!(port.cursor().await, Some(Cursor(r#"{"读":8}"#.into())), "a batch without a cursor changed it");
    // The next driver of the same device finds it; another device has its own.
    assert_eq!(site.port().cursor().await, Some(Cursor(r#"{"读":8}"#.into())));
}

#[tokio::test]
async fn a_closed_journal_says_that_the_agent_is_stopping() {
    let site = Site::new().await;
    site.house.journal.close().await;
    assert_eq!(site.port().submit_one(tap("1001")).await, Err(NotRecorded::Stopping));
}
