//! The running agent as the console and the signals see it: there, or just being started again.

use std::collections::BTreeMap;
use std::sync::Arc;

use punchd_contract::{Health, Text};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, RwLock, Semaphore, mpsc, oneshot, watch};

use super::command::{COMMANDS, CommandAnswer, CommandRequest, Commands};
use super::refusal::Refusal;
use crate::agent::{Agent, Desks, Operations, Status, status};
use crate::health::{State, Subject};
use crate::intake::Desk;

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Devices that are served now.
    pub devices: usize,
    /// Destinations that are served now.
    pub destinations: usize,
    /// What the configuration's check remarks.
    pub warnings: Vec<Text>,
}

/// Somebody wants the configuration read again and waits for what came of it: what is new, or all mistakes.
pub type ReloadRequest = oneshot::Sender<Result<Reloaded, Text>>;

/// The running agent. Requests borrow its parts for as long as they take; whoever stops it takes it out first.
pub struct Running {
    agent: RwLock<Option<Agent>>,
    reload: mpsc::Sender<ReloadRequest>,
    commands: Commands,
    turns: Arc<Semaphore>,
}

impl Running {
    /// With this agent; requests to reload go to `reload`, command lines to `commands`.
    pub fn new(agent: Agent, reload: mpsc::Sender<ReloadRequest>, commands: Commands) -> Self {
        Self { agent: RwLock::new(Some(agent)), reload, commands, turns: Arc::new(Semaphore::new(COMMANDS)) }
    }

    /// Takes the agent out, to stop it. Requests are told to try again until there is another.
    pub async fn take(&self) -> Option<Agent> {
        self.agent.write().await.take()
    }

    /// Puts another agent in its place.
    pub async fn put(&self, agent: Agent) {
        *self.agent.write().await = Some(agent);
    }

    /// What changes are carried out with.
    pub async fn operations(&self) -> Result<Operations, Refusal> {
        Ok(self.agent.read().await.as_ref().ok_or_else(Refusal::starting)?.operations.clone())
    }

    /// How everything is, as the board says.
    pub async fn health(&self) -> Result<BTreeMap<Subject, State>, Refusal> {
        Ok(self.agent.read().await.as_ref().ok_or_else(Refusal::starting)?.board.states())
    }

    /// Says how something is that is not the agent's own business.
    pub async fn say(&self, subject: Subject, health: Health) {
        if let Some(agent) = self.agent.read().await.as_ref() {
            agent.board.say(subject, health, agent.clock.now().time);
        }
    }

    /// Announces changes of health; ends with the agent.
    pub async fn changes(&self) -> Result<watch::Receiver<u64>, Refusal> {
        Ok(self.agent.read().await.as_ref().ok_or_else(Refusal::starting)?.board.changes())
    }

    /// The desk of a device.
    pub async fn desk(&self, name: &str) -> Result<Arc<Desk>, Refusal> {
        self.agent
            .read()
            .await
            .as_ref()
            .ok_or_else(Refusal::starting)?
            .desk(name)
            .ok_or_else(|| Refusal::no_device(name))
    }

    /// The desks of all devices.
    pub async fn desks(&self) -> Result<Desks, Refusal> {
        Ok(self.agent.read().await.as_ref().ok_or_else(Refusal::starting)?.desks())
    }

    /// Everything at a glance.
    pub async fn status(&self) -> Result<Status, Refusal> {
        let (operations, health) = (self.operations().await?, self.health().await?);
        let (name, clock) = (operations.config.gateway.name.clone(), operations.clock.clone());
        Ok(operations.journal.read(move |sql| status(sql, &name, clock.as_ref(), Some(health))).await?)
    }

    /// Carries a command line out beside the journal.
    pub async fn carry_out(&self, request: CommandRequest) -> Result<CommandAnswer, Refusal> {
        let (turn, config, commands) = (self.turn().await?, self.operations().await?.config, self.commands);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            commands(request, config)
        });
        done.await.map_err(|_| Refusal::defect())
    }

    /// Waits for the right to keep a thread and a connection to the journal busy.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.turns.clone().acquire_owned().await.map_err(|_| Refusal::starting())
    }

    /// Has the configuration read again.
    pub async fn reload(&self) -> Result<Reloaded, Refusal> {
        let (answer, outcome) = oneshot::channel();
        self.reload.try_send(answer).map_err(|_| Refusal::busy())?;
        outcome.await.map_err(|_| Refusal::starting())?.map_err(Refusal::configuration)
    }
}
