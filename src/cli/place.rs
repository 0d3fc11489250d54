//! Where a command finds what it works on: the configuration, the journal, and the agent if one runs.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Read};
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
    /// Its configuration; the secrets in it are placeholders, where this process is not the agent.
    pub config: Config,
    /// Somebody else's input, where the agent carries a command out.
    of_another: Option<Vec<u8>>,
    /// The journal's file was not ours to read.
    closed: Cell<bool>,
    input: RefCell<Option<Vec<u8>>>,
}

impl Place {
    /// By its configuration file.
    pub fn find(path: &Path) -> Result<Self, Mistakes> {
        let (config, _) = Config::load_without_secrets(path, DRIVERS)?;
        Ok(Self { config, of_another: None, closed: Cell::new(false), input: RefCell::default() })
    }

    /// That of the agent in this process, which carries a command out for somebody who gave this input.
    pub fn of_the_agent(config: Config, input: Vec<u8>) -> Self {
        Self { config, of_another: Some(input), closed: Cell::new(false), input: RefCell::default() }
    }

    /// Whether the journal's file was not ours to read.
    pub fn was_closed(&self) -> bool {
        self.closed.get()
    }

    /// What was read as the command's input.
    pub fn taken_input(&self) -> Option<Vec<u8>> {
        self.input.take()
    }

    /// The bytes of a file that a command reads, or of standard input; at most so many.
    pub fn input(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        if let Some(input) = &self.of_another {
            return Ok(input.clone());
        }
        let bytes = read(path, most)?;
        self.input.replace(Some(bytes.clone()));
        Ok(bytes)
    }

    /// The journal, for reading.
    pub fn journal(&self) -> Result<Connection, Failure> {
        // The agent opened the journal itself; and to close another descriptor of the file would take its locks away.
        if self.of_another.is_none() {
            self.look_at_journal()?;
        }
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
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.closed.set(true);
                Err(Failure::new(
                    Exit::NoPermission,
                    format!(
                        "you may not read {shown}: start punchd (members of its group ask the running agent), or use sudo"
                    ),
                    format!("无权读取 {shown}：请启动 punchd（其用户组成员通过运行中的服务查询），或使用 sudo"),
                ))
            }
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

/// What a command reads that has no place: the agent must not open files for others.
pub fn input_of(command: &super::Command) -> Result<Option<Vec<u8>>, Failure> {
    let super::Command::People(people) = command else { return Ok(None) };
    people.file().map(|file| super::people::read(file, |most| read(file, most))).transpose()
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Runs a command's conversation with the agent.
pub fn converse<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::plain(Exit::Unavailable, format!("the program cannot start: {error}")))?;
    runtime.block_on(work)
}

/// Who sits at this terminal, also behind sudo.
pub fn operator() -> String {
    if let Some(operator) = super::forward::operator() {
        return operator;
    }
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "?".to_owned())
}
