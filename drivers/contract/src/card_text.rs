//! Card numbers as readers type, print and send them, and the raw bytes that they stand for.
//!
//! One card has a different number at every reader (facts/readers.md B.3): the bytes are kept in air order, and a reader's setting
//! says how its text is turned into them. Widths are demanded exactly wherever a format has one, because a number that lost a digit on
//! its way is the number of another card.

/// The most bytes that a card number has (the people list takes no longer one either).
const MOST_BYTES: usize = 16;
/// The fewest: less is no number.
const FEWEST_BYTES: usize = 2;

/// How a reader writes a card's number. The words are those that readers' manuals use: `8H10D` is eight hexadecimal digits' worth
/// (four bytes) told as ten decimal digits. With `-le` the card's bytes are taken last first, as most readers of 13.56 MHz cards do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberFormat {
    /// All bytes, hexadecimal: `04A1B2C3`.
    Hex,
    /// The same, last byte first: `C3B2A104`.
    HexReversed,
    /// Hexadecimal with the two digits of every byte swapped.
    HexNibbles,
    /// Hexadecimal with the bits of every byte reversed.
    HexBits,
    /// Five bytes, hexadecimal: `01026F6C3A`.
    H10,
    /// Four bytes as ten decimal digits: `0040856634`.
    H8D10,
    /// The same, last byte first.
    H8D10Le,
    /// Three bytes as eight decimal digits: `07302202`.
    H6D8,
    /// The same, last byte first.
    H6D8Le,
    /// One byte and two bytes: `111,27706`.
    H2H4,
    /// The same, last byte first.
    H2H4Le,
    /// Two bytes and two bytes: `00623,27706`.
    H4H4,
    /// The same, last byte first.
    H4H4Le,
    /// Five bytes as twelve decimal digits: `004335823930`.
    H10D12,
    /// Five bytes as thirteen decimal digits: `0004335823930`.
    H10D13,
    /// All bytes as a decimal without leading zeros; up to 32 bits stand for four bytes, up to 56 for seven, more for eight.
    DecimalBe,
    /// The same, last byte first.
    DecimalLe,
}

/// Why a text is no number of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFit {
    /// A character that the format does not have.
    #[error("it has characters that the format does not have")]
    Characters,
    /// Too few or too many digits.
    #[error("it has too few or too many digits for the format")]
    Digits,
    /// A number that the format's bytes cannot hold.
    #[error("it is larger than the format's numbers can be")]
    TooLarge,
}

/// A card's number in one of the usual forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The form.
    pub format: NumberFormat,
    /// The number.
    pub text: String,
    /// Whether the form leaves bytes of the card out, so that several cards can have this number.
    pub partial: bool,
}

/// In which order a format takes a card's bytes.
#[derive(Clone, Copy)]
enum Order {
    Air,
    Reversed,
    Nibbles,
    Bits,
}

/// What a format does with the ordered bytes.
#[derive(Clone, Copy)]
enum Layout {
    Hex { bytes: Option<usize> },
    Decimal { bytes: usize, digits: usize },
    FreeDecimal,
    Split { high: usize },
}

/// Low half of a split number: always two bytes in five digits.
const LOW: (usize, usize) = (2, 5);

