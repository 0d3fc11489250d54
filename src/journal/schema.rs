//! The schema and its migrations: numbered steps, each in one transaction, `user_version` tells which are done.

use rusqlite::Connection;

use super::JournalError;

/// In order; a step is never changed once released.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_journal.sql"),
    include_str!("migrations/0002_delivery.sql"),
    include_str!("migrations/0003_fingers.sql"),
    include_str!("migrations/0004_clock.sql"),
];

/// "PNCH": marks the file as a journal of punchd's.
const APPLICATION_ID: i64 = 0x504E_4348;

/// Brings the file up to the newest step.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), JournalError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = STEPS.len() as i64;
    if found > known {
        return Err(JournalError::Newer { found, known });
    }
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found > 0 && application != APPLICATION_ID {
        return Err(JournalError::Damaged(format!("application id {application:#x} is not a journal's")));
    }
    for (step, sql) in (1..).zip(STEPS).skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", step)?;
        transaction.commit()?;
    }
    Ok(())
}
