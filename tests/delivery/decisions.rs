//! What people decide about deliveries: retry, drop, and what they are shown for it.

use punchd::clock::Clock;
use punchd::delivery::{Chosen, Decided, Filter, Listed, Retry, State, drop, list, retry, summary};
use punchd::journal::JournalError;
use punchd_sim::standin::{Disturbance, Duplicates};

use crate::site::{Punch, Site, WECOM};

async fn parked(site: &Site) -> Vec<Listed> {
    let filter = Filter { state: Some(State::Parked), destination: Some(WECOM), limit: 100, ..Filter::default() };
    site.journal.read(move |sql| list(sql, &filter)).await.unwrap()
}

async fn with_a_stranger() -> (Site, Vec<Punch>) {
    let mut site = Site::of_members(vec!["zhangsan".into()]).await;
    let now_s = site.now_s();
    let punches: Vec<Punch> = vec![("zhangsan".into(), now_s - 600), ("lisi".into(), now_s - 500)];
    site.punch(punches.clone()).await;
    site.start();
    site.until("the stranger is parked", |states| (states.get(&4), states.get(&5)) == (Some(&1), Some(&1))).await;
    (site, punches)
}

#[tokio::test]
async fn a_parked_punch_says_why_and_arrives_after_a_retry() {
    let (site, punches) = with_a_stranger().await;
    let listed = parked(&site).await;
    assert_eq!(
        (listed[0].userid.as_str(), listed[0].code, listed[0].destination.as_str()),
        ("lisi", Some(60111), "wecom")
    );
    assert!(listed[0].text.as_ref().unwrap().en.contains("people list"));
    site.standin.add_user("lisi");
    let now = site.clock.stamp().wall;
    let decided = site
        .journal
        .write(move |write| retry(write, &Chosen::AllParked(WECOM), Retry::Carefully, "ops", now))
        .await
        .unwrap();
    assert_eq!(decided, Decided { changed: 1, left: 0 });
    site.delivery.as_ref().unwrap().wake();
    site.until_settled("retried").await;
    site.arrived_once("retried", &punches);
}

#[tokio::test]
async fn a_dropped_punch_keeps_its_reason_and_is_not_sent() {
    let (site, _) = with_a_stranger().await;
    let delivery = parked(&site).await[0].delivery;
    let now = site.clock.stamp().wall;
    let these = Chosen::These(vec![delivery]);
    let wordless = {
        let these = these.clone();
        site.journal.write(move |write| drop(write, &these, "  ", "ops", now)).await
    };
    assert!(matches!(wordless, Err(JournalError::Refused(_))));
    let decided = site.journal.write(move |write| drop(write, &these, "left the company", "ops", now)).await.unwrap();
    assert_eq!(decided, Decided { changed: 1, left: 0 });
    let filter = Filter { state: Some(State::Dropped), limit: 10, ..Filter::default() };
    let listed = site.journal.read(move |sql| list(sql, &filter)).await.unwrap();
    assert!(listed[0].text.as_ref().unwrap().en.contains("ops: left the company"), "{listed:?}");
    // What is finished cannot be decided about any more.
    let again = Chosen::These(vec![delivery]);
    let left = site.journal.write(move |write| retry(write, &again, Retry::Carefully, "ops", now)).await.unwrap();
    assert_eq!(left, Decided { changed: 0, left: 1 });
    assert_eq!(site.standin.arrived("lisi", listed[0].time_s), 0);
}

#[tokio::test]
async fn what_may_have_arrived_is_read_back_before_a_retry_sends_it() {
    let mut site = Site::new().await;
    site.standin.behaviour(|behaviour| behaviour.duplicates = Duplicates::Keep);
    site.standin.cover("lisi", false);
    let now_s = site.now_s();
    let punches: Vec<Punch> = vec![("zhangsan".into(), now_s - 600), ("lisi".into(), now_s - 500)];
    site.standin.disturb(Disturbance::store_then_cut().times(1));
    site.punch(punches.clone()).await;
    site.start();
    site.until("parked", |states| states.get(&5) == Some(&1)).await;
    site.standin.cover("lisi", true);
    let now = site.clock.stamp().wall;
    site.journal
        .write(move |write| retry(write, &Chosen::AllParked(WECOM), Retry::Carefully, "ops", now))
        .await
        .unwrap();
    site.delivery.as_ref().unwrap().wake();
    site.until("both are confirmed", |states| states.get(&4) == Some(&2)).await;
    site.arrived_once("read back", &punches);
}

#[tokio::test]
async fn counts_and_pages_show_what_there_is() {
    let mut site = Site::new().await;
    let now_s = site.now_s();
    site.punch(crate::site::punches(now_s, 25, 1)).await;
    let counted = site.journal.read(|sql| summary(sql, WECOM)).await.unwrap();
    assert_eq!((counted.waiting, counted.in_doubt, counted.parked), (25, 0, 0));
    assert_eq!(counted.oldest_waiting_s, Some(now_s - 7200));
    assert!(counted.oldest_since_ms.unwrap() >= now_s * 1000, "an old punch that came just now is young");
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let filter = Filter { state: Some(State::Waiting), after, limit: 10, ..Filter::default() };
        let page = site.journal.read(move |sql| list(sql, &filter)).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.delivery);
        seen.extend(page.iter().map(|one| one.delivery.0));
    }
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
}
