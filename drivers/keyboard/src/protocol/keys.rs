//! Key codes of Linux and the characters that a US keyboard has on them: what every reader types as.

/// What a key does in the typing of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, and the one with shift.
    Char(u8, u8),
    /// Left or right shift, by its place.
    Shift(usize),
    /// Left or right control, by its place.
    Control(usize),
    /// Alt or the system key, by its place: what is pressed with it is no text.
    Other(usize),
    /// Enter, also that of the number pad.
    Enter,
    /// Tab.
    Tab,
    /// Takes a character back: people at keypads.
    Backspace,
    /// Nothing: lock keys, function keys, keys that no reader has.
    Nothing,
}

/// The first code, and the characters on it and on the codes that follow, without and with shift.
const ROWS: [(u16, &[u8], &[u8]); 4] = [
    (2, b"1234567890-=", b"!@#$%^&*()_+"),
    (16, b"qwertyuiop[]", b"QWERTYUIOP{}"),
    (30, b"asdfghjkl;'`", b"ASDFGHJKL:\"~"),
    (43, b"\\zxcvbnm,./", b"|ZXCVBNM<>?"),
];

/// The number pad, the same with shift.
const PAD: [(u16, u8); 17] = [
    (55, b'*'),
    (71, b'7'),
    (72, b'8'),
    (73, b'9'),
    (74, b'-'),
    (75, b'4'),
    (76, b'5'),
    (77, b'6'),
    (78, b'+'),
    (79, b'1'),
    (80, b'2'),
    (81, b'3'),
    (82, b'0'),
    (83, b'.'),
    (98, b'/'),
    (117, b'='),
    (121, b','),
];

/// Enter of the main block and of the number pad.
pub const ENTER: [u16; 2] = [28, 96];
/// Tab.
pub const TAB: u16 = 15;
/// Left shift.
pub const SHIFT: u16 = 42;
/// NumLock, which some readers press around every digit.
pub const NUM_LOCK: u16 = 69;

/// What the key with this code does.
pub fn key(code: u16) -> Key {
    for (first, plain, shifted) in ROWS {
        let at = usize::from(code.wrapping_sub(first));
        if let (Some(plain), Some(shifted)) = (plain.get(at), shifted.get(at)) {
            // 42 and 54 lie within no row: shift is none of the characters.
            return Key::Char(*plain, *shifted);
        }
    }
    if let Some((_, char)) = PAD.iter().find(|(pad, _)| *pad == code) {
        return Key::Char(*char, *char);
    }
    match code {
        14 => Key::Backspace,
        TAB => Key::Tab,
        28 | 96 => Key::Enter,
        57 => Key::Char(b' ', b' '),
        SHIFT => Key::Shift(0),
        54 => Key::Shift(1),
        29 => Key::Control(0),
        97 => Key::Control(1),
        56 => Key::Other(0),
        100 => Key::Other(1),
        125 => Key::Other(2),
        126 => Key::Other(3),
        _ => Key::Nothing,
    }
}

/// The key of a character and whether shift is held with it, as readers type.
pub fn stroke(char: u8) -> Option<(u16, bool)> {
    if char == b' ' {
        return Some((57, false));
    }
    ROWS.iter().find_map(|(first, plain, shifted)| {
        let at = |row: &[u8]| row.iter().position(|c| *c == char).and_then(|at| u16::try_from(at).ok());
        at(plain).map(|at| (first + at, false)).or_else(|| at(shifted).map(|at| (first + at, true)))
    })
}

/// The digits and Enter of the main block, and those of the number pad: without one or the other, nothing is typed that a reader says.
pub fn types_numbers(has: impl Fn(u16) -> bool) -> bool {
    let main = (2..=11).all(&has) && has(28);
    let pad = PAD.iter().filter(|(_, char)| char.is_ascii_digit()).all(|(code, _)| has(*code)) && has(96);
    main || pad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visible_character_has_its_key_and_no_key_two() {
        for char in b' '..=b'~' {
            let (code, shift) = stroke(char).unwrap();
            let Key::Char(plain, shifted) = key(code) else { panic!("{char}") };
            assert_eq!(if shift { shifted } else { plain }, char);
        }
        assert_eq!(stroke(b'\n'), None);
    }

    #[test]
    fn the_codes_are_those_of_the_kernel() {
        for (code, plain, shifted) in [
            (2, b'1', b'!'),
            (11, b'0', b')'),
            (13, b'=', b'+'),
            (16, b'q', b'Q'),
            (25, b'p', b'P'),
            (27, b']', b'}'),
            (30, b'a', b'A'),
            (33, b'f', b'F'),
            (41, b'`', b'~'),
            (43, b'\\', b'|'),
            (44, b'z', b'Z'),
            (50, b'm', b'M'),
            (53, b'/', b'?'),
            (82, b'0', b'0'),
            (71, b'7', b'7'),
        ] {
            assert_eq!(key(code), Key::Char(plain, shifted), "{code}");
        }
        assert_eq!(
            (key(42), key(54), key(28), key(96), key(69), key(58)),
            (Key::Shift(0), Key::Shift(1), Key::Enter, Key::Enter, Key::Nothing, Key::Nothing)
        );
    }

    #[test]
    fn a_mouse_types_no_numbers_and_a_keypad_does() {
        assert!(types_numbers(|code| (2..=11).contains(&code) || code == 28));
        assert!(types_numbers(|code| (71..=83).contains(&code) || code == 96));
        assert!(!types_numbers(|code| code >= 0x110));
        assert!(!types_numbers(|code| (2..=11).contains(&code)));
    }
}
