//! What follows the code in answers: parameters, hits, index pages, product information.

use super::Address;

/// Bytes of a page of the index; each tells eight slots.
pub const INDEX_BYTES: usize = 32;
/// Slots of a page of the index.
const INDEX_SLOTS: u16 = 256;

/// What a module says of itself (`ReadSysPara`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Bit 0 busy, 1 last match passed, 2 password verified, 3 image buffer valid.
    pub status: u16,
    /// Its system's id: 0009 in the old ones, 0000 in the R503.
    pub system: u16,
    /// Slots of its library.
    pub capacity: u16,
    /// How sure a match must be, 1 to 5: the module itself says "not found" below that.
    pub security: u16,
    /// Its address.
    pub address: Address,
    /// 0 to 3 for data packets of 32, 64, 128 and 256 bytes.
    pub packet_code: u16,
    /// Its speed.
    pub baud: Baud,
}

/// A speed, in units of 9600.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baud(pub u16);

impl Parameters {
    /// From the 16 bytes; `None` where the packet size is none.
    pub fn parse(params: &[u8]) -> Option<Self> {
        let words: &[u8; 16] = params.try_into().ok()?;
        let [s, t, y, z, l, m, v, w, a, b, c, d, p, q, n, o] = *words;
        let parsed = Self {
            status: u16::from_be_bytes([s, t]),
            system: u16::from_be_bytes([y, z]),
            capacity: u16::from_be_bytes([l, m]),
            security: u16::from_be_bytes([v, w]),
            address: Address(u32::from_be_bytes([a, b, c, d])),
            packet_code: u16::from_be_bytes([p, q]),
            baud: Baud(u16::from_be_bytes([n, o])),
        };
        (parsed.packet_code <= 3).then_some(parsed)
    }

    /// As a module writes them.
    pub fn encode(&self) -> Vec<u8> {
        let words = [self.status, self.system, self.capacity, self.security].map(u16::to_be_bytes);
        let rest = [self.packet_code, self.baud.0].map(u16::to_be_bytes);
        [&words.concat()[..], &self.address.0.to_be_bytes(), &rest.concat()].concat()
    }

    /// Bytes of a data packet.
    pub fn packet_bytes(&self) -> usize {
        32 << self.packet_code.min(3)
    }
}

/// A finger of the library, found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it is.
    pub page: u16,
    /// How sure.
    pub score: u16,
}

impl Hit {
    /// From the four bytes.
    pub fn parse(params: &[u8]) -> Option<Self> {
        let [a, b, c, d] = *<&[u8; 4]>::try_from(params).ok()?;
        Some(Self { page: u16::from_be_bytes([a, b]), score: u16::from_be_bytes([c, d]) })
    }

    /// As a module writes it.
    pub fn encode(self) -> Vec<u8> {
        [self.page.to_be_bytes(), self.score.to_be_bytes()].concat()
    }
}

/// The slots that a page of the index says are used: bit n of the page is slot n, the lowest bit first.
pub fn slots_of(page: u8, bits: &[u8]) -> Vec<u16> {
    let first = u16::from(page) * INDEX_SLOTS;
    let used = |slot: &u16| {
        let slot = usize::from(*slot);
        bits.get(slot / 8).is_some_and(|byte| byte >> (slot % 8) & 1 == 1)
    };
    (0..INDEX_SLOTS).filter(used).map(|slot| first + slot).collect()
}

/// The page of the index for these used slots.
pub fn index_page(page: u8, used: impl IntoIterator<Item = u16>) -> [u8; INDEX_BYTES] {
    let mut bits = [0; INDEX_BYTES];
    for slot in used {
        let here = slot.checked_sub(u16::from(page) * INDEX_SLOTS).map(usize::from);
        if let Some((place, byte)) = here.and_then(|slot| Some((slot % 8, bits.get_mut(slot / 8)?))) {
            *byte |= 1 << place;
        }
    }
    bits
}

/// What newer modules say of themselves (`ReadProdInfo`, R503 manual 1.2.2 page 16). Its fields have 46 bytes; the same page says
/// 50 and gives a length for 46, so that both occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Such as `R503`.
    pub model: String,
    /// Its batch and serial number; often the same in all of a model.
    pub serial: String,
    /// Main and sub-version.
    pub hardware: (u8, u8),
    /// Bytes of a template; 0 where it does not say.
    pub template: u16,
    /// Slots of the library.
    pub capacity: u16,
}

impl Product {
    /// What must be there: up to and with the size of the library.
    pub const BYTES: usize = 46;

    /// From the bytes.
    pub fn parse(params: &[u8]) -> Option<Self> {
        let (model, rest) = params.split_first_chunk::<16>()?;
        let (serial, rest) = rest.split_first_chunk::<12>()?;
        let (hardware, rest) = rest.split_first_chunk::<2>()?;
        // Type, width and height of the sensor.
        let (_, rest) = rest.split_first_chunk::<12>()?;
        let (template, rest) = rest.split_first_chunk::<2>()?;
        let (capacity, _) = rest.split_first_chunk::<2>()?;
        let model = printable(model);
        (!model.is_empty()).then(|| Self {
            model,
            serial: printable(serial),
            hardware: (hardware[0], hardware[1]),
            template: u16::from_be_bytes(*template),
            capacity: u16::from_be_bytes(*capacity),
        })
    }

    /// As a module writes it.
    pub fn encode(&self) -> Vec<u8> {
        let filled = |text: &str, length: usize| {
            let mut bytes = text.as_bytes().to_vec();
            bytes.resize(length, 0);
            bytes
        };
        [
            filled(&self.model, 16),
            filled(&self.serial, 12),
            vec![self.hardware.0, self.hardware.1],
            filled("", 12),
            self.template.to_be_bytes().to_vec(),
            self.capacity.to_be_bytes().to_vec(),
        ]
        .concat()
    }
}

/// What can be shown of a field that is filled with zeros, spaces or FF.
fn printable(field: &[u8]) -> String {
    field.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_an_answer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), page in 0..4_u8) {
            if let Some(parameters) = Parameters::parse(&bytes) {
                prop_assert_eq!(parameters.encode(), bytes.clone());
            }
            if let Some(hit) = Hit::parse(&bytes) {
                prop_assert_eq!(hit.encode(), bytes.clone());
            }
            let _ = Product::parse(&bytes);
            prop_assert!(slots_of(page, &bytes).len() <= 256);
        }

        #[test]
        fn an_index_page_tells_the_slots_it_was_made_of(slots in proptest::collection::btree_set(512..768_u16, 0..60)) {
            let bits = index_page(2, slots.iter().copied());
            prop_assert_eq!(slots_of(2, &bits), slots.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn product_information_is_read_as_it_is_written() {
        let product = Product {
            model: "R503".into(),
            serial: "B00120230001".into(),
            hardware: (1, 2),
            template: 1536,
            capacity: 200,
        };
        let mut bytes = product.encode();
        assert_eq!((bytes.len(), Product::parse(&bytes)), (Product::BYTES, Some(product.clone())));
        bytes.extend([0; 4]);
        assert_eq!(Product::parse(&bytes), Some(product));
        assert_eq!(Product::parse(&[0; 50]), None);
    }
}
