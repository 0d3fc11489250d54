//! The agent: puts the stages together in the order of a punch's way, starts them and stops them.
//!
//! Starting opens the journal first (salvaging it if need be), then judges what is open, then starts delivery, and devices last:
//! nothing is taken before it can be kept. Stopping goes the other way round. Nothing depends on a stop in order: the same
//! start follows a power cut.

mod arriving;
mod chores;
mod clock_health;
mod decisions;
mod deliveries;
mod destinations;
mod disk;
mod fingers;
mod operations;
mod outlook;
mod people;
mod registry;
mod starts;
mod status;
mod timekeeping;

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::attendance::people::People;
use crate::attendance::{Attendance, judge, shared};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::health::{Board, Subject};
use crate::intake::lines::SystemLines;
use crate::intake::{Desk, Intake, Office, Patience, Served};
use crate::journal::{CONCLUSIONS_OWED, Journal, JournalError, Options, Seq, Write};

pub use decisions::{BootDecided, BootSettled, Decided, Settled};
pub use deliveries::{DeliveriesDecided, DropDeliveries, DropMany, Meant, OrderDestination, RetryDeliveries};
pub use destinations::DestinationError;
pub use fingers::{Assign, Desks, Enrol, FingerDone, FingerError, Withdraw};
pub use operations::{Approval, OperationError, Operations};
pub use outlook::consequences;
pub use people::{Import, Imported, corrections, known_to_roster, person_of_row};
pub use registry::registry;
pub use starts::{LetThrough, LetThroughDone};
pub use status::{
    ALERT_LIVES_DAYS, AlertStatus, ClockStatus, ClockStep, Counts, DeviceStatus, JournalStatus, Status, StrangerStatus,
    status,
};
pub use timekeeping::recall;

/// Open readings that are judged in one transaction.
const JUDGED_AT_ONCE: usize = 200;
/// Readings that get an open verdict in one transaction.
const OPENED_AT_ONCE: usize = 200;

/// A running agent.
pub struct Agent {
    /// Its configuration.
    pub config: Config,
    /// What the operators' requests are carried out with.
    pub operations: Operations,
    /// How everything is.
    pub board: Arc<Board>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    intake: RwLock<Option<Intake>>,
    delivery: Option<Delivery>,
    chores: JoinSet<()>,
    stop: CancellationToken,
}

/// Why the agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A device of the configuration is not in the journal: a defect.
    #[error("device {0} was not registered: a defect of punchd")]
    NotRegistered(String),
    /// A destination.
    #[error(transparent)]
    Destination(#[from] destinations::DestinationError),
}

impl Agent {
    /// Opens everything and starts all stages.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let board = Arc::new(Board::default());
        let operations = Operations::open(config.clone(), clock.clone()).await?;
        let people = operations.import_configured_people().await;
        board.say(Subject::People, people, operations.clock.now().time);
        let stop = CancellationToken::new();
        let mut chores = JoinSet::new();
        chores::start(&mut chores, &operations, &board, &config, &stop);
        let known = operations.journal.read(destinations::destination_ids).await?;
        let specs = destinations::specs(&config, &known, &clock)?;
        let apps = specs.iter().map(|spec| spec.app.clone()).collect();
        chores::ask_for_the_time(&mut chores, apps, &clock, config.clock.trusted_within, &stop);
        let delivery = Delivery::start(
            specs,
            operations.journal.clone(),
            clock.clone(),
            board.clone(),
            operations.punched.clone(),
        );
        let intake = Self::start_intake(&config, &operations, &board).await?;
        let desks = Desks::new(intake.desks().cloned());
        let (o, d, within, stopped) = (operations.clone(), desks.clone(), config.clock.trusted_within, stop.clone());
        chores.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = fingers::keep_equal(o, d, within) => {}
            }
        });
        Ok(Self {
            config,
            operations,
            board,
            clock,
            intake: RwLock::new(Some(intake)),
            delivery: Some(delivery),
            chores,
            stop,
        })
    }

    async fn start_intake(config: &Config, operations: &Operations, board: &Arc<Board>) -> Result<Intake, StartError> {
        let office = Office {
            journal: operations.journal.clone(),
            attendance: operations.attendance.clone(),
            clock: operations.clock.clone(),
            trusted_within: config.clock.trusted_within,
            board: board.clone(),
            punched: operations.punched.clone(),
            fingers_changed: operations.fingers_changed.clone(),
            lines: Arc::new(SystemLines),
        };
        let known = operations.journal.read(registry::device_ids).await?;
        let mut served = Vec::with_capacity(config.devices.len());
        for device in &config.devices {
            let id = known
                .get(device.name.as_str())
                .copied()
                .ok_or_else(|| StartError::NotRegistered(device.name.to_string()))?;
            served.push(Served {
                driver: device.driver,
                prepared: device.prepared.clone(),
                zone: device.zone.rules.clone(),
                desk: Arc::new(Desk::new(id, device.name.clone(), office.clone())),
            });
        }
        Ok(Intake::start(served, Patience::default()))
    }

    /// The desk of a device, for commands.
    pub fn desk(&self, name: &str) -> Option<Arc<Desk>> {
        let intake = self.intake.read().unwrap_or_else(PoisonError::into_inner);
        intake.as_ref().and_then(|intake| intake.desk(name).cloned())
    }

    /// The desks of all devices.
    pub fn desks(&self) -> Desks {
        let intake = self.intake.read().unwrap_or_else(PoisonError::into_inner);
        Desks::new(intake.iter().flat_map(Intake::desks).cloned())
    }

    /// Stops devices, delivery and the journal, in this order.
    pub async fn stop(&mut self) {
        let intake = self.intake.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(intake) = intake {
            intake.stop().await;
        }
        if let Some(delivery) = self.delivery.take() {
            delivery.stop().await;
        }
        self.stop.cancel();
        self.chores.shutdown().await;
        chores::write_health(&self.operations, &self.board).await;
        self.operations.journal.close().await;
    }
}

