//! What the numbers of a record mean (facts/terminals.md B.7; not the codes of the pull protocol).

use punchd_contract::{Direction, Method};

/// How the person proved who they are, by its number.
pub fn method(verify: Option<u16>) -> Method {
    match verify {
        None | Some(0 | 255) => Method::Unsaid,
        Some(1 | 21..=24) => Method::Finger,
        Some(3) => Method::Password,
        Some(4) => Method::Card,
        Some(5..=14 | 16..=20 | 26..=29) => Method::Several,
        Some(15) => Method::Face,
        Some(25) => Method::Palm,
        Some(other) => Method::Other(other),
    }
}

/// The same as the security dialect writes it: a number, or a mask of up to 16 binary digits, the highest first.
pub fn method_of_text(verify: &str) -> Method {
    match mask(verify) {
        Some(mask) => method_of_mask(mask),
        None => method(verify.trim().parse().ok()),
    }
}

/// More than three digits of 0 and 1 alone are no number of that table.
fn mask(text: &str) -> Option<u16> {
    let text = text.trim();
    let binary = (4..=16).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0' | b'1'));
    binary.then(|| u16::from_str_radix(text, 2).ok()).flatten()
}

/// Bit 0 says that all of the others were asked for together (vendor's Security PUSH V4.8 §12.5.1).
fn method_of_mask(mask: u16) -> Method {
    let kinds = mask & !1;
    match kinds {
        0 => Method::Unsaid,
        _ if kinds.count_ones() > 1 => Method::Several,
        0b0000_0000_0000_0010 => Method::Face,
        0b0000_0000_0000_0100 | 0b0000_0000_0000_1000 => Method::Palm,
        0b0000_0000_0001_0000 | 0b0000_0000_0010_0000 => Method::Finger,
        0b0000_0010_0000_0000 => Method::Password,
        0b0000_1000_0000_0000 => Method::Card,
        0b0001_0000_0000_0000 => Method::Code,
        _ => Method::Other(mask),
    }
}

/// Which way an attendance terminal says the person went.
pub fn direction(status: Option<u16>) -> Direction {
    status.map_or(Direction::Unsaid, Direction::from_state)
}

/// Which side of a door an access controller says: 0 and 1; its other numbers are not those of attendance.
pub fn side_of_door(inoutstatus: Option<u16>) -> Direction {
    match inoutstatus {
        Some(0) => Direction::In,
        Some(1) => Direction::Out,
        // 2: the reader belongs to no side.
        None | Some(2 | 255) => Direction::Unsaid,
        Some(other) => Direction::Other(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sixteen_digits_are_a_mask_and_not_a_number() {
        assert_eq!(method_of_text("0000101000000011"), Method::Several);
        assert_eq!(method_of_text("0000000000000010"), Method::Face);
        assert_eq!(method_of_text("0000000000010000"), Method::Finger);
        assert_eq!(method_of_text("0000001000000000"), Method::Password);
        assert_eq!(method_of_text("0000100000000000"), Method::Card);
        assert_eq!(method_of_text("15"), Method::Face);
        assert_eq!(method_of_text("11"), Method::Several);
        assert_eq!((method_of_text(""), method_of_text("200")), (Method::Unsaid, Method::Other(200)));
    }

    proptest! {
        #[test]
        fn every_mask_is_read_as_a_mask(mask in any::<u16>()) {
            let read = method_of_text(&format!("{mask:016b}"));
            prop_assert_eq!(read, method_of_mask(mask));
            if (mask & !1).count_ones() > 1 {
                prop_assert_eq!(read, Method::Several);
            }
        }
    }
}
