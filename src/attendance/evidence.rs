//! What the journal knows around a reading: its terminal's clock, the anchors of its boot, what people decided about it.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::dating::{ClockEvidence, EarlierContact};
use super::verdict::Decision;
use crate::clock::{Anchor, Stamp, UnixMillis};
use crate::journal::{DeviceId, JournalError, OrganisationId, Seq, anchors};

/// Which contact to look at.
pub(super) enum At {
    Latest,
    Contact(i64),
    Wall(UnixMillis),
}

pub(super) fn clock_evidence(sql: &Connection, device: DeviceId, at: At) -> Result<ClockEvidence, JournalError> {
    let (contact, wall) = match at {
        At::Latest => (i64::MAX, i64::MAX),
        At::Contact(contact) => (contact, i64::MAX),
        At::Wall(wall) => (i64::MAX, wall.0),
    };
    let mut select = sql.prepare_cached(
        "SELECT clock_offset_ms, coalesce(shown_ms - clock_offset_ms, wall_ms) FROM contact
          WHERE device = ?1 AND contact <= ?2 AND wall_ms <= ?3 AND clock_offset_ms IS NOT NULL ORDER BY contact DESC LIMIT 2",
    )?;
    let mut rows = select.query((device, contact, wall))?;
    let mut evidence = ClockEvidence::default();
    if let Some(row) = rows.next()? {
        evidence.offset_ms = row.get(0)?;
    }
    if let Some(row) = rows.next()? {
        evidence.before = Some(EarlierContact { offset_ms: row.get(0)?, at_ms: row.get(1)? });
    }
    Ok(evidence)
}

/// The anchor of the reading's boot that dates it best: of those good enough the one with the smallest bound, else the last word
/// of a person.
pub(super) fn best_anchor(sql: &Connection, stamp: &Stamp, within: Duration) -> Result<Option<Anchor>, JournalError> {
    let best = anchors::best(sql, &stamp.boot, stamp.boottime)?;
    match best.filter(|anchor| anchor.date_boottime(stamp.boottime).1 <= within) {
        Some(best) => Ok(Some(best)),
        None => anchors::said(sql, &stamp.boot),
    }
}

/// A decision and the words of whoever made it.
pub(super) type Decided = (Decision, String);

/// Organisations that are asked the same question about a reading.
pub(super) struct Asked {
    pub decision: Option<Decided>,
    pub organisations: Vec<OrganisationId>,
}

/// What each organisation has decided about a reading, those with the same decision together; the undecided first.
pub(super) fn by_decision(
    sql: &Connection,
    seq: Seq,
    organisations: &[OrganisationId],
) -> Result<Vec<Asked>, JournalError> {
    let mut groups: Vec<Asked> = Vec::new();
    for organisation in organisations {
        let decision = decision(sql, seq, *organisation)?;
        match groups.iter_mut().find(|group| group.decision == decision) {
            Some(group) => group.organisations.push(*organisation),
            None => groups.push(Asked { decision, organisations: vec![*organisation] }),
        }
    }
    groups.sort_by_key(|group| group.decision.is_some());
    Ok(groups)
}

fn decision(sql: &Connection, seq: Seq, organisation: OrganisationId) -> Result<Option<Decided>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT what, reason FROM decision WHERE seq = ?1 AND organisation = ?2 ORDER BY decision DESC LIMIT 1",
    )?;
    let found: Option<(String, String)> =
        select.query_row((seq, organisation), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.and_then(|(what, words)| Some((serde_json::from_str(&what).ok()?, words))))
}

/// The organisations that have a verdict on a reading, and whether it is open.
pub(super) fn organisations_of(sql: &Connection, seq: Seq) -> Result<Vec<(OrganisationId, bool)>, JournalError> {
    let mut select = sql.prepare_cached("SELECT organisation, outcome IN (2, 3) FROM verdict WHERE seq = ?1")?;
    Ok(select.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}
