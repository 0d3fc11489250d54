//! Readings that are to be judged again, and punches that lost their deliveries.

use rusqlite::Connection;

use crate::clock::UnixMillis;
use crate::journal::{JournalError, Seq, TAKES, Write};

/// Readings whose verdict is open or missing, oldest first.
pub fn open_readings(sql: &Connection) -> Result<Vec<Seq>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT DISTINCT seq FROM verdict WHERE outcome IN (2, 3)
         UNION SELECT seq FROM reading r WHERE seq > (SELECT coalesce(max(seq), 0) FROM verdict) ORDER BY seq",
    )?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Readings without any verdict, as a salvage may leave them; looks at every reading.
pub fn unjudged_readings(sql: &Connection) -> Result<Vec<Seq>, JournalError> {
    let mut select = sql.prepare(
        "SELECT seq FROM reading r WHERE NOT EXISTS (SELECT 1 FROM verdict v WHERE v.seq = r.seq) ORDER BY seq",
    )?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Gives punches that lost their deliveries in a salvage new ones, in doubt until they were read back.
pub fn restore_deliveries(write: &Write<'_>, now: UnixMillis) -> Result<u64, JournalError> {
    let restored = write.sql().execute(
        &format!(
        "INSERT OR IGNORE INTO delivery (destination, seq, person, time_s, state, changed_ms)
         SELECT d.destination, v.seq, v.person, v.time_s, 2, ?1
           FROM verdict v JOIN destination d ON d.organisation = v.organisation AND d.active = 1
          WHERE v.outcome = 0 AND {TAKES} AND NOT EXISTS (SELECT 1 FROM delivery x WHERE x.destination = d.destination AND x.seq = v.seq)"
        ),
        [now.0],
    )?;
    Ok(restored as u64)
}
