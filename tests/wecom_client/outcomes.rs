//! Not sent, answered, or unknown: which faults are which.

use punchd::wecom::{Answered, BaseUrl, Class, HttpSettings, NotSent, Outcome, Proxy, Unknown, Unreachable};
use punchd_contract::Secret;
use tokio::net::TcpListener;

use crate::server::{Does, Seen, Server, app, closing, http, impatient, ok, token, write};

/// The outcome of one write to a server that does this with it.
async fn outcome(does: impl Fn(&Seen) -> Does + Send + Sync + 'static) -> Outcome<()> {
    let server = Server::with_token(does).await;
    write(&server.app()).await
}

fn unknown(outcome: Outcome<()>) -> Unknown {
    match outcome {
        Outcome::Unknown(why) => why,
        other => panic!("must be in doubt, is {other:?}"),
    }
}

fn not_reached(outcome: Outcome<()>) -> Unreachable {
    match outcome {
        Outcome::NotSent(NotSent::Unreachable(why)) => why,
        Outcome::NotSent(NotSent::NoToken(no_token)) => match no_token.because {
            punchd::wecom::TokenFailure::Unreachable(why) => why,
            other => panic!("must be unreachable, is {other:?}"),
        },
        other => panic!("must not have been sent, is {other:?}"),
    }
}

async fn free_port() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn errcode_0_is_stored_and_the_servers_clock_comes_along() {
    let stored = outcome(|_| ok(include_str!("../fixtures/wecom/add_checkin_record.response.json"))).await;
    let date = stored.date().unwrap();
    assert_eq!((date.time.get(), date.proven), (1_705_899_000, false));
    assert!(matches!(stored, Outcome::Answered(Answered { result: Ok(()), .. })));
}

