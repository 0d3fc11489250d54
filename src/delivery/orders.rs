//! What people order of a whole destination: to pause, to go on, to try at once. A pause survives restarts; reading back what is in
//! doubt goes on during it, because it sends nothing.

use punchd_contract::Text;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;
use crate::journal::{DestinationId, JournalError, Write};

/// A destination is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who did it.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Since when, milliseconds.
    pub since_ms: i64,
}

impl Paused {
    /// For people.
    pub fn text(&self, destination: &str) -> Text {
        let Self { by, reason, .. } = self;
        Text::new(
            format!("Delivery is paused by {by} ({reason}): go on with `punchd deliveries resume {destination}`."),
            format!("上传已被 {by} 暂停（{reason}）：继续请运行 `punchd deliveries resume {destination}`。"),
        )
    }
}

/// What a person ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Send nothing until further notice.
    Pause,
    /// Send again.
    Resume,
    /// Try at once what waits for its next try.
    Hurry,
}

/// Carries out an order and writes down who gave it. `false`: it changed nothing. Wake delivery afterwards.
pub fn order(
    write: &Write<'_>,
    destination: DestinationId,
    order: Order,
    reason: &str,
    by: &str,
    now: UnixMillis,
) -> Result<bool, JournalError> {
    let sql = write.sql();
    let changed = match order {
        Order::Pause => {
            let reason = reason.trim();
            if reason.is_empty() {
                return Err(JournalError::Refused("say why: a pause is shown with its reason".into()));
            }
            let paused = Paused { by: by.to_owned(), reason: reason.chars().take(500).collect(), since_ms: now.0 };
            // Plain data of ours: it always becomes JSON.
            let paused = serde_json::to_string(&paused).unwrap_or_default();
            sql.execute(
                "UPDATE destination SET paused = ?2 WHERE destination = ?1 AND paused IS NULL",
                params![destination, paused],
            )?
        }
        Order::Resume => sql.execute(
            "UPDATE destination SET paused = NULL WHERE destination = ?1 AND paused IS NOT NULL",
            [destination],
        )?,
        Order::Hurry => {
            sql.execute("UPDATE destination SET hurry = hurry + 1 WHERE destination = ?1", [destination])?
        }
    };
    if changed > 0 {
        tracing::info!(%destination, ?order, by, reason, "an order about a destination");
        let what = serde_json::json!({ "order": order, "destination": destination });
        note(write, &what, changed, by, reason, now)?;
    }
    Ok(changed > 0)
}

/// Writes down what a person decided about many deliveries or a destination.
pub(super) fn note(
    write: &Write<'_>,
    what: &serde_json::Value,
    changed: usize,
    by: &str,
    reason: &str,
    now: UnixMillis,
) -> Result<(), JournalError> {
    write.sql().execute(
        "INSERT INTO delivery_decision (what, changed, decided_by, reason, wall_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![what.to_string(), changed as i64, by, reason, now.0],
    )?;
    Ok(())
}

/// Whether and why a destination is paused.
pub(super) fn paused(sql: &Connection, destination: DestinationId) -> Result<Option<Paused>, JournalError> {
    let mut select = sql.prepare_cached("SELECT paused FROM destination WHERE destination = ?1")?;
    let paused: Option<Option<String>> = select.query_row([destination], |row| row.get(0)).optional()?;
    Ok(paused.flatten().map(|json| {
        // Of another version's words at least the fact is kept.
        serde_json::from_str(&json).unwrap_or(Paused { by: "?".into(), reason: "?".into(), since_ms: 0 })
    }))
}

/// Notes when a destination that is hindered tries again.
pub(super) fn note_next_try(
    sql: &Connection,
    destination: DestinationId,
    next_ms: Option<i64>,
) -> Result<(), JournalError> {
    sql.prepare_cached("UPDATE destination SET next_try_ms = ?2 WHERE destination = ?1 AND next_try_ms IS NOT ?2")?
        .execute(params![destination, next_ms])?;
    Ok(())
}
