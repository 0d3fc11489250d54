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

    /// Whether it shows that the data wires are not swapped: turned over, 0 to 3 are no keys, and the others are other keys.
    pub fn tells_wires(self) -> bool {
        matches!(self, Self::Digit(0..=3))
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

/// What `#` ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A user id, typed without a gap.
    UserId(String),
    /// What is left of something whose head was given up, or that is longer than any user id: it names nobody, however much it looks
    /// like somebody's.
    Remainder(String),
}

/// What has been typed since the last `#` or `*`, by the clock of the edges.
#[derive(Debug, Default)]
pub struct Typed {
    digits: String,
    /// When the last key was pressed, in nanoseconds; `None`: nothing since a terminator.
    last: Option<u64>,
    /// Something of it was lost or given up: until a terminator nobody can tell what a digit belongs to.
    broken: bool,
}

impl Typed {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a key that was pressed then. Answers what `#` ends; `*` begins anew.
    pub fn push(&mut self, key: Key, at: u64) -> Option<Ended> {
        let given_up = u64::try_from(GIVEN_UP.as_nanos()).unwrap_or(u64::MAX);
        if self.last.is_some_and(|last| at.saturating_sub(last) > given_up) {
            self.give_up();
        }
        match key {
            Key::Digit(digit) => {
                self.last = Some(at);
                if self.digits.len() >= MOST {
                    self.broken = true;
                } else {
                    self.digits.push(char::from(b'0' + digit.min(9)));
                }
                None
            }
            Key::Star => {
                *self = Self::default();
                None
            }
            Key::Hash => match std::mem::take(self) {
                Self { digits, .. } if digits.is_empty() => None,
                Self { digits, broken: true, .. } => Some(Ended::Remainder(digits)),
                Self { digits, .. } => Some(Ended::UserId(digits)),
            },
        }
    }

    /// A key was lost, or somebody did something else in the middle: what follows until a terminator is half a number.
    pub fn give_up(&mut self) {
        self.broken = true;
        self.digits.clear();
    }

    /// Somebody does something else: what is half typed is given up.
    pub fn give_up_if_open(&mut self) {
        if self.is_open() {
            self.give_up();
        }
    }

    /// Whether something is half typed.
    pub fn is_open(&self) -> bool {
        self.last.is_some()
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
        // All twelve as somebody wrote them down (YetAnotherArduinoWiegandLibrary #33).
        let seen = [0xF0, 0xE1, 0xD2, 0xC3, 0xB4, 0xA5, 0x96, 0x87, 0x78, 0x69, 0x5A, 0x4B];
        assert!(keys().zip(seen).all(|(key, seen)| key.encode(true) == Bits::new(seen, 8)));
        assert_eq!(Key::Hash.encode(false).to_string(), "1011");
        for wrong in ["1100", "1111", "01010101", "00110001", "101", "00000"] {
            assert_eq!(Key::decode(Bits::parse(wrong).unwrap()), None, "{wrong}");
        }
    }

    /// A keypad of 8 bits with swapped wires, as somebody wrote it down with the card 62B43423 (Wiegand-NG #3): 1, 2, 3, 4, 6, 0.
    #[test]
    fn keys_over_swapped_wires_are_other_keys_and_0_to_3_tell() {
        let seen = |text: &str| Key::decode(Bits::parse(text).unwrap());
        assert_eq!(["00011110", "00101101", "00111100", "00001111"].map(seen), [None; 4]);
        assert_eq!(seen("01001011"), Some(Key::Hash));
        assert_eq!(seen("01101001"), Some(Key::Digit(9)));
        for key in keys() {
            for with_complement in [false, true] {
                let swapped = Key::decode(key.encode(with_complement).inverted());
                assert_eq!(swapped.is_none(), key.tells_wires(), "{key:?}");
                assert_ne!(swapped, Some(key));
            }
        }
    }

    const SECOND: u64 = 1_000_000_000;

    fn key(c: char) -> Key {
        match c {
            '*' => Key::Star,
            '#' => Key::Hash,
            digit => Key::Digit(digit.to_digit(10).unwrap() as u8),
        }
    }

    /// Keys a second from each other; `-` is 10.5 s and `!` a key that was lost.
    fn typed(text: &str) -> Vec<Ended> {
        let (mut typed, mut at, mut found) = (Typed::new(), 0, Vec::new());
        for c in text.chars() {
            match c {
                '-' => at += 10 * SECOND + SECOND / 2,
                '!' => typed.give_up(),
                c => {
                    at += SECOND;
                    found.extend(typed.push(key(c), at));
                }
            }
        }
        found
    }

    fn id(text: &str) -> Ended {
        Ended::UserId(text.to_owned())
    }

    fn remainder(text: &str) -> Ended {
        Ended::Remainder(text.to_owned())
    }

    #[test]
    fn a_user_id_ends_with_hash_and_star_begins_anew() {
        assert_eq!(typed("007#"), [id("007")]);
        assert_eq!(typed("12*34#56#"), [id("34"), id("56")]);
        assert_eq!(typed("##*#"), []);
        assert_eq!(typed("1234567890123456#"), [id("1234567890123456")]);
        assert_eq!(typed("12345678901234567#8#"), [remainder("1234567890123456"), id("8")]);
    }

    #[test]
    fn what_follows_a_head_that_was_given_up_is_nobody_until_it_ends() {
        assert_eq!(typed("1002-34#100234#"), [remainder("34"), id("100234")]);
        assert_eq!(typed("1002-34*56#"), [id("56")]);
        assert_eq!(typed("1002-----34#"), [remainder("34")]);
        assert_eq!(typed("1002-#34#"), [id("34")]);
        assert_eq!(typed("1-2-3#4#"), [remainder("3"), id("4")]);
        assert_eq!(typed("007#---42#"), [id("007"), id("42")]);
        assert_eq!(typed("10!234#!5#6#"), [remainder("234"), remainder("5"), id("6")]);
    }

    proptest! {
        /// However a number is cut in time: it is credited whole or not at all, and the next one is right again.
        #[test]
        fn a_number_is_credited_whole_or_not_at_all(number in "[0-9]{1,16}", pauses in proptest::collection::vec(0u64..20, 17)) {
            let (mut typed, mut at, mut found, mut cut) = (Typed::new(), 0, Vec::new(), false);
            for (place, (c, pause)) in number.chars().chain(['#']).zip(pauses).enumerate() {
                cut |= place > 0 && pause > 10;
                at += pause * SECOND;
                found.extend(typed.push(key(c), at));
            }
            prop_assert_eq!(found.contains(&Ended::UserId(number.clone())), !cut);
            prop_assert!(found.iter().all(|ended| *ended == id(&number) || matches!(ended, Ended::Remainder(_))));
            prop_assert!(!typed.is_open());
            let next: Vec<_> = "77#".chars().filter_map(|c| typed.push(key(c), at + 30 * SECOND)).collect();
            prop_assert_eq!(next, [id("77")]);
        }

        #[test]
        fn no_keys_panic(text in "[0-9*#!-]{0,60}", value: u64, length: u8) {
            for ended in typed(&text) {
                let (Ended::UserId(id) | Ended::Remainder(id)) = ended;
                prop_assert!((1..=16).contains(&id.len()));
            }
            let _ = Key::decode(Bits::new(value, length));
        }
    }
}
