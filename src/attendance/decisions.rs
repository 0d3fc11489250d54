//! Readings that a person decides about, also again: what was decided can be undone as long as nothing of it has left the house.

use super::evidence::organisations_of;
use crate::journal::{JournalError, OrganisationId, Seq, Write};

/// What a decision about a reading touches.
#[derive(Debug)]
pub struct Asked {
    /// Those for which it can be decided.
    pub organisations: Vec<OrganisationId>,
    /// Readings that belonged to it and look for a place again.
    pub followers: Vec<Seq>,
}

/// Makes a reading open for a decision, for every organisation for which it is not a punch by itself. A reading that was `given` to a
/// person and sent is not moved to another one.
pub fn open_again(write: &Write<'_>, seq: Seq, given: bool) -> Result<Asked, JournalError> {
    let mut asked = Asked { organisations: Vec::new(), followers: Vec::new() };
    let mut sent = false;
    for (organisation, open) in organisations_of(write.sql(), seq)? {
        if open {
            asked.organisations.push(organisation);
            continue;
        }
        if !may_be_decided_again(write, seq, organisation)? {
            continue;
        }
        if was_sent(write, seq, organisation)? {
            sent = true;
            continue;
        }
        asked.followers.extend(take_back(write, seq, organisation)?);
        asked.organisations.push(organisation);
    }
    match (asked.organisations.is_empty(), sent) {
        (false, _) => Ok(asked),
        (true, true) if given => Err(JournalError::Refused(format!(
            "reading {} was sent already and is not moved to another person: correct it in WeCom",
            seq.0
        ))),
        (true, true) => Err(JournalError::Refused(format!("reading {} was sent already: correct it in WeCom", seq.0))),
        (true, false) => {
            Err(JournalError::Refused(format!("reading {} is not open: there is nothing to decide", seq.0)))
        }
    }
}

/// It was refused, or a person decided about it.
fn may_be_decided_again(write: &Write<'_>, seq: Seq, organisation: OrganisationId) -> Result<bool, JournalError> {
    let mut select = write.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM verdict WHERE seq = ?1 AND organisation = ?2 AND outcome = 4)
             OR EXISTS (SELECT 1 FROM decision WHERE seq = ?1 AND organisation = ?2)",
    )?;
    Ok(select.query_row((seq, organisation), |row| row.get(0))?)
}

fn was_sent(write: &Write<'_>, seq: Seq, organisation: OrganisationId) -> Result<bool, JournalError> {
    let mut select = write.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM delivery d JOIN destination n USING (destination)
          WHERE d.seq = ?1 AND n.organisation = ?2 AND (d.state <> 0 OR d.attempts > 0))",
    )?;
    Ok(select.query_row((seq, organisation), |row| row.get(0))?)
}

fn take_back(write: &Write<'_>, seq: Seq, organisation: OrganisationId) -> Result<Vec<Seq>, JournalError> {
    let sql = write.sql();
    sql.prepare_cached(
        "DELETE FROM delivery WHERE destination IN (SELECT destination FROM destination WHERE organisation = ?2) AND seq = ?1",
    )?
    .execute((seq, organisation))?;
    let followers = sql
        .prepare_cached("SELECT seq FROM verdict WHERE merged_into = ?1 AND organisation = ?2")?
        .query_map((seq, organisation), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    sql.prepare_cached(
        "UPDATE verdict SET outcome = 3, merged_into = NULL WHERE (seq = ?1 OR merged_into = ?1) AND organisation = ?2",
    )?
    .execute((seq, organisation))?;
    Ok(followers)
}
