//! One reading as a program writes it.

use jiff::tz::Offset;
use punchd_contract::{Credential, Event, FingerName, Happened, Origin, Reading, RecordKey, SerialNumber};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Wrong;
use super::civil::happened;
use super::hex::from_hex;
use super::wire::{WireCredential, WireEvent, WireKey};
use super::words::{direction, method};

/// The longest raw record (contract).
const MAX_RAW: usize = 4096;
/// The longest profile (contract).
const MAX_PROFILE: usize = 40;
/// No place is further from UTC, seconds; and all are a multiple of the other one.
const FURTHEST: i32 = 14 * 3600;
const QUARTER_HOUR: i32 = 900;

#[derive(Debug, Deserialize)]
struct WireReading {
    credential: WireCredential,
    at: Option<String>,
    utc_offset: Option<Value>,
    event: Option<WireEvent>,
    key: Option<WireKey>,
    method: Option<Value>,
    direction: Option<Value>,
    origin: Option<Origin>,
    profile: Option<String>,
    raw: Option<String>,
}

/// Reads it. `log` is the serial number of a device that keeps a log; its readings have a time and a key, those of a reader neither.
/// `origin` is what holds where it says nothing of that.
pub fn reading(object: &Map<String, Value>, log: Option<&SerialNumber>, origin: Origin) -> Result<Reading, Wrong> {
    let value = Value::Object(object.clone());
    let wire: WireReading = serde_json::from_value(value)?;
    let credential = credential(&wire.credential)?;
    let method = method(wire.method.as_ref(), &credential)?;
    let direction = direction(wire.direction.as_ref())?;
    let at = wire.at.as_deref().filter(|at| *at != "now").map(happened).transpose()?;
    let (happened, key) = match (log, at, wire.key) {
        (None, None, None) => (Happened::Now, None),
        (None, _, _) => {
            return Err(Wrong::field(
                "at",
                "absent, and `key` too: a device that keeps no log reads just now. Say \"keeps_log\":true in hello if it keeps one",
            ));
        }
        (Some(serial), Some(at), Some(key)) => (at, Some(record_key(serial, &key)?)),
        (Some(_), None, _) => return Err(Wrong::field("at", "given: hello says that the device keeps a log")),
        (Some(_), _, None) => return Err(Wrong::field("key", "given: hello says that the device keeps a log")),
    };
    let happened = match wire.utc_offset.filter(|offset| !offset.is_null()) {
        Some(offset) => at_offset(happened, &offset)?,
        None => happened,
    };
    let profile = match wire.profile {
        Some(profile) if !(1..=MAX_PROFILE).contains(&profile.len()) => {
            return Err(Wrong::field("profile", "1 to 40 bytes long"));
        }
        Some(profile) => Some(profile),
        None => log.is_none().then(|| "process".to_owned()),
    };
    let raw = match wire.raw {
        Some(hex) => {
            let bytes = from_hex(&hex).filter(|bytes| bytes.len() <= MAX_RAW && !bytes.is_empty());
            bytes.ok_or_else(|| Wrong::field("raw", "1 to 4096 bytes in hexadecimal"))?
        }
        None => {
            let mut text = serde_json::to_vec(object)?;
            text.truncate(MAX_RAW);
            text
        }
    };
    let origin = wire.origin.unwrap_or(origin);
    let event = wire.event.as_ref().map_or(Ok(Event::Punch), event)?;
    Ok(Reading { credential, happened, event, doubt: None, also: None, origin, method, direction, key, profile, raw })
}

/// The time of a record that says how far its clock was ahead of UTC.
fn at_offset(happened: Happened, offset: &Value) -> Result<Happened, Wrong> {
    const RIGHT: &str = "how many seconds the clock of `at` is ahead of UTC, such as 28800: a quarter of an hour or a multiple, at most 14 hours";
    let seconds = offset.as_i64().and_then(|seconds| i32::try_from(seconds).ok());
    let seconds = seconds.filter(|seconds| seconds.abs() <= FURTHEST && seconds % QUARTER_HOUR == 0);
    let offset = seconds.and_then(|seconds| Offset::from_seconds(seconds).ok());
    let offset = offset.ok_or_else(|| Wrong::field("utc_offset", RIGHT))?;
    match happened {
        Happened::ByTerminal(civil) | Happened::ByTerminalAt(civil, _) => Ok(Happened::ByTerminalAt(civil, offset)),
        Happened::Impossible => Ok(Happened::Impossible),
        Happened::Now => Err(Wrong::field("utc_offset", "absent where there is no `at`")),
    }
}

