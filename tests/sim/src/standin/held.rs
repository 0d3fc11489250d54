//! What the stand-in holds: every record that it stored, in the order of arrival, and how often each came.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::behaviour::Duplicates;

/// Seconds from UTC to the time by which WeCom counts days (facts/wecom-api.md 3). China has had no summer time since 1991.
const SHANGHAI: i64 = 8 * 3600;
const DAY: i64 = 86_400;

/// The calendar day in Shanghai, counted from 1970-01-01.
pub(super) fn day_of(seconds: i64) -> i64 {
    seconds.saturating_add(SHANGHAI).div_euclid(DAY)
}

/// When a day in Shanghai begins.
pub(super) fn start_of(day: i64) -> i64 {
    day.saturating_mul(DAY).saturating_sub(SHANGHAI)
}

/// A record with all its fields as they came (facts/wecom-api.md 1.2).
#[derive(Default, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckinRecord {
    /// The member, as written by the caller.
    pub userid: String,
    /// Seconds since 1970.
    pub checkin_time: i64,
    /// Name of the place.
    pub location_title: String,
    /// The place in detail.
    pub location_detail: String,
    /// Notes; empty when not given.
    pub notes: String,
    /// Name of the WLAN; empty when not given.
    pub wifiname: String,
    /// Its address; empty when not given.
    pub wifimac: String,
    /// Pictures.
    pub mediaids: Vec<String>,
    /// Degrees × 10⁶.
    pub lat: Option<i64>,
    /// Degrees × 10⁶.
    pub lng: Option<i64>,
    /// 1 access control, 2 attendance machine, 3 other.
    pub device_type: i64,
    /// Brand of the device.
    pub device_detail: String,
}

/// A record that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// Its place in the order of arrival, from 1.
    pub arrival: u64,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// How often its member and second arrived, kept or dropped.
    pub arrived: u32,
    /// What arrived.
    #[serde(flatten)]
    pub record: CheckinRecord,
}

/// A member and second that arrived more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twice {
    /// The member.
    pub userid: String,
    /// Seconds since 1970.
    pub checkin_time: i64,
    /// How often.
    pub arrived: u32,
}

/// What of a record does not depend on how often it came.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) stored_at: Timestamp,
    pub(super) record: CheckinRecord,
}

/// The records, found by order, by member and second, and by member and day.
#[derive(Debug, Default)]
pub(super) struct Held {
    rows: Vec<Row>,
    members: HashMap<Box<str>, MemberRows>,
    twice: u64,
}

/// One member's.
#[derive(Debug, Default)]
struct MemberRows {
    arrived: HashMap<i64, u32>,
    by_day: BTreeMap<i64, Vec<usize>>,
}

impl Held {
    /// Takes a record in. `key` is its userid in lower case.
    pub(super) fn take(&mut self, key: &str, record: CheckinRecord, now: Timestamp, duplicates: Duplicates) {
        if !self.members.contains_key(key) {
            self.members.insert(key.into(), MemberRows::default());
        }
        let Some(member) = self.members.get_mut(key) else { return };
        let arrived = member.arrived.entry(record.checkin_time).or_default();
        *arrived = arrived.saturating_add(1);
        if *arrived > 1 {
            self.twice += u64::from(*arrived == 2);
            if duplicates == Duplicates::Drop {
                return;
            }
        }
        member.by_day.entry(day_of(record.checkin_time)).or_default().push(self.rows.len());
        self.rows.push(Row { stored_at: now, record });
    }

    /// How many are held.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A member's rows of the calendar days `from..=to`, in the order of time, then of arrival.
    pub(super) fn of_member(&self, key: &str, from: i64, to: i64) -> Vec<&Row> {
        let Some(member) = self.members.get(key).filter(|_| from <= to) else { return Vec::new() };
        let indices = member.by_day.range(from..=to).flat_map(|(_, indices)| indices);
        let mut rows: Vec<&Row> = indices.filter_map(|index| self.rows.get(*index)).collect();
        rows.sort_by_key(|row| row.record.checkin_time);
        rows
    }

    /// How often a member's second arrived.
    pub(super) fn arrived(&self, userid: &str, checkin_time: i64) -> u32 {
        let member = self.members.get(userid.to_ascii_lowercase().as_str());
        member.and_then(|member| member.arrived.get(&checkin_time)).copied().unwrap_or(0)
    }

    /// At most `limit` records after the arrival number `after`.
    pub(super) fn page(&self, after: u64, limit: usize) -> Vec<HeldRecord> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let rows = self.rows.iter().enumerate().skip(skip).take(limit);
        rows.map(|(index, row)| HeldRecord {
            arrival: index as u64 + 1,
            stored_at: row.stored_at,
            arrived: self.arrived(&row.record.userid, row.record.checkin_time),
            record: row.record.clone(),
        })
        .collect()
    }

    /// At most `limit` of what arrived more than once.
    pub(super) fn twice(&self, limit: usize) -> Vec<Twice> {
        if self.twice == 0 {
            return Vec::new();
        }
        let all = self.members.iter().flat_map(|(userid, member)| {
            let more = member.arrived.iter().filter(|(_, arrived)| **arrived > 1);
            more.map(|(time, arrived)| Twice { userid: userid.to_string(), checkin_time: *time, arrived: *arrived })
        });
        all.take(limit).collect()
    }
}
