//! Devices and their characteristics, through btleplug.

use std::sync::Arc;
use std::time::Duration;

use btleplug::api::{Central, CharPropFlags, Characteristic, Manager as _, Peripheral as _, WriteType};
use btleplug::platform::{Adapter, Manager, Peripheral};
use futures_util::future::{BoxFuture, FutureExt, ready};
use futures_util::stream::StreamExt;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::protocol::address::Address;
use crate::protocol::uuid::Uuid;
use crate::radio::Trouble;
use crate::radio::air::{Connection, Gatt, Peer};
use crate::radio::trouble::short;

/// How long connecting and subscribing may take: btleplug alone gives the services 30 s (facts/readers.md D.3). The radio waits a little longer, so that
/// what was begun is given up in order.
const CONNECTS_WITHIN: Duration = Duration::from_secs(31);
/// How long giving a connection up may take.
const GIVES_UP: Duration = Duration::from_secs(3);
/// What an attribute write takes less than the whole MTU.
const HEADER: u16 = 3;

/// btleplug's connection to the bus. It cannot be closed (its reader keeps it), so it is used for as long as the bus lives.
static SESSION: Mutex<Option<Manager>> = Mutex::const_new(None);

async fn session() -> Result<Manager, Trouble> {
    let mut session = SESSION.lock().await;
    if let Some(manager) = &*session {
        return Ok(manager.clone());
    }
    // Connecting blocks on the bus's socket.
    let runtime = tokio::runtime::Handle::current();
    let made = tokio::task::spawn_blocking(move || runtime.block_on(Manager::new())).await;
    let manager = made.map_err(|error| Trouble::Failed(error.to_string()))?.map_err(|error| failed(&error))?;
    Ok(session.insert(manager).clone())
}

/// The bus is gone, and the connection with it.
pub(super) async fn forget_session() {
    SESSION.lock().await.take();
}

/// Connects to the device and subscribes to its pipe.
pub(super) async fn connect(adapter: &str, address: Address, gatt: Gatt) -> Result<Connection, Trouble> {
    let adapter = find_adapter(adapter).await?;
    let devices = adapter.peripherals().await.map_err(|error| failed(&error))?;
    let device = devices.into_iter().find(|device| device.address().into_inner() == address.0);
    let device = device.ok_or_else(|| Trouble::NotHeard(address.to_string()))?;
    let connected = timeout(CONNECTS_WITHIN, subscribe(&device, address, &gatt)).await;
    let connected = connected.unwrap_or(Err(Trouble::Hangs("connect")));
    if connected.is_err() {
        // What is half connected, or still on the way, would keep others away.
        let _ = timeout(GIVES_UP, device.disconnect()).await;
    }
    connected
}

async fn find_adapter(wanted: &str) -> Result<Adapter, Trouble> {
    for adapter in session().await?.adapters().await.map_err(|error| failed(&error))? {
        // The id, then what the adapter is, in parentheses. One that cannot be asked is another.
        let info = adapter.adapter_info().await.unwrap_or_default();
        if info.split(' ').next() == Some(wanted) {
            return Ok(adapter);
        }
    }
    Err(Trouble::NoAdapter(Some(wanted.to_owned())))
}

async fn subscribe(device: &Peripheral, address: Address, gatt: &Gatt) -> Result<Connection, Trouble> {
    device.connect().await.map_err(|error| failed(&error))?;
    device.discover_services().await.map_err(|error| failed(&error))?;
    let characteristics: Vec<Characteristic> =
        device.services().into_iter().flat_map(|service| service.characteristics).collect();
    let find = |service: Uuid, wanted: Uuid| {
        let is = |one: &&Characteristic| one.service_uuid.as_u128() == service.0 && one.uuid.as_u128() == wanted.0;
        characteristics.iter().find(is).cloned()
    };
    let found = gatt.choices().into_iter().find_map(|(service, notify, write, pipe)| {
        let write = match write {
            Some(write) => Some(find(service, write)?),
            None => None,
        };
        Some((find(service, notify)?, write, pipe))
    });
    let Some((notify, write, pipe)) = found else {
        let mut has: Vec<String> =
            device.services().iter().map(|service| format!("{:?}", Uuid(service.uuid.as_u128()))).collect();
        has.sort();
        return Err(Trouble::NoPipe { device: address.to_string(), has: short(&has.join(", ")) });
    };
    let (service, characteristic) = (notify.service_uuid, notify.uuid);
    // Before subscribing, so that nothing is missed.
    let heard = device.notifications().await.map_err(|error| failed(&error))?;
    let notifications = heard.filter_map(move |notification| {
        let ours = notification.service_uuid == service && notification.uuid == characteristic;
        ready(ours.then_some(notification.value))
    });
    // A subscription that the daemon remembers from before a reconnect is not written to the device again (facts/readers.md D.3).
    let _ = device.unsubscribe(&notify).await;
    device.subscribe(&notify).await.map_err(|error| failed(&error))?;
    let room = usize::from(device.mtu().saturating_sub(HEADER)).max(1);
    let peer = Arc::new(BluezPeer { device: device.clone(), write });
    Ok(Connection { peer, notifications: notifications.boxed(), room, pipe })
}

struct BluezPeer {
    device: Peripheral,
    write: Option<Characteristic>,
}

impl Peer for BluezPeer {
    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), Trouble>> {
        async move {
            let Some(characteristic) = &self.write else { return Ok(()) };
            // With a response where there is one: a receipt that nobody got is no receipt.
            let kind = match characteristic.properties.contains(CharPropFlags::WRITE) {
                true => WriteType::WithResponse,
                false => WriteType::WithoutResponse,
            };
            self.device.write(characteristic, &bytes, kind).await.map_err(|error| failed(&error))
        }
        .boxed()
    }

    fn connected(&self) -> BoxFuture<'_, Result<bool, Trouble>> {
        async move { self.device.is_connected().await.map_err(|error| failed(&error)) }.boxed()
    }

    fn disconnect(&self) -> BoxFuture<'_, Result<(), Trouble>> {
        async move { self.device.disconnect().await.map_err(|error| failed(&error)) }.boxed()
    }
}

fn failed(error: &btleplug::Error) -> Trouble {
    Trouble::Failed(short(&error.to_string()))
}
