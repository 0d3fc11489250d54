//! What a person decides about deliveries: retry, or drop with a reason. Both are logged with the name of who did it.

use rusqlite::{OptionalExtension, params};

use super::why::Why;
use crate::clock::UnixMillis;
use crate::journal::{DOUBT_BEFORE, DeliveryId, DestinationId, JournalError, Write};

/// Which deliveries a decision is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// These.
    These(Vec<DeliveryId>),
    /// Everything that is parked at this destination.
    AllParked(DestinationId),
}

/// How parked deliveries are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// What was refused is sent again; what may have arrived is read back first.
    Carefully,
    /// Everything is sent again, also what may have arrived: it may be there twice then.
    EvenTwice,
}

/// Deliveries that one decision may be about.
const AT_ONCE: usize = 10_000;

/// What became of the wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// So many were changed.
    pub changed: usize,
    /// So many are in a state in which this cannot be done, or do not exist.
    pub left: usize,
}

/// Gives parked deliveries another try. Wake delivery afterwards.
pub fn retry(
    write: &Write<'_>,
    chosen: &Chosen,
    how: Retry,
    by: &str,
    now: UnixMillis,
) -> Result<Decided, JournalError> {
    let sql = write.sql();
    // What WeCom refused when it stood alone is not there; anything else may be, so it is in doubt and settles anew. A journal
    // that was restored knows of a refusal, and not what was tried again since.
    let mut set = sql.prepare_cached(
        "UPDATE delivery SET state = CASE WHEN ?3 OR ((reason LIKE '{\"refused\"%' OR reason LIKE '{\"unsendable\"%')
                       AND changed_ms / 1000 >= coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?4), 0)) THEN 0 ELSE 2 END,
                changed_ms = ?2, not_before_ms = NULL, batch = NULL, code = NULL, reason = NULL
          WHERE delivery = ?1 AND state = 5",
    )?;
    let mut decided = Decided::default();
    for delivery in resolve(write, chosen)? {
        let changed = set.execute(params![delivery, now.0, how == Retry::EvenTwice, DOUBT_BEFORE])?;
        decided.changed += changed;
        decided.left += usize::from(changed == 0);
    }
    if decided.changed > 0 {
        let what = serde_json::json!({ "retry": { "even_twice": how == Retry::EvenTwice } });
        super::orders::note(write, &what, decided.changed, by, "", now)?;
    }
    tracing::info!(by, changed = decided.changed, left = decided.left, ?how, "parked deliveries are tried again");
    Ok(decided)
}

/// Drops deliveries that are parked or wait. They stay in the journal with the reason.
pub fn drop(
    write: &Write<'_>,
    chosen: &Chosen,
    reason: &str,
    by: &str,
    now: UnixMillis,
) -> Result<Decided, JournalError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(JournalError::Refused("a dropped punch needs a reason: say why it is not to be delivered".into()));
    }
    let why = Why::Dropped { by: by.to_owned(), reason: reason.chars().take(500).collect() };
    let mut set = write.sql().prepare_cached(
        "UPDATE delivery SET state = 6, changed_ms = ?2, not_before_ms = NULL, reason = ?3
          WHERE delivery = ?1 AND state IN (0, 5)",
    )?;
    let mut decided = Decided::default();
    for delivery in resolve(write, chosen)? {
        let changed = set.execute(params![delivery, now.0, why])?;
        decided.changed += changed;
        decided.left += usize::from(changed == 0);
        if changed > 0 {
            tracing::warn!(by, reason, %delivery, "a delivery was dropped");
        }
    }
    Ok(decided)
}

fn resolve(write: &Write<'_>, chosen: &Chosen) -> Result<Vec<DeliveryId>, JournalError> {
    let destination = match chosen {
        Chosen::These(deliveries) if deliveries.len() > AT_ONCE => {
            return Err(JournalError::Refused(format!("at most {AT_ONCE} deliveries at once: name fewer")));
        }
        Chosen::These(deliveries) => return Ok(deliveries.clone()),
        Chosen::AllParked(destination) => *destination,
    };
    let sql = write.sql();
    let known =
        sql.query_row("SELECT 1 FROM destination WHERE destination = ?1", [destination], |_| Ok(())).optional()?;
    if known.is_none() {
        return Err(JournalError::Refused(format!("there is no destination {destination}")));
    }
    let mut select = sql.prepare_cached(
        "SELECT delivery FROM delivery WHERE destination = ?1 AND state = 5 ORDER BY delivery LIMIT ?2",
    )?;
    let rows = select.query_map(params![destination, AT_ONCE as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
