//! Punches over the wire: what is written and what is read back.

use punchd::attendance::UserId;
use punchd::wecom::{Answered, CheckinRecord, DeviceDetail, Outcome, Place, RecordBatch, UnixSeconds, Wgs84};
use serde_json::{Value, json};

use crate::server::{Server, TOKEN, ok, read, record, write};

#[tokio::test]
async fn two_hundred_punches_go_in_one_post_as_real_utf_8() {
    let server = Server::with_token(|_| ok(r#"{"errcode":0,"errmsg":"ok"}"#)).await;
    let records: Vec<CheckinRecord> = (0..200)
        .map(|n| CheckinRecord {
            checkin_time: UnixSeconds::new(1_705_899_000 + n).unwrap(),
            location_title: Place::cut("一号门"),
            device_detail: DeviceDetail::cut("中控智慧科技股份有限公司考勤机"),
            coordinates: Some(Wgs84::new(31.1774276, 121.5272106).unwrap().to_gcj02().to_micro_degrees()),
            ..record("zhangsan")
        })
        .collect();
    let app = server.app();
    let outcome = app.add_checkin_record().await.send(RecordBatch::new(&records).unwrap()).await;
    assert!(matches!(outcome, Outcome::Answered(Answered { result: Ok(()), .. })));

    let seen = server.seen().pop().unwrap();
    let token = TOKEN.replace('/', "%2F").replace('+', "%2B");
    assert_eq!(seen.line, format!("POST /cgi-bin/checkin/add_checkin_record?access_token={token} HTTP/1.1"));
    let text = String::from_utf8(seen.body).unwrap();
    assert!(text.contains("一号门") && !text.contains("\\u"));
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["records"].as_array().unwrap().len(), 200);
    assert_eq!(
        body["records"][199],
        json!({"userid": "zhangsan", "checkin_time": 1_705_899_199, "location_title": "一号门", "location_detail": "-",
            "notes": "", "device_type": 2, "lat": 31_175_304, "lng": 121_531_542,
            "device_detail": "中控智慧科技股份有限公司考"})
    );
}

#[tokio::test]
async fn punches_are_asked_for_as_the_vendors_sample_asks() {
    let server = Server::with_token(|_| ok(include_str!("../fixtures/wecom/getcheckindata.response.json"))).await;
    let outcome = read(&server.app()).await;
    let Outcome::Answered(Answered { result: Ok(data), date }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(data.punched.len(), 2);
    assert_eq!(data.punched[0].userid, UserId::new("JAMES").unwrap());
    assert!(date.is_some());

    let sample: Value = serde_json::from_str(include_str!("../fixtures/wecom/getcheckindata.request.json")).unwrap();
    let body: Value = serde_json::from_slice(&server.seen().pop().unwrap().body).unwrap();
    assert_eq!(body, sample);
}

#[tokio::test]
async fn an_answer_that_does_not_say_that_there_are_no_punches_leaves_doubt() {
    for body in ["{}", r#"{"errmsg":"ok"}"#, r#"{"errcode":0,"checkindata":"none"}"#] {
        let server = Server::with_token(move |_| ok(body)).await;
        assert!(matches!(read(&server.app()).await, Outcome::Unknown(_)), "{body}");
    }
}

#[tokio::test]
async fn a_call_can_be_made_in_a_task_of_its_own() {
    let server = Server::with_token(|_| ok(r#"{"errcode":0,"checkindata":[]}"#)).await;
    let app = std::sync::Arc::new(server.app());
    let task = tokio::spawn(async move { (write(&app).await, read(&app).await) });
    assert!(matches!(task.await.unwrap(), (Outcome::Answered(_), Outcome::Answered(_))));
}
