//! Every refusal leaves a trace that an operator sees: at the terminal where it is known, else as a stranger.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod push_site;

use std::net::SocketAddr;

use proptest::prelude::*;
use punchd_contract::{Condition, SerialNumber, Stranger};
use push_site::{MINUTE, SERIAL, Site, body, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

fn trouble(stranger: &Stranger) -> &str {
    stranger.trouble.as_ref().map_or("", |text| &text.en)
}

fn said(site: &Site) -> String {
    site.bench.health_now().unwrap().text.en
}

#[tokio::test(start_paused = true)]
async fn a_known_terminal_at_a_wrong_path_is_told_apart_from_silence_until_it_asks_right() {
    let site = Site::new().await;
    for path in ["/iclock/iclock/cdata", "/cdata", "/iclock/unheard", "/app/iclock/getrequest"] {
        let answer = site.get(&format!("{path}?SN={SERIAL}&options=all")).await;
        assert!(answer.starts_with("HTTP/1.1 404") && !body(&answer).contains("OK"), "{answer}");
        let health = site.bench.health_now().unwrap();
        assert!(health.condition == Condition::Fault && health.text.en.contains(path), "{}", health.text);
        assert!(health.text.zh.contains(path));
    }
    assert!(said(&site).contains("remove /app from the server address"));
    let upload =
        site.post(&format!("/iclock/iclock/cdata?SN={SERIAL}&table=ATTLOG"), b"1\t2026-01-05 08:00:00\t0\t1\n").await;
    assert!(upload.starts_with("HTTP/1.1 404") && said(&site).contains("remove /iclock from"), "{upload}");
    assert!(site.bench.readings().is_empty() && site.bench.strangers().is_empty());
    site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all")).await;
    assert!(!said(&site).contains("iclock"), "{}", said(&site));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_terminal_at_a_wrong_path_is_a_stranger_with_what_to_do() {
    let site = Site::new().await;
    site.get("/iclock/iclock/cdata?SN=NEW1&options=all&pushver=2.4.1").await;
    let strangers = site.bench.strangers();
    assert_eq!(strangers[0].serial.as_ref().map(SerialNumber::as_str), Some("NEW1"));
    assert!(trouble(&strangers[0]).contains("remove /iclock from the server address"), "{strangers:?}");
    // At the right path it is a stranger without trouble: that is news.
    site.get("/iclock/cdata?SN=NEW1&options=all&pushver=2.4.1").await;
    assert_eq!(site.bench.strangers().last().unwrap().trouble, None);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_no_serial_number_or_an_odd_one_or_no_http_at_all_is_seen() {
    for (request, words) in [
        ("GET /iclock/cdata?options=all HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "gives no serial number"),
        ("GET /iclock/cdata?SN=a%20b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "characters"),
        ("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "/x"),
        ("DELETE /iclock/cdata?SN=NEW1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "method"),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", "HTTPS"),
    ] {
        let site = Site::new().await;
        site.raw(request.as_bytes()).await;
        assert!(site.sees(|bench| !bench.strangers().is_empty()).await, "{request}");
        let stranger = site.bench.strangers().remove(0);
        assert!(trouble(&stranger).contains(words) && stranger.address == "127.0.0.1", "{stranger:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_known_terminal_with_a_body_too_large_or_without_length_or_with_another_method_is_warned_of() {
    let site = Site::new().await;
    site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await;
    let head = |more: &str| {
        format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")
    };
    let answer = site.raw(head("Content-Length: 9500000\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let health = site.bench.health_now().unwrap();
    assert!(health.condition == Condition::Warning && health.text.en.contains("9.5 MB"), "{}", health.text);
    assert!(health.text.en.contains("reconcile"), "{}", health.text);
    for (request, words) in [
        (format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.0\r\n\r\n"), "Content-Length"),
        (format!("DELETE /iclock/cdata?SN={SERIAL} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "method"),
    ] {
        let site = Site::new().await;
        site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await;
        site.raw(request.as_bytes()).await;
        assert!(said(&site).contains(words), "{}", said(&site));
    }
    // Over once an upload has arrived.
    let site = Site::new().await;
    site.raw(format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG HTTP/1.0\r\n\r\n").as_bytes()).await;
    site.upload("ATTLOG", b"1\t2026-01-05 08:00:00\t0\t1\n").await;
    assert!(!said(&site).contains("Content-Length"), "{}", said(&site));
}

/// A request from another address of this machine.
async fn from(site: &Site, address: &str) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse::<SocketAddr>().unwrap()).unwrap();
    let mut stream = socket.connect(site.server.parse().unwrap()).await.unwrap();
    let request = format!("GET /iclock/getrequest?SN={SERIAL} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_terminals_with_one_serial_number_are_said_and_one_that_moved_is_not() {
    let site = Site::new().await;
    for address in ["127.0.0.2", "127.0.0.3"] {
        from(&site, address).await;
        tokio::time::sleep(MINUTE / 6).await;
    }
    from(&site, "127.0.0.3").await;
    assert!(!said(&site).contains("two terminals"), "{}", said(&site));
    from(&site, "127.0.0.2").await;
    let text = said(&site);
    assert!(text.contains("two terminals") && text.contains("127.0.0.2") && text.contains("127.0.0.3"), "{text}");
    for _ in 0..12 {
        tokio::time::sleep(MINUTE).await;
        from(&site, "127.0.0.2").await;
    }
    assert!(!said(&site).contains("two terminals"), "{}", said(&site));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_odd_requests_is_reported_in_bounds() {
    let site = Site::new().await;
    for number in 0..300 {
        site.get(&format!("/x{number}")).await;
        site.get(&format!("/iclock/cdata?SN=a%20b{number}")).await;
    }
    assert!(site.bench.strangers().len() <= 8, "{}", site.bench.strangers().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever path a terminal asks: it is served, or somebody can see that it asked, and what.
    #[test]
    fn every_path_is_served_or_leaves_a_trace(path in "(/[a-zA-Z.]{1,8}){1,4}/?", known in any::<bool>()) {
        run(async move {
            let site = Site::new().await;
            let serial = if known { SERIAL } else { "NEW1" };
            let answer = site.get(&format!("{path}?SN={serial}&options=all")).await;
            let seen = if known { said(&site).contains(&path) } else { !site.bench.strangers().is_empty() };
            assert!(seen || answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        });
    }
}
