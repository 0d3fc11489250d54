//! Connections: taken, bounded, served, and cut off the hard way when that is asked for.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::warn;

use super::answer::answer;
use super::{Reach, Shared};

/// How long to wait before a port is tried again that could not be opened, or a connection that could not be taken.
const AGAIN: Duration = Duration::from_millis(100);

/// The connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("cut as told")]
pub(super) struct Cut;

/// The body of an answer: whole, or breaking off with a reset.
#[derive(Debug)]
pub(super) struct Payload {
    data: Option<Bytes>,
    breaks_off_at: Option<u64>,
}

impl Payload {
    /// All of it.
    pub(super) fn whole(data: impl Into<Bytes>) -> Self {
        Self { data: Some(data.into()), breaks_off_at: None }
    }

    /// The first half of it, announced as the whole.
    pub(super) fn half(data: impl Into<Bytes>) -> Self {
        let mut data: Bytes = data.into();
        let whole = data.len() as u64;
        data.truncate(data.len() / 2);
        Self { data: Some(data), breaks_off_at: Some(whole) }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Poll::Ready(match (self.data.take(), self.breaks_off_at) {
            (Some(data), _) => Some(Ok(Frame::data(data))),
            (None, Some(_)) => Some(Err(Cut)),
            (None, None) => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.data.as_ref().map_or(0, |data| data.len() as u64);
        SizeHint::with_exact(self.breaks_off_at.unwrap_or(left))
    }
}

/// Opens the port, also while connections of a former owner are still dying.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Takes connections until it is stopped.
pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener, address: SocketAddr) {
    let mut reach = shared.reach.subscribe();
    let room = Arc::new(Semaphore::new(shared.options.max_connections));
    let mut connections = JoinSet::new();
    let mut open = Some(listener);
    loop {
        let reach_now = *reach.borrow_and_update();
        if let Reach::Refuses(until) = reach_now {
            open = None;
            connections.shutdown().await;
            tokio::select! {
                _ = reach.changed() => {}
                () = elapsed(until) => shared.change(|behaviour| {
                    if behaviour.reach == reach_now {
                        behaviour.reach = Reach::Answers;
                    }
                }),
            }
            continue;
        }
        let listener = match open.take().map_or_else(|| listen(address), Ok) {
            Ok(listener) => open.insert(listener),
            Err(error) => {
                warn!(%address, %error, "the port cannot be opened again; trying again");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        tokio::select! {
            _ = reach.changed() => {}
            Some(_) = connections.join_next() => {}
            taken = listener.accept() => match taken {
                Ok((stream, peer)) => match Arc::clone(&room).try_acquire_owned() {
                    Ok(place) => {
                        let shared = Arc::clone(&shared);
                        connections.spawn(async move {
                            converse(shared, stream, peer).await;
                            drop(place);
                        });
                    }
                    Err(_) => warn!(%peer, "too many connections; this one is closed unanswered"),
                },
                Err(error) => {
                    warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(AGAIN).await;
                }
            },
        }
    }
}

async fn elapsed(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// Serves one connection to its end.
async fn converse(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let patience = shared.options.patience;
    // Answers are small and somebody waits for each of them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| -> Answering {
        Box::pin(answer(Arc::clone(&shared), peer.ip(), request))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let stream = connection.into_parts().io.into_inner();
    if ended.is_err() {
        // Whatever ended it early: the other side sees a reset, as of a server that died.
        let _ = stream.set_zero_linger();
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Payload>, Cut>> + Send>>;
