//! Who the server says it is: a certificate of one's own, of nobody, of another time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use punchd::wecom::{Answered, App, BaseUrl, HttpSettings, NotSent, Outcome, TokenFailure, Unreachable};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener as AsyncListener;

use crate::server::{app, closing, http, write};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wecom/tls").join(name)
}

/// A server with this certificate that answers each connection once; its thread ends with the test's process.
fn server(certificate: &str) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(fixture(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            if tls.read(&mut request).is_ok_and(|read| read > 0) {
                let answer = closing(http("200 OK", r#"{"errcode":0,"access_token":"t","expires_in":7200}"#));
                let _ = tls.write_all(&answer);
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });
    address
}

fn app_for(address: SocketAddr, ca: Option<&str>) -> App {
    let base_url = BaseUrl::parse(&format!("https://{address}")).unwrap();
    app(HttpSettings { base_url, extra_ca: ca.map(fixture), ..HttpSettings::default() })
}

fn unreachable(outcome: Outcome<()>) -> Unreachable {
    match outcome {
        Outcome::NotSent(NotSent::NoToken(no_token)) => match no_token.because {
            TokenFailure::Unreachable(why) => why,
            other => panic!("must be unreachable, is {other:?}"),
        },
        other => panic!("must not have been sent, is {other:?}"),
    }
}

#[tokio::test]
async fn a_server_with_a_certificate_of_the_extra_ca_is_believed() {
    let app = app_for(server("server.pem"), Some("ca.pem"));
    let outcome = write(&app).await;
    assert!(matches!(outcome, Outcome::Answered(Answered { result: Ok(()), .. })), "{outcome:?}");
    assert!(outcome.date().unwrap().proven);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    let why = unreachable(write(&app_for(server("server.pem"), None)).await);
    assert!(matches!(why, Unreachable::Tls(_)), "{why:?}");
}

#[tokio::test]
async fn a_certificate_of_another_time_points_at_the_clock() {
    let why = unreachable(write(&app_for(server("expired.pem"), Some("ca.pem"))).await);
    assert!(matches!(why, Unreachable::CertificateTime(_)), "{why:?}");
    assert!(why.text().en.contains("clock"));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_nothing() {
    let listener = AsyncListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let talks_nonsense = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let why = unreachable(write(&app_for(address, None)).await);
    assert!(matches!(why, Unreachable::Tls(_)), "{why:?}");
    talks_nonsense.abort();
}

#[tokio::test]
async fn a_server_that_accepts_and_stays_silent_before_tls_was_told_nothing() {
    let listener = AsyncListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = BaseUrl::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    let http = HttpSettings { base_url, connect_timeout: Duration::from_millis(300), ..HttpSettings::default() };
    assert_eq!(unreachable(write(&app(http)).await), Unreachable::Timeout);
}

#[tokio::test]
async fn a_ca_file_without_a_certificate_is_named() {
    let why = unreachable(write(&app_for(server("server.pem"), Some("server.key"))).await);
    assert!(matches!(&why, Unreachable::Setup(text) if text.contains("server.key")), "{why:?}");
}
