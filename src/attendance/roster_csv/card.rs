//! Card numbers as people write them, and the one form in which they are kept.

use punchd_contract::Text;

/// A card's raw bytes in air order (facts/readers.md B.3), 2 to 16 of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardNumber(Vec<u8>);

/// Why a text is no card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotACard {
    /// Digits alone: a decimal of one byte order or the other, or hexadecimal without a letter.
    Ambiguous,
    /// A number with a comma, as printed on 125 kHz cards: a part of the card's bytes only.
    Split,
    /// Something else.
    Unreadable,
}

impl CardNumber {
    /// Reads hexadecimal bytes, with or without `:`, `-` or spaces between them.
    ///
    /// Digits alone are refused unless separators or `hex:` show them to be bytes: as a decimal, one card has a different
    /// number at every reader (facts/readers.md B.3), and taking the wrong one gives the punch to nobody or to another.
    pub fn parse(text: &str) -> Result<Self, NotACard> {
        let text = text.trim();
        let (marked, body) = match text.get(..4) {
            Some(mark) if mark.eq_ignore_ascii_case("hex:") => (true, text.get(4..).unwrap_or("")),
            _ => match text.get(..2) {
                Some(mark) if mark.eq_ignore_ascii_case("0x") => (true, text.get(2..).unwrap_or("")),
                _ => (false, text),
            },
        };
        let groups: Vec<&str> = body.split([':', '-', ' ']).filter(|group| !group.is_empty()).collect();
        let in_bytes = groups.len() > 1 && groups.iter().all(|group| group.len() == 2);
        let digits: String = groups.concat();
        match Self::from_hex(&digits) {
            Some(card) if marked || in_bytes || digits.chars().any(|c| c.is_ascii_alphabetic()) => Ok(card),
            _ if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) => Err(NotACard::Ambiguous),
            _ if is_split(text) => Err(NotACard::Split),
            _ => Err(NotACard::Unreadable),
        }
    }

    /// Hexadecimal digits and nothing else.
    pub(super) fn from_hex(digits: &str) -> Option<Self> {
        let bytes = digits.as_bytes();
        if !bytes.len().is_multiple_of(2) || !(2..=16).contains(&(bytes.len() / 2)) {
            return None;
        }
        let nibble = |byte: u8| char::from(byte).to_digit(16);
        let pairs = bytes.chunks_exact(2).map(|pair| match pair {
            [high, low] => u8::try_from(nibble(*high)? * 16 + nibble(*low)?).ok(),
            _ => None,
        });
        pairs.collect::<Option<Vec<u8>>>().map(Self)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The form in which it is kept: upper-case hexadecimal, as `Credential::value` writes it.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// Whether it can only be a part of a card's number: 24 and 16 bits collide between cards.
    pub fn is_partial(&self) -> bool {
        punchd_contract::card_text::is_partial(&self.0)
    }
}

impl From<CardNumber> for punchd_contract::Credential {
    fn from(card: CardNumber) -> Self {
        Self::Card(card.0)
    }
}

fn is_split(text: &str) -> bool {
    text.split_once([',', '，']).is_some_and(|(a, b)| {
        let digits = |part: &str| !part.trim().is_empty() && part.trim().chars().all(|c| c.is_ascii_digit());
        digits(a) && digits(b)
    })
}

impl NotACard {
    /// What is wrong with `written`, and what would be right.
    pub fn say(&self, written: &str) -> Text {
        let shown: String = written.trim().chars().take(40).collect();
        match self {
            Self::Ambiguous => {
                let (en, zh) = match candidates(&shown) {
                    Some((big, little)) => (
                        format!(" If it is decimal, it is {big} or, read the other way, {little}."),
                        format!("若为十进制，则为 {big}，或按另一种字节顺序为 {little}。"),
                    ),
                    None => (String::new(), String::new()),
                };
                Text::new(
                    format!(
                        "the card number {shown} can mean several cards, since readers print one card's number in different ways.{en} Tap the card at a reader and copy the bytes that punchd shows, such as 04A1B2C3; if these digits are the bytes, write hex:{shown}"
                    ),
                    format!(
                        "卡号 {shown} 可能对应多张卡，因为各种读卡器的写法不同。{zh}请在读卡器上刷卡，抄下 punchd 显示的十六进制字节，如 04A1B2C3；若这些数字就是字节，请写 hex:{shown}"
                    ),
                )
            }
            Self::Split => Text::new(
                format!(
                    "the card number {shown} is the short form printed on the card, which several cards can share: tap the card at a reader and copy the bytes that punchd shows, such as 0100745A70"
                ),
                format!(
                    "卡号 {shown} 是卡面上的简写，多张卡可能相同：请在读卡器上刷卡，抄下 punchd 显示的字节，如 0100745A70"
                ),
            ),
            Self::Unreadable => Text::new(
                format!(
                    "{shown:?} is no card number: it wants the card's bytes in hexadecimal, two digits a byte, such as 04A1B2C3 or 04:A1:B2:C3"
                ),
                format!("{shown:?} 不是卡号：应为十六进制字节，每字节两位，如 04A1B2C3 或 04:A1:B2:C3"),
            ),
        }
    }
}

/// The two readings of a decimal of at most 32 bits.
fn candidates(digits: &str) -> Option<(String, String)> {
    let number: u32 = digits.parse().ok()?;
    Some((format!("{number:08X}"), format!("{:08X}", number.swap_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hexadecimal_bytes_are_kept_in_one_form() {
        for written in
            ["04A1B2C3", "04a1b2c3", "04:A1:b2:C3", "04 A1 B2 C3", "04-a1-b2-c3", "hex:04a1b2c3", "0x04A1B2C3"]
        {
            assert_eq!(CardNumber::parse(written).unwrap().hex(), "04A1B2C3", "{written}");
        }
        assert_eq!(CardNumber::parse("04:10:02:03").unwrap().hex(), "04100203");
        assert_eq!(CardNumber::parse("hex:04100203").unwrap().hex(), "04100203");
    }

    #[test]
    fn a_decimal_is_refused_with_both_readings_of_it() {
        assert_eq!(CardNumber::parse("0077705923").unwrap_err(), NotACard::Ambiguous);
        let text = NotACard::Ambiguous.say("77705923");
        assert!(text.en.contains("04A1B2C3") && text.en.contains("C3B2A104"), "{}", text.en);
        assert_eq!(CardNumber::parse("04100203").unwrap_err(), NotACard::Ambiguous);
        assert_eq!(CardNumber::parse("116,23152").unwrap_err(), NotACard::Split);
    }

    #[test]
    fn half_a_byte_or_a_word_is_no_card() {
        for written in ["", "04A1B2C", "A", "张三", "04A1B2C3G0", "A1", &"AB".repeat(17)] {
            assert_eq!(CardNumber::parse(written).unwrap_err(), NotACard::Unreadable, "{written}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_reads_as_the_same_card(bytes in proptest::collection::vec(any::<u8>(), 2..=16)) {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            let card = CardNumber::parse(&format!("hex:{hex}")).unwrap();
            prop_assert_eq!(card.bytes(), &bytes[..]);
            prop_assert_eq!(card.hex(), hex);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = CardNumber::parse(&text).map_err(|refused| refused.say(&text));
        }
    }
}
