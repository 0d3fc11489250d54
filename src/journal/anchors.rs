//! Anchors, terminals' clocks and steps of our own, as the journal keeps them.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::error::JournalError;
use super::writer::Write;
use crate::clock::{Anchor, AnchorSource, BootId, BootNanos, Stamp, UnixMillis};

/// A bound of an anchor weighs as much as this many nanoseconds between it and the moment that is dated: 1 ms at
/// [`DRIFT_PPM`](crate::clock::DRIFT_PPM).
const NANOS_PER_MS_OF_DRIFT: i64 = 1_000_000 * 1_000_000 / crate::clock::DRIFT_PPM as i64;

/// Who gave an anchor, where that was a person, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
}

/// What a terminal's clock showed at a moment of the gateway's boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockCompared {
    /// Its time.
    pub shown: UnixMillis,
    /// The moment.
    pub boottime: BootNanos,
    /// By how many milliseconds it was ahead of true time, and how far off that can be; `None` while the gateway did not know the time.
    pub offset: Option<(i64, Duration)>,
}

impl Write<'_> {
    /// Writes an anchor of this stamp's boot down.
    pub fn anchor(&mut self, stamp: &Stamp, anchor: &Anchor) -> Result<(), JournalError> {
        let boot = self.boot(stamp)?;
        insert(self.sql(), boot, anchor, None)
    }

    /// Writes down that the wall clock was set: what it would have shown, and the stamp after it.
    pub fn clock_step(&mut self, before: UnixMillis, after: &Stamp) -> Result<(), JournalError> {
        let boot = self.boot(after)?;
        self.sql().execute(
            "INSERT INTO clock_step (boot, boottime_ns, before_ms, after_ms, clock_quality, clock_bound_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (boot, after.boottime.0, before.0, after.wall.0, after.quality.code(), after.bound.map(bound_ms)),
        )?;
        Ok(())
    }
}

/// Writes an anchor of a boot of the journal down.
pub(crate) fn insert(sql: &Connection, boot: i64, anchor: &Anchor, word: Option<&Word>) -> Result<(), JournalError> {
    sql.execute(
        "INSERT INTO anchor (boot, boottime_ns, true_ms, bound_ms, source, said_by, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            boot,
            anchor.boottime.0,
            anchor.true_time.0,
            bound_ms(anchor.bound),
            anchor.source.word(),
            word.map(|word| &word.by),
            word.map(|word| &word.reason),
        ),
    )?;
    Ok(())
}

/// The anchor that dates this moment of a boot best, of those that were measured.
pub(crate) fn best(sql: &Connection, boot: &BootId, moment: BootNanos) -> Result<Option<Anchor>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT boottime_ns, true_ms, bound_ms, source FROM anchor JOIN boot USING (boot)
          WHERE kernel_id = ?1 AND source IN ('system', 'terminal', 'wecom')
          ORDER BY bound_ms * ?3 + abs(boottime_ns - ?2) LIMIT 1",
    )?;
    let found = select.query_row((&boot.0, moment.0, NANOS_PER_MS_OF_DRIFT), |row| read(row, boot));
    let Some(found) = found.optional()?.flatten() else { return Ok(None) };
    // Where a time server took back what it had said, its last word holds, as it did for the clock.
    let last = one(sql, boot, "source = 'system' ORDER BY anchor DESC")?;
    Ok(Some(last.filter(|last| last.contradicts(&found)).unwrap_or(found)))
}

/// The last word of a person about a boot.
pub(crate) fn said(sql: &Connection, boot: &BootId) -> Result<Option<Anchor>, JournalError> {
    one(sql, boot, "source = 'person' ORDER BY anchor DESC")
}

/// How a kept clock was first seen in a boot.
pub(crate) fn first_kept(sql: &Connection, boot: &BootId) -> Result<Option<Anchor>, JournalError> {
    one(sql, boot, "source = 'kept' ORDER BY boottime_ns")
}

/// Every anchor with the row of its boot.
pub(crate) fn each(sql: &Connection, mut see: impl FnMut(i64, &Anchor)) -> Result<(), JournalError> {
    let mut select = sql
        .prepare("SELECT boottime_ns, true_ms, bound_ms, source, kernel_id, boot FROM anchor JOIN boot USING (boot)")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(anchor) = read(row, &BootId(row.get(4)?))? {
            see(row.get(5)?, &anchor);
        }
    }
    Ok(())
}

fn one(sql: &Connection, boot: &BootId, which: &str) -> Result<Option<Anchor>, JournalError> {
    let query = format!(
        "SELECT boottime_ns, true_ms, bound_ms, source FROM anchor JOIN boot USING (boot) WHERE kernel_id = ?1 AND {which} LIMIT 1"
    );
    Ok(sql.prepare_cached(&query)?.query_row([&boot.0], |row| read(row, boot)).optional()?.flatten())
}

fn read(row: &Row<'_>, boot: &BootId) -> rusqlite::Result<Option<Anchor>> {
    let source: String = row.get(3)?;
    let (boottime, true_time) = (BootNanos(row.get(0)?), UnixMillis(row.get(1)?));
    let bound = Duration::from_millis(row.get::<_, i64>(2)?.unsigned_abs());
    Ok(AnchorSource::from_word(&source).map(|source| Anchor { boot: boot.clone(), boottime, true_time, bound, source }))
}

/// Whole milliseconds, upwards: a bound must not shrink on its way to the disk.
pub(super) fn bound_ms(bound: Duration) -> i64 {
    i64::try_from(bound.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
