//! Lines of the table ATTLOG: one punch each (facts/terminals.md B.3).

use super::fields::Fields;
use super::time::Stamped;

/// One punch as an attendance terminal writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Punch {
    /// The terminal's user id, as sent; empty where nobody is named.
    pub pin: String,
    /// When, by the terminal's clock.
    pub time: Stamped,
    /// In, out, break, overtime.
    pub status: Option<u16>,
    /// How the person proved who they are.
    pub verify: Option<u16>,
    /// The work code that the person chose; empty without.
    pub workcode: String,
}

/// The longest user id that is taken for one; terminals have at most 24 characters.
const LONGEST_PIN: usize = 64;

impl Punch {
    /// Reads a line of 2 to 10 columns, or of `Key=Value` fields. `None`: this is no punch.
    pub fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split('\t').map(str::trim);
        let (first, second) = (columns.next()?, columns.next()?);
        if first.contains('=') {
            return Self::from_fields(&Fields::parse(line, '\t'));
        }
        let punch = Self {
            pin: first.to_owned(),
            time: Stamped::parse(second)?,
            status: columns.next().and_then(|text| text.parse().ok()),
            verify: columns.next().and_then(|text| text.parse().ok()),
            workcode: workcode(columns.next()),
        };
        punch.checked()
    }

    fn from_fields(fields: &Fields) -> Option<Self> {
        let punch = Self {
            pin: fields.get(&["PIN", "UserID"])?.to_owned(),
            time: Stamped::parse(fields.get(&["Time", "DateTime", "AttTime", "Time_second"])?)?,
            status: fields.number(&["Status", "State", "InOutState"]),
            verify: fields.number(&["Verify", "Verified", "VerifyType"]),
            workcode: workcode(fields.get(&["WorkCode"])),
        };
        punch.checked()
    }

    fn checked(self) -> Option<Self> {
        let plausible = self.pin.len() <= LONGEST_PIN && !self.pin.chars().any(char::is_control);
        plausible.then_some(self)
    }

    /// Whether somebody is named: user id 0 is the terminal itself.
    pub fn names_somebody(&self) -> bool {
        !self.pin.trim_matches('0').is_empty()
    }

    /// What makes it the same record in a live upload, in a re-sent log and in the answer to a query. The columns behind
    /// the work code differ between those (temperature, reserved) and are left out.
    pub fn content(&self, serial: &str) -> String {
        let number = |value: Option<u16>| value.map_or_else(String::new, |value| value.to_string());
        let (status, verify) = (number(self.status), number(self.verify));
        format!("{serial}|{}|{}|{status}|{verify}|{}", self.pin, self.time.key(), self.workcode)
    }
}

/// Firmware writes "none" as nothing or as 0.
fn workcode(column: Option<&str>) -> String {
    match column.unwrap_or("") {
        "0" => String::new(),
        other => other.chars().take(32).collect(),
    }
}

/// The line `TABLE=ATTLOG` that some senders put first says nothing.
pub fn is_heading(line: &str) -> bool {
    line.trim().get(..6).is_some_and(|start| start.eq_ignore_ascii_case("table="))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_every_known_width_are_the_same_record() {
        let lines = [
            "1001\t2026-01-05 08:00:00\t0\t1\t0",
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0",
            "1001\t2026-01-05 08:00:00\t0\t1\t\t0\t0",
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\t\t",
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\t0\t36.5\t0",
            "PIN=1001\tTime=2026-01-05 08:00:00\tStatus=0\tVerify=1",
        ];
        for line in lines {
            let punch = Punch::parse(line).unwrap();
            assert_eq!(punch.time.civil(), Some(date(2026, 1, 5).at(8, 0, 0, 0)));
            assert_eq!(punch.content("S1"), "S1|1001|2026-01-05 08:00:00|0|1|", "{line}");
        }
    }

    #[test]
    fn what_is_no_punch_is_none_and_an_impossible_date_keeps_its_pin() {
        assert_eq!(Punch::parse("garbage\tnot-a-date"), None);
        assert_eq!(Punch::parse("garbage"), None);
        assert_eq!(Punch::parse("\t\t\t"), None);
        let punch = Punch::parse("007\t2026-02-30 08:00:00\t0\t1").unwrap();
        assert_eq!((punch.pin.as_str(), punch.time.civil()), ("007", None));
    }

    #[test]
    fn two_ids_that_differ_in_zeros_are_two_people() {
        let content = |pin: &str| Punch::parse(&format!("{pin}\t2026-01-05 08:00:00\t0\t1")).unwrap().content("S1");
        assert_ne!(content("007"), content("7"));
        assert!(!Punch::parse("0\t2026-01-05 08:00:00\t0\t1").unwrap().names_somebody());
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in any::<String>()) {
            let _ = Punch::parse(&line);
            let _ = is_heading(&line);
        }
    }
}
