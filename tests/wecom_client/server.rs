//! A server of a few lines that does with each request what a test wants.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use punchd::attendance::UserId;
use punchd::wecom::{
    App, AppSettings, BaseUrl, CheckinData, CheckinRecord, HttpSettings, Outcome, Period, RecordBatch, UnixSeconds,
    UserBatch,
};
use punchd_contract::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub const CORP: &str = "ww0123456789abcdef";
pub const SECRET: &str = "SECRET-dont-show/this+ever";
pub const TOKEN: &str = "TOKEN-dont-show/this+ever";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub head: String,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn is_for_token(&self) -> bool {
        self.line.contains("/cgi-bin/gettoken?")
    }
}

/// What the server does with a request.
pub enum Does {
    /// Writes these bytes and keeps the connection.
    Says(Vec<u8>),
    /// Writes these bytes, possibly none, and closes.
    SaysAndCloses(Vec<u8>),
    /// Nothing, for ever.
    Hangs,
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    // Stops with the server.
    task: JoinSet<()>,
}

impl Server {
    /// Asks `does` about every request, with the number of the request from 0.
    pub async fn start(does: impl Fn(usize, &Seen) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, does) = (Arc::new(Mutex::new(Vec::new())), Arc::new(does));
        let mut task = JoinSet::new();
        let log = seen.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        task.spawn(async move {
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                conversations.spawn(converse(stream, log.clone(), does.clone()));
            }
        });
        Self { address, seen, connections, task }
    }

    /// Gives every token and asks `does` about the other requests only.
    pub async fn with_token(does: impl Fn(&Seen) -> Does + Send + Sync + 'static) -> Self {
        Self::start(move |_, seen| if seen.is_for_token() { token() } else { does(seen) }).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Closes everything, and is gone when this returns.
    pub async fn stop(mut self) {
        self.task.shutdown().await;
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> BaseUrl {
        BaseUrl::parse(&format!("http://{}", self.address)).unwrap()
    }

    pub fn app(&self) -> App {
        app(HttpSettings { base_url: self.url(), ..HttpSettings::default() })
    }
}

async fn converse(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<Seen>>>,
    does: Arc<impl Fn(usize, &Seen) -> Does + Send + Sync>,
) {
    while let Some(seen) = request(&mut stream).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(seen.clone());
            log.len() - 1
        };
        match does(number, &seen) {
            Does::Says(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
            Does::SaysAndCloses(bytes) => {
                stream.write_all(&bytes).await.unwrap_or_default();
                return;
            }
            Does::Hangs => std::future::pending().await,
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let line = head.lines().next()?.to_owned();
    Some(Seen { line, head, body: bytes[end..].to_vec() })
}

/// A whole answer with this status and body.
pub fn http(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status}\r\nDate: Mon, 22 Jan 2024 04:50:00 GMT\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The same answer, announcing that the connection ends with it.
pub fn closing(mut answer: Vec<u8>) -> Vec<u8> {
    let first_line = answer.iter().position(|b| *b == b'\n').unwrap() + 1;
    answer.splice(first_line..first_line, *b"Connection: close\r\n");
    answer
}

/// An answer with status 200.
pub fn ok(body: impl AsRef<[u8]>) -> Does {
    Does::Says(http("200 OK", body))
}

pub fn token() -> Does {
    ok(format!(r#"{{"errcode":0,"errmsg":"ok","access_token":"{TOKEN}","expires_in":7200}}"#))
}

pub fn app(http: HttpSettings) -> App {
    App::new(AppSettings { http, ..AppSettings::new(CORP, Secret::new(SECRET)) })
}

/// A client that gives up on a call soon, for servers that do not answer.
pub fn impatient(base_url: BaseUrl) -> HttpSettings {
    HttpSettings { base_url, total_timeout: Duration::from_millis(1500), ..HttpSettings::default() }
}

pub fn record(userid: &str) -> CheckinRecord {
    CheckinRecord::new(UserId::new(userid).unwrap(), UnixSeconds::new(1_705_899_000).unwrap())
}

pub async fn write(app: &App) -> Outcome<()> {
    app.add_checkin_record().await.send(RecordBatch::new(&[record("zhangsan")]).unwrap()).await
}

pub async fn read(app: &App) -> Outcome<CheckinData> {
    let users = [UserId::new("james").unwrap(), UserId::new("paul").unwrap()];
    let at = |seconds| UnixSeconds::new(seconds).unwrap();
    let period = Period::new(at(1_492_617_600), at(1_492_790_400)).unwrap();
    app.get_checkin_data().await.send(UserBatch::new(&users).unwrap(), period).await
}
