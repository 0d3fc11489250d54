//! Fingers: enrolling people at a module, and keeping equal modules equal.
//!
//! A module finds who touches it by itself, so every module has to hold everybody's finger. A person gives it once, at any
//! module; the sealed template then goes to each module of the same model that serves the person's organisation, and out of all of
//! them when the person leaves or the finger is withdrawn. A module that cannot be reached gets its share when it can.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use punchd_contract::{Command, CommandError, FingerName, Text};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use super::operations::{OperationError, Operations};
use crate::attendance::people;
use crate::intake::Desk;
use crate::journal::{
    self, DeviceId, JournalError, Leftover, Missing, PersonId, device_serves, leftover_fingers, missing_fingers,
};

/// How long a person may take with the two touches.
const ENROL_WAITS: Duration = Duration::from_secs(150);
/// How long a module may take with one template.
const MODULE_WAITS: Duration = Duration::from_secs(30);
/// How often modules are compared when nothing has asked for it: one that was away comes back, people leave.
const COMPARE_EVERY: Duration = Duration::from_secs(300);

/// Somebody is to give a finger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrol {
    /// At this device.
    pub device: String,
    /// The person's WeCom member id.
    pub userid: String,
    /// The person's organisation; `None` is the only one.
    pub organisation: Option<String>,
    /// Who asks for it.
    pub by: String,
}

/// A finger is to be somebody's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Assign {
    /// The finger.
    pub finger: FingerName,
    /// The person's WeCom member id.
    pub userid: String,
    /// The person's organisation; `None` is the only one.
    pub organisation: Option<String>,
}

/// A finger is to serve nobody any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Withdraw {
    /// The finger; all modules lose what was enrolled with it.
    pub finger: FingerName,
}

/// What was done with a finger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerDone {
    /// Which.
    pub finger: FingerName,
    /// In words.
    pub text: Text,
    /// Readings that found their person by it.
    pub settled: u64,
}

/// Why nothing was done with a finger.
#[derive(Debug, thiserror::Error)]
pub enum FingerError {
    /// What was asked does not go together.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The device.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<JournalError> for FingerError {
    fn from(error: JournalError) -> Self {
        Self::Operation(error.into())
    }
}

impl Operations {
    /// Has a person give a finger at a device; each step is told to `step`. Dropped before the module has stored it, it is given up.
    pub async fn enrol_finger(
        &self,
        desk: &Desk,
        enrol: Enrol,
        step: impl FnMut(Text) + Send,
    ) -> Result<FingerDone, FingerError> {
        let device = desk.device();
        let (person, name) = self.person_at(device, &enrol.userid, enrol.organisation.clone()).await?;
        let done = desk.command_with_steps(Command::EnrolFinger, ENROL_WAITS, step).await?;
        let Some(stored) = done.finger else {
            return Err(CommandError::Failed(Text::new("it stored no finger", "设备未存入指纹")).into());
        };
        let (finger, now) = (stored.name.clone(), self.clock.stamp().wall);
        // From here on the module holds it: what is written down must not depend on who still listens.
        let operations = self.clone();
        let settled = tokio::spawn(async move {
            operations.journal.write(move |write| write.enrol_finger(device, person, &stored, &enrol.by, now)).await?;
            operations.people_changed().await
        });
        let settled = settled.await.map_err(|error| OperationError::Refused(error.to_string()))??;
        self.fingers_changed.notify_one();
        let text = Text::new(
            format!("{name} can punch with this finger now. Modules of the same model get it by themselves."),
            format!("{name} 现在可以用这枚指纹打卡。同型号的其他模块会自动获得。"),
        );
        Ok(FingerDone { finger, text, settled })
    }

    /// Makes a finger that a module holds somebody's, its readings so far included.
    pub async fn assign_finger(&self, assign: Assign) -> Result<FingerDone, OperationError> {
        let finger = assign.finger.clone();
        let device = self.journal.read(move |sql| journal::finger_device(sql, &finger)).await?.ok_or_else(|| {
            OperationError::Refused(format!("no module has a finger {}: see `punchd fingers`", assign.finger.0))
        })?;
        let (person, name) = self.person_at(device, &assign.userid, assign.organisation).await?;
        let finger = assign.finger.clone();
        self.journal.write(move |write| write.assign_finger(&finger, person)).await?;
        let settled = self.people_changed().await?;
        let text = Text::new(format!("This finger is {name}'s now."), format!("这枚指纹现在属于 {name}。"));
        Ok(FingerDone { finger: assign.finger, text, settled })
    }

    /// Lets a finger serve nobody any more and takes it out of all modules, those that are away as soon as they are back.
    pub async fn withdraw_finger(&self, withdraw: Withdraw, desks: &Desks) -> Result<FingerDone, FingerError> {
        let (finger, asked) = (withdraw.finger.clone(), withdraw.finger.clone());
        let device = self.journal.read(move |sql| journal::finger_device(sql, &asked)).await?.ok_or_else(|| {
            OperationError::Refused(format!("no module has a finger {}: see `punchd fingers`", withdraw.finger.0))
        })?;
        let asked = finger.clone();
        let enrolled = self.journal.write(move |write| write.withdraw_finger(&asked)).await?;
        let settled = self.people_changed().await?;
        if !enrolled && let Some(desk) = desks.of(device) {
            self.take_out(desk, &finger).await?;
        }
        self.fingers_changed.notify_one();
        let text = Text::new(
            "This finger stands for nobody any more; it is being taken out of all modules.",
            "这枚指纹不再代表任何人，正在从所有模块中删除。",
        );
        Ok(FingerDone { finger, text, settled })
    }

