//! `add_checkin_record` refuses what WeCom refuses (facts/wecom-api.md 1.2, 1.7).

mod common;

use common::{Bench, NOW, record, with, without};
use punchd_sim::standin::{Behaviour, Errcode, Lengths};
use serde_json::{Value, json};

#[tokio::test]
async fn a_record_with_every_field_of_the_documentation_is_stored_as_it_came() {
    let bench = Bench::with(|options| options.media = vec!["mediaId".into()]).await;
    let whole = json!({
        "userid": "WangWei", "checkin_time": NOW - 5, "location_title": "1234", "location_detail": "1234",
        "mediaids": ["mediaId"], "notes": "", "device_type": 1, "lat": 22234233, "lng": 1233123,
        "device_detail": "device_detail_test", "wifiname": "Tencent-WiFi", "wifimac": "a2:8b:7f:c0:27:4b"
    });
    let answer = bench.add(std::slice::from_ref(&whole)).await;
    assert_eq!(answer.json(), json!({"errcode": 0, "errmsg": "ok"}));
    assert_eq!(answer.error_code, None);
    let held = bench.standin.held();
    assert_eq!(serde_json::to_value(&held[0].record).unwrap(), whole);
    assert_eq!((held[0].arrival, held[0].arrived, held[0].stored_at.as_second()), (1, 1, NOW));
}

#[tokio::test]
async fn a_required_field_that_is_missing_is_refused_with_40063() {
    let bench = Bench::new().await;
    for field in ["userid", "checkin_time", "location_title", "location_detail", "device_type", "device_detail"] {
        assert_eq!(bench.refused(without(field)).await, 40063, "{field}");
    }
    assert_eq!(bench.refused(with("userid", json!(""))).await, 40063);
}

#[tokio::test]
async fn whether_an_empty_text_counts_as_given_can_be_chosen() {
    let bench = Bench::new().await;
    for field in ["location_title", "location_detail", "device_detail"] {
        assert_eq!(bench.refused(with(field, json!(""))).await, 40063, "{field}");
    }
    bench.standin.behaviour(|behaviour| behaviour.empty_texts = true);
    assert_eq!(bench.add(&[with("location_title", json!(""))]).await.errcode(), 0);
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_with_40058_and_one_that_just_fits_is_taken() {
    let bench = Bench::new().await;
    for (field, limit) in [
        ("location_title", 1024),
        ("location_detail", 1024),
        ("notes", 1024),
        ("wifiname", 1024),
        ("device_detail", 40),
    ] {
        assert_eq!(bench.refused(with(field, json!("长".repeat(limit + 1)))).await, 40058, "{field}");
        assert_eq!(bench.add(&[with(field, json!("长".repeat(limit)))]).await.errcode(), 0, "{field}");
    }
}

#[tokio::test]
async fn lengths_can_be_counted_in_bytes() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.lengths = Lengths::Bytes);
    assert_eq!(bench.refused(with("device_detail", json!("长".repeat(14)))).await, 40058);
    assert_eq!(bench.add(&[with("device_detail", json!("长".repeat(13)))]).await.errcode(), 0);
}

#[tokio::test]
async fn coordinates_out_of_range_are_refused_with_40035() {
    let bench = Bench::new().await;
    for (field, limit) in [("lat", 90_000_000), ("lng", 180_000_000)] {
        for sign in [-1, 1] {
            assert_eq!(bench.refused(with(field, json!(sign * (limit + 1)))).await, 40035, "{field}");
            assert_eq!(bench.add(&[with(field, json!(sign * limit))]).await.errcode(), 0, "{field}");
        }
    }
    assert_eq!(bench.refused(with("lat", json!(30.5))).await, 40058, "degrees are no integer");
}

#[tokio::test]
async fn only_the_three_kinds_of_device_are_known() {
    let bench = Bench::new().await;
    for kind in [0, 4, -1] {
        assert_eq!(bench.refused(with("device_type", json!(kind))).await, 40035, "{kind}");
    }
    for kind in 1..=3 {
        assert_eq!(bench.add(&[with("device_type", json!(kind))]).await.errcode(), 0, "{kind}");
    }
}

