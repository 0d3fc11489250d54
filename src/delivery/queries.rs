//! What people are shown of the deliveries: counts, and lists in pages.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::orders::{self, Paused};
use super::state::State;
use super::why::Why;
use crate::journal::{DeliveryId, DestinationId, JournalError, PersonId, Seq};

/// A destination in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// To be sent.
    pub waiting: u64,
    /// In a call at this moment.
    pub sending: u64,
    /// To be read back.
    pub in_doubt: u64,
    /// For a person to decide.
    pub parked: u64,
    /// Accepted, looked for, and not seen.
    pub invisible: u64,
    /// Since when the oldest undelivered punch has been under way, milliseconds.
    pub oldest_since_ms: Option<i64>,
    /// The time of the oldest waiting punch, seconds.
    pub oldest_waiting_s: Option<i64>,
    /// Who paused it and why.
    pub paused: Option<Paused>,
    /// While something hinders it: when the next try is due, milliseconds.
    pub next_try_ms: Option<i64>,
}

// A terminal that was offline brings old punches: they are under way since they came, or since they were understood. What was
// sent before keeps its age, however often it went to and fro. The first ones by punch time stand for all.
const OLDEST: &str = "SELECT min(since_ms) FROM (
    SELECT CASE WHEN d.attempts = 0 THEN d.changed_ms
                ELSE min(d.changed_ms, max(d.time_s * 1000, coalesce(r.wall_ms, 0))) END AS since_ms
      FROM (SELECT * FROM delivery WHERE destination = ?1 AND state = 0 ORDER BY time_s LIMIT 200) d
      LEFT JOIN reading r ON r.seq = d.seq
    UNION ALL
    SELECT min(d.changed_ms, max(d.time_s * 1000, coalesce(r.wall_ms, 0)))
      FROM (SELECT * FROM delivery WHERE destination = ?1 AND state IN (1, 2) LIMIT 200) d
      LEFT JOIN reading r ON r.seq = d.seq)";

/// Counts one destination's deliveries that are not finished; those that are finished are not touched.
pub fn summary(sql: &Connection, destination: DestinationId) -> Result<Summary, JournalError> {
    let count = |statement: &str| -> Result<u64, JournalError> {
        let count: i64 = sql.prepare_cached(statement)?.query_row([destination], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    };
    Ok(Summary {
        waiting: count("SELECT count(*) FROM delivery WHERE destination = ?1 AND state = 0")?,
        sending: count("SELECT count(*) FROM delivery WHERE destination = ?1 AND state IN (1, 2) AND state = 1")?,
        in_doubt: count("SELECT count(*) FROM delivery WHERE destination = ?1 AND state = 2")?,
        parked: count("SELECT count(*) FROM delivery WHERE destination = ?1 AND state = 5")?,
        invisible: count("SELECT count(*) FROM delivery WHERE destination = ?1 AND state = 3 AND reason IS NOT NULL")?,
        oldest_since_ms: sql.prepare_cached(OLDEST)?.query_row([destination], |row| row.get(0))?,
        oldest_waiting_s: sql
            .prepare_cached("SELECT min(time_s) FROM delivery WHERE destination = ?1 AND state = 0")?
            .query_row([destination], |row| row.get(0))?,
        paused: orders::paused(sql, destination)?,
        next_try_ms: sql
            .prepare_cached("SELECT next_try_ms FROM destination WHERE destination = ?1")?
            .query_row([destination], |row| row.get(0))
            .optional()?
            .flatten(),
    })
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this state only.
    pub state: Option<State>,
    /// To this destination only.
    pub destination: Option<DestinationId>,
    /// Of this person only.
    pub person: Option<PersonId>,
    /// Of those that are delivered, only the ones that were looked for and not seen.
    pub invisible: bool,
    /// After this one: the last of the page before.
    pub after: Option<DeliveryId>,
    /// How many; at most 1000.
    pub limit: usize,
}

/// The longest page.
const LONGEST_PAGE: usize = 1000;

/// A delivery as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed {
    /// Its number.
    pub delivery: DeliveryId,
    /// The destination's name.
    pub destination: String,
    /// The reading.
    pub seq: Seq,
    /// The device's name, where the reading is still there.
    pub device: Option<String>,
    /// The person's userid.
    pub userid: String,
    /// The person's name.
    pub person: String,
    /// The time of the punch, seconds.
    pub time_s: i64,
    /// The state's word.
    pub state: &'static str,
    /// How often it was sent.
    pub attempts: i64,
    /// Since when it is in this state, milliseconds.
    pub changed_ms: i64,
    /// When its next step is due, milliseconds.
    pub not_before_ms: Option<i64>,
    /// WeCom's code, where there is one.
    pub code: Option<i64>,
    /// What is wrong and what to do.
    pub text: Option<punchd_contract::Text>,
}

/// A page of deliveries, by their numbers.
pub fn list(sql: &Connection, filter: &Filter) -> Result<Vec<Listed>, JournalError> {
    let mut conditions = vec!["d.delivery > ?1"];
    if filter.destination.is_some() {
        conditions.push("d.destination = ?2");
    }
    if filter.person.is_some() {
        conditions.push("d.person = ?3");
    }
    // By number, so that the small states are found through their indexes.
    conditions.extend(filter.state.map(|state| match state {
        State::Waiting => "d.state = 0",
        State::Sending => "d.state IN (1, 2) AND d.state = 1",
        State::InDoubt => "d.state = 2",
        State::Delivered => "d.state = 3",
        State::Confirmed => "d.state = 4",
        State::Parked => "d.state = 5",
        State::Dropped => "d.state = 6",
    }));
    if filter.invisible {
        conditions.push("d.state = 3 AND d.reason IS NOT NULL");
    }
    let statement = format!(
        "SELECT d.delivery, o.name, d.seq, v.name, p.userid, p.name, d.time_s, d.state, d.attempts, d.changed_ms, d.not_before_ms,
                d.code, d.reason
           FROM delivery d JOIN destination o ON o.destination = d.destination JOIN person p ON p.person = d.person
           LEFT JOIN reading r ON r.seq = d.seq LEFT JOIN device v ON v.device = r.device
          WHERE {} AND (?2 IS NULL OR true) AND (?3 IS NULL OR true) ORDER BY d.delivery LIMIT ?4",
        conditions.join(" AND ")
    );
    let mut select = sql.prepare_cached(&statement)?;
    let after = filter.after.map_or(0, |after| after.0);
    let limit = filter.limit.clamp(1, LONGEST_PAGE) as i64;
    let rows = select.query_map(params![after, filter.destination, filter.person, limit], |row| {
        let code: Option<i64> = row.get(11)?;
        // A reason of another version of punchd is shown as no reason.
        let why: Option<Why> = row.get(12).unwrap_or_default();
        let not_before_ms: Option<i64> = row.get(10)?;
        Ok(Listed {
            delivery: row.get(0)?,
            destination: row.get(1)?,
            seq: row.get(2)?,
            device: row.get(3)?,
            userid: row.get(4)?,
            person: row.get(5)?,
            time_s: row.get(6)?,
            state: State::from_code(row.get(7)?).map_or("unknown", State::word),
            attempts: row.get(8)?,
            changed_ms: row.get(9)?,
            not_before_ms: not_before_ms.filter(|due| *due >= 0),
            code,
            text: why.map(|why| why.text(code)).or_else(|| code.map(crate::wecom::advice)),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
