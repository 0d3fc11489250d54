//! The two ways to a virtual terminal, and what can be wrong with them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::protocol::frame::{Reassembly, decode, encode, with_top};
use super::answers::Client;
use super::{Core, Push};

/// How long half a frame is all that comes.
const STALLED: Duration = Duration::from_secs(5);
const GARBAGE: [u8; 24] = *b"\xffHTTP/1.0 400 garbage\r\n\x00";

impl Core {
    async fn until_unplugged(&self) {
        // The sender lives in the core itself, so that waiting cannot fail.
        let _ = self.line.subscribe().wait_for(|line| line.unplugged).await;
    }

    async fn until_plugged_in(&self) {
        let _ = self.line.subscribe().wait_for(|line| !line.unplugged).await;
    }

    async fn take_time(&self) {
        let slow = self.line.borrow().slow;
        if !slow.is_zero() {
            sleep(slow).await;
        }
    }

    fn is_silent(&self) -> bool {
        self.line.borrow().silent
    }

    /// How many of these bytes still go out before the line is cut; all of them if none is to be.
    fn before_the_cut(&self, bytes: usize) -> (usize, bool) {
        let mut cut = self.cut.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match *cut {
            Some(left) if left <= bytes => {
                *cut = None;
                (left, true)
            }
            Some(left) => {
                *cut = Some(left - bytes);
                (bytes, false)
            }
            None => (bytes, false),
        }
    }
}

/// Keeps the frames to one client apart.
struct Pace {
    gap: Duration,
    next: Option<Instant>,
}

impl Pace {
    fn new(core: &Core) -> Self {
        Self { gap: core.options.frame_gap, next: None }
    }

    /// Waits until the next frame may go out.
    async fn frame(&mut self) {
        if self.gap.is_zero() {
            return;
        }
        if let Some(next) = self.next {
            sleep_until(next).await;
        }
        self.next = Some(Instant::now() + self.gap);
    }
}

/// Counts a client for as long as it is connected.
struct Counted<'a>(&'a Core);

impl<'a> Counted<'a> {
    fn new(core: &'a Core) -> Self {
        let now = core.clients.fetch_add(1, Ordering::Relaxed) + 1;
        core.most_clients.fetch_max(now, Ordering::Relaxed);
        Self(core)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) async fn tcp(core: Arc<Core>, listener: TcpListener, address: SocketAddr) {
    let mut listener = Some(listener);
    let mut clients = JoinSet::new();
    loop {
        let Some(open) = &listener else {
            core.until_plugged_in().await;
            listener = TcpListener::bind(address).await.ok();
            if listener.is_none() {
                sleep(Duration::from_millis(50)).await;
            }
            continue;
        };
        tokio::select! {
            () = core.until_unplugged() => {
                clients.shutdown().await;
                listener = None;
            }
            accepted = open.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let core = core.clone();
                if core.options.several_clients {
                    clients.spawn(async move { client(&core, stream).await });
                } else {
                    // The next one is connected by the kernel and hears nothing until this one has gone.
                    client(&core, stream).await;
                }
            }
            Some(_) = clients.join_next() => {}
        }
    }
}

async fn client(core: &Core, stream: TcpStream) {
    // A client that has just gone is noticed before this one is counted.
    sleep(Duration::from_millis(1)).await;
    let _counted = Counted::new(core);
    // However it ends, the connection is closed.
    tokio::select! {
        () = core.until_unplugged() => {}
        _ = converse(core, stream) => {}
    }
}

async fn converse(core: &Core, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reassembly = Reassembly::default();
    let mut client = Client::new(core.options.tcp_block);
    let mut pushes = core.pushes.subscribe();
    let mut pace = Pace::new(core);
    while !client.gone {
        tokio::select! {
            read = stream.read_buf(reassembly.room()) => {
                if read? == 0 {
                    return Ok(());
                }
                while let Some(packet) = reassembly.next_packet().map_err(io::Error::other)? {
                    if core.is_silent() {
                        continue;
                    }
                    core.take_time().await;
                    for answer in core.answer(&mut client, &packet) {
                        pace.frame().await;
                        write(core, &mut stream, &with_top(&answer)).await?;
                    }
                }
            }
            push = next_push(&mut pushes) => match push {
                Push::Event(data) if client.listens => {
                    pace.frame().await;
                    write(core, &mut stream, &with_top(&encode(500, 1, 0, &data))).await?;
                }
                Push::Event(_) => {}
                Push::Garbage => write(core, &mut stream, &GARBAGE).await?,
                Push::HalfFrame => {
                    let frame = with_top(&encode(500, 1, 0, &[0; 32]));
                    write(core, &mut stream, frame.get(..21).unwrap_or_default()).await?;
                    sleep(STALLED).await;
                    return Ok(());
                }
            },
        }
    }
    Ok(())
}

/// The next thing to send unasked; what was pushed while the client was too slow is lost, as in life.
async fn next_push(pushes: &mut Receiver<Push>) -> Push {
    loop {
        match pushes.recv().await {
            Ok(push) => return push,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

async fn write(core: &Core, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let (whole, cut) = core.before_the_cut(bytes.len());
    let mut rest = bytes.get(..whole).unwrap_or(bytes);
    let pieces = core.line.borrow().pieces;
    while let Some(most) = pieces {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at(fastrand::usize(1..=most).min(rest.len()));
        stream.write_all(piece).await?;
        // Lets the other side read each piece by itself.
        yield_now().await;
        rest = later;
    }
    stream.write_all(rest).await?;
    if cut { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}

pub(super) async fn udp(core: Arc<Core>, socket: UdpSocket) {
    let mut buffer = vec![0; 65_536];
    let mut pushes = core.pushes.subscribe();
    // Datagrams have no connection: who connected last is the client.
    let mut current: Option<(SocketAddr, Client, Counted<'_>)> = None;
    let mut pace = Pace::new(&core);
    loop {
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                let Ok((length, peer)) = received else { continue };
                let Some(packet) = buffer.get(..length).and_then(|bytes| decode(bytes).ok()) else { continue };
                if core.line.borrow().unplugged || core.is_silent() {
                    continue;
                }
                if packet.command == 1000 {
                    drop(current.take());
                    current = Some((peer, Client::new(core.options.udp_block), Counted::new(&core)));
                }
                let Some((_, client, _)) = current.as_mut().filter(|(known, ..)| *known == peer) else { continue };
                core.take_time().await;
                for answer in core.options.odd.datagrams.arrive(core.answer(client, &packet)) {
                    pace.frame().await;
                    let (whole, cut) = core.before_the_cut(answer.len());
                    if cut || core.line.borrow().unplugged {
                        break;
                    }
                    // A datagram that cannot be sent is lost, as datagrams are.
                    let _ = socket.send_to(answer.get(..whole).unwrap_or(&answer), peer).await;
                }
                if client.gone {
                    current = None;
                }
            }
            push = next_push(&mut pushes) => {
                let Some((peer, client, _)) = &current else { continue };
                if core.line.borrow().unplugged {
                    continue;
                }
                let stalled = matches!(push, Push::HalfFrame);
                let bytes = match push {
                    Push::Event(data) if client.listens => encode(500, 1, 0, &data),
                    Push::Event(_) => continue,
                    Push::Garbage => GARBAGE.to_vec(),
                    Push::HalfFrame => encode(500, 1, 0, &[0; 32]).get(..21).unwrap_or_default().to_vec(),
                };
                let _ = socket.send_to(&bytes, *peer).await;
                if stalled {
                    sleep(STALLED).await;
                    current = None;
                }
            }
        }
    }
}