impl NumberFormat {
    /// All of them, the most usual first.
    pub const ALL: &'static [Self] = &[
        Self::Hex,
        Self::H8D10,
        Self::H8D10Le,
        Self::H6D8,
        Self::H6D8Le,
        Self::H2H4,
        Self::H2H4Le,
        Self::H4H4,
        Self::H4H4Le,
        Self::H10,
        Self::H10D12,
        Self::H10D13,
        Self::DecimalBe,
        Self::DecimalLe,
        Self::HexReversed,
        Self::HexNibbles,
        Self::HexBits,
    ];

    /// Their words in settings, in the same order.
    pub const WORDS: &'static [&'static str] = &[
        "hex",
        "8H10D",
        "8H10D-le",
        "6H8D",
        "6H8D-le",
        "2H4H",
        "2H4H-le",
        "4H4H",
        "4H4H-le",
        "10H",
        "10H12D",
        "10H13D",
        "decimal-be",
        "decimal-le",
        "hex-reversed",
        "hex-nibbles",
        "hex-bits",
    ];

    /// The word in settings, and the profile of readings.
    pub fn word(self) -> &'static str {
        let mut pairs = Self::ALL.iter().zip(Self::WORDS);
        pairs.find(|(format, _)| **format == self).map_or("", |(_, word)| word)
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut pairs = Self::ALL.iter().zip(Self::WORDS);
        pairs.find(|(_, known)| **known == word).map(|(format, _)| *format)
    }

    /// The raw bytes, in air order, of which this text tells all ([`is_partial`] where they are too few for a whole number).
    pub fn parse(self, text: &str) -> Result<Vec<u8>, NoFit> {
        let (layout, order) = self.rule();
        let text = text.trim();
        let ordered = match layout {
            Layout::Hex { bytes } => from_hex(text, bytes)?,
            Layout::Decimal { bytes, digits } => {
                // A number that needs more digits than the format pads to has them: five bytes in 10H12D.
                let longer = text.len() == digits + 1 && !text.starts_with('0');
                if text.len() != digits && !longer {
                    return Err(not_decimal(text).unwrap_or(NoFit::Digits));
                }
                low_bytes(decimal(text)?, bytes)?
            }
            Layout::FreeDecimal => {
                let number = decimal(text)?;
                let bytes = match number.leading_zeros() {
                    32.. => 4,
                    8.. => 7,
                    _ => 8,
                };
                low_bytes(number, bytes)?
            }
            Layout::Split { high } => {
                let digits = high_digits(high);
                let (left, right) = match text.split_once(',') {
                    Some(halves) => halves,
                    // Some readers leave the comma out; the widths tell the halves apart.
                    None => text.split_at_checked(digits).ok_or(NoFit::Digits)?,
                };
                if let Some(why) = not_decimal(left).or(not_decimal(right)) {
                    return Err(why);
                }
                if left.len() != digits || right.len() != LOW.1 {
                    return Err(NoFit::Digits);
                }
                [low_bytes(decimal(left)?, high)?, low_bytes(decimal(right)?, LOW.0)?].concat()
            }
        };
        Ok(order.undo(ordered))
    }

    /// The text that a reader with this setting writes for the card, or `None` where the card has too few or too many bytes for it.
    pub fn write(self, raw: &[u8]) -> Option<String> {
        if !(FEWEST_BYTES..=MOST_BYTES).contains(&raw.len()) {
            return None;
        }
        let (layout, order) = self.rule();
        let ordered = order.apply(raw.to_vec());
        match layout {
            Layout::Hex { bytes } => {
                let fits = bytes.is_none_or(|bytes| bytes == ordered.len());
                fits.then(|| ordered.iter().map(|byte| format!("{byte:02X}")).collect())
            }
            Layout::Decimal { bytes, digits } => Some(format!("{:0digits$}", number(last(&ordered, bytes)?))),
            Layout::FreeDecimal => matches!(ordered.len(), 4 | 7 | 8).then(|| number(&ordered).to_string()),
            Layout::Split { high } => {
                let bytes = last(&ordered, high + LOW.0)?;
                let (left, right) = bytes.split_at_checked(high)?;
                Some(format!("{:0width$},{:05}", number(left), number(right), width = high_digits(high)))
            }
        }
    }

    fn rule(self) -> (Layout, Order) {
        use {Layout as L, Order as O};
        match self {
            Self::Hex => (L::Hex { bytes: None }, O::Air),
            Self::HexReversed => (L::Hex { bytes: None }, O::Reversed),
            Self::HexNibbles => (L::Hex { bytes: None }, O::Nibbles),
            Self::HexBits => (L::Hex { bytes: None }, O::Bits),
            Self::H10 => (L::Hex { bytes: Some(5) }, O::Air),
            Self::H8D10 => (L::Decimal { bytes: 4, digits: 10 }, O::Air),
            Self::H8D10Le => (L::Decimal { bytes: 4, digits: 10 }, O::Reversed),
            Self::H6D8 => (L::Decimal { bytes: 3, digits: 8 }, O::Air),
            Self::H6D8Le => (L::Decimal { bytes: 3, digits: 8 }, O::Reversed),
            Self::H2H4 => (L::Split { high: 1 }, O::Air),
            Self::H2H4Le => (L::Split { high: 1 }, O::Reversed),
            Self::H4H4 => (L::Split { high: 2 }, O::Air),
            Self::H4H4Le => (L::Split { high: 2 }, O::Reversed),
            Self::H10D12 => (L::Decimal { bytes: 5, digits: 12 }, O::Air),
            Self::H10D13 => (L::Decimal { bytes: 5, digits: 13 }, O::Air),
            Self::DecimalBe => (L::FreeDecimal, O::Air),
            Self::DecimalLe => (L::FreeDecimal, O::Reversed),
        }
    }
}

