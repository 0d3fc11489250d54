//! Who it is that answers, and with what the keys of its records begin.

use punchd_contract::{DeviceName, SerialNumber};

use crate::pull::serials::Showing;
use crate::pull::standing::Standing;

/// Takes note of who answers; what was read of another terminal says nothing of this one. Gives the beginning of its keys: its serial
/// number, or, where it has none or another device has the same, the device as well.
pub fn recognise(
    standing: &mut Standing,
    serial: Option<SerialNumber>,
    place: &str,
    device: &DeviceName,
    showing: &Showing,
) -> String {
    let other = match (&standing.serial, &serial) {
        (Some(before), Some(now)) => before != now,
        // Without a serial number only its place tells it from another.
        _ => standing.place != place,
    };
    if other {
        let (wire, moved) = (standing.wire, standing.moved.clone());
        *standing = Standing { wire, moved, ..Standing::default() };
    }
    let wants_alone = match (&standing.keys, &serial) {
        (Some(keys), Some(serial)) => keys == serial.as_str(),
        (keys, _) => keys.is_none(),
    };
    let alone = showing.shows(serial.as_ref(), wants_alone);
    let shown = serial.as_ref().map_or("-", SerialNumber::as_str);
    let keys = match standing.keys.take() {
        Some(keys) if alone || !wants_alone => keys,
        _ if alone => shown.to_owned(),
        _ => format!("{shown} {device}@{place}"),
    };
    standing.serial = serial;
    place.clone_into(&mut standing.place);
    standing.keys = Some(keys.clone());
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DeviceName {
        DeviceName::new(text).unwrap()
    }

    fn serial(text: &str) -> Option<SerialNumber> {
        Some(SerialNumber::new(text).unwrap())
    }

    #[test]
    fn two_terminals_without_a_serial_number_have_keys_of_their_own() {
        let (a, b) = (name("identity-a"), name("identity-b"));
        let (first, second) = (Showing::new(&a, None, None), Showing::new(&b, None, None));
        let keys = recognise(&mut Standing::default(), None, "10.0.0.8:4370", &a, &first);
        assert_ne!(keys, recognise(&mut Standing::default(), None, "10.0.0.9:4370", &b, &second));
    }

    #[test]
    fn whoever_comes_second_with_a_serial_number_names_its_records_otherwise_and_for_ever() {
        let (a, b) = (name("identity-c"), name("identity-d"));
        let (mut of_a, mut of_b) = (Standing::default(), Standing::default());
        let first = Showing::new(&a, None, None);
        assert_eq!(recognise(&mut of_a, serial("IDENTITY1"), "10.0.0.8:4370", &a, &first), "IDENTITY1");
        let second = Showing::new(&b, None, None);
        let keys = recognise(&mut of_b, serial("IDENTITY1"), "10.0.0.9:4370", &b, &second);
        assert_eq!(keys, "IDENTITY1 identity-d@10.0.0.9:4370");
        drop(first);
        assert_eq!(
            recognise(&mut of_b, serial("IDENTITY1"), "10.0.0.9:4370", &b, &second),
            keys,
            "the other one has gone"
        );
        let back = Showing::new(&a, serial("IDENTITY1").as_ref(), Some("IDENTITY1"));
        assert_eq!(recognise(&mut of_a, serial("IDENTITY1"), "10.0.0.8:4370", &a, &back), "IDENTITY1");
        // A new card for the gateway: neither remembers, both read from the start.
        drop((back, second));
        let (first, second) = (Showing::new(&a, None, None), Showing::new(&b, None, None));
        let keys = [
            recognise(&mut Standing::default(), serial("IDENTITY1"), "10.0.0.9:4370", &b, &second),
            recognise(&mut Standing::default(), serial("IDENTITY1"), "10.0.0.8:4370", &a, &first),
        ];
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn a_serial_number_that_is_told_later_changes_no_key_and_another_terminal_begins_anew() {
        let device = name("identity-e");
        let showing = Showing::new(&device, None, None);
        let mut standing = Standing::default();
        let keys = recognise(&mut standing, None, "10.0.0.8:4370", &device, &showing);
        standing.records = 7;
        assert_eq!(recognise(&mut standing, serial("IDENTITY2"), "10.0.0.8:4370", &device, &showing), keys);
        assert_eq!(standing.records, 7);
        assert_eq!(recognise(&mut standing, serial("IDENTITY3"), "10.0.0.8:4370", &device, &showing), "IDENTITY3");
        assert_eq!(standing.records, 0);
        let mut nameless = Standing::default();
        let keys = recognise(&mut nameless, None, "10.0.0.8:4370", &device, &showing);
        nameless.records = 7;
        assert_ne!(recognise(&mut nameless, None, "10.0.0.9:4370", &device, &showing), keys);
        assert_eq!(nameless.records, 0, "another place may be another terminal");
    }
}
