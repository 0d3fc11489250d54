//! Doubt: which deliveries are to be read back, and what follows from what was seen.
//!
//! *Present* is believed at once: somebody's phone punch in the same second would be taken for ours, which does no harm,
//! because the punch is there. *Absent* is believed only of a look that began when the settling time since the call was over,
//! because nobody documents when a record becomes visible (facts/wecom-api.md 1.4, 14.9).
//!
//! **Absent of somebody of whom WeCom shows nothing at all** proves nothing: without a punch rule a stored record never shows
//! (facts/wecom-api.md 1.1). Sent again, it would be there twice as soon as somebody adds the rule; taken for delivered, it might be
//! lost. So such a delivery is parked with the reason, and goes back into doubt by itself as soon as WeCom shows anything of the
//! person. A rule that covers somebody shows in every answer, because WeCom lists the punches that are still owed, too. Where no
//! answer has ever shown anything of anybody there is nothing to compare with, and absent is believed: then a punch that can be
//! filtered is better than one that is lost (facts/anchors.md 2.5).

use rusqlite::{Connection, params};

use super::bisect::{self, READY};
use super::outbox::park;
use super::read_back::{Finding, Pass, Row};
use super::why::Why;
use crate::journal::{DestinationId, JournalError, Write};

/// Deliveries in doubt without a batch (after a salvage) that are looked for in one pass.
const AT_ONCE: i64 = 400;

/// What is known about one delivery after a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    pub finding: Finding,
    /// Whether the look began after the settling time.
    pub settled: bool,
    /// Whether this answer shows anything of the person: a punch, or one that is owed.
    pub covered: bool,
    /// Whether an earlier answer did.
    pub shown_before: bool,
    /// Whether this answer shows owed punches of anybody.
    pub shows_owed: bool,
    /// Whether any answer has ever shown anything of anybody.
    pub anybody: bool,
    /// Whether punches of the person were accepted and never seen.
    pub invisible: bool,
    /// Whether the batch was answered with a refusal, so that most likely nothing of it is there.
    pub refused: bool,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is there.
    Confirm,
    /// Too early, or the answer could not be read.
    LookAgain,
    /// It is not there.
    Absent,
    /// Nobody can say.
    ParkNotShown,
    /// WeCom does not know the person.
    ParkStranger(i64),
}

/// The one place where a look becomes a decision.
pub(super) fn decide(evidence: Evidence) -> Decision {
    let Evidence { settled, covered, shown_before, shows_owed, anybody, invisible, refused, .. } = evidence;
    match evidence.finding {
        Finding::Present => Decision::Confirm,
        Finding::Stranger(code) => Decision::ParkStranger(code),
        Finding::Unclear => Decision::LookAgain,
        Finding::Absent if !settled => Decision::LookAgain,
        Finding::Absent if covered => Decision::Absent,
        Finding::Absent if invisible => Decision::ParkNotShown,
        Finding::Absent if shown_before => Decision::Absent,
        Finding::Absent if shows_owed => Decision::ParkNotShown,
        Finding::Absent if anybody && !refused => Decision::ParkNotShown,
        Finding::Absent => Decision::Absent,
    }
}

const COLUMNS: &str = "SELECT d.delivery, d.person, p.userid, d.time_s, d.changed_ms, d.batch, d.code
  FROM delivery d JOIN person p ON p.person = d.person WHERE d.destination = ?1 AND d.state = 2";

