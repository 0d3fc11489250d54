//! The agent's side of one device's port: stamps, journals, judges, and only then answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use punchd_contract::batch::MAX_AGO;
use punchd_contract::{
    AgentSide, Batch, Command, CommandError, Cursor, DeviceName, Done, GatewayTime, Health, Lines, NotRecorded,
    Receipt, Request, Stranger, Verdict,
};
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio::time::Instant;

use super::contacts::{self, Contacts};
use super::hearing::{Ear, Heard};
use crate::attendance::Attendance;
use crate::clock::{Clock, Stamp};
use crate::health::{Board, Subject};
use crate::journal::{Appended, ClockCompared, DeviceId, Journal, JournalError, Submission};

/// How long a person waits for a device to carry out a command.
const COMMAND_WAITS: Duration = Duration::from_secs(60);
/// Strangers that are remembered; the one who has not knocked for the longest time makes room for a new one.
const STRANGERS: i64 = 1000;
/// Notes of strangers that may wait for the disk; more are dropped, because who wants in knocks again.
const NOTES: usize = 16;
/// Commands that may wait for a driver; more are refused.
pub(super) const COMMANDS: usize = 8;

/// What all desks share.
#[derive(Clone)]
pub struct Office {
    /// Where readings go.
    pub journal: Journal,
    /// Who judges them.
    pub attendance: Arc<Attendance>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How good the clock must be.
    pub trusted_within: Duration,
    /// Where health is told.
    pub board: Arc<Board>,
    /// Told when there is something to deliver.
    pub punched: Arc<Notify>,
    /// Told when a finger module has said what it holds.
    pub fingers_changed: Arc<Notify>,
    /// What opens lines to readers.
    pub lines: Arc<dyn Lines>,
}

/// The agent's side of one device's port.
pub struct Desk {
    device: DeviceId,
    name: DeviceName,
    office: Office,
    touched: Mutex<Instant>,
    /// Whether the driver has said since its start how the device is.
    said: Mutex<bool>,
    contacts: Contacts,
    ear: Ear,
    notes: Arc<Semaphore>,
    commands: Mutex<Option<mpsc::Sender<Request>>>,
}

impl Desk {
    /// The desk of a device.
    pub fn new(device: DeviceId, name: DeviceName, office: Office) -> Self {
        Self {
            device,
            name,
            office,
            touched: Mutex::new(Instant::now()),
            said: Mutex::new(false),
            contacts: Contacts::default(),
            ear: Ear::new(),
            notes: Arc::new(Semaphore::new(NOTES)),
            commands: Mutex::new(None),
        }
    }

    /// What is presented from now on.
    pub fn listen(&self) -> broadcast::Receiver<Heard> {
        self.ear.listen()
    }

    /// The device's number.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// The device's name.
    pub fn name(&self) -> &DeviceName {
        &self.name
    }

    /// A fresh way for commands, for a driver that starts.
    pub(super) fn open_commands(&self) -> mpsc::Receiver<Request> {
        let (sender, receiver) = mpsc::channel(COMMANDS);
        *lock(&self.commands) = Some(sender);
        *lock(&self.said) = false;
        self.touch();
        receiver
    }

    /// When the driver last used its port.
    pub(super) fn last_touch(&self) -> Instant {
        *lock(&self.touched)
    }

    fn touch(&self) {
        *lock(&self.touched) = Instant::now();
    }

    /// Asks the driver for something and waits for its answer, bounded.
    pub async fn command(&self, command: Command) -> Result<Done, CommandError> {
        self.command_with_steps(command, COMMAND_WAITS, |_| {}).await
    }

