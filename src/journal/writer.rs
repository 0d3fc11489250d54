//! The one thread that writes: group commit, savepoints, and what happens when the disk does not play along.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot, watch};

use super::chain::{Digest, Head};
use super::checkpoint::{self, LogLength};
use super::error::JournalError;
use super::seal::SealingKey;
use super::suspicion::Suspicion;
use crate::clock::{BootId, Stamp};

/// How many rows one transaction may gather before it is committed, so that nobody waits behind an endless one.
const GATHER_ROWS: usize = 4000;

/// How the writer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The last transaction found no room. Cleared by the next one that does.
    DiskFull,
    /// The writer has stopped for good; the process must end.
    Fatal(String),
}

/// A write transaction, in the hands of a job.
pub struct Write<'a> {
    pub(super) connection: &'a Connection,
    pub(super) head: &'a mut Head,
    pub(super) key: &'a SealingKey,
    /// The boot that was last asked for in this transaction.
    boot: &'a mut Option<(BootId, i64)>,
}

impl Write<'_> {
    /// The connection, for statements of the stages' own tables. Use `prepare_cached`.
    pub fn sql(&self) -> &Connection {
        self.connection
    }

    /// The row number of this stamp's boot.
    pub fn boot(&mut self, stamp: &Stamp) -> Result<i64, JournalError> {
        if let Some((_, boot)) = self.boot.as_ref().filter(|(of, _)| *of == stamp.boot) {
            return Ok(*boot);
        }
        let boot = self.find_boot(stamp)?;
        *self.boot = Some((stamp.boot.clone(), boot));
        Ok(boot)
    }

    fn find_boot(&self, stamp: &Stamp) -> Result<i64, JournalError> {
        let mut find = self.connection.prepare_cached("SELECT boot FROM boot WHERE kernel_id = ?1")?;
        if let Some(boot) = find.query_row([&stamp.boot.0], |row| row.get(0)).optional()? {
            return Ok(boot);
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO boot (kernel_id, first_boottime_ns, first_wall_ms) VALUES (?1, ?2, ?3)")?;
        Ok(insert.insert((&stamp.boot.0, stamp.boottime.0, stamp.wall.0))?)
    }

    /// Opens a sealed body.
    pub fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.key.open(sealed)
    }
}

