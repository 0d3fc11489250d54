//! A line of text that a reader sent, and the reading that it is: a card's number, a code's content, or somebody's user id.
//!
//! Scanners, card readers that send lines and readers that type like a keyboard all need this, whatever carried the line.

use crate::{Credential, Method, NumberFormat, Reading, Text, card_text};

/// The longest line that is a reading's raw record; longer ones are not a reader's.
pub const MAX_LINE: usize = 4096;
/// The longest user id: whatever is longer was not meant as one.
const MAX_USER_ID: usize = 64;

/// What a reader's lines mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedText {
    /// What a line is.
    pub means: Meaning,
    /// Stripped from the start of a line, where it stands there.
    pub prefix: String,
    /// Stripped from its end.
    pub suffix: String,
}

/// What the text of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A card's number, written like this.
    Card(NumberFormat),
    /// The content of a code.
    Token,
    /// A person's id.
    UserId,
}

/// A line that is not what the reader's settings say: kept, and somebody should look at the settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Misread {
    /// The reading, of [`Credential::Unreadable`], with the line as it came.
    pub reading: Reading,
    /// What is wrong and what to do.
    pub text: Text,
}

impl PresentedText {
    /// The reading of a line; `None` where nothing was sent but control characters and what is no text, as plugging in sends.
    pub fn read(&self, line: &[u8]) -> Option<Result<Reading, Misread>> {
        let raw = line.get(..MAX_LINE).unwrap_or(line);
        let text = match text_of(raw) {
            Found::Nothing => return None,
            Found::Text(text) => text,
            Found::Mixed => return Some(Err(self.misread(None, raw, not_text()))),
        };
        let text = stripped(text, &self.prefix, &self.suffix);
        let (symbology, text) = symbology(text);
        // A prefix may stand on either side of the symbology.
        let text = stripped(text, &self.prefix, &self.suffix).trim();
        if text.is_empty() {
            return None;
        }
        let profile = self.profile(symbology);
        Some(match self.means {
            Meaning::Token => Ok(Reading::now(Credential::Token(text.to_owned()), Method::Code, profile, raw)),
            Meaning::UserId if text.len() <= MAX_USER_ID && !text.chars().any(char::is_control) => {
                Ok(Reading::now(Credential::UserId(text.to_owned()), Method::Unsaid, profile, raw))
            }
            Meaning::UserId => Err(self.misread(symbology, raw, no_user_id())),
            Meaning::Card(format) => match format.parse(text) {
                Ok(card) => Ok(Reading::now(Credential::Card(card), Method::Card, profile, raw)),
                Err(_) => Err(self.misread(symbology, raw, no_number(format, text))),
            },
        })
    }

    /// Whether every text has the same width, as card numbers with leading zeros have.
    pub fn has_width(&self) -> bool {
        matches!(self.means, Meaning::Card(format) if format.has_width())
    }

    /// Whether this is a whole text by its width, so that nothing can be missing.
    pub fn is_complete(&self, line: &[u8]) -> bool {
        self.has_width() && matches!(self.read(line), Some(Ok(_)))
    }

    /// The reading of a part of a text: nobody's, kept as it came, so that a person can decide.
    pub fn part(&self, bytes: &[u8]) -> Option<Reading> {
        let raw = bytes.get(..MAX_LINE).unwrap_or(bytes);
        let visible = !matches!(text_of(raw), Found::Nothing);
        visible.then(|| self.unreadable(raw, "part"))
    }

    /// The reading of what cannot be read, kept as it came, with a word that says why.
    pub fn unreadable(&self, raw: &[u8], why: &str) -> Reading {
        let profile = format!("{} {why}", self.profile(None));
        Reading::now(Credential::Unreadable, self.method(), profile, raw.get(..MAX_LINE).unwrap_or(raw))
    }

    fn misread(&self, symbology: Option<&str>, raw: &[u8], text: Text) -> Misread {
        Misread { reading: Reading::now(Credential::Unreadable, self.method(), self.profile(symbology), raw), text }
    }

    fn method(&self) -> Method {
        match self.means {
            Meaning::Card(_) => Method::Card,
            Meaning::Token => Method::Code,
            Meaning::UserId => Method::Unsaid,
        }
    }

    fn profile(&self, symbology: Option<&str>) -> String {
        let means = match self.means {
            Meaning::Card(format) => format.word(),
            Meaning::Token => "token",
            Meaning::UserId => "user_id",
        };
        symbology.map_or_else(|| means.to_owned(), |symbology| format!("{means} {symbology}"))
    }
}

enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// Text with something within or around it that is none and was perhaps text before.
    Mixed,
}

/// What may stand around a text without being of it: NUL and FF of a line that is plugged in, the marks and separators that readers put
/// around (SOH to EOT, FS to US), XON and XOFF. Anything else there was a character before it was spoilt: `130` with even parity, read
/// without, is a byte of no text and `30`, which is somebody else.
fn is_around(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0x00..=0x04 | 0x0B | 0x11 | 0x13 | 0x1C..=0x1F | 0xFF)
}

/// The text without what is none around it.
fn text_of(line: &[u8]) -> Found<'_> {
    let visible = |text: &str| text.chars().any(|c| !c.is_control() && !c.is_whitespace());
    if !line.utf8_chunks().any(|chunk| visible(chunk.valid())) {
        return Found::Nothing;
    }
    let start = line.iter().position(|byte| !is_around(*byte)).unwrap_or_default();
    let end = line.iter().rposition(|byte| !is_around(*byte)).map_or(0, |last| last + 1);
    match line.get(start..end).map(std::str::from_utf8) {
        Some(Ok(text)) if !text.starts_with(char::is_control) && !text.ends_with(char::is_control) => {
            Found::Text(text.trim())
        }
        _ => Found::Mixed,
    }
}

fn stripped<'a>(text: &'a str, prefix: &str, suffix: &str) -> &'a str {
    let text = text.strip_prefix(prefix).unwrap_or(text);
    text.strip_suffix(suffix).unwrap_or(text)
}

/// The AIM symbology identifier, such as `]Q1` for QR or `]C0` for Code 128 (facts/readers.md E.4), and the rest.
fn symbology(text: &str) -> (Option<&str>, &str) {
    match text.as_bytes() {
        [b']', letter, modifier, ..] if letter.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => {
            text.split_at_checked(3).map_or((None, text), |(id, rest)| (Some(id), rest))
        }
        _ => (None, text),
    }
}

fn not_text() -> Text {
    Text::new(
        "what the reader sent is not text (UTF-8): if this stays, the speed or parity is wrong, or the code was not made for this; the reading is kept",
        "读头发来的内容不是文本（UTF-8）：若持续出现，请检查波特率和校验位，或该二维码并非用于打卡；原始内容已留存",
    )
}

fn no_user_id() -> Text {
    Text::new(
        "what the reader sent cannot be a user id: it is longer than 64 bytes or has control characters; correct `credential`; the reading is kept",
        "读头发来的内容不可能是人员编号：超过 64 字节或含控制字符，请更正 `credential`；原始内容已留存",
    )
}

