//! Lengths of time as they are written: `"90s"`, `"5m"`, `"1h30m"`, `"7d"`.

use std::time::Duration;

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a length of time: whole numbers, each with its unit (`d`, `h`, `m`, `s`), the larger unit first.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds: u64 = 0;
    let mut smaller_than = u64::MAX;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let mut characters = after.chars();
        let unit = characters.next()?;
        let (_, worth) = UNITS.into_iter().find(|(letter, worth)| *letter == unit && *worth < smaller_than)?;
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(worth)?)?;
        smaller_than = worth;
        rest = characters.as_str();
    }
    Some(Duration::from_secs(seconds))
}

/// Writes a length of time as [`parse_duration`] reads it.
pub fn show_duration(length: Duration) -> String {
    let mut left = length.as_secs();
    let mut shown = String::new();
    for (letter, worth) in UNITS {
        if left >= worth {
            shown.push_str(&format!("{}{letter}", left / worth));
            left %= worth;
        }
    }
    if shown.is_empty() { "0s".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_of_time_needs_its_unit() {
        assert_eq!(parse_duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("400d"), Some(Duration::from_secs(400 * 86_400)));
        for wrong in
            ["", "5", "m", "5 m", "-5m", "5M", "1m1h", "1h1h", "99999999999999999999d", "18446744073709551615d"]
        {
            assert_eq!(parse_duration(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_again(seconds in 0u64..10_000_000_000) {
            let length = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&show_duration(length)), Some(length));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = parse_duration(&text);
        }
    }
}
