//! Deliveries as people see them, and what they decide about those that are stuck.

use unicode_width::UnicodeWidthStr;

use crate::common::{House, at, reading};
use crate::site::{Site, WITH_GATE};

/// Six deliveries: the first parked as refused, the second parked as it may have arrived, the third in doubt, the fourth confirmed.
async fn site() -> Site {
    let house = House::new().await;
    house.submit((0..6).map(|n| reading("1001", at(n * 10), n as u32 + 1))).await;
    house
        .sql(
            r#"UPDATE delivery SET state = 5, attempts = 3, code = 301021, reason = '{"refused":{}}' WHERE delivery = 1;
               UPDATE delivery SET state = 5, attempts = 1 WHERE delivery = 2;
               UPDATE delivery SET state = 2, attempts = 1 WHERE delivery = 3;
               UPDATE delivery SET state = 4, attempts = 1 WHERE delivery = 4;"#,
        )
        .await;
    Site::in_folder(house.close().await, WITH_GATE)
}

fn ids(site: &Site, arguments: &[&str]) -> Vec<i64> {
    let all = [&["deliveries", "--json"], arguments].concat();
    let listed = site.punchd(&all).exits(0).json()["deliveries"].clone();
    listed.as_array().unwrap().iter().map(|row| row["delivery"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn what_needs_a_look_comes_first_and_the_rest_can_be_asked_for() {
    let site = site().await;
    assert_eq!(ids(&site, &[]), [1, 2, 3]);
    assert_eq!(ids(&site, &["--state", "waiting"]), [5, 6]);
    assert_eq!(ids(&site, &["--state", "confirmed"]), [4]);
    assert_eq!(ids(&site, &["--person", "zhangsan"]), [5, 6, 3, 4, 1, 2]);
    assert_eq!(ids(&site, &["--person", "zhangsan", "--limit", "2"]), [5, 6]);
    site.punchd(&["deliveries", "--person", "nobody"]).exits(64).says("nobody is called");
    site.punchd(&["deliveries", "--destination", "hub"]).exits(64).says("there are: wecom");
    let summary = site.punchd(&["deliveries", "--json"]).json()["destinations"]["wecom"].clone();
    assert_eq!((&summary["waiting"], &summary["in_doubt"], &summary["parked"]), (&2.into(), &1.into(), &2.into()));
    let answer =
        site.punchd(&["deliveries"]).exits(0).says("zhangsan先生 zhangsan").says("parked").says("2026-10-02 08:00:00");
    assert!(
        answer.out.lines().take_while(|line| !line.contains(": ")).all(|line| line.width() <= 80),
        "{}",
        answer.out
    );
}

#[tokio::test]
async fn what_was_refused_is_sent_again_and_what_may_have_arrived_is_read_back_first() {
    let site = site().await;
    site.punchd(&["deliveries", "retry", "4"]).exits(1).says("1 were left as they are");
    let decided = site.punchd(&["deliveries", "retry", "--all", "--destination", "wecom", "--json"]).exits(0).json();
    assert_eq!((&decided["changed"], &decided["left"]), (&2.into(), &0.into()));
    assert_eq!(ids(&site, &["--state", "parked"]), [0; 0]);
    assert_eq!(ids(&site, &["--state", "in-doubt"]), [2, 3]);
    assert_eq!(ids(&site, &["--state", "waiting"]), [1, 5, 6]);
    site.punchd(&["deliveries", "retry", "--all", "--destination", "hub"]).exits(1).says("no destination");
    site.punchd(&["deliveries", "retry"]).exits(64);
}

#[tokio::test]
async fn a_dropped_delivery_stays_with_its_reason() {
    let site = site().await;
    site.punchd(&["deliveries", "drop", "1", "5"]).exits(64).says("--reason");
    site.punchd(&["deliveries", "drop", "1", "5", "--reason", " "]).exits(64).says("say why");
    site.punchd(&["deliveries", "drop", "1", "5", "3", "--reason", "a test card", "--by", "Wang"])
        .exits(0)
        .says("2 deliveries: dropped")
        .says("1 were left as they are");
    assert_eq!(ids(&site, &["--state", "dropped"]), [1, 5]);
    site.punchd(&["deliveries", "--state", "dropped"]).exits(0).says("a test card").says("Wang");
}