/// Whether these bytes can only be a part of a card's number: 24 and 16 bits collide between cards.
pub fn is_partial(raw: &[u8]) -> bool {
    raw.len() <= 3
}

/// The card's number in every usual form that it has.
pub fn every_text(raw: &[u8]) -> Vec<Written> {
    let written = |format: &NumberFormat| {
        let text = format.write(raw)?;
        let partial = is_partial(raw) || format.parse(&text).as_deref() != Ok(raw);
        Some(Written { format: *format, text, partial })
    };
    NumberFormat::ALL.iter().filter_map(written).collect()
}

/// Every way in which this text is a card's number, and the bytes that it stands for then.
pub fn every_meaning(text: &str) -> Vec<(NumberFormat, Vec<u8>)> {
    NumberFormat::ALL.iter().filter_map(|format| Some((*format, format.parse(text).ok()?))).collect()
}

impl Order {
    fn apply(self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Air => {}
            Self::Reversed => bytes.reverse(),
            Self::Nibbles => bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(4)),
            Self::Bits => bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits()),
        }
        bytes
    }

    /// Each order is its own inverse.
    fn undo(self, bytes: Vec<u8>) -> Vec<u8> {
        self.apply(bytes)
    }
}

fn from_hex(text: &str, bytes: Option<usize>) -> Result<Vec<u8>, NoFit> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b':' | b'-' | b' ')).collect();
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(NoFit::Characters);
    }
    let length = digits.len() / 2;
    let fits = digits.len().is_multiple_of(2)
        && (FEWEST_BYTES..=MOST_BYTES).contains(&length)
        && bytes.is_none_or(|bytes| bytes == length);
    if !fits {
        return Err(NoFit::Digits);
    }
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
        _ => None,
    };
    digits.chunks_exact(2).map(pair).collect::<Option<_>>().ok_or(NoFit::Characters)
}

fn not_decimal(text: &str) -> Option<NoFit> {
    if text.is_empty() {
        return Some(NoFit::Digits);
    }
    (!text.bytes().all(|byte| byte.is_ascii_digit())).then_some(NoFit::Characters)
}

fn decimal(text: &str) -> Result<u64, NoFit> {
    match not_decimal(text) {
        Some(why) => Err(why),
        None => text.parse().map_err(|_| NoFit::TooLarge),
    }
}

fn low_bytes(number: u64, bytes: usize) -> Result<Vec<u8>, NoFit> {
    let all = number.to_be_bytes();
    let (high, low) = all.split_at_checked(all.len().saturating_sub(bytes)).ok_or(NoFit::TooLarge)?;
    if high.iter().any(|byte| *byte != 0) {
        return Err(NoFit::TooLarge);
    }
    Ok(low.to_vec())
}

fn last(bytes: &[u8], count: usize) -> Option<&[u8]> {
    bytes.get(bytes.len().checked_sub(count)?..)
}

