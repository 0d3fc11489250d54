//! Readings that a person decides about, also again: what was decided can be undone as long as nothing of it has left the house.

use punchd_contract::Text;
use rusqlite::Connection;

use super::again::{self, Way};
use super::evidence::{At, clock_evidence, organisations_of};
use crate::clock::UnixMillis;
use crate::journal::{Evidence, JournalError, OrganisationId, PersonId, Seq, Write};

/// How far the terminal's clock was off at the contact that brought a reading, in milliseconds, terminal minus true time: what
/// [`Decision::Corrected`](super::Decision::Corrected) corrects it by.
pub fn measured_offset(sql: &Connection, seq: Seq) -> Result<Option<i64>, JournalError> {
    let Some(evidence) = Evidence::load(sql, seq)? else { return Ok(None) };
    let at = evidence.contact.map_or(At::Wall(evidence.stamp.wall), At::Contact);
    Ok(clock_evidence(sql, evidence.device, at)?.offset_ms)
}

/// The organisations that have a verdict on a reading.
pub fn organisations(sql: &Connection, seq: Seq) -> Result<Vec<OrganisationId>, JournalError> {
    Ok(organisations_of(sql, seq)?.into_iter().map(|(organisation, _)| organisation).collect())
}

/// What a decision about a reading touches.
#[derive(Debug, Default)]
pub struct Asked {
    /// Those for which it can be decided.
    pub organisations: Vec<OrganisationId>,
    /// Readings that belonged to it and look for a place again.
    pub followers: Vec<Seq>,
    /// Those where it may have arrived for somebody else: what is left is a correction there.
    pub left: Vec<OrganisationId>,
}

/// What is decided about a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// When it was, or that it does not count.
    Time,
    /// Whose it is, and nothing else.
    Person,
    /// Both.
    TimeAndPerson,
}

/// Makes a reading open for a decision, for those of the organisations that it `concerns` for which it is not a punch by itself. Whose
/// it is, is decided about punches too: what has not left the house is taken back.
pub fn open_again(
    write: &Write<'_>,
    seq: Seq,
    about: About,
    concerns: impl Fn(OrganisationId) -> bool,
) -> Result<Asked, JournalError> {
    let mut asked = Asked::default();
    let mut sent = false;
    for (organisation, open) in organisations_of(write.sql(), seq)? {
        if !concerns(organisation) {
            continue;
        }
        if open {
            asked.organisations.push(organisation);
            continue;
        }
        if about == About::Time && !may_be_decided_again(write, seq, organisation)? {
            continue;
        }
        match again::way(write.sql(), seq, organisation)? {
            Way::Left if about == About::Person => asked.left.push(organisation),
            Way::Open if about != About::Time || !was_sent(write, seq, organisation)? => {
                asked.followers.extend(take_back(write, seq, organisation)?);
                asked.organisations.push(organisation);
            }
            Way::Open | Way::Left | Way::Dropped => sent = true,
        }
    }
    match (asked.organisations.is_empty() && asked.left.is_empty(), sent) {
        (false, _) => Ok(asked),
        (true, true) => Err(JournalError::Declined(was_sent_already(seq, about))),
        (true, false) => Err(JournalError::Declined(Text::new(
            format!("reading {seq} is not open: there is nothing to decide (see `punchd punches held`)"),
            format!("记录 {seq} 并非待定：无需处理（请查看 `punchd punches held`）"),
        ))),
    }
}

fn was_sent_already(seq: Seq, about: About) -> Text {
    match about {
        About::Time => Text::new(
            format!("reading {seq} was sent already, or its delivery was dropped: correct it in WeCom"),
            format!("记录 {seq} 已发送，或其送达已被取消：请在企业微信中更正"),
        ),
        About::Person | About::TimeAndPerson => Text::new(
            format!(
                "reading {seq} was sent already, or its delivery was dropped: its time is not changed any more. Correct it in WeCom; if it is another person's, decide that alone (--person USERID), and it is listed in `punchd people corrections`"
            ),
            format!(
                "记录 {seq} 已发送，或其送达已被取消：其时间不再更改。请在企业微信中更正；如属他人，请只指定人员（--person USERID），之后会列入 `punchd people corrections`"
            ),
        ),
    }
}

/// Lists a punch that may have arrived for somebody else for a correction. Given back to whom it was delivered for, there is nothing
/// to correct any more. Answers whether that changed anything.
pub fn correct(
    write: &Write<'_>,
    seq: Seq,
    organisation: OrganisationId,
    owner: PersonId,
    now: UnixMillis,
) -> Result<bool, JournalError> {
    let sql = write.sql();
    let credited: Option<PersonId> = sql
        .prepare_cached("SELECT person FROM verdict WHERE seq = ?1 AND organisation = ?2")?
        .query_row((seq, organisation), |row| row.get(0))?;
    match credited {
        Some(credited) if credited == owner => {
            let taken = sql
                .prepare_cached("DELETE FROM correction WHERE seq = ?1 AND organisation = ?2")?
                .execute((seq, organisation))?;
            Ok(taken > 0)
        }
        Some(credited) => again::note_correction(write, seq, organisation, (credited, owner), now),
        None => Ok(false),
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
