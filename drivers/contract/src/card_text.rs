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

    /// Whether all its texts are equally long, and no shorter one is a number too: then nothing can be missing from one that parses.
    /// Twelve digits are no such width, because five bytes can need thirteen.
    pub fn has_width(self) -> bool {
        use NumberFormat as F;
        matches!(
            self,
            F::H10
                | F::H8D10
                | F::H8D10Le
                | F::H6D8
                | F::H6D8Le
                | F::H2H4
                | F::H2H4Le
                | F::H4H4
                | F::H4H4Le
                | F::H10D13
        )
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
mod tests;
