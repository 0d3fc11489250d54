//! Frames of cards: 26, 34 and 37 bits with their parity. What stands behind each is in docs/sources/chips.md.

use super::bits::Bits;

/// How a head writes a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// 24 data bits: a facility of 8 and a number of 16. A part of a card's number (facts/readers.md B.3).
    W26,
    /// 32 data bits: usually a card's whole 4-byte UID.
    W34,
    /// 35 data bits, HID's H10304: its two groups of parity share the bit in the middle.
    W37,
}

/// A card as its head wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Card {
    /// How.
    pub format: Format,
    /// The data bits as a number.
    pub data: u64,
}

/// Why a frame is no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No known format has so many bits.
    #[error("{0} bits are no format that is known (26, 34, 37)")]
    Length(u8),
    /// A bit is wrong.
    #[error("the check bits of {0} bits are wrong")]
    Parity(u8),
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::W26, Self::W34, Self::W37];

    /// Bits of a frame.
    pub fn bits(self) -> u8 {
        match self {
            Self::W26 => 26,
            Self::W34 => 34,
            Self::W37 => 37,
        }
    }

    /// Bits from the start that have an even number of ones, the first being there for that; and as many at the end that have an odd
    /// number of them, the last being there for that.
    fn group(self) -> u8 {
        match self {
            Self::W26 => 13,
            Self::W34 => 17,
            Self::W37 => 19,
        }
    }

    /// The word in profiles.
    pub fn word(self) -> &'static str {
        match self {
            Self::W26 => "wiegand26",
            Self::W34 => "wiegand34",
            Self::W37 => "wiegand37",
        }
    }
}

impl Card {
    /// Reads a frame.
    pub fn decode(frame: Bits) -> Result<Self, Wrong> {
        let format = Format::ALL.into_iter().find(|format| format.bits() == frame.len());
        let format = format.ok_or(Wrong::Length(frame.len()))?;
        let group = format.group();
        let (even, odd) = (frame.part(0, group), frame.part(frame.len() - group, group));
        if !even.ones().is_multiple_of(2) || odd.ones().is_multiple_of(2) {
            return Err(Wrong::Parity(frame.len()));
        }
        Ok(Self { format, data: frame.part(1, frame.len() - 2).value() })
    }

    /// Writes the frame.
    pub fn encode(self) -> Bits {
        let length = self.format.bits();
        let data = Bits::new(self.data, length - 2);
        let covered = self.format.group() - 1;
        let (first, second) = (data.part(0, covered), data.part(data.len() - covered, covered));
        let mut frame = Bits::default();
        frame.push(!first.ones().is_multiple_of(2));
        data.iter().for_each(|bit| {
            frame.push(bit);
        });
        frame.push(second.ones().is_multiple_of(2));
        frame
    }

