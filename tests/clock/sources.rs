//! Where the time comes from, besides a time server: terminals that were checked, and WeCom.

use std::sync::atomic::Ordering;

use punchd::clock::{AnchorSource, Clock, Hint, Known, UnixMillis};
use punchd_contract::{Condition, Verdict};

use crate::front;
use crate::site::{EVENING, Site};

const HELD: &str = "SELECT count(*) FROM verdict WHERE outcome = 3";

/// Two contacts with a known offset, two hours apart.
async fn checked(site: &mut Site, first_s: i64, second_s: i64) {
    site.start().await;
    site.meets("SN1", first_s, 1).await;
    site.passes(7200);
    site.meets("SN1", second_s, 2).await;
    site.stop().await;
    site.passes(3600);
    site.boots_in_1970("b");
    site.start().await;
}

#[tokio::test]
async fn a_terminal_that_was_checked_before_tells_a_gateway_without_time_what_time_it_is() {
    let mut site = Site::new().await;
    checked(&mut site, 95, 96).await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.passes(50);
    site.meets("SN1", 96, 3).await;
    assert_eq!(site.delivered(1).await, [EVENING + 7200 + 3600]);
    site.says(Condition::Warning, "Known from a terminal whose clock had been checked, to within").await;
    assert_eq!(site.status().await.clock.known, Known::By(AnchorSource::Terminal));
    // The time server's word is better and takes its place.
    site.is_synchronised();
    site.says(Condition::Working, "Synchronised").await;
}

#[tokio::test]
async fn a_terminal_that_was_set_meanwhile_or_is_another_one_tells_nothing() {
    let mut site = Site::new().await;
    checked(&mut site, 95, 300).await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.meets("SN1", 300, 3).await;
    assert_eq!(site.status().await.clock.known, Known::Nothing);
    let mut site = Site::new().await;
    checked(&mut site, 95, 95).await;
    site.meets("SN2", 95, 3).await;
    assert_eq!(site.status().await.clock.known, Known::Nothing);
    // What it shows is kept all the same, but no offset is made of it.
    assert_eq!(
        site.ask::<i64>("SELECT count(*) FROM contact WHERE shown_ms IS NOT NULL AND clock_offset_ms IS NULL").await,
        1
    );
    site.meets("SN1", 95, 4).await;
    assert_eq!(site.status().await.clock.known, Known::By(AnchorSource::Terminal));
}

#[tokio::test]
async fn a_terminal_s_offset_is_measured_against_the_time_as_it_is_known_and_not_as_the_wall_clock_shows() {
    let mut site = Site::new().await;
    site.start().await;
    site.clock.set_by_hand(UnixMillis(0));
    site.meets("SN1", 40, 1).await;
    assert_eq!(site.ask::<i64>("SELECT clock_offset_ms FROM contact").await, 40_000);
}

#[tokio::test]
async fn a_gateway_of_1970_asks_for_the_time_first_and_then_learns_it_from_wecom_and_delivers() {
    let mut asked = None;
    let mut site = Site::with(|standin| {
        let hands = punchd_sim::clock::SetByHand::at(jiff::Timestamp::from_second(EVENING).unwrap());
        let tls = front::tls(standin.address(), hands.clone());
        let (host, count) = front::time_host(hands);
        asked = Some(count);
        let ca = front::fixture("young-ca.pem");
        (format!("https://{tls}"), format!("ca_file = \"{}\"\n[clock]\ntime_hosts = [\"{host}\"]\n", ca.display()))
    })
    .await;
    site.boots_in_1970("b");
    let before = site.clock.stamp();
    site.start().await;
    site.says(Condition::Warning, "Known from WeCom's answers, to within").await;
    assert_eq!(asked.unwrap().load(Ordering::SeqCst), 1, "the time was asked for once");
    site.until("SELECT count(*) FROM anchor WHERE source = 'wecom'", 1).await;
    let bound: i64 = site.ask("SELECT bound_ms FROM anchor").await;
    assert!(bound >= 1000, "{bound}");
    let Verdict::Punch { time, .. } = site.tap().await else { panic!("the time is known") };
    // The date is cut to the second.
    assert_eq!(time.as_second(), EVENING);
    assert_eq!(site.delivered(1).await, [EVENING]);
    assert_eq!(site.ask::<i64>("SELECT wall_ms FROM reading").await, before.wall.0);
    assert_eq!(site.ask::<i64>(HELD).await, 0);
}

#[tokio::test]
async fn without_anybody_who_tells_the_time_certificates_are_not_believed_and_taps_wait() {
    let mut site = Site::with(|standin| {
        let hands = punchd_sim::clock::SetByHand::at(jiff::Timestamp::from_second(EVENING).unwrap());
        let tls = front::tls(standin.address(), hands);
        let ca = front::fixture("young-ca.pem");
        (format!("https://{tls}"), format!("ca_file = \"{}\"\n", ca.display()))
    })
    .await;
    site.boots_in_1970("b");
    site.start().await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.says(Condition::Warning, "does not know the time yet").await;
    // The time server comes at last.
    site.is_synchronised();
    assert_eq!(site.delivered(1).await, [EVENING]);
}

#[tokio::test]
async fn a_time_that_nobody_vouches_for_dates_nothing() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    let time = UnixMillis(EVENING * 1000);
    site.clock.hint(Hint { boottime: site.clock.stamp().boottime, time, from: "time.example".into() });
    site.says(Condition::Warning, "certificates are judged by the time that time.example says").await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    let status = site.status().await;
    assert_eq!((status.clock.known, status.clock_bound_ms), (Known::Nothing, None));
    assert_eq!(status.clock.hint.unwrap().from, "time.example");
    assert_eq!((site.ask::<i64>("SELECT count(*) FROM anchor").await, site.ask::<i64>(HELD).await), (0, 2));
}

#[tokio::test]
async fn a_date_over_plain_http_dates_nothing_even_from_this_machine() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    assert_eq!(site.ask::<i64>("SELECT count(*) FROM anchor").await, 0);
    assert_eq!(site.status().await.clock.known, Known::Nothing);
}
