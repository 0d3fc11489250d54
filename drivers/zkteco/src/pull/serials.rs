//! Which device of this gateway shows which serial number. Terminals without one, or with the same as another, are told apart by
//! their block of the configuration, so that the punches of two people are never taken for one record read twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use punchd_contract::{DeviceName, SerialNumber};

static SHOWN: Mutex<BTreeMap<u64, Shown>> = Mutex::new(BTreeMap::new());

#[derive(Debug)]
struct Shown {
    device: DeviceName,
    serial: Option<SerialNumber>,
    /// Its records are named by the serial number alone.
    alone: bool,
}

fn shown() -> MutexGuard<'static, BTreeMap<u64, Shown>> {
    SHOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// One device's place in the list, for as long as it is served.
#[derive(Debug)]
pub struct Showing(u64);

impl Showing {
    /// Takes a place, with what the device showed in an earlier run: another one must not meanwhile use its name.
    pub fn new(device: &DeviceName, serial: Option<&SerialNumber>, keys: Option<&str>) -> Self {
        let mut shown = shown();
        let place = shown.last_key_value().map_or(0, |(last, _)| last.wrapping_add(1));
        let alone = serial.is_some_and(|serial| keys == Some(serial.as_str()));
        shown.insert(place, Shown { device: device.clone(), serial: serial.cloned(), alone });
        Self(place)
    }

    /// Notes what it shows now, and tells whether its records are named by the serial number alone: if it wants that and no other
    /// device's are.
    pub fn shows(&self, serial: Option<&SerialNumber>, wants_alone: bool) -> bool {
        let mut shown = shown();
        let device = shown.get(&self.0).map(|own| own.device.clone());
        let other = |one: &&Shown| Some(&one.device) != device.as_ref() && one.serial.as_ref() == serial && one.alone;
        let alone = wants_alone && serial.is_some() && !shown.values().any(|one| other(&one));
        if let Some(own) = shown.get_mut(&self.0) {
            own.serial = serial.cloned();
            own.alone = alone;
        }
        alone
    }

    /// The other devices that show this serial number.
    pub fn shared_with(&self, serial: &SerialNumber) -> Vec<DeviceName> {
        let shown = shown();
        let own = shown.get(&self.0).map(|own| own.device.clone());
        let mut devices: Vec<DeviceName> = shown
            .values()
            .filter(|other| Some(&other.device) != own.as_ref() && other.serial.as_ref() == Some(serial))
            .map(|other| other.device.clone())
            .collect();
        devices.sort();
        devices.dedup();
        devices
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        shown().remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_devices_with_one_serial_number_know_of_each_other_while_both_are_served() {
        let serial = SerialNumber::new("SERIALS0001").unwrap();
        let [a, b] = ["serials-a", "serials-b"].map(|name| DeviceName::new(name).unwrap());
        let first = Showing::new(&a, None, None);
        assert!(first.shows(Some(&serial), true) && first.shared_with(&serial).is_empty());
        let second = Showing::new(&b, Some(&serial), Some("SERIALS0001 serials-b 10.0.0.9:4370"));
        assert!(!second.shows(Some(&serial), true), "the first has it alone");
        assert!(first.shows(Some(&serial), true), "and keeps it");
        assert_eq!((first.shared_with(&serial), second.shared_with(&serial)), (vec![b], vec![a]));
        drop(first);
        assert!(second.shared_with(&serial).is_empty() && second.shows(Some(&serial), true));
        assert!(!second.shows(None, true), "without a serial number there is nothing to be alone with");
    }
}