#[tokio::test]
async fn a_wifimac_is_six_pairs_with_colons_and_goes_with_a_wifiname() {
    let bench = Bench::new().await;
    let on_wifi = |mac: &str| {
        let mut record = with("wifiname", json!("办公一区"));
        record["wifimac"] = json!(mac);
        record
    };
    for mac in [
        "3c-46-d8-0c-7a-70",
        "3c:46:d8:0c:7a",
        "3c:46:d8:0c:7a:70:11",
        "3c:46:d8:0c:7a:7g",
        "3c46d80c7a70",
        "3c:46:d8:0c:7a:+7",
    ] {
        assert_eq!(bench.refused(on_wifi(mac)).await, 40035, "{mac}");
    }
    assert_eq!(bench.refused(with("wifimac", json!("3c:46:d8:0c:7a:70"))).await, 40035, "without a name");
    assert_eq!(bench.add(&[on_wifi("3C:46:d8:0c:7A:70")]).await.errcode(), 0);
}

#[tokio::test]
async fn a_picture_must_be_known_and_alone() {
    let bench = Bench::with(|options| options.media = vec!["m1".into(), "m2".into()]).await;
    assert_eq!(bench.refused(with("mediaids", json!(["nobody's"]))).await, 40007);
    assert_eq!(bench.refused(with("mediaids", json!(["m1", "m2"]))).await, 40058);
    assert_eq!(bench.add(&[with("mediaids", json!(["m2"]))]).await.errcode(), 0);
}

#[tokio::test]
async fn an_unknown_member_is_refused_with_the_errcode_that_was_chosen() {
    let bench = Bench::new().await;
    for userid in ["nobody", "张三", "wang wei", &"x".repeat(65)] {
        assert_eq!(bench.refused(record(userid, NOW - 1)).await, 60111, "{userid}");
    }
    bench.standin.behaviour(|behaviour| behaviour.unknown_user = Errcode::USER_NOT_IN_CONTACTS);
    assert_eq!(bench.refused(record("nobody", NOW - 1)).await, 301021);
    bench.standin.add_user("Nobody");
    assert_eq!(bench.add(&[record("nobody", NOW - 1)]).await.errcode(), 0);
    bench.standin.remove_user("nobody");
    assert_eq!(bench.refused(record("nobody", NOW - 2)).await, 301021);
}

#[tokio::test]
async fn a_member_outside_of_the_apps_range_is_refused_with_60011() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.out_of_range = ["WangWei".to_owned()].into());
    assert_eq!(bench.refused(record("wangwei", NOW - 1)).await, 60011);
    assert_eq!(bench.add(&[record("lina", NOW - 1)]).await.errcode(), 0);
}

#[tokio::test]
async fn a_time_that_is_still_to_come_is_refused_with_301083() {
    let bench = Bench::new().await;
    assert_eq!(bench.refused(record("wangwei", NOW + 1)).await, 301083);
    assert_eq!(bench.refused(record("wangwei", NOW * 1000)).await, 301083, "milliseconds are far in the future");
    assert_eq!(bench.add(&[record("wangwei", NOW)]).await.errcode(), 0);
    bench.standin.behaviour(|behaviour| behaviour.future_skew = std::time::Duration::from_secs(60));
    assert_eq!(bench.add(&[record("wangwei", NOW + 60)]).await.errcode(), 0);
    assert_eq!(bench.refused(record("wangwei", NOW + 61)).await, 301083);
}