    /// The same for what takes longer and goes in steps, each told to `step`. Dropping it gives the command up.
    pub async fn command_with_steps(
        &self,
        command: Command,
        within: Duration,
        mut step: impl FnMut(punchd_contract::Text),
    ) -> Result<Done, CommandError> {
        let failed = |en: &str, zh: &str| CommandError::Failed(punchd_contract::Text::new(en, zh));
        let not_running = || {
            let (en, zh) = ("its driver is being started again: try in a moment", "驱动正在重新启动，请稍后再试");
            CommandError::Unreachable(punchd_contract::Text::new(en, zh))
        };
        let sender = lock(&self.commands).clone().ok_or_else(not_running)?;
        let (request, mut outcome, mut steps) = Request::new(command);
        sender.try_send(request).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                failed("the device is busy with other commands: try again", "设备正忙，请稍后再试")
            }
            TrySendError::Closed(_) => not_running(),
        })?;
        let end = tokio::time::sleep(within);
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                Some(text) = steps.recv() => step(text),
                answer = &mut outcome => return answer.unwrap_or_else(|_| {
                    Err(failed("the driver was restarted meanwhile: try again", "驱动已重启，请再试一次"))
                }),
                () = &mut end => return Err(late(within)),
            }
        }
    }

    /// How the device is, said by the agent itself.
    pub(super) fn say(&self, health: Health) {
        let now = self.office.clock.now().time;
        self.office.board.say(Subject::Device(self.name.to_string()), health, now);
    }

    /// The same where the driver has not said anything since its start; it is never talked over.
    pub(super) fn say_if_mute(&self, health: Health) {
        let said = lock(&self.said);
        if !*said {
            self.say(health);
        }
    }

    async fn journal(&self, batch: Batch, clock: Option<ClockCompared>) -> Result<Vec<Receipt>, NotRecorded> {
        let stamp: Stamp = self.office.clock.stamp().ago(batch.ago.min(MAX_AGO));
        let holds_fingers = batch.fingers.is_some();
        let submission = Submission { device: self.device, batch, stamp, clock };
        let attendance = self.office.attendance.clone();
        let rows = submission.batch.readings.len();
        let punched = self.office.punched.clone();
        let work = move |write: &mut crate::journal::Write<'_>| {
            let appended = write.append(&submission)?;
            let mut judged = attendance.judge(write, appended.iter().filter_map(fresh))?.into_iter();
            let receipts: Vec<Receipt> = appended
                .iter()
                .filter_map(|one| match one {
                    Appended::Fresh(evidence) => {
                        Some(Receipt { seq: evidence.seq.0.unsigned_abs(), verdict: judged.next()? })
                    }
                    Appended::Repeated => Some(Receipt { seq: 0, verdict: Verdict::Repeated }),
                })
                .collect();
            let news = receipts.iter().any(|receipt| matches!(receipt.verdict, Verdict::Punch { .. }));
            Ok((receipts, TellDelivery { punched: punched.clone(), news }))
        };
        let (receipts, told) = self.office.journal.write_repeatable(rows, work).await.map_err(not_recorded)?;
        drop(told);
        if holds_fingers {
            self.office.fingers_changed.notify_one();
        }
        for receipt in receipts.iter().filter(|receipt| receipt.verdict != Verdict::Repeated) {
            tracing::debug!(device = %self.name, seq = receipt.seq, verdict = word(&receipt.verdict), "recorded");
        }
        Ok(receipts)
    }
}

/// Travels with the receipts out of the transaction and tells delivery where it is let go of: here, or by the writer if whoever
/// submitted has given up waiting meanwhile. A punch of a slow disk would otherwise lie until the next one.
struct TellDelivery {
    punched: Arc<Notify>,
    news: bool,
}

impl Drop for TellDelivery {
    fn drop(&mut self) {
        if self.news {
            self.punched.notify_one();
        }
    }
}

fn fresh(appended: &Appended) -> Option<&crate::journal::Evidence> {
    match appended {
        Appended::Fresh(evidence) => Some(evidence),
        Appended::Repeated => None,
    }
}

