//! A body that does not read as a log: nothing of it is delivered, its bytes are kept, and it is tried again.

use std::time::Duration;

use punchd_contract::{AlertKind, Condition, Credential};
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::virtual_device::VirtualRecord;
use tokio::time::sleep;

use super::{Site, minutes_later, records, terminal};

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_log_is_kept_once_a_day_and_named_with_the_model() {
    let body: Vec<u8> = (0..30u32).flat_map(|n| (n * 7919).to_le_bytes()).collect();
    let mut site = Site::quiet(terminal(|options| {
        options.odd.log_body = Some(body.clone());
        options.odd.count_stands_at = Some(15);
    }))
    .start();
    let words = ["Virtual-40", "120 bytes", "15 records counted of 8 bytes", "8, 40", "tried again", "原始数据已保留"];
    site.says(Condition::Fault, &words).await;
    sleep(Duration::from_secs(3600)).await;
    let kept = site.bench.uploads();
    assert_eq!(kept.iter().map(|kept| (&kept.body, kept.understood)).collect::<Vec<_>>(), [(&body, false)]);
    let told: Vec<_> = site.bench.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(told, [AlertKind::NotUnderstood]);
    assert!(site.bench.readings().is_empty());
    site.stop().await;
    site.go_on();
    sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(site.bench.uploads().len(), 2, "the next day, and not at every start");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_odd_among_good_ones_is_kept_and_nobodys() {
    let mut log = records(12);
    let odd = |user_id: &str| VirtualRecord {
        user_id: user_id.into(),
        time: RawTime::from_civil(minutes_later(5)).unwrap(),
        verify: 1,
        state: 0,
    };
    log.insert(5, odd("\u{7}\u{1}"));
    log.insert(6, odd(""));
    let site = Site::quiet(terminal(|options| options.records = log)).start();
    let readings = site.arrive(14).await;
    let unreadable: Vec<_> =
        readings.iter().enumerate().filter(|(_, r)| r.credential == Credential::Unreadable).map(|(n, _)| n).collect();
    assert_eq!(unreadable, [5, 6]);
    assert!(readings.iter().all(|reading| reading.raw.len() == 40));
}
