//! Which module the virtual one is.

use crate::protocol::{Address, Product};

/// What differs between models. Start from one of them and change what the case needs.
#[derive(Clone, Debug)]
pub struct Options {
    /// As `ReadSysPara` tells it.
    pub system: u16,
    /// Slots of the library.
    pub capacity: u16,
    /// Bytes of a template.
    pub template: usize,
    /// 0 to 3: data packets of 32 to 256 bytes.
    pub packet_code: u8,
    /// Feature buffers.
    pub buffers: u8,
    /// Whether it has a ring of coloured light.
    pub ring: bool,
    /// Whether its light can be switched (50 and 51).
    pub backlight: bool,
    /// Whether it has a notepad.
    pub notepad: bool,
    /// What it says of itself, if it can.
    pub product: Option<Product>,
    /// Whether it has the fast search (1B).
    pub fast_search: bool,
    /// What it adds to the page of a finger that it has found.
    pub page_shift: u16,
    /// Whether it says 55 when it has started.
    pub says_ready: bool,
    /// What it does about commands that it does not have.
    pub unknown: Unknown,
    /// Commands that it lacks besides, by their number: it does about them what it does about unknown ones.
    pub lacks: Vec<u8>,
    /// How it sends templates.
    pub sends: Sends,
    /// Its address.
    pub address: Address,
    /// Its password.
    pub password: u32,
    /// Who is in its library already.
    pub fingers: Vec<(u16, String)>,
}

/// What a module does about a command that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Says that the packet was wrong.
    Refuses,
    /// Says nothing.
    IsSilent,
}

/// How a module sends templates (facts/readers.md C.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// In packets of the set size.
    Plainly,
    /// With a last packet that is shorter.
    ShortAtTheEnd,
    /// Zeros, and no last packet.
    ForEver,
    /// Not at all.
    Never,
}

impl Options {
    /// An old optical module: a notepad, no light to switch, silence about what it does not know.
    pub fn zfm20() -> Self {
        Self {
            system: 9,
            capacity: 200,
            template: 512,
            packet_code: 2,
            buffers: 2,
            ring: false,
            backlight: false,
            notepad: true,
            product: None,
            fast_search: true,
            page_shift: 0,
            says_ready: false,
            unknown: Unknown::IsSilent,
            lacks: Vec::new(),
            sends: Sends::Plainly,
            address: Address::default(),
            password: 0,
            fingers: Vec::new(),
        }
    }

    /// An optical module whose light can be switched, without a notepad.
    pub fn as608() -> Self {
        Self { capacity: 162, backlight: true, notepad: false, unknown: Unknown::Refuses, ..Self::zfm20() }
    }

    /// A capacitive module with a ring of seven colours.
    pub fn r503() -> Self {
        let product = Product {
            model: "R503".into(),
            serial: "GR0120230001".into(),
            hardware: (1, 2),
            template: 1536,
            capacity: 200,
        };
        Self {
            system: 0,
            template: 1536,
            buffers: 6,
            ring: true,
            product: Some(product),
            says_ready: true,
            unknown: Unknown::Refuses,
            ..Self::zfm20()
        }
    }

    /// A module without the fast search, whose hits are one page off.
    pub fn r551() -> Self {
        Self { fast_search: false, page_shift: 1, sends: Sends::ShortAtTheEnd, template: 564, ..Self::as608() }
    }

    /// With these fingers in its library.
    pub fn with(mut self, fingers: impl IntoIterator<Item = (u16, &'static str)>) -> Self {
        self.fingers = fingers.into_iter().map(|(slot, name)| (slot, name.to_owned())).collect();
        self
    }
}