/// Of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn high_digits(bytes: usize) -> usize {
    if bytes == 1 { 3 } else { 5 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LF: [u8; 5] = [0x01, 0x02, 0x6F, 0x6C, 0x3A];
    const MIFARE: [u8; 4] = [0x04, 0xA1, 0xB2, 0xC3];

    #[test]
    fn every_format_is_written_as_the_manuals_write_it() {
        use NumberFormat as F;
        for (format, raw, text) in [
            (F::H10, &LF[..], "01026F6C3A"),
            (F::H8D10, &LF, "0040856634"),
            (F::H6D8, &LF, "07302202"),
            (F::H2H4, &LF, "111,27706"),
            (F::H4H4, &LF, "00623,27706"),
            (F::H10D12, &LF, "004335823930"),
            (F::H10D13, &LF, "0004335823930"),
            (F::H8D10, &[0x00, 0x74, 0x5A, 0x70], "0007625328"),
            (F::H2H4, &[0x00, 0x74, 0x5A, 0x70], "116,23152"),
            (F::DecimalBe, &MIFARE, "77705923"),
            (F::DecimalLe, &MIFARE, "3283263748"),
            (F::H2H4, &MIFARE, "161,45763"),
            (F::H2H4Le, &MIFARE, "178,41220"),
            (F::HexReversed, &MIFARE, "C3B2A104"),
            (F::HexNibbles, &MIFARE, "401A2B3C"),
            (F::HexBits, &MIFARE, "20854DC3"),
        ] {
            assert_eq!(format.write(raw).as_deref(), Some(text), "{format:?}");
        }
    }

    #[test]
    fn a_text_gives_the_bytes_that_it_tells_and_no_others() {
        use NumberFormat as F;
        for (format, text, raw) in [
            (F::Hex, "04:a1:b2:c3", &MIFARE[..]),
            (F::H10, "01026F6C3A", &LF),
            (F::H10D12, "004335823930", &LF),
            (F::H10D12, "1099511627775", &[0xFF; 5]),
            (F::H10D13, "0004335823930", &LF),
            (F::H8D10, "0040856634", &LF[1..]),
            (F::H6D8, "07302202", &LF[2..]),
            (F::H2H4, "111,27706", &LF[2..]),
            (F::H2H4, "11127706", &LF[2..]),
            (F::H4H4, "00623,27706", &LF[1..]),
            (F::DecimalBe, "0077705923", &MIFARE),
            (F::DecimalLe, "3283263748", &MIFARE),
            (F::H8D10Le, "3283263748", &MIFARE),
            (F::H2H4Le, "178,41220", &MIFARE[..3]),
        ] {
            assert_eq!(format.parse(text).as_deref(), Ok(raw), "{format:?} {text}");
        }
        assert!(is_partial(&F::H2H4.parse("111,27706").unwrap()));
        assert!(!is_partial(&F::H8D10.parse("0040856634").unwrap()));
    }

    #[test]
    fn a_number_that_lost_a_digit_is_no_number() {
        use NumberFormat as F;
        for (format, text, why) in [
            (F::H8D10, "040856634", NoFit::Digits),
            (F::H8D10, "4294967296", NoFit::TooLarge),
            (F::H8D10, "00408566340", NoFit::Digits),
            (F::H8D10, "004085663A", NoFit::Characters),
            (F::H6D8, "16777216", NoFit::TooLarge),
            (F::H2H4, "11,27706", NoFit::Digits),
            (F::H2H4, "256,27706", NoFit::TooLarge),
            (F::H2H4, "111,65536", NoFit::TooLarge),
            (F::H10, "01026F6C", NoFit::Digits),
            (F::Hex, "04A1B2C", NoFit::Digits),
            (F::Hex, "04", NoFit::Digits),
            (F::Hex, "", NoFit::Digits),
            (F::DecimalBe, "", NoFit::Digits),
            (F::DecimalBe, "99999999999999999999", NoFit::TooLarge),
            (F::DecimalBe, "+5", NoFit::Characters),
        ] {
            assert_eq!(format.parse(text), Err(why), "{format:?} {text}");
        }
    }

    #[test]
    fn a_known_number_is_told_with_the_formats_that_it_can_be() {
        let fits: Vec<_> = every_meaning("0007625328").into_iter().map(|(format, _)| format.word()).collect();
        assert!(fits.contains(&"8H10D") && fits.contains(&"hex") && fits.contains(&"decimal-le"), "{fits:?}");
        assert!(!fits.contains(&"6H8D") && !fits.contains(&"2H4H"), "{fits:?}");
    }

    #[test]
    fn forms_that_leave_bytes_out_say_so() {
        for written in every_text(&LF) {
            let whole = matches!(written.text.len(), 12 | 13) || written.format.word().contains("hex");
            let whole = whole || written.format == NumberFormat::H10;
            assert_eq!(written.partial, !whole, "{written:?}");
        }
        assert!(every_text(&LF[2..]).iter().all(|written| written.partial));
        assert_eq!(every_text(&[1]), []);
    }

    #[test]
    fn words_name_their_formats() {
        assert_eq!(NumberFormat::ALL.len(), NumberFormat::WORDS.len());
        for format in NumberFormat::ALL {
            assert_eq!(NumberFormat::from_word(format.word()), Some(*format));
        }
        assert_eq!(NumberFormat::H8D10.word(), "8H10D");
        assert_eq!(NumberFormat::DecimalLe.word(), "decimal-le");
        assert_eq!(NumberFormat::from_word("8h10d"), None);
    }

    proptest! {
        #[test]
        fn what_a_whole_form_writes_reads_as_the_same_card(raw in proptest::collection::vec(any::<u8>(), 0..20)) {
            for written in every_text(&raw) {
                let read = written.format.parse(&written.text);
                prop_assert!(read.is_ok(), "{:?}", written);
                let read = read.unwrap_or_default();
                prop_assert_eq!(written.partial, read != raw || raw.len() <= 3);
                // What is left out is at one end: the rest stands as it is.
                prop_assert!(raw.starts_with(&read) || raw.ends_with(&read));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|[0-9A-F,:]{0,40}") {
            for (format, raw) in every_meaning(&text) {
                prop_assert!((2..=16).contains(&raw.len()), "{:?}", format);
            }
        }
    }
}
