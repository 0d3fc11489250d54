//! Looking for a terminal that has changed its address, in the networks that the operator named and nowhere else.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use punchd_contract::SerialNumber;

use super::places::Place;
use super::session::Session;
use super::settings::{Settings, Subnet, Transport};
use super::transport::{Link, Wire};

/// How many addresses are tried at once.
const AT_ONCE: usize = 32;
/// How long one address may take to open, and to answer.
const OPEN: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(3);

/// The address at which the terminal with this serial number answers now. `known` is over what it answered before.
pub async fn find(settings: &Settings, serial: &SerialNumber, known: Option<Wire>) -> Option<(SocketAddr, Wire)> {
    let port = settings.address.port;
    let hosts = settings.subnets.clone().into_iter().flat_map(Subnet::hosts);
    let wires: &[Wire] = match (settings.transport, known) {
        (Transport::Tcp, _) | (Transport::Auto, Some(Wire::Tcp)) => &[Wire::Tcp],
        (Transport::Udp, _) | (Transport::Auto, Some(Wire::Udp)) => &[Wire::Udp],
        (Transport::Auto, None) => &[Wire::Tcp, Wire::Udp],
    };
    let tried = stream::iter(hosts).map(|host| answers(settings, serial, wires, (host, port).into()));
    let mut found = std::pin::pin!(tried.buffer_unordered(AT_ONCE).filter_map(std::future::ready));
    found.next().await
}

/// Whether the terminal answers there, and over what.
async fn answers(
    settings: &Settings,
    serial: &SerialNumber,
    wires: &[Wire],
    address: SocketAddr,
) -> Option<(SocketAddr, Wire)> {
    // Somebody whom another task talks to is not the one who is missing.
    let _place = Place::take(address)?;
    for wire in wires {
        let Ok(link) = Link::open(*wire, address, OPEN).await else { continue };
        let Ok(mut session) = Session::open(link, settings.comm_key, ANSWER).await else { continue };
        let said = session.option("~SerialNumber").await;
        session.end().await;
        if said.is_ok_and(|said| said.as_deref() == Some(serial.as_str())) {
            return Some((address, *wire));
        }
    }
    None
}
