//! Punches that had left the house when their credential turned out to be somebody else's.
//!
//! The destination cannot take them back, so they are listed: whoever keeps its records corrects them there.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::journal::{JournalError, Seq};

/// A punch that is to be corrected at the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The reading.
    pub seq: Seq,
    /// The organisation's name.
    pub organisation: String,
    /// When the punch was, seconds.
    pub time_s: i64,
    /// Who has it at the destination.
    pub credited: String,
    /// Whose it is.
    pub person: String,
}

/// All of them, the oldest punch first.
pub fn corrections(sql: &Connection) -> Result<Vec<Correction>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT c.seq, o.name, v.time_s, a.userid, b.userid
           FROM correction c JOIN organisation o USING (organisation) JOIN person a ON a.person = c.credited
           JOIN person b ON b.person = c.person JOIN verdict v ON v.seq = c.seq AND v.organisation = c.organisation
           JOIN reading r ON r.seq = c.seq
          -- A list that says again whose it was takes it back; what a person said stands whatever the list says.
          WHERE EXISTS (SELECT 1 FROM decision d WHERE d.seq = c.seq AND d.organisation = c.organisation
                   AND json_extract(d.what, '$.decide') = 'given')
             OR NOT EXISTS (SELECT 1 FROM credential h WHERE h.organisation = c.organisation AND h.kind = r.credential_kind
                   AND h.value = r.credential AND h.person = c.credited)
          ORDER BY v.time_s, c.seq",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Correction {
            seq: row.get(0)?,
            organisation: row.get(1)?,
            time_s: row.get(2)?,
            credited: row.get(3)?,
            person: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
