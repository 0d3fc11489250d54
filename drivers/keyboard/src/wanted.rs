//! Which input device a block of the configuration means: by the port it is plugged into, by what it is, or by what it calls itself.

use std::path::PathBuf;

/// What stands behind `device`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A name under `/dev/input`: `by-path` names the physical port, `by-id` the very reader.
    Node(PathBuf),
    /// The physical port as the kernel writes it, with or without the interface: `phys:usb-0000:01:00.0-1.2`.
    Port(String),
    /// USB vendor and product: `ffff:0035`.
    Ids(u16, u16),
    /// What it calls itself.
    Name(String),
}

impl Wanted {
    /// Reads the setting; `None`: none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            return None;
        }
        if text.starts_with('/') {
            let path = PathBuf::from(text);
            let plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
            return (plain && text.len() > "/dev/input/".len() && path.starts_with("/dev/input"))
                .then_some(Self::Node(path));
        }
        if let Some(port) = text.strip_prefix("phys:") {
            return (!port.is_empty()).then(|| Self::Port(port.to_owned()));
        }
        Some(ids(text).unwrap_or_else(|| Self::Name(text.to_owned())))
    }
}

fn ids(text: &str) -> Option<Wanted> {
    let (vendor, product) = text.split_once(':')?;
    let hex = |text: &str| {
        let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u16::from_str_radix(text, 16).ok()).flatten()
    };
    Some(Wanted::Ids(hex(vendor)?, hex(product)?))
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Node(path) => write!(f, "{}", path.display()),
            Self::Port(port) => write!(f, "phys:{port}"),
            Self::Ids(vendor, product) => write!(f, "{vendor:04x}:{product:04x}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_shown_alike() {
        for text in [
            "/dev/input/by-path/platform-3f980000.usb-usb-0:1.2:1.0-event-kbd",
            "/dev/input/event3",
            "phys:usb-0000:01:00.0-1.2",
            "ffff:0035",
            "Sycreader USB Reader",
            "0:1",
        ] {
            assert_eq!(Wanted::parse(text).map(|wanted| wanted.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Wanted::parse("FFFF:0035"), Some(Wanted::Ids(0xFFFF, 0x0035)));
        assert_eq!(Wanted::parse("0:1"), Some(Wanted::Name("0:1".into())));
        for wrong in ["", " ", "/dev/ttyUSB0", "/dev/input/", "/dev/input/../sda", "/dev/inputs/x", "phys:", "a\nb"] {
            assert_eq!(Wanted::parse(wrong), None, "{wrong:?}");
        }
    }
}
