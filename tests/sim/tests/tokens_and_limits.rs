//! Who may call, and how often (facts/wecom-api.md 1.5, 4).

mod common;

use std::time::Duration;

use common::{Bench, NOW, record};
use punchd_sim::standin::{CORP_ID, Limits, Reissue, SECRET};
use serde_json::json;

const ADD: &str = "/cgi-bin/checkin/add_checkin_record";

async fn with_token(bench: &Bench, token: &str) -> i64 {
    let body = json!({"records": [record("wangwei", NOW)]}).to_string();
    bench.post(&format!("{ADD}?access_token={token}"), body).await.errcode()
}

#[tokio::test]
async fn a_login_gives_a_token_and_its_lifetime() {
    let bench = Bench::new().await;
    let answer = bench.login().await.json();
    assert_eq!((&answer["errcode"], &answer["errmsg"]), (&json!(0), &json!("ok")));
    assert_eq!(answer["expires_in"], 7200);
    assert_eq!(with_token(&bench, answer["access_token"].as_str().unwrap()).await, 0);
}

#[tokio::test]
async fn a_login_that_is_not_complete_or_not_right_says_what_is_wrong() {
    let bench = Bench::new().await;
    for (query, code) in [
        (String::new(), 41002),
        (format!("corpsecret={SECRET}"), 41002),
        (format!("corpid={CORP_ID}"), 41004),
        (format!("corpid={CORP_ID}&corpsecret="), 41004),
        (format!("corpid=other&corpsecret={SECRET}"), 40013),
        (format!("corpid={CORP_ID}&corpsecret=wrong"), 40001),
    ] {
        assert_eq!(bench.get(&format!("/cgi-bin/gettoken?{query}")).await.errcode(), code, "{query}");
    }
}

#[tokio::test]
async fn a_call_without_a_good_token_is_refused() {
    let bench = Bench::new().await;
    assert_eq!(bench.post(ADD, "{}").await.errcode(), 41001);
    assert_eq!(with_token(&bench, "").await, 41001);
    assert_eq!(with_token(&bench, "never-given").await, 40014);
}

#[tokio::test]
async fn a_token_dies_when_its_time_is_over() {
    let bench = Bench::new().await;
    bench.standin.behaviour(|behaviour| behaviour.token_lifetime = Duration::from_secs(100));
    let token = bench.token().await;
    bench.clock.advance(Duration::from_secs(99));
    assert_eq!(with_token(&bench, &token).await, 0);
    assert_eq!(bench.login().await.json()["expires_in"], 1, "the same token has one second left");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(with_token(&bench, &token).await, 42001);
    assert_ne!(bench.token().await, token);
}

#[tokio::test]
async fn tokens_can_be_expired_or_voided_at_once() {
    let bench = Bench::new().await;
    let token = bench.token().await;
    bench.standin.expire_tokens();
    assert_eq!(with_token(&bench, &token).await, 42001);
    let token = bench.token().await;
    assert_eq!(bench.post("/tokens/void", "").await.status, 200);
    assert_eq!(with_token(&bench, &token).await, 40014);
    let token = bench.token().await;
    assert_eq!(bench.post("/tokens/expire", "").await.status, 200);
    assert_eq!(with_token(&bench, &token).await, 42001);
    assert_eq!(bench.standin.calls().tokens_issued, 3);
}

#[tokio::test]
async fn a_second_login_gives_the_same_token_or_another_and_the_first_lives_on_or_dies() {
    let bench = Bench::new().await;
    let first = bench.token().await;
    assert_eq!(bench.token().await, first);
    bench.standin.behaviour(|behaviour| behaviour.reissue = Reissue::BothLive);
    let second = bench.token().await;
    assert_ne!(second, first);
    assert_eq!((with_token(&bench, &first).await, with_token(&bench, &second).await), (0, 0));
    bench.standin.behaviour(|behaviour| behaviour.reissue = Reissue::OldDies);
    let third = bench.token().await;
    assert_eq!((with_token(&bench, &second).await, with_token(&bench, &third).await), (40014, 0));
}

