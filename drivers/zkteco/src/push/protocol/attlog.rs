//! Lines of the table ATTLOG: one punch each (facts/terminals.md B.3). What stands behind each width is in docs/sources/push.md.
//!
//! The columns are the user id, a written time, and then state, verify code, work code and others. A layout is believed only where the
//! line bears it out: exactly the user id stands before the time. Whatever else holds a time is for a person to look at.

use jiff::tz::Offset;

use super::fields::Fields;
use super::id_card;
use super::time::Stamped;
use super::written_time::{self, WrittenTime};

/// One punch as an attendance terminal writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punch {
    /// The terminal's user id, as sent; empty where nobody is named.
    pub pin: String,
    /// When, by the terminal's clock.
    pub time: Stamped,
    /// How far that clock was ahead of UTC, where the line says so.
    pub ahead: Ahead,
    /// In, out, break, overtime; on identity-card terminals the outcome of a check.
    pub status: Option<u16>,
    /// How the person proved who they are.
    pub verify: Option<u16>,
    /// The work code that the person chose; empty without.
    pub workcode: String,
    /// What follows the work code.
    pub tail: Tail,
    /// Why the columns may not be what they seem.
    pub odd: Option<Odd>,
}

/// What a line says of its clock's distance from UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ahead {
    /// Nothing.
    #[default]
    Unsaid,
    /// This.
    Of(Offset),
    /// Something that no zone has.
    Impossible,
}

/// The columns behind the work code that mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The eighth column holds the number of an identity card.
    pub has_id_number: bool,
    /// The ninth column: on identity-card terminals 0 is attendance and 1 a check of a card.
    pub kind: Option<u16>,
}

/// What makes a layout doubtful although it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// The column of the state holds a number that is no state.
    State,
}

/// The longest user id that is taken for one; terminals have at most 24 characters.
const LONGEST_PIN: usize = 64;

/// The column of `TimeOffset` (vendor's attendance PUSH V5.8 §9.1).
const TIME_OFFSET: usize = 10;

/// The furthest that any place is from UTC, and the steps that zones have, in seconds.
const FURTHEST: i32 = 14 * 3600;
const STEP: i32 = 900;

impl Punch {
    /// Reads a line of columns, or of `Key=Value` fields. `None`: it is no punch, or not one whose columns are certain.
    pub fn parse(line: &str) -> Option<Self> {
        let fields = Fields::of(line);
        if fields.get(&["PIN", "UserID", "EnrollNumber", "BadgeNumber"]).is_some() && fields.get(TIMES).is_some() {
            return Self::from_fields(&fields);
        }
        let times = written_time::all(line);
        let time = times.first()?;
        let (before, behind) = (line.get(..time.place.start)?, line.get(time.place.end..)?);
        let between = Between::of(before, behind)?;
        let pin = between.only_column(before)?;
        let columns: Vec<&str> = between.columns(behind);
        let column = |at: usize| columns.get(at).copied().map(unquoted).unwrap_or("");
        let number = |at: usize| column(at).parse::<u16>().ok();
        let said = |at: usize| columns.get(at).is_some();
        let odd = column(0).parse::<u64>().is_ok_and(|state| state > 255).then_some(Odd::State);
        let tail = Tail {
            has_id_number: id_card::looks_like_one(column(5)),
            kind: if columns.len() == 7 || id_card::looks_like_one(column(5)) { number(6) } else { None },
        };
        let ahead = match time.offset {
            Some(offset) => Ahead::Of(offset),
            None if said(TIME_OFFSET - 2) => ahead(column(TIME_OFFSET - 2)),
            None => Ahead::Unsaid,
        };
        let punch = Self {
            pin: pin.to_owned(),
            time: Stamped::from(time),
            ahead,
            status: number(0),
            verify: number(1),
            workcode: workcode(Some(column(2))),
            tail,
            odd,
        };
        punch.checked()
    }

    fn from_fields(fields: &Fields) -> Option<Self> {
        let text = fields.get(TIMES)?;
        let written: WrittenTime = written_time::whole(text)?;
        let punch = Self {
            pin: fields.get(&["PIN", "UserID", "EnrollNumber", "BadgeNumber"])?.to_owned(),
            ahead: match (written.offset, fields.get(&["TimeOffset"])) {
                (Some(offset), _) => Ahead::Of(offset),
                (None, Some(text)) => ahead(text),
                (None, None) => Ahead::Unsaid,
            },
            time: Stamped::from(&written),
            status: fields.number(&["Status", "State", "InOutState", "AttState"]),
            verify: fields.number(&["Verify", "Verified", "VerifyType", "VerifyMode"]),
            workcode: workcode(fields.get(&["WorkCode"])),
            tail: Tail { has_id_number: fields.get(&["IDNum", "ID_Num"]).is_some(), kind: fields.number(&["Type"]) },
            odd: None,
        };
        punch.checked()
    }

