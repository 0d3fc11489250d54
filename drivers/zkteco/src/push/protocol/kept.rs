//! What is kept of an upload: what the program uses, and nothing else (DESIGN §2 law 8).
//!
//! This is a list of what may stay. Columns and fields that are not on it (templates, photos, faces, the data of identity cards,
//! passwords, whatever firmware calls them) leave a note of their length; lines and tables of which nothing is used leave how many
//! they were, their size and a digest.

use super::fields::Fields;
use super::id_card;
use super::line::Line;

/// The most of a line that is kept.
pub const MOST_OF_A_LINE: usize = 4096;

/// The longest user id, and the longest other column.
const LONGEST_ID: usize = 64;
const LONGEST_COLUMN: usize = 32;

/// Fields of punches and events.
const OF_PUNCHES: &[&str] = &[
    "pin",
    "userid",
    "enrollnumber",
    "badgenumber",
    "time",
    "datetime",
    "atttime",
    "checktime",
    "verifytime",
    "time_second",
    "timeoffset",
    "status",
    "state",
    "inoutstate",
    "inoutstatus",
    "attstate",
    "verify",
    "verified",
    "verifytype",
    "verifymode",
    "workcode",
    "cardno",
    "event",
    "eventtype",
    "eventaddr",
    "doorid",
    "addrtype",
    "sitecode",
    "linkid",
    "index",
    "maskflag",
    "alarmtype",
    "type",
];

/// Fields of people.
const OF_PEOPLE: &[&str] = &["pin", "name", "card", "cardno"];

/// Fields of what a terminal says of itself.
const OF_OPTIONS: &[&str] = &[
    "~devicename",
    "devicename",
    "fwversion",
    "firmver",
    "~firmver",
    "firmwareversion",
    "pushversion",
    "devicetype",
    "machinetype",
    "~platform",
    "~oemvendor",
    "transactioncount",
    "usercount",
    "timezone",
    "machinetz",
    "language",
    "datefmtfunon",
    "stringpinfunon",
];

/// Fields of the states of doors.
const OF_STATES: &[&str] = &["time", "sensor", "relay", "alarm", "door", "irstate"];

/// What is kept of one line that was read as `line`. `None`: nothing. `card_terminal`: any column may hold a number of an identity card.
pub fn of_line(raw: &[u8], text: &str, line: &Line, card_terminal: bool) -> Option<Vec<u8>> {
    let mut kept = match line {
        Line::Heading(_) => raw.to_vec(),
        Line::Punch(_) | Line::Event(_) if is_of_fields(text) => fields(raw, text, OF_PUNCHES, card_terminal),
        Line::Unreadable(_) if is_of_fields(text) && Fields::of(text).all().count() > 1 => {
            fields(raw, text, OF_PUNCHES, card_terminal)
        }
        Line::Punch(_) | Line::Event(_) | Line::Unreadable(_) | Line::Operation(_) => columns(raw, card_terminal),
        Line::Person(_) => fields(raw, text, OF_PEOPLE, card_terminal),
        Line::State(_) => fields(raw, text, OF_STATES, card_terminal),
        Line::Unused | Line::Other => return None,
    };
    kept = id_card::left_out(&kept);
    kept.truncate(MOST_OF_A_LINE);
    Some(kept)
}

/// What is kept of a body of options.
pub fn of_options(raw: &[u8], text: &str) -> Vec<u8> {
    let mut kept = id_card::left_out(&of_these(raw, &Fields::parse(text, ','), OF_OPTIONS, b',', false));
    kept.truncate(MOST_OF_A_LINE);
    kept
}

/// What stands in place of everything that is not kept.
pub fn note(table: &str, lines: usize, body: &[u8]) -> Vec<u8> {
    // Of a digest of bytes no number can be read back, unless it is all that stands there: short is enough to tell two apart.
    let digest = id_card::short(&String::from_utf8_lossy(body));
    format!("[{table}: {lines} lines, {} bytes, digest {digest}; what is not used is left out]", body.len())
        .into_bytes()
}

