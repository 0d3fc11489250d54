//! One line of an upload, read for what it is and not for the table that it came under: firmware, relays and switched modes put
//! punches under other names.
//!
//! What is promised: a line that could be a punch is [`Line::Punch`], [`Line::Event`] or [`Line::Unreadable`], never one of the others.
//! It could be one if a time is written in it, unless it has the documented shape of something else; and every line of a table
//! of punches is one, whatever it looks like.

use jiff::civil::DateTime;
use punchd_contract::TerminalUser;

use super::attlog::{self, Punch};
use super::fields::Fields;
use super::operlog::{self, Operation};
use super::rtlog::Event;
use super::table::Table;
use super::written_time::{self, WrittenTime};

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The table's name alone, as some senders put it first.
    Heading(String),
    /// A punch of an attendance terminal.
    Punch(Punch),
    /// An event at a door.
    Event(Event),
    /// Somebody did something at the terminal's menu.
    Operation(Operation),
    /// Somebody is stored on the terminal.
    Person(TerminalUser),
    /// The states of doors: when, by the terminal's clock.
    State(Option<DateTime>),
    /// Documented, and nothing of it is used: a template, a picture, a plan.
    Unused,
    /// It could be a punch; its time, where exactly one can be read.
    Unreadable(Option<DateTime>),
    /// It has no shape that is known, and no time is written in it.
    Other,
}

/// Reads a line, already as text. `table` is what it came under; `None` for a name that is not documented.
pub fn read(line: &str, table: Option<Table>) -> Line {
    let line = line.trim_matches([' ', '\u{FEFF}']);
    if let Some(name) = attlog::heading(line) {
        return Line::Heading(name.to_owned());
    }
    match named(line) {
        Some((Name::Operation, rest)) => operlog::operation(rest).map_or_else(|| if_timed(line), Line::Operation),
        Some((Name::Table(own), rest)) => of_table(rest, Some(own), true),
        None => of_table(line, table, false),
    }
}

enum Name {
    Operation,
    Table(Table),
}

/// The name of a table in front of a line. A user id that is spelt like one is followed by a time.
fn named(line: &str) -> Option<(Name, &str)> {
    let (word, rest) = line.split_once([' ', '\t', ':', ','])?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let name = if word.eq_ignore_ascii_case("oplog") { Name::Operation } else { Name::Table(Table::named(word)?) };
    let is_id = written_time::all(rest).first().is_some_and(|time| time.place.start == 0);
    (!is_id).then_some((name, rest))
}

fn of_table(line: &str, table: Option<Table>, named: bool) -> Line {
    let fields = Fields::of(line);
    if let Some(time) = state(&fields) {
        return Line::State(time);
    }
    let of_punches = matches!(table, Some(Table::Attendance | Table::Events));
    let punch = if named && !of_punches { None } else { Punch::parse(line) };
    let event = if named && !of_punches { None } else { Event::parse(line) };
    if (event.is_some() || punch.is_some()) && is_of_two(line, &fields) {
        return unreadable(line);
    }
    match (event, punch) {
        (Some(event), None) => return Line::Event(event),
        (Some(event), Some(_)) if !event.event.is_empty() || !event.door.is_empty() => return Line::Event(event),
        (_, Some(punch)) => return Line::Punch(punch),
        (None, None) => {}
    }
    if of_punches {
        return unreadable(line);
    }
    let timed = table != Some(Table::Options) && fields.get(attlog::TIMES).is_some();
    if table.is_some() && is_of_fields(line) && !timed {
        let person = matches!(table, Some(Table::People | Table::Operations)).then(|| operlog::user(&fields)).flatten();
        return person.map_or(Line::Unused, Line::Person);
    }
    if_timed(line)
}

/// A line without a shape: what could be a time makes it a possible punch.
fn if_timed(line: &str) -> Line {
    match written_time::all(line).is_empty() && !written_time::has_compact(line) {
        true => Line::Other,
        false => unreadable(line),
    }
}

fn unreadable(line: &str) -> Line {
    match written_time::all(line).as_slice() {
        [one] => Line::Unreadable(one.civil),
        _ => Line::Unreadable(None),
    }
}

