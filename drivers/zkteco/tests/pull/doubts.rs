//! What the order of the log and the clock say of a date goes with the reading, from the log and live.

use std::time::Duration;

use punchd_contract::{Doubt, Happened, Origin};
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::virtual_device::VirtualRecord;
use tokio::time::sleep;

use super::{Site, minutes_later, records, terminal};

fn false_date(text: &str) -> VirtualRecord {
    let time = RawTime::from_civil(text.parse().unwrap()).unwrap();
    VirtualRecord { user_id: "1002".into(), time, verify: 1, state: 0 }
}

#[tokio::test(start_paused = true)]
async fn records_behind_their_predecessors_and_behind_the_clock_are_doubtful() {
    let mut log = records(20);
    log.insert(10, false_date("2026-03-01T00:12:07"));
    log.push(false_date("2027-03-01T08:00:00"));
    let site = Site::quiet(terminal(|options| options.records = log)).start();
    let readings = site.arrive(22).await;
    let doubtful: Vec<_> = readings.iter().enumerate().filter(|(_, r)| r.doubt.is_some()).map(|(n, _)| n).collect();
    assert_eq!(doubtful, [10, 21]);
    assert!(matches!(readings[21].doubt, Some(Doubt::AfterClock { .. })));
}

#[tokio::test(start_paused = true)]
async fn old_records_still_are_the_neighbours_of_new_ones_after_a_restart() {
    let mut site = Site::quiet(terminal(|options| options.records = records(20))).start();
    site.arrive(20).await;
    site.works().await;
    site.stop().await;
    site.terminal.record(false_date("2026-09-01T08:00:00"));
    site.go_on();
    let readings = site.arrive(21).await;
    assert!(matches!(readings[20].doubt, Some(Doubt::Behind { than }) if than == minutes_later(19)));
}

#[tokio::test(start_paused = true)]
async fn a_live_punch_is_placed_behind_the_last_one_and_before_the_clock() {
    let site = Site::quiet(terminal(|options| options.records = records(20))).start();
    site.arrive(20).await;
    site.works().await;
    site.terminal.punch("1001", minutes_later(-60 * 24 * 200), 1, 0);
    let behind = site.arrive(21).await.pop().unwrap();
    assert!(matches!(behind.doubt, Some(Doubt::Behind { .. })) && behind.origin == Origin::Live, "{:?}", behind.doubt);
    site.terminal.punch("1001", "2027-03-01T08:00:00".parse().unwrap(), 1, 0);
    let ahead = site.arrive(22).await.pop().unwrap();
    assert!(matches!(ahead.doubt, Some(Doubt::AfterClock { .. })), "{:?}", ahead.doubt);
    site.terminal.punch_now("1001");
    assert_eq!(site.arrive(23).await.pop().unwrap().doubt, None);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_put_right_between_two_polls_makes_no_live_punch_doubtful() {
    let site = Site::quiet(terminal(|options| (options.records, options.clock_off) = (records(5), -1200))).start();
    site.arrive(5).await;
    site.works().await;
    sleep(Duration::from_secs(5)).await;
    site.terminal.set_clock_off(0);
    site.terminal.punch_now("1003");
    let reading = site.arrive(6).await.pop().unwrap();
    assert!(matches!(reading.happened, Happened::ByTerminal(_)) && reading.doubt.is_none(), "{:?}", reading.doubt);
}
