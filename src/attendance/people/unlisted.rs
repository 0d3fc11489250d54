//! Persons whom no list has: where a terminal's user id is the userid itself, it is enough.

use punchd_contract::Credential;
use rusqlite::{Connection, OptionalExtension};

use super::Known;
use crate::attendance::UserId;
use crate::attendance::rules::UserIdRule;
use crate::journal::{JournalError, OrganisationId};

/// The person whose userid the device's rule makes of the credential; entered into the journal at the first reading. Whether there
/// is such a member, WeCom says: if not, the punch is parked with its answer.
pub fn person(
    sql: &Connection,
    organisation: OrganisationId,
    credential: &Credential,
    rule: &UserIdRule,
) -> Result<Option<Known>, JournalError> {
    let Credential::UserId(id) = credential else { return Ok(None) };
    let Some(userid) = rule.userid(id).and_then(|userid| UserId::new(userid).ok()) else { return Ok(None) };
    let mut find =
        sql.prepare_cached("SELECT person, name, left_on FROM person WHERE organisation = ?1 AND userid_folded = ?2")?;
    let found = find
        .query_row((organisation, userid.folded()), |row| {
            let left_on: Option<String> = row.get(2)?;
            let left_on = left_on.and_then(|date| date.parse().ok());
            Ok(Known { person: row.get(0)?, name: row.get(1)?, left_on })
        })
        .optional()?;
    if found.is_some() {
        return Ok(found);
    }
    let person = sql
        .prepare_cached(
            "INSERT INTO person (organisation, userid, userid_folded, name) VALUES (?1, ?2, ?3, ?2) RETURNING person",
        )?
        .query_row((organisation, userid.as_str(), userid.folded()), |row| row.get(0))?;
    Ok(Some(Known { person, name: userid.to_string(), left_on: None }))
}
