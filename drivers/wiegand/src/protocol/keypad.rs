//! Keys of a head with a keypad: a burst of 4 bits each, or 8 with the complement before (facts/readers.md B.4).

use std::time::Duration;

use super::bits::Bits;

/// Digits of a user id that somebody types.
const MOST: usize = 16;
/// Who has typed nothing for so long has gone away.
pub const GIVEN_UP: Duration = Duration::from_secs(10);

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// 0 to 9.
    Digit(u8),
    /// `*`.
    Star,
    /// `#`.
    Hash,
}

impl Key {
    /// Reads a burst; `None`: no key is written like this.
    pub fn decode(frame: Bits) -> Option<Self> {
        let nibble = match frame.len() {
            4 => frame.value(),
            8 if frame.part(0, 4) == frame.part(4, 4).inverted() => frame.part(4, 4).value(),
            _ => return None,
        };
        match nibble {
            10 => Some(Self::Star),
            11 => Some(Self::Hash),
            digit => u8::try_from(digit).ok().filter(|digit| *digit < 10).map(Self::Digit),
        }
    }

    /// Writes the burst.
    pub fn encode(self, with_complement: bool) -> Bits {
        let nibble = match self {
            Self::Digit(digit) => u64::from(digit),
            Self::Star => 10,
            Self::Hash => 11,
        };
        match with_complement {
            true => Bits::new((nibble ^ 15) << 4 | nibble, 8),
            false => Bits::new(nibble, 4),
        }
    }
}

/// What has been typed since the last `#`.
#[derive(Debug, Default)]
pub struct Typed {
    digits: String,
    too_long: bool,
}

impl Typed {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a key. Answers the user id that `#` ends; `*` begins anew. What is longer than any user id is dropped as a whole.
    pub fn push(&mut self, key: Key) -> Option<String> {
        match key {
            Key::Digit(digit) => {
                self.too_long |= self.digits.len() >= MOST;
                if !self.too_long {
                    self.digits.push(char::from(b'0' + digit.min(9)));
                }
                None
            }
            Key::Star => {
                self.forget();
                None
            }
            Key::Hash => {
                let typed = std::mem::take(self);
                Some(typed.digits).filter(|digits| !typed.too_long && !digits.is_empty())
            }
        }
    }

    /// Whether something is half typed.
    pub fn is_open(&self) -> bool {
        !self.digits.is_empty()
    }

    /// Whoever typed has gone away.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Iterator<Item = Key> {
        (0..10).map(Key::Digit).chain([Key::Star, Key::Hash])
    }

    #[test]
    fn keys_are_read_and_written_in_both_forms() {
        for key in keys() {
            assert_eq!(Key::decode(key.encode(false)), Some(key));
            assert_eq!(Key::decode(key.encode(true)), Some(key));
        }
        assert_eq!(Key::Digit(5).encode(true).to_string(), "10100101");
        assert_eq!(Key::Hash.encode(false).to_string(), "1011");
        for wrong in ["1100", "1111", "01010101", "00110001", "101", "00000"] {
            assert_eq!(Key::decode(Bits::parse(wrong).unwrap()), None, "{wrong}");
        }
    }

    fn typed(text: &str) -> Vec<String> {
        let mut typed = Typed::new();
        let key = |c: char| match c {
            '*' => Key::Star,
            '#' => Key::Hash,
            digit => Key::Digit(digit.to_digit(10).unwrap() as u8),
        };
        text.chars().filter_map(|c| typed.push(key(c))).collect()
    }

    #[test]
    fn a_user_id_ends_with_hash_and_star_begins_anew() {
        assert_eq!(typed("007#"), ["007"]);
        assert_eq!(typed("12*34#56#"), ["34", "56"]);
        assert_eq!(typed("##*#"), [""; 0]);
        assert_eq!(typed("1234567890123456#"), ["1234567890123456"]);
        assert_eq!(typed("12345678901234567#8#"), ["8"]);
    }

    proptest! {
        #[test]
        fn no_keys_panic(text in "[0-9*#]{0,60}", value: u64, length: u8) {
            for id in typed(&text) {
                prop_assert!((1..=16).contains(&id.len()));
            }
            let _ = Key::decode(Bits::new(value, length));
        }
    }
}
