//! The bench: the agent's side of the contract in memory, with a clock that tests set and faults that tests ask for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::{
    AgentSide, Alert, Batch, Command, CommandError, Contact, Cursor, Done, FingerModule, GatewayTime, Health, Line,
    LineError, Lines, MAX_BATCH, Mode, NotRecorded, Place, Port, Reading, Receipt, RecordKey, Request, Stranger,
    TerminalUser, Text, Upload, Verdict,
};

/// Plays the agent for one device. Cheap to clone; all clones are one bench.
#[derive(Clone)]
pub struct Bench {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

struct Shared {
    state: Mutex<State>,
    /// The virtual instant that stands for `epoch`.
    started: Instant,
    epoch: Timestamp,
    lines: Arc<dyn Lines>,
}

#[derive(Default)]
struct State {
    readings: Vec<Reading>,
    keys: HashSet<RecordKey>,
    repeated: u64,
    cursor: Option<Cursor>,
    contacts: Vec<Contact>,
    uploads: Vec<Upload>,
    alerts: Vec<Alert>,
    users: Vec<TerminalUser>,
    fingers: Option<FingerModule>,
    health: Vec<Health>,
    strangers: Vec<Stranger>,
    refuse: Option<NotRecorded>,
    delay: Duration,
}

/// The bench of a driver that opens none.
struct NoLines;

impl Lines for NoLines {
    fn open(&self, place: Place, _mode: Mode) -> BoxFuture<'_, Result<Line, LineError>> {
        async move { Err(LineError::NotThere(place)) }.boxed()
    }
}

impl Bench {
    /// A bench whose clock stands at `epoch` now and goes with tokio's (virtual) time, and the port to it.
    pub fn new(epoch: Timestamp) -> (Self, Port) {
        Self::with_lines(epoch, Arc::new(NoLines))
    }

