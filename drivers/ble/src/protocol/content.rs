//! What a frame says was presented.

use punchd_contract::{Credential, Method};

/// The longest user id that makes sense: what terminals keep is far shorter.
const LONGEST_USER_ID: usize = 64;

/// What stands in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A user id, as text.
    UserId,
    /// A card number as hexadecimal text, in air order.
    CardText,
    /// A card number as the bytes themselves, in air order.
    CardBytes,
    /// A code, such as a QR code's text.
    Token,
}

/// What a frame is to punchd.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// Somebody presented this.
    Presented(Credential, Method),
    /// The device talks of something else: the prefix is not there.
    Chatter,
    /// It should be a credential and cannot be read as one.
    Unreadable,
}

/// Reads a frame. What stands before the content must be there; spaces around the content do not count.
pub fn read(frame: &[u8], prefix: &str, content: Content) -> Said {
    let Some(rest) = frame.strip_prefix(prefix.as_bytes()) else { return Said::Chatter };
    if content == Content::CardBytes {
        return match (2..=10).contains(&rest.len()) {
            true => Said::Presented(Credential::Card(rest.to_vec()), Method::Card),
            false => Said::Unreadable,
        };
    }
    let Ok(text) = std::str::from_utf8(rest) else { return Said::Unreadable };
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Said::Unreadable;
    }
    match content {
        Content::UserId if text.len() <= LONGEST_USER_ID && !text.contains(char::is_whitespace) => {
            Said::Presented(Credential::UserId(text.to_owned()), Method::Unsaid)
        }
        Content::Token => Said::Presented(Credential::Token(text.to_owned()), Method::Code),
        Content::CardText => {
            card(text).map_or(Said::Unreadable, |bytes| Said::Presented(Credential::Card(bytes), Method::Card))
        }
        Content::UserId | Content::CardBytes => Said::Unreadable,
    }
}

/// 2 to 10 bytes in hexadecimal, with or without `:`, `-` or spaces between them.
fn card(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|c| !matches!(c, b':' | b'-' | b' ')).collect();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect();
    bytes.filter(|bytes| (2..=10).contains(&bytes.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_user_id_stands_behind_its_prefix() {
        let seven = || Said::Presented(Credential::UserId("7".into()), Method::Unsaid);
        assert_eq!(read(b"user 7", "user ", Content::UserId), seven());
        assert_eq!(read(b" 7 ", "", Content::UserId), seven());
        assert_eq!(read(b"battery 80", "user ", Content::UserId), Said::Chatter);
        assert_eq!(read(b"user 7 8", "user ", Content::UserId), Said::Unreadable);
        assert_eq!(read(b"user \xFF", "user ", Content::UserId), Said::Unreadable);
    }

    #[test]
    fn a_card_is_kept_in_air_order() {
        let card = || Said::Presented(Credential::Card(vec![0x04, 0xA1, 0xB2, 0xC3]), Method::Card);
        assert_eq!(read(b"UID: 04:A1:b2:C3", "UID:", Content::CardText), card());
        assert_eq!(read(b"04A1B2C3", "", Content::CardText), card());
        assert_eq!(read(&[0x04, 0xA1, 0xB2, 0xC3], "", Content::CardBytes), card());
        for wrong in ["04A1B2C", "04", "04A1B2C3D4E5F6070809AA", "04A1ZZ", "+4A1"] {
            assert_eq!(read(wrong.as_bytes(), "", Content::CardText), Said::Unreadable, "{wrong}");
        }
        assert_eq!(read(&[4], "", Content::CardBytes), Said::Unreadable);
    }

    #[test]
    fn a_token_is_any_text() {
        let said = read("https://例/?t=1 2".as_bytes(), "", Content::Token);
        assert_eq!(said, Said::Presented(Credential::Token("https://例/?t=1 2".into()), Method::Code));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(frame: Vec<u8>, prefix in "[a-z ]{0,4}") {
            for content in [Content::UserId, Content::CardText, Content::CardBytes, Content::Token] {
                let _ = read(&frame, &prefix, content);
            }
        }

        #[test]
        fn cards_survive_hexadecimal(bytes in proptest::collection::vec(any::<u8>(), 2..=10)) {
            let text = Credential::Card(bytes.clone()).value();
            prop_assert_eq!(read(text.as_bytes(), "", Content::CardText), Said::Presented(Credential::Card(bytes), Method::Card));
        }
    }
}
