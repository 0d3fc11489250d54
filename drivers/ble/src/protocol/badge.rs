//! Who is told by an advertisement: iBeacon and Eddystone frames (facts/readers.md D.2), and data by a mask.
//!
//! Find My (Apple) and FMDN (Google) frames rotate their keys on purpose and are not read: they must not be used to track people
//! (facts/readers.md D.1).

use super::uuid::Uuid;

/// The company that iBeacon frames are marked with.
pub const APPLE: u16 = 0x004C;
/// The service that Eddystone frames are marked with.
pub const EDDYSTONE: Uuid = Uuid::short(0xFEAA);

/// What a device tells the air.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Data by company.
    pub manufacturer: Vec<(u16, Vec<u8>)>,
    /// Data by service.
    pub service: Vec<(Uuid, Vec<u8>)>,
}

/// A frame of a known format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// iBeacon.
    IBeacon {
        /// Whose beacons these are.
        uuid: Uuid,
        /// The group.
        major: u16,
        /// Which one of the group.
        minor: u16,
    },
    /// Eddystone UID.
    Eddystone {
        /// Whose beacons these are.
        namespace: [u8; 10],
        /// Which one.
        instance: [u8; 6],
    },
    /// Eddystone EID: an id that changes all the time for everybody who has not its key.
    EddystoneEid([u8; 8]),
}

impl Frame {
    /// From the data of a company.
    pub fn of_manufacturer(company: u16, data: &[u8]) -> Option<Self> {
        let rest = data.strip_prefix(&[0x02, 0x15]).filter(|_| company == APPLE)?;
        let (uuid, rest) = rest.split_first_chunk::<16>()?;
        let ([a, b, c, d], rest) = rest.split_first_chunk::<4>()?;
        // The power at one metre: not needed, and no iBeacon without it.
        (!rest.is_empty()).then_some(Self::IBeacon {
            uuid: Uuid(u128::from_be_bytes(*uuid)),
            major: u16::from_be_bytes([*a, *b]),
            minor: u16::from_be_bytes([*c, *d]),
        })
    }

    /// From the data of a service.
    pub fn of_service(service: Uuid, data: &[u8]) -> Option<Self> {
        match data {
            _ if service != EDDYSTONE => None,
            [0x00, _power, rest @ ..] => {
                let (namespace, rest) = rest.split_first_chunk::<10>()?;
                let (instance, _reserved) = rest.split_first_chunk::<6>()?;
                Some(Self::Eddystone { namespace: *namespace, instance: *instance })
            }
            [0x30, _power, rest @ ..] => rest.split_first_chunk::<8>().map(|(eid, _)| Self::EddystoneEid(*eid)),
            _ => None,
        }
    }

    /// How its readings are marked.
    pub fn profile(&self) -> &'static str {
        match self {
            Self::IBeacon { .. } => "ibeacon",
            Self::Eddystone { .. } => "eddystone",
            Self::EddystoneEid(_) => "eddystone-eid",
        }
    }
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl std::fmt::Display for Frame {
    /// The text that the people list holds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::IBeacon { uuid, major, minor } => write!(f, "ibeacon:{uuid}/{major}/{minor}"),
            Self::Eddystone { namespace, instance } => write!(f, "eddystone:{}/{}", hex(namespace), hex(instance)),
            Self::EddystoneEid(eid) => write!(f, "eddystone-eid:{}", hex(eid)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An iBeacon frame, as facts/readers.md D.2 lays it out.
    pub(in crate::protocol) fn ibeacon(uuid: u128, major: u16, minor: u16) -> Vec<u8> {
        let mut frame = vec![0x02, 0x15];
        frame.extend(uuid.to_be_bytes());
        frame.extend(major.to_be_bytes());
        frame.extend(minor.to_be_bytes());
        frame.push(0xC5);
        frame
    }

    #[test]
    fn an_ibeacon_is_told_by_its_three_numbers() {
        let frame = ibeacon(0xF782_6DA6_4FA2_4E98_8024_BC5B_71E0_893E, 1, 0x0203);
        let text = "ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e/1/515";
        assert_eq!(Frame::of_manufacturer(APPLE, &frame).unwrap().to_string(), text);
        assert_eq!(Frame::of_manufacturer(0x0499, &frame), None);
        for short in 0..frame.len() {
            assert_eq!(Frame::of_manufacturer(APPLE, &frame[..short]), None);
        }
    }

    #[test]
    fn an_eddystone_is_told_by_namespace_and_instance() {
        let mut frame = vec![0x00, 0xEE];
        frame.extend(0..16_u8);
        let text = "eddystone:00010203040506070809/0a0b0c0d0e0f";
        assert_eq!(Frame::of_service(EDDYSTONE, &frame).unwrap().to_string(), text);
        frame.extend([0, 0]);
        assert_eq!(Frame::of_service(EDDYSTONE, &frame).unwrap().to_string(), text);
        assert_eq!(Frame::of_service(EDDYSTONE, &frame[..17]), None);
        let eid = [0x30, 0xEE, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(Frame::of_service(EDDYSTONE, &eid).unwrap().to_string(), "eddystone-eid:0102030405060708");
    }

    #[test]
    fn what_people_carry_against_loss_is_not_read() {
        let find_my = [&[0x12, 0x19, 0x00][..], &[7; 24]].concat();
        assert_eq!(Frame::of_manufacturer(APPLE, &find_my), None);
        for kind in [0x40, 0x41] {
            assert_eq!(Frame::of_service(EDDYSTONE, &[&[kind][..], &[7; 20]].concat()), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(company: u16, data: Vec<u8>) {
            let _ = (Frame::of_manufacturer(company, &data), Frame::of_manufacturer(APPLE, &data));
            let _ = Frame::of_service(EDDYSTONE, &data);
        }

        #[test]
        fn ibeacons_differ_where_their_numbers_do(a: (u128, u16, u16), b: (u128, u16, u16)) {
            let text = |(uuid, major, minor)| Frame::of_manufacturer(APPLE, &ibeacon(uuid, major, minor)).unwrap().to_string();
            prop_assert_eq!(a == b, text(a) == text(b));
        }
    }
}
