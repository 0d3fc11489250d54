//! Who is served and by what, as the configuration says, put into the journal so that it explains itself.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::error::JournalError;
use super::ids::{DestinationId, DeviceId, OrganisationId};

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
}

/// A destination as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationEntry {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Whose punches go there.
    pub organisation: String,
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

/// Puts the configuration into the journal. What is no longer configured stays, marked inactive: its readings and deliveries
/// are evidence. A destination that is new gets every punch that the journal holds for its organisation.
pub(super) fn register(connection: &mut Connection, registry: &Registry, now_ms: i64) -> Result<(), JournalError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
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
        transaction
            .query_row("SELECT organisation FROM organisation WHERE name = ?1", [name], |row| row.get(0))
            .optional()?
            .ok_or_else(|| JournalError::Refused(format!("no organisation {name:?} is configured")))
    };
    for device in &registry.devices {
        let id: DeviceId = transaction.query_row(
            "INSERT INTO device (name, kind, settings, active) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (name) DO UPDATE SET kind = ?2, settings = ?3, active = 1 RETURNING device",
            (&device.name, &device.kind, &device.settings),
            |row| row.get(0),
        )?;
        for name in &device.organisations {
            transaction
                .execute("INSERT OR IGNORE INTO device_organisation VALUES (?1, ?2)", (id, organisation(name)?))?;
        }
    }
    for destination in &registry.destinations {
        let owner = organisation(&destination.organisation)?;
        let known: Option<DestinationId> = transaction
            .query_row("SELECT destination FROM destination WHERE name = ?1", [&destination.name], |row| row.get(0))
            .optional()?;
        match known {
            Some(id) => {
                transaction.execute(
                    "UPDATE destination SET kind = ?2, organisation = ?3, active = 1 WHERE destination = ?1",
                    (id, &destination.kind, owner),
                )?;
            }
            None => {
                transaction.execute(
                    "INSERT INTO destination (name, kind, organisation, active) VALUES (?1, ?2, ?3, 1)",
                    (&destination.name, &destination.kind, owner),
                )?;
                let id = transaction.last_insert_rowid();
                transaction.execute(
                    "INSERT INTO delivery (destination, seq, person, time_s, state, changed_ms)
                     SELECT ?1, seq, person, time_s, 0, ?3 FROM verdict WHERE organisation = ?2 AND outcome = 0 ORDER BY time_s",
                    (id, owner, now_ms),
                )?;
            }
        }
    }
    transaction.commit()?;
    Ok(())
}
