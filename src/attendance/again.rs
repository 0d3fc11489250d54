//! Crediting again: what follows when a credential turns out to be somebody else's.
//!
//! A mistyped userid is corrected by giving its credentials to the right one; a card was entered for the wrong person. What has
//! not left the house is judged again and goes to whom it belongs; a delivery that was refused and parked is withdrawn with it.
//! What may have arrived cannot be taken back: it is listed for a correction. Readings that a person gave to somebody stay
//! theirs, and so does what was of a person until their last day.

use rusqlite::{Connection, OptionalExtension, params};

use super::evidence;
use super::judge::Attendance;
use crate::clock::UnixMillis;
use crate::journal::{Evidence, JournalError, OrganisationId, PersonId, Seq, Write};

/// A verdict that may credit the wrong person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suspect {
    time_s: i64,
    /// The reading.
    pub seq: Seq,
    organisation: OrganisationId,
    person: PersonId,
}

/// What became of suspects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credited {
    /// Punches and merged readings that are another person's now.
    pub again: u64,
    /// Punches that may have arrived and are listed for a correction.
    pub to_correct: u64,
}

/// What waits or is parked and is another's by the list as it is now, and what of the credentials that moved is older.
pub fn suspects(sql: &Connection, moved: &[(OrganisationId, String)]) -> Result<Vec<Suspect>, JournalError> {
    let mut all = Vec::new();
    for state in [0, 5] {
        // The state stands in the statement, so that its index serves.
        let mut select = sql.prepare_cached(&format!(
            "SELECT DISTINCT d.time_s, d.seq, o.organisation, d.person
               FROM delivery d JOIN destination o USING (destination) JOIN reading r ON r.seq = d.seq
               JOIN credential c ON c.organisation = o.organisation AND c.kind = r.credential_kind AND c.value = r.credential
              WHERE d.state = {state} AND c.person <> d.person"
        ))?;
        let found = select.query_map([], suspect)?;
        all.extend(found.collect::<Result<Vec<_>, _>>()?);
    }
    let mut select = sql.prepare_cached(
        "SELECT v.time_s, v.seq, v.organisation, v.person
           FROM credential c JOIN person p ON p.organisation = c.organisation
           JOIN verdict v ON v.person = p.person AND v.outcome <= 1 AND v.organisation = c.organisation
           JOIN reading r ON r.seq = v.seq AND r.credential_kind = c.kind AND r.credential = c.value
          WHERE c.organisation = ?1 AND c.value = ?2 AND p.person <> c.person AND p.userid_folded = ?3",
    )?;
    for (organisation, what) in moved {
        // The credential and whose it was, as `Difference::moved` names them.
        let Some((value, from)) = what.split_once('\n') else { continue };
        let found = select.query_map(params![organisation, value, from], suspect)?;
        all.extend(found.collect::<Result<Vec<_>, _>>()?);
    }
    // Those that are listed already, for somebody else than the list says by now.
    let mut select = sql.prepare_cached(
        "SELECT v.time_s, v.seq, v.organisation, k.credited
           FROM correction k JOIN verdict v USING (seq, organisation) JOIN reading r USING (seq)
           JOIN credential c ON c.organisation = k.organisation AND c.kind = r.credential_kind AND c.value = r.credential
          WHERE c.person <> k.person AND c.person <> k.credited AND v.person = k.credited AND v.time_s IS NOT NULL",
    )?;
    all.extend(select.query_map([], suspect)?.collect::<Result<Vec<_>, _>>()?);
    all.sort();
    all.dedup();
    Ok(all)
}

fn suspect(row: &rusqlite::Row<'_>) -> rusqlite::Result<Suspect> {
    Ok(Suspect { time_s: row.get(0)?, seq: row.get(1)?, organisation: row.get(2)?, person: row.get(3)? })
}

impl Attendance {
    /// Gives suspects, the oldest first, to whom they belong.
    pub fn credit_again(
        &self,
        write: &Write<'_>,
        suspects: &[Suspect],
        now: UnixMillis,
    ) -> Result<Credited, JournalError> {
        let mut credited = Credited::default();
        let mut open = Vec::new();
        for suspect in suspects {
            let Some(evidence) = Evidence::load(write.sql(), suspect.seq)? else { continue };
            let whose = self.whose(&evidence, suspect.organisation, suspect.time_s);
            let Some(owner) = whose.filter(|owner| *owner != suspect.person) else { continue };
            if is_given(write.sql(), suspect)? {
                continue;
            }
            if self.is_listed_with_its_punch(write.sql(), suspect, owner)? {
                continue;
            }
            match way(write.sql(), suspect.seq, suspect.organisation)? {
                Way::Open => open.extend(take_back(write, suspect)?),
                Way::Left => credited.to_correct += u64::from(to_correct(write, suspect, owner, now)?),
                Way::Dropped => {}
            }
        }
        open.sort();
        open.dedup();
        for (_, seq) in &open {
            self.reopen(write, &[*seq])?;
        }
        credited.again = open.len() as u64;
        Ok(credited)
    }
}

