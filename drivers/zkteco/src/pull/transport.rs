//! The two ways to a terminal: a TCP stream of framed packets, and datagrams (facts/terminals.md A.1).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::protocol::frame::{LARGEST, Packet, Reassembly, decode, with_top};
use super::trouble::Trouble;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// A stream.
    Tcp,
    /// Datagrams.
    Udp,
}

/// An open way to a terminal.
#[derive(Debug)]
pub enum Link {
    /// A stream and what of it is not yet a packet.
    Tcp(TcpStream, Reassembly),
    /// A connected socket: datagrams of others do not reach it.
    Udp(UdpSocket, Vec<u8>),
}

impl Link {
    /// Opens the way. Over UDP this says nothing about whether anybody is there.
    pub async fn open(wire: Wire, address: SocketAddr, limit: Duration) -> Result<Self, Trouble> {
        match wire {
            Wire::Tcp => {
                let stream = match timeout(limit, TcpStream::connect(address)).await {
                    Ok(Ok(stream)) => stream,
                    Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(Trouble::Refused),
                    Ok(Err(_)) | Err(_) => return Err(Trouble::Unreachable),
                };
                // A request is one small write; waiting for more to send would only delay it.
                stream.set_nodelay(true).map_err(|_| Trouble::Broken)?;
                Ok(Self::Tcp(stream, Reassembly::default()))
            }
            Wire::Udp => {
                let any: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any).await.map_err(|_| Trouble::Unreachable)?;
                socket.connect(address).await.map_err(|_| Trouble::Unreachable)?;
                Ok(Self::Udp(socket, vec![0; 65_536]))
            }
        }
    }

    /// Which way it is.
    pub fn wire(&self) -> Wire {
        match self {
            Self::Tcp(..) => Wire::Tcp,
            Self::Udp(..) => Wire::Udp,
        }
    }

    /// Sends one packet.
    pub async fn send(&mut self, packet: &[u8], limit: Duration) -> Result<(), Trouble> {
        let sent = match self {
            Self::Tcp(stream, _) => {
                let framed = with_top(packet);
                timeout(limit, stream.write_all(&framed)).await
            }
            Self::Udp(socket, _) => timeout(limit, socket.send(packet)).await.map(|sent| sent.map(drop)),
        };
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Trouble::Refused),
            Ok(Err(_)) => Err(Trouble::Broken),
            Err(_) => Err(Trouble::NoAnswer(limit)),
        }
    }

    /// Sends one packet if that is possible at once; for a goodbye on the way out.
    pub fn send_now(&self, packet: &[u8]) {
        // Nobody waits for the outcome: the socket is closed next.
        let _ = match self {
            Self::Tcp(stream, _) => stream.try_write(&with_top(packet)),
            Self::Udp(socket, _) => socket.try_send(packet),
        };
    }

    /// The next packet, whenever it comes; safe to drop, nothing is lost.
    pub async fn receive(&mut self) -> Result<Packet, Trouble> {
        match self {
            Self::Tcp(stream, reassembly) => loop {
                if let Some(packet) = reassembly.next_packet()? {
                    return Ok(packet);
                }
                let room = reassembly.room();
                room.reserve(16 * 1024);
                match stream.read_buf(room).await {
                    Ok(0) | Err(_) => return Err(Trouble::Broken),
                    Ok(_) => {}
                }
            },
            Self::Udp(socket, buffer) => loop {
                let length = match socket.recv(buffer).await {
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(Trouble::Refused),
                    Err(_) => return Err(Trouble::Broken),
                };
                // A datagram that is no packet breaks nothing: the next one begins anew.
                if let Some(packet) = buffer.get(..length.min(LARGEST)).and_then(|bytes| decode(bytes).ok()) {
                    return Ok(packet);
                }
            },
        }
    }
}