/// Names the formats that would fit, and never the number.
fn no_number(format: NumberFormat, text: &str) -> Text {
    let fits: Vec<_> =
        card_text::every_meaning(text).into_iter().map(|(format, _)| format!("\"{}\"", format.word())).collect();
    let (word, length) = (format.word(), text.chars().count());
    if fits.is_empty() {
        return Text::new(
            format!(
                "the reader sent {length} characters that are no card number in any usual form; if it reads codes, set `credential` to token or user_id; the reading is kept"
            ),
            format!(
                "读头发来 {length} 个字符，不符合任何常见卡号格式；若它用于扫码，请将 `credential` 设为 token 或 user_id；原始内容已留存"
            ),
        );
    }
    let fits = fits.join(", ");
    Text::new(
        format!(
            "the reader sent {length} characters that are no \"{word}\" number: set `number` to how it writes cards ({fits} would fit); the reading is kept"
        ),
        format!(
            "读头发来 {length} 个字符，不是 \"{word}\" 格式的卡号：请将 `number` 设为实际格式（可能是 {fits}）；原始内容已留存"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(means: Meaning) -> PresentedText {
        PresentedText { means, prefix: String::new(), suffix: String::new() }
    }

    fn credential(rules: &PresentedText, line: &[u8]) -> Credential {
        match rules.read(line).unwrap() {
            Ok(reading) => reading.credential,
            Err(misread) => misread.reading.credential,
        }
    }

    #[test]
    fn a_symbology_is_stripped_and_kept_in_the_profile() {
        let reading = of(Meaning::Token).read(b"]Q1A1.key.step.mac").unwrap().unwrap();
        assert_eq!(reading.credential, Credential::Token("A1.key.step.mac".into()));
        assert_eq!(reading.profile.as_deref(), Some("token ]Q1"));
        assert_eq!(reading.raw, b"]Q1A1.key.step.mac");
        let reading = of(Meaning::UserId).read(b"]C0007").unwrap().unwrap();
        assert_eq!(
            (reading.credential, reading.profile),
            (Credential::UserId("007".into()), Some("user_id ]C0".into()))
        );
    }

    #[test]
    fn prefix_and_suffix_are_stripped_on_either_side_of_the_symbology() {
        let rules = PresentedText { means: Meaning::UserId, prefix: "E:".into(), suffix: ";".into() };
        for line in [&b"E:]Q142;"[..], b"]Q1E:42;", b"42", b"E:42;"] {
            assert_eq!(credential(&rules, line), Credential::UserId("42".into()), "{line:?}");
        }
    }

    #[test]
    fn noise_before_a_line_does_not_spoil_it_and_noise_alone_is_nothing() {
        let rules = of(Meaning::Card(NumberFormat::Hex));
        assert_eq!(credential(&rules, b"\x00\xFF\x0204A1B2C3\x00\xFF"), Credential::Card(vec![4, 0xA1, 0xB2, 0xC3]));
        assert_eq!(rules.read(b"\x00\xFF\xFE \x02"), None);
        assert_eq!(rules.read(b""), None);
        assert_eq!(credential(&rules, b"04A1\xFFB2C3"), Credential::Unreadable);
    }

    #[test]
    fn what_is_left_of_a_text_whose_other_characters_were_spoilt_is_nobodys() {
        for rules in [of(Meaning::UserId), of(Meaning::Token), of(Meaning::Card(NumberFormat::DecimalBe))] {
            // 130 with even parity read without, at another speed, with a bit too many; before and behind.
            for line in [
                &b"\xB130"[..],
                b"\xF8\x06\x9Ef",
                b"\x06\x0534",
                b"34\xB2",
                b"\xE63\xFE",
                b"\x7F34",
                "34\u{85}".as_bytes(),
            ] {
                assert_eq!(credential(&rules, line), Credential::Unreadable, "{line:X?}");
            }
            assert_eq!(rules.read(b"\xB1\xB2\xFE"), None);
        }
    }

    #[test]
    fn a_number_of_another_form_is_kept_and_the_right_setting_is_named_without_the_number() {
        let misread = of(Meaning::Card(NumberFormat::H6D8)).read(b"0007625328").unwrap().unwrap_err();
        assert_eq!(
            (misread.reading.credential, &misread.reading.raw[..]),
            (Credential::Unreadable, &b"0007625328"[..])
        );
        assert_eq!((misread.reading.method, misread.reading.profile.as_deref()), (Method::Card, Some("6H8D")));
        assert!(misread.text.en.contains("\"8H10D\"") && !misread.text.en.contains("7625328"), "{}", misread.text);
    }

    #[test]
    fn a_user_id_is_short_and_visible() {
        assert_eq!(credential(&of(Meaning::UserId), &[b'1'; 65]), Credential::Unreadable);
        assert_eq!(credential(&of(Meaning::UserId), b"1\x1d2"), Credential::Unreadable);
        assert_eq!(credential(&of(Meaning::Token), b"1\x1d2"), Credential::Token("1\u{1d}2".into()));
        assert_eq!(credential(&of(Meaning::UserId), "张三".as_bytes()), Credential::UserId("张三".into()));
    }

    proptest::proptest! {
        /// Whatever bytes of a number are spoilt: it is the number, or nobody's.
        #[test]
        fn a_number_with_spoilt_bytes_is_nobodys(number in "[0-9]{1,8}", spoilt in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0x80_u8..0xFF), 1..4)) {
            let mut line = number.clone().into_bytes();
            for (at, byte) in spoilt {
                let at = at.index(line.len());
                line[at] = byte;
            }
            let read = of(Meaning::UserId).read(&line).map(|read| read.unwrap_or_else(|misread| misread.reading).credential);
            let whole = std::str::from_utf8(&line).is_ok();
            proptest::prop_assert!(whole || matches!(read, None | Some(Credential::Unreadable)), "{line:X?}: {read:?}");
        }

        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..5000)) {
            for means in [Meaning::Token, Meaning::UserId, Meaning::Card(NumberFormat::Hex)] {
                let rules = PresentedText { means, prefix: "]".into(), suffix: String::new() };
                let reading = rules.read(&line).map(|read| read.unwrap_or_else(|misread| misread.reading));
                if let Some(reading) = reading {
                    proptest::prop_assert!(!reading.raw.is_empty() && reading.raw.len() <= MAX_LINE);
                    proptest::prop_assert!(reading.profile.is_some_and(|profile| (1..=40).contains(&profile.len())));
                }
            }
        }
    }
}
