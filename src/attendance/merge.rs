//! The merge window: which of several readings of one person counts.
//!
//! A reading within the window after a punch of the same person belongs to that punch. Readings can arrive late and out of order
//! (a terminal that was offline), so a new punch may find later ones that would have merged into it. Those that have not left
//! the house give way and their followers are asked again; those that were sent stand, because WeCom cannot take a record back.

use super::dating::Dated;
use super::verdict::Outcome;
use crate::journal::{JournalError, OrganisationId, PersonId, Seq, Takes, Write};

/// A reading of a known person with its time, looking for its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub seq: Seq,
    pub organisation: OrganisationId,
    pub person: PersonId,
    pub dated: Dated,
}

/// Whether a reading has been judged before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// It has just been appended: it has no verdict yet.
    First,
    /// It may have one, which is replaced.
    Again,
}

/// What a punch needs to leave the house.
pub(super) struct Rules<'a> {
    pub window_s: i64,
    /// Where its punches go, and which of them.
    pub destinations: &'a [(i64, Takes)],
    /// Punches of before this second start in doubt.
    pub doubt_before_s: i64,
    pub now_ms: i64,
}

/// Where a candidate found its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Punch,
    MergedInto(i64),
}

/// Gives the candidate its verdict and settles what follows from it.
pub(super) fn settle(
    write: &Write<'_>,
    first: Candidate,
    round: Round,
    rules: &Rules<'_>,
) -> Result<Place, JournalError> {
    let around = around(write, first, rules)?;
    let place = place(write, first, around.before, round, rules)?;
    if place == Place::Punch && around.later {
        let mut displaced = give_way(write, first, rules)?;
        // Each round looks only at later seconds than the one before, so this ends.
        while let Some(next) = displaced.pop() {
            let before = self::around(write, next, rules)?.before;
            if self::place(write, next, before, Round::Again, rules)? == Place::Punch {
                displaced.extend(give_way(write, next, rules)?);
                displaced.sort_by_key(|candidate| std::cmp::Reverse((candidate.dated.time_s, candidate.seq)));
            }
        }
    }
    Ok(place)
}

/// The punches of the candidate's person within the window around it.
struct Around {
    /// The last one before it or of the same second: its number and its second.
    before: Option<(i64, i64)>,
    /// Whether there is one after it or of the same second.
    later: bool,
}

fn around(write: &Write<'_>, candidate: Candidate, rules: &Rules<'_>) -> Result<Around, JournalError> {
    let Candidate { seq, person, dated, .. } = candidate;
    // Even without a window, one second holds one punch of a person: WeCom could not tell two apart.
    let window = rules.window_s.max(1);
    let mut select = write.sql().prepare_cached(
        "SELECT seq, time_s FROM verdict
          WHERE person = ?1 AND outcome <= 1 AND outcome = 0 AND time_s > ?2 AND time_s < ?3 AND seq <> ?4 ORDER BY time_s",
    )?;
    let mut punches = select.query((person, dated.time_s - window, dated.time_s + window, seq))?;
    let mut around = Around { before: None, later: false };
    while let Some(row) = punches.next()? {
        let punch: (i64, i64) = (row.get(0)?, row.get(1)?);
        if punch.1 <= dated.time_s {
            around.before = Some(punch);
        }
        around.later |= punch.1 >= dated.time_s;
    }
    Ok(around)
}