/// The deliveries of the next pass: a whole batch, because a refused one is halved as a whole, or some of those without one.
pub(super) fn due(sql: &Connection, destination: DestinationId, now_ms: i64) -> Result<Vec<Row>, JournalError> {
    let mut select = sql.prepare_cached(&format!("{COLUMNS} AND d.not_before_ms IS NULL LIMIT 1"))?;
    let mut first: Option<Row> = select.query_map([destination], Row::read)?.next().transpose()?;
    if first.is_none() {
        let mut select = sql.prepare_cached(&format!(
            "{COLUMNS} AND d.not_before_ms >= 0 AND d.not_before_ms <= ?2 ORDER BY d.not_before_ms LIMIT 1"
        ))?;
        first = select.query_map(params![destination, now_ms], Row::read)?.next().transpose()?;
    }
    let Some(first) = first else { return Ok(Vec::new()) };
    let (condition, value) = match first.batch {
        Some(batch) => ("AND d.batch = ?2 AND d.not_before_ms IS NOT ?3 ORDER BY d.time_s, d.delivery LIMIT ?4", batch),
        None => (
            "AND d.batch IS NULL AND (d.not_before_ms IS NULL OR d.not_before_ms BETWEEN 0 AND ?2) AND d.not_before_ms IS NOT ?3 LIMIT ?4",
            now_ms,
        ),
    };
    let mut select = sql.prepare_cached(&format!("{COLUMNS} {condition}"))?;
    let rows = select.query_map(params![destination, value, READY, AT_ONCE], Row::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Concluded {
    pub confirmed: usize,
    pub absent: usize,
    pub parked: usize,
    pub later: usize,
    /// The last batch number in use.
    pub last_batch: i64,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub now_ms: i64,
    pub settle_ms: i64,
    pub first_look_ms: i64,
}

/// Writes down what a pass found.
pub(super) fn conclude(
    write: &Write<'_>,
    destination: DestinationId,
    pass: &Pass,
    times: Times,
    last_batch: i64,
) -> Result<Concluded, JournalError> {
    let sql = write.sql();
    let mut done = Concluded { last_batch, ..Concluded::default() };
    let known = Known::of(sql, destination)?;
    let mut refused_and_absent: Vec<&Row> = Vec::new();
    for row in &pass.rows {
        let Some(userid) = row.userid.as_ref() else {
            let what = "the userid of the person is not one".to_owned();
            park(sql, row.delivery, None, &Why::Unsendable { what }, times.now_ms)?;
            done.parked += 1;
            continue;
        };
        let evidence = Evidence {
            finding: pass.finding(userid, row.time_s),
            settled: pass.began_ms.saturating_sub(row.changed_ms) >= times.settle_ms,
            covered: pass.covers(userid),
            shown_before: known.shown(sql, destination, row.person)?,
            shows_owed: pass.shows_owed,
            anybody: known.anybody || pass.shows_anybody(),
            invisible: known.invisible(sql, destination, row.person)?,
            refused: row.code.is_some(),
        };
        match decide(evidence) {
            Decision::Confirm => {
                confirm(sql, row.delivery, times.now_ms)?;
                done.confirmed += 1;
            }
            Decision::ParkNotShown => {
                park(sql, row.delivery, None, &Why::NotShown, times.now_ms)?;
                done.parked += 1;
            }
            Decision::ParkStranger(code) => {
                let message = pass.message_about(userid);
                park(sql, row.delivery, Some(code), &Why::Stranger { message }, times.now_ms)?;
                done.parked += 1;
            }
            Decision::LookAgain => {
                look_again(sql, row, times)?;
                done.later += 1;
            }
            Decision::Absent if row.code.is_some() => {
                refused_and_absent.push(row);
                done.absent += 1;
            }
            Decision::Absent => {
                sql.prepare_cached(
                    "UPDATE delivery SET state = 0, batch = NULL, changed_ms = ?2, not_before_ms = NULL WHERE delivery = ?1 AND state = 2",
                )?
                .execute(params![row.delivery, times.now_ms])?;
                done.absent += 1;
            }
        }
    }
    // A refused batch goes on as a whole: if a part of it has to be looked for again, all of it is.
    if done.later == 0 {
        let absent: Vec<i64> = refused_and_absent.iter().map(|row| row.delivery).collect();
        done.last_batch = bisect::make_ready(write, &absent, last_batch)?;
    } else {
        for row in refused_and_absent {
            look_again(sql, row, times)?;
        }
    }
    Ok(done)
}

fn look_again(sql: &Connection, row: &Row, times: Times) -> Result<(), JournalError> {
    let Times { now_ms, settle_ms, first_look_ms } = times;
    let settles_ms = row.changed_ms.saturating_add(settle_ms);
    let age_ms = now_ms.saturating_sub(row.changed_ms).max(0);
    let next_ms = now_ms.saturating_add(age_ms.max(first_look_ms));
    // Ever later, but at the moment when it settles in any case.
    let next_ms =
        if settles_ms > now_ms { next_ms.min(settles_ms) } else { now_ms.saturating_add(settle_ms.max(first_look_ms)) };
    sql.prepare_cached("UPDATE delivery SET not_before_ms = ?2 WHERE delivery = ?1 AND state = 2")?
        .execute(params![row.delivery, next_ms])?;
    Ok(())
}

/// It was seen.
pub(super) fn confirm(sql: &Connection, delivery: i64, now_ms: i64) -> Result<(), JournalError> {
    sql.prepare_cached(
        "UPDATE delivery SET state = 4, changed_ms = ?2, not_before_ms = NULL, code = NULL, reason = NULL
          WHERE delivery = ?1 AND state IN (2, 3)",
    )?
    .execute(params![delivery, now_ms])?;
    Ok(())
}

/// What earlier answers have shown.
struct Known {
    anybody: bool,
}

impl Known {
    fn of(sql: &Connection, destination: DestinationId) -> Result<Self, JournalError> {
        let anybody =
            sql.prepare_cached("SELECT 1 FROM shown WHERE destination = ?1 LIMIT 1")?.exists([destination])?;
        Ok(Self { anybody })
    }

    fn shown(&self, sql: &Connection, destination: DestinationId, person: i64) -> Result<bool, JournalError> {
        let mut select = sql.prepare_cached("SELECT 1 FROM shown WHERE destination = ?1 AND person = ?2")?;
        Ok(self.anybody && select.exists(params![destination, person])?)
    }

    fn invisible(&self, sql: &Connection, destination: DestinationId, person: i64) -> Result<bool, JournalError> {
        let mut select = sql.prepare_cached(
            "SELECT 1 FROM delivery WHERE destination = ?1 AND person = ?2 AND state = 3 AND reason IS NOT NULL LIMIT 1",
        )?;
        Ok(select.exists(params![destination, person])?)
    }
}

/// Remembers of whom something was shown. What was parked because nothing was goes back into doubt. Answers how many did.
pub(super) fn remember_shown(
    write: &Write<'_>,
    destination: DestinationId,
    pass: &Pass,
    now_ms: i64,
) -> Result<usize, JournalError> {
    let sql = write.sql();
    let mut insert = sql.prepare_cached("INSERT OR IGNORE INTO shown (destination, person) VALUES (?1, ?2)")?;
    let mut doubt = sql.prepare_cached(
        "UPDATE delivery SET state = 2, changed_ms = ?3, not_before_ms = ?3, batch = NULL, code = NULL, reason = NULL
          WHERE destination = ?1 AND state = 5 AND person = ?2 AND reason = ?4",
    )?;
    let mut again = 0;
    for row in &pass.rows {
        let covered = row.userid.as_ref().is_some_and(|userid| pass.covers(userid));
        if covered && insert.execute(params![destination, row.person])? > 0 {
            again += doubt.execute(params![destination, row.person, now_ms, Why::NotShown])?;
        }
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENT: Evidence = Evidence {
        finding: Finding::Absent,
        settled: true,
        covered: true,
        shown_before: true,
        shows_owed: true,
        anybody: true,
        invisible: false,
        refused: false,
    };

    #[test]
    fn the_table_of_looks_and_decisions() {
        let nothing_of_the_person = Evidence { covered: false, shown_before: false, ..ABSENT };
        let nothing_of_anybody = Evidence { shows_owed: false, anybody: false, ..nothing_of_the_person };
        let nothing_owed = Evidence { shows_owed: false, ..nothing_of_the_person };
        for (what, evidence, decision) in [
            ("seen", Evidence { finding: Finding::Present, settled: false, ..ABSENT }, Decision::Confirm),
            ("not seen, too early", Evidence { settled: false, ..ABSENT }, Decision::LookAgain),
            (
                "an answer with rows that cannot be read",
                Evidence { finding: Finding::Unclear, ..ABSENT },
                Decision::LookAgain,
            ),
            (
                "WeCom does not know the person",
                Evidence { finding: Finding::Stranger(60111), ..ABSENT },
                Decision::ParkStranger(60111),
            ),
            ("not seen, others of the person are", ABSENT, Decision::Absent),
            ("the same although one is invisible", Evidence { invisible: true, ..ABSENT }, Decision::Absent),
            ("seen before, now nothing", Evidence { covered: false, ..ABSENT }, Decision::Absent),
            (
                "seen before, now invisible",
                Evidence { covered: false, invisible: true, ..ABSENT },
                Decision::ParkNotShown,
            ),
            ("never seen, others owe punches", nothing_of_the_person, Decision::ParkNotShown),
            (
                "the same of a refused batch",
                Evidence { refused: true, ..nothing_of_the_person },
                Decision::ParkNotShown,
            ),
            ("never seen, others were", nothing_owed, Decision::ParkNotShown),
            ("the same of a refused batch", Evidence { refused: true, ..nothing_owed }, Decision::Absent),
            ("nothing of anybody", nothing_of_anybody, Decision::Absent),
        ] {
            assert_eq!(decide(evidence), decision, "{what}");
        }
    }
}