fn is_of_fields(text: &str) -> bool {
    let first = text.split(['\t', ',', ';', '|']).next().unwrap_or("");
    first.contains('=')
}

fn fields(raw: &[u8], text: &str, allowed: &[&str], card_terminal: bool) -> Vec<u8> {
    of_these(raw, &Fields::of(text), allowed, b'\t', card_terminal)
}

/// The allowed fields with their values, and notes for the others.
fn of_these(raw: &[u8], fields: &Fields, allowed: &[&str], between: u8, card_terminal: bool) -> Vec<u8> {
    let is_number = |value: &str| card_terminal && id_card::looks_like_one(value);
    let is_allowed = |key: &str, value: &str| {
        // The name of the table may stand before the first field.
        let key = key.rsplit(' ').next().unwrap_or(key);
        value.len() <= LONGEST_ID && allowed.iter().any(|known| known.eq_ignore_ascii_case(key))
    };
    if !raw.is_empty()
        && fields.all().all(|(key, value)| value.is_empty() || (is_allowed(key, value) && !is_number(value)))
    {
        return raw.to_vec();
    }
    let mut kept = Vec::new();
    for (key, value) in fields.all() {
        if !kept.is_empty() {
            kept.push(between);
        }
        let key: String = key.chars().take(LONGEST_COLUMN).collect();
        let value = match is_allowed(&key, value) {
            true if is_number(value) => id_card::LEFT_OUT.to_owned(),
            true => value.to_owned(),
            false => left_out(value.len()),
        };
        kept.extend_from_slice(format!("{key}={value}").as_bytes());
    }
    kept
}

/// Columns as they are, as long as they are short.
fn columns(raw: &[u8], card_terminal: bool) -> Vec<u8> {
    let mut kept = Vec::with_capacity(raw.len().min(MOST_OF_A_LINE));
    let is_edge = |byte: &u8| b"\t,;|".contains(byte);
    for (at, column) in raw.split_inclusive(is_edge).enumerate() {
        let (column, edge) = match column.split_last() {
            Some((edge, column)) if is_edge(edge) => (column, Some(*edge)),
            _ => (column, None),
        };
        let text = String::from_utf8_lossy(column);
        let most = if at == 0 { LONGEST_ID } else { LONGEST_COLUMN };
        let blanks = text.trim().contains(' ') && at == 0;
        if (card_terminal || at >= 5) && id_card::looks_like_one(text.trim()) {
            kept.extend_from_slice(id_card::LEFT_OUT.as_bytes());
        } else if blanks {
            kept.extend_from_slice(words(&text, card_terminal).as_bytes());
        } else if column.len() > most || (at > 0 && column.contains(&b'=')) {
            kept.extend_from_slice(left_out(column.len()).as_bytes());
        } else {
            kept.extend_from_slice(column);
        }
        kept.extend(edge);
    }
    kept
}

/// The same for words between blanks.
fn words(text: &str, card_terminal: bool) -> String {
    let kept: Vec<String> = text
        .split(' ')
        .map(|word| match word {
            word if word.len() > LONGEST_COLUMN => left_out(word.len()),
            word if card_terminal && id_card::looks_like_one(word) => id_card::LEFT_OUT.to_owned(),
            word => word.to_owned(),
        })
        .collect();
    kept.join(" ")
}

