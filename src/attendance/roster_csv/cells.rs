//! One cell: what a spreadsheet may have done to it, undone where that is certain.

use jiff::civil::Date;

/// Full-width letters, digits, signs and spaces in their ordinary form; invisible characters gone.
pub(super) fn half_width(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}'))
        .map(|c| match c {
            '\u{3000}' | '\u{a0}' => ' ',
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// A cell without the tricks that keep Excel from calculating: `="0012"`, `'0012`.
pub(super) fn bare(text: &str) -> &str {
    let text = text.trim();
    let formula = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    formula.or_else(|| text.strip_prefix('\'')).unwrap_or(text).trim()
}

/// A number that a spreadsheet wrote as a power of ten, with its last digits lost. `12E5` alone may be an id.
pub(super) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let marked = mantissa.contains('.') || exponent.starts_with('+');
    let number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit() || c == '.');
    marked && number(mantissa) && number(exponent.trim_start_matches('+'))
}

/// `1001.0`: a whole number that some program kept as a decimal.
pub(super) fn without_decimal_zero(text: &str) -> Option<&str> {
    let (whole, zeros) = text.split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    (digits(whole) && digits(zeros) && zeros.chars().all(|c| c == '0')).then_some(whole)
}

/// An id such as `1-2` that a spreadsheet took for a day: `1月2日`, `2-Jan`, `Jan-02`, `2026/1/2`.
pub(super) fn looks_like_a_day(text: &str) -> bool {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let short = |part: &str| (1..=4).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
    let english = text.split_once('-').is_some_and(|(a, b)| {
        let month = |part: &str| MONTHS.contains(&part.to_ascii_lowercase().as_str());
        (month(a) && short(b)) || (short(a) && month(b))
    });
    let chinese = text.contains('月') && (text.ends_with('日') || text.ends_with('月'));
    let slashes = text.matches('/').count() == 2 && text.split('/').all(short);
    english || chinese || slashes
}

/// What a cell of days says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    /// Without doubt.
    Is(Date),
    /// A spreadsheet's count of days.
    Counted(Date),
    /// Day and month could change places.
    Ambiguous,
    /// Not a day.
    Unreadable,
}

/// Reads a day, with or without a time after it.
pub(super) fn day(text: &str) -> Day {
    let text = text.split([' ', 'T']).next().unwrap_or("");
    if let Some(serial) = serial(text) {
        return serial;
    }
    let unified = text.replace(['年', '月', '/', '.'], "-").replace('日', "");
    let parts: Vec<&str> = unified.split('-').collect();
    let number = |part: &str| part.parse::<i16>().ok();
    match parts.as_slice() {
        [year, month, day] if year.len() == 4 => match (number(year), number(month), number(day)) {
            (Some(year), Some(month), Some(day)) => date(year, month, day).map_or(Day::Unreadable, Day::Is),
            _ => Day::Unreadable,
        },
        [a, b, c] if [a, b, c].iter().all(|part| number(part).is_some()) => Day::Ambiguous,
        [whole] if whole.len() == 8 => {
            let part = |range| whole.get(range).and_then(number);
            match (part(0..4), part(4..6), part(6..8)) {
                (Some(year), Some(month), Some(day)) => date(year, month, day).map_or(Day::Unreadable, Day::Is),
                _ => Day::Unreadable,
            }
        }
        _ => Day::Unreadable,
    }
}

/// Days since 1899-12-30, as spreadsheets count; only those of this and the last decades can be meant.
fn serial(text: &str) -> Option<Day> {
    if text.len() != 5 || !text.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let days: i64 = text.parse().ok()?;
    let date = Date::new(1899, 12, 30).ok()?.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    Some(if (1990..2100).contains(&date.year()) { Day::Counted(date) } else { Day::Unreadable })
}

fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    if !(1990..2200).contains(&year) {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_is_read_in_the_forms_that_spreadsheets_write() {
        let day_of = Date::new(2026, 3, 1).unwrap();
        for text in ["2026-03-01", "2026/3/1", "2026.3.1", "2026年3月1日", "20260301", "2026/3/1 0:00"] {
            assert_eq!(day(text), Day::Is(day_of), "{text}");
        }
        assert_eq!(day("46082"), Day::Counted(day_of));
        assert_eq!(day("3/1/2026"), Day::Ambiguous);
        for text in ["2026-13-01", "soon", "", "99999", "2026-02-30"] {
            assert_eq!(day(text), Day::Unreadable, "{text}");
        }
    }

    #[test]
    fn numbers_that_a_spreadsheet_changed_are_known() {
        assert!(is_scientific("1.00E+09") && is_scientific("4e+8") && is_scientific("1.2E9"));
        assert!(
            !is_scientific("12E5") && !is_scientific("04E12345") && !is_scientific("E+") && !is_scientific("222222cb")
        );
        assert_eq!(without_decimal_zero("1001.0"), Some("1001"));
        assert_eq!(without_decimal_zero("10.5"), None);
        assert!(looks_like_a_day("1月2日") && looks_like_a_day("2-Jan") && looks_like_a_day("2026/1/2"));
        assert!(!looks_like_a_day("F1-02") && !looks_like_a_day("1-2"));
        assert_eq!(bare("=\"0012\""), "0012");
        assert_eq!(bare("'0012"), "0012");
        assert_eq!(half_width("１００１　ＡＢ"), "1001 AB");
    }

    proptest! {
        #[test]
        fn no_cell_makes_it_panic(text in "[0-9eE+./年月日a-z\\-\u{3000}＝\"' ]{0,12}") {
            let _ = (day(&text), is_scientific(&text), without_decimal_zero(&text), looks_like_a_day(&text), bare(&text).len());
        }
    }
}
