//! The account at the end: what the terminals hold, what the journal says of it, and what arrived.

use std::path::Path;

use punchd_sim::account::Account as Arrived;
use punchd_sim::site::Site;
use rusqlite::Connection;

use crate::journal::{JournalError, Options};

/// What the journal says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Journalled {
    pub readings: i64,
    pub merged: i64,
    pub unknown: i64,
    pub held: i64,
    pub waiting: i64,
    pub delivered: i64,
}

/// The whole account.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub journalled: Journalled,
    /// Records on the terminals, and what people at readers saw taken.
    pub owed: usize,
    /// The same with what they presented and saw nothing for.
    pub presented: usize,
    pub arrived: Arrived,
}

impl Account {
    /// What is owed and not in the journal, and readings that no arrived record covers.
    pub fn lost(&self) -> usize {
        let missing = i64::try_from(self.owed).unwrap_or(i64::MAX).saturating_sub(self.journalled.readings).max(0);
        self.arrived.lost.len().max(missing.unsigned_abs() as usize)
    }

    /// Records that the journal or WeCom has more than once.
    pub fn twice(&self) -> usize {
        let surplus = self.journalled.readings.saturating_sub(i64::try_from(self.presented).unwrap_or(i64::MAX)).max(0);
        self.arrived.twice.len() + self.arrived.invented.len() + surplus.unsigned_abs() as usize
    }

    /// Whether nothing was lost and nothing is there twice.
    pub fn is_right(&self) -> bool {
        self.lost() == 0 && self.twice() == 0
    }
}

/// Draws the account now.
pub(super) async fn draw(site: &Site, folder: &Path) -> Account {
    let data = folder.join("data");
    // The journal first: what a terminal takes meanwhile is missing in it, not the other way round.
    let journalled = tokio::task::spawn_blocking(move || journalled(&Options::in_folder(data))).await;
    let readings = site.readings();
    Account {
        journalled: journalled.ok().and_then(Result::ok).unwrap_or_default(),
        owed: readings.iter().filter(|reading| reading.owed).count(),
        presented: readings.len(),
        arrived: site.account(),
    }
}

fn journalled(options: &Options) -> Result<Journalled, JournalError> {
    let sql = options.read_only()?;
    let count = |sql: &Connection, query: &str| -> Result<i64, JournalError> {
        Ok(sql.query_row(query, [], |row| row.get(0))?)
    };
    Ok(Journalled {
        readings: count(&sql, "SELECT count(*) FROM reading")?,
        merged: count(&sql, "SELECT count(*) FROM verdict WHERE outcome = 1")?,
        unknown: count(&sql, "SELECT count(*) FROM verdict WHERE outcome = 2")?,
        held: count(&sql, "SELECT count(*) FROM verdict WHERE outcome = 3")?,
        waiting: count(&sql, "SELECT count(*) FROM delivery WHERE state IN (0, 1, 2)")?,
        delivered: count(&sql, "SELECT count(*) FROM delivery WHERE state IN (3, 4)")?,
    })
}