#[tokio::test]
async fn apps_have_tokens_of_their_own() {
    let bench = Bench::with(|options| options.secrets.push("second-app".into())).await;
    bench.standin.behaviour(|behaviour| behaviour.reissue = Reissue::OldDies);
    let first = bench.token().await;
    let other = bench.get(&format!("/cgi-bin/gettoken?corpid={CORP_ID}&corpsecret=second-app")).await.json();
    assert_ne!(other["access_token"], json!(first));
    assert_eq!(with_token(&bench, &first).await, 0);
}

#[tokio::test]
async fn an_app_that_may_not_call_is_told_why() {
    let bench = Bench::new().await;
    let token = bench.token().await;
    bench.standin.behaviour(|behaviour| behaviour.callable = false);
    assert_eq!(with_token(&bench, &token).await, 48002);
    bench.standin.behaviour(|behaviour| behaviour.trusted_ip = false);
    let answer = bench.add(&[record("wangwei", NOW)]).await;
    assert_eq!(answer.errcode(), 60020);
    let text = answer.json()["errmsg"].as_str().unwrap().to_owned();
    assert!(text.starts_with("not allow to access from your ip") && text.contains("from ip: 127.0.0.1"), "{text}");
    bench.standin.behaviour(|behaviour| behaviour.enabled = false);
    assert_eq!(with_token(&bench, &token).await, 50003);
    assert_eq!(bench.login().await.errcode(), 50003);
}

#[tokio::test]
async fn the_61st_batch_of_a_minute_is_refused_until_the_minute_is_over() {
    let bench = Bench::with(|options| options.limits = Limits::WECOM).await;
    for second in 0..60 {
        assert_eq!(bench.add(&[record("wangwei", NOW - second)]).await.errcode(), 0, "{second}");
    }
    assert_eq!(bench.refused(record("lina", NOW)).await, 45009);
    bench.clock.advance(Duration::from_secs(59));
    assert_eq!(bench.refused(record("lina", NOW)).await, 45009);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.add(&[record("lina", NOW)]).await.errcode(), 0);
}

#[tokio::test]
async fn reading_back_has_a_limit_of_its_own() {
    let bench = Bench::with(|options| options.limits = Limits { getcheckindata: Some(2), ..Limits::WECOM }).await;
    let ask = json!({"opencheckindatatype": 3, "starttime": NOW, "endtime": NOW, "useridlist": ["lina"]});
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(bench.read_raw(ask.clone()).await.errcode());
    }
    assert_eq!(codes, [0, 0, 45009]);
    assert_eq!(bench.add(&[record("lina", NOW)]).await.errcode(), 0);
}

#[tokio::test]
async fn logging_in_too_often_is_refused() {
    let bench = Bench::with(|options| options.limits.gettoken = Some(1)).await;
    assert_eq!(bench.login().await.errcode(), 0);
    assert_eq!(bench.login().await.errcode(), 45009);
}

#[tokio::test]
async fn who_keeps_trying_wrong_secrets_is_banned_for_an_hour() {
    let bench = Bench::with(|options| options.limits.wrong_secrets = Some(3)).await;
    let token = bench.token().await;
    let wrong = format!("/cgi-bin/gettoken?corpid={CORP_ID}&corpsecret=wrong");
    for _ in 0..3 {
        assert_eq!(bench.get(&wrong).await.errcode(), 40001);
    }
    assert_eq!(bench.login().await.errcode(), 45009, "the right secret does not help any more");
    assert_eq!(with_token(&bench, &token).await, 45009);
    bench.clock.advance(Duration::from_secs(3600));
    assert_eq!(bench.login().await.errcode(), 0);
}

#[tokio::test]
async fn calls_and_refusals_are_counted() {
    let bench = Bench::new().await;
    bench.add(&[record("wangwei", NOW)]).await;
    bench.refused(record("nobody", NOW)).await;
    bench.read(&["lina"], NOW, NOW).await;
    bench.get("/cgi-bin/user/get").await;
    let calls = bench.standin.calls();
    assert_eq!((calls.gettoken, calls.add_checkin_record, calls.getcheckindata, calls.other), (3, 2, 1, 1));
    // One record, and the call that does not exist.
    assert_eq!((calls.refused_in_all(), calls.tokens_issued), (2, 1));
}
