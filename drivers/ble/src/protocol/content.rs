//! What a frame says was presented.

use punchd_contract::{Credential, Meaning, Method, Misread, PresentedText, Reading, Text};

/// What stands in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(Meaning),
    /// A card's number as the bytes themselves, in air order.
    CardBytes,
}

/// Reads a frame; `None` where the device talks of something else: the prefix is not there, or nothing is behind it. A device that has readings marked
/// by a prefix has other things to say too, such as how its battery is.
pub fn read(frame: &[u8], prefix: &str, content: Content) -> Option<Result<Reading, Misread>> {
    let rest = match content {
        Content::Text(_) => frame.trim_ascii_start(),
        Content::CardBytes => frame,
    };
    let rest = rest.strip_prefix(prefix.as_bytes())?;
    let mut said = match content {
        Content::Text(means) => presented(means).read(rest)?,
        Content::CardBytes => {
            let reading = |credential| Reading::now(credential, Method::Card, "bytes", rest);
            let misread = || Misread { reading: reading(Credential::Unreadable), text: no_card(rest.len()) };
            card(rest).map(reading).ok_or_else(misread)
        }
    };
    // The evidence is the frame as it came.
    match &mut said {
        Ok(reading) | Err(Misread { reading, .. }) => reading.raw = frame.to_vec(),
    }
    Some(said)
}

/// The reading of a part of a frame that was cut: nobody's, kept as it came. `None` where nothing of it can be seen.
pub fn part(bytes: &[u8], content: Content) -> Option<Reading> {
    match content {
        Content::Text(means) => presented(means).part(bytes),
        Content::CardBytes => Some(Reading::now(Credential::Unreadable, Method::Card, "bytes part", bytes)),
    }
}

/// What texts mean, apart from a prefix, which is taken off before.
pub fn presented(means: Meaning) -> PresentedText {
    PresentedText { means, prefix: String::new(), suffix: String::new() }
}

/// 2 to 10 bytes are a card: none has more (ISO/IEC 14443-3 UIDs), and one byte is no number.
fn card(bytes: &[u8]) -> Option<Credential> {
    (2..=10).contains(&bytes.len()).then(|| Credential::Card(bytes.to_vec()))
}

fn no_card(length: usize) -> Text {
    Text::new(
        format!(
            "the reader sent {length} bytes, which no card number has: check `framing`, or set `credential` to card if it sends text; the reading is kept"
        ),
        format!(
            "读头发来 {length} 个字节，不可能是卡号：请检查 `framing`，若发送的是文本请将 `credential` 设为 card；原始内容已留存"
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use punchd_contract::NumberFormat;

    use super::*;

    const USER: Content = Content::Text(Meaning::UserId);
    const CARD: Content = Content::Text(Meaning::Card(NumberFormat::Hex));

    fn credential(frame: &[u8], prefix: &str, content: Content) -> Option<Credential> {
        match read(frame, prefix, content)? {
            Ok(reading) => Some(reading.credential),
            Err(misread) => Some(misread.reading.credential),
        }
    }

    #[test]
    fn a_user_id_stands_behind_its_prefix() {
        let seven = || Some(Credential::UserId("7".into()));
        assert_eq!(credential(b"user 7", "user", USER), seven());
        assert_eq!(credential(b" 7 ", "", USER), seven());
        assert_eq!(credential(b"battery 80", "user", USER), None);
        assert_eq!(credential(b"user", "user", USER), None);
        assert_eq!(credential(&[&b"user "[..], &[b'7'; 100]].concat(), "user", USER), Some(Credential::Unreadable));
    }

    #[test]
    fn a_card_is_kept_in_air_order_and_the_frame_as_it_came() {
        let card = || Some(Credential::Card(vec![0x04, 0xA1, 0xB2, 0xC3]));
        assert_eq!(credential(b"UID: 04A1B2C3", "UID:", CARD), card());
        assert_eq!(credential(&[0x04, 0xA1, 0xB2, 0xC3], "", Content::CardBytes), card());
        assert_eq!(credential(&[4], "", Content::CardBytes), Some(Credential::Unreadable));
        let reading = read(b"UID: 04A1B2C3", "UID:", CARD).unwrap().unwrap();
        assert_eq!((reading.raw.as_slice(), reading.method), (&b"UID: 04A1B2C3"[..], Method::Card));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(frame: Vec<u8>, prefix in "[a-z ]{0,4}") {
            for content in [USER, CARD, Content::CardBytes, Content::Text(Meaning::Token)] {
                if let Some(Ok(reading) | Err(Misread { reading, .. })) = read(&frame, &prefix, content) {
                    prop_assert_eq!(reading.raw, frame.clone());
                }
            }
        }
    }
}
