//! Steps of the system clock, by whoever, in both directions.

use std::time::Duration;

use punchd::clock::{Clock, Quality, UnixMillis};
use punchd_contract::{Condition, Verdict};

use crate::site::{EVENING, FIRST_BOOT, Site};

const STEPS: &str = "SELECT count(*) FROM clock_step";
const LAST_STEP: &str = "SELECT after_ms - before_ms FROM clock_step ORDER BY step DESC LIMIT 1";

#[tokio::test]
async fn a_step_by_hand_is_written_down_and_shown_at_once_and_taps_keep_their_true_second() {
    for by_s in [3 * 3600, -3 * 3600, -EVENING] {
        let mut site = Site::new().await;
        site.start().await;
        site.until("SELECT count(*) FROM anchor", 1).await;
        site.passes(10);
        site.clock.set_by_hand(UnixMillis((EVENING + 10 + by_s) * 1000));
        site.at_once(STEPS, 1).await;
        assert_eq!(site.ask::<i64>(LAST_STEP).await, by_s * 1000);
        assert!(site.ask::<i64>("SELECT clock_bound_ms FROM clock_step").await >= by_s.abs() * 1000);
        site.says(Condition::Warning, "The system clock itself is wrong").await;
        let step = site.status().await.clock.last_step.unwrap();
        assert_eq!((step.by_ms, step.ago_ms), (by_s * 1000, Some(0)));
        site.passes(20);
        assert!(matches!(site.tap().await, Verdict::Punch { .. }), "{by_s}");
        assert_eq!(site.delivered(1).await, [EVENING + 30], "{by_s}");
        assert_eq!(site.now_ms(), (EVENING + 30) * 1000);
    }
}

#[tokio::test]
async fn a_step_by_the_time_server_is_believed() {
    for by_s in [7200, -7200] {
        let mut site = Site::new().await;
        site.start().await;
        site.until("SELECT count(*) FROM anchor", 1).await;
        site.clock.step(UnixMillis((EVENING + by_s) * 1000));
        site.at_once(STEPS, 1).await;
        site.until("SELECT count(*) FROM anchor", 2).await;
        site.says(Condition::Working, "Synchronised").await;
        let Verdict::Punch { time, .. } = site.tap().await else { panic!("a synchronised clock is believed") };
        assert_eq!(time.as_second(), EVENING + by_s);
    }
}

#[tokio::test]
async fn a_clock_that_never_knew_the_time_knows_it_no_better_when_somebody_sets_it() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    for wall in [EVENING, EVENING - 86_400] {
        let before: i64 = site.ask(STEPS).await;
        site.clock.set_by_hand(UnixMillis(wall * 1000));
        site.at_once(STEPS, before + 1).await;
        assert!(matches!(site.tap().await, Verdict::Held { .. }));
    }
    site.says(Condition::Warning, "does not know the time yet").await;
}

#[tokio::test]
async fn a_kept_clock_that_is_set_by_hand_is_not_trusted_before_something_confirms_it() {
    for by_s in [300, -300] {
        let mut site = Site::new().await;
        site.clock.quality(Quality::Kept, None);
        site.start().await;
        site.says(Condition::Working, "Kept by the machine's own clock").await;
        site.until("SELECT count(*) FROM anchor WHERE source = 'kept'", 1).await;
        site.clock.set_by_hand(UnixMillis((EVENING + by_s) * 1000));
        site.says(Condition::Warning, "set by hand").await;
        assert!(matches!(site.tap().await, Verdict::Held { .. }));
        // Also not by starting the agent again.
        site.stop().await;
        let (boottime, wall) = (site.clock.stamp().boottime.0, site.clock.stamp().wall);
        site.clock.reboot(FIRST_BOOT, wall);
        site.clock.advance(Duration::from_nanos(boottime as u64 - 1_000_000_000));
        site.clock.set_by_hand(wall);
        site.start().await;
        assert!(matches!(site.tap().await, Verdict::Held { .. }));
        site.is_synchronised();
        assert_eq!(site.delivered(1).await, [EVENING]);
    }
}

#[tokio::test]
async fn what_a_time_server_does_in_its_daily_work_is_no_step() {
    let mut site = Site::new().await;
    site.start().await;
    site.until("SELECT count(*) FROM anchor", 1).await;
    site.clock.step(UnixMillis(EVENING * 1000 + 120));
    assert!(matches!(site.tap().await, Verdict::Punch { .. }));
    site.clock.step(UnixMillis(EVENING * 1000 + 60_000));
    site.at_once(STEPS, 1).await;
}

#[tokio::test]
async fn what_was_said_before_the_time_was_known_is_not_decades_old_afterwards() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    site.meets("SN1", 0, 1).await;
    site.says(Condition::Warning, "does not know").await;
    site.passes(60);
    site.is_synchronised();
    site.says(Condition::Working, "Synchronised").await;
    let status = site.status().await;
    let oldest = status.health.values().map(|state| status.now_ms - state.since_ms).max().unwrap();
    assert!((0..=70_000).contains(&oldest), "{oldest}");
    assert_eq!(status.now_ms - status.devices[0].last_contact_ms.unwrap(), 60_000);
}
