//! From records and events to readings; a record and its event get the same key.

use jiff::civil::DateTime;
use punchd_contract::{Credential, Direction, Event, Happened, Method, Origin, Reading, RecordKey};

use super::people::People;
use super::protocol::live_event::{LiveId, LivePunch};
use super::protocol::record::{Record, RecordId, RecordSize};
use super::protocol::time::RawTime;

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

fn credential(id: String) -> Credential {
    if id.is_empty() { Credential::Unreadable } else { Credential::UserId(id) }
}

/// What makes the record the same when it comes again: only what it carries itself, so that a changed user list changes
/// nothing.
fn content(serial: &str, id: &str, time: &str, state: u8, verify: u8) -> String {
    format!("{serial} {id} {time} {state} {verify}")
}

/// The record's own name for the person, without the user list.
fn own_id(id: RecordId<'_>) -> String {
    match id {
        RecordId::Index(uid) => uid.to_string(),
        RecordId::Number(number) => number.to_string(),
        RecordId::Text(text) => text.escape_ascii().to_string(),
    }
}

/// The content part of a record's key.
pub fn content_of_record(serial: &str, record: &Record<'_>) -> String {
    let time = time_text(record.time);
    content(serial, &own_id(record.id), &time, record.state, record.verify)
}

fn time_text(time: RawTime) -> String {
    time.civil().map_or_else(|| format!("raw:{}", time.0), |at| at.to_string())
}

/// A record of the log as a reading.
pub fn of_record(record: &Record<'_>, key: RecordKey, people: &People) -> Reading {
    let id = match record.id {
        RecordId::Index(uid) => people.user_id_of(uid).map_or_else(|| uid.to_string(), str::to_owned),
        RecordId::Number(number) => number.to_string(),
        RecordId::Text(text) => String::from_utf8_lossy(text).into_owned(),
    };
    Reading {
        credential: credential(id),
        happened: record.time.civil().map_or(Happened::Impossible, Happened::ByTerminal),
        origin: Origin::Log,
        method: method(record.verify),
        direction: Direction::from_state(record.state.into()),
        key: Some(key),
        profile: None,
        event: Event::Punch,
        doubt: None,
        raw: record.raw.to_vec(),
    }
}

/// An event as a reading, or nothing if it does not say beyond doubt who it was: then the log tells.
pub fn of_event(serial: &str, punch: &LivePunch<'_>, size: Option<RecordSize>, people: &People) -> Option<Reading> {
    let (own, id) = who(punch.id, size, people)?;
    // Parts of a second do not exist in either form, so that both print alike.
    let at: DateTime = punch.time;
    let key = RecordKey::new(content(serial, &own, &at.to_string(), punch.state, punch.verify), 1);
    Some(Reading {
        credential: credential(id),
        happened: Happened::ByTerminal(at),
        origin: Origin::Live,
        method: method(punch.verify),
        direction: Direction::from_state(punch.state.into()),
        key: Some(key),
        profile: None,
        event: Event::Punch,
        doubt: None,
        raw: punch.raw.to_vec(),
    })
}

/// What the log of this record size will call the person of an event, and the person's user id.
fn who(id: LiveId<'_>, size: Option<RecordSize>, people: &People) -> Option<(String, String)> {
    let known = match id {
        LiveId::Text(text) => String::from_utf8_lossy(text).into_owned(),
        LiveId::Number(number) => number.to_string(),
    };
    match (size.map(RecordSize::bytes), id) {
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
            Some((uid.to_string(), people.user_id_of(uid)?.to_owned()))
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
