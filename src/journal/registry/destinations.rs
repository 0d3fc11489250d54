//! Destinations: known by kind, by what they lead to, and by whose punches they carry.
//!
//! One that is renamed goes on where it was. The same name with another corp is another destination. What is new in a journal
//! that holds punches already gets none of them unless the setting `history` says so, because they were most likely sent by
//! other means, or were never meant for it. One that comes back after it was not configured for a while gets what was recorded
//! while it was configured, however late that is judged, and nothing of the time between. The first destinations of an empty
//! journal are there from the first reading on and get everything.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::history::{History, TAKES};
use super::{DestinationEntry, Registry, organisation, renamed_from};
use crate::journal::{CONCLUSIONS_OWED, DOUBT_BEFORE, DestinationId, JournalError, OrganisationId};

/// What a destination of the configuration is to the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Known by this name.
    Same,
    /// Known by another.
    Renamed {
        /// That one.
        from: String,
    },
    /// Known, and not configured at last.
    Returning,
    /// Never seen.
    New,
}

/// What would go to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Its name.
    pub name: String,
    /// What it is to the journal.
    pub standing: Standing,
    /// Punches of the past that would go there: how many, and the time of the oldest in seconds.
    pub goes: (u64, Option<i64>),
    /// Punches of the past that would not.
    pub stays: (u64, Option<i64>),
}

/// Those that are configured so far.
pub(super) fn active(sql: &Connection) -> Result<HashSet<i64>, JournalError> {
    let mut select = sql.prepare("SELECT destination FROM destination WHERE active = 1")?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

struct Known {
    id: DestinationId,
    name: String,
    history: String,
    from_s: Option<i64>,
}

fn known(sql: &Connection, entry: &DestinationEntry, owner: OrganisationId) -> Result<Option<Known>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT destination, name, history, from_s FROM destination WHERE kind = ?1 AND identity = ?2 AND organisation = ?3",
    )?;
    Ok(select
        .query_row((&entry.kind, &entry.identity, owner), |row| {
            Ok(Known { id: row.get(0)?, name: row.get(1)?, history: row.get(2)?, from_s: row.get(3)? })
        })
        .optional()?)
}

/// The number of the next reading.
pub(super) fn next_seq(sql: &Connection) -> Result<i64, JournalError> {
    Ok(sql.query_row(
        "SELECT max(coalesce((SELECT max(seq) FROM reading), 0), coalesce((SELECT max(next_seq) - 1 FROM cut), 0)) + 1",
        [],
        |row| row.get(0),
    )?)
}

/// Waiting; or in doubt where the journal may not know all that was sent.
const STATE_OF_PAST: &str =
    "CASE WHEN v.time_s < (SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?3) THEN 2 ELSE 0 END";

/// From which reading on a destination that is new here gets what is recorded. After a salvage it may have been lost with the rest:
/// then it gets everything, in doubt.
fn first_seq_of_new(sql: &Connection) -> Result<i64, JournalError> {
    let salvaged = sql.prepare("SELECT 1 FROM meta WHERE key = ?1")?.exists([CONCLUSIONS_OWED])?;
    if salvaged { Ok(0) } else { next_seq(sql) }
}

