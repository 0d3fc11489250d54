//! Where a command finds what it works on: the configuration, the journal, and the agent if one runs.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exit::Exit;
use super::failure::Failure;
use crate::agent::{OperationError, Operations};
use crate::clock::SystemClock;
use crate::config::{Config, Mistakes};
use crate::console::{Client, ClientError};
use crate::intake::registry::DRIVERS;
use crate::journal::Options;

/// The gateway that a command is about.
#[derive(Debug)]
pub struct Place {
    /// Its configuration; the secrets in it are placeholders.
    pub config: Config,
}

impl Place {
    /// By its configuration file.
    pub fn find(path: &Path) -> Result<Self, Mistakes> {
        let (config, _) = Config::load_without_secrets(path, DRIVERS)?;
        Ok(Self { config })
    }

    /// The journal, for reading.
    pub fn journal(&self) -> Result<Connection, Failure> {
        self.look_at_journal()?;
        Ok(Options::in_folder(&self.config.gateway.data).read_only()?)
    }

    /// What SQLite would not say so plainly.
    fn look_at_journal(&self) -> Result<(), Failure> {
        let file = self.config.gateway.data.join("journal.db");
        let shown = file.display();
        match File::open(&file) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(
                Exit::Unavailable,
                format!("there is no journal yet at {shown}: start punchd once (systemctl start punchd)"),
                format!("{shown} 尚无日志库：请先启动一次 punchd（systemctl start punchd）"),
            )),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Failure::new(
                Exit::NoPermission,
                format!("you may not read {shown}: use sudo"),
                format!("无权读取 {shown}：请使用 sudo"),
            )),
            Err(error) => Err(Failure::plain(Exit::Unavailable, format!("cannot read {shown}: {error}"))),
        }
    }

    /// The way to the agent.
    pub fn agent(&self) -> Client {
        Client::new(&self.config.gateway.socket)
    }

    /// Has the agent make a change; where none runs, makes it by `own` means on the opened journal.
    pub async fn change<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        own: impl AsyncFnOnce(&Operations) -> Result<T, OperationError>,
    ) -> Result<T, Failure> {
        match self.agent().post(path, body).await {
            Err(ClientError::NoAgent(_)) => {}
            answered => return Ok(answered?),
        }
        // Made by the agent's own user at its first start, so that every file belongs to it.
        self.look_at_journal()?;
        let clock = SystemClock::new().map_err(|error| Failure::plain(Exit::Unavailable, error))?;
        let operations = Operations::open(self.config.clone(), Arc::new(clock)).await?;
        let done = own(&operations).await;
        operations.journal.close().await;
        Ok(done?)
    }
}

/// Runs a command's conversation with the agent.
pub fn converse<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::plain(Exit::Unavailable, format!("the program cannot start: {error}")))?;
    runtime.block_on(work)
}
