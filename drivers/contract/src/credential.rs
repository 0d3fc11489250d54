//! What was presented at a device.

use serde::{Deserialize, Serialize};

use crate::FingerName;

/// What a person presented, as the device tells it. Who that is, the agent decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Credential {
    /// A terminal's own user id, as text: `007` and `7` are two ids, and `222222cb` exists (facts/terminals.md A.9).
    UserId(String),
    /// A terminal's own row number, where the record names nothing else and no user list tells whose row it was at that moment. A row
    /// is given again after a deletion (facts/terminals.md A.10): it is nobody's until a person decides.
    Row(u32),
    /// A card number: the raw bytes in air order (facts/readers.md B.3). 2 or 3 bytes are a part of a number, as 26-bit Wiegand
    /// heads tell it: parts collide between cards, and never stand for a whole one.
    Card(Vec<u8>),
    /// A finger that a local module keeps.
    Finger(FingerName),
    /// The content of a QR code.
    Token(String),
    /// An advertised badge.
    Badge(String),
    /// The record names nobody that could be read: kept for its raw bytes.
    Unreadable,
}

impl Credential {
    /// The word that the journal and the people list use for this kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UserId(_) => "user_id",
            Self::Row(_) => "row",
            Self::Card(_) => "card",
            Self::Finger(_) => "finger",
            Self::Token(_) => "token",
            Self::Badge(_) => "badge",
            Self::Unreadable => "unreadable",
        }
    }

    /// The value as text: what the people list's column of that kind holds. Cards in upper-case hexadecimal.
    pub fn value(&self) -> String {
        match self {
            Self::UserId(text) | Self::Token(text) | Self::Badge(text) => text.clone(),
            Self::Row(row) => row.to_string(),
            Self::Card(bytes) => bytes.iter().map(|b| format!("{b:02X}")).collect(),
            Self::Finger(finger) => finger.0.clone(),
            Self::Unreadable => String::new(),
        }
    }

    /// From the words that [`kind`](Self::kind) and [`value`](Self::value) gave.
    pub fn from_parts(kind: &str, value: &str) -> Self {
        let card = || -> Option<Vec<u8>> {
            let digits = value.as_bytes().chunks_exact(2);
            digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
        };
        match kind {
            "user_id" => Self::UserId(value.to_owned()),
            "row" => value.parse().map_or(Self::Unreadable, Self::Row),
            "card" => card().map_or(Self::Unreadable, Self::Card),
            "finger" => Self::Finger(FingerName(value.to_owned())),
            "token" => Self::Token(value.to_owned()),
            "badge" => Self::Badge(value.to_owned()),
            _ => Self::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_value_tell_a_credential_completely() {
        for credential in [
            Credential::UserId("007".into()),
            Credential::Row(7),
            Credential::Card(vec![0x04, 0xA1, 0x00]),
            Credential::Finger(FingerName("k3f9-17-2".into())),
            Credential::Token("x:1".into()),
            Credential::Badge("b".into()),
            Credential::Unreadable,
        ] {
            assert_eq!(Credential::from_parts(credential.kind(), &credential.value()), credential);
        }
    }
}
