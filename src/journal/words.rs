//! How the journal writes what a reading says: the words of its columns.

use std::borrow::Cow;

use jiff::civil::DateTime;
use punchd_contract::{Direction, Method, Origin};

/// As the journal writes civil time; sorts by time. Digit by digit, because formatting would take longer than storing it.
pub(super) fn civil_text(civil: DateTime) -> String {
    if civil.year() < 0 {
        return civil.to_string();
    }
    let mut text = String::with_capacity("2000-01-01T00:00:00".len());
    let mut two = |before: &str, number: i16| {
        text.push_str(before);
        for digit in [number / 10 % 10, number % 10] {
            text.push(char::from(b'0' + digit.unsigned_abs() as u8));
        }
    };
    two("", civil.year() / 100);
    two("", civil.year() % 100);
    two("-", civil.month().into());
    two("-", civil.day().into());
    two("T", civil.hour().into());
    two(":", civil.minute().into());
    two(":", civil.second().into());
    text
}

/// The way back from [`civil_text`].
pub(super) fn civil_from(text: &str) -> Option<DateTime> {
    text.parse().ok()
}

pub(super) fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Live => "live",
        Origin::Log => "log",
        Origin::Backfill => "backfill",
    }
}

pub(super) fn method_word(method: Method) -> Cow<'static, str> {
    Cow::Borrowed(match method {
        Method::Password => "password",
        Method::Finger => "finger",
        Method::Card => "card",
        Method::Face => "face",
        Method::Palm => "palm",
        Method::Code => "code",
        Method::Proximity => "proximity",
        Method::Several => "several",
        Method::Other(number) => return Cow::Owned(format!("other_{number}")),
        Method::Unsaid => "unsaid",
    })
}

pub(super) fn direction_word(direction: Direction) -> Cow<'static, str> {
    Cow::Borrowed(match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::BreakOut => "break_out",
        Direction::BreakIn => "break_in",
        Direction::OvertimeIn => "overtime_in",
        Direction::OvertimeOut => "overtime_out",
        Direction::Other(number) => return Cow::Owned(format!("other_{number}")),
        Direction::Unsaid => "unsaid",
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::datetime;

    use super::*;

    #[test]
    fn civil_time_is_written_in_digits_that_sort_and_are_read_again() {
        assert_eq!(civil_text(datetime(2026, 1, 2, 3, 4, 5, 0)), "2026-01-02T03:04:05");
        for civil in [
            datetime(0, 1, 1, 0, 0, 0, 0),
            datetime(987, 10, 31, 23, 59, 59, 0),
            datetime(9999, 12, 31, 23, 59, 59, 0),
            datetime(-5, 6, 7, 8, 9, 10, 0),
        ] {
            assert_eq!(civil_from(&civil_text(civil)), Some(civil));
        }
    }
}
