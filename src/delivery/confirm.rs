//! Confirming: delivered punches are looked for later, a few calls a minute, until they are seen.
//!
//! What is not seen is looked for ever more rarely and marked after a day. It is never sent again by itself: it was accepted.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::doubt::confirm;
use super::read_back::{Finding, Pass, Row};
use super::retry::Pauses;
use super::why::Why;
use crate::journal::{DestinationId, JournalError, Write};
use crate::wecom::MAX_USERS;

/// Deliveries looked for in one pass.
const AT_ONCE: i64 = 1000;
/// How far apart their punches may lie, so that one call covers them.
const STRETCH: i64 = 13 * 86_400;
/// The longest pause between two looks.
const LONGEST_PAUSE_MS: i64 = 7 * 86_400_000;

const DUE: &str = "SELECT d.delivery, d.person, p.userid, d.time_s, d.changed_ms, d.batch, d.code
   FROM delivery d JOIN person p ON p.person = d.person
  WHERE d.destination = ?1 AND d.state = 3 AND d.not_before_ms IS NOT NULL AND d.not_before_ms <= ?2
  ORDER BY d.not_before_ms, d.delivery LIMIT ?3";

/// The deliveries of the next pass: those that are due longest, and what one call covers besides.
pub(super) fn due(sql: &Connection, destination: DestinationId, now_ms: i64) -> Result<Vec<Row>, JournalError> {
    let mut select = sql.prepare_cached(DUE)?;
    let mut rows = select.query_map(params![destination, now_ms, AT_ONCE], Row::read)?;
    let mut chosen: Vec<Row> = Vec::new();
    let mut persons = HashSet::new();
    while let Some(row) = rows.next().transpose()? {
        let near = chosen.first().is_none_or(|first| first.time_s.abs_diff(row.time_s) <= STRETCH.unsigned_abs());
        let room = persons.len() < MAX_USERS || persons.contains(&row.person);
        if near && room {
            persons.insert(row.person);
            chosen.push(row);
        }
    }
    Ok(chosen)
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    pub confirmed: usize,
    pub marked: usize,
}

/// Writes down what a pass found.
pub(super) fn conclude(
    write: &Write<'_>,
    pass: &Pass,
    pauses: &Pauses,
    confirm_after_ms: i64,
    now_ms: i64,
) -> Result<Looked, JournalError> {
    let sql = write.sql();
    let mut looked = Looked::default();
    let mut later = sql.prepare_cached(
        "UPDATE delivery SET not_before_ms = ?2, reason = coalesce(reason, ?3) WHERE delivery = ?1 AND state = 3",
    )?;
    let millis = |length: std::time::Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    for row in &pass.rows {
        let seen = row.userid.as_ref().map(|userid| pass.finding(userid, row.time_s));
        if seen == Some(Finding::Present) {
            confirm(sql, row.delivery, now_ms)?;
            looked.confirmed += 1;
            continue;
        }
        let age_ms = now_ms.saturating_sub(row.changed_ms).max(0);
        let next_ms = now_ms.saturating_add(age_ms.max(confirm_after_ms).min(LONGEST_PAUSE_MS));
        let mark = age_ms >= millis(pauses.invisible_after) && seen != Some(Finding::Unclear);
        looked.marked += usize::from(mark);
        let given_up = age_ms >= millis(pauses.given_up_after);
        later.execute(params![row.delivery, (!given_up).then_some(next_ms), mark.then_some(Why::Invisible)])?;
    }
    Ok(looked)
}
