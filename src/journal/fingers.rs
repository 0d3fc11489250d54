//! Fingers in the journal: what modules hold, who was enrolled, and the sealed templates that equal modules share.
//!
//! A template is there for as long as its person works here and some module may need it; then it is emptied
//! (DESIGN §2 law 8). It leaves this file unsealed only towards a module.

use punchd_contract::{FingerModule, FingerName, StoredFinger, Template};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::error::JournalError;
use super::ids::{DeviceId, EnrolmentId, OrganisationId, PersonId};
use super::writer::Write;
use crate::clock::UnixMillis;

/// A finger as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerRow {
    /// Its name.
    pub name: String,
    /// The device whose module holds it.
    pub device: String,
    /// Whether that module still holds it.
    pub present: bool,
    /// Whose it is; `None`: nobody knows.
    pub userid: Option<String>,
    /// The person's name.
    pub person: Option<String>,
    /// The person's organisation.
    pub organisation: Option<String>,
}

/// A finger that a module should hold and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Whose module.
    pub device: DeviceId,
    /// Which enrolment.
    pub enrolment: EnrolmentId,
}

/// A finger that a module holds and should not: it was withdrawn, or its person has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Whose module.
    pub device: DeviceId,
    /// Which.
    pub finger: FingerName,
}

impl Write<'_> {
    /// Takes note of what a module holds.
    pub(super) fn finger_module(&self, device: DeviceId, holds: &FingerModule) -> Result<(), JournalError> {
        let sql = self.sql();
        sql.prepare_cached(
            "INSERT INTO finger_module VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (device) DO UPDATE SET module = ?2, model = ?3, capacity = ?4",
        )?
        .execute((device, &holds.module, &holds.model, holds.capacity))?;
        sql.prepare_cached("UPDATE finger SET present = 0 WHERE device = ?1")?.execute([device])?;
        for FingerName(name) in holds.fingers.iter().chain(&holds.foreign) {
            sql.prepare_cached(
                "INSERT INTO finger VALUES (?1, ?2, ?3, NULL, 1)
                   ON CONFLICT (name) DO UPDATE SET device = ?2, module = ?3, present = 1",
            )?
            .execute((name, device, &holds.module))?;
        }
        Ok(())
    }

    /// Writes down that a person gave a finger, and that the module holds it.
    pub fn enrol_finger(
        &self,
        device: DeviceId,
        person: PersonId,
        stored: &StoredFinger,
        by: &str,
        now: UnixMillis,
    ) -> Result<(), JournalError> {
        let (model, template) = match &stored.template {
            Some(Template { model, bytes }) => {
                (model.as_str(), Some(self.key.seal(bytes).map_err(|error| JournalError::Refused(error.to_string()))?))
            }
            None => ("", None),
        };
        let enrolment = EnrolmentId(
            self.sql()
                .prepare_cached(
                    "INSERT INTO enrolment (person, device, model, template, enrolled_by, wall_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .insert((person, device, model, template, by, now.0))?,
        );
        self.finger_of(device, enrolment, &stored.name)
    }

    /// Writes down that a module holds a finger of this enrolment under this name.
    pub fn finger_of(&self, device: DeviceId, enrolment: EnrolmentId, name: &FingerName) -> Result<(), JournalError> {
        let sql = self.sql();
        sql.prepare_cached(
            "INSERT INTO finger SELECT ?1, ?2, coalesce((SELECT module FROM finger_module WHERE device = ?2), ''), ?3, 1
               WHERE true ON CONFLICT (name) DO UPDATE SET enrolment = ?3, present = 1",
        )?
        .execute((&name.0, device, enrolment))?;
        let person =
            sql.query_row("SELECT person FROM enrolment WHERE enrolment = ?1", [enrolment], |row| row.get(0))?;
        self.assign_finger(name, person)
    }

    /// From now on readings of this finger are the person's.
    pub fn assign_finger(&self, name: &FingerName, person: PersonId) -> Result<(), JournalError> {
        self.sql()
            .prepare_cached(
                "INSERT OR REPLACE INTO credential (organisation, kind, value, person) SELECT organisation, 'finger', ?1, person FROM person WHERE person = ?2",
            )?
            .execute((&name.0, person))?;
        Ok(())
    }

    /// The template of an enrolment, unsealed, for a module. `None` where it was emptied.
    pub fn template(&self, enrolment: EnrolmentId) -> Result<Option<Template>, JournalError> {
        let sealed: Option<(String, Option<Vec<u8>>)> = self
            .sql()
            .query_row("SELECT model, template FROM enrolment WHERE enrolment = ?1", [enrolment], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(sealed.and_then(|(model, sealed)| Some(Template { model, bytes: self.unseal(&sealed?)? })))
    }

    /// The module no longer holds this finger. What its readings were stays as it is.
    pub fn finger_removed(&self, name: &FingerName) -> Result<(), JournalError> {
        self.sql().execute("UPDATE finger SET present = 0 WHERE name = ?1", [&name.0])?;
        Ok(())
    }

    /// The enrolment of this finger serves nobody any more: its names stand for nobody from now on, its template is emptied, and no
    /// module is to hold it. Answers `false` for a finger that was not enrolled here.
    pub fn withdraw_finger(&self, name: &FingerName) -> Result<bool, JournalError> {
        let sql = self.sql();
        let enrolment: Option<EnrolmentId> = sql
            .query_row("SELECT enrolment FROM finger WHERE name = ?1", [&name.0], |row| row.get(0))
            .optional()?
            .flatten();
        sql.execute(
            "DELETE FROM credential WHERE kind = 'finger' AND
               (value = ?1 OR value IN (SELECT name FROM finger WHERE enrolment = ?2))",
            (&name.0, enrolment),
        )?;
        let withdrawn =
            sql.execute("UPDATE enrolment SET withdrawn = 1, template = NULL WHERE enrolment = ?1", [enrolment])?;
        Ok(withdrawn > 0)
    }

    /// Empties the templates of everybody who left before `today`, and of enrolments that no module holds any more. Answers how
    /// many.
    pub fn empty_templates(&self, today: &str) -> Result<usize, JournalError> {
        Ok(self.sql().execute(
            "UPDATE enrolment SET template = NULL WHERE template IS NOT NULL AND
               (person IN (SELECT person FROM person WHERE left_on < ?1)
                OR NOT EXISTS (SELECT 1 FROM finger WHERE finger.enrolment = enrolment.enrolment AND present = 1))",
            [today],
        )?)
    }
}

/// Every finger that there is or was, by device and name.
pub fn fingers(sql: &Connection) -> Result<Vec<FingerRow>, JournalError> {
    let mut select = sql.prepare(
        "SELECT f.name, d.name, f.present, p.userid, p.name, o.name FROM finger f JOIN device d USING (device)
           LEFT JOIN credential c ON c.kind = 'finger' AND c.value = f.name
           LEFT JOIN person p ON p.person = c.person LEFT JOIN organisation o ON o.organisation = c.organisation
          ORDER BY d.name, f.name",
    )?;
    let row = |row: &Row<'_>| {
        Ok(FingerRow {
            name: row.get(0)?,
            device: row.get(1)?,
            present: row.get(2)?,
            userid: row.get(3)?,
            person: row.get(4)?,
            organisation: row.get(5)?,
        })
    };
    Ok(select.query_map([], row)?.collect::<Result<_, _>>()?)
}

