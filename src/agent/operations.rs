//! What operators can have done: approve a terminal (and more beside this file). The running agent carries it out for
//! the CLI; with no agent running the CLI does so itself, over the same functions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use punchd_contract::{DeviceName, SerialNumber, Text};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::attendance::Attendance;
use crate::clock::Clock;
use crate::config::{Config, Mistakes};
use crate::intake::registry::DRIVERS;
use crate::journal::{Journal, JournalError, Suspicion};

/// What operations are carried out with.
#[derive(Clone)]
pub struct Operations {
    /// Where everything is kept.
    pub journal: Journal,
    /// Who judges.
    pub attendance: Arc<Attendance>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Told when there is something to deliver.
    pub punched: Arc<Notify>,
    /// Told when modules may have to be brought into line.
    pub fingers_changed: Arc<Notify>,
    /// The configuration.
    pub config: Config,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What was asked makes no sense.
    #[error("{0}")]
    Refused(String),
    /// What a person asked for cannot be done; the sentence says what would be right.
    #[error("{}", .0.en)]
    Declined(Text),
    /// The configuration would not hold with it.
    #[error("the configuration would not be right any more:\n{0}")]
    Config(#[from] Mistakes),
    /// A file cannot be written.
    #[error("cannot write {}: {why}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// A terminal that knocked and is to be let in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// What it calls itself.
    pub serial: SerialNumber,
    /// What the operator calls it.
    pub name: DeviceName,
}

impl Operations {
    /// Adds a terminal that knocked to the configuration, as a file of its own in `conf.d`. The configuration has to be loaded again.
    pub async fn approve(&self, approval: Approval) -> Result<PathBuf, OperationError> {
        let serial = approval.serial.as_str().to_owned();
        let kind = self
            .journal
            .read(move |sql| {
                Ok(sql
                    .query_row("SELECT kind FROM stranger WHERE serial = ?1", [serial], |row| row.get::<_, String>(0))
                    .ok())
            })
            .await?
            .ok_or_else(|| {
                OperationError::Refused(format!(
                    "no terminal {} has tried to connect: see `punchd devices`",
                    approval.serial
                ))
            })?;
        let main = self.config.files.first().cloned().unwrap_or_default();
        let listen = listener(&self.config, &kind)?;
        let block = format!(
            "[[device]]\nname = \"{}\"\nkind = \"{kind}\"\nserial = \"{}\"\n{listen}",
            approval.name, approval.serial
        );
        let path = tokio::task::spawn_blocking(move || add_to_config(&main, approval.name.as_str(), &block))
            .await
            .map_err(|error| OperationError::Refused(error.to_string()))??;
        self.journal
            .write(move |write| {
                write.sql().execute("DELETE FROM stranger WHERE serial = ?1", [approval.serial.as_str()])?;
                Ok(())
            })
            .await?;
        Ok(path)
    }

    /// Leaves a note that the journal has to be looked at before anything is accepted at the next start.
    pub(super) fn suspect(&self, why: &str) {
        if let Err(error) = Suspicion::of(&self.journal.options().folder).raise(why) {
            tracing::error!(%error, "the note for the next start could not be left");
        }
    }
}

/// Where the terminals of this kind knock, as the setting of one more: a terminal that is let in at another address than the one
/// it calls would wait for ever.
fn listener(config: &Config, kind: &str) -> Result<String, OperationError> {
    let mut listens: Vec<String> = config
        .devices
        .iter()
        .filter(|device| device.driver.declaration().kind == kind)
        .filter_map(|device| device.values.endpoint("listen").map(ToString::to_string))
        .collect();
    listens.sort();
    listens.dedup();
    match listens.as_slice() {
        [] => Ok(String::new()),
        [one] => Ok(format!("listen = \"{one}\"\n")),
        several => Err(OperationError::Refused(format!(
            "terminals of kind {kind} may knock at {}: which of them it called is not known, so write its [[device]] with `serial` and `listen` into the configuration by hand",
            several.join(", ")
        ))),
    }
}

/// Writes the block and takes it back if the configuration does not hold with it.
fn add_to_config(main: &Path, name: &str, block: &str) -> Result<PathBuf, OperationError> {
    let folder = main.parent().unwrap_or(Path::new(".")).join("conf.d");
    let path = folder.join(format!("device-{name}.toml"));
    let failed = |error: std::io::Error| OperationError::Write { path: path.clone(), why: error.to_string() };
    if path.exists() {
        return Err(OperationError::Refused(format!("{} is there already: choose another name", path.display())));
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::write(&path, block).map_err(failed)?;
    // It holds no secret, and the members of the folder's group are to read it like the main file.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).map_err(failed)?;
    match Config::load(main, DRIVERS) {
        Ok(_) => Ok(path),
        Err(mistakes) => {
            fs::remove_file(&path).map_err(failed)?;
            Err(mistakes.into())
        }
    }
}
