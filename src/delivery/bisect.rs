//! Halving: a refused batch is split until the bad record stands alone.
//!
//! A refusal names no record and does not say whether a part was stored. So a refused batch stays *in doubt*, its code beside
//! each record, until the settling time is over and it was read back. What is there by then has arrived; what is not is split
//! into two batches that are each sent as they stand. All of it is in the journal: after a crash the halving goes on where it
//! was. Meanwhile everybody else's punches flow.

use rusqlite::{Connection, params};

use crate::journal::{DestinationId, JournalError, Write};

/// `delivery.not_before_ms` of a record in doubt whose batch was read back and is to be sent as it stands. No moment of time.
pub(super) const READY: i64 = -1;

/// Batches that are ready and looked at for one that may leave.
const LOOKED_AT: usize = 50;

const READY_BATCHES: &str = "SELECT DISTINCT batch FROM delivery
  WHERE destination = ?1 AND state = 2 AND not_before_ms = ?2 ORDER BY batch LIMIT ?3";

const HELD_UP: &str = "SELECT 1 FROM delivery g
  WHERE g.destination = ?1 AND g.state = 2 AND g.batch = ?2
    AND EXISTS (SELECT 1 FROM delivery u WHERE u.destination = ?1 AND u.state IN (1, 2) AND u.state = 2
                  AND u.person = g.person AND u.time_s < g.time_s AND u.batch IS NOT ?2)
  LIMIT 1";

/// The oldest batch that may be sent as it stands: none of its persons has an earlier punch in doubt elsewhere, so that
/// everybody's punches arrive in their order.
pub(super) fn next_ready(sql: &Connection, destination: DestinationId) -> Result<Option<i64>, JournalError> {
    let mut select = sql.prepare_cached(READY_BATCHES)?;
    let mut held_up = sql.prepare_cached(HELD_UP)?;
    let mut rows = select.query(params![destination, READY, LOOKED_AT as i64])?;
    while let Some(row) = rows.next()? {
        let batch: i64 = row.get(0)?;
        if !held_up.exists(params![destination, batch])? {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}

/// Makes what is left of a refused batch ready: alone if it is one, else as two halves with numbers of their own. The records
/// come in the order of their times, so that the earlier half leaves first. Answers the last number used.
pub(super) fn make_ready(write: &Write<'_>, absent: &[i64], last_batch: i64) -> Result<i64, JournalError> {
    let mut set = write
        .sql()
        .prepare_cached("UPDATE delivery SET batch = ?2, not_before_ms = ?3 WHERE delivery = ?1 AND state = 2")?;
    let (first, second) = absent.split_at_checked(absent.len().div_ceil(2)).unwrap_or((absent, &[]));
    let mut number = last_batch;
    for half in [first, second].into_iter().filter(|half| !half.is_empty()) {
        number += 1;
        for delivery in half {
            set.execute(params![delivery, number, READY])?;
        }
    }
    Ok(number)
}
