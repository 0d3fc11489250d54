//! The checksum of a frame (facts/terminals.md A.2).

/// Over a frame's header and data, whatever stands in the checksum's own place (bytes 2 and 3) taken as zero.
pub fn checksum(inner: &[u8]) -> u16 {
    let mut sum = 0u32;
    for (word, pair) in inner.chunks(2).enumerate() {
        if word == 1 {
            continue;
        }
        let low = pair.first().copied().unwrap_or(0);
        let high = pair.get(1).copied().unwrap_or(0);
        sum = sum.wrapping_add(u32::from(u16::from_le_bytes([low, high])));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // After folding, the sum fits 16 bits.
    !(sum as u16)
}