/// What modules of equal model should hold and do not: every enrolment of people of the organisations that the device serves,
/// who have not left before `today`.
pub fn missing_fingers(sql: &Connection, today: &str) -> Result<Vec<Missing>, JournalError> {
    let mut select = sql.prepare(
        "SELECT m.device, e.enrolment FROM enrolment e JOIN person p USING (person)
           JOIN finger_module m ON m.model = e.model AND e.model <> ''
           JOIN device d ON d.device = m.device AND d.active = 1
           JOIN device_organisation o ON o.device = m.device AND o.organisation = p.organisation
          WHERE e.template IS NOT NULL AND e.withdrawn = 0 AND (p.left_on IS NULL OR p.left_on >= ?1)
            AND NOT EXISTS (SELECT 1 FROM finger f WHERE f.enrolment = e.enrolment AND f.module = m.module AND f.present = 1)
            AND EXISTS (SELECT 1 FROM finger f WHERE f.enrolment = e.enrolment AND f.present = 1)
          ORDER BY m.device, e.enrolment",
    )?;
    let row = |row: &Row<'_>| Ok(Missing { device: row.get(0)?, enrolment: row.get(1)? });
    Ok(select.query_map([today], row)?.collect::<Result<_, _>>()?)
}

/// Fingers that were withdrawn and those of people who left before `today`, in modules that may hold them.
pub fn leftover_fingers(sql: &Connection, today: &str) -> Result<Vec<Leftover>, JournalError> {
    let mut select = sql.prepare(
        "SELECT f.device, f.name FROM finger f JOIN device d ON d.device = f.device AND d.active = 1
           LEFT JOIN enrolment e USING (enrolment)
           LEFT JOIN credential c ON c.kind = 'finger' AND c.value = f.name LEFT JOIN person p ON p.person = c.person
          WHERE f.present = 1 AND (p.left_on < ?1 OR e.withdrawn = 1) ORDER BY f.device, f.name",
    )?;
    let row = |row: &Row<'_>| Ok(Leftover { device: row.get(0)?, finger: FingerName(row.get(1)?) });
    Ok(select.query_map([today], row)?.collect::<Result<_, _>>()?)
}

/// Where a finger is, or was last.
pub fn finger_device(sql: &Connection, name: &FingerName) -> Result<Option<DeviceId>, JournalError> {
    let mut find = sql.prepare_cached("SELECT device FROM finger WHERE name = ?1")?;
    Ok(find.query_row([&name.0], |row| row.get(0)).optional()?)
}

/// Whether a device serves an organisation.
pub fn device_serves(sql: &Connection, device: DeviceId, organisation: OrganisationId) -> Result<bool, JournalError> {
    let mut find = sql.prepare_cached("SELECT 1 FROM device_organisation WHERE device = ?1 AND organisation = ?2")?;
    Ok(find.exists((device, organisation))?)
}
