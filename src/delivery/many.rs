//! Giving up many deliveries by one decision: of before a day, of a device, or all. Only what waits or is parked; what is in a
//! call or in doubt may have arrived, and is told.

use rusqlite::{Connection, params};

use super::why::Why;
use crate::clock::UnixMillis;
use crate::journal::{DeliveryId, DestinationId, DeviceId, JournalError, Write};

/// Deliveries that one portion may hold.
const PORTION: i64 = 2000;

/// Which deliveries are meant; what is absent does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// To this destination.
    pub destination: Option<DestinationId>,
    /// Of punches before this second.
    pub before_s: Option<i64>,
    /// Of this device.
    pub device: Option<DeviceId>,
}

const MEANT: &str = "(?1 IS NULL OR d.destination = ?1) AND (?2 IS NULL OR d.time_s < ?2)
  AND (?3 IS NULL OR EXISTS (SELECT 1 FROM reading r WHERE r.seq = d.seq AND r.device = ?3))";

/// Drops one portion behind `after`. Answers how many, and the last one; `None`: the end was reached.
pub fn drop_portion(
    write: &Write<'_>,
    matching: Matching,
    after: DeliveryId,
    reason: &str,
    by: &str,
    now: UnixMillis,
) -> Result<(usize, Option<DeliveryId>), JournalError> {
    let Matching { destination, before_s, device } = matching;
    let why = Why::Dropped { by: by.to_owned(), reason: reason.trim().chars().take(500).collect() };
    let mut select = write.sql().prepare_cached(&format!(
        "SELECT d.delivery FROM delivery d WHERE d.delivery > ?4 AND d.state IN (0, 5) AND {MEANT} ORDER BY d.delivery LIMIT {PORTION}"
    ))?;
    let found: Vec<DeliveryId> =
        select.query_map(params![destination, before_s, device, after], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut set = write.sql().prepare_cached(
        "UPDATE delivery SET state = 6, changed_ms = ?2, not_before_ms = NULL, reason = ?3
          WHERE delivery = ?1 AND state IN (0, 5)",
    )?;
    for delivery in &found {
        set.execute(params![delivery, now.0, why])?;
    }
    let next = found.last().copied().filter(|_| found.len() as i64 == PORTION);
    Ok((found.len(), next))
}

/// How many that are meant may have arrived, so that they cannot be dropped.
pub fn under_way(sql: &Connection, matching: Matching) -> Result<u64, JournalError> {
    let Matching { destination, before_s, device } = matching;
    let mut count =
        sql.prepare_cached(&format!("SELECT count(*) FROM delivery d WHERE d.state IN (1, 2) AND {MEANT}"))?;
    let count: i64 = count.query_row(params![destination, before_s, device], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Writes down who dropped how many and why.
pub fn note_drop(
    write: &Write<'_>,
    matching: Matching,
    dropped: usize,
    reason: &str,
    by: &str,
    now: UnixMillis,
) -> Result<(), JournalError> {
    let Matching { destination, before_s, device } = matching;
    let what = serde_json::json!({ "drop": { "destination": destination, "before_s": before_s, "device": device } });
    tracing::warn!(by, reason, dropped, "deliveries were dropped");
    super::orders::note(write, &what, dropped, by, reason, now)
}
