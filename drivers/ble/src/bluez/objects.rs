//! What the daemon's signals say of the devices of one adapter.

use std::collections::HashMap;

use dbus::arg::{PropMap, RefArg, Variant, cast, prop_cast};
use dbus::message::SignalArgs;
use dbus::nonblock::stdintf::org_freedesktop_dbus::{
    ObjectManagerInterfacesAdded, ObjectManagerInterfacesRemoved, PropertiesPropertiesChanged,
};
use dbus::{Message, Path};

use crate::protocol::address::Address;
use crate::protocol::uuid::Uuid;
use crate::radio::air::{Advertisement, Event};

pub(super) const ADAPTER: &str = "org.bluez.Adapter1";
pub(super) const DEVICE: &str = "org.bluez.Device1";

/// The most devices that are remembered; those beyond are heard without their names.
const MOST: usize = 2048;

/// The devices as they were told last. Signals tell changes alone.
#[derive(Debug)]
pub(super) struct Devices {
    adapter: Path<'static>,
    below: String,
    known: HashMap<Path<'static>, Advertisement>,
}

impl Devices {
    /// Those of this adapter.
    pub fn of(adapter: Path<'static>) -> Self {
        let below = format!("{adapter}/dev_");
        Self { adapter, below, known: HashMap::new() }
    }

    /// A device that is known without having been heard.
    pub fn known(&mut self, path: &Path<'static>, properties: &PropMap) {
        self.change(path, properties);
    }

    /// What a signal of the daemon says.
    pub fn event(&mut self, message: &Message) -> Option<Event> {
        if let Some(changed) = PropertiesPropertiesChanged::from_message(message) {
            let path = message.path()?.into_static();
            return match changed.interface_name.as_str() {
                ADAPTER if path == self.adapter => {
                    changed.changed_properties.contains_key("Powered").then_some(Event::Power)
                }
                DEVICE => self.changed(&path, &changed.changed_properties),
                _ => None,
            };
        }
        if let Some(added) = ObjectManagerInterfacesAdded::from_message(message) {
            let properties = added.interfaces.get(DEVICE)?;
            return self.changed(&added.object, properties);
        }
        let removed = ObjectManagerInterfacesRemoved::from_message(message)?;
        if removed.object == self.adapter && removed.interfaces.iter().any(|name| name == ADAPTER) {
            return Some(Event::Lost(crate::radio::Trouble::NoAdapter(None)));
        }
        let address = self.address(&removed.object).filter(|_| removed.interfaces.iter().any(|name| name == DEVICE))?;
        self.known.remove(&removed.object);
        Some(Event::Left(address))
    }

    fn changed(&mut self, path: &Path<'static>, properties: &PropMap) -> Option<Event> {
        let address = self.address(path)?;
        let heard = ["RSSI", "ManufacturerData", "ServiceData"].iter().any(|name| properties.contains_key(*name));
        let advertisement = self.change(path, properties);
        if prop_cast::<bool>(properties, "Connected") == Some(&false) && !heard {
            return Some(Event::Left(address));
        }
        advertisement.filter(|_| heard).map(Event::Heard)
    }

    /// Remembers what is told and answers the whole.
    fn change(&mut self, path: &Path<'static>, properties: &PropMap) -> Option<Advertisement> {
        let address = self.address(path)?;
        let fresh = Advertisement { address, name: None, rssi: None, services: Vec::new(), told: Default::default() };
        let mut unremembered = fresh.clone();
        let known = match self.known.len() < MOST || self.known.contains_key(path) {
            true => self.known.entry(path.clone()).or_insert(fresh),
            false => &mut unremembered,
        };
        if let Some(name) = prop_cast::<String>(properties, "Name") {
            known.name = Some(name.clone());
        }
        if let Some(rssi) = prop_cast::<i16>(properties, "RSSI") {
            known.rssi = Some(*rssi);
        }
        if let Some(services) = prop_cast::<Vec<String>>(properties, "UUIDs") {
            known.services = services.iter().filter_map(|service| Uuid::parse(service)).collect();
        }
        if let Some(data) = prop_cast::<HashMap<u16, Variant<Box<dyn RefArg>>>>(properties, "ManufacturerData") {
            let bytes = data.iter().filter_map(|(company, data)| Some((*company, cast::<Vec<u8>>(&data.0)?.clone())));
            known.told.manufacturer = bytes.collect();
        }
        if let Some(data) = prop_cast::<PropMap>(properties, "ServiceData") {
            let bytes = data
                .iter()
                .filter_map(|(service, data)| Some((Uuid::parse(service)?, cast::<Vec<u8>>(&data.0)?.clone())));
            known.told.service = bytes.collect();
        }
        Some(known.clone())
    }

