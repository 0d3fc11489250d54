//! The comm key as it goes over the wire (facts/terminals.md A.3).

/// What the device menu calls the comm key: up to six digits, 0 for none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CommKey(u32);

/// The tick byte that clients mix in; any would do, all use this one.
const TICK: u8 = 50;

impl std::fmt::Debug for CommKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

impl CommKey {
    /// From the digits that stand on the device's menu.
    pub fn parse(digits: &str) -> Option<Self> {
        let digits = digits.trim();
        let sane = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        sane.then(|| digits.parse().ok().map(Self)).flatten()
    }

    /// From a number, as a virtual terminal holds it.
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The four bytes that AUTH carries in the session with this id.
    pub fn scrambled(self, session: u16) -> [u8; 4] {
        // The halves change places; the lowest byte gives way to the tick, so that it carries nothing of the key.
        let [_, b, c, d] = self.0.reverse_bits().wrapping_add(u32::from(session)).to_le_bytes();
        [c ^ b'S' ^ TICK, d ^ b'O' ^ TICK, TICK, b ^ b'K' ^ TICK]
    }
}
