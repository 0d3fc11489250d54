//! Readings of a device that serves several organisations, of which one hears of the person later.
//!
//! A reading that one organisation knew has no verdict for the others: whom they do not know is none of their business. When a list
//! of theirs learns the credential, the reading is judged for them, too: the person works for both. Not so where the organisation
//! that counted it does not give the credential to that person any more: then it was handed on, and its past stays where it was.

use rusqlite::{Connection, params};

use super::judge::Attendance;
use crate::journal::{JournalError, OrganisationId, Seq, Write};

impl Attendance {
    /// Readings that have no verdict for an organisation which knows whose they are by now. Looks at every reading if there are
    /// devices that serve several organisations.
    pub fn newly_known(&self, sql: &Connection) -> Result<Vec<(Seq, OrganisationId)>, JournalError> {
        let mut select = sql.prepare(
            "SELECT r.seq, x.organisation, r.device, r.credential_kind, r.credential
               FROM reading r JOIN device_organisation x ON x.device = r.device AND r.seq >= x.first_seq
              WHERE r.device IN (SELECT device FROM device_organisation GROUP BY device HAVING count(*) > 1)
                AND NOT EXISTS (SELECT 1 FROM verdict v WHERE v.seq = r.seq AND v.organisation = x.organisation)
                AND EXISTS (SELECT 1 FROM verdict v WHERE v.seq = r.seq)
                AND NOT EXISTS (SELECT 1 FROM verdict v JOIN person p USING (person) WHERE v.seq = r.seq AND v.outcome <= 1
                       AND (p.left_on IS NOT NULL OR EXISTS (SELECT 1 FROM credential c
                              WHERE c.organisation = v.organisation AND c.kind = r.credential_kind AND c.value = r.credential
                                AND c.person <> v.person)
                            OR (EXISTS (SELECT 1 FROM person_said s WHERE s.person = v.person)
                                AND NOT (r.credential_kind = 'user_id' AND p.userid_folded LIKE '%' || r.credential)
                                AND NOT EXISTS (SELECT 1 FROM credential c WHERE c.organisation = v.organisation
                                       AND c.kind = r.credential_kind AND c.value = r.credential))))
              ORDER BY r.seq",
        )?;
        let mut rows = select.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let (kind, value): (String, String) = (row.get(3)?, row.get(4)?);
            if self.knows(row.get(1)?, row.get(2)?, &kind, &value) {
                all.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(all)
    }
}

/// Gives them an open verdict for these organisations, so that they are judged.
pub fn open(write: &Write<'_>, readings: &[(Seq, OrganisationId)]) -> Result<(), JournalError> {
    let mut open =
        write.sql().prepare_cached("INSERT OR IGNORE INTO verdict (seq, organisation, outcome) VALUES (?1, ?2, 2)")?;
    for (seq, organisation) in readings {
        open.execute(params![seq, organisation])?;
    }
    Ok(())
}
