//! From which day on a device counts.
//!
//! A terminal that is connected for the first time may hold the punches of years: they were paid long ago. So nothing older than
//! the day on which the journal first saw the device counts, unless `count_from` names another day or a person lets it through.
//! The day is that of the device's zone. A device is the same under another name as long as it gives the same serial number.
//! While the gateway does not know the date, terminals' readings are held. What a reader of the gateway itself reads has no past.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use punchd_contract::Happened;
use rusqlite::{Connection, params};

use super::rules::DeviceRules;
use crate::clock::{BootId, BootNanos, UnixMillis};
use crate::journal::{DeviceId, Evidence, JournalError, OrganisationId, Seq, Write, anchors};

/// Whether a reading counts as far as its day goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// It does.
    Yes,
    /// It would from this day on.
    From(Date),
    /// Nobody can say yet.
    NotYetKnown,
}

pub(super) fn counts(
    sql: &Connection,
    evidence: &Evidence,
    rules: &DeviceRules,
    zone: &TimeZone,
    day: Date,
) -> Result<Counts, JournalError> {
    let from = match rules.count_from {
        Some(from) => Some(from),
        None if evidence.happened == Happened::Now => return Ok(Counts::Yes),
        None => first_day(sql, evidence.device, zone)?,
    };
    Ok(match from {
        None => Counts::NotYetKnown,
        Some(from) if day < from => Counts::From(from),
        Some(_) => Counts::Yes,
    })
}

/// The day on which a device, or one of the same serial number, was first seen.
fn first_day(sql: &Connection, device: DeviceId, zone: &TimeZone) -> Result<Option<Date>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT first_seen_ms FROM device WHERE device = ?1 UNION ALL
         SELECT b.first_seen_ms FROM device a JOIN device b ON b.serial = a.serial AND b.kind = a.kind AND b.device <> a.device
          WHERE a.device = ?1 AND a.serial IS NOT NULL",
    )?;
    let mut first: Option<i64> = None;
    let mut rows = select.query([device])?;
    while let Some(row) = rows.next()? {
        let seen: Option<i64> = row.get(0)?;
        first = match (first, seen) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(first.map(|seen| zone.to_datetime(UnixMillis(seen).timestamp()).date()))
}

/// Dates the first meeting with every device of which that was not known, now that the time is. Answers how many.
pub fn date_first_meetings(
    write: &Write<'_>,
    boot: &BootId,
    boottime: BootNanos,
    now: UnixMillis,
) -> Result<usize, JournalError> {
    let sql = write.sql();
    let mut select =
        sql.prepare("SELECT device, first_boot, first_boottime_ns FROM device WHERE first_seen_ms IS NULL")?;
    let undated: Vec<(DeviceId, Option<String>, Option<i64>)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?;
    for (device, its_boot, at_ns) in &undated {
        let met = match (its_boot, at_ns) {
            (Some(its_boot), Some(at_ns)) if *its_boot == boot.0 => {
                Some(now.0.saturating_sub(boottime.0.saturating_sub(*at_ns).div_euclid(1_000_000)))
            }
            (Some(its_boot), Some(at_ns)) => {
                let at = BootNanos(*at_ns);
                let anchor = anchors::best(sql, &BootId(its_boot.clone()), at)?;
                anchor.map(|anchor| anchor.date_boottime(at).0.0)
            }
            _ => None,
        };
        sql.execute(
            "UPDATE device SET first_seen_ms = ?2 WHERE device = ?1",
            params![device, met.unwrap_or(now.0).min(now.0)],
        )?;
    }
    Ok(undated.len())
}

/// Readings of a device that are kept and do not count because of their day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The device's name.
    pub device: String,
    /// How many.
    pub readings: u64,
    /// The day from which it counts.
    pub from: Date,
}

/// The statement of [`kept`]: it walks the index of what is refused so, and nothing else.
pub const KEPT: &str = "SELECT d.name, count(DISTINCT v.seq), max(json_extract(v.reason, '$.from'))
           FROM verdict v JOIN reading r USING (seq) JOIN device d USING (device)
          WHERE v.outcome = 4 AND v.reason LIKE '{\"why\":\"before_start\"%' GROUP BY d.device ORDER BY d.name";

/// Everything that is kept and does not count because of its day, by device.
pub fn kept(sql: &Connection) -> Result<Vec<Kept>, JournalError> {
    let mut select = sql.prepare_cached(KEPT)?;
    let mut rows = select.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (device, readings, from): (String, i64, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let Some(from) = from.and_then(|from| from.parse().ok()) {
            all.push(Kept { device, readings: readings.unsigned_abs(), from });
        }
    }
    Ok(all)
}

/// Devices whose first day to count is another than the one by which their refused readings were judged, and what it is now.
pub fn moved(sql: &Connection) -> Result<Vec<(DeviceId, String)>, JournalError> {
    let mut select = sql.prepare(
        "SELECT device, coalesce(json_extract(settings, '$.count_from'), '') AS now FROM device
          WHERE active = 1 AND now <> coalesce(judged_from, '')",
    )?;
    Ok(select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Notes by which day a device's refused readings are judged.
pub fn note_judged(write: &Write<'_>, device: DeviceId, from: &str) -> Result<(), JournalError> {
    write.sql().execute("UPDATE device SET judged_from = nullif(?2, '') WHERE device = ?1", (device, from))?;
    Ok(())
}

/// Refused readings of a device because of their day, of these local days if they are given.
pub fn refused(
    sql: &Connection,
    device: DeviceId,
    from_s: i64,
    until_s: i64,
    after: (Seq, OrganisationId),
    limit: usize,
) -> Result<Vec<(Seq, OrganisationId)>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT v.seq, v.organisation FROM verdict v JOIN reading r USING (seq)
          WHERE v.outcome = 4 AND r.device = ?1 AND v.reason LIKE '{\"why\":\"before_start\"%'
            AND v.time_s >= ?2 AND v.time_s < ?3 AND (v.seq, v.organisation) > (?4, ?6) ORDER BY v.seq, v.organisation LIMIT ?5",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(select
        .query_map(params![device, from_s, until_s, after.0, limit, after.1], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?)
}

/// Makes refused readings open again, so that they are judged anew.
pub fn open(write: &Write<'_>, readings: &[(Seq, OrganisationId)]) -> Result<(), JournalError> {
    let mut open = write
        .sql()
        .prepare_cached("UPDATE verdict SET outcome = 2 WHERE seq = ?1 AND organisation = ?2 AND outcome = 4")?;
    for reading in readings {
        open.execute(*reading)?;
    }
    Ok(())
}
