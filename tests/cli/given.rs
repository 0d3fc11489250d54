//! Punches that are given to another person after the fact: taken back while they can be, else listed for a correction.

use crate::common::{House, at, person, reading};
use crate::site::{Answer, Site, WITH_GATE};

/// Zhang's and Li's punches, after this was done to the deliveries.
async fn site(deliveries: &'static str) -> Site {
    let house = House::new().await;
    house.people(vec![person("zhangsan", &["1001"]), person("lisi", &["1002"])]).await;
    house.submit([reading("1001", at(0), 1), reading("1002", at(30), 1), reading("1003", at(60), 1)]).await;
    house.sql(deliveries).await;
    Site::in_folder(house.close().await, WITH_GATE)
}

fn give(site: &Site, seq: &str, more: &[&str]) -> Answer {
    site.punchd(&[&["punches", "decide", seq, "--reason", "the camera shows it", "--by", "Wang"], more].concat())
}

fn outcome(site: &Site, seq: i64) -> (String, String) {
    let rows = site.punchd(&["punches", "--json"]).exits(0).json();
    let row = rows.as_array().unwrap().iter().find(|row| row["seq"] == seq).unwrap().clone();
    (row["outcome"].as_str().unwrap().to_owned(), row["userid"].as_str().unwrap_or_default().to_owned())
}

fn corrections(site: &Site) -> Vec<(i64, String, String)> {
    let all = site.punchd(&["people", "corrections", "--json"]).exits(0).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let all = all.as_array().unwrap().iter();
    all.map(|one| (one["seq"].as_i64().unwrap(), text(&one["credited"]), text(&one["person"]))).collect()
}

#[tokio::test]
async fn what_was_delivered_for_one_and_is_another_s_is_listed_for_a_correction() {
    let site = site("UPDATE delivery SET state = 3 WHERE seq = 1").await;
    let answer = give(&site, "1", &["--person", "lisi"]).exits(0);
    answer.says("may have been delivered for somebody else").says("punchd people corrections");
    assert_eq!(corrections(&site), [(1, "zhangsan".into(), "lisi".into())]);
    assert_eq!(outcome(&site, 1), ("punch".into(), "zhangsan".into()), "what arrived is not rewritten");
    // Its time is another matter.
    let time = ["--person", "lisi", "--at", "2026-10-02T08:25:00"];
    give(&site, "1", &time).exits(1).says("was sent already").says("decide that alone");
    give(&site, "1", &["--at", "2026-10-02T08:25:00"]).exits(1).says("was sent already");
    // Given back to whom it was delivered for, nothing is to be corrected.
    give(&site, "1", &["--person", "zhangsan"]).exits(0);
    assert_eq!(corrections(&site), []);
}

#[tokio::test]
async fn what_has_not_left_the_house_goes_to_the_other_person() {
    for deliveries in ["", "UPDATE delivery SET state = 5, reason = '{\"refused\":{}}' WHERE seq = 1"] {
        let site = site(deliveries).await;
        give(&site, "1", &["--person", "lisi"]).exits(0).says("1 are settled");
        assert_eq!(outcome(&site, 1), ("punch".into(), "lisi".into()));
        assert_eq!(corrections(&site), []);
        let first = site.punchd(&["punches", "--json"]).json()[0].clone();
        assert_eq!(first["deliveries"][0]["state"], "waiting", "{first}");
    }
}

#[tokio::test]
async fn what_a_person_dropped_is_not_sent_for_somebody_else() {
    let site = site("UPDATE delivery SET state = 6 WHERE seq = 1").await;
    give(&site, "1", &["--person", "lisi"]).exits(1).says("its delivery was dropped");
    assert_eq!(corrections(&site), []);
}

#[tokio::test]
async fn refusals_of_decisions_are_said_in_chinese_too() {
    let site = site("").await;
    let chinese = |arguments: &[&str]| {
        let why = ["--reason", "看过录像", "--by", "王"];
        let all = [&["punches", "decide"], arguments, &why].concat();
        site.punchd_with(&[("LANG", "zh_CN.UTF-8")], None, &all)
    };
    chinese(&["1", "--refuse"]).exits(1).says("记录 1 并非待定");
    chinese(&["3", "--person", "nobody"]).exits(1).says("人员名单中没有 userid nobody");
    chinese(&["3", "--at", "2026-10-02T08:25:00", "--whole-boot"]).exits(1).says("不是本网关读卡器的记录");
    chinese(&["3", "--corrected"]).exits(1).says("没有测得其时钟偏差");
    chinese(&["1", "2", "--at", "2026-10-02T08:25:00"]).exits(64).says("同一秒");
    // And over the socket of a running agent.
    site.write("secret", "s3cr3t");
    let configuration = WITH_GATE.replace("{ env = \"NO_SUCH_SECRET\" }", "{ file = \"secret\" }");
    site.write("punchd.toml", &configuration.replace("\"ww1\"", "\"ww1\"\nbase_url = \"http://127.0.0.1:9\""));
    let _agent = site.run();
    chinese(&["1", "--refuse"]).exits(1).says("记录 1 并非待定");
    chinese(&["3", "--person", "nobody"]).exits(1).says("人员名单中没有 userid nobody");
}
