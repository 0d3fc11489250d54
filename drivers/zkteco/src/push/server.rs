//! HTTP for terminals: bounded in connections, bytes and time, so that a slow or hostile one delays nobody.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::driver::{House, plain};
use super::protocol::path::Door;
use super::protocol::query::Query;
use super::protocol::time::date_header;
use super::reply::{Ask, Reply, Verb};
use super::trouble::{self, Cause};

/// Connections at once, and of one address: many terminals may stand behind one router.
const MOST_CONNECTIONS: usize = 256;
const MOST_OF_ONE: usize = 32;

/// The largest body; a batch of a terminal has some 100 kB.
const LARGEST: usize = 8 * 1024 * 1024;

/// All bodies that are being received together; what is beyond is sent again by its terminal.
const LARGEST_TOGETHER: usize = 48 * 1024 * 1024;

/// The most of a path that is looked at.
const LONGEST_PATH: usize = 200;

/// How long the head of a request may take, the wait between two requests included.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long a body may take.
const BODY_WITHIN: Duration = Duration::from_secs(60);

/// How long an answer may take: a large log is several batches for the disk.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// How long a connection lives; a terminal simply opens another.
const CONNECTION_LIVES: Duration = Duration::from_secs(600);

/// Accepts for ever; owns the connections.
pub async fn serve(listener: TcpListener, house: Arc<House>) {
    let mut connections = JoinSet::new();
    let guests = Guests::default();
    let room = Room::default();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    if let Some(guest) = guests.welcome(plain(address.ip())) {
                        connections.spawn(converse(stream, guest, room.clone(), Arc::clone(&house)));
                    }
                }
                Err(error) => {
                    // Out of file descriptors, mostly: others have to leave first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(200)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Who is connected, counted by address.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection's place; given back when it ends.
struct Guest {
    address: IpAddr,
    guests: Guests,
}

impl Guests {
    fn welcome(&self, address: IpAddr) -> Option<Guest> {
        let mut guests = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let all: usize = guests.values().sum();
        let own = guests.get(&address).copied().unwrap_or(0);
        if all >= MOST_CONNECTIONS || own >= MOST_OF_ONE {
            tracing::debug!(%address, "too many connections; this one is turned away");
            return None;
        }
        guests.insert(address, own + 1);
        Some(Guest { address, guests: self.clone() })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = self.guests.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match guests.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                guests.remove(&self.address);
            }
        }
    }
}

async fn converse(stream: TcpStream, guest: Guest, room: Room, house: Arc<House>) {
    let peer = guest.address;
    let service = service_fn(|request| {
        let (house, room) = (Arc::clone(&house), room.clone());
        async move { Ok::<_, Infallible>(respond(&house, &room, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(64 * 1024)
        // The header sets clocks: it is written by us, from a time that is trusted (facts/terminals.md B.1).
        .auto_date_header(false)
        // Old firmware looks for `Date` and `Content-Length` written like this.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = match timeout(CONNECTION_LIVES, connection.as_mut()).await {
        Ok(ended) => Ok(ended),
        Err(_) => {
            connection.as_mut().graceful_shutdown();
            timeout(BODY_WITHIN + ANSWER_WITHIN, connection).await
        }
    };
    if let Ok(Err(error)) = ended {
        if error.is_parse() {
            house.no_http(peer);
        }
        tracing::debug!(%peer, %error, "a connection broke");
    }
}

async fn respond(house: &House, room: &Room, request: Request<Incoming>, peer: IpAddr) -> Response<Full<Bytes>> {
    let reply = match read(house, room, request, peer).await {
        Ok(ask) => match timeout(ANSWER_WITHIN, house.answer(&ask)).await {
            Ok(reply) => reply,
            Err(_) => Reply::refused(503, "not recorded: it took too long"),
        },
        Err(reply) => reply,
    };
    response(reply)
}

async fn read(house: &House, room: &Room, request: Request<Incoming>, peer: IpAddr) -> Result<Ask, Reply> {
    let verb = match *request.method() {
        Method::GET => Verb::Get,
        Method::POST | Method::PUT => Verb::Post,
        _ => Verb::Other,
    };
    let path: String = request.uri().path().chars().take(LONGEST_PATH).collect();
    let query = Query::parse(request.uri().query().unwrap_or(""));
    let headers = request.headers();
    let has_length = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    let said: Option<u64> = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.trim().parse().ok());
    let door = Door::of(&path);
    let mut ask = Ask { door, path, verb, query, body: Bytes::new(), has_length, peer };
    // Of those who are not let in, and of what goes nowhere, nothing is received.
    if door.is_some() && verb != Verb::Other && house.terminal(&ask).is_some() {
        ask.body = match timeout(BODY_WITHIN, receive(request.into_body(), room)).await {
            Ok(Ok(body)) => body,
            Ok(Err(reply)) => {
                if reply.status == 413 {
                    house.refused(&ask, Cause::Size, trouble::size(said, LARGEST));
                }
                return Err(reply);
            }
            Err(_) => return Err(Reply::refused(408, "the body took too long")),
        };
    }
    Ok(ask)
}

/// Bytes of all bodies that are being received.
#[derive(Clone, Default)]
struct Room(Arc<AtomicUsize>);

/// The bytes of one body; given back when it is dropped.
struct Share<'a> {
    room: &'a Room,
    bytes: usize,
}

impl Share<'_> {
    /// Takes so many more, if there is room for them.
    fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.room.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= LARGEST_TOGETHER
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

async fn receive(mut body: Incoming, room: &Room) -> Result<Bytes, Reply> {
    if body.size_hint().lower() > LARGEST as u64 {
        return Err(Reply::refused(413, "too large"));
    }
    let mut whole = Vec::new();
    let mut share = Share { room, bytes: 0 };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Reply::refused(400, "the body broke off")) };
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > LARGEST {
            return Err(Reply::refused(413, "too large"));
        }
        if !share.grow(data.len()) {
            return Err(Reply::refused(503, "too much at once; send it again"));
        }
        whole.extend_from_slice(&data);
    }
    Ok(Bytes::from(whole))
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Some(date) = reply.date.and_then(|now| HeaderValue::from_str(&date_header(now)).ok()) {
        response.headers_mut().insert(DATE, date);
    }
    response
}