fn late(within: Duration) -> CommandError {
    CommandError::Failed(if within > COMMAND_WAITS {
        punchd_contract::Text::new("this took too long and was given up: try again", "用时过长，已放弃，请再试一次")
    } else {
        punchd_contract::Text::new("the device did not answer within a minute", "设备一分钟内没有应答")
    })
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Punch { .. } => "punch",
        Verdict::Merged { .. } => "merged",
        Verdict::Unknown => "unknown",
        Verdict::Held { .. } => "held",
        Verdict::Refused { .. } => "refused",
        Verdict::Repeated => "repeated",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_recorded(error: JournalError) -> NotRecorded {
    match error {
        JournalError::DiskFull => NotRecorded::DiskFull,
        JournalError::Busy => NotRecorded::Busy,
        JournalError::Closed => NotRecorded::Stopping,
        JournalError::Refused(why) => NotRecorded::Malformed(why),
        other => NotRecorded::Failed(other.to_string()),
    }
}

/// Writes down who knocked. A flood of invented serial numbers must not fill the disk, nor keep a real one from being shown.
fn note(sql: &Connection, stranger: &Stranger, now: i64) -> Result<(), JournalError> {
    let serial = stranger.serial.as_ref().map_or("", |serial| serial.as_str());
    let unnamed = if serial.is_empty() { stranger.address.as_str() } else { "" };
    let (en, zh) = stranger.trouble.as_ref().map(|text| (&text.en, &text.zh)).unzip();
    let of = (stranger.kind, serial, &stranger.address, &stranger.detail, now, unnamed, en, zh);
    let again = sql.execute(
        "UPDATE stranger SET address = ?3, detail = ?4, last_ms = ?5, times = times + 1, trouble_en = ?7, trouble_zh = ?8
          WHERE kind = ?1 AND serial = ?2 AND unnamed = ?6",
        of,
    )?;
    if again > 0 {
        return Ok(());
    }
    sql.execute(
        "DELETE FROM stranger WHERE (kind, serial, unnamed) IN
           (SELECT kind, serial, unnamed FROM stranger ORDER BY last_ms DESC LIMIT -1 OFFSET ?1)",
        [STRANGERS - 1],
    )?;
    sql.execute(
        "INSERT INTO stranger (serial, kind, address, detail, first_ms, last_ms, times, unnamed, trouble_en, trouble_zh)
         VALUES (?2, ?1, ?3, ?4, ?5, ?5, 1, ?6, ?7, ?8)",
        of,
    )?;
    Ok(())
}

impl AgentSide for Desk {
    fn submit(&self, batch: Batch) -> BoxFuture<'_, Result<Vec<Receipt>, NotRecorded>> {
        self.touch();
        if self.contacts.tells_nothing_new(&self.office, &batch) {
            return async { Ok(Vec::new()) }.boxed();
        }
        async move {
            let (contact, clock) = (batch.contact.clone(), contacts::compare(&self.office, &batch));
            let presented = self.ear.presented(&batch);
            let answer = self.journal(batch, clock).await;
            if let Some(presented) = presented {
                self.ear.tell(presented, &answer);
            }
            let receipts = answer?;
            if let Some(contact) = contact {
                self.contacts.noted(&self.office, self.device, contact, clock).await;
            }
            Ok(receipts)
        }
        .boxed()
    }

    fn cursor(&self) -> BoxFuture<'_, Option<Cursor>> {
        self.touch();
        let device = self.device;
        let find = self.office.journal.read(move |sql| {
            Ok(sql
                .query_row("SELECT cursor FROM device WHERE device = ?1", [device], |row| {
                    row.get::<_, Option<String>>(0)
                })
                .optional()?
                .flatten())
        });
        async move {
            match find.await {
                Ok(cursor) => cursor.map(Cursor),
                Err(error) => {
                    // Without its cursor a driver reads everything again, which is harmless.
                    tracing::warn!(device = %self.name, %error, "the cursor could not be read");
                    None
                }
            }
        }
        .boxed()
    }

    fn health(&self, health: Health) {
        self.touch();
        let mut said = lock(&self.said);
        *said = true;
        self.say(health);
    }

    fn stranger(&self, stranger: Stranger) {
        self.touch();
        let Ok(turn) = self.notes.clone().try_acquire_owned() else { return };
        let now = self.office.clock.now().time.0;
        let journal = self.office.journal.clone();
        let serial = stranger.serial.as_ref().map_or("none", |serial| serial.as_str());
        tracing::warn!(serial, address = stranger.address, "an unknown terminal wants in: see `punchd devices`");
        // Worth no waiting for the driver. Ends with the write, which ends with the journal.
        tokio::spawn(async move {
            if let Err(error) = journal.write(move |write| note(write.sql(), &stranger, now)).await {
                tracing::warn!(%error, "the unknown terminal could not be noted");
            }
            drop(turn);
        });
    }

    fn lines(&self) -> &dyn Lines {
        &*self.office.lines
    }

    fn now(&self) -> GatewayTime {
        self.touch();
        let now = self.office.clock.now();
        GatewayTime { utc: now.time.timestamp(), bound: now.bound.filter(|_| now.trusted(self.office.trusted_within)) }
    }
}