fn left_out(bytes: usize) -> String {
    if bytes == 0 { String::new() } else { format!("[{bytes} bytes left out]") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line;
    use super::super::table::Table;
    use super::*;

    fn kept(text: &str, table: Table) -> Option<String> {
        let line = line::read(text, Some(table));
        of_line(text.as_bytes(), text, &line, false).map(|kept| String::from_utf8(kept).unwrap())
    }

    #[test]
    fn a_punch_and_an_event_stay_as_they_are() {
        for line in [
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0",
            "1001\t2026-01-05 08:00:00\t0\t15\t0\t0\t0\t0\t36.2\t36.2\t+25200\t",
            "1001 2026-01-05 08:00:00 0 1",
            "1001,2026-01-05 08:00:00,0,1",
            "A=B\t2026-01-05 08:00:00\t0\t1",
            "garbage\tnot-a-date",
        ] {
            assert_eq!(kept(line, Table::Attendance).as_deref(), Some(line));
        }
        let event =
            "time=2026-01-05 08:00:00\tpin=1\tcardno=0\teventaddr=1\tevent=0\tinoutstatus=0\tverifytype=1\tindex=7";
        assert_eq!(kept(event, Table::Events).as_deref(), Some(event));
        assert_eq!(kept(&format!("transaction {event}"), Table::Events), Some(format!("transaction {event}")));
        let operation = "OPLOG 4\t1\t2026-01-05 08:00:00\t0\t0\t0\t0";
        assert_eq!(kept(operation, Table::Operations).as_deref(), Some(operation));
    }

    #[test]
    fn of_people_only_what_is_shown_stays() {
        let line = "USER PIN=7\tName=A\tPri=14\tPasswd=12 3\tCard=5\tGrp=1";
        assert_eq!(
            kept(line, Table::Operations).unwrap(),
            "USER PIN=7\tName=A\tPri=[2 bytes left out]\tPasswd=[4 bytes left out]\tCard=5\tGrp=[1 bytes left out]"
        );
        assert_eq!(kept("FP PIN=1\tFID=0\tTMP=AAAA", Table::Operations), None);
        assert_eq!(kept("IDCARD PIN=1\tFPTemplate1=AAAA\tAddress=x", Table::Unused), None);
    }

    #[test]
    fn numbers_of_identity_cards_leave_a_note() {
        let line = "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\t110101199003070000\t0";
        assert_eq!(
            kept(line, Table::Attendance).unwrap(),
            "1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\t[id number left out]\t0"
        );
        let as_id = "110101199003074573\t2026-01-05 08:00:00\t0\t1";
        assert_eq!(kept(as_id, Table::Attendance).unwrap(), "[id number left out]\t2026-01-05 08:00:00\t0\t1");
    }

    proptest! {
        /// Whatever a field is called: a secret that is not on the list does not stay.
        #[test]
        fn no_value_of_a_field_that_is_not_used_stays(
            table in 0_usize..60, key in "[A-Za-z_]{1,12}", secret in "[A-Z]{5}S3CRET[A-Z+/=]{5,80}",
            time in any::<bool>(), before in any::<bool>(),
        ) {
            let (name, table) = Table::names().nth(table).map(|name| (name, Table::named(name))).unwrap_or(("x", None));
            let on_the_list = [OF_PUNCHES, OF_PEOPLE, OF_STATES].concat();
            prop_assume!(!on_the_list.iter().any(|known| known.eq_ignore_ascii_case(&key)));
            let time = if time { "\tTime=2026-01-05 08:00:00" } else { "" };
            let line = match before {
                true => format!("{name} {key}={secret}\tPIN=1001{time}"),
                false => format!("PIN=1001{time}\t{key}={secret}"),
            };
            let found = line::read(&line, table);
            let kept = of_line(line.as_bytes(), &line, &found, false).unwrap_or_default();
            prop_assert!(!String::from_utf8(kept).unwrap().contains("S3CRET"), "{line}");
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(raw in any::<Vec<u8>>(), card in any::<bool>()) {
            let text = String::from_utf8_lossy(&raw);
            for table in [None, Some(Table::Attendance), Some(Table::Operations)] {
                let found = line::read(&text, table);
                if let Some(kept) = of_line(&raw, &text, &found, card) {
                    prop_assert!(kept.len() <= MOST_OF_A_LINE);
                }
            }
            let _ = of_options(&raw, &text);
        }
    }
}