/// Merged into the punch before it, or a punch itself.
fn place(
    write: &Write<'_>,
    candidate: Candidate,
    before: Option<(i64, i64)>,
    round: Round,
    rules: &Rules<'_>,
) -> Result<Place, JournalError> {
    let Candidate { seq, organisation, person, dated } = candidate;
    let (outcome, into, place) = match before {
        Some((punch, time_s)) => (Outcome::Merged, Some(punch), Place::MergedInto(time_s)),
        None => (Outcome::Punch, None, Place::Punch),
    };
    let put = match round {
        // A statement that may have to replace keeps a copy of every page it touches, to put it back.
        Round::First => {
            "INSERT INTO verdict (seq, organisation, outcome, person, time_s, basis, merged_into) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        }
        Round::Again => {
            "INSERT INTO verdict (seq, organisation, outcome, person, time_s, basis, merged_into) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET outcome = ?3, person = ?4, time_s = ?5, basis = ?6, merged_into = ?7, reason = NULL"
        }
    };
    write.sql().prepare_cached(put)?.execute((
        seq,
        organisation,
        outcome.code(),
        person,
        dated.time_s,
        dated.basis.word(),
        into,
    ))?;
    if outcome == Outcome::Punch {
        for (destination, _) in rules.destinations.iter().filter(|(_, takes)| takes.takes(seq.0, dated.time_s)) {
            let state = if dated.time_s < rules.doubt_before_s { 2 } else { 0 };
            write
                .sql()
                .prepare_cached(
                    "INSERT OR IGNORE INTO delivery (destination, seq, person, time_s, state, changed_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute((destination, seq, person, dated.time_s, state, rules.now_ms))?;
        }
    }
    Ok(place)
}

/// Whether the new punch goes everywhere where this one was to go. Else it stands: somewhere there would be none of the two.
fn is_replaced(write: &Write<'_>, later: i64, punch: Candidate, rules: &Rules<'_>) -> Result<bool, JournalError> {
    let mut select = write.sql().prepare_cached("SELECT d.destination FROM delivery d WHERE d.destination IN (SELECT destination FROM destination) AND d.seq = ?1 AND d.person = ?2")?;
    let mut rows = select.query((later, punch.person))?;
    while let Some(row) = rows.next()? {
        let destination: i64 = row.get(0)?;
        let takes = |(id, takes): &(i64, Takes)| *id == destination && takes.takes(punch.seq.0, punch.dated.time_s);
        if !rules.destinations.iter().any(takes) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Punches within the window after a new one that have not left the house: they and their followers look for a place again.
/// The same reading may be the punch of another organisation's person, with a window and deliveries of its own.
fn give_way(write: &Write<'_>, punch: Candidate, rules: &Rules<'_>) -> Result<Vec<Candidate>, JournalError> {
    let until = punch.dated.time_s + rules.window_s.max(1);
    let later: Vec<i64> = write
        .sql()
        .prepare_cached(
            "SELECT v.seq FROM verdict v
              WHERE v.person = ?1 AND v.outcome <= 1 AND v.outcome = 0 AND v.time_s >= ?2 AND v.time_s < ?3 AND v.seq <> ?4
                AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.destination IN (SELECT destination FROM destination)
                                  AND d.seq = v.seq AND d.person = v.person AND (d.state <> 0 OR d.attempts > 0))",
        )?
        .query_map((punch.person, punch.dated.time_s, until, punch.seq), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut displaced = Vec::new();
    for seq in later {
        if !is_replaced(write, seq, punch, rules)? {
            continue;
        }
        write
            .sql()
            .prepare_cached(
                "DELETE FROM delivery WHERE destination IN (SELECT destination FROM destination) AND seq = ?1 AND person = ?2",
            )?
            .execute((seq, punch.person))?;
        let mut followers = write.sql().prepare_cached(
            "SELECT seq, time_s, basis FROM verdict
              WHERE person = ?1 AND outcome <= 1 AND time_s >= ?2 AND (seq = ?3 OR merged_into = ?3) ORDER BY time_s, seq",
        )?;
        let mut rows = followers.query((punch.person, punch.dated.time_s, seq))?;
        while let Some(row) = rows.next()? {
            let basis: String = row.get(2)?;
            let dated = Dated { time_s: row.get(1)?, basis: super::dating::Basis::from_word(&basis) };
            displaced.push(Candidate { seq: row.get(0)?, dated, ..punch });
        }
        // Out of the way while its followers and it look for a place.
        write
            .sql()
            .prepare_cached("UPDATE verdict SET outcome = 1, merged_into = ?2 WHERE seq = ?1 AND person = ?3")?
            .execute((seq, punch.seq, punch.person))?;
    }
    displaced.sort_by_key(|candidate| std::cmp::Reverse((candidate.dated.time_s, candidate.seq)));
    Ok(displaced)
}
