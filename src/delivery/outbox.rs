//! The outbox: what leaves next, and what became of it. Every statement costs the same however long the backlog is.
//!
//! The statements name states by number, because a partial index is only used where its condition stands in the statement:
//! 0 waiting, 1 sending, 2 in doubt, 3 delivered, 4 confirmed, 5 parked, 6 dropped.

use std::collections::HashMap;

use punchd_contract::Text;
use rusqlite::{Connection, OptionalExtension, params};

use super::bisect::{self, READY};
use super::orders;
use super::outcome::After;
use super::place::Places;
use super::why::Why;
use crate::attendance::UserId;
use crate::journal::{DestinationId, DeviceId, JournalError, Write};
use crate::wecom::{CheckinRecord, UnixSeconds};

/// Waiting deliveries looked at in one go; where more are held up by others of their persons, the next go continues there.
const SCANNED: usize = 2000;

/// A place in the order in which punches leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub time_s: i64,
    pub delivery: i64,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self { time_s: i64::MIN, delivery: 0 };
}

/// What a call takes along; durably marked as *sending* when one has it.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub batch: i64,
    pub records: Vec<CheckinRecord>,
    pub first_time: bool,
    pub newest_s: i64,
}

/// What was found in the outbox.
#[derive(Debug)]
pub(super) struct Picked {
    pub load: Option<Load>,
    /// Where the next look goes on; `None`: the end was reached.
    pub next: Option<Position>,
}

/// What a call has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Where the look begins.
    pub from: Position,
    /// The latest punch that may leave, seconds.
    pub until_s: i64,
    pub limit: usize,
    /// The number of the call.
    pub batch: i64,
    pub now_ms: i64,
}

/// A delivery that is about to be sent.
struct Candidate {
    position: Position,
    person: i64,
    attempts: i64,
    userid: String,
    device: Option<DeviceId>,
}

const PICK: &str = "SELECT d.delivery, d.time_s, d.person, d.attempts, p.userid, r.device
   FROM delivery d JOIN person p ON p.person = d.person LEFT JOIN reading r ON r.seq = d.seq
  WHERE d.destination = ?1 AND d.state = 0 AND (d.time_s, d.delivery) > (?2, ?3) AND d.time_s <= ?4
  ORDER BY d.time_s, d.delivery LIMIT ?5";

const UNDER_WAY: &str =
    "SELECT 1 FROM delivery WHERE destination = ?1 AND state IN (1, 2) AND state = ?2 AND person = ?3 LIMIT 1";

/// Takes the oldest waiting punches, at most so many, none of a person who has one under way, and marks them as
/// *sending*. What cannot be made a record is parked.
pub(super) fn pick(
    write: &Write<'_>,
    destination: DestinationId,
    wanted: Wanted,
    places: &Places,
) -> Result<Picked, JournalError> {
    let Wanted { from, until_s, limit, batch, now_ms } = wanted;
    let sql = write.sql();
    let mut load = Load { batch, records: Vec::new(), first_time: true, newest_s: i64::MIN };
    let mut select = sql.prepare_cached(PICK)?;
    let mut under_way = sql.prepare_cached(UNDER_WAY)?;
    let mut mark = sql.prepare_cached(
        // Since when it waits stays: that is how old the delivery is.
        "UPDATE delivery SET state = 1, batch = ?2, attempts = attempts + 1, not_before_ms = NULL WHERE delivery = ?1 AND state = 0",
    )?;
    let mut held_up: HashMap<i64, bool> = HashMap::new();
    let mut scanned = 0;
    let mut last = from;
    let mut chosen = Vec::new();
    let mut rows = select.query(params![destination, from.time_s, from.delivery, until_s, SCANNED as i64])?;
    while chosen.len() < limit {
        let Some(row) = rows.next()? else { break };
        scanned += 1;
        let position = Position { delivery: row.get(0)?, time_s: row.get(1)? };
        last = position;
        let person: i64 = row.get(2)?;
        let held = match held_up.get(&person) {
            Some(held) => *held,
            None => {
                let mut held = false;
                for state in [1, 2] {
                    held |= under_way.exists(params![destination, state, person])?;
                }
                held_up.insert(person, held);
                held
            }
        };
        if !held {
            let candidate =
                Candidate { position, person, attempts: row.get(3)?, userid: row.get(4)?, device: row.get(5)? };
            chosen.push(candidate);
        }
    }
    drop(rows);
    let full = chosen.len() >= limit || scanned >= SCANNED;
    for candidate in chosen {
        match record(&candidate, places) {
            Ok(record) => {
                mark.execute(params![candidate.position.delivery, batch])?;
                load.first_time &= candidate.attempts == 0;
                load.newest_s = load.newest_s.max(candidate.position.time_s);
                load.records.push(record);
            }
            Err(what) => {
                tracing::warn!(person = candidate.person, what, "a punch is parked: no record can be made of it");
                park(sql, candidate.position.delivery, None, &Why::Unsendable { what }, now_ms)?;
            }
        }
    }
    Ok(Picked { load: (!load.records.is_empty()).then_some(load), next: full.then_some(last) })
}

