//! Whom to look for: a Bluetooth address, or the name that a device advertises.

/// A Bluetooth address, most significant byte first, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 6]);

impl Address {
    /// From `AA:BB:CC:DD:EE:FF`, in either case, with `:`, `-` or `_` between the bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-', '_']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|c| c.is_ascii_hexdigit()))?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(bytes))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

/// Whom to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The device at this address.
    Address(Address),
    /// The device that advertises this name, whole and with its case.
    Named(String),
}

impl Target {
    /// An address where the text is one, a name otherwise. A name has at most 248 bytes, as Bluetooth allows.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(address) = Address::parse(text) {
            return Some(Self::Address(address));
        }
        let named = (1..=248).contains(&text.len()) && !text.chars().any(char::is_control);
        named.then(|| Self::Named(text.to_owned()))
    }

    /// Whether that is the one.
    pub fn is(&self, address: Address, name: Option<&str>) -> bool {
        match self {
            Self::Address(wanted) => *wanted == address,
            Self::Named(wanted) => name == Some(wanted),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Named(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_address_is_read_as_it_is_written(bytes: [u8; 6]) {
            let address = Address(bytes);
            let text = address.to_string();
            prop_assert_eq!(Address::parse(&text), Some(address));
            prop_assert_eq!(Address::parse(&text.to_lowercase().replace(':', "-")), Some(address));
        }

        #[test]
        fn no_text_is_too_strange(text: String) {
            let _ = Target::parse(&text);
        }
    }

    #[test]
    fn what_is_no_address_is_a_name() {
        assert_eq!(Target::parse("Gate 1"), Some(Target::Named("Gate 1".into())));
        assert_eq!(Target::parse("AA:BB:CC:DD:EE"), Some(Target::Named("AA:BB:CC:DD:EE".into())));
        assert_eq!(Target::parse("+A:BB:CC:DD:EE:FF"), Some(Target::Named("+A:BB:CC:DD:EE:FF".into())));
        assert_eq!(Target::parse("  "), None);
        let target = Target::parse("c0:00:00:00:00:01").unwrap();
        assert!(target.is(Address([0xC0, 0, 0, 0, 0, 1]), None));
    }
}