    /// The person, if the device serves the person's organisation.
    async fn person_at(
        &self,
        device: DeviceId,
        userid: &str,
        organisation: Option<String>,
    ) -> Result<(PersonId, String), OperationError> {
        let asked = userid.to_owned();
        let found = self.journal.read(move |sql| {
            let organisation = people::organisation(sql, organisation.as_deref())?;
            let person = people::list(sql, organisation)?
                .into_iter()
                .find(|row| row.entry.userid.as_str().eq_ignore_ascii_case(&asked));
            Ok((device_serves(sql, device, organisation)?, person))
        });
        match found.await? {
            (_, None) => Err(OperationError::Refused(format!("nobody has the userid {userid:?}: see `punchd people`"))),
            (false, Some(_)) => Err(OperationError::Refused(
                "this device does not serve the person's organisation: see its `organisations` in the configuration"
                    .into(),
            )),
            (true, Some(row)) => Ok((row.person, row.entry.name)),
        }
    }

    async fn take_out(&self, desk: &Desk, finger: &FingerName) -> Result<(), FingerError> {
        let command = Command::DeleteFinger { finger: finger.clone() };
        desk.command_with_steps(command, MODULE_WAITS, |_| {}).await?;
        let finger = finger.clone();
        Ok(self.journal.write(move |write| write.finger_removed(&finger)).await?)
    }

    async fn bring(&self, desk: &Desk, missing: Missing) -> Result<(), FingerError> {
        let template = self.journal.write(move |write| write.template(missing.enrolment)).await?;
        let Some(template) = template else { return Ok(()) };
        let done = desk.command_with_steps(Command::StoreFinger { template }, MODULE_WAITS, |_| {}).await?;
        let Some(stored) = done.finger else { return Ok(()) };
        self.journal.write(move |write| write.finger_of(missing.device, missing.enrolment, &stored.name)).await?;
        self.people_changed().await?;
        Ok(())
    }
}

/// The desks of all devices, by the device's number.
#[derive(Clone, Default)]
pub struct Desks(BTreeMap<DeviceId, Arc<Desk>>);

impl Desks {
    /// These.
    pub fn new(desks: impl IntoIterator<Item = Arc<Desk>>) -> Self {
        Self(desks.into_iter().map(|desk| (desk.device(), desk)).collect())
    }

    fn of(&self, device: DeviceId) -> Option<&Desk> {
        self.0.get(&device).map(Arc::as_ref)
    }
}

/// Keeps equal modules equal, for ever.
pub(super) async fn keep_equal(operations: Operations, desks: Desks, trusted_within: Duration) {
    let mut ticks = interval(COMPARE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = operations.fingers_changed.notified() => {}
        }
        let today = today(&operations, trusted_within);
        if let Err(error) = compare(&operations, &desks, today).await {
            tracing::warn!(%error, "the finger modules could not be compared");
        }
    }
}

/// The day that it is at least, in every zone. While the time is not known nobody has left yet.
fn today(operations: &Operations, trusted_within: Duration) -> Date {
    let stamp = operations.clock.stamp();
    if !stamp.trusted(trusted_within) {
        return Date::MIN;
    }
    let latest_zone = jiff::tz::Offset::constant(-12);
    latest_zone.to_datetime(stamp.wall.timestamp()).date()
}

async fn compare(operations: &Operations, desks: &Desks, today: Date) -> Result<(), JournalError> {
    let day = today.to_string();
    let (missing, leftover) =
        operations.journal.read(move |sql| Ok((missing_fingers(sql, &day)?, leftover_fingers(sql, &day)?))).await?;
    for Leftover { device, finger } in leftover {
        let Some(desk) = desks.of(device) else { continue };
        match operations.take_out(desk, &finger).await {
            Ok(()) => tracing::info!(device = %desk.name(), "a finger was taken out of the module"),
            Err(error) => tracing::debug!(device = %desk.name(), %error, "a finger could not be taken out yet"),
        }
    }
    // A module that cannot take one now will not take the next either.
    let mut waits: Vec<DeviceId> = Vec::new();
    for missing in missing {
        let Some(desk) = desks.of(missing.device).filter(|_| !waits.contains(&missing.device)) else { continue };
        match operations.bring(desk, missing).await {
            Ok(()) => tracing::info!(device = %desk.name(), "a finger was brought into the module"),
            Err(error) => {
                tracing::warn!(device = %desk.name(), %error, "fingers could not be brought into the module yet");
                waits.push(missing.device);
            }
        }
    }
    if today > Date::MIN {
        let day = today.to_string();
        operations.journal.write(move |write| write.empty_templates(&day)).await?;
    }
    Ok(())
}
