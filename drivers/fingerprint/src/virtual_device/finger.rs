//! Fingers that do not exist: what a module makes of them.

/// How a finger lies on the glass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// As it should.
    Well,
    /// Wet or dirty.
    Messy,
    /// Dry, or only its tip.
    Little,
    /// Moving: no image comes of it.
    Moving,
}

/// What is taken from an image: whose it is, and noise that differs from touch to touch.
pub(super) fn features(finger: &str, touch: u64, length: usize) -> Vec<u8> {
    let whose = whose(finger);
    let mut state = u64::from_be_bytes(whose) ^ touch.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    });
    whose.into_iter().chain(noise).take(length).collect()
}

/// Whether both are of one finger. What was never taken from a finger is of none.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (one.get(..8), other.get(..8));
    one.is_some() && one == other
}

fn whose(finger: &str) -> [u8; 8] {
    let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    finger.bytes().fold(0xCBF2_9CE4_8422_2325, mix).to_be_bytes()
}