    /// The same, for a driver that opens lines.
    pub fn with_lines(epoch: Timestamp, lines: Arc<dyn Lines>) -> (Self, Port) {
        let (requests, receiver) = mpsc::channel(8);
        let shared = Arc::new(Shared { state: Mutex::default(), started: Instant::now(), epoch, lines });
        let bench = Self { shared, requests };
        let port = Port::new(Arc::new(bench.clone()), receiver);
        (bench, port)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Every reading taken, each once.
    pub fn readings(&self) -> Vec<Reading> {
        self.state().readings.clone()
    }
    /// How many readings came again.
    pub fn repeated(&self) -> u64 {
        self.state().repeated
    }
    /// What was learned in contacts, oldest first.
    pub fn contacts(&self) -> Vec<Contact> {
        self.state().contacts.clone()
    }
    /// The offsets of the terminal's clock in these contacts, in milliseconds, oldest first.
    pub fn offsets(&self) -> Vec<i64> {
        let clocks = self.contacts().into_iter().filter_map(|contact| contact.clock);
        clocks.filter_map(|clock| clock.offset_ms(self.now())).collect()
    }
    /// Bodies handed over, oldest first.
    pub fn uploads(&self) -> Vec<Upload> {
        self.state().uploads.clone()
    }
    /// Alerts, oldest first.
    pub fn alerts(&self) -> Vec<Alert> {
        self.state().alerts.clone()
    }
    /// Whom the terminal knows.
    pub fn users(&self) -> Vec<TerminalUser> {
        self.state().users.clone()
    }
    /// What the finger module holds, as the driver said last.
    pub fn fingers(&self) -> Option<FingerModule> {
        self.state().fingers.clone()
    }
    /// Every change of health, oldest first.
    pub fn health_history(&self) -> Vec<Health> {
        self.state().health.clone()
    }
    /// How the device is now.
    pub fn health_now(&self) -> Option<Health> {
        self.state().health.last().cloned()
    }
    /// Who wanted in.
    pub fn strangers(&self) -> Vec<Stranger> {
        self.state().strangers.clone()
    }
    /// The cursor as committed.
    pub fn cursor_now(&self) -> Option<Cursor> {
        self.state().cursor.clone()
    }
    /// Refuses every batch from now on with this answer, or accepts again.
    pub fn refuse(&self, answer: Option<NotRecorded>) {
        self.state().refuse = answer;
    }
    /// Takes so long for every batch.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }
    /// Forgets the cursor, as after a salvage.
    pub fn forget_cursor(&self) {
        self.state().cursor = None;
    }

    /// Sends a command to the driver and waits for its answer.
    pub async fn command(&self, command: Command) -> Result<Done, CommandError> {
        self.command_with_steps(command, |_| {}).await
    }

    /// The same; each step on the way is told to `step`. Dropping it gives the command up.
    pub async fn command_with_steps(&self, command: Command, mut step: impl FnMut(Text)) -> Result<Done, CommandError> {
        let (request, mut outcome, mut steps) = Request::new(command);
        if self.requests.send(request).await.is_err() {
            return Err(CommandError::Unsupported);
        }
        loop {
            tokio::select! {
                biased;
                Some(text) = steps.recv() => step(text),
                answer = &mut outcome => return answer.unwrap_or(Err(CommandError::Unsupported)),
            }
        }
    }

    /// Waits until `wanted` holds, looking every 50 ms of (virtual) time, at most `limit`.
    pub async fn until(&self, limit: Duration, wanted: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if wanted(self) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        wanted(self)
    }
}

impl AgentSide for Bench {
    fn submit(&self, batch: Batch) -> BoxFuture<'_, Result<Vec<Receipt>, NotRecorded>> {
        async move {
            let delay = self.state().delay;
            tokio::time::sleep(delay).await;
            let now = self.now().utc;
            let mut state = self.state();
            if let Some(answer) = &state.refuse {
                return Err(answer.clone());
            }
            if batch.readings.len() > MAX_BATCH {
                return Err(NotRecorded::Malformed(format!("{} readings in one batch", batch.readings.len())));
            }
            let mut receipts = Vec::with_capacity(batch.readings.len());
            for reading in batch.readings {
                let fresh = reading.key.as_ref().is_none_or(|key| state.keys.insert(key.clone()));
                if fresh {
                    state.readings.push(reading);
                    let verdict = Verdict::Punch { name: "测试".into(), time: now };
                    receipts.push(Receipt { seq: state.readings.len() as u64, verdict });
                } else {
                    state.repeated += 1;
                    receipts.push(Receipt { seq: 0, verdict: Verdict::Repeated });
                }
            }
            if batch.cursor.is_some() {
                state.cursor = batch.cursor;
            }
            state.contacts.extend(batch.contact);
            state.uploads.extend(batch.upload);
            state.alerts.extend(batch.alerts);
            if let Some(users) = batch.users {
                state.users = users;
            }
            if let Some(fingers) = batch.fingers {
                state.fingers = Some(fingers);
            }
            Ok(receipts)
        }
        .boxed()
    }

    fn cursor(&self) -> BoxFuture<'_, Option<Cursor>> {
        let cursor = self.cursor_now();
        async move { cursor }.boxed()
    }

    fn health(&self, health: Health) {
        let mut state = self.state();
        if state.health.last() != Some(&health) {
            state.health.push(health);
        }
    }

    fn stranger(&self, stranger: Stranger) {
        self.state().strangers.push(stranger);
    }

    fn lines(&self) -> &dyn Lines {
        &*self.shared.lines
    }

    fn now(&self) -> GatewayTime {
        let gone = self.shared.started.elapsed();
        let gone = SignedDuration::try_from(gone).unwrap_or(SignedDuration::ZERO);
        let utc = self.shared.epoch.checked_add(gone).unwrap_or(self.shared.epoch);
        GatewayTime { utc, bound: Some(Duration::from_millis(10)) }
    }
}
