//! What the journal knows around a reading: its terminal's clock, the anchors of its boot, what people decided about it.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::dating::{ClockEvidence, EarlierContact, Shown};
use super::verdict::Decision;
use crate::clock::{Anchor, BootId, BootNanos, Stamp, UnixMillis};
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
        (evidence.offset_ms, evidence.at_ms) = (row.get(0)?, row.get(1)?);
    }
    if let Some(row) = rows.next()? {
        evidence.before = Some(EarlierContact { offset_ms: row.get(0)?, at_ms: row.get(1)? });
    }
    drop(rows);
    let mut select = sql.prepare_cached(
        "SELECT c.shown_ms, c.shown_boottime_ns, b.kernel_id FROM contact c JOIN boot b USING (boot)
          WHERE c.device = ?1 AND c.contact <= ?2 AND c.wall_ms <= ?3 AND c.shown_ms IS NOT NULL ORDER BY c.contact DESC LIMIT 1",
    )?;
    let shown = select.query_row((device, contact, wall), |row| {
        Ok(Shown { at: UnixMillis(row.get(0)?), boottime: BootNanos(row.get(1)?), boot: BootId(row.get(2)?) })
    });
    evidence.shown = shown.optional()?;
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

/// What people decided about a reading: whose it is and when it was are two questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decided {
    /// The last word about its time or whether it counts.
    pub decision: Option<Decision>,
    /// The userid of whom it was given to.
    pub given: Option<String>,
    /// Whether it counts although it is older than the day from which its device counts.
    pub let_through: bool,
    /// The words of whoever decided last.
    pub words: String,
}

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

pub(super) fn decision(
    sql: &Connection,
    seq: Seq,
    organisation: OrganisationId,
) -> Result<Option<Decided>, JournalError> {
    let mut select =
        sql.prepare_cached("SELECT what, reason FROM decision WHERE seq = ?1 AND organisation = ?2 ORDER BY decision")?;
    let mut rows = select.query((seq, organisation))?;
    let mut decided: Option<Decided> = None;
    while let Some(row) = rows.next()? {
        let (what, words): (String, String) = (row.get(0)?, row.get(1)?);
        let Ok(what) = serde_json::from_str::<Decision>(&what) else { continue };
        let mut now = decided.take().unwrap_or_default();
        now.words = words;
        match what {
            // Whoever gives it to a person means that it counts.
            Decision::Given { userid } => {
                now.decision = now.decision.filter(|decision| *decision != Decision::Refuse);
                now.given = Some(userid);
            }
            Decision::LetThrough => {
                now.decision = now.decision.filter(|decision| *decision != Decision::Refuse);
                now.let_through = true;
            }
            Decision::Refuse => {
                now = Decided { decision: Some(Decision::Refuse), words: now.words, ..Decided::default() };
            }
            time => now.decision = Some(time),
        }
        decided = Some(now);
    }
    Ok(decided)
}

/// The organisations that have a verdict on a reading, and whether it is open.
pub(super) fn organisations_of(sql: &Connection, seq: Seq) -> Result<Vec<(OrganisationId, bool)>, JournalError> {
    let mut select = sql.prepare_cached("SELECT organisation, outcome IN (2, 3) FROM verdict WHERE seq = ?1")?;
    Ok(select.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}
