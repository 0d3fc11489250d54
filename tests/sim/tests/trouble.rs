//! Everything that can go wrong on the way, and the stand-in's own pages.
#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::{Bench, NOW, record};
use punchd_sim::standin::{Call, Disturbance, Errcode, Instead, Reach};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection over which an answer has come, and which is kept open.
async fn used_connection(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the stand-in listens");
    stream.write_all(b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it takes a request");
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("it answers"), 0);
    }
    stream
}

/// Waits until the other side has ended the connection.
async fn ends(stream: &mut TcpStream) {
    let mut byte = [0; 1];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut byte));
    assert!(!matches!(read.await.expect("the connection stays open"), Ok(1..)));
}

#[tokio::test]
async fn any_errcode_can_be_answered_so_many_times_on_one_call() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::errcode(Errcode(301070)).on(Call::AddCheckinRecord).times(2));
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(bench.add(&[record("lina", NOW)]).await.errcode());
    }
    assert_eq!(codes, [301070, 301070, 0]);
    assert_eq!(bench.standin.arrived("lina", NOW), 1);
    assert_eq!(bench.standin.calls().disturbed, 2);
    assert_eq!(bench.standin.behaves().disturbances, []);
}

#[tokio::test]
async fn an_errcode_can_hold_for_ever_and_lie_about_what_was_stored() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::errcode(Errcode::BUSY).on(Call::AddCheckinRecord).taking_effect());
    for _ in 0..3 {
        assert_eq!(bench.add(&[record("lina", NOW)]).await.errcode(), -1);
    }
    assert_eq!(bench.standin.arrived("lina", NOW), 3);
    bench.standin.behaviour(|behaviour| behaviour.disturbances.clear());
    assert_eq!(bench.add(&[record("lina", NOW)]).await.errcode(), 0);
}

#[tokio::test]
async fn disturbances_come_one_after_the_other_and_can_wait_for_their_turn() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::errcode(Errcode(1)).on(Call::AddCheckinRecord).after(1).times(1));
    bench.standin.disturb(Disturbance::errcode(Errcode(2)).on(Call::Getcheckindata).times(1));
    bench.standin.disturb(Disturbance::errcode(Errcode(3)).on(Call::AddCheckinRecord).times(1));
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(bench.add(&[record("lina", NOW)]).await.errcode());
    }
    assert_eq!(codes, [3, 1, 0]);
}

#[tokio::test]
async fn a_connection_cut_before_storing_stores_nothing() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::cut_before_store().times(1));
    assert!(bench.try_add(&[record("lina", NOW)]).await.is_err());
    assert_eq!(bench.standin.held_count(), 0);
    assert_eq!(bench.try_add(&[record("lina", NOW)]).await.unwrap().errcode(), 0);
}

#[tokio::test]
async fn a_connection_cut_after_storing_has_stored_and_said_nothing() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::store_then_cut().times(1));
    assert!(bench.try_add(&[record("lina", NOW)]).await.is_err());
    assert_eq!(bench.standin.arrived("lina", NOW), 1);
}

#[tokio::test]
async fn half_an_answer_is_no_answer_though_the_records_are_stored() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::store_then_half_answer().times(1));
    assert!(bench.try_add(&[record("lina", NOW)]).await.is_err());
    assert_eq!(bench.standin.arrived("lina", NOW), 1);
}

#[tokio::test]
async fn a_proxys_error_page_comes_with_status_502() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::bad_gateway().on(Call::AddCheckinRecord).times(1));
    let answer = bench.add(&[record("lina", NOW)]).await;
    assert_eq!(answer.status, 502);
    assert!(answer.body.starts_with(b"<html>"));
    assert_eq!(bench.standin.held_count(), 0);
}