    /// The device at this path, if it is one of this adapter's.
    pub fn address(&self, path: &Path<'static>) -> Option<Address> {
        Address::parse(path.strip_prefix(self.below.as_str())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::badge::Told;

    const PATH: &str = "/org/bluez/hci0/dev_C0_00_00_00_00_01";
    const AT: Address = Address([0xC0, 0, 0, 0, 0, 1]);

    fn devices() -> Devices {
        Devices::of(Path::from("/org/bluez/hci0"))
    }

    fn changed(path: &'static str, interface: &str, properties: PropMap) -> Message {
        let changed = PropertiesPropertiesChanged {
            interface_name: interface.into(),
            changed_properties: properties,
            invalidated_properties: Vec::new(),
        };
        changed.to_emit_message(&Path::from(path))
    }

    fn property(key: &str, value: impl RefArg + 'static) -> (String, Variant<Box<dyn RefArg>>) {
        (key.to_owned(), Variant(Box::new(value) as Box<dyn RefArg>))
    }

    #[test]
    fn an_advertisement_is_joined_from_what_came_before() {
        let mut devices = devices();
        let name = PropMap::from([property("Name", "Gate".to_owned())]);
        assert_eq!(devices.event(&changed(PATH, DEVICE, name)), None);
        let data: HashMap<u16, Variant<Box<dyn RefArg>>> =
            HashMap::from([(0x004C, Variant(Box::new(vec![1_u8, 2]) as Box<dyn RefArg>))]);
        let heard = PropMap::from([property("RSSI", -60_i16), property("ManufacturerData", data)]);
        let told = Told { manufacturer: vec![(0x004C, vec![1, 2])], service: Vec::new() };
        let expected =
            Advertisement { address: AT, name: Some("Gate".into()), rssi: Some(-60), services: Vec::new(), told };
        assert_eq!(devices.event(&changed(PATH, DEVICE, heard)), Some(Event::Heard(expected)));
    }

    #[test]
    fn leaving_is_told_and_what_concerns_others_is_not() {
        let mut devices = devices();
        let gone = || PropMap::from([property("Connected", false)]);
        assert_eq!(devices.event(&changed(PATH, DEVICE, gone())), Some(Event::Left(AT)));
        assert_eq!(devices.event(&changed("/org/bluez/hci1/dev_C0_00_00_00_00_01", DEVICE, gone())), None);
        assert_eq!(devices.event(&changed("/org/bluez/hci0/dev_C0_00_00_00_00_01/player0", DEVICE, gone())), None);
        let removed = |path: &'static str, interface: &str| {
            ObjectManagerInterfacesRemoved { object: Path::from(path), interfaces: vec![interface.into()] }
                .to_emit_message(&Path::from("/"))
        };
        assert_eq!(devices.event(&removed(PATH, DEVICE)), Some(Event::Left(AT)));
        assert!(matches!(devices.event(&removed("/org/bluez/hci0", ADAPTER)), Some(Event::Lost(_))));
        let off = || PropMap::from([property("Powered", false)]);
        assert_eq!(devices.event(&changed("/org/bluez/hci0", ADAPTER, off())), Some(Event::Power));
        assert_eq!(devices.event(&changed("/org/bluez/hci1", ADAPTER, off())), None);
    }
}