fn record(candidate: &Candidate, places: &Places) -> Result<CheckinRecord, String> {
    let userid = UserId::new(candidate.userid.as_str()).map_err(|error| error.to_string())?;
    let time = UnixSeconds::new(candidate.position.time_s).map_err(|error| error.to_string())?;
    Ok(places.of(candidate.device).record(userid, time))
}

/// Marks a batch that was read back and halved as *sending*, as it stands.
pub(super) fn take_ready(
    write: &Write<'_>,
    destination: DestinationId,
    ready: i64,
    places: &Places,
) -> Result<Option<Load>, JournalError> {
    let sql = write.sql();
    let mut load = Load { batch: ready, records: Vec::new(), first_time: false, newest_s: i64::MIN };
    let mut select = sql.prepare_cached(
        "SELECT d.delivery, d.time_s, d.person, d.attempts, p.userid, r.device
           FROM delivery d JOIN person p ON p.person = d.person LEFT JOIN reading r ON r.seq = d.seq
          WHERE d.destination = ?1 AND d.state = 2 AND d.batch = ?2 AND d.not_before_ms = ?3 ORDER BY d.time_s, d.delivery",
    )?;
    let rows = select.query_map(params![destination, ready, READY], |row| {
        let position = Position { delivery: row.get(0)?, time_s: row.get(1)? };
        Ok(Candidate { position, person: row.get(2)?, attempts: row.get(3)?, userid: row.get(4)?, device: row.get(5)? })
    })?;
    let candidates: Vec<Candidate> = rows.collect::<Result<_, _>>()?;
    let mut mark = sql.prepare_cached(
        "UPDATE delivery SET state = 1, attempts = attempts + 1, not_before_ms = NULL WHERE delivery = ?1 AND state = 2",
    )?;
    for candidate in candidates {
        // They were sent before, so a record can be made of each.
        if let Ok(record) = record(&candidate, places) {
            mark.execute([candidate.position.delivery])?;
            load.newest_s = load.newest_s.max(candidate.position.time_s);
            load.records.push(record);
        }
    }
    Ok((!load.records.is_empty()).then_some(load))
}

/// What a batch leaves behind when its call is over.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub batch: i64,
    pub after: After,
    pub ended_ms: i64,
    /// When an accepted punch is first looked for.
    pub confirm_ms: Option<i64>,
    /// When a doubtful one is first looked for.
    pub look_ms: i64,
    /// What the operator is to be told, once.
    pub alarm: Option<Text>,
    /// When the next call is made, if something hinders it.
    pub next_try_ms: Option<i64>,
}

/// Writes down what became of a call. Records of a batch that is being halved keep its code until they have arrived.
pub(super) fn leave(write: &Write<'_>, destination: DestinationId, left: &Left) -> Result<usize, JournalError> {
    let sql = write.sql();
    let Left { batch, ended_ms, .. } = *left;
    orders::note_next_try(sql, destination, left.next_try_ms)?;
    if let Some(Text { en, zh }) = &left.alarm {
        sql.execute(
            "INSERT INTO alert (kind, en, zh, wall_ms, subject)
             VALUES ('other', ?1, ?2, ?3, (SELECT 'destination:' || name FROM destination WHERE destination = ?4))",
            params![en, zh, ended_ms, destination],
        )?;
    }
    Ok(match &left.after {
        After::Delivered => sql
            .prepare_cached(
                "UPDATE delivery SET state = 3, changed_ms = ?3, not_before_ms = ?4, code = NULL, reason = NULL
                  WHERE destination = ?1 AND state IN (1, 2) AND state = 1 AND batch = ?2",
            )?
            .execute(params![destination, batch, ended_ms, left.confirm_ms])?,
        After::Unsent => sql
            .prepare_cached(
                "UPDATE delivery SET attempts = attempts - 1, state = CASE WHEN code IS NULL THEN 0 ELSE 2 END,
                        batch = CASE WHEN code IS NULL THEN NULL ELSE batch END,
                        not_before_ms = CASE WHEN code IS NULL THEN NULL ELSE ?3 END
                  WHERE destination = ?1 AND state IN (1, 2) AND state = 1 AND batch = ?2",
            )?
            .execute(params![destination, batch, READY])?,
        After::InDoubt => doubt(sql, destination, batch, None, left)?,
        After::Refused(refusal) => doubt(sql, destination, batch, Some(refusal.code), left)?,
        After::Parked(refusal) => {
            let why = Why::Refused { message: refusal.message.clone() };
            sql.prepare_cached(
                "UPDATE delivery SET state = 5, changed_ms = ?3, not_before_ms = NULL, code = ?4, reason = ?5
                  WHERE destination = ?1 AND state IN (1, 2) AND state = 1 AND batch = ?2",
            )?
            .execute(params![destination, batch, ended_ms, refusal.code, why])?
        }
    })
}

