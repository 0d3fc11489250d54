//! Times as people and firmware write them, found wherever they stand in a line. Digits alone are never a time.

use std::ops::Range;

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A date with a time of day behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTime {
    /// Where it stands, in bytes.
    pub place: Range<usize>,
    /// As written.
    pub text: String,
    /// What it says. `None`: it can be read in two ways (day or month first, two digits of a year, AM or PM), its end
    /// is missing, or there is no such day.
    pub civil: Option<DateTime>,
    /// How far from UTC it says that it is.
    pub offset: Option<Offset>,
}

/// All times that are written in a text, in their order.
pub fn all(text: &str) -> Vec<WrittenTime> {
    let bytes = text.as_bytes();
    let (mut found, mut from) = (Vec::new(), 0);
    while from < bytes.len() {
        let starts = bytes.get(from).is_some_and(u8::is_ascii_digit)
            && !from.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        match starts.then(|| at(text, from)).flatten() {
            Some(time) => {
                from = time.place.end;
                found.push(time);
            }
            None => from += 1,
        }
    }
    found
}

/// The whole text as a time, blanks around it aside.
pub fn whole(text: &str) -> Option<WrittenTime> {
    let text = text.trim();
    let time = at(text, 0)?;
    (time.place.end == text.len()).then_some(time)
}

/// Whether a run of 12 or 14 digits looks like a date and a time of day: no evidence for one, but a reason to keep the line.
pub fn has_compact(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| {
        let pair = |at: usize| digits.get(at..at + 2).and_then(|two| two.parse::<u8>().ok()).unwrap_or(99);
        matches!(digits.len(), 12 | 14)
            && matches!(pair(0), 19 | 20)
            && (1..=12).contains(&pair(4))
            && (1..=31).contains(&pair(6))
            && pair(8) < 24
            && pair(10) < 60
    })
}

fn at(text: &str, from: usize) -> Option<WrittenTime> {
    let mut reader = Reader { bytes: text.as_bytes(), at: from };
    let first = reader.digits(1, 4)?;
    let between = reader.one_of(b"-/.")?;
    let second = reader.digits(1, 2)?;
    reader.this(between)?;
    let third = reader.digits(1, 4)?;
    reader.gap()?;
    let hour = reader.digits(1, 2)?;
    reader.this(b':')?;
    let minute = reader.digits(2, 2)?;
    let second_of_minute = if reader.this(b':').is_some() { Some(reader.digits(1, 2)?) } else { None };
    if reader.peek() == Some(b'.') && reader.ahead(1).is_some_and(|byte| byte.is_ascii_digit()) {
        reader.at += 1;
        reader.digits(1, 9)?;
    }
    let year_first = first.digits == 4 && third.digits <= 2;
    let other_order = first.digits <= 2 && (third.digits == 4 || third.digits == 2);
    if !year_first && !other_order {
        return None;
    }
    let offset = reader.offset();
    let halves = reader.half_of_day();
    let ends_cleanly = !reader.peek().is_some_and(|byte| byte.is_ascii_digit() || byte == b':');
    // A line that lost its end: `08:15:3` was `08:15:35`, and `08:15` with nothing behind it had seconds. A whole one has two digits.
    let is_whole = second_of_minute.map_or_else(|| reader.at < text.trim_end().len(), |second| second.digits == 2);
    let small = |number: Number| i8::try_from(number.value).ok();
    let civil = || {
        let year = i16::try_from(first.value).ok()?;
        DateTime::new(
            year,
            small(second)?,
            small(third)?,
            small(hour)?,
            small(minute)?,
            second_of_minute.map_or(Some(0), small)?,
            0,
        )
        .ok()
    };
    let readable = year_first && is_whole && !halves && ends_cleanly && !matches!(offset, Suffix::Odd);
    let place = from..reader.at;
    Some(WrittenTime {
        text: text.get(place.clone())?.to_owned(),
        civil: readable.then(civil).flatten(),
        offset: if let Suffix::Offset(offset) = offset { Some(offset) } else { None },
        place,
    })
}

#[derive(Clone, Copy)]
struct Number {
    value: u32,
    digits: usize,
}

enum Suffix {
    None,
    Offset(Offset),
    Odd,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn ahead(&self, by: usize) -> Option<u8> {
        self.bytes.get(self.at + by).copied()
    }

    fn this(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| bytes.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    /// So many digits, and none behind them.
    fn digits(&mut self, least: usize, most: usize) -> Option<Number> {
        let mut number = Number { value: 0, digits: 0 };
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            if number.digits == most {
                return None;
            }
            number = Number { value: number.value * 10 + u32::from(digit - b'0'), digits: number.digits + 1 };
            self.at += 1;
        }
        (number.digits >= least).then_some(number)
    }

    /// Between a date and its time: blanks, a `T`, or the end of a column.
    fn gap(&mut self) -> Option<()> {
        let blanks = |reader: &mut Self| {
            let from = reader.at;
            while reader.peek() == Some(b' ') {
                reader.at += 1;
            }
            reader.at > from
        };
        let before = blanks(self);
        let between = self.one_of(b"Tt\t,;|").is_some();
        let behind = blanks(self);
        (before || between || behind).then_some(())
    }

