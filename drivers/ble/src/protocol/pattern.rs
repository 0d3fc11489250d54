//! Which advertisements are badges, as the settings say it.

use super::badge::{APPLE, EDDYSTONE, Frame, Told, hex};
use super::uuid::Uuid;

/// One kind of badge to listen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `ibeacon`, `ibeacon:UUID`, `ibeacon:UUID/MAJOR`.
    IBeacon {
        /// Whose; absent: anybody's.
        uuid: Option<Uuid>,
        /// Which group; absent: every one.
        major: Option<u16>,
    },
    /// `eddystone`, `eddystone:NAMESPACE`.
    Eddystone(Option<[u8; 10]>),
    /// `eddystone-eid`.
    EddystoneEid,
    /// `manufacturer:0499/05..####`.
    Manufacturer(u16, Mask),
    /// `service:fcd2/40..####`.
    Service(Uuid, Mask),
}

/// Which bytes of some data must be so, and which tell the badge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(Vec<Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Is(u8),
    Any,
    Tells,
}

/// A badge that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// The text that the people list holds.
    pub id: String,
    /// How its readings are marked.
    pub profile: &'static str,
    /// The data as they came.
    pub raw: Vec<u8>,
}

impl Mask {
    /// Two characters a byte: hexadecimal for a byte that must be so, `..` for any, `##` for one that tells the badge. At most 31 bytes,
    /// as long as an advertisement is.
    fn parse(text: &str) -> Option<Self> {
        let pairs: Vec<char> = text.chars().collect();
        if !pairs.len().is_multiple_of(2) || pairs.len() > 62 {
            return None;
        }
        let place = |pair: &[char]| match pair {
            ['.', '.'] => Some(Place::Any),
            ['#', '#'] => Some(Place::Tells),
            [high, low] => {
                let byte = high.to_digit(16)? * 16 + low.to_digit(16)?;
                u8::try_from(byte).ok().map(Place::Is)
            }
            _ => None,
        };
        let places: Vec<Place> = pairs.chunks(2).map(place).collect::<Option<_>>()?;
        places.contains(&Place::Tells).then_some(Self(places))
    }

    /// The bytes that tell the badge, if the data are so; longer data are fine.
    fn tell(&self, data: &[u8]) -> Option<Vec<u8>> {
        if data.len() < self.0.len() {
            return None;
        }
        let mut told = Vec::new();
        for (place, byte) in self.0.iter().zip(data) {
            match place {
                Place::Is(wanted) if wanted != byte => return None,
                Place::Is(_) | Place::Any => {}
                Place::Tells => told.push(*byte),
            }
        }
        Some(told)
    }
}

impl Pattern {
    /// Reads a pattern as it stands in the settings. Data of Apple and of the Eddystone service have their own words: by a mask, things that people
    /// carry against loss could be followed.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, rest) = match text.trim().split_once(':') {
            Some((word, rest)) => (word, Some(rest.trim())),
            None => (text.trim(), None),
        };
        match (word, rest) {
            ("ibeacon", None) => Some(Self::IBeacon { uuid: None, major: None }),
            ("ibeacon", Some(rest)) => {
                let (uuid, major) = match rest.split_once('/') {
                    Some((uuid, major)) => (uuid, Some(major.parse().ok()?)),
                    None => (rest, None),
                };
                let uuid = Uuid::parse(uuid).filter(|_| uuid.len() == 36)?;
                Some(Self::IBeacon { uuid: Some(uuid), major })
            }
            ("eddystone", None) => Some(Self::Eddystone(None)),
            ("eddystone", Some(rest)) => {
                let digits: Vec<char> = rest.chars().collect();
                let bytes = digits.chunks(2).map(|pair| match pair {
                    [high, low] => u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok(),
                    _ => None,
                });
                let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
                bytes.try_into().ok().map(|namespace| Self::Eddystone(Some(namespace)))
            }
            ("eddystone-eid", None) => Some(Self::EddystoneEid),
            ("manufacturer", Some(rest)) => {
                let (company, mask) = rest.split_once('/')?;
                let company = Uuid::parse(company)?.as_short().filter(|company| *company != APPLE)?;
                Mask::parse(mask).map(|mask| Self::Manufacturer(company, mask))
            }
            ("service", Some(rest)) => {
                let (service, mask) = rest.split_once('/')?;
                let service = Uuid::parse(service).filter(|service| *service != EDDYSTONE)?;
                Mask::parse(mask).map(|mask| Self::Service(service, mask))
            }
            _ => None,
        }
    }

    /// The service that its badges name in their advertisement, where they must name one.
    pub fn service(&self) -> Option<Uuid> {
        // Data of a service may stand without the service's name in the list; only Eddystone asks for it.
        matches!(self, Self::Eddystone(_) | Self::EddystoneEid).then_some(EDDYSTONE)
    }

    fn takes(&self, frame: &Frame) -> bool {
        match (self, frame) {
            (Self::IBeacon { uuid, major }, Frame::IBeacon { uuid: its, major: group, .. }) => {
                uuid.is_none_or(|uuid| uuid == *its) && major.is_none_or(|major| major == *group)
            }
            (Self::Eddystone(wanted), Frame::Eddystone { namespace, .. }) => {
                wanted.is_none_or(|wanted| wanted == *namespace)
            }
            (Self::EddystoneEid, Frame::EddystoneEid(_)) => true,
            _ => false,
        }
    }
}

