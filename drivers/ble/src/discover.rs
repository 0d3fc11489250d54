//! Looking around: devices with a serial service and badges that are near.

use std::collections::BTreeMap;
use std::time::Duration;

use punchd_contract::{Found, Text};
use tokio::time::timeout;

use crate::protocol::address::Address;
use crate::protocol::badge::{Frame, hex};
use crate::protocol::uuid::{FFF0, HM10, NUS, Uuid};
use crate::radio::air::Advertisement;
use crate::radio::{Radio, Source};

/// How long is listened: a device that saves its battery advertises every second or two.
const LISTENS: Duration = Duration::from_secs(6);
/// How long the adapter may take to be there; where there is none, that is known sooner.
const OPENS_WITHIN: Duration = Duration::from_secs(4);
/// No site has more of them.
const MOST: usize = 64;

/// Everything that is heard, the last of each device. Nothing where there is no Bluetooth.
async fn heard<S: Source>() -> BTreeMap<Address, Advertisement> {
    let mut devices = BTreeMap::new();
    let radio = Radio::of::<S>(None);
    if !radio.opens(OPENS_WITHIN).await {
        return devices;
    }
    let mut listener = radio.listen(Vec::new(), LISTENS * 100);
    let listen = async {
        loop {
            let advertisement = listener.next().await;
            if devices.len() < MOST * 16 || devices.contains_key(&advertisement.address) {
                devices.insert(advertisement.address, (*advertisement).clone());
            }
        }
    };
    // Ends by its time.
    let _: Result<std::convert::Infallible, _> = timeout(LISTENS, listen).await;
    devices
}

/// The words for a serial service.
fn serial(service: Uuid) -> Option<&'static str> {
    match service {
        service if service == NUS.service => Some("Nordic UART"),
        service if service == HM10.service => Some("FFE0 UART"),
        service if service == FFF0.service => Some("FFF0 UART"),
        _ => None,
    }
}

/// Devices with a serial service.
pub(crate) async fn terminals<S: Source>() -> Vec<Found> {
    let found = heard::<S>().await.into_values().filter_map(|device| {
        let service = device.services.iter().find_map(|service| serial(*service))?;
        let name: String =
            device.name.iter().flat_map(|name| name.chars()).filter(|c| !c.is_control()).take(40).collect();
        let name = if name.is_empty() { "?".to_owned() } else { name };
        let strength = device.rssi.map(|rssi| format!(", {rssi} dBm")).unwrap_or_default();
        Some(Found {
            kind: "ble",
            place: device.address.to_string(),
            says: Text::new(format!("{name}: {service}{strength}"), format!("{name}：{service}{strength}")),
            settings: vec![("device", format!("\"{}\"", device.address))],
        })
    });
    found.take(MOST).collect()
}

/// Kinds of badges: what is common to those that one owner gives out.
pub(crate) async fn badges<S: Source>() -> Vec<Found> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for device in heard::<S>().await.values() {
        let told = &device.told;
        let frames = told.manufacturer.iter().filter_map(|(company, data)| Frame::of_manufacturer(*company, data));
        let frames = frames.chain(told.service.iter().filter_map(|(service, data)| Frame::of_service(*service, data)));
        for frame in frames {
            let kind = match frame {
                Frame::IBeacon { uuid, .. } => format!("ibeacon:{uuid}"),
                Frame::Eddystone { namespace, .. } => format!("eddystone:{}", hex(&namespace)),
                // It changes all the time: nobody can be known by it.
                Frame::EddystoneEid(_) => continue,
            };
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let found = kinds.into_iter().map(|(kind, count)| Found {
        kind: "ble-badge",
        says: Text::new(format!("{count} badges near"), format!("附近有 {count} 个工牌")),
        settings: vec![("badges", format!("[\"{kind}\"]"))],
        place: kind,
    });
    found.take(MOST).collect()
}
