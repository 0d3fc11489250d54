//! A terminal's local time, which may be a date that does not exist.

use jiff::civil::DateTime;
use punchd_contract::Happened;

use super::Wrong;

const RIGHT: &str = "the terminal's local time without a zone, such as 2026-11-02T08:00:00";

/// `2026-11-02T08:00:00`, to the second. What has that form and does not exist (31 February) is kept as impossible.
pub fn happened(text: &str) -> Result<Happened, Wrong> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let formed = bytes.len() == FORM.len()
        && bytes.iter().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b' '),
            _ => byte == form,
        });
    if !formed {
        return Err(Wrong::field("at", RIGHT));
    }
    Ok(text.parse::<DateTime>().map_or(Happened::Impossible, Happened::ByTerminal))
}

/// The same for a clock, which shows a time that exists.
pub fn clock(text: &str) -> Result<DateTime, Wrong> {
    match happened(text) {
        Ok(Happened::ByTerminal(time)) => Ok(time),
        _ => Err(Wrong::field("clock", RIGHT)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn times_are_taken_without_a_zone_alone() {
        let eight = Happened::ByTerminal(date(2026, 11, 2).at(8, 0, 0, 0));
        assert_eq!(happened("2026-11-02T08:00:00"), Ok(eight));
        assert_eq!(happened("2026-11-02 08:00:00"), Ok(eight));
        assert_eq!(happened("2026-02-31T08:00:00"), Ok(Happened::Impossible));
        assert_eq!(happened("2026-13-01T25:00:00"), Ok(Happened::Impossible));
        for text in
            ["", "2026-11-02T08:00:00Z", "2026-11-02T08:00", "2026-11-02T08:00:00.5", "02.11.2026 08:00:00", "é"]
        {
            assert!(happened(text).is_err(), "{text}");
        }
        assert!(clock("2026-02-31T08:00:00").is_err());
    }
}
