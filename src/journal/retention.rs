//! Retention: cutting the oldest end of the chain, never what is not delivered.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::chain::{Digest, Head};
use super::error::JournalError;
use super::writer::Write;
use crate::clock::{EARLIEST, UnixMillis};

/// Rows that one transaction removes, so that nobody at a reader waits behind it.
const AT_ONCE: i64 = 2000;

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Readings, with all that was concluded from them.
    pub readings: Duration,
    /// Bodies as uploaded.
    pub uploads: Duration,
}

/// A place where rows are missing that are known to be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The last row before the place; 0 at the beginning.
    pub seq: i64,
    /// The first row after it.
    pub next_seq: i64,
    /// The digest that the first row after it covers; `None` where a salvage lost it.
    pub digest: Option<Digest>,
    /// `retention` or `salvage`.
    pub reason: String,
}

impl Cut {
    /// All of a journal, in order.
    pub fn all(connection: &Connection) -> Result<Vec<Self>, JournalError> {
        let mut cuts = connection.prepare_cached("SELECT seq, next_seq, digest, reason FROM cut ORDER BY next_seq")?;
        let cuts = cuts.query_map([], |row| {
            let digest: Vec<u8> = row.get(2)?;
            Ok(Self {
                seq: row.get(0)?,
                next_seq: row.get(1)?,
                digest: Digest::from_bytes(&digest),
                reason: row.get(3)?,
            })
        })?;
        Ok(cuts.collect::<Result<_, _>>()?)
    }

    /// Whether everything before it is gone.
    pub(super) fn begins_the_chain(&self) -> bool {
        self.seq == 0
    }

    /// Where the chain goes on from.
    pub(super) fn head(&self) -> Head {
        Head { seq: self.next_seq - 1, digest: self.digest.unwrap_or(Digest::START) }
    }
}

/// What stands in the way of retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Readings removed now.
    pub readings: u64,
    /// Uploads removed now.
    pub uploads: u64,
    /// The oldest reading that is past its retention and still waits: undelivered, parked, held or of an unknown credential.
    pub blocked_by: Option<i64>,
}

/// Removes one portion of what is past its retention. Call again while something was removed. Only with a trusted `now`.
pub fn cut(write: &mut Write<'_>, now: UnixMillis, retention: &Retention) -> Result<Removed, JournalError> {
    let uploads = before(now, retention.uploads);
    let uploads = write
        .sql()
        .prepare_cached("DELETE FROM upload WHERE upload IN (SELECT upload FROM upload WHERE last_ms < ?1 LIMIT 200)")?
        .execute([uploads])? as u64;
    let (end, blocked_by) = end(write.sql(), before(now, retention.readings))?;
    let Some(end) = end else { return Ok(Removed { readings: 0, uploads, blocked_by }) };
    let digest: Vec<u8> =
        write.sql().query_row("SELECT digest FROM reading WHERE seq = ?1", [end], |row| row.get(0))?;
    let sql = write.sql();
    // All cuts up to here are one now.
    sql.execute("DELETE FROM cut WHERE next_seq <= ?1", [end + 1])?;
    sql.execute(
        "INSERT INTO cut (seq, next_seq, digest, reason, wall_ms) VALUES (0, ?1, ?2, 'retention', ?3)",
        (end + 1, digest, now.0),
    )?;
    let readings = sql.execute("DELETE FROM reading WHERE seq <= ?1", [end])? as u64;
    sql.execute("DELETE FROM verdict WHERE seq <= ?1", [end])?;
    sql.execute("DELETE FROM decision WHERE seq <= ?1", [end])?;
    // Through the destinations, so that the index on (destination, seq) serves.
    sql.execute(
        "DELETE FROM delivery WHERE destination IN (SELECT destination FROM destination) AND seq <= ?1",
        [end],
    )?;
    Ok(Removed { readings, uploads, blocked_by })
}

fn before(now: UnixMillis, kept: Duration) -> i64 {
    now.0.saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
}

/// The last row that may go now, and what stands in the way of more.
fn end(sql: &Connection, cutoff: i64) -> Result<(Option<i64>, Option<i64>), JournalError> {
    let first: Option<i64> = sql.query_row("SELECT min(seq) FROM reading", [], |row| row.get(0))?;
    let Some(first) = first else { return Ok((None, None)) };
    let portion = first + AT_ONCE;
    // Rows are in the order in which they came. A wall clock that was wrong may show any date, so a row is old only if it shows
    // a date that can be, or if a later row does that is itself old.
    let young: Option<i64> = sql
        .query_row(
            "SELECT seq FROM reading WHERE seq < ?2 AND wall_ms >= ?1 ORDER BY seq LIMIT 1",
            (cutoff, portion),
            |row| row.get(0),
        )
        .optional()?;
    let limit = young.unwrap_or(portion);
    let old: Option<i64> = sql.query_row(
        "SELECT max(seq) FROM reading WHERE seq < ?1 AND wall_ms >= ?2 AND wall_ms < ?3",
        (limit, EARLIEST.0, cutoff),
        |row| row.get(0),
    )?;
    let Some(old) = old else { return Ok((None, None)) };
    let waiting: Option<i64> = sql.query_row(
        "SELECT min(seq) FROM (
           SELECT min(seq) AS seq FROM delivery
             WHERE destination IN (SELECT destination FROM destination) AND seq <= ?1 AND state IN (0, 1, 2, 5)
           UNION ALL SELECT min(seq) FROM verdict WHERE outcome IN (2, 3) AND seq <= ?1)",
        [old],
        |row| row.get(0),
    )?;
    let end = waiting.map_or(old, |waiting| waiting - 1);
    Ok(((end >= first).then_some(end), waiting))
}