/// Something to write. `run` is called inside the transaction, `finish` once after its end.
pub(super) trait Job: Send {
    fn weight(&self) -> usize;
    /// Whether `run` may be called again after what it wrote was rolled back.
    fn repeatable(&self) -> bool;
    fn run(&mut self, write: &mut Write<'_>) -> Result<(), JournalError>;
    fn finish(self: Box<Self>, outcome: Result<(), JournalError>);
}

type Once<T> = Box<dyn FnOnce(&mut Write<'_>) -> Result<T, JournalError> + Send>;
type Repeatable<T> = Box<dyn FnMut(&mut Write<'_>) -> Result<T, JournalError> + Send>;

/// The closure of a job.
pub(super) enum Work<T> {
    Once(Option<Once<T>>),
    Repeatable(Repeatable<T>),
}

/// A closure as a job.
pub(super) struct Task<T> {
    pub weight: usize,
    pub work: Work<T>,
    pub done: Option<T>,
    pub answer: oneshot::Sender<Result<T, JournalError>>,
}

impl<T: Send> Job for Task<T> {
    fn weight(&self) -> usize {
        self.weight
    }

    fn repeatable(&self) -> bool {
        matches!(self.work, Work::Repeatable(_))
    }

    fn run(&mut self, write: &mut Write<'_>) -> Result<(), JournalError> {
        self.done = match &mut self.work {
            Work::Once(work) => work.take().map(|work| work(write)).transpose()?,
            Work::Repeatable(work) => Some(work(write)?),
        };
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), JournalError>) {
        let Self { done, answer, .. } = *self;
        // Whoever asked may have given up waiting; what was committed stays committed.
        let _ = answer.send(outcome.and_then(|()| done.ok_or(JournalError::Closed)));
    }
}

/// A job that failed, and whether something of it is in the transaction.
struct Failed {
    error: JournalError,
    left_something: bool,
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self { error: error.into(), left_something: false }
    }
}

/// The writer's own state.
pub(super) struct Writer {
    pub connection: Connection,
    pub head: Head,
    pub key: SealingKey,
    pub jobs: mpsc::Receiver<Box<dyn Job>>,
    pub failure: watch::Sender<Option<Failure>>,
    pub suspicion: Suspicion,
    pub log: LogLength,
    /// Forgotten with every transaction and with everything that is rolled back, so that it never outlives its row.
    pub boot: Option<(BootId, i64)>,
}

impl Writer {
    /// Works until all senders are gone or the disk fails for good.
    pub fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            if let Err(fatal) = self.transact(first) {
                return self.stop(&fatal);
            }
        }
        match checkpoint::fold_all(&self.connection) {
            Ok(()) => checkpoint::close_folded(self.connection),
            Err(fatal) if fatal.is_fatal() => {
                self.doubt(&fatal);
                self.stop(&fatal);
            }
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be folded in at the end; the next start does it");
            }
        }
    }

    /// Says why, to the process and to everyone who waits.
    fn stop(&mut self, fatal: &JournalError) {
        tracing::error!(error = %fatal, "the journal cannot be written any more");
        self.failure.send_replace(Some(Failure::Fatal(fatal.to_string())));
        self.refuse_the_rest(fatal);
    }

    /// One transaction over everything that waits. `Err` only if the writer has to stop.
    ///
    /// A savepoint makes SQLite copy every page that a job touches. So jobs that can be run again share the transaction without
    /// one: if one of them fails after it has written, which only a defect can bring about, all of them run again, each in its own.
    fn transact(&mut self, first: Box<dyn Job>) -> Result<(), JournalError> {
        let before = self.head;
        self.boot = None;
        let changes = self.connection.total_changes();
        if let Err(error) = execute(&self.connection, "BEGIN IMMEDIATE") {
            return self.abandon(vec![first], before, error.into());
        }
        let mut done: Vec<Box<dyn Job>> = Vec::new();
        let mut again: VecDeque<Box<dyn Job>> = VecDeque::new();
        let mut apart = false;
        let mut gathered = 0;
        let mut next = Some(first);
        while let Some(mut job) = next {
            gathered += job.weight();
            apart |= !job.repeatable();
            let outcome = if apart { self.step(job.as_mut()) } else { self.bare_step(job.as_mut()) };
            match outcome {
                Ok(()) => done.push(job),
                Err(Failed { error, .. }) if ends_the_transaction(&error) || self.connection.is_autocommit() => {
                    done.push(job);
                    done.extend(again);
                    return self.abandon(done, before, error);
                }
                Err(Failed { error, left_something: false }) => job.finish(Err(error)),
                Err(Failed { error, left_something: true }) => {
                    tracing::error!(%error, "a job failed after it had written: its transaction is done again");
                    (self.head, self.boot) = (before, None);
                    let anew = execute(&self.connection, "ROLLBACK")
                        .and_then(|()| execute(&self.connection, "BEGIN IMMEDIATE"));
                    done.push(job);
                    if let Err(error) = anew {
                        return self.abandon(done, before, error.into());
                    }
                    (apart, gathered) = (true, 0);
                    again.extend(done.drain(..));
                }
            }
            let more = gathered < GATHER_ROWS;
            next = again.pop_front().or_else(|| if more { self.jobs.try_recv().ok() } else { None });
        }
        match execute(&self.connection, "COMMIT") {
            Ok(()) => {
                tracing::trace!(jobs = done.len(), rows = gathered, "committed");
                for job in done {
                    job.finish(Ok(()));
                }
                // Only a transaction that wrote something shows that there is room.
                if self.failure.borrow().is_some() && self.connection.total_changes() != changes {
                    tracing::info!("the disk has room again: readings are accepted");
                    self.failure.send_replace(None);
                }
                self.fold()
            }
            Err(error) => self.abandon(done, before, error.into()),
        }
    }

    /// Keeps the log short, after everyone has their answer.
    fn fold(&mut self) -> Result<(), JournalError> {
        match self.log.fold_if_long(&self.connection) {
            Err(error) if error.is_fatal() => {
                self.doubt(&error);
                Err(error)
            }
            Err(error) => {
                // The log holds everything; it grows until there is room.
                tracing::warn!(%error, "the write-ahead log could not be folded in yet");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Runs one job in its savepoint: nothing is left of one that fails.
    fn step(&mut self, job: &mut dyn Job) -> Result<(), Failed> {
        let before = self.head;
        execute(&self.connection, "SAVEPOINT job")?;
        match self.run_job(job) {
            Ok(()) => Ok(execute(&self.connection, "RELEASE job")?),
            Err(error) => {
                (self.head, self.boot) = (before, None);
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
                }
                Err(Failed { error, left_something: false })
            }
        }
    }

    /// Runs one job as part of the transaction: what one that fails has written stays there.
    fn bare_step(&mut self, job: &mut dyn Job) -> Result<(), Failed> {
        let before = (self.head, self.connection.total_changes());
        self.run_job(job)
            .map_err(|error| Failed { error, left_something: (self.head, self.connection.total_changes()) != before })
    }

    fn run_job(&mut self, job: &mut dyn Job) -> Result<(), JournalError> {
        let mut write =
            Write { connection: &self.connection, head: &mut self.head, key: &self.key, boot: &mut self.boot };
        catch_unwind(AssertUnwindSafe(|| job.run(&mut write)))
            .unwrap_or_else(|_| Err(JournalError::Refused("a defect of punchd: see the log".into())))
    }

    /// Leaves a note for the next start if the file may have suffered.
    fn doubt(&self, error: &JournalError) {
        if error.is_fatal()
            && let Err(error) = self.suspicion.raise(&error.to_string())
        {
            tracing::error!(%error, "cannot leave a note for the next start");
        }
    }

    /// Nothing of this transaction is kept. The note comes first: whoever hears of the failure may end the process.
    fn abandon(&mut self, jobs: Vec<Box<dyn Job>>, before: Head, error: JournalError) -> Result<(), JournalError> {
        self.doubt(&error);
        self.head = before;
        if !self.connection.is_autocommit()
            && let Err(rollback) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(error = %rollback, "the transaction could not be rolled back");
        }
        for job in jobs {
            job.finish(Err(error.shared()));
        }
        self.judge(error)
    }

    fn judge(&mut self, error: JournalError) -> Result<(), JournalError> {
        match error {
            JournalError::DiskFull => {
                if self.failure.send_replace(Some(Failure::DiskFull)).is_none() {
                    tracing::error!("the disk is full: nothing is accepted until there is room");
                }
                Ok(())
            }
            error if error.is_fatal() => Err(error),
            error => {
                tracing::error!(%error, "a transaction failed");
                Ok(())
            }
        }
    }

    fn refuse_the_rest(&mut self, fatal: &JournalError) {
        self.jobs.close();
        while let Some(job) = self.jobs.blocking_recv() {
            job.finish(Err(fatal.shared()));
        }
    }
}

/// Runs a statement that answers nothing, compiled once.
fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

fn ends_the_transaction(error: &JournalError) -> bool {
    error.is_fatal() || matches!(error, JournalError::DiskFull)
}

/// Where the chain stands in the file.
pub(super) fn head(connection: &Connection) -> Result<Head, JournalError> {
    let last = connection
        .query_row("SELECT seq, digest FROM reading ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let cut = connection
        .query_row("SELECT next_seq - 1, digest FROM cut ORDER BY next_seq DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    // After a cut of everything, or a salvage that lost the end, the chain goes on from the cut.
    let (seq, digest) = match (last, cut) {
        (Some(last), Some(cut)) if cut.0 > last.0 => cut,
        (Some(last), _) => last,
        (None, Some(cut)) => cut,
        (None, None) => return Ok(Head::EMPTY),
    };
    let digest = if digest.is_empty() { Some(Digest::START) } else { Digest::from_bytes(&digest) };
    let digest = digest.ok_or_else(|| JournalError::Damaged(format!("the digest of reading {seq} is not 32 bytes")))?;
    Ok(Head { seq, digest })
}
