//! Numbers of Chinese identity cards: they stand nowhere in clear (DESIGN §2 law 8), so each is replaced by a digest that stays the same.

use ring::digest::{SHA256, digest};

/// What stands where a number stood.
pub const LEFT_OUT: &str = "[id number left out]";

/// How many characters of a digest stand for a number.
const SHORT: usize = 16;

/// Whether this is the number of an identity card: 17 digits and the check character of GB 11643.
pub fn is_number(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let Some((digits, check)) = text.as_bytes().split_first_chunk::<17>() else { return false };
    if check.len() != 1 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let right = usize::try_from(sum % 11).ok().and_then(|at| CHECKS.get(at));
    check.first().map(u8::to_ascii_uppercase).as_ref() == right
}

/// Whether a column that is there for such numbers holds one, of 18 characters or of the 15 of before 1999, right or mistyped.
pub fn looks_like_one(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().take(text.len() - 1).all(|byte| byte.is_ascii_digit())
}

/// The text with a digest in place of each number, so that two of the same are seen to be the same.
pub fn hidden(text: &str) -> String {
    let bytes = replaced(text.as_bytes(), |number| format!("id-{}", short(number)));
    // Only whole ASCII characters were replaced.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The bytes with a note in place of each number.
pub fn left_out(bytes: &[u8]) -> Vec<u8> {
    replaced(bytes, |_| LEFT_OUT.to_owned())
}

/// A short digest of whatever must not stand in clear, the same in any letter case.
pub fn short(text: &str) -> String {
    hex(text.to_ascii_uppercase().as_bytes(), SHORT)
}

/// A digest that tells any two texts apart.
pub fn digest_of(text: &str) -> String {
    hex(text.as_bytes(), 2 * SHORT)
}

fn hex(bytes: &[u8], digits: usize) -> String {
    digest(&SHA256, bytes).as_ref().iter().take(digits / 2).map(|byte| format!("{byte:02x}")).collect()
}

fn replaced(bytes: &[u8], with: impl Fn(&str) -> String) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let check = digits == 17 && rest.get(digits).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'X'));
        let length = (digits + usize::from(check)).max(1);
        let (run, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        match std::str::from_utf8(run) {
            Ok(text) if is_number(text) => kept.extend_from_slice(with(text).as_bytes()),
            _ => kept.extend_from_slice(run),
        }
        rest = behind;
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number with its right check character.
    fn numbered(seventeen: u64) -> String {
        let digits = format!("{seventeen:017}");
        "0123456789X".chars().map(|check| format!("{digits}{check}")).find(|number| is_number(number)).unwrap()
    }

    #[test]
    fn a_number_is_known_by_its_check_character() {
        assert!(is_number("110101199003074573") && is_number("11010119900307109x"));
        for no in ["110101199003074578", "11010119900307457", "1101011990030745730", "1001", ""] {
            assert!(!is_number(no), "{no}");
        }
    }

    #[test]
    fn the_same_number_has_the_same_digest_and_the_rest_stays() {
        let (one, two) = (hidden("PIN=110101199003074573\tx"), hidden("PIN=110101199003074573\tx"));
        assert_eq!(one, two);
        assert!(one.starts_with("PIN=id-") && one.ends_with("\tx") && !one.contains("1990"), "{one}");
        assert_eq!(hidden("1001"), "1001");
    }

    proptest! {
        #[test]
        fn no_number_survives_wherever_it_stands(number in 0_u64..99_999_999_999_999_999, before in "[A-Za-z=\t, ]{0,5}", behind in "([\t,= a-z-][0-9a-z]{0,9})?") {
            let number = numbered(number);
            let line = format!("{before}{number}{behind}");
            prop_assert!(!hidden(&line).contains(&number));
            prop_assert!(!String::from_utf8(left_out(line.as_bytes())).unwrap().contains(&number));
        }

        #[test]
        fn any_bytes_are_searched_without_a_panic(bytes in any::<Vec<u8>>()) {
            let _ = left_out(&bytes);
        }
    }
}