pub(super) fn register(
    transaction: &Transaction<'_>,
    entry: &DestinationEntry,
    owner: OrganisationId,
    before: &HashSet<i64>,
    now_ms: i64,
) -> Result<(), JournalError> {
    let (history, from_s) = (entry.history.word(), entry.history.first_s());
    let id = match known(transaction, entry, owner)? {
        Some(known) => {
            let returning = !before.contains(&known.id.0);
            if known.name != entry.name {
                tracing::info!(destination = entry.name, before = known.name, "a destination has another name now");
            }
            transaction.execute(
                "UPDATE destination SET name = ?2, active = 1, history = ?3, from_s = ?4 WHERE destination = ?1",
                (known.id, &entry.name, history, from_s),
            )?;
            come_back(transaction, known.id)?;
            if !returning && known.history == history && known.from_s == from_s {
                return Ok(());
            }
            known.id
        }
        None => {
            transaction.execute(
                "INSERT INTO destination (name, kind, identity, organisation, active, history, first_seq, from_s)
                   VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7)",
                (&entry.name, &entry.kind, &entry.identity, owner, history, first_seq_of_new(transaction)?, from_s),
            )?;
            DestinationId(transaction.last_insert_rowid())
        }
    };
    // Where nothing of the past goes there, this is what was judged while it was not configured.
    let added = transaction.execute(
        &format!(
            "INSERT OR IGNORE INTO delivery (destination, seq, person, time_s, state, changed_ms)
             SELECT d.destination, v.seq, v.person, v.time_s, {STATE_OF_PAST}, ?2
               FROM verdict v JOIN destination d ON d.destination = ?1
              WHERE v.organisation = d.organisation AND v.outcome = 0 AND {TAKES} ORDER BY v.time_s"
        ),
        (id, now_ms, DOUBT_BEFORE),
    )?;
    if added > 0 {
        tracing::info!(destination = entry.name, punches = added, "punches of the past go to a destination");
    }
    Ok(())
}

/// Notes since which reading a destination is not configured any more.
pub(super) fn leave(transaction: &Transaction<'_>) -> Result<(), JournalError> {
    transaction.execute(
        "UPDATE destination SET left_seq = ?1 WHERE active = 0 AND left_seq IS NULL",
        [next_seq(transaction)?],
    )?;
    Ok(())
}

/// Closes the gap of one that is configured again.
fn come_back(transaction: &Transaction<'_>, destination: DestinationId) -> Result<(), JournalError> {
    let next = next_seq(transaction)?;
    transaction.execute(
        "UPDATE destination SET gaps = CASE WHEN left_seq < ?2 THEN json_insert(gaps, '$[#]', json_array(left_seq, ?2)) ELSE gaps END,
                left_seq = NULL
          WHERE destination = ?1 AND left_seq IS NOT NULL",
        (destination, next),
    )?;
    Ok(())
}

/// What registering this would have for a consequence. Looks at every punch; changes nothing.
pub fn outlook(sql: &Connection, registry: &Registry) -> Result<Vec<Outlook>, JournalError> {
    let active = active(sql)?;
    let mut all = Vec::new();
    for entry in &registry.destinations {
        let owner = match organisation(sql, &entry.organisation)? {
            Some(owner) => Some(owner),
            None => renamed_from(sql, registry, &entry.organisation)?.map(|(owner, _)| owner),
        };
        let known = owner.map(|owner| known(sql, entry, owner)).transpose()?.flatten();
        let standing = match &known {
            None => Standing::New,
            Some(known) if !active.contains(&known.id.0) => Standing::Returning,
            Some(known) if known.name != entry.name => Standing::Renamed { from: known.name.clone() },
            Some(_) => Standing::Same,
        };
        let (goes, stays) = match owner {
            Some(owner) => past(sql, entry.history, owner, known.as_ref().map(|known| known.id))?,
            None => ((0, None), (0, None)),
        };
        all.push(Outlook { name: entry.name.clone(), standing, goes, stays });
    }
    Ok(all)
}

type Counted = (u64, Option<i64>);

/// Punches of an organisation that have no delivery there.
fn past(
    sql: &Connection,
    history: History,
    owner: OrganisationId,
    destination: Option<DestinationId>,
) -> Result<(Counted, Counted), JournalError> {
    let from_s = match history {
        History::All => Some(i64::MIN),
        History::From(second) => Some(second),
        History::None => None,
    };
    let count = |condition: &str| -> Result<Counted, JournalError> {
        let mut select = sql.prepare_cached(&format!(
            "SELECT count(*), min(v.time_s) FROM verdict v WHERE v.organisation = ?1 AND v.outcome = 0
                AND NOT EXISTS (SELECT 1 FROM delivery x WHERE x.destination = ?2 AND x.seq = v.seq) AND {condition}"
        ))?;
        let (n, oldest): (i64, Option<i64>) =
            select.query_row((owner, destination, from_s), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((n.unsigned_abs(), oldest))
    };
    Ok((count("v.time_s >= ?3")?, count("(?3 IS NULL OR v.time_s < ?3)")?))
}