/// After a salvage verdicts and deliveries may be missing: they are made again, the deliveries in doubt. The journal says that this is
/// owed until it is done, so that a start that is cut off leaves it to the next.
async fn judge_after_salvage(operations: &Operations) -> Result<(), JournalError> {
    let owed = "SELECT EXISTS (SELECT 1 FROM meta WHERE key = ?1)";
    if !operations.journal.read(move |sql| Ok(sql.query_row(owed, [CONCLUSIONS_OWED], |row| row.get(0))?)).await? {
        return Ok(());
    }
    let unjudged = operations.journal.read(judge::unjudged_readings).await?;
    tracing::warn!(unjudged = unjudged.len(), "judging what a salvage kept");
    judge_again(operations, unjudged).await?;
    let now = operations.clock.now().time;
    let settle = move |write: &mut Write<'_>| {
        judge::restore_deliveries(write, now)?;
        write.sql().execute("DELETE FROM meta WHERE key = ?1", [CONCLUSIONS_OWED])?;
        Ok(())
    };
    operations.journal.write(settle).await
}

/// Asks again about these readings, in portions that keep nobody waiting. Answers how many were settled.
async fn judge_again(operations: &Operations, seqs: Vec<Seq>) -> Result<u64, JournalError> {
    let mut settled = 0;
    for portion in seqs.chunks(JUDGED_AT_ONCE) {
        let (portion, attendance) = (portion.to_vec(), operations.attendance.clone());
        let rows = portion.len();
        settled += operations.journal.write_weighing(rows, move |write| attendance.reopen(write, &portion)).await?;
    }
    if settled > 0 {
        operations.punched.notify_one();
    }
    Ok(settled)
}

impl Operations {
    /// Opens the journal of this configuration, salvaging it first if need be. No stage runs.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let options = Options::in_folder(&config.gateway.data);
        let (entries, stamp) = (registry(&config), clock.stamp());
        let opened = tokio::task::spawn_blocking(move || Journal::open(options, &entries, &stamp)).await;
        let (journal, _) = opened.map_err(|_| JournalError::Closed)??;
        let attendance = Arc::new(journal.read(Attendance::load).await?);
        let (punched, fingers_changed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let operations = Self { journal, attendance, clock: clock.clone(), punched, fingers_changed, config };
        timekeeping::resume(&operations).await?;
        judge_after_salvage(&operations).await?;
        Ok(operations)
    }

    /// Takes the people list as it is in the journal now and asks again about everything that is open.
    pub async fn people_changed(&self) -> Result<u64, JournalError> {
        self.attendance.set_people(self.journal.read(People::load).await?);
        let attendance = self.attendance.clone();
        let newly_known = self.journal.read(move |sql| attendance.newly_known(sql)).await?;
        for portion in newly_known.chunks(OPENED_AT_ONCE) {
            let portion = portion.to_vec();
            self.journal.write_weighing(portion.len(), move |write| shared::open(write, &portion)).await?;
        }
        self.reopen().await
    }

    /// Asks again about everything that is open.
    pub async fn reopen(&self) -> Result<u64, JournalError> {
        let open = self.journal.read(judge::open_readings).await?;
        judge_again(self, open).await
    }
}