/// What is no punch.
fn event(wire: &WireEvent) -> Result<Event, Wrong> {
    let text = wire.sentence.text();
    let text =
        text.ok_or_else(|| Wrong::field("event", "a code with a sentence in `en` or `zh`; absent for a punch"))?;
    Ok(Event::NoPunch { code: wire.code, text })
}

/// The serial number is put before what the program gives: two devices of one program must not have the same keys.
fn record_key(serial: &SerialNumber, key: &WireKey) -> Result<RecordKey, Wrong> {
    if !(1..=256).contains(&key.content.len()) || key.occurrence == 0 {
        return Err(Wrong::field("key", "{\"content\": 1 to 256 bytes of text, \"occurrence\": 1 or more}"));
    }
    Ok(RecordKey::new(format!("process|{serial}|{}", key.content), key.occurrence))
}

fn credential(wire: &WireCredential) -> Result<Credential, Wrong> {
    let value = wire.value.as_deref().unwrap_or_default();
    let bounded = |longest: usize, right: &'static str| {
        let good = (1..=longest).contains(&value.chars().count()) && !value.chars().any(char::is_control);
        if good { Ok(value.to_owned()) } else { Err(Wrong::field("credential.value", right)) }
    };
    Ok(match wire.kind.as_str() {
        "card" => {
            let bytes = from_hex(value).filter(|bytes| (2..=32).contains(&bytes.len()));
            let right = "the card's 2 to 32 bytes in the order of the air, in hexadecimal, such as 04A1B2C3";
            Credential::Card(bytes.ok_or_else(|| Wrong::field("credential.value", right))?)
        }
        "user_id" => Credential::UserId(bounded(64, "the device's user id, 1 to 64 characters")?),
        "finger" => Credential::Finger(FingerName(bounded(64, "the finger's name, 1 to 64 characters")?)),
        "token" => Credential::Token(bounded(1024, "the content of the code, 1 to 1024 characters")?),
        "badge" => Credential::Badge(bounded(256, "what the badge sends, 1 to 256 characters")?),
        "unreadable" => Credential::Unreadable,
        _ => return Err(Wrong::field("credential.kind", "card, user_id, finger, token, badge or unreadable")),
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;
    use punchd_contract::{Direction, Method};
    use serde_json::json;

    use super::*;

    fn read(value: Value, log: bool) -> Result<Reading, Wrong> {
        let serial = SerialNumber::new("SN1").unwrap();
        reading(value.as_object().unwrap(), log.then_some(&serial), Origin::Live)
    }

    #[test]
    fn a_reader_needs_the_credential_alone() {
        let reading = read(json!({"credential": {"kind": "card", "value": "04a1B2C3"}, "later": 1}), false).unwrap();
        assert_eq!(reading.credential, Credential::Card(vec![4, 0xA1, 0xB2, 0xC3]));
        assert_eq!((reading.happened, reading.method, reading.key), (Happened::Now, Method::Card, None));
        assert_eq!(reading.profile.as_deref(), Some("process"));
        assert!(String::from_utf8(reading.raw).unwrap().contains("04a1B2C3"));
    }

    #[test]
    fn a_terminal_gives_time_and_key_and_the_serial_is_part_of_it() {
        let value = json!({
            "credential": {"kind": "user_id", "value": "007"}, "at": "2026-11-02T08:00:00", "method": 15, "direction": "in",
            "origin": "log", "key": {"content": "7|x", "occurrence": 2}, "raw": "00ff",
        });
        let reading = read(value, true).unwrap();
        assert_eq!(reading.happened, Happened::ByTerminal(date(2026, 11, 2).at(8, 0, 0, 0)));
        assert_eq!(reading.key, Some(RecordKey::new("process|SN1|7|x", 2)));
        assert_eq!(
            (reading.method, reading.direction, reading.origin),
            (Method::Other(15), Direction::In, Origin::Log)
        );
        assert_eq!((reading.raw, reading.profile), (vec![0, 255], None));
    }

    #[test]
    fn a_record_may_say_its_distance_from_utc_and_that_it_is_no_punch() {
        let value = |more: Value| {
            let mut value = json!({
                "credential": {"kind": "user_id", "value": "7"}, "at": "2026-11-02T08:00:00",
                "key": {"content": "c", "occurrence": 1},
            });
            value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            value
        };
        let told = read(value(json!({"utc_offset": -16200})), true).unwrap();
        let offset = Offset::from_seconds(-16_200).unwrap();
        assert_eq!(told.happened, Happened::ByTerminalAt(date(2026, 11, 2).at(8, 0, 0, 0), offset));
        let impossible = read(value(json!({"at": "2026-02-31T08:00:00", "utc_offset": 3600})), true).unwrap();
        assert_eq!(impossible.happened, Happened::Impossible);
        let refused = read(value(json!({"event": {"code": 22, "en": "outside the hours", "zh": "非法时间段"}})), true);
        let text = punchd_contract::Text::new("outside the hours", "非法时间段");
        assert_eq!(refused.unwrap().event, Event::NoPunch { code: 22, text });
        assert_eq!(told.event, Event::Punch);
        for (more, field) in [
            (json!({"utc_offset": 100}), "utc_offset"),
            (json!({"utc_offset": 54000}), "utc_offset"),
            (json!({"utc_offset": "28800"}), "utc_offset"),
            (json!({"event": {"code": 22}}), "event"),
        ] {
            let wrong = read(value(more.clone()), true).unwrap_err();
            assert!(matches!(wrong, Wrong::Field { field: named, .. } if named == field), "{more}: {wrong}");
        }
        assert!(matches!(read(value(json!({"event": {"code": 70000, "en": "x"}})), true), Err(Wrong::Shape(_))));
        let card = json!({"credential": {"kind": "card", "value": "04A1B2C3"}, "utc_offset": 3600});
        assert!(matches!(read(card, false), Err(Wrong::Field { field: "utc_offset", .. })));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let card = || json!({"kind": "card", "value": "04A1B2C3"});
        let key = || json!({"content": "c", "occurrence": 1});
        let at = "2026-11-02T08:00:00";
        for (value, log, field) in [
            (json!({"credential": {"kind": "card", "value": "4A1"}}), false, "credential.value"),
            (json!({"credential": {"kind": "nfc", "value": "04"}}), false, "credential.kind"),
            (json!({"credential": {"kind": "token", "value": ""}}), false, "credential.value"),
            (json!({"credential": card(), "at": at}), false, "at"),
            (json!({"credential": card(), "key": key()}), false, "at"),
            (json!({"credential": card(), "key": key()}), true, "at"),
            (json!({"credential": card(), "at": at}), true, "key"),
            (json!({"credential": card(), "at": at, "key": {"content": "", "occurrence": 1}}), true, "key"),
            (json!({"credential": card(), "method": "nose"}), false, "method"),
            (json!({"credential": card(), "direction": -1}), false, "direction"),
            (json!({"credential": card(), "raw": "0"}), false, "raw"),
            (json!({"credential": card(), "profile": ""}), false, "profile"),
        ] {
            match read(value.clone(), log) {
                Err(Wrong::Field { field: named, .. }) => assert_eq!(named, field, "{value}"),
                other => panic!("{value}: {other:?}"),
            }
        }
        assert!(matches!(read(json!({}), false), Err(Wrong::Shape(why)) if why.contains("credential")));
    }

    proptest! {
        #[test]
        fn no_values_panic(kind in "card|user_id|finger|token|badge|unreadable|.*", value: String, at: String, content: String, occurrence: u32, log: bool) {
            let _ = read(json!({"credential": {"kind": kind, "value": value}, "at": at, "key": {"content": content, "occurrence": occurrence}}), log);
        }
    }
}
