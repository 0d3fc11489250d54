//! Boots without time: what is held, what dates it, and what stays held.

use std::time::Duration;

use punchd::clock::{Anchor, AnchorSource, BootId, Clock, Known, UnixMillis};
use punchd_contract::{Condition, Verdict};

use crate::site::{EVENING, FIRST_BOOT, Site};

const HELD: &str = "SELECT count(*) FROM verdict WHERE outcome = 3";

#[tokio::test]
async fn taps_of_a_boot_in_1970_are_held_and_delivered_with_the_true_second_when_the_time_is_there() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    site.says(Condition::Warning, "does not know the time yet").await;
    let status = site.status().await;
    assert_eq!((status.clock_bound_ms, status.clock.known), (None, Known::Nothing));
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.passes(600);
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    assert_eq!(site.standin.held_count(), 0);
    site.passes(5);
    site.is_synchronised();
    assert_eq!(site.delivered(2).await, [EVENING, EVENING + 600]);
    site.says(Condition::Working, "Synchronised").await;
    assert_eq!(site.ask::<i64>("SELECT wall_ms FROM reading WHERE seq = 1").await, 1_000, "as the wall clock showed");
    assert_eq!(site.ask::<String>("SELECT DISTINCT basis FROM verdict").await, "anchor");
}

#[tokio::test]
async fn what_the_boot_knew_is_known_again_after_a_restart_of_the_agent_in_it() {
    let mut site = Site::new().await;
    site.start().await;
    site.until("SELECT count(*) FROM anchor WHERE source = 'system'", 1).await;
    site.stop().await;
    site.clock.synchronised(None);
    site.passes(3600);
    // The process is a new one: it knows what the journal knows. Meanwhile somebody has set the clock.
    let [boottime, wall] = [site.clock.stamp().boottime.0, (EVENING + 90) * 1000];
    site.clock.reboot(FIRST_BOOT, UnixMillis(wall));
    site.clock.advance(Duration::from_nanos(boottime as u64 - 1_000_000_000));
    site.clock.step(UnixMillis(wall));
    assert_eq!(site.clock.now().by, Known::Nothing);
    site.start().await;
    assert!(matches!(site.tap().await, Verdict::Punch { .. }));
    assert_eq!(site.delivered(1).await, [EVENING + 3600]);
}

#[tokio::test]
async fn nine_hours_and_three_days_without_a_time_server_are_no_reason_to_hold_anything() {
    let mut site = Site::new().await;
    site.start().await;
    site.clock.synchronised(None);
    for hours in [9, 63] {
        site.passes(hours * 3600);
        assert!(matches!(site.tap().await, Verdict::Punch { .. }), "{hours}");
    }
    assert_eq!(site.delivered(2).await, [EVENING + 9 * 3600, EVENING + 72 * 3600]);
    // Two weeks are: the crystal may be off by more than is trusted.
    site.passes(14 * 86_400);
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.is_synchronised();
    assert_eq!(site.delivered(3).await[2], EVENING + 72 * 3600 + 14 * 86_400);
}

#[tokio::test]
async fn an_anchor_that_is_too_wide_dates_nothing_until_a_better_one_comes() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    let stamp = site.clock.stamp();
    let anchor = |bound_s| Anchor {
        boot: BootId("b".into()),
        boottime: stamp.boottime,
        true_time: UnixMillis(EVENING * 1000),
        bound: Duration::from_secs(bound_s),
        source: AnchorSource::Terminal,
    };
    site.clock.learn(&anchor(40));
    site.until("SELECT count(*) FROM anchor", 1).await;
    site.says(Condition::Warning, "40 s only").await;
    assert_eq!(site.ask::<i64>(HELD).await, 1);
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.clock.learn(&anchor(3));
    // Two taps within five minutes are one punch.
    site.until(HELD, 0).await;
    assert_eq!(site.delivered(1).await, [EVENING]);
    site.clock.learn(&anchor(29));
    site.says(Condition::Warning, "wrong by").await;
    assert_eq!(site.ask::<i64>("SELECT count(*) FROM anchor").await, 2, "nothing worse replaces it");
}

#[tokio::test]
async fn an_anchor_of_the_next_boot_dates_nothing_of_this_one() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.stop().await;
    site.passes(3600);
    site.boots_in_1970("c");
    site.start().await;
    site.is_synchronised();
    site.says(Condition::Working, "Synchronised").await;
    assert!(matches!(site.tap().await, Verdict::Punch { .. }));
    assert_eq!(site.delivered(1).await, [EVENING + 3600]);
    assert_eq!(site.ask::<i64>(HELD).await, 1);
}