#[tokio::test]
async fn garbage_comes_with_status_200_and_is_no_json() {
    let bench = Bench::new().await;
    bench.standin.disturb(Disturbance::garbage().on(Call::AddCheckinRecord).times(1));
    let answer = bench.add(&[record("lina", NOW)]).await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_before_a_call_is_looked_at_has_stored_nothing_and_who_gives_up_after_it_has() {
    let bench = Bench::new().await;
    let minutes = Duration::from_secs(300);
    bench.token().await;
    for (before, after, stored) in [(minutes, Duration::ZERO, 0), (Duration::ZERO, minutes, 1)] {
        bench.standin.behaviour(|behaviour| {
            behaviour.disturbances = vec![];
            behaviour.delay_before = Duration::ZERO;
            behaviour.delay_answer = Duration::ZERO;
        });
        let path = format!("/cgi-bin/checkin/add_checkin_record?access_token={}", bench.token().await);
        bench.standin.behaviour(|behaviour| {
            behaviour.delay_before = before;
            behaviour.delay_answer = after;
        });
        let body = json!({"records": [record("lina", NOW)]}).to_string().into_bytes();
        let gone = common::call(bench.standin.address(), "POST", &path, body).await;
        assert_eq!(gone.err().as_deref(), Some("no answer"));
        tokio::time::sleep(2 * minutes).await;
        assert_eq!(bench.standin.held_count(), stored);
    }
}

#[tokio::test]
async fn a_server_that_resets_takes_no_call_but_can_be_told_to_answer_again() {
    let bench = Bench::new().await;
    let token = bench.token().await;
    assert_eq!(bench.post("/behaviour", r#"{"reach":"resets"}"#).await.status, 200);
    let path = format!("/cgi-bin/checkin/add_checkin_record?access_token={token}");
    let body = json!({"records": [record("lina", NOW)]}).to_string();
    assert!(common::call(bench.standin.address(), "POST", &path, body.clone().into_bytes()).await.is_err());
    assert_eq!(bench.standin.calls().add_checkin_record, 0);
    assert_eq!(bench.post("/behaviour", r#"{"reach":"answers"}"#).await.status, 200);
    assert_eq!(bench.post(&path, body).await.errcode(), 0);
}

#[tokio::test]
async fn a_server_that_refuses_has_no_open_port_until_it_answers_again() {
    let bench = Bench::new().await;
    let mut used = used_connection(bench.standin.address()).await;
    bench.standin.behaviour(|behaviour| behaviour.reach = Reach::Refuses(None));
    // The connection that was open ends, which tells that the port is closed.
    ends(&mut used).await;
    assert!(TcpStream::connect(bench.standin.address()).await.is_err());
    bench.standin.behaviour(|behaviour| behaviour.reach = Reach::Answers);
    while TcpStream::connect(bench.standin.address()).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.login().await.errcode(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_for_a_time_comes_back_by_itself() {
    let bench = Bench::new().await;
    assert_eq!(bench.post("/behaviour", r#"{"reach":{"refuses":60}}"#).await.status, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(TcpStream::connect(bench.standin.address()).await.is_err());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.standin.behaves().reach, Reach::Answers);
    assert_eq!(bench.login().await.errcode(), 0);
}

#[tokio::test]
async fn a_connection_too_many_is_closed_unanswered() {
    let bench = Bench::with(|options| options.max_connections = 1).await;
    let first = TcpStream::connect(bench.standin.address()).await.unwrap();
    assert!(common::call(bench.standin.address(), "GET", "/held", vec![]).await.is_err());
    drop(first);
    while common::call(bench.standin.address(), "GET", "/held", vec![]).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_dropped_stand_in_has_no_open_port_and_no_open_connection() {
    let bench = Bench::new().await;
    let address = bench.standin.address();
    let mut used = used_connection(address).await;
    drop(bench);
    ends(&mut used).await;
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_held_can_be_seen_in_pages_and_forgotten() {
    let bench = Bench::new().await;
    bench.add(&[record("lina", NOW), record("wangwei", NOW), record("lina", NOW)]).await;
    let held = bench.get("/held").await.json();
    assert_eq!(held["held"], 2);
    assert_eq!(held["records"][0]["userid"], "lina");
    assert_eq!(held["records"][0]["arrived"], 2);
    assert_eq!(held["records"][1]["location_title"], "东门");
    assert_eq!(held["twice"], json!([{"userid": "lina", "checkin_time": NOW, "arrived": 2}]));
    assert_eq!(held["calls"]["add_checkin_record"], 1);
    let page = bench.get("/held?after=1&limit=1").await.json();
    assert_eq!((page["records"].as_array().unwrap().len(), &page["records"][0]["arrival"]), (1, &json!(2)));
    assert_eq!(bench.post("/forget", "").await.status, 200);
    let held = bench.get("/held").await.json();
    assert_eq!((&held["held"], &held["calls"]["add_checkin_record"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn behaviour_changes_from_outside_field_by_field() {
    let bench = Bench::new().await;
    let change = json!({
        "atomicity": "partial", "visible_after": 2.5, "uncovered": ["LiNa"],
        "disturbances": [{"on": "gettoken", "times": 1, "instead": {"errcode": 45009}}]
    });
    let now = bench.post("/behaviour", change.to_string()).await.json();
    assert_eq!(
        (&now["atomicity"], &now["duplicates"], &now["uncovered"]),
        (&json!("partial"), &json!("drop"), &json!(["lina"]))
    );
    assert_eq!(bench.standin.behaves().visible_after, Duration::from_millis(2500));
    assert_eq!(bench.standin.behaves().disturbances[0].instead, Instead::Errcode(Errcode(45009)));
    assert_eq!(bench.get("/behaviour").await.json(), now);
    assert_eq!(bench.login().await.errcode(), 45009);
}

#[tokio::test]
async fn a_change_that_makes_no_sense_changes_nothing_and_is_explained() {
    let bench = Bench::new().await;
    let before = bench.get("/behaviour").await.json();
    for (change, why) in [
        ("", "GET /behaviour shows"),
        ("[]", "send a JSON object"),
        (r#"{"atomicity":"maybe"}"#, "unknown variant `maybe`"),
        (r#"{"quirky":true,"no_such":1}"#, "unknown field `no_such`"),
        (r#"{"delay_before":-1}"#, "negative"),
        (r#"{"reach":{"refuses":null}}"#, "cannot be told to open again"),
    ] {
        let answer = bench.post("/behaviour", change).await;
        assert_eq!(answer.status, 400, "{change}");
        let text = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(text.contains(why), "{text}");
    }
    assert_eq!(bench.get("/behaviour").await.json(), before);
}

#[tokio::test]
async fn a_page_that_does_not_exist_names_those_that_do() {
    let bench = Bench::new().await;
    let answer = bench.get("/holds").await;
    assert_eq!(answer.status, 404);
    assert!(answer.json()["error"].as_str().unwrap().contains("GET /held"));
}

#[tokio::test]
async fn a_call_that_does_not_exist_is_refused_as_wecom_refuses_it() {
    let bench = Bench::new().await;
    let token = bench.token().await;
    for path in ["checkin/getcheckinoption", "checkin/addcheckin", "checkin/add_checkin_record/", "user/get", ""] {
        let path = format!("/cgi-bin/{path}?access_token={token}");
        for answer in [bench.get(&path).await, bench.post(&path, "{}").await] {
            assert_eq!((answer.status, answer.errcode()), (200, 40066), "{path}");
            assert_eq!(answer.error_code.as_deref(), Some("40066"));
            let words = answer.json()["errmsg"].as_str().unwrap().to_owned();
            assert!(words.starts_with("invalid url, hint: [") && words.contains("from ip: 127.0.0.1"), "{words}");
        }
    }
    assert_eq!((bench.standin.calls().other, bench.standin.calls().refused[&Errcode(40066)]), (10, 10));
}

#[tokio::test]
async fn a_read_back_can_say_that_all_is_well_and_nothing_about_punches() {
    let bench = Bench::new().await;
    bench.add(&[record("lina", NOW)]).await;
    bench.standin.disturb(Disturbance::read_without_rows().times(1));
    bench.standin.disturb(Disturbance::read_null_rows().times(1));
    let asked = json!({"opencheckindatatype": 3, "starttime": NOW, "endtime": NOW, "useridlist": ["lina"]});
    assert_eq!(bench.read_raw(asked.clone()).await.json(), json!({"errcode": 0, "errmsg": "ok"}));
    assert_eq!(bench.read_raw(asked).await.json(), json!({"errcode": 0, "errmsg": "ok", "checkindata": null}));
    assert_eq!(bench.punches("lina", NOW, NOW).await, [NOW], "afterwards it shows what it holds");
}