    fn checked(self) -> Option<Self> {
        let plausible = self.pin.len() <= LONGEST_PIN
            && !self.pin.chars().any(|c| c.is_control() || c == '\u{FFFD}')
            && !self.pin.contains('=');
        plausible.then_some(self)
    }

    /// Whether somebody is named: user id 0 is the terminal itself.
    pub fn names_somebody(&self) -> bool {
        !self.pin.trim_matches('0').is_empty()
    }

    /// What makes it the same record in a live upload, in a re-sent log and in the answer to a query. The columns behind
    /// the work code differ between those (temperature, reserved) and are left out, but for the clock's own offset.
    pub fn content(&self, serial: &str, pin: &str) -> String {
        let number = |value: Option<u16>| value.map_or_else(String::new, |value| value.to_string());
        let (status, verify) = (number(self.status), number(self.verify));
        let ahead = if let Ahead::Of(offset) = self.ahead { format!("|{:+}", offset.seconds()) } else { String::new() };
        format!("{serial}|{pin}|{}|{status}|{verify}|{}{ahead}", self.time.key(), self.workcode)
    }
}

/// The names of the field that holds the time.
pub const TIMES: &[&str] = &["Time", "DateTime", "AttTime", "CheckTime", "VerifyTime", "Time_second"];

/// What stands between the columns of a line.
#[derive(Clone, Copy)]
enum Between {
    Is(char),
    Blanks,
}

impl Between {
    /// As it stands directly before or behind the time.
    fn of(before: &str, behind: &str) -> Option<Self> {
        let edge = |c: char| matches!(c, '\t' | ',' | ';' | '|').then_some(Self::Is(c));
        let last = before.trim_end_matches([' ', '"', '\'']).chars().next_back();
        let first = behind.trim_start_matches([' ', '"', '\'']).chars().next();
        if before.trim().is_empty() {
            return None;
        }
        last.and_then(edge).or_else(|| first.and_then(edge)).or(Some(Self::Blanks))
    }

    /// The text before the time, if it is one column alone.
    fn only_column(self, before: &str) -> Option<&str> {
        let column = match self {
            Self::Is(between) => before.trim_end_matches([' ', '"', '\'']).strip_suffix(between)?,
            Self::Blanks => before,
        };
        let column = unquoted(column);
        let alone = match self {
            Self::Is(between) => !column.contains(between) && !column.contains('\t'),
            Self::Blanks => !column.contains([' ', '\t', ',', ';', '|']),
        };
        alone.then_some(column)
    }

    fn columns(self, behind: &str) -> Vec<&str> {
        match self {
            Self::Is(between) => {
                let behind = behind.trim_start_matches(['"', '\'', ' ']);
                behind.strip_prefix(between).unwrap_or(behind).split(between).collect()
            }
            Self::Blanks => behind.split_whitespace().collect(),
        }
    }
}

fn unquoted(column: &str) -> &str {
    column.trim().trim_matches(['"', '\'']).trim()
}

fn ahead(text: &str) -> Ahead {
    match text.trim() {
        "" => Ahead::Unsaid,
        text => match text.parse::<i32>() {
            Ok(seconds) if seconds.abs() <= FURTHEST && seconds % STEP == 0 => {
                Offset::from_seconds(seconds).map_or(Ahead::Impossible, Ahead::Of)
            }
            _ => Ahead::Impossible,
        },
    }
}

/// Firmware writes "none" as nothing or as 0.
fn workcode(column: Option<&str>) -> String {
    match column.unwrap_or("") {
        "0" => String::new(),
        other => id_card::hidden(other).chars().take(32).collect(),
    }
}

