//! From records and events to readings; a record and its event get the same key.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use punchd_contract::{Credential, Direction, Event, Happened, Method, Origin, Placed, Reading, RecordKey};

use super::people::People;
use super::protocol::live_event::{LiveId, LivePunch};
use super::protocol::record::{Record, RecordId, RecordSize};
use super::protocol::time::RawTime;
use super::rows::RowLists;

/// The verify codes of the pull protocol, which are not those of push (facts/terminals.md A.10).
fn method(verify: u8) -> Method {
    match verify {
        0 => Method::Password,
        1 => Method::Finger,
        2 => Method::Card,
        15 => Method::Face,
        255 => Method::Unsaid,
        other => Method::Other(other.into()),
    }
}

/// A user id is something that can be typed; what is not was no user id, and is kept for its bytes.
fn credential(id: &[u8]) -> Credential {
    match std::str::from_utf8(id) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => Credential::UserId(text.to_owned()),
        _ => Credential::Unreadable,
    }
}

/// What makes the record the same when it comes again: only what it carries itself, so that a changed user list changes
/// nothing.
fn content(keys: &str, id: &str, time: &str, state: u8, verify: u8) -> String {
    format!("{keys} {id} {time} {state} {verify}")
}

/// The record's own name for the person, without the user list.
fn own_id(id: RecordId<'_>) -> String {
    match id {
        RecordId::Row(row) => own_row(row),
        RecordId::Number(number) => number.to_string(),
        RecordId::Text(text) => text.escape_ascii().to_string(),
    }
}

fn own_row(row: u16) -> String {
    format!("row:{row}")
}

/// The content part of a record's key; `keys` tells the terminal.
pub fn content_of_record(keys: &str, record: &Record<'_>) -> String {
    let time = time_text(record.time);
    content(keys, &own_id(record.id), &time, record.state, record.verify)
}

fn time_text(time: RawTime) -> String {
    time.civil().map_or_else(|| format!("raw:{}", time.0), |at| at.to_string())
}

fn happened(civil: Option<DateTime>, offset: Option<Offset>) -> Happened {
    match (civil, offset) {
        (Some(civil), Some(offset)) => Happened::ByTerminalAt(civil, offset),
        (Some(civil), None) => Happened::ByTerminal(civil),
        (None, _) => Happened::Impossible,
    }
}

/// A record of the log as a reading, with its place in the log.
pub fn of_record(record: &Record<'_>, key: RecordKey, rows: &RowLists<'_>, placed: Placed) -> Reading {
    Reading {
        credential: match record.id {
            RecordId::Row(row) => rows.credential(row),
            RecordId::Number(number) => credential(number.to_string().as_bytes()),
            RecordId::Text(text) => credential(text),
        },
        happened: happened(record.time.civil(), placed.offset),
        origin: Origin::Log,
        method: method(record.verify),
        direction: Direction::from_state(record.state.into()),
        key: Some(key),
        profile: None,
        event: Event::Punch,
        doubt: placed.doubt,
        also: None,
        raw: record.raw.to_vec(),
    }
}

/// An event as a reading, with its place behind what came before it; nothing if it does not say beyond doubt who it was: then the log
/// tells.
pub fn of_event(keys: &str, punch: &LivePunch<'_>, log: LogForm, people: &People, placed: Placed) -> Option<Reading> {
    let (own, id) = who(punch.id, log, people)?;
    // Parts of a second do not exist in either form, so that both print alike.
    let at: DateTime = punch.time;
    let (state, verify) = log.codes(punch.state, punch.verify);
    let key = RecordKey::new(content(keys, &own, &at.to_string(), state, verify), 1);
    Some(Reading {
        credential: credential(id.as_bytes()),
        happened: happened(Some(at), placed.offset),
        origin: Origin::Live,
        method: method(verify),
        direction: Direction::from_state(state.into()),
        key: Some(key),
        profile: None,
        event: Event::Punch,
        doubt: placed.doubt,
        also: None,
        raw: punch.raw.to_vec(),
    })
}

/// How the log of a terminal names people, as far as it has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogForm {
    /// The length of its records.
    pub size: Option<RecordSize>,
    /// Whether some of them name only a row.
    pub names_rows: bool,
}

impl LogForm {
    fn bytes(self) -> Option<usize> {
        self.size.map(RecordSize::bytes)
    }

    /// State and verify code as its records have them: the oldest give four bits to each.
    fn codes(self, state: u8, verify: u8) -> (u8, u8) {
        if self.bytes() == Some(8) { (state & 0x0f, verify & 0x0f) } else { (state, verify) }
    }

    /// Whether the user list has a say in who an event means: then it has to be as it is now.
    pub fn needs_list(self, id: LiveId<'_>) -> bool {
        self.bytes() == Some(8) || matches!((self.bytes(), id), (Some(TEXT..), LiveId::Number(_)))
    }
}

/// From this length on, records have the user id as text.
const TEXT: usize = 40;

/// What the log of this record size will call the person of an event, and the person's user id.
fn who(id: LiveId<'_>, log: LogForm, people: &People) -> Option<(String, String)> {
    // Where the log leaves the user id out, its record and this event would be two.
    if log.names_rows && log.bytes() != Some(8) {
        return None;
    }
    let known = match id {
        LiveId::Text(text) => String::from_utf8_lossy(text).into_owned(),
        LiveId::Number(number) => number.to_string(),
    };
    match (log.bytes(), id) {
        // The log knows only indexes; an event may carry an index or a user id.
        (Some(8), _) => {
            let by_id = people.uid_of(&known);
            let by_index = match id {
                LiveId::Number(number) => u16::try_from(number).ok().filter(|uid| people.user_id_of(*uid).is_some()),
                LiveId::Text(_) => None,
            };
            let uid = match (by_id, by_index) {
                (Some(one), Some(other)) if one != other => return None,
                (one, other) => one.or(other)?,
            };
            Some((own_row(uid), people.user_id_of(uid)?.to_owned()))
        }
        (Some(16), LiveId::Text(_)) => {
            let number: u32 = known.parse().ok()?;
            Some((number.to_string(), number.to_string()))
        }
        (Some(16), LiveId::Number(_)) => Some((known.clone(), known)),
        // The log has text, in which 007 and 7 are two people.
        (Some(_), LiveId::Number(number)) => {
            let id = people.only_user_id_worth(number)?.to_owned();
            Some((id.as_bytes().escape_ascii().to_string(), id))
        }
        (_, LiveId::Text(text)) => Some((text.escape_ascii().to_string(), known)),
        (None, LiveId::Number(_)) => None,
    }
}
