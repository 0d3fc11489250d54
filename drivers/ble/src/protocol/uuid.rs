//! Names of services and characteristics, and which of them are known to be a serial pipe (facts/readers.md D.2).

/// The 96 bits that a short UUID stands in front of.
const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5F9B_34FB;

/// The name of a service or a characteristic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl Uuid {
    /// From its 16-bit form.
    pub const fn short(short: u16) -> Self {
        Self(BASE | ((short as u128) << 96))
    }

    /// From `ffe1`, `0xFFE1`, or the long form with its dashes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let short = text.strip_prefix("0x").unwrap_or(text);
        let hex = |text: &str| text.bytes().all(|c| c.is_ascii_hexdigit());
        if matches!(short.len(), 4 | 8) && hex(short) {
            return u32::from_str_radix(short, 16).ok().map(|short| Self(BASE | (u128::from(short) << 96)));
        }
        let lengths = [8, 4, 4, 4, 12];
        let parts: Vec<&str> = text.split('-').collect();
        let long = parts.len() == lengths.len()
            && parts.iter().zip(lengths).all(|(part, length)| part.len() == length && hex(part));
        if !long {
            return None;
        }
        u128::from_str_radix(&parts.concat(), 16).ok().map(Self)
    }

    /// Its 16-bit form, if it has one.
    pub fn as_short(self) -> Option<u16> {
        let short = u16::try_from(self.0 >> 96).ok()?;
        (Self::short(short) == self).then_some(short)
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = self.0;
        let (a, b, c) = ((bits >> 96) & 0xFFFF_FFFF, (bits >> 80) & 0xFFFF, (bits >> 64) & 0xFFFF);
        let (d, e) = ((bits >> 48) & 0xFFFF, bits & 0xFFFF_FFFF_FFFF);
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

impl std::fmt::Debug for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_short() {
            Some(short) => write!(f, "{short:04x}"),
            None => write!(f, "{self}"),
        }
    }
}

/// A service that carries bytes both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipe {
    /// What it is called, for people and for a reading's profile.
    pub name: &'static str,
    /// The service.
    pub service: Uuid,
    /// What the device notifies on.
    pub notify: Uuid,
    /// What is written to.
    pub write: Uuid,
}

/// The Nordic UART service.
pub const NUS: Pipe = Pipe {
    name: "nus",
    service: Uuid(0x6E40_0001_B5A3_F393_E0A9_E50E_24DC_CA9E),
    notify: Uuid(0x6E40_0003_B5A3_F393_E0A9_E50E_24DC_CA9E),
    write: Uuid(0x6E40_0002_B5A3_F393_E0A9_E50E_24DC_CA9E),
};

/// HM-10 modules and their many copies: one characteristic both ways.
pub const HM10: Pipe =
    Pipe { name: "ffe0", service: Uuid::short(0xFFE0), notify: Uuid::short(0xFFE1), write: Uuid::short(0xFFE1) };

/// The other common bridge.
pub const FFF0: Pipe =
    Pipe { name: "fff0", service: Uuid::short(0xFFF0), notify: Uuid::short(0xFFF1), write: Uuid::short(0xFFF2) };

/// The pipes that are tried where no service is named, in this order.
pub const PIPES: [Pipe; 3] = [NUS, HM10, FFF0];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_and_long_forms_are_one_name() {
        let long = Uuid::parse("0000ffe1-0000-1000-8000-00805f9b34fb").unwrap();
        assert_eq!(Uuid::parse("FFE1"), Some(long));
        assert_eq!(Uuid::parse("0xffe1"), Some(long));
        assert_eq!((long, long.as_short()), (Uuid::short(0xFFE1), Some(0xFFE1)));
        assert_eq!(NUS.service.to_string(), "6e400001-b5a3-f393-e0a9-e50e24dcca9e");
        assert_eq!(NUS.service.as_short(), None);
        for wrong in
            ["", "ffe", "ffe12", "6e400001b5a3f393e0a9e50e24dcca9e", "+fe1", "6e40000-1b5a3-f393-e0a9-e50e24dcca9e"]
        {
            assert_eq!(Uuid::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_it_is_written(bits: u128) {
            prop_assert_eq!(Uuid::parse(&Uuid(bits).to_string()), Some(Uuid(bits)));
        }

        #[test]
        fn no_text_is_too_strange(text: String) {
            let _ = Uuid::parse(&text);
        }
    }
}