#[tokio::test]
async fn a_refusal_is_an_answer_with_its_class_and_what_to_do() {
    let refused =
        outcome(|_| ok(r#"{"errcode":60020,"errmsg":"not allow to access from your ip, from ip: 203.0.113.9, x"}"#))
            .await;
    let refusal = refused.refusal().unwrap();
    assert_eq!((refusal.code, refusal.class()), (60020, Class::Configuration));
    assert!(refusal.text().en.contains("203.0.113.9"));
}

#[tokio::test]
async fn a_body_with_a_byte_order_mark_and_a_code_as_text_is_an_answer() {
    let stored = outcome(|_| ok("\u{feff}{\"errcode\":\"0\",\"errmsg\":\"ok\"}")).await;
    assert!(matches!(stored, Outcome::Answered(Answered { result: Ok(()), .. })));
}

#[tokio::test]
async fn a_server_that_closes_after_the_request_leaves_doubt() {
    assert!(matches!(unknown(outcome(|_| Does::SaysAndCloses(Vec::new())).await), Unknown::Broken(_)));
}

#[tokio::test]
async fn an_answer_that_is_cut_leaves_doubt_wherever_it_is_cut() {
    let whole = http("200 OK", r#"{"errcode":0,"errmsg":"ok"}"#);
    for cut in [1, 9, 17, 60, whole.len() - 28, whole.len() - 27, whole.len() - 1] {
        let part = whole[..cut].to_vec();
        let why = unknown(outcome(move |_| Does::SaysAndCloses(part.clone())).await);
        assert!(matches!(why, Unknown::Broken(_)), "cut at {cut}: {why:?}");
    }
}

#[tokio::test]
async fn an_answer_without_a_length_that_is_cut_leaves_doubt() {
    let why = unknown(
        outcome(|_| Does::SaysAndCloses(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"errcode\":0,\"er".to_vec()))
            .await,
    );
    assert!(matches!(why, Unknown::Unreadable(_)));
}

#[tokio::test]
async fn a_server_that_never_answers_or_stops_in_the_middle_leaves_doubt() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"err".to_vec();
    for does in [None, Some(half)] {
        let server = Server::with_token(move |_| does.clone().map_or(Does::Hangs, Does::Says)).await;
        assert_eq!(unknown(write(&app(impatient(server.url()))).await), Unknown::Timeout);
    }
}

#[tokio::test]
async fn a_status_other_than_200_leaves_doubt_even_with_a_good_body() {
    for status in ["502 Bad Gateway", "500 Internal Server Error", "407 Proxy Authentication Required", "201 Created"] {
        let number = status[..3].parse().unwrap();
        let why = unknown(outcome(move |_| Does::Says(http(status, r#"{"errcode":0,"errmsg":"ok"}"#))).await);
        assert_eq!(why, Unknown::Status(number));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::with_token(|seen| {
        assert!(!seen.line.contains("/elsewhere"), "followed");
        Does::Says(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_vec())
    })
    .await;
    assert_eq!(unknown(write(&server.app()).await), Unknown::Status(307));
    assert_eq!(server.seen().len(), 2, "one token, one write");
}

#[tokio::test]
async fn a_login_page_or_any_other_json_is_not_taken_for_stored() {
    for body in
        ["<html>please log in</html>", "", "[]", "{}", "null", r#"{"errcode":null}"#, r#"{"code":0}"#, "{\"errcode\":0"]
    {
        let why = unknown(outcome(move |_| ok(body)).await);
        assert!(matches!(why, Unknown::Unreadable(_)), "{body}: {why:?}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_kept_in_memory() {
    let server = Server::with_token(|_| {
        let mut long = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        long.resize(17 * 1024 * 1024, b' ');
        Does::SaysAndCloses(long)
    })
    .await;
    assert_eq!(unknown(write(&server.app()).await), Unknown::TooLarge);
}

#[tokio::test]
async fn a_broken_write_is_never_repeated_by_the_client_itself() {
    let server = Server::with_token(|_| Does::SaysAndCloses(Vec::new())).await;
    unknown(write(&server.app()).await);
    let writes = server.seen().iter().filter(|seen| !seen.is_for_token()).count();
    assert_eq!(writes, 1);
}

#[tokio::test]
async fn a_kept_connection_is_used_again() {
    let server = Server::start(|number, _| match number {
        0 => token(),
        _ => ok(r#"{"errcode":0}"#),
    })
    .await;
    let app = server.app();
    for _ in 0..3 {
        assert!(matches!(write(&app).await, Outcome::Answered(_)));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn nothing_was_sent_if_the_name_is_not_known() {
    let base_url = BaseUrl::parse("http://no-such-host.invalid").unwrap();
    let why = not_reached(write(&app(HttpSettings { base_url, ..HttpSettings::default() })).await);
    assert!(matches!(why, Unreachable::Name(_)), "{why:?}");
}

#[tokio::test]
async fn nothing_was_sent_if_the_connection_is_refused() {
    let base_url = BaseUrl::parse(&format!("http://{}", free_port().await)).unwrap();
    let why = not_reached(write(&app(HttpSettings { base_url, ..HttpSettings::default() })).await);
    assert!(matches!(why, Unreachable::Connect(_)), "{why:?}");
}

#[tokio::test]
async fn a_write_to_a_server_that_went_away_after_the_token_was_not_sent() {
    let server = Server::start(|number, _| match (number, token()) {
        (0, Does::Says(bytes)) => Does::SaysAndCloses(closing(bytes)),
        _ => Does::SaysAndCloses(closing(http("200 OK", r#"{"errcode":0}"#))),
    })
    .await;
    let app = server.app();
    assert!(matches!(write(&app).await, Outcome::Answered(_)));
    server.stop().await;
    let outcome = write(&app).await;
    assert!(matches!(outcome, Outcome::NotSent(NotSent::Unreachable(Unreachable::Connect(_)))), "{outcome:?}");
}

#[tokio::test]
async fn nothing_was_sent_if_the_proxy_refuses_to_connect() {
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\n\r\n",
        "",
    ] {
        let server = Server::start(move |_, _| Does::SaysAndCloses(answer.into())).await;
        let proxy = Proxy::new(&format!("http://{}", server.address), None).unwrap();
        let why = not_reached(write(&app(HttpSettings { proxy: Some(proxy), ..HttpSettings::default() })).await);
        assert!(matches!(why, Unreachable::Proxy(_)), "{answer}: {why:?}");
        let seen = server.seen();
        assert!(seen.iter().all(|seen| seen.line == "CONNECT qyapi.weixin.qq.com:443 HTTP/1.1"), "{seen:?}");
    }
}

#[tokio::test]
async fn nothing_was_sent_if_the_proxy_is_not_there() {
    let proxy = Proxy::new(&format!("http://{}", free_port().await), None).unwrap();
    let why = not_reached(write(&app(HttpSettings { proxy: Some(proxy), ..HttpSettings::default() })).await);
    assert!(matches!(why, Unreachable::Proxy(_)), "{why:?}");
}

#[tokio::test]
async fn a_proxy_is_given_user_and_password() {
    let server = Server::start(|_, _| Does::SaysAndCloses(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec())).await;
    let login = Some(("site7".to_owned(), Secret::new("hunter2")));
    let proxy = Proxy::new(&format!("http://{}", server.address), login).unwrap();
    not_reached(write(&app(HttpSettings { proxy: Some(proxy), ..HttpSettings::default() })).await);
    let head = server.seen().first().unwrap().head.to_lowercase();
    // "site7:hunter2" in base64.
    assert!(head.contains(&"proxy-authorization: basic c2l0ztc6ahvudgvymg==".to_lowercase()), "{head}");
}

#[tokio::test]
async fn a_plain_address_goes_through_the_proxy_too_and_its_refusal_leaves_doubt() {
    let server = Server::start(|_, seen| {
        if seen.is_for_token() { token() } else { Does::Says(http("502 Bad Gateway", "cannot reach the hub")) }
    })
    .await;
    let proxy = Some(Proxy::new(&format!("http://{}", server.address), None).unwrap());
    let base_url = BaseUrl::parse("http://hub.invalid/wecom").unwrap();
    assert_eq!(
        unknown(write(&app(HttpSettings { base_url, proxy, ..HttpSettings::default() })).await),
        Unknown::Status(502)
    );
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.line.contains(" http://hub.invalid/wecom/cgi-bin/")), "{seen:?}");
}

#[tokio::test]
async fn a_client_that_cannot_be_set_up_says_which_file_and_sends_nothing() {
    let http = HttpSettings { extra_ca: Some("/no/such/ca.pem".into()), ..HttpSettings::default() };
    let app = app(http);
    let why = not_reached(write(&app).await);
    assert!(matches!(&why, Unreachable::Setup(text) if text.contains("/no/such/ca.pem")), "{why:?}");
}
