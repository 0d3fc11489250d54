//! The hash chain over readings: what exactly a row's digest covers.
//!
//! `digest(n) = SHA-256(digest(n-1) ‖ row(n))`. `row(n)` is every column of the reading but the digest, in the order of the
//! table, each as a tag byte (0 null, 1 integer, 2 text, 3 bytes) and its value: integers as 8 bytes little-endian, text and bytes with their length as
//! 8 bytes little-endian in front. The first row of a journal covers 32 zero bytes. An export repeats the same columns, so it
//! can be verified alone.

use ring::digest::SHA256;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// What the first row of a journal covers.
    pub const START: Self = Self([0; 32]);

    /// From stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(ring::digest::digest(&SHA256, bytes).as_ref());
        Self(digest)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no digest: 64 hexadecimal digits are expected");
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| bad())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

/// Where a chain stands: its last row and that row's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last row; 0 before the first.
    pub seq: i64,
    /// Its digest.
    pub digest: Digest,
}

impl Head {
    /// Of an empty journal.
    pub const EMPTY: Self = Self { seq: 0, digest: Digest::START };
}

/// Covers the columns of one row. They are gathered and digested at once: the digest's own bookkeeping for each of some forty
/// pieces costs more than the digest.
pub struct Link(Vec<u8>);

/// The usual length of a row with the digest before it.
const USUAL: usize = 512;

impl Link {
    /// Begins a row that follows the one with this digest.
    pub fn after(previous: &Digest) -> Self {
        let mut row = Vec::with_capacity(USUAL);
        row.extend_from_slice(&previous.0);
        Self(row)
    }

    /// Covers the next column.
    pub fn cover(&mut self, column: ValueRef<'_>) {
        match column {
            ValueRef::Null => self.0.push(0),
            ValueRef::Integer(number) => self.tagged(1, &number.to_le_bytes()),
            // No column of `reading` is a floating-point number; covered all the same, should a hand have put one there.
            ValueRef::Real(number) => self.tagged(4, &number.to_le_bytes()),
            ValueRef::Text(text) => self.sized(2, text),
            ValueRef::Blob(bytes) => self.sized(3, bytes),
        }
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8; 8]) {
        self.0.push(tag);
        self.0.extend_from_slice(bytes);
    }

    fn sized(&mut self, tag: u8, bytes: &[u8]) {
        self.tagged(tag, &(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    /// The digest of the row.
    pub fn close(self) -> Digest {
        Digest::of(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_from_one_column_to_the_next_changes_the_digest() {
        let digest = |a: &[u8], b: &[u8]| {
            let mut link = Link::after(&Digest::START);
            link.cover(ValueRef::Text(a));
            link.cover(ValueRef::Text(b));
            link.close()
        };
        assert_ne!(digest(b"ab", b"c"), digest(b"a", b"bc"));
    }

    #[test]
    fn a_digest_is_written_and_read_as_64_digits() {
        let digest = Digest::of(b"punch");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("12".parse::<Digest>().is_err());
        assert!("g".repeat(64).parse::<Digest>().is_err());
    }
}
