//! `add_checkin_record`: takes a batch in, or refuses what WeCom refuses (facts/wecom-api.md 1.2, 1.7).
//!
//! Where the vendor does not say which errcode goes with what, it is: 40058 for JSON, types and anything too long, 40063
//! for what is missing or empty, 40035 for a value outside its range, 40033 for `\uXXXX`, 40206 for more than 1 MiB.

use jiff::Timestamp;
use serde::Deserialize;

use super::State;
use super::behaviour::{Behaviour, Lengths};
use super::errcode::Errcode;
use super::held::CheckinRecord;
use super::options::{Members, Options};

const MAX_BODY: usize = 1024 * 1024;
const MAX_RECORDS: usize = 200;
const MAX_TEXT: usize = 1024;
const MAX_DEVICE_DETAIL: usize = 40;
const MAX_LAT: i64 = 90_000_000;
const MAX_LNG: i64 = 180_000_000;

/// A record as it came: anything may be missing.
#[derive(Debug, Deserialize)]
pub(super) struct Given {
    userid: Option<String>,
    checkin_time: Option<i64>,
    location_title: Option<String>,
    location_detail: Option<String>,
    notes: Option<String>,
    wifiname: Option<String>,
    wifimac: Option<String>,
    mediaids: Option<Vec<String>>,
    lat: Option<i64>,
    lng: Option<i64>,
    device_type: Option<i64>,
    device_detail: Option<String>,
}

#[derive(Deserialize)]
struct GivenBatch {
    records: Option<Vec<Given>>,
}

#[derive(Deserialize)]
struct LooseBatch {
    records: Option<Vec<serde_json::Value>>,
}

/// A batch that could be read; a record in it may still be unreadable.
pub(super) type Batch = Vec<Result<Given, Errcode>>;

/// Reads a body. What is wrong here is wrong with the whole call.
pub(super) fn read(body: &[u8]) -> Result<Batch, Errcode> {
    if body.len() > MAX_BODY {
        return Err(Errcode::BODY_TOO_BIG);
    }
    if has_escapes(body) {
        return Err(Errcode::ILLEGAL_CHARACTERS);
    }
    let batch: Batch = match serde_json::from_slice::<GivenBatch>(body) {
        Ok(batch) => batch.records.ok_or(Errcode::EMPTY)?.into_iter().map(Ok).collect(),
        // One wrong type spoils the typed reading of all; record by record, only its own.
        Err(_) => {
            let batch: LooseBatch = serde_json::from_slice(body).map_err(|_| Errcode::BAD_JSON)?;
            let records = batch.records.ok_or(Errcode::EMPTY)?.into_iter();
            records.map(|record| serde_json::from_value(record).map_err(|_| Errcode::BAD_JSON)).collect()
        }
    };
    match batch.len() {
        0 => Err(Errcode::EMPTY),
        1..=MAX_RECORDS => Ok(batch),
        _ => Err(Errcode::BAD_JSON),
    }
}

/// Whether there is text of the form `\uXXXX`, be it an escape of JSON's or meant literally.
fn has_escapes(body: &[u8]) -> bool {
    let mut rest = body;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        rest = rest.get(at + 1..).unwrap_or_default();
        if let [b'u', a, b, c, d, ..] = rest
            && [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit())
        {
            return true;
        }
    }
    false
}

/// Takes a batch in. `Err` is the errcode of its first bad record.
pub(super) fn take(state: &mut State, options: &Options, batch: Batch, now: Timestamp) -> Result<(), Errcode> {
    if state.held.len() >= options.max_held {
        return Err(Errcode::BUSY);
    }
    state.calls.batch_size(batch.len());
    let mut refused = None;
    let mut good = Vec::with_capacity(batch.len());
    for given in batch {
        match given.and_then(|given| state.admit(options, given, now)) {
            Ok(admitted) => good.push(admitted),
            Err(code) => refused = refused.or(Some(code)),
        }
    }
    if refused.is_none() || state.behaviour.atomicity == super::Atomicity::Partial {
        let duplicates = state.behaviour.duplicates;
        for (key, record) in good {
            state.held.take(&key, record, now, duplicates);
        }
    }
    refused.map_or(Ok(()), Err)
}

