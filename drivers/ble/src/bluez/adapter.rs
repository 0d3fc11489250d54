//! An adapter of the daemon's.

use std::collections::HashMap;
use std::sync::Arc;

use dbus::Path;
use dbus::arg::{PropMap, RefArg, Variant, prop_cast};
use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;

use super::bus::{BLUEZ, Bus, Objects, Signals};
use super::gatt;
use super::objects::{ADAPTER, DEVICE, Devices};
use crate::protocol::address::Address;
use crate::protocol::uuid::Uuid;
use crate::radio::Trouble;
use crate::radio::air::{Adapter, Connection, Event, Gatt, Known, Opened};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Beyond so many devices the daemon is made to forget those that pass by.
const MANY: usize = 200;

/// Connects to the bus, finds the adapter (absent: the first by its number) and switches it on.
pub(super) async fn open(wanted: Option<&str>) -> Result<Opened, Trouble> {
    let (bus, signals) = Bus::connect().await?;
    // The daemon may just be starting for this very question: whoever it is, is known after it.
    let objects = bus.objects().await?;
    let id = choose(&objects, wanted).ok_or_else(|| Trouble::NoAdapter(wanted.map(str::to_owned)))?;
    let path = format!("/org/bluez/{id}");
    let properties = format!("type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',member='PropertiesChanged'");
    for rule in [
        format!("{properties},path='{path}'"),
        // Not what characteristics notify: that is btleplug's to hear.
        format!("{properties},path_namespace='{path}',arg0='{DEVICE}'"),
        format!("type='signal',sender='{BLUEZ}',interface='org.freedesktop.DBus.ObjectManager'"),
    ] {
        bus.subscribe(&rule).await?;
    }
    let owner = bus.owner().await?;
    let mut devices = Devices::of(Path::from(path.clone()));
    for (path, interfaces) in bus.objects().await? {
        if let Some(properties) = interfaces.get(DEVICE) {
            devices.known(&path, properties);
        }
    }
    let adapter = Arc::new(BluezAdapter { id, path, bus });
    if !adapter.powered().await? {
        adapter.power(true).await?;
    }
    let watched = (signals, devices, owner, adapter.clone());
    let events = stream::unfold(watched, |(mut signals, mut devices, owner, adapter)| async move {
        let event = next(&mut signals, &mut devices, &owner).await;
        Some((event, (signals, devices, owner, adapter)))
    });
    Ok(Opened { adapter, events: events.boxed() })
}

async fn next(Signals { messages, lost }: &mut Signals, devices: &mut Devices, owner: &str) -> Event {
    loop {
        tokio::select! {
            biased;
            trouble = lost.wait_for(Option::is_some) => {
                let trouble = trouble.ok().and_then(|trouble| trouble.clone());
                return Event::Lost(trouble.unwrap_or(Trouble::NoBus));
            }
            message = messages.recv() => match message {
                // Anybody on the bus can send signals; the daemon's alone count.
                Some(message) if message.sender().as_deref() == Some(owner) => {
                    if let Some(event) = devices.event(&message) {
                        return event;
                    }
                }
                Some(_) => {}
                None => return Event::Lost(Trouble::NoBus),
            },
        }
    }
}

/// The id of the adapter that is wanted. Their order on the bus differs from run to run (facts/readers.md D.3).
fn choose(objects: &Objects, wanted: Option<&str>) -> Option<String> {
    let adapters = objects.iter().filter(|(_, interfaces)| interfaces.contains_key(ADAPTER));
    let ids = adapters.filter_map(|(path, _)| path.strip_prefix("/org/bluez/").map(str::to_owned));
    match wanted {
        Some(wanted) => ids.into_iter().find(|id| id == wanted),
        None => ids.into_iter().min_by_key(|id| (id.len(), id.clone())),
    }
}

struct BluezAdapter {
    id: String,
    path: String,
    bus: Bus,
}

impl BluezAdapter {
    async fn set(&self, property: &str, value: bool) -> Result<(), Trouble> {
        self.bus.call(&self.path, PROPERTIES, "Set", (ADAPTER, property, Variant(value))).await
    }