/// The badges among what a device tells, each once.
pub fn badges(patterns: &[Pattern], told: &Told) -> Vec<Badge> {
    let mut badges: Vec<Badge> = Vec::new();
    let mut found = |badge: Badge| {
        if badges.iter().all(|other| other.id != badge.id) {
            badges.push(badge);
        }
    };
    let framed = |frame: Frame, data: &[u8]| {
        let wanted = patterns.iter().any(|pattern| pattern.takes(&frame));
        wanted.then(|| Badge { id: frame.to_string(), profile: frame.profile(), raw: data.to_vec() })
    };
    for (company, data) in &told.manufacturer {
        if let Some(badge) = Frame::of_manufacturer(*company, data).and_then(|frame| framed(frame, data)) {
            found(badge);
        }
        for pattern in patterns {
            let Pattern::Manufacturer(wanted, mask) = pattern else { continue };
            if let Some(bytes) = mask.tell(data).filter(|_| wanted == company) {
                let id = format!("manufacturer:{company:04x}/{}", hex(&bytes));
                found(Badge { id, profile: "manufacturer", raw: data.clone() });
            }
        }
    }
    for (service, data) in &told.service {
        if let Some(badge) = Frame::of_service(*service, data).and_then(|frame| framed(frame, data)) {
            found(badge);
        }
        for pattern in patterns {
            let Pattern::Service(wanted, mask) = pattern else { continue };
            if let Some(bytes) = mask.tell(data).filter(|_| wanted == service) {
                found(Badge {
                    id: format!("service:{service:?}/{}", hex(&bytes)),
                    profile: "service",
                    raw: data.clone(),
                });
            }
        }
    }
    badges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::badge::tests::ibeacon;
    use super::*;

    const OURS: u128 = 0xF782_6DA6_4FA2_4E98_8024_BC5B_71E0_893E;

    fn heard(patterns: &[&str], told: &Told) -> Vec<String> {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        badges(&patterns, told).into_iter().map(|badge| badge.id).collect()
    }

    #[test]
    fn only_the_badges_that_are_asked_for_are_heard() {
        let told = Told { manufacturer: vec![(APPLE, ibeacon(OURS, 1, 7))], service: Vec::new() };
        let id = "ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e/1/7";
        for pattern in [
            "ibeacon",
            "ibeacon:F7826DA6-4FA2-4E98-8024-BC5B71E0893E",
            "ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e/1",
        ] {
            assert_eq!(heard(&[pattern, "eddystone"], &told), [id], "{pattern}");
        }
        for pattern in [
            "ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e/2",
            "ibeacon:00000000-0000-0000-0000-000000000000",
            "eddystone",
        ] {
            assert!(heard(&[pattern], &told).is_empty(), "{pattern}");
        }
    }

    #[test]
    fn a_mask_tells_badges_of_other_makers() {
        let told = Told {
            manufacturer: vec![(0x0499, vec![5, 0xEE, 0xAB, 0xCD, 1])],
            service: vec![(Uuid::short(0xFCD2), vec![0x40, 9, 8])],
        };
        assert_eq!(heard(&["manufacturer:0499/05..####"], &told), ["manufacturer:0499/abcd"]);
        assert_eq!(heard(&["service:fcd2/40####"], &told), ["service:fcd2/0908"]);
        assert!(heard(&["manufacturer:0499/06..####", "service:fcd2/40######"], &told).is_empty());
    }

    #[test]
    fn patterns_that_say_nothing_or_would_follow_people_are_refused() {
        for wrong in [
            "",
            "ibeacon:",
            "ibeacon:ffe0",
            "ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e/x",
            "eddystone:00",
            "eddystone-eid:1",
            "manufacturer:0499/05..",
            "manufacturer:0499/#",
            "manufacturer:004c/12####",
            "service:feaa/41####",
            "badge",
        ] {
            assert_eq!(Pattern::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_data_are_too_strange(text: String, company: u16, data: Vec<u8>) {
            let _ = Pattern::parse(&text);
            let told = Told { manufacturer: vec![(company, data.clone())], service: vec![(EDDYSTONE, data)] };
            heard(&["ibeacon", "eddystone", "eddystone-eid", "manufacturer:0499/..##"], &told);
        }
    }
}