impl State {
    /// The record and its member's key, or what is wrong with it.
    fn admit(&self, options: &Options, given: Given, now: Timestamp) -> Result<(String, CheckinRecord), Errcode> {
        let behaviour = &self.behaviour;
        let key = self.member(options, given.userid.as_deref().ok_or(Errcode::EMPTY)?)?;
        let record = checked(behaviour, given)?;
        let age = now.as_second().saturating_sub(record.checkin_time);
        if age < -seconds(behaviour.future_skew) {
            return Err(Errcode::ILLEGAL_PUNCH);
        }
        if behaviour.oldest.is_some_and(|oldest| age > seconds(oldest)) {
            return Err(Errcode::OUT_OF_TIME);
        }
        if record.mediaids.iter().any(|id| !options.media.contains(id)) {
            return Err(Errcode::WRONG_MEDIA);
        }
        Ok((key, record))
    }

    /// The lower-case userid of somebody whom the app may see.
    pub(super) fn member(&self, options: &Options, userid: &str) -> Result<String, Errcode> {
        if userid.is_empty() {
            return Err(Errcode::EMPTY);
        }
        let shaped = userid.len() <= 64
            && userid.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@'));
        let key = userid.to_ascii_lowercase();
        let known = shaped
            && (self.members.contains(&key)
                || matches!(&options.members, Members::Matching(pattern) if fits(pattern, &key)));
        match known {
            false => Err(self.behaviour.unknown_user),
            true if self.behaviour.out_of_range.contains(&key) => Err(Errcode::OUT_OF_RANGE),
            true => Ok(key),
        }
    }
}

fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let Some(last) = parts.pop() else { return true };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The fields of a record, each within its limits.
fn checked(behaviour: &Behaviour, given: Given) -> Result<CheckinRecord, Errcode> {
    let long = |text: &str, limit: usize| {
        let length = match behaviour.lengths {
            Lengths::Bytes => text.len(),
            // No text has more characters than bytes.
            Lengths::Characters if text.len() <= limit => 0,
            Lengths::Characters => text.chars().count(),
        };
        length > limit
    };
    let text = |text: Option<String>, limit| match text {
        Some(text) if long(&text, limit) => Err(Errcode::BAD_JSON),
        text => Ok(text.unwrap_or_default()),
    };
    let required = |given: Option<String>, limit| match given {
        None => Err(Errcode::EMPTY),
        Some(empty) if empty.is_empty() && !behaviour.empty_texts => Err(Errcode::EMPTY),
        given => text(given, limit),
    };
    let within = |number: Option<i64>, limit: i64| match number {
        Some(number) if !(-limit..=limit).contains(&number) => Err(Errcode::ILLEGAL_PARAMETER),
        number => Ok(number),
    };
    let record = CheckinRecord {
        userid: given.userid.unwrap_or_default(),
        checkin_time: given.checkin_time.ok_or(Errcode::EMPTY)?,
        location_title: required(given.location_title, MAX_TEXT)?,
        location_detail: required(given.location_detail, MAX_TEXT)?,
        notes: text(given.notes, MAX_TEXT)?,
        wifiname: text(given.wifiname, MAX_TEXT)?,
        wifimac: given.wifimac.unwrap_or_default(),
        mediaids: given.mediaids.unwrap_or_default(),
        lat: within(given.lat, MAX_LAT)?,
        lng: within(given.lng, MAX_LNG)?,
        device_type: given.device_type.ok_or(Errcode::EMPTY)?,
        device_detail: required(given.device_detail, MAX_DEVICE_DETAIL)?,
    };
    let mac_fits = record.wifimac.is_empty() || (!record.wifiname.is_empty() && is_mac(&record.wifimac));
    if record.checkin_time <= 0 || !(1..=3).contains(&record.device_type) || !mac_fits {
        return Err(Errcode::ILLEGAL_PARAMETER);
    }
    if record.mediaids.len() > 1 {
        return Err(Errcode::BAD_JSON);
    }
    Ok(record)
}

/// Six pairs of hex digits joined by colons.
fn is_mac(text: &str) -> bool {
    let mut pairs = 0;
    let fits =
        text.split(':').inspect(|_| pairs += 1).all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()));
    fits && pairs == 6
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_in_a_pattern_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "anybody", true),
            ("sim*", "sim12", true),
            ("Sim*", "sim12", true),
            ("sim*", "asim", false),
            ("*@x.cn", "a@x.cn", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("ab*ba", "aba", false),
            ("wang", "wang", true),
            ("wang", "wangli", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
