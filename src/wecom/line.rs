//! One line of text for a field of WeCom, inside its limit whichever way WeCom counts.

use serde::{Deserialize, Serialize};

/// What stands where a required text is empty: known to be taken (facts/wecom-api.md 1.2).
const NOTHING: &str = "-";

/// A non-empty text of at most `BYTES` bytes of UTF-8, without control characters and without the letters `\u`.
///
/// WeCom's pages count characters, its sibling fields bytes: bytes are the stricter. Control characters would be escaped
/// in JSON, and text of the form `\uXXXX` in a value is refused with 40033 (facts/wecom-api.md 1.2, 1.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Line<const BYTES: usize>(String);

/// Why a text does not go into a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Nothing in it.
    #[error("must not be empty: write a dash if there is nothing to say")]
    Empty,
    /// Too long.
    #[error("has {found} bytes, at most {limit} are allowed (a Chinese character has three): shorten it")]
    Long {
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A control character, or a backslash before `u`.
    #[error("contains a line break, a control character or \\u: remove it")]
    Control,
}

impl<const BYTES: usize> Line<BYTES> {
    /// Takes a text that a person wrote, or says what is wrong with it.
    pub fn new(text: impl Into<String>) -> Result<Self, LineError> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(LineError::Empty);
        }
        if text.len() > BYTES {
            return Err(LineError::Long { found: text.len(), limit: BYTES });
        }
        if text.chars().any(char::is_control) || text.contains("\\u") {
            return Err(LineError::Control);
        }
        Ok(Self(text))
    }

    /// Makes any text fit: cut at a character, control characters become spaces, nothing becomes a dash.
    pub fn cut(text: &str) -> Self {
        let mut fitting = String::with_capacity(text.len().min(BYTES));
        let plain = text.replace("\\u", "/u");
        for c in plain.trim().chars() {
            let c = if c.is_control() { ' ' } else { c };
            if fitting.len() + c.len_utf8() > BYTES {
                break;
            }
            fitting.push(c);
        }
        fitting.truncate(fitting.trim_end().len());
        if fitting.is_empty() {
            fitting.push_str(NOTHING);
        }
        Self(fitting)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const BYTES: usize> TryFrom<String> for Line<BYTES> {
    type Error = LineError;
    fn try_from(text: String) -> Result<Self, LineError> {
        Self::new(text)
    }
}

impl<const BYTES: usize> From<Line<BYTES>> for String {
    fn from(line: Line<BYTES>) -> String {
        line.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_chinese_text_is_cut_between_characters() {
        // 13 characters of three bytes are 39; the 14th would be cut in the middle.
        assert_eq!(Line::<40>::cut(&"门".repeat(20)).as_str(), "门".repeat(13));
    }

    #[test]
    fn an_empty_text_becomes_a_dash() {
        assert_eq!(Line::<40>::cut("").as_str(), "-");
        assert_eq!(Line::<40>::cut(" \r\n\t").as_str(), "-");
    }

    #[test]
    fn a_text_that_looks_like_an_escape_is_not_sent_as_one() {
        assert_eq!(Line::<40>::cut("C:\\user").as_str(), "C:/user");
        assert_eq!(Line::<40>::new("\\u4e2d").unwrap_err(), LineError::Control);
    }

    #[test]
    fn a_person_is_told_what_is_wrong_with_a_text() {
        assert_eq!(Line::<3>::new("门口").unwrap_err(), LineError::Long { found: 6, limit: 3 });
        assert_eq!(Line::<3>::new(" ").unwrap_err(), LineError::Empty);
        assert_eq!(Line::<9>::new("a\nb").unwrap_err(), LineError::Control);
        assert_eq!(Line::<9>::new("一号门").unwrap().as_str(), "一号门");
    }

    proptest! {
        #[test]
        fn whatever_is_cut_is_then_accepted(text in any::<String>()) {
            let line = Line::<40>::cut(&text);
            prop_assert_eq!(Line::<40>::new(line.as_str()), Ok(line.clone()));
        }
    }
}