#[tokio::test]
async fn a_time_that_is_too_long_ago_is_refused_with_301081_where_an_age_is_set() {
    let bench = Bench::new().await;
    let month_ago = NOW - 31 * 86_400;
    assert_eq!(bench.add(&[record("wangwei", month_ago)]).await.errcode(), 0);
    bench.standin.behaviour(|behaviour| behaviour.oldest = Some(std::time::Duration::from_secs(30 * 86_400)));
    assert_eq!(bench.refused(record("wangwei", month_ago)).await, 301081);
    assert_eq!(bench.refused(record("wangwei", 0)).await, 40035);
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_refused_with_40058() {
    let bench = Bench::new().await;
    for (field, value) in [
        ("checkin_time", json!("1700000000")),
        ("userid", json!(7)),
        ("mediaids", json!("m1")),
        ("device_type", json!("2")),
        ("notes", json!({})),
    ] {
        assert_eq!(bench.refused(with(field, value)).await, 40058, "{field}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_batch_is_refused() {
    let bench = Bench::new().await;
    for (body, code) in [
        ("", 40058),
        ("{", 40058),
        ("[]", 40058),
        ("{\"records\":7}", 40058),
        ("{}", 40063),
        ("{\"records\":null}", 40063),
        ("{\"records\":[]}", 40063),
        ("{\"records\":[7]}", 40058),
    ] {
        assert_eq!(bench.add_raw(body).await.errcode(), code, "{body}");
    }
    assert_eq!(bench.add_raw(b"{\"records\":\"\xff\"}").await.errcode(), 40058);
}

#[tokio::test]
async fn a_batch_has_at_most_200_records() {
    let bench = Bench::new().await;
    let batch = |n: i64| (0..n).map(|i| record("wangwei", NOW - i)).collect::<Vec<Value>>();
    assert_eq!(bench.add(&batch(201)).await.errcode(), 40058);
    assert_eq!(bench.standin.held_count(), 0);
    assert_eq!(bench.add(&batch(200)).await.errcode(), 0);
    assert_eq!(bench.standin.held_count(), 200);
    assert_eq!(bench.standin.calls().batch_sizes, [200]);
}

#[tokio::test]
async fn escapes_instead_of_real_characters_are_refused_with_40033() {
    let bench = Bench::new().await;
    let body = json!({"records": [record("wangwei", NOW - 1)]}).to_string();
    for instead in ["\\u4e1c\\u95e8", "\\\\u4e1c", "a\\u0000b"] {
        assert_eq!(bench.add_raw(body.replace("东门", instead)).await.errcode(), 40033, "{instead}");
    }
    assert_eq!(bench.standin.held_count(), 0);
    assert_eq!(bench.add_raw(body.replace("东门", "C:\\\\uabc \\\"x\\\"")).await.errcode(), 0);
    assert_eq!(bench.standin.held()[0].record.location_title, "C:\\uabc \"x\"");
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_refused_with_40206() {
    let bench = Bench::new().await;
    let padded = |size: usize| {
        let body = json!({"records": [record("wangwei", NOW - 1)]}).to_string();
        body.clone() + &" ".repeat(size - body.len())
    };
    assert_eq!(bench.add_raw(padded(1024 * 1024 + 1)).await.errcode(), 40206);
    assert_eq!(bench.add_raw(padded(1024 * 1024)).await.errcode(), 0);
}

#[tokio::test]
async fn a_body_that_nobody_reads_to_its_end_is_answered_or_cut_and_nothing_is_stored() {
    let bench = Bench::new().await;
    let path = format!("/cgi-bin/checkin/add_checkin_record?access_token={}", bench.token().await);
    if let Ok(answer) = common::call(bench.standin.address(), "POST", &path, vec![b' '; 8 * 1024 * 1024]).await {
        assert_eq!(answer.errcode(), 40206);
    }
    assert_eq!(bench.standin.held_count(), 0);
    assert_eq!(bench.add(&[record("wangwei", NOW)]).await.errcode(), 0, "and it goes on answering");
}

#[tokio::test]
async fn a_get_where_a_post_is_due_is_refused_with_40058() {
    let bench = Bench::new().await;
    let token = bench.token().await;
    for call in ["add_checkin_record", "getcheckindata"] {
        assert_eq!(bench.get(&format!("/cgi-bin/checkin/{call}?access_token={token}")).await.errcode(), 40058);
    }
    assert_eq!(bench.post("/cgi-bin/gettoken", "{}").await.errcode(), 40058);
}

#[tokio::test]
async fn a_refusal_says_why_in_wecoms_manner() {
    let bench = Bench::new().await;
    let answer = bench.add(&[record("nobody", NOW)]).await;
    let text = answer.json()["errmsg"].as_str().unwrap().to_owned();
    assert_eq!(answer.error_code.as_deref(), Some("60111"));
    assert!(text.starts_with("userid not found, hint: ["), "{text}");
    assert!(text.contains("from ip: 127.0.0.1") && text.ends_with("query?e=60111"), "{text}");
}

#[tokio::test]
async fn a_full_store_answers_busy_and_keeps_what_it_has() {
    let bench = Bench::with(|options| options.max_held = 1).await;
    assert_eq!(bench.add(&[record("wangwei", NOW)]).await.errcode(), 0);
    assert_eq!(bench.refused(record("wangwei", NOW - 1)).await, -1);
}

#[tokio::test]
async fn members_can_be_whoever_fits_a_pattern() {
    let bench = Bench::with(|options| options.members = punchd_sim::standin::Members::Matching("sim-*".into())).await;
    assert_eq!(bench.add(&[record("Sim-7", NOW)]).await.errcode(), 0);
    assert_eq!(bench.refused(record("lina", NOW)).await, 60111);
}

#[tokio::test]
async fn behaving_anew_undoes_what_was_chosen_before() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.unknown_user = Errcode(46004));
    assert_eq!(bench.refused(record("nobody", NOW)).await, 46004);
    bench.standin.set(Behaviour::default());
    assert_eq!(bench.refused(record("nobody", NOW)).await, 60111);
}