    /// `Z`, `+08:00`, `+0800` or `+08` directly behind.
    fn offset(&mut self) -> Suffix {
        match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                return Suffix::Offset(Offset::UTC);
            }
            Some(b'+' | b'-') if self.ahead(1).is_some_and(|byte| byte.is_ascii_digit()) => {}
            _ => return Suffix::None,
        }
        let sign = if self.peek() == Some(b'-') { -1 } else { 1 };
        self.at += 1;
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit() || byte == b':') {
            self.at += 1;
        }
        let digits: Vec<i32> = self
            .bytes
            .get(from..self.at)
            .unwrap_or_default()
            .iter()
            .filter(|b| **b != b':')
            .map(|b| i32::from(b - b'0'))
            .collect();
        let minutes = match digits[..] {
            [a, b] => Some((a * 10 + b) * 60),
            [a, b, c, d] => Some((a * 10 + b) * 60 + c * 10 + d),
            _ => None,
        };
        minutes.and_then(|minutes| Offset::from_seconds(sign * minutes * 60).ok()).map_or(Suffix::Odd, Suffix::Offset)
    }

    /// AM and PM: which of the two hours is meant is not said by firmware that is known.
    fn half_of_day(&mut self) -> bool {
        let skip = usize::from(self.peek() == Some(b' '));
        let letter = |by: usize| self.ahead(skip + by).map(|byte| byte.to_ascii_lowercase());
        let found = matches!(letter(0), Some(b'a' | b'p'))
            && letter(1) == Some(b'm')
            && !letter(2).is_some_and(|byte| byte.is_ascii_alphanumeric());
        if found {
            self.at += skip + 2;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_found_wherever_it_stands_and_however_it_is_written() {
        let eight = Some(date(2026, 11, 1).at(8, 0, 0, 0));
        for line in [
            "1001\t2026-11-01 08:00:00\t0\t1",
            "1001 2026-11-01 08:00:00 0 1",
            "1001,2026/11/1 8:00,0,1",
            "1001,2026-11-01,08:00:00,0,1",
            "1001|2026-11-01T08:00:00|0",
            "\"1001\",\"2026-11-01 08:00:00\"",
            "2026.11.01 08:00:00.123 1001",
        ] {
            let found = all(line);
            assert_eq!(found.iter().map(|time| time.civil).collect::<Vec<_>>(), [eight], "{line}");
        }
        let east = whole("2026-11-01T08:00:00+08:00").unwrap();
        assert_eq!((east.civil, east.offset), (eight, Some(Offset::constant(8))));
        assert_eq!(whole("2026-11-01T08:00:00Z").unwrap().offset, Some(Offset::UTC));
        assert_eq!(all("StartTime=2026-11-01 08:00:00\tEndTime=2026-11-02 08:00:00").len(), 2);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_a_time_that_says_nothing() {
        for text in [
            "01/11/2026 08:00:00",
            "26-11-01 08:00:00",
            "2026-11-01 08:00:00 PM",
            "2026-11-01 08:00:00pm",
            "2026-02-30 08:00:00",
            "0000-00-00 00:00:00",
        ] {
            assert_eq!(all(text).iter().map(|time| time.civil).collect::<Vec<_>>(), [None], "{text}");
        }
    }

    #[test]
    fn a_time_that_lost_its_end_says_nothing() {
        for text in ["1001\t2026-11-01 08:15:3", "1001\t2026-11-01 08:15", "1001\t2026-11-01 08:15:", "2026/11/1 8:15 "]
        {
            assert!(all(text).iter().all(|time| time.civil.is_none()), "{text}");
        }
        assert_eq!(whole("2026-11-01 08:15").and_then(|time| time.civil), None);
    }

    #[test]
    fn digits_alone_are_no_time() {
        for text in ["0", "862560000", "20261101080000", "2026-11-01", "08:00:00", "1.2.3.4", "10.0.0.8 5:00"] {
            assert_eq!(all(text), [], "{text}");
        }
        assert!(has_compact("1001\t20261101080000\t0") && has_compact("202611010800"));
        assert!(!has_compact("110101199003070000") && !has_compact("209913320000"));
    }

    proptest! {
        #[test]
        fn however_much_of_a_line_is_missing_no_other_time_is_read(
            seconds in 0_i64..4_000_000_000, keep in 0_usize..40, pin in "[1-9][0-9]{0,5}",
        ) {
            let civil = Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds).unwrap());
            let line = format!("{pin}\t{}\t0\t1", civil.strftime("%Y-%m-%d %H:%M:%S"));
            let left = line.get(..keep.min(line.len())).unwrap();
            prop_assert!(all(left).iter().all(|time| time.civil.is_none_or(|read| read == civil)), "{left}");
        }

        #[test]
        fn any_text_is_searched_without_a_panic_and_places_are_in_it(text in any::<String>()) {
            for time in all(&text) {
                prop_assert_eq!(text.get(time.place.clone()), Some(time.text.as_str()));
            }
        }

        #[test]
        fn a_written_time_survives_whatever_is_around_it(
            before in "[a-z \t,;]{0,12}", behind in "[ \t,;][a-z0-9\t,]{0,12}",
            seconds in 0_i64..4_000_000_000,
        ) {
            let civil = Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds).unwrap());
            let line = format!("{before}{}{behind}", civil.strftime("%Y-%m-%d %H:%M:%S"));
            let found = all(&line);
            prop_assert!(found.iter().any(|time| time.civil == Some(civil)) || behind.trim_start().starts_with("am")
                || behind.trim_start().starts_with("pm"), "{line}");
        }
    }
}