    async fn start(&self, services: Vec<Uuid>) -> Result<(), Trouble> {
        let mut filter: PropMap = HashMap::new();
        let mut put = |key: &str, value: Box<dyn RefArg>| filter.insert(key.to_owned(), Variant(value));
        // Classic Bluetooth would take half of the air time; and without duplicates a badge is heard once.
        put("Transport", Box::new("le".to_owned()));
        put("DuplicateData", Box::new(true));
        if !services.is_empty() {
            put("UUIDs", Box::new(services.iter().map(Uuid::to_string).collect::<Vec<_>>()));
        }
        let () = self.bus.call(&self.path, ADAPTER, "SetDiscoveryFilter", (filter,)).await?;
        self.bus.call(&self.path, ADAPTER, "StartDiscovery", ()).await
    }

    /// The devices of this adapter.
    async fn devices(&self) -> Result<Vec<(Path<'static>, Address, PropMap)>, Trouble> {
        let of = Devices::of(Path::from(self.path.clone()));
        let devices = self.bus.objects().await?.into_iter().filter_map(|(path, mut interfaces)| {
            let address = of.address(&path)?;
            Some((path, address, interfaces.remove(DEVICE)?))
        });
        Ok(devices.collect())
    }

    async fn forget_passing(&self, keep: Vec<Address>) -> Result<usize, Trouble> {
        let devices = self.devices().await?;
        if devices.len() <= MANY {
            return Ok(0);
        }
        let mut forgotten = 0;
        for (path, address, properties) in devices {
            let is = |name| prop_cast::<bool>(&properties, name) == Some(&true);
            if keep.contains(&address) || ["Paired", "Bonded", "Trusted", "Connected"].into_iter().any(is) {
                continue;
            }
            // It may have been forgotten meanwhile.
            let removed: Result<(), _> = self.bus.call(&self.path, ADAPTER, "RemoveDevice", (path,)).await;
            forgotten += usize::from(removed.is_ok());
        }
        Ok(forgotten)
    }
}

impl Adapter for BluezAdapter {
    fn id(&self) -> &str {
        &self.id
    }

    fn scan(&self, services: Vec<Uuid>) -> BoxFuture<'_, Result<(), Trouble>> {
        self.start(services).boxed()
    }

    fn stop_scan(&self) -> BoxFuture<'_, Result<(), Trouble>> {
        self.bus.call(&self.path, ADAPTER, "StopDiscovery", ()).boxed()
    }

    fn powered(&self) -> BoxFuture<'_, Result<bool, Trouble>> {
        async move {
            let (powered,): (Variant<bool>,) =
                self.bus.call(&self.path, PROPERTIES, "Get", (ADAPTER, "Powered")).await?;
            Ok(powered.0)
        }
        .boxed()
    }

    fn power(&self, on: bool) -> BoxFuture<'_, Result<(), Trouble>> {
        self.set("Powered", on).boxed()
    }

    fn connected(&self) -> BoxFuture<'_, Result<Vec<Known>, Trouble>> {
        async move {
            let connected = self.devices().await?.into_iter().filter_map(|(_, address, properties)| {
                let connected = prop_cast::<bool>(&properties, "Connected") == Some(&true);
                let name = prop_cast::<String>(&properties, "Name").cloned();
                connected.then_some(Known { address, name })
            });
            Ok(connected.collect())
        }
        .boxed()
    }

    fn connect(&self, address: Address, gatt: Gatt) -> BoxFuture<'_, Result<Connection, Trouble>> {
        gatt::connect(&self.id, address, gatt).boxed()
    }

    fn tidy(&self, keep: Vec<Address>) -> BoxFuture<'_, Result<usize, Trouble>> {
        self.forget_passing(keep).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_adapter_is_the_one_with_the_lowest_number() {
        let adapter = |path: &'static str| (Path::from(path), HashMap::from([(ADAPTER.to_owned(), PropMap::new())]));
        let objects: Objects =
            ["/org/bluez/hci10", "/org/bluez/hci2", "/org/bluez/hci1"].map(adapter).into_iter().collect();
        assert_eq!(choose(&objects, None).as_deref(), Some("hci1"));
        assert_eq!(choose(&objects, Some("hci10")).as_deref(), Some("hci10"));
        assert_eq!(choose(&objects, Some("hci0")), None);
        assert_eq!(choose(&Objects::new(), None), None);
    }
}
