//! `getcheckindata` shows what is held the way WeCom does, quirks included (facts/wecom-api.md 3.1).

mod common;

use std::time::Duration;

use common::{Bench, MIDNIGHT, NOW, record, with};
use punchd_sim::standin::{Duplicates, UnknownRead};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn asked(kind: i64, from: i64, to: i64, users: Value) -> Value {
    json!({"opencheckindatatype": kind, "starttime": from, "endtime": to, "useridlist": users})
}

#[tokio::test]
async fn a_stored_record_comes_back_with_what_it_said_and_its_member_in_lower_case() {
    let bench = Bench::with(|options| options.media = vec!["m1".into()]).await;
    let time = MIDNIGHT + 9 * 3600 - 10;
    let sent = json!({
        "userid": "WangWei", "checkin_time": time, "location_title": "东门", "location_detail": "一号楼", "notes": "备注",
        "wifiname": "办公一区", "wifimac": "3c:46:d8:0c:7a:70", "mediaids": ["m1"], "lat": 30547645, "lng": 104063236,
        "device_type": 2, "device_detail": "ZKTeco"
    });
    bench.add(&[sent]).await;
    let rows = bench.read(&["WANGWEI"], time, time).await;
    assert_eq!(
        rows[0],
        json!({
            "userid": "wangwei", "groupname": "演练打卡规则", "groupid": 1, "checkin_type": "上班打卡", "exception_type": "",
            "checkin_time": time, "location_title": "东门", "location_detail": "一号楼", "wifiname": "办公一区", "notes": "备注",
            "wifimac": "3c:46:d8:0c:7a:70", "mediaids": ["m1"], "lat": 30547645, "lng": 104063236, "deviceid": "",
            "sch_checkin_time": MIDNIGHT + 9 * 3600, "schedule_id": 0, "timeline_id": 1
        })
    );
}

#[tokio::test]
async fn the_first_punch_of_a_day_is_in_and_every_later_one_out_late_or_early_being_an_exception() {
    let bench = Bench::new().await;
    bench.clock.advance(Duration::from_secs(10 * 3600));
    let at = |hour: i64, minute: i64| MIDNIGHT + hour * 3600 + minute * 60;
    bench.add(&[record("lina", at(18, 5)), record("lina", at(9, 1)), record("lina", at(12, 0))]).await;
    let rows = bench.read(&["lina"], NOW, NOW).await;
    let shown: Vec<_> = rows.iter().map(|r| (r["checkin_type"].as_str(), r["exception_type"].as_str())).collect();
    assert_eq!(
        shown,
        [(Some("上班打卡"), Some("时间异常")), (Some("下班打卡"), Some("时间异常")), (Some("下班打卡"), Some(""))]
    );
}

#[tokio::test]
async fn a_window_within_a_day_gives_the_whole_day() {
    let bench = Bench::new().await;
    bench.add(&[record("lina", MIDNIGHT), record("lina", MIDNIGHT - 1), record("lina", NOW)]).await;
    assert_eq!(bench.punches("lina", NOW - 7200, NOW - 7000).await, [MIDNIGHT, NOW]);
    assert_eq!(bench.punches("lina", NOW - DAY, NOW - DAY).await, [MIDNIGHT - 1]);
}

#[tokio::test]
async fn points_without_a_punch_have_a_row_at_the_scheduled_time_even_before_it_has_come() {
    let bench = Bench::new().await;
    bench.add(&[record("lina", MIDNIGHT + 8 * 3600)]).await;
    let rows = bench.read(&["lina"], NOW, NOW + DAY).await;
    let missing: Vec<_> = rows.iter().filter(|row| row["exception_type"] == "未打卡").collect();
    let at: Vec<_> = missing.iter().map(|row| row["checkin_time"].as_i64().unwrap() - MIDNIGHT).collect();
    assert_eq!(at, [18 * 3600, DAY + 9 * 3600, DAY + 18 * 3600]);
    assert_eq!(missing[0]["checkin_type"], "下班打卡");
    bench.standin.behaviour(|behaviour| behaviour.missing_rows = false);
    assert_eq!(bench.read(&["lina"], NOW, NOW + DAY).await.len(), 1);
}

#[tokio::test]
async fn what_a_night_shift_punches_after_midnight_belongs_to_the_day_before_and_is_lost_at_the_end_of_a_window() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.night_shift = ["Lina".to_owned()].into());
    let (evening, morning, next) = (MIDNIGHT - 4 * 3600, MIDNIGHT + 5 * 3600, MIDNIGHT + 9 * 3600);
    bench.add(&[record("lina", evening), record("lina", morning), record("lina", next)]).await;
    let yesterday = (MIDNIGHT - DAY, MIDNIGHT - 1);
    assert_eq!(bench.punches("lina", yesterday.0, yesterday.1).await, [evening], "the end of the shift is lost");
    assert_eq!(bench.punches("lina", MIDNIGHT, MIDNIGHT + DAY - 1).await, [next], "it is not the next day's either");
    assert_eq!(
        bench.punches("lina", yesterday.0, MIDNIGHT + DAY - 1).await,
        [evening, morning, next],
        "a margin brings it"
    );
    let rows = bench.read(&["lina"], yesterday.0, MIDNIGHT + DAY - 1).await;
    assert_eq!((&rows[1]["checkin_type"], &rows[1]["exception_type"]), (&json!("下班打卡"), &json!("")));
}

#[tokio::test]
async fn a_record_shows_only_after_the_delay_that_was_set() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.visible_after = Duration::from_secs(30));
    bench.add(&[record("lina", NOW)]).await;
    bench.clock.advance(Duration::from_secs(29));
    assert_eq!(bench.punches("lina", NOW, NOW).await, [0; 0]);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.punches("lina", NOW, NOW).await, [NOW]);
}

