//! Which source says what of a person.

use std::collections::HashMap;

use rusqlite::Connection;
use serde::Serialize;

use super::{Part, Source};
use crate::journal::{JournalError, OrganisationId, PersonId};

/// One thing that a source says of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Who says so.
    pub source: Source,
    /// Of what.
    pub part: Part,
    /// What; absent: that there is nothing.
    pub value: Option<String>,
    /// Whether the source still contains it.
    pub current: bool,
    /// Whether it holds.
    pub holds: bool,
}

/// What every source says, by person.
pub fn said(sql: &Connection, organisation: OrganisationId) -> Result<HashMap<PersonId, Vec<Said>>, JournalError> {
    let mut all: HashMap<PersonId, Vec<Said>> = HashMap::new();
    let mut select = sql.prepare_cached(
        "SELECT s.person, s.source, s.part, s.value, s.current,
                CASE s.part WHEN 'name' THEN p.name WHEN 'department' THEN nullif(p.department, '') ELSE p.left_on END IS s.value
           FROM person_said s JOIN person p USING (person) WHERE p.organisation = ?1 ORDER BY s.person, s.part, s.source",
    )?;
    let mut rows = select.query([organisation])?;
    while let Some(row) = rows.next()? {
        let (source, part): (String, String) = (row.get(1)?, row.get(2)?);
        let (Some(source), Some(part)) = (Source::from_word(&source), Part::from_word(&part)) else { continue };
        let said = Said { source, part, value: row.get(3)?, current: row.get(4)?, holds: row.get(5)? };
        all.entry(row.get(0)?).or_default().push(said);
    }
    let mut select = sql.prepare_cached(
        "SELECT s.person, s.source, s.kind, s.value, s.current, c.person IS s.person
           FROM credential_said s LEFT JOIN credential c USING (organisation, kind, value)
          WHERE s.organisation = ?1 ORDER BY s.person, s.kind, s.value, s.source",
    )?;
    let mut rows = select.query([organisation])?;
    while let Some(row) = rows.next()? {
        let (source, kind): (String, String) = (row.get(1)?, row.get(2)?);
        let (Some(source), Some(part)) = (Source::from_word(&source), Part::of_kind(&kind)) else { continue };
        let said = Said { source, part, value: row.get(3)?, current: row.get(4)?, holds: row.get(5)? };
        all.entry(row.get(0)?).or_default().push(said);
    }
    Ok(all)
}
