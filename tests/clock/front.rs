//! Servers before the stand-in: one that proves who it is and dates its answers, and one that only knows the time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use punchd_sim::clock::SetByHand;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wecom/tls").join(name)
}

/// As HTTP writes a date.
fn date(truth: &SetByHand) -> String {
    let now = Timestamp::from_second(truth.seconds()).unwrap();
    format!("Date: {}\r\n", now.strftime("%a, %d %b %Y %H:%M:%S GMT"))
}

/// Passes requests on to the stand-in over TLS, with a certificate that became valid in October 2026. Its threads end with the
/// test's process.
pub fn tls(standin: SocketAddr, truth: SetByHand) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(fixture("young.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    serve(move |stream| {
        let connection = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut tls = rustls::StreamOwned::new(connection, stream);
        let Some(request) = request(&mut tls) else { return };
        let mut behind = TcpStream::connect(standin).unwrap();
        behind.write_all(&request).unwrap();
        // The answer to HEAD tells a length and has no body.
        let text = if request.starts_with(b"HEAD") { empty() } else { answer(&mut behind) };
        let text = String::from_utf8(text).unwrap();
        let (first, rest) = text.split_once("\r\n").unwrap();
        let _ = tls.write_all(format!("{first}\r\n{}Connection: close\r\n{rest}", date(&truth)).as_bytes());
        tls.conn.send_close_notify();
        let _ = tls.flush();
    })
    .0
}

/// Tells the time to whoever asks, over plain HTTP; counts who did.
pub fn time_host(truth: SetByHand) -> (SocketAddr, Arc<AtomicUsize>) {
    serve(move |mut stream| {
        if request(&mut stream).is_some() {
            let answer =
                format!("HTTP/1.1 301 Moved\r\n{}Connection: close\r\nContent-Length: 0\r\n\r\n", date(&truth));
            let _ = stream.write_all(answer.as_bytes());
        }
    })
}

fn serve(converse: impl Fn(TcpStream) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counted = Arc::new(AtomicUsize::new(0));
    let (converse, its) = (Arc::new(converse), counted.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            its.fetch_add(1, Ordering::SeqCst);
            let converse = converse.clone();
            std::thread::spawn(move || converse(stream));
        }
    });
    (address, counted)
}

/// One request: its head, and the body of the length that it tells. `None`: the other end went away, as after a refused
/// certificate.
fn request(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut one = [0; 4096];
    loop {
        let read = from.read(&mut one).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&one[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            return Some(bytes);
        }
    }
}

/// One answer; it has a length as requests have.
fn answer(from: &mut impl Read) -> Vec<u8> {
    request(from).unwrap_or_else(empty)
}

fn empty() -> Vec<u8> {
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()
}