#[tokio::test]
async fn somebody_whom_no_rule_covers_is_never_shown() {
    let bench = Bench::new().await;
    bench.standin.cover("LiNa", false);
    assert_eq!(bench.add(&[record("lina", NOW)]).await.errcode(), 0);
    assert_eq!(bench.standin.held_count(), 1);
    assert_eq!(bench.read(&["lina"], NOW, NOW).await, [] as [Value; 0]);
    bench.standin.cover("lina", true);
    assert_eq!(bench.punches("lina", NOW, NOW).await, [NOW]);
}

#[tokio::test]
async fn kinds_1_and_3_have_device_punches_and_kind_2_has_none() {
    let bench = Bench::new().await;
    bench.add(&[record("lina", NOW)]).await;
    let rows = async |kind| {
        bench.read_raw(asked(kind, NOW, NOW, json!(["lina"]))).await.json()["checkindata"].as_array().unwrap().len()
    };
    assert_eq!((rows(1).await, rows(2).await, rows(3).await), (2, 0, 2));
    for kind in [0, 4] {
        assert_eq!(bench.read_raw(asked(kind, NOW, NOW, json!(["lina"]))).await.errcode(), 40035);
    }
}

#[tokio::test]
async fn a_list_has_1_to_100_members_else_301023() {
    let bench = Bench::with(|options| options.members = punchd_sim::standin::Members::Matching("*".into())).await;
    let list = |n: usize| json!((0..n).map(|i| format!("u{i}")).collect::<Vec<_>>());
    assert_eq!(bench.read_raw(asked(3, NOW, NOW, list(0))).await.errcode(), 301023);
    assert_eq!(bench.read_raw(asked(3, NOW, NOW, list(101))).await.errcode(), 301023);
    assert_eq!(bench.read_raw(asked(3, NOW, NOW, list(100))).await.errcode(), 0);
}

#[tokio::test]
async fn a_span_has_at_most_30_days_else_301024() {
    let bench = Bench::new().await;
    assert_eq!(bench.read_raw(asked(3, NOW - 30 * DAY, NOW, json!(["lina"]))).await.errcode(), 0);
    assert_eq!(bench.read_raw(asked(3, NOW - 30 * DAY - 1, NOW, json!(["lina"]))).await.errcode(), 301024);
    assert_eq!(bench.read_raw(asked(3, NOW, NOW - 1, json!(["lina"]))).await.errcode(), 40035);
    assert_eq!(bench.read_raw(asked(3, i64::MIN, i64::MAX, json!(["lina"]))).await.errcode(), 40035);
    assert_eq!(bench.read_raw(asked(3, i64::MAX, i64::MAX, json!(["lina"]))).await.errcode(), 0);
}

#[tokio::test]
async fn a_question_that_is_not_complete_or_no_json_is_refused() {
    let bench = Bench::new().await;
    for field in ["opencheckindatatype", "starttime", "endtime"] {
        let mut body = asked(3, NOW, NOW, json!(["lina"]));
        body.as_object_mut().unwrap().remove(field);
        assert_eq!(bench.read_raw(body).await.errcode(), 40063, "{field}");
    }
    assert_eq!(bench.read_raw(asked(3, NOW, NOW, Value::Null)).await.errcode(), 301023);
    assert_eq!(bench.read_raw(json!("no")).await.errcode(), 40058);
}

#[tokio::test]
async fn an_unknown_member_spoils_a_read_back_or_is_left_out_as_chosen() {
    let bench = Bench::new().await;
    bench.add(&[record("lina", NOW)]).await;
    let body = asked(1, NOW, NOW, json!(["nobody", "lina"]));
    assert_eq!(bench.read_raw(body.clone()).await.errcode(), 60111);
    bench.standin.behaviour(|behaviour| behaviour.unknown_read = UnknownRead::LeftOut);
    let answer = bench.read_raw(body).await.json();
    assert_eq!(answer["checkindata"][0]["userid"], "lina");
}

#[tokio::test]
async fn the_odd_ways_of_answering_are_all_there_when_asked_for() {
    let bench = Bench::new().await;
    let token = bench.token().await;
    bench.standin.behaviour(|behaviour| behaviour.quirky = true);
    bench.standin.behaviour(|behaviour| behaviour.duplicates = Duplicates::Keep);
    let unmarked = |body: &[u8]| -> Value {
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").expect("a byte order mark")).unwrap()
    };
    let login = unmarked(&bench.login().await.body);
    assert_eq!((&login["errcode"], &login["expires_in"]), (&Value::Null, &json!("7200")));
    let body = json!({"records": [with("lat", json!(1)), with("lat", json!(1))]}).to_string();
    let added = bench.post(&format!("/cgi-bin/checkin/add_checkin_record?access_token={token}"), body).await;
    assert_eq!(unmarked(&added.body)["errcode"], 0);
    let body = asked(3, NOW, NOW, json!(["wangwei"])).to_string();
    let read = bench.post(&format!("/cgi-bin/checkin/getcheckindata?access_token={token}"), body).await;
    let rows = unmarked(&read.body)["checkindata"].clone();
    assert_eq!(rows[0]["checkin_time"], json!((NOW - 60).to_string()));
    assert_eq!((&rows[0]["lat"], &rows[0]["groupid"]), (&json!("1"), &json!("1")));
    assert_eq!(rows[1]["checkin_time"], json!(NOW - 60));
    assert!(rows[1]["source_of_row"].is_object());
}