    /// The data as bytes, the first on the wire first; 35 bits have five zeros before them.
    pub fn bytes(self) -> Vec<u8> {
        let count = usize::from(self.format.bits() - 2).div_ceil(8);
        self.data.to_be_bytes().get(8 - count..).unwrap_or_default().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// facts/readers.md B.4, both directions.
    #[test]
    fn the_known_frames_are_read_and_written() {
        for (format, data, bytes, frame) in [
            (Format::W26, 116 << 16 | 23152, &[0x74, 0x5A, 0x70][..], "00111010001011010011100000"),
            (Format::W26, 1 << 16 | 1, &[1, 0, 1], "10000000100000000000000010"),
            (Format::W26, 0x16_6A37, &[0x16, 0x6A, 0x37], "10001011001101010001101110"),
            (Format::W34, 0x04A1_B2C3, &[4, 0xA1, 0xB2, 0xC3], "0000001001010000110110010110000111"),
        ] {
            let card = Card { format, data };
            let bits = Bits::parse(frame).unwrap();
            assert_eq!(Card::decode(bits), Ok(card), "{frame}");
            assert_eq!(card.encode(), bits, "{frame}");
            assert_eq!(card.bytes(), bytes, "{frame}");
        }
        assert_eq!(Bits::parse("00111010001011010011100000").unwrap().value(), 0x00E8_B4E0);
    }

    /// Two cards of others, written down bit by bit (proxmark3 pull request 2751).
    #[test]
    fn captured_cards_of_37_bits_are_read_and_written() {
        for (frame, facility, number) in [(0x10_29A0_F4D2, 666, 31337), (0x10_4D21_BBAA, 1234, 56789)] {
            let (bits, card) = (Bits::new(frame, 37), Card { format: Format::W37, data: facility << 19 | number });
            assert_eq!(Card::decode(bits), Ok(card), "{frame:X}");
            assert_eq!(card.encode(), bits, "{frame:X}");
        }
        assert_eq!(Card { format: Format::W37, data: 0b101 }.bytes(), [0, 0, 0, 0, 5]);
        assert_eq!(Card { format: Format::W37, data: (1 << 35) - 1 }.bytes(), [7, 0xFF, 0xFF, 0xFF, 0xFF]);
    }

    /// The card 62B43423 as somebody's reader told it, over swapped wires (Wiegand-NG #3).
    #[test]
    fn a_captured_card_of_34_bits_is_read_once_the_wires_are_right() {
        let seen = Bits::parse("0100111010100101111001011110111000").unwrap();
        assert_eq!(Card::decode(seen), Err(Wrong::Parity(34)));
        assert_eq!(Card::decode(seen.inverted()), Ok(Card { format: Format::W34, data: 0x62B4_3423 }));
    }

    /// The parity as a formula of others has it: bits 1 to 19 even, bits 19 to 37 odd, counted from 1.
    fn h10304(frame: u64) -> bool {
        let ones = |from: u32, to: u32| (from..=to).filter(|bit| frame >> (37 - bit) & 1 == 1).count();
        ones(1, 19).is_multiple_of(2) && !ones(19, 37).is_multiple_of(2)
    }

    #[test]
    fn other_lengths_are_named() {
        for length in (0..=64).filter(|length| ![26, 34, 37].contains(length)) {
            assert_eq!(Card::decode(Bits::new(0, length)), Err(Wrong::Length(length)));
        }
    }

    fn cards() -> impl Strategy<Value = Card> {
        (prop_oneof![Just(Format::W26), Just(Format::W34), Just(Format::W37)], any::<u64>())
            .prop_map(|(format, data)| Card { format, data: Bits::new(data, format.bits() - 2).value() })
    }

    proptest! {
        #[test]
        fn a_card_comes_back(card in cards()) {
            prop_assert_eq!(Card::decode(card.encode()), Ok(card));
        }

        #[test]
        fn one_wrong_bit_is_noticed(card in cards(), at in 0u8..26) {
            let frame = card.encode();
            let wrong = Bits::new(frame.value() ^ 1 << at, frame.len());
            prop_assert_eq!(Card::decode(wrong), Err(Wrong::Parity(frame.len())));
        }

        #[test]
        fn swapped_wires_never_give_a_card(card in cards()) {
            let inverted = card.encode().inverted();
            prop_assert_eq!(Card::decode(inverted), Err(Wrong::Parity(inverted.len())));
        }

        #[test]
        fn every_number_of_37_bits_has_the_parity_of_its_halves(frame in 0u64..1 << 37, data in 0u64..1 << 35) {
            prop_assert_eq!(Card::decode(Bits::new(frame, 37)).is_ok(), h10304(frame));
            let written = Card { format: Format::W37, data }.encode();
            prop_assert!(h10304(written.value()));
        }

        /// Whichever bit is lost, and whatever bit is added anywhere: nobody's card.
        #[test]
        fn one_bit_less_or_more_is_never_a_card(card in cards(), at in 0usize..38, more: bool) {
            let frame = card.encode().to_string();
            let (mut less, mut longer) = (frame.clone(), frame.clone());
            less.remove(at % frame.len());
            longer.insert(at % (frame.len() + 1), if more { '1' } else { '0' });
            for wrong in [less, longer] {
                let bits = Bits::parse(&wrong).unwrap();
                prop_assert_eq!(Card::decode(bits), Err(Wrong::Length(bits.len())));
            }
        }

        #[test]
        fn no_bits_panic(value: u64, length: u8) {
            let _ = Card::decode(Bits::new(value, length));
        }
    }
}
