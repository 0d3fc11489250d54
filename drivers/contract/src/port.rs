//! The way between a driver and the agent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{Mutex, mpsc};

use crate::{
    Alert, Batch, Cursor, Health, Line, LineError, Lines, Mode, NotRecorded, Place, Reading, Receipt, Request,
    SerialNumber, Text,
};

/// How long a person at a reader waits for an answer (DESIGN §2 law 1).
pub const PERSON_WAITS: Duration = Duration::from_secs(2);

/// How long a terminal's batch may wait for a slow disk before the terminal is told to keep it.
pub const TERMINAL_WAITS: Duration = Duration::from_secs(20);

/// The agent's end of a port. The agent implements it over the journal; the conformance suite in memory.
pub trait AgentSide: Send + Sync {
    /// Commits the batch and answers each reading, in order.
    fn submit(&self, batch: Batch) -> BoxFuture<'_, Result<Vec<Receipt>, NotRecorded>>;
    /// The cursor of the last committed batch that had one.
    fn cursor(&self) -> BoxFuture<'_, Option<Cursor>>;
    /// Takes note of how the device is.
    fn health(&self, health: Health);
    /// Takes note of somebody who wants in and is not configured.
    fn stranger(&self, stranger: Stranger);
    /// What time it is, and how well that is known.
    fn now(&self) -> GatewayTime;
    /// What opens lines.
    fn lines(&self) -> &dyn Lines;
}

/// What time it is at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayTime {
    /// The time as the gateway knows it.
    pub utc: Timestamp,
    /// How far off it can be. `None`: the clock is not to be trusted, use `utc` for nothing that lasts.
    pub bound: Option<Duration>,
}

/// Somebody who tries to connect and is not configured: shown to the operator, a terminal with a config block to approve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// The kind of driver that met it.
    pub kind: &'static str,
    /// What it calls itself; `None` where it says nothing that could be a serial number, and cannot be approved by it.
    pub serial: Option<SerialNumber>,
    /// Where it came from.
    pub address: String,
    /// What it says of itself, for people.
    pub detail: String,
    /// What is wrong with its request, besides that nobody has approved it, and what to do.
    pub trouble: Option<Text>,
}

/// A driver's way to the agent, one a device.
#[derive(Clone)]
pub struct Port {
    agent: Arc<dyn AgentSide>,
    requests: Arc<Mutex<mpsc::Receiver<Request>>>,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Port")
    }
}

impl Port {
    /// A port over the agent's side. `requests` is bounded by the agent.
    pub fn new(agent: Arc<dyn AgentSide>, requests: mpsc::Receiver<Request>) -> Self {
        Self { agent, requests: Arc::new(Mutex::new(requests)) }
    }

    /// Hands over a terminal's batch and waits until it is durable, at most [`TERMINAL_WAITS`].
    pub async fn submit(&self, batch: Batch) -> Result<Vec<Receipt>, NotRecorded> {
        bounded(TERMINAL_WAITS, self.agent.submit(batch)).await
    }

    /// Hands over one reading of a person who is waiting; the answer comes within [`PERSON_WAITS`], whatever the disk does.
    pub async fn submit_one(&self, reading: Reading) -> Result<Receipt, NotRecorded> {
        self.submit_one_of(reading, Duration::ZERO).await
    }

    /// The same for what was presented so long ago: where silence ends a text, it is known late that it was one.
    pub async fn submit_one_of(&self, reading: Reading, ago: Duration) -> Result<Receipt, NotRecorded> {
        let batch = Batch { readings: vec![reading], ago, ..Batch::default() };
        let mut receipts = bounded(PERSON_WAITS, self.agent.submit(batch)).await?;
        receipts.pop().ok_or_else(|| NotRecorded::Failed("no receipt for the reading".into()))
    }

    /// Hands over alerts alone.
    pub async fn alert(&self, alert: Alert) -> Result<(), NotRecorded> {
        self.submit(Batch { alerts: vec![alert], ..Batch::default() }).await.map(|_| ())
    }

    /// The cursor of the last committed batch that had one.
    pub async fn cursor(&self) -> Option<Cursor> {
        self.agent.cursor().await
    }

    /// Says how the device is. Saying the same again is free.
    pub fn health(&self, health: Health) {
        self.agent.health(health);
    }

    /// Tells of somebody who wants in and is not configured.
    pub fn stranger(&self, stranger: Stranger) {
        self.agent.stranger(stranger);
    }

    /// What time it is, and how well that is known.
    pub fn now(&self) -> GatewayTime {
        self.agent.now()
    }

    /// Opens a line, bounded. One that is lost is opened again by asking again.
    pub async fn line(&self, place: &Place, mode: Mode) -> Result<Line, LineError> {
        self.agent.lines().open(place.clone(), mode).await
    }

    /// The next thing the agent wants done. Waits for ever if nothing is wanted; safe to drop (a request is not lost). What
    /// nobody waits for any more is not handed out: a door must not open for somebody who has gone.
    pub async fn request(&self) -> Request {
        let mut requests = self.requests.lock().await;
        loop {
            match requests.recv().await {
                Some(request) if request.answer.is_closed() => {}
                Some(request) => return request,
                None => std::future::pending().await,
            }
        }
    }
}

async fn bounded<T>(limit: Duration, work: impl Future<Output = Result<T, NotRecorded>>) -> Result<T, NotRecorded> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(NotRecorded::Busy))
}
