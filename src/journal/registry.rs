//! Who is served and by what, as the configuration says, put into the journal so that it explains itself.
//!
//! What is no longer configured stays, marked inactive: its readings and deliveries are evidence. A device is known by its name,
//! or, where the name is new, by its serial number, address or port; a destination by what it leads to (`destinations`); an
//! organisation by its name, or, where the name is new, by the destination that it had before.

mod destinations;
mod history;

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::error::JournalError;
use super::ids::{DeviceId, OrganisationId};
use crate::clock::Stamp;

pub use destinations::{Outlook, Standing, outlook};
pub use history::{History, TAKES, Takes};

/// How well the time must be known to say on which day a device was first seen.
pub(super) const DAY_WITHIN: Duration = Duration::from_secs(3600);

/// An organisation as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganisationEntry {
    /// Its name.
    pub name: String,
    /// Its merge window in seconds.
    pub merge_window_s: i64,
}

/// A device as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What attendance and delivery need of its configuration, as JSON.
    pub settings: String,
    /// Whom it serves.
    pub organisations: Vec<String>,
    /// By what the configuration finds it: its serial number, address or port.
    pub identity: Option<String>,
}

/// A destination as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationEntry {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What it leads to: of WeCom, the corp.
    pub identity: String,
    /// Whose punches go there.
    pub organisation: String,
    /// Which of the punches that are there already go there.
    pub history: History,
}

/// Everything that is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// Organisations.
    pub organisations: Vec<OrganisationEntry>,
    /// Devices.
    pub devices: Vec<DeviceEntry>,
    /// Destinations.
    pub destinations: Vec<DestinationEntry>,
}

/// Puts the configuration into the journal.
pub(super) fn register(connection: &mut Connection, registry: &Registry, now: &Stamp) -> Result<(), JournalError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    rename_organisations(&transaction, registry)?;
    let before = destinations::active(&transaction)?;
    let served = served(&transaction)?;
    transaction.execute_batch(
        "UPDATE organisation SET active = 0; UPDATE device SET active = 0; UPDATE destination SET active = 0;
         DELETE FROM device_organisation;",
    )?;
    for organisation in &registry.organisations {
        transaction.execute(
            "INSERT INTO organisation (name, merge_window_s, active) VALUES (?1, ?2, 1)
             ON CONFLICT (name) DO UPDATE SET merge_window_s = ?2, active = 1",
            (&organisation.name, organisation.merge_window_s),
        )?;
    }
    let organisation = |name: &str| -> Result<OrganisationId, JournalError> {
        organisation(&transaction, name)?
            .ok_or_else(|| JournalError::Refused(format!("no organisation {name:?} is configured")))
    };
    let seen_ms = now.trusted(DAY_WITHIN).then_some(now.wall.0);
    for device in &registry.devices {
        rename_device(&transaction, registry, device)?;
        let id: DeviceId = transaction.query_row(
            "INSERT INTO device (name, kind, settings, active, identity, first_seen_ms, first_boot, first_boottime_ns)
               VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)
             ON CONFLICT (name) DO UPDATE SET kind = ?2, settings = ?3, active = 1, identity = ?4 RETURNING device",
            (&device.name, &device.kind, &device.settings, &device.identity, seen_ms, &now.boot.0, now.boottime.0),
            |row| row.get(0),
        )?;
        for name in &device.organisations {
            let organisation = organisation(name)?;
            let first_seq = match served.get(&(id, organisation)) {
                Some(first_seq) => *first_seq,
                None => destinations::next_seq(&transaction)?,
            };
            transaction.execute(
                "INSERT OR IGNORE INTO device_organisation VALUES (?1, ?2, ?3)",
                (id, organisation, first_seq),
            )?;
        }
    }
    for destination in &registry.destinations {
        let owner = organisation(&destination.organisation)?;
        destinations::register(&transaction, destination, owner, &before, now.wall.0)?;
    }
    destinations::leave(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// From which reading on each device serves whom, so far.
fn served(sql: &Connection) -> Result<HashMap<(DeviceId, OrganisationId), i64>, JournalError> {
    let mut select = sql.prepare("SELECT device, organisation, first_seq FROM device_organisation")?;
    let rows = select.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn organisation(sql: &Connection, name: &str) -> Result<Option<OrganisationId>, JournalError> {
    Ok(sql.query_row("SELECT organisation FROM organisation WHERE name = ?1", [name], |row| row.get(0)).optional()?)
}

/// An organisation whose name is new, and whose destination belonged to one that is not configured any more, is that one: its
/// people and what waits stay its own.
fn rename_organisations(transaction: &Transaction<'_>, registry: &Registry) -> Result<(), JournalError> {
    for entry in &registry.organisations {
        if organisation(transaction, &entry.name)?.is_none()
            && let Some((id, before)) = renamed_from(transaction, registry, &entry.name)?
        {
            transaction.execute("UPDATE organisation SET name = ?2 WHERE organisation = ?1", (id, &entry.name))?;
            tracing::info!(organisation = entry.name, before, "an organisation has another name now");
        }
    }
    Ok(())
}

/// Which organisation of the journal this one was before.
pub(super) fn renamed_from(
    sql: &Connection,
    registry: &Registry,
    name: &str,
) -> Result<Option<(OrganisationId, String)>, JournalError> {
    for destination in registry.destinations.iter().filter(|destination| destination.organisation == name) {
        let mut owners = sql.prepare_cached(
            "SELECT o.organisation, o.name FROM destination d JOIN organisation o USING (organisation)
              WHERE d.kind = ?1 AND d.identity = ?2 AND d.identity <> '' AND o.active = 1",
        )?;
        let owners: Vec<(OrganisationId, String)> = owners
            .query_map((&destination.kind, &destination.identity), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let gone = owners.into_iter().find(|(_, old)| registry.organisations.iter().all(|known| known.name != *old));
        if gone.is_some() {
            return Ok(gone);
        }
    }
    Ok(None)
}

/// A block whose name is new, for a device that was known by a name which is not configured any more.
fn rename_device(transaction: &Transaction<'_>, registry: &Registry, device: &DeviceEntry) -> Result<(), JournalError> {
    let Some(identity) = &device.identity else { return Ok(()) };
    let known = transaction.prepare_cached("SELECT 1 FROM device WHERE name = ?1")?.exists([&device.name])?;
    if known {
        return Ok(());
    }
    let mut same = transaction.prepare_cached(
        "SELECT device, name FROM device WHERE kind = ?1 AND (identity = ?2 OR serial = ?2) ORDER BY device DESC",
    )?;
    let same: Vec<(DeviceId, String)> =
        same.query_map((&device.kind, identity), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    if let Some((id, before)) =
        same.into_iter().find(|(_, old)| registry.devices.iter().all(|configured| configured.name != *old))
    {
        transaction.execute("UPDATE device SET name = ?2 WHERE device = ?1", (id, &device.name))?;
        tracing::info!(device = device.name, before, "a device has another name now");
    }
    Ok(())
}