/// The line `TABLE=ATTLOG` that some senders put first: the table's name.
pub fn heading(line: &str) -> Option<&str> {
    let (key, name) = line.trim().split_once('=')?;
    let plain = key.trim().eq_ignore_ascii_case("table")
        && name.trim().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then_some(name.trim())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_every_known_width_and_separator_are_the_same_record() {
        let lines = [
            "1001\t2026-01-05 08:00:00\t0\t1\t0",
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0",
            "1001\t2026-01-05 08:00:00\t0\t1\t\t0\t0",
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\t\t",
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\t0\t36.5\t0",
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\t0\t36.5\t36.5\t\t",
            "PIN=1001\tTime=2026-01-05 08:00:00\tStatus=0\tVerify=1",
            "PIN=1001,Time=2026-01-05 08:00:00,Status=0,Verify=1",
            "PIN=1001 Time=2026-01-05 08:00:00 Status=0 Verify=1",
            "1001 2026-01-05 08:00:00 0 1",
            "1001,2026-01-05 08:00:00,0,1,0,0",
            "1001;2026-01-05 08:00:00;0;1",
            "\"1001\",\"2026-01-05 08:00:00\",\"0\",\"1\"",
            "1001,2026-01-05,08:00:00,0,1",
            "1001\t2026-01-05\t08:00:00\t0\t1",
            "    1001\t2026-01-05 08:00:00\t0\t1",
        ];
        for line in lines {
            let punch = Punch::parse(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(punch.time.civil(), Some(date(2026, 1, 5).at(8, 0, 0, 0)));
            assert_eq!(punch.content("S1", &punch.pin), "S1|1001|2026-01-05 08:00:00|0|1|", "{line}");
            assert_eq!(punch.odd, None, "{line}");
        }
    }

    #[test]
    fn what_is_no_punch_is_none_and_an_impossible_date_keeps_its_pin() {
        for line in ["garbage\tnot-a-date", "garbage", "\t\t\t", "1001\t0\t1", "A=B\t2026-01-05 08:00:00\t0\t1"] {
            assert_eq!(Punch::parse(line), None, "{line}");
        }
        let punch = Punch::parse("007\t2026-02-30 08:00:00\t0\t1").unwrap();
        assert_eq!((punch.pin.as_str(), punch.time.civil()), ("007", None));
    }

    #[test]
    fn columns_in_another_order_are_nobodys() {
        for line in [
            "1001\t0\t1\t2026-01-05 08:00:00\t0",
            "0\t1001\t2026-01-05 08:00:00\t0\t1",
            "2026-01-05 08:00:00\t1001\t0\t1",
            "10 01 2026-01-05 08:00:00 0 1",
        ] {
            assert_eq!(Punch::parse(line), None, "{line}");
        }
        assert_eq!(Punch::parse("7\t2026-01-05 08:00:00\t1001\t0").unwrap().odd, Some(Odd::State));
        assert_eq!(Punch::parse("10 01\t2026-01-05 08:00:00\t0\t1").unwrap().pin, "10 01");
    }

    #[test]
    fn a_line_says_how_far_its_clock_is_ahead_and_that_is_part_of_the_record() {
        let row = |offset: &str| {
            Punch::parse(&format!("1\t2026-01-05 08:00:00\t0\t15\t0\t0\t0\t0\t36.2\t36.2\t{offset}\t")).unwrap()
        };
        assert_eq!(row("+25200").ahead, Ahead::Of(Offset::constant(7)));
        assert_eq!(row("-12600").ahead, Ahead::Of(Offset::from_seconds(-12_600).unwrap()));
        assert_eq!(row("").ahead, Ahead::Unsaid);
        for impossible in ["+25201", "28801", "999999", "x", "-60000"] {
            assert_eq!(row(impossible).ahead, Ahead::Impossible, "{impossible}");
        }
        let content = |offset: &str| row(offset).content("S", "1");
        assert_ne!(content("+25200"), content("+28800"));
        assert_ne!(content("+25200"), content(""));
    }

    #[test]
    fn an_identity_card_terminals_line_says_what_kind_it_is() {
        let punch = Punch::parse("1001\t2026-01-05 08:00:00\t1\t1\t0\t0\t0\t110101199003070000\t1").unwrap();
        assert_eq!(punch.tail, Tail { has_id_number: true, kind: Some(1) });
        assert!(!punch.content("S", "1001").contains("110101"));
        let usual = Punch::parse("1001\t2026-01-05 08:00:00\t1\t1\t0\t0\t0\t0\t36.5\t1").unwrap();
        assert_eq!(usual.tail, Tail { has_id_number: false, kind: None });
    }

    #[test]
    fn two_ids_that_differ_in_zeros_are_two_people() {
        let pin = |pin: &str| Punch::parse(&format!("{pin}\t2026-01-05 08:00:00\t0\t1")).unwrap().pin;
        assert_ne!(pin("007"), pin("7"));
        assert!(!Punch::parse("0\t2026-01-05 08:00:00\t0\t1").unwrap().names_somebody());
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in any::<String>()) {
            let _ = Punch::parse(&line);
            let _ = heading(&line);
        }

        /// Never somebody else: whoever is credited stood alone before the time.
        #[test]
        fn whoever_is_credited_stands_directly_before_the_time(
            columns in proptest::collection::vec("[0-9]{1,4}", 0..6), at in 0_usize..6, between in "[\t,;| ]",
        ) {
            let mut line = columns.clone();
            let at = at.min(line.len());
            line.insert(at, "2026-01-05 08:00:00".into());
            let punch = Punch::parse(&line.join(&between));
            prop_assert_eq!(punch.map(|punch| punch.pin), (at == 1).then(|| columns[0].clone()));
        }
    }
}
