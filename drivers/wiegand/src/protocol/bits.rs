//! The bits of one frame.

use std::fmt;

/// The most bits that a frame has.
pub const MOST: u8 = 64;

/// Up to 64 bits, the first one on the wire first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bits {
    value: u64,
    length: u8,
}

impl Bits {
    /// The low `length` bits of `value`; more than 64 are cut to that.
    pub fn new(value: u64, length: u8) -> Self {
        let length = length.min(MOST);
        Self { value: value & mask(length), length }
    }

    /// From a text of `0` and `1`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = Self::default();
        for c in text.chars() {
            match c {
                '0' => bits.push(false).then_some(())?,
                '1' => bits.push(true).then_some(())?,
                _ => return None,
            }
        }
        Some(bits)
    }

    /// One more at the end. Answers `false` if there is no room.
    pub fn push(&mut self, bit: bool) -> bool {
        if self.length >= MOST {
            return false;
        }
        self.value = self.value << 1 | u64::from(bit);
        self.length += 1;
        true
    }

    /// How many.
    pub fn len(self) -> u8 {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// As a number, the first bit being the highest.
    pub fn value(self) -> u64 {
        self.value
    }

    /// Every bit the other way: what comes from swapped wires.
    pub fn inverted(self) -> Self {
        Self::new(!self.value, self.length)
    }

    /// `count` of them from the `from`-th on; as many as there are.
    pub fn part(self, from: u8, count: u8) -> Self {
        let from = from.min(self.length);
        let count = count.min(self.length - from);
        let behind = u32::from(self.length - from - count);
        Self::new(self.value.checked_shr(behind).unwrap_or(0), count)
    }

    /// How many are 1.
    pub fn ones(self) -> u32 {
        self.value.count_ones()
    }

    /// The bits in order.
    pub fn iter(self) -> impl Iterator<Item = bool> {
        (0..self.length).rev().map(move |at| self.value >> at & 1 == 1)
    }
}

fn mask(length: u8) -> u64 {
    u64::MAX.checked_shr(64 - u32::from(length)).unwrap_or(0)
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|bit| f.write_str(if bit { "1" } else { "0" }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_comes_back(text in "[01]{0,64}") {
            prop_assert_eq!(Bits::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn parts_join_to_the_whole(text in "[01]{0,64}", from: u8, count: u8) {
            let bits = Bits::parse(&text).unwrap();
            let from = from.min(bits.len());
            let parts = [bits.part(0, from), bits.part(from, 64)].map(|part| part.to_string()).concat();
            prop_assert_eq!(parts, text);
            let _ = bits.part(from, count);
            prop_assert_eq!(bits.inverted().inverted(), bits);
            prop_assert_eq!(bits.ones() + bits.inverted().ones(), u32::from(bits.len()));
        }
    }

    #[test]
    fn no_more_than_64_fit() {
        assert_eq!(Bits::parse(&"1".repeat(65)), None);
        assert_eq!(Bits::parse("2"), None);
        assert_eq!(Bits::new(u64::MAX, 200).len(), 64);
    }
}