impl Attendance {
    /// Whether it was merged into a punch that left the house and is to be corrected to the same person: what is to be said of the
    /// two is said of that one.
    fn is_listed_with_its_punch(
        &self,
        sql: &Connection,
        suspect: &Suspect,
        owner: PersonId,
    ) -> Result<bool, JournalError> {
        let mut select = sql.prepare_cached(
            "SELECT p.seq, p.time_s FROM verdict v JOIN verdict p ON p.seq = v.merged_into AND p.organisation = v.organisation
              WHERE v.seq = ?1 AND v.organisation = ?2 AND v.outcome = 1",
        )?;
        let punch = select.query_row((suspect.seq, suspect.organisation), |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((seq, time_s)) = punch.optional()? else { return Ok(false) };
        let Some(evidence) = Evidence::load(sql, seq)? else { return Ok(false) };
        let punch = Suspect { seq, time_s, ..*suspect };
        Ok(self.whose(&evidence, suspect.organisation, time_s) == Some(owner)
            && !is_given(sql, &punch)?
            && matches!(way(sql, punch.seq, punch.organisation)?, Way::Left))
    }
}

/// How far a punch has come.
pub(super) enum Way {
    /// It provably arrived nowhere.
    Open,
    /// It may have arrived somewhere.
    Left,
    /// A person decided that it is not to arrive.
    Dropped,
}

pub(super) fn way(sql: &Connection, seq: Seq, organisation: OrganisationId) -> Result<Way, JournalError> {
    // Of parked ones, those that were refused and those of a member whom WeCom does not know are not there.
    let mut select = sql.prepare_cached(
        "SELECT d.state IN (1, 2, 3, 4) OR (d.state = 5 AND NOT (d.reason LIKE '{\"refused\"%' OR d.reason LIKE '{\"unsendable\"%'
                  OR d.reason LIKE '{\"stranger\"%')),
                d.state = 6
           FROM destination o JOIN delivery d ON d.destination = o.destination AND d.seq = ?1 WHERE o.organisation = ?2",
    )?;
    let mut rows = select.query((seq, organisation))?;
    let mut way = Way::Open;
    while let Some(row) = rows.next()? {
        let (left, dropped): (bool, bool) = (row.get(0)?, row.get(1)?);
        if left {
            return Ok(Way::Left);
        }
        if dropped {
            way = Way::Dropped;
        }
    }
    Ok(way)
}

/// Whether a person said whose reading it is.
fn is_given(sql: &Connection, suspect: &Suspect) -> Result<bool, JournalError> {
    let decided = evidence::decision(sql, suspect.seq, suspect.organisation)?;
    Ok(decided.is_some_and(|decided| decided.given.is_some()))
}

/// Makes the verdict open, with those that were merged into it, and withdraws its deliveries.
fn take_back(write: &Write<'_>, suspect: &Suspect) -> Result<Vec<(i64, Seq)>, JournalError> {
    let Suspect { time_s, seq, organisation, person } = *suspect;
    let sql = write.sql();
    let mut followers = sql.prepare_cached(
        "SELECT time_s, seq FROM verdict WHERE person = ?1 AND outcome <= 1 AND outcome = 1 AND merged_into = ?2 AND organisation = ?3",
    )?;
    let mut open: Vec<(i64, Seq)> = followers
        .query_map((person, seq, organisation), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    open.push((time_s, seq));
    sql.prepare_cached(
        "DELETE FROM delivery WHERE destination IN (SELECT destination FROM destination WHERE organisation = ?2) AND seq = ?1",
    )?
    .execute((seq, organisation))?;
    sql.prepare_cached("DELETE FROM correction WHERE seq = ?1 AND organisation = ?2")?.execute((seq, organisation))?;
    let mut reopen = sql.prepare_cached(
        "UPDATE verdict SET outcome = 2, person = NULL, merged_into = NULL WHERE seq = ?1 AND organisation = ?2",
    )?;
    for (_, seq) in &open {
        reopen.execute((seq, organisation))?;
    }
    Ok(open)
}

fn to_correct(write: &Write<'_>, suspect: &Suspect, owner: PersonId, now: UnixMillis) -> Result<bool, JournalError> {
    note_correction(write, suspect.seq, suspect.organisation, (suspect.person, owner), now)
}

/// Lists a punch that was delivered for `credited` and is `owner`'s. Answers whether that is news.
pub(super) fn note_correction(
    write: &Write<'_>,
    seq: Seq,
    organisation: OrganisationId,
    (credited, owner): (PersonId, PersonId),
    now: UnixMillis,
) -> Result<bool, JournalError> {
    let added = write
        .sql()
        .prepare_cached(
            "INSERT INTO correction (seq, organisation, credited, person, wall_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET person = ?4 WHERE person <> ?4",
        )?
        .execute((seq, organisation, credited, owner, now.0))?;
    Ok(added > 0)
}
