//! Limits: what WeCom says about too many calls is obeyed.

use punchd_sim::standin::{Call, Disturbance, Errcode};

use crate::site::{Site, punches};

#[tokio::test]
async fn too_many_calls_are_waited_out_and_nothing_is_sent_twice() {
    let mut site = Site::new().await;
    let all = punches(site.now_s(), 300, 1);
    site.standin.disturb(Disturbance::errcode(Errcode::TOO_MANY_CALLS).on(Call::AddCheckinRecord).times(1));
    site.punch(all.clone()).await;
    site.start();
    site.until("limited", |_| !site.standin.calls().refused.is_empty()).await;
    // What was refused waits again; nothing of it is in doubt, because WeCom says that it did nothing.
    site.until("waits", |states| states.get(&0) == Some(&300)).await;
    // The client holds off for a minute, longer than anything else here is waited for.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(90), site.standin.until_held(300)).await;
    site.until_settled("limited").await;
    site.arrived_once("limited", &all);
    assert_eq!(site.standin.calls().add_checkin_record, 3);
}
