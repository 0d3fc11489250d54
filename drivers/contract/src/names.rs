//! Names of devices: what the operator calls one, and what it calls itself.

use serde::{Deserialize, Serialize};

/// What the configuration calls a device: 1–40 of `a-z A-Z 0-9 - _ .`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(String);

/// What a terminal calls itself. The identity of a terminal: addresses change (facts/terminals.md A.5).
///
/// 1–64 printable ASCII characters without spaces, quotes, slashes or control characters, because it arrives from the
/// network and ends up in logs, paths and HTTP answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerialNumber(String);

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty or too long.
    #[error("must have 1 to {max} characters, has {found}")]
    Length {
        /// The longest allowed.
        max: usize,
        /// What was given.
        found: usize,
    },
    /// A character that is not allowed.
    #[error("may not contain {0:?}")]
    Character(char),
}

fn checked(text: String, max: usize, allowed: fn(char) -> bool) -> Result<String, NameError> {
    let found = text.chars().count();
    if found == 0 || found > max {
        return Err(NameError::Length { max, found });
    }
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(NameError::Character(c)),
        None => Ok(text),
    }
}

macro_rules! name {
    ($name:ident, $max:expr, $allowed:expr) => {
        impl $name {
            /// Checks and wraps.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                checked(text.into(), $max, $allowed).map(Self)
            }
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(DeviceName, 40, |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
name!(SerialNumber, 64, |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '\\' | '"' | '\'' | '<' | '>' | '&'));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_from_the_network_cannot_carry_markup_or_paths() {
        assert!(SerialNumber::new("CJ9D204960001").is_ok());
        assert!(SerialNumber::new("../x").is_err());
        assert!(SerialNumber::new("<b>").is_err());
        assert!(SerialNumber::new("a\r\nb").is_err());
        assert!(SerialNumber::new("").is_err());
        assert!(SerialNumber::new("x".repeat(65)).is_err());
    }
}
