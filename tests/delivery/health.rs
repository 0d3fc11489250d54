//! Law 7: a destination that does not deliver is a fault, with a sentence that says what to do.

use std::time::Duration;

use punchd::health::Subject;
use punchd_contract::{Condition, Health};
use punchd_sim::standin::Reach;

use crate::site::{Site, punches};

fn said(site: &Site) -> Option<Health> {
    site.board.states().get(&Subject::Destination("wecom".into())).map(|state| state.health.clone())
}

async fn until(site: &Site, what: &str, satisfied: impl Fn(&Health) -> bool) -> Health {
    for _ in 0..1000 {
        if let Some(health) = said(site).filter(|health| satisfied(health)) {
            return health;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    panic!("{what}: {:?}", said(site));
}

#[tokio::test]
async fn law_7_a_silent_destination_is_a_fault_with_a_sentence_and_recovers() {
    let mut site = Site::new().await;
    let all = punches(site.now_s(), 5, 1);
    site.punch(all[..1].to_vec()).await;
    site.start();
    until(&site, "well", |health| health.condition == Condition::Working && health.text.en.contains("Every punch"))
        .await;
    site.standin.behaviour(|behaviour| behaviour.delay_answer = Duration::from_secs(20));
    site.punch(all[1..].to_vec()).await;
    let silent = until(&site, "silent", |health| health.condition == Condition::Fault).await;
    assert!(silent.text.en.contains("connection") && silent.text.zh.contains("企业微信"), "{silent:?}");
    assert!(silent.text.en.contains("on the way"), "{silent:?}");
    site.standin.behaviour(|behaviour| behaviour.delay_answer = Duration::ZERO);
    until(&site, "recovered", |health| {
        health.condition == Condition::Working && health.text.en.contains("Every punch")
    })
    .await;
    site.arrived_once("silent", &all);
}

#[tokio::test]
async fn a_wrong_setting_stops_the_destination_with_one_alarm_and_slow_probing() {
    let mut site = Site::new().await;
    let all = punches(site.now_s(), 300, 1);
    site.standin.behaviour(|behaviour| behaviour.callable = false);
    site.punch(all.clone()).await;
    site.start();
    let stopped = until(&site, "stopped", |health| health.condition == Condition::Fault).await;
    assert!(stopped.text.en.contains("可调用接口的应用"), "{stopped:?}");
    // Several probes later there is still one alarm, and the probes are single records.
    site.until("probed", |_| site.standin.calls().add_checkin_record >= 4).await;
    let alarms: i64 =
        site.journal.read(|sql| Ok(sql.query_row("SELECT count(*) FROM alert", [], |row| row.get(0))?)).await.unwrap();
    assert_eq!(alarms, 1);
    assert_eq!(site.states().await.get(&2), None, "a wrong setting leaves nothing in doubt");
    site.standin.behaviour(|behaviour| behaviour.callable = true);
    site.until_settled("cured").await;
    site.arrived_once("cured", &all);
    until(&site, "cured", |health| health.condition == Condition::Working).await;
}

#[tokio::test]
async fn an_unreachable_server_costs_no_doubt() {
    let mut site = Site::new().await;
    let all = punches(site.now_s(), 300, 1);
    site.standin.behaviour(|behaviour| behaviour.reach = Reach::Refuses(Some(Duration::from_secs(2))));
    site.punch(all.clone()).await;
    site.start();
    let said = until(&site, "unreachable", |health| health.condition > Condition::Starting).await;
    assert!(said.text.en.contains("not reachable"), "{said:?}");
    assert_eq!(site.states().await.get(&2), None);
    site.until_settled("back").await;
    site.arrived_once("back", &all);
}
