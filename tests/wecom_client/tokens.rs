//! The token over the wire: fetched once, replaced once, not hammered for.

use punchd::wecom::{Answered, Class, NoToken, NotSent, Outcome, TokenFailure};

use crate::server::{CORP, Does, SECRET, Server, http, ok, read, write};

const STORED: &str = r#"{"errcode":0,"errmsg":"ok"}"#;

#[tokio::test]
async fn the_token_is_fetched_with_corp_and_secret_and_serves_all_calls() {
    let server = Server::with_token(|_| ok(r#"{"errcode":0,"checkindata":[]}"#)).await;
    let app = server.app();
    let (a, b) = tokio::join!(write(&app), read(&app));
    assert!(matches!((a, b), (Outcome::Answered(_), Outcome::Answered(_))));
    let fetches: Vec<_> = server.seen().into_iter().filter(|seen| seen.is_for_token()).collect();
    let secret = SECRET.replace('/', "%2F").replace('+', "%2B");
    assert_eq!(fetches.len(), 1);
    assert_eq!(fetches[0].line, format!("GET /cgi-bin/gettoken?corpid={CORP}&corpsecret={secret} HTTP/1.1"));
}

#[tokio::test]
async fn a_voided_token_is_replaced_and_the_call_made_again() {
    let server = Server::start(|number, seen| match number {
        _ if seen.is_for_token() => ok(format!(r#"{{"errcode":0,"access_token":"t{number}","expires_in":7200}}"#)),
        1 => ok(r#"{"errcode":42001,"errmsg":"access_token expired"}"#),
        _ => ok(STORED),
    })
    .await;
    assert!(matches!(write(&server.app()).await, Outcome::Answered(Answered { result: Ok(()), .. })));
    let lines: Vec<_> = server.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1].contains("access_token=t0") && lines[3].contains("access_token=t2"), "{lines:?}");
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_tried_twice_and_then_left_alone() {
    let server = Server::with_token(|_| ok(r#"{"errcode":40001,"errmsg":"invalid credential"}"#)).await;
    let app = server.app();
    assert_eq!(write(&app).await.refusal().unwrap().class(), Class::SecretWrong);
    for _ in 0..10 {
        let Outcome::NotSent(not_sent) = write(&app).await else { panic!("must not be sent") };
        assert_eq!(not_sent.refusal().unwrap().code, 40001);
    }
    assert_eq!(server.seen().len(), 4, "two tokens, two calls, and then nothing more");
}

#[tokio::test]
async fn a_refused_token_means_that_nothing_was_sent_and_nobody_asks_again_at_once() {
    let server = Server::start(|_, _| ok(r#"{"errcode":40001,"errmsg":"invalid credential"}"#)).await;
    let app = server.app();
    for _ in 0..10 {
        let Outcome::NotSent(NotSent::NoToken(NoToken { because: TokenFailure::Refused(refusal), retry_in })) =
            write(&app).await
        else {
            panic!("must not be sent")
        };
        assert!(refusal.class() == Class::SecretWrong && retry_in.as_secs() > 200);
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_broken_fetch_of_the_token_leaves_no_doubt_about_the_call() {
    for does in [
        || Does::SaysAndCloses(Vec::new()),
        || Does::Says(http("502 Bad Gateway", "<html>")),
        || ok("<html>"),
        || ok(r#"{"errcode":0,"access_token":""}"#),
    ] {
        let server = Server::start(move |_, _| does()).await;
        let outcome = write(&server.app()).await;
        let Outcome::NotSent(NotSent::NoToken(no_token)) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(no_token.because, TokenFailure::Unknown(_)));
    }
}

#[tokio::test]
async fn the_vendors_and_an_older_token_sample_are_both_understood() {
    for sample in [
        include_str!("../fixtures/wecom/gettoken.response.json"),
        include_str!("../fixtures/wecom/wechatpy/gettoken.json"),
    ] {
        let server = Server::start(move |_, seen| if seen.is_for_token() { ok(sample) } else { ok(STORED) }).await;
        assert!(matches!(write(&server.app()).await, Outcome::Answered(_)));
        let line = server.seen().last().unwrap().line.clone();
        assert!(line.contains("access_token=accesstoken000001") || line.contains("access_token=1234567890"), "{line}");
    }
}

#[tokio::test]
async fn being_limited_blocks_the_next_call_of_that_kind_only() {
    let server = Server::with_token(|seen| {
        if seen.line.contains("add_checkin_record") {
            ok(r#"{"errcode":45009}"#)
        } else {
            ok(r#"{"errcode":0,"checkindata":[]}"#)
        }
    })
    .await;
    let app = server.app();
    assert_eq!(write(&app).await.refusal().unwrap().class(), Class::RateLimited);
    assert!(app.writes().blocked_until().is_some());
    assert!(app.reads().blocked_until().is_none());
    assert!(matches!(read(&app).await, Outcome::Answered(_)));
}

#[tokio::test]
async fn crowding_holds_the_next_call_back_for_seconds_only() {
    let server = Server::with_token(|_| ok(r#"{"errcode":45033,"errmsg":"concurrent"}"#)).await;
    let app = server.app();
    assert_eq!(write(&app).await.refusal().unwrap().class(), Class::Concurrency);
    let held = app.writes().blocked_until().unwrap() - tokio::time::Instant::now();
    assert!(held <= std::time::Duration::from_secs(10), "{held:?}");
}
