//! Looking for terminals, in the networks that the operator named and nowhere else: one that has changed its address, or all.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use punchd_contract::{Found, Search, SerialNumber, Subnet, Text};

use super::places::Place;
use super::session::Session;
use super::settings::{PORT, Settings, Transport};
use super::silence::Silences;
use super::transport::{Link, Wire};
use super::trouble::Trouble;

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
        let Ok(mut session) = Session::open(link, settings.comm_key, ANSWER, Silences::default()).await else {
            continue;
        };
        let said = session.option("~SerialNumber").await;
        session.end().await;
        if said.is_ok_and(|said| said.as_deref() == Some(serial.as_str())) {
            return Some((address, *wire));
        }
    }
    None
}

/// Every terminal that answers in the networks of this search.
pub async fn discover(search: &Search) -> Vec<Found> {
    let hosts = search.subnets.clone().into_iter().flat_map(Subnet::hosts);
    let tried = stream::iter(hosts).map(|host| look((host, PORT).into()));
    tried.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
}

/// What answers there, over TCP or UDP. One that wants a comm key has told that it is a terminal.
async fn look(address: SocketAddr) -> Option<Found> {
    let _place = Place::take(address)?;
    for wire in [Wire::Tcp, Wire::Udp] {
        let Ok(link) = Link::open(wire, address, OPEN).await else { continue };
        let mut settings = vec![("address", format!("\"{}\"", address.ip()))];
        let limit = if wire == Wire::Tcp { ANSWER } else { OPEN };
        match Session::open(link, None, limit, Silences::default()).await {
            Ok(mut session) => {
                let serial = session.option("~SerialNumber").await.ok().flatten();
                let serial = serial.and_then(|text| SerialNumber::new(text).ok());
                let version = session.version().await.ok().flatten().unwrap_or_default();
                session.end().await;
                let version: String = version.chars().filter(|c| !c.is_control()).take(60).collect();
                let shown = serial.as_ref().map_or("?", SerialNumber::as_str);
                let says = Text::new(
                    format!("a ZKTeco terminal, serial number {shown}, {version}"),
                    format!("中控终端，序列号 {shown}，{version}"),
                );
                if let Some(serial) = serial {
                    settings.push(("serial", format!("\"{serial}\"")));
                }
                return Some(Found { kind: "zkteco-pull", place: address.to_string(), says, settings });
            }
            Err(Trouble::KeyMissing | Trouble::KeyWrong) => {
                settings.push(("comm_key", "{ file = \"/etc/punchd/secrets/comm-key\" }".to_owned()));
                let says = Text::new(
                    "a ZKTeco terminal that wants a comm key: it stands in the terminal's menu",
                    "中控终端，需要通信密码（见设备菜单）",
                );
                return Some(Found { kind: "zkteco-pull", place: address.to_string(), says, settings });
            }
            Err(_) => {}
        }
    }
    None
}
