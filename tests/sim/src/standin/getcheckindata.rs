//! `getcheckindata`: shows what is held the way WeCom shows it, quirks included (facts/wecom-api.md 3.1).
//!
//! The rule that everybody is under: every day is a workday from 09:00 to 18:00, on the night shift from 20:00 to 05:00 of
//! the next day; the first punch of a rule day is the 上班打卡, every later one a 下班打卡. A window is taken as the days that it
//! touches, not as the seconds it names; a night shift's punches after the midnight that ends the last day are lost.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use super::behaviour::UnknownRead;
use super::errcode::Errcode;
use super::held::{Row, day_of, start_of};
use super::options::Options;

const MAX_USERS: usize = 100;
const MAX_SPAN: i64 = 30 * 86_400;
const HOUR: i64 = 3600;
const IN: &str = "上班打卡";
const OUT: &str = "下班打卡";
const LATE_OR_EARLY: &str = "时间异常";
const MISSING: &str = "未打卡";
/// Until when a punch of the night shift belongs to the day before.
const NIGHT_ENDS: i64 = 6 * HOUR;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    opencheckindatatype: Option<i64>,
    starttime: Option<i64>,
    endtime: Option<i64>,
    useridlist: Option<Vec<String>>,
}

/// Reads a body.
pub(super) fn read(body: &[u8]) -> Result<Asked, Errcode> {
    serde_json::from_slice(body).map_err(|_| Errcode::BAD_JSON)
}

/// A row of the answer.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    userid: &'a str,
    groupname: &'static str,
    groupid: u32,
    checkin_type: &'static str,
    exception_type: &'static str,
    checkin_time: i64,
    location_title: &'a str,
    location_detail: &'a str,
    wifiname: &'a str,
    notes: &'a str,
    wifimac: &'a str,
    mediaids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    lat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lng: Option<i64>,
    deviceid: &'static str,
    sch_checkin_time: i64,
    schedule_id: u32,
    timeline_id: u32,
}

/// The shift of one rule day.
struct Shift {
    begins: i64,
    ends: i64,
}

impl Shift {
    fn of(day: i64, night: bool) -> Self {
        let midnight = start_of(day);
        let (begins, ends) = if night { (20, 29) } else { (9, 18) };
        Self { begins: midnight.saturating_add(begins * HOUR), ends: midnight.saturating_add(ends * HOUR) }
    }
}

/// The rows as JSON text, an array.
pub(super) fn answer(state: &State, options: &Options, asked: &Asked, now: Timestamp) -> Result<String, Errcode> {
    let kind = asked.opencheckindatatype.ok_or(Errcode::EMPTY)?;
    let (Some(start), Some(end)) = (asked.starttime, asked.endtime) else { return Err(Errcode::EMPTY) };
    let users = asked.useridlist.as_deref().unwrap_or_default();
    if !(1..=3).contains(&kind) || start < 0 || end < start {
        return Err(Errcode::ILLEGAL_PARAMETER);
    }
    if users.is_empty() || users.len() > MAX_USERS {
        return Err(Errcode::LIST_SIZE);
    }
    if end - start > MAX_SPAN {
        return Err(Errcode::TIME_SPAN);
    }
    let mut keys = Vec::with_capacity(users.len());
    for userid in users {
        match state.member(options, userid) {
            Ok(key) => keys.push(key),
            Err(code) if state.behaviour.unknown_read == UnknownRead::Refused => return Err(code),
            Err(_) => {}
        }
    }
    let mut rows = Vec::new();
    // Punches of a device are work punches: asked for out-of-office ones alone (2), there are none.
    if kind != 2 {
        for key in &keys {
            show_member(state, key, day_of(start), day_of(end), now, &mut rows);
        }
    }
    let text =
        if state.behaviour.quirky { serde_json::to_string(&quirky(&rows)) } else { serde_json::to_string(&rows) };
    text.map_err(|_| Errcode::BUSY)
}

fn show_member<'a>(state: &'a State, key: &'a str, first: i64, last: i64, now: Timestamp, rows: &mut Vec<Shown<'a>>) {
    let behaviour = &state.behaviour;
    if behaviour.uncovered.contains(key) {
        return;
    }
    let night = behaviour.night_shift.contains(key);
    let rule_day = |row: &Row| day_of(row.record.checkin_time - if night { NIGHT_ENDS } else { 0 });
    let visible = |row: &&Row| is_visible(row, behaviour.visible_after, now) && rule_day(row) >= first;
    let held: Vec<&Row> = state.held.of_member(key, first, last).into_iter().filter(visible).collect();
    let mut held = held.into_iter().peekable();
    for day in first..=last {
        let shift = Shift::of(day, night);
        let mut punches = 0;
        while let Some(row) = held.next_if(|row| rule_day(row) == day) {
            rows.push(punched(key, row, &shift, punches == 0));
            punches += 1;
        }
        if behaviour.missing_rows && punches < 1 {
            rows.push(missing(key, &shift, true));
        }
        if behaviour.missing_rows && punches < 2 {
            rows.push(missing(key, &shift, false));
        }
    }
}

fn is_visible(row: &Row, after: Duration, now: Timestamp) -> bool {
    row.stored_at.checked_add(after).is_ok_and(|from| from <= now)
}

fn punched<'a>(key: &'a str, row: &'a Row, shift: &Shift, first: bool) -> Shown<'a> {
    let record = &row.record;
    let fine =
        if first { record.checkin_time < shift.begins.saturating_add(60) } else { record.checkin_time >= shift.ends };
    Shown {
        checkin_time: record.checkin_time,
        exception_type: if fine { "" } else { LATE_OR_EARLY },
        location_title: &record.location_title,
        location_detail: &record.location_detail,
        wifiname: &record.wifiname,
        notes: &record.notes,
        wifimac: &record.wifimac,
        mediaids: &record.mediaids,
        lat: record.lat,
        lng: record.lng,
        ..missing(key, shift, first)
    }
}

/// A point without a punch: its time is the scheduled one.
fn missing<'a>(key: &'a str, shift: &Shift, first: bool) -> Shown<'a> {
    let scheduled = if first { shift.begins } else { shift.ends };
    Shown {
        userid: key,
        groupname: "演练打卡规则",
        groupid: 1,
        checkin_type: if first { IN } else { OUT },
        exception_type: MISSING,
        checkin_time: scheduled,
        location_title: "",
        location_detail: "",
        wifiname: "",
        notes: "",
        wifimac: "",
        mediaids: &[],
        lat: None,
        lng: None,
        deviceid: "",
        sch_checkin_time: scheduled,
        schedule_id: 0,
        timeline_id: 1,
    }
}

/// The rows with every second one's numbers as strings, and fields that nobody documented.
fn quirky(rows: &[Shown<'_>]) -> Value {
    let odd = rows.iter().enumerate().map(|(index, row)| {
        let mut row = serde_json::to_value(row).unwrap_or_default();
        if let Some(fields) = row.as_object_mut() {
            if index % 2 == 0 {
                for value in fields.values_mut().filter(|value| value.is_number()) {
                    *value = Value::String(value.to_string());
                }
            }
            fields.insert("source_of_row".into(), json!({"kind": 7}));
        }
        row
    });
    odd.collect()
}
