//! Persons whom no punch rule covers: WeCom takes their punches and shows nothing.

use std::time::Duration;

use punchd::delivery::{Filter, list};
use punchd::health::Subject;
use punchd_sim::standin::{Disturbance, Duplicates};

use crate::site::{Punch, Site};

async fn site_with_an_uncovered_person() -> (Site, Vec<Punch>) {
    let mut site = Site::new().await;
    site.standin.behaviour(|behaviour| behaviour.duplicates = Duplicates::Keep);
    site.standin.cover("invisible", false);
    let now_s = site.now_s();
    let punches: Vec<Punch> = vec![("invisible".into(), now_s - 600), ("visible".into(), now_s - 500)];
    site.punch(punches.clone()).await;
    (site, punches)
}

#[tokio::test]
async fn an_accepted_punch_that_is_not_to_be_seen_is_shown_with_the_reason_and_never_sent_again() {
    let (mut site, punches) = site_with_an_uncovered_person().await;
    site.start();
    site.until("one is confirmed, one is not", |states| (states.get(&3), states.get(&4)) == (Some(&1), Some(&1))).await;
    let invisible = Filter { invisible: true, limit: 10, ..Filter::default() };
    let mut listed = Vec::new();
    for _ in 0..200 {
        let filter = invisible.clone();
        listed = site.journal.read(move |sql| list(sql, &filter)).await.unwrap();
        if !listed.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(listed.iter().map(|one| one.userid.as_str()).collect::<Vec<_>>(), ["invisible"]);
    assert!(listed[0].text.as_ref().unwrap().en.contains("rule"));
    site.arrived_once("uncovered", &punches);
    let board = &site.board;
    for _ in 0..200 {
        let said = board.states()[&Subject::Destination("wecom".into())].health.text.en.clone();
        if said.contains("not visible") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", board.states());
}

#[tokio::test]
async fn a_doubtful_punch_of_somebody_invisible_waits_for_a_rule_and_arrives_once() {
    for stored in [true, false] {
        let (mut site, mut punches) = site_with_an_uncovered_person().await;
        let cut = if stored { Disturbance::store_then_cut() } else { Disturbance::cut_before_store() };
        site.standin.disturb(cut.times(1));
        site.start();
        site.until("parked", |states| (states.get(&5), states.get(&4)) == (Some(&1), Some(&1))).await;
        assert_eq!(site.parked().await, ["invisible"]);
        // A rule is made; the next punch shows it, and the parked one is looked for again by itself.
        site.standin.cover("invisible", true);
        let next: Punch = ("invisible".into(), site.now_s() - 5);
        site.punch(vec![next.clone()]).await;
        site.until("all are confirmed", |states| states.get(&4) == Some(&3)).await;
        punches.push(next);
        site.arrived_once(if stored { "stored" } else { "lost" }, &punches);
    }
}

#[tokio::test]
async fn where_wecom_lists_nothing_owed_a_first_batch_that_was_lost_is_sent_again() {
    let mut site = Site::new().await;
    site.standin.behaviour(|behaviour| behaviour.missing_rows = false);
    site.standin.disturb(Disturbance::cut_before_store().times(1));
    let punches = crate::site::punches(site.now_s(), 50, 1);
    site.punch(punches.clone()).await;
    site.start();
    site.until_settled("nothing owed").await;
    site.arrived_once("nothing owed", &punches);
}

#[tokio::test]
async fn a_night_shift_is_found_on_its_rule_day() {
    let mut site = Site::new().await;
    site.standin.behaviour(|behaviour| {
        behaviour.night_shift = std::collections::BTreeSet::from(["night".to_owned()]);
        behaviour.duplicates = Duplicates::Keep;
    });
    // 01:30 in Beijing of the last day that lies wholly in the past.
    let midnight = (site.now_s() + 8 * 3600).div_euclid(86_400) * 86_400 - 8 * 3600;
    let punches: Vec<Punch> =
        vec![("night".into(), midnight - 86_400 + 5400), ("day".into(), midnight - 86_400 + 5400)];
    site.standin.disturb(Disturbance::store_then_cut().times(1));
    site.punch(punches.clone()).await;
    site.start();
    site.until("both are confirmed", |states| states.get(&4) == Some(&2)).await;
    site.arrived_once("night shift", &punches);
}