fn doubt(
    sql: &Connection,
    destination: DestinationId,
    batch: i64,
    code: Option<i64>,
    left: &Left,
) -> Result<usize, JournalError> {
    Ok(sql
        .prepare_cached(
            "UPDATE delivery SET state = 2, changed_ms = ?3, not_before_ms = ?4, code = coalesce(?5, code)
              WHERE destination = ?1 AND state IN (1, 2) AND state = 1 AND batch = ?2",
        )?
        .execute(params![destination, batch, left.ended_ms, left.look_ms, code])?)
}

/// Puts a delivery before a person.
pub(super) fn park(
    sql: &Connection,
    delivery: i64,
    code: Option<i64>,
    why: &Why,
    now_ms: i64,
) -> Result<(), JournalError> {
    sql.prepare_cached(
        "UPDATE delivery SET state = 5, changed_ms = ?2, not_before_ms = NULL, code = coalesce(?3, code), reason = ?4
          WHERE delivery = ?1 AND state IN (0, 2)",
    )?
    .execute(params![delivery, now_ms, code, why])?;
    Ok(())
}

/// What a crash left: whatever was being sent is in doubt from now on. Answers how many, and the highest batch number in use.
pub(super) fn recover(
    write: &Write<'_>,
    destination: DestinationId,
    now_ms: i64,
) -> Result<(usize, i64), JournalError> {
    let sql = write.sql();
    let doubtful = sql.execute(
        "UPDATE delivery SET state = 2, changed_ms = ?2, not_before_ms = ?2 WHERE destination = ?1 AND state IN (1, 2) AND state = 1",
        params![destination, now_ms],
    )?;
    settle_anew(write, destination, now_ms, Step::Back)?;
    let highest =
        sql.query_row("SELECT max(batch) FROM delivery WHERE destination = ?1 AND state = 2", [destination], |row| {
            row.get::<_, Option<i64>>(0)
        })?;
    Ok((doubtful, highest.unwrap_or(0)))
}

/// Where the wall clock went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What lies in its future was written by a clock that was ahead.
    Back,
    /// What seems old may be new.
    Forward,
}

/// After a step of the wall clock, doubt settles anew from now on: how long it has settled cannot be said any more.
pub(super) fn settle_anew(
    write: &Write<'_>,
    destination: DestinationId,
    now_ms: i64,
    step: Step,
) -> Result<usize, JournalError> {
    let after = match step {
        Step::Back => now_ms,
        Step::Forward => i64::MIN,
    };
    Ok(write.sql().execute(
        "UPDATE delivery SET changed_ms = ?2, not_before_ms = ?2
          WHERE destination = ?1 AND state = 2 AND changed_ms > ?3 AND (not_before_ms IS NULL OR not_before_ms <> ?4)",
        params![destination, now_ms, after, READY],
    )?)
}

/// What there is to do, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outlook {
    /// The time of the oldest waiting punch, seconds.
    pub waiting_s: Option<i64>,
    /// A batch that is to be sent as it stands.
    pub ready: Option<i64>,
    /// When something in doubt is to be looked for.
    pub doubt_ms: Option<i64>,
    /// When something delivered is to be looked for.
    pub confirm_ms: Option<i64>,
    /// Whether a person wants nothing to be sent.
    pub paused: bool,
    /// How often a person wanted something to be tried at once.
    pub hurry: i64,
}

const OLDEST_WAITING: &str = "SELECT time_s FROM delivery WHERE destination = ?1 AND state = 0 ORDER BY time_s LIMIT 1";
const NEXT_CONFIRM: &str = "SELECT not_before_ms FROM delivery
  WHERE destination = ?1 AND state = 3 AND not_before_ms IS NOT NULL ORDER BY not_before_ms LIMIT 1";
const NEXT_DOUBT: &str = "SELECT not_before_ms FROM delivery
  WHERE destination = ?1 AND state = 2 AND not_before_ms >= 0 ORDER BY not_before_ms LIMIT 1";
const NEW_DOUBT: &str = "SELECT 0 FROM delivery WHERE destination = ?1 AND state = 2 AND not_before_ms IS NULL LIMIT 1";

/// Looks what there is to do.
pub(super) fn outlook(sql: &Connection, destination: DestinationId) -> Result<Outlook, JournalError> {
    let first = |statement: &str| -> Result<Option<i64>, JournalError> {
        Ok(sql.prepare_cached(statement)?.query_row([destination], |row| row.get(0)).optional()?)
    };
    let (paused, hurry) = sql
        .prepare_cached("SELECT paused IS NOT NULL, hurry FROM destination WHERE destination = ?1")?
        .query_row([destination], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or((false, 0));
    Ok(Outlook {
        paused,
        hurry,
        waiting_s: first(OLDEST_WAITING)?,
        ready: bisect::next_ready(sql, destination)?,
        doubt_ms: first(NEW_DOUBT)?.or(first(NEXT_DOUBT)?),
        confirm_ms: first(NEXT_CONFIRM)?,
    })
}

#[cfg(test)]
mod tests;