/// A line of door states names nobody.
fn state(fields: &Fields) -> Option<Option<DateTime>> {
    let nobody = fields.get(&["pin", "cardno", "event", "eventtype", "userid"]).is_none();
    let states = fields.get(&["sensor", "relay", "irstate"]).is_some();
    (nobody && states).then(|| fields.get(&["time"]).and_then(written_time::whole).and_then(|time| time.civil))
}

/// Whether two records stand in one line, as where the end of a line was lost on the way, or the line contradicts itself. Only one
/// of the two could be credited, and perhaps with what is the other's.
fn is_of_two(line: &str, fields: &Fields) -> bool {
    let names: [&[&str]; 4] = [&["pin", "userid"], &["cardno"], &["event", "eventtype"], &["time_second"]];
    written_time::all(line).len() > 1 || names.into_iter().any(|names| fields.differs(names))
}

/// Whether a line is `Key=Value` from its beginning to its end, and every time in it is the value of a key.
fn is_of_fields(line: &str) -> bool {
    let Some((key, _)) = line.split_once('=') else { return false };
    let key = key.trim();
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"_~. ".contains(&byte);
    let behind_a_key = |time: &WrittenTime| line.get(..time.place.start).is_some_and(|before| before.ends_with('='));
    (1..=32).contains(&key.len())
        && key.bytes().all(is_key)
        && line.split('\t').all(|column| column.is_empty() || column.contains('='))
        && written_time::all(line).iter().all(behind_a_key)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn eight() -> Option<DateTime> {
        Some(date(2026, 11, 1).at(8, 0, 0, 0))
    }

    #[test]
    fn a_punch_is_one_under_every_table_and_with_every_name_in_front() {
        let tables = Table::names().map(Table::named).chain([None]);
        for table in tables {
            for name in ["", "ATTLOG\t", "ATTLOG ", "attlog: "] {
                let line = format!("{name}1001\t2026-11-01 08:00:00\t0\t1");
                let Line::Punch(punch) = read(&line, table) else { panic!("{line} under {table:?}") };
                assert_eq!((punch.pin.as_str(), punch.time.civil()), ("1001", eight()));
            }
            for name in ["", "transaction ", "rtlog\t", "transaction\t"] {
                let line = format!("{name}cardno=444412\tpin=0\tdoorid=1\teventtype=0\ttime_second=862473600");
                let Line::Event(event) = read(&line, table) else { panic!("{line} under {table:?}") };
                assert_eq!((event.cardno.as_str(), event.time.civil()), ("444412", eight()));
            }
        }
    }

    #[test]
    fn documented_lines_of_other_kinds_are_not_punches() {
        let is = |line: &str, table| read(line, Some(table));
        assert!(matches!(is("OPLOG 4\t0\t2026-11-01 08:00:00\t0", Table::Operations), Line::Operation(_)));
        assert!(matches!(is("USER PIN=1\tName=A", Table::Operations), Line::Person(_)));
        assert!(matches!(is("PIN=1\tName=A", Table::People), Line::Person(_)));
        assert!(matches!(is("user uid=1\tcardno=\tpin=1\tname=A\tstarttime=0", Table::People), Line::Person(_)));
        for (line, table) in [
            ("FP PIN=1\tFID=0\tTMP=AAAA", Table::Operations),
            ("BIODATA Pin=1\tTmp=AAAA", Table::Unused),
            ("pin=20261101080000-1001.jpg\tsn=x\tsize=3\tphoto=QUJD", Table::Photos),
            ("errorlog errcode=5\terrmsg=whatever\tdataorigin=cmd", Table::Unused),
            ("IDCARD PIN=1\tIDNum=110101199003074573\tValidInfo=2013091220230912", Table::Unused),
            ("WHITELIST IDNum=1\tStartDate=2026-11-01 08:00:00\tEndDate=2026-11-02 08:00:00", Table::Unused),
        ] {
            assert_eq!(is(line, table), Line::Unused, "{line}");
        }
        assert_eq!(is("time=2026-11-01 08:00:00\tsensor=00\trelay=00", Table::States), Line::State(eight()));
    }

    #[test]
    fn what_could_be_a_punch_is_kept_for_a_person() {
        for table in [None, Some(Table::Operations), Some(Table::Unused), Some(Table::Attendance), Some(Table::People)]
        {
            for (line, date) in [
                ("A=B\t2026-11-01 08:00:00\t0\t1", eight()),
                ("1001\t0\t1\t2026-11-01 08:00:00", eight()),
                ("1001\t01/11/2026 08:00:00\t0\t1", None),
                ("1001\t20261101080000\t0\t1", None),
                ("1001 2026-11-01 08:00:00 2026-11-02 08:00:00 x", None),
            ] {
                let found = read(line, table);
                match found {
                    Line::Punch(punch) => assert_eq!(punch.pin, "1001"),
                    found => assert_eq!(found, Line::Unreadable(date), "{line} under {table:?}"),
                }
            }
        }
        assert_eq!(read("garbage\tnot-a-date", Some(Table::Attendance)), Line::Unreadable(None));
        assert_eq!(read("garbage\tnot-a-date", Some(Table::Operations)), Line::Other);
        assert_eq!(read("USER\t2026-11-01 08:00:00\t0\t1", Some(Table::Attendance)), {
            Line::Punch(Punch::parse("USER\t2026-11-01 08:00:00\t0\t1").unwrap())
        });
    }

    #[test]
    fn of_two_records_in_one_line_none_is_credited() {
        let event = "time=2026-11-01 08:00:00\tpin=1001\tcardno=0\teventaddr=1\tevent=0\tindex=1";
        for line in [
            "1001\t2026-11-01 08:00:00\t0\t1\t1002\t2026-11-01 08:00:07\t0\t1",
            "1001 2026-11-01 08:00:00 0 1 1002 2026-11-01 08:00:07 0 1",
            &format!("{event}\t{}", event.replace("1001", "1002").replace("00:00", "00:07")),
            &format!("{event}\tpin=1002"),
            &format!("{event}\tcardno=7"),
            &format!("{event}\tevent=27"),
        ] {
            for table in [Some(Table::Attendance), Some(Table::Events), Some(Table::Operations), None] {
                assert!(matches!(read(line, table), Line::Unreadable(_)), "{line} under {table:?}");
            }
        }
        let same = format!("{event}\tpin=1001\teventtype=0");
        assert!(matches!(read(&same, Some(Table::Events)), Line::Event(_)), "said twice alike");
    }

    proptest! {
        /// Wherever the end of a line is lost between two, neither is credited and the line is kept.
        #[test]
        fn two_lines_that_were_joined_credit_nobody(
            ids in proptest::array::uniform2("[1-9][0-9]{0,7}"), between in "[\t,;|]?", columns in "(\t[0-9]{1,3}){0,9}",
            seconds in proptest::array::uniform2(1_000_000_000_i64..2_000_000_000),
        ) {
            let line = |id: &str, second| {
                let time = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(second).unwrap());
                format!("{id}\t{}{columns}", time.strftime("%Y-%m-%d %H:%M:%S"))
            };
            let joined = format!("{}{between}{}", line(&ids[0], seconds[0]), line(&ids[1], seconds[1]));
            let found = read(&joined, Some(Table::Attendance));
            prop_assert!(matches!(found, Line::Unreadable(_)), "{joined}: {found:?}");
        }

        #[test]
        fn any_line_is_read_without_a_panic(line in any::<String>(), table in 0_usize..60) {
            let _ = read(&line, Table::names().nth(table).and_then(Table::named));
        }

        /// Whatever stands around an id and a written time, and under whatever name: kept.
        #[test]
        fn a_line_with_an_id_and_a_written_time_is_never_dropped(
            table in 0_usize..60, id in "[0-9]{1,8}", between in "[\t,;| ]", columns in proptest::collection::vec("[0-9]{0,3}", 0..6),
            at in 0_usize..7, seconds in 1_000_000_000_i64..2_000_000_000,
        ) {
            let time = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds).unwrap());
            let mut all = vec![id];
            all.extend(columns);
            all.insert(at.min(all.len()), time.strftime("%Y-%m-%d %H:%M:%S").to_string());
            let line = all.join(&between);
            let found = read(&line, Table::names().nth(table).and_then(Table::named));
            prop_assert!(matches!(found, Line::Punch(_) | Line::Unreadable(_)), "{line}: {found:?}");
        }
    }
}
