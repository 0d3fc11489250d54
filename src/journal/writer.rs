//! The one thread that writes: group commit, savepoints, and what happens when the disk does not play along.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot, watch};

use super::chain::{Digest, Head};
use super::checkpoint::{self, LogLength};
use super::error::JournalError;
use super::seal::SealingKey;
use super::suspicion::Suspicion;
use crate::clock::Stamp;

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
}

impl Write<'_> {
    /// The connection, for statements of the stages' own tables. Use `prepare_cached`.
    pub fn sql(&self) -> &Connection {
        self.connection
    }

    /// The row number of this stamp's boot.
    pub fn boot(&self, stamp: &Stamp) -> Result<i64, JournalError> {
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

/// Something to write. `run` is called once inside the transaction, `finish` once after its end.
pub(super) trait Job: Send {
    fn weight(&self) -> usize;
    fn run(&mut self, write: &mut Write<'_>) -> Result<(), JournalError>;
    fn finish(self: Box<Self>, outcome: Result<(), JournalError>);
}

/// A closure as a job.
pub(super) struct Task<T, F> {
    pub weight: usize,
    pub work: Option<F>,
    pub done: Option<T>,
    pub answer: oneshot::Sender<Result<T, JournalError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Write<'_>) -> Result<T, JournalError> + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, write: &mut Write<'_>) -> Result<(), JournalError> {
        if let Some(work) = self.work.take() {
            self.done = Some(work(write)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), JournalError>) {
        let Self { done, answer, .. } = *self;
        // Whoever asked may have given up waiting; what was committed stays committed.
        let _ = answer.send(outcome.and_then(|()| done.ok_or(JournalError::Closed)));
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
    fn transact(&mut self, first: Box<dyn Job>) -> Result<(), JournalError> {
        let before = self.head;
        let changes = self.connection.total_changes();
        if let Err(error) = execute(&self.connection, "BEGIN IMMEDIATE") {
            return self.abandon(vec![first], before, error.into());
        }
        let mut done: Vec<Box<dyn Job>> = Vec::new();
        let mut gathered = 0;
        let mut next = Some(first);
        while let Some(mut job) = next {
            gathered += job.weight();
            match self.step(job.as_mut()) {
                Ok(()) => done.push(job),
                Err(error) if ends_the_transaction(&error) || self.connection.is_autocommit() => {
                    done.push(job);
                    return self.abandon(done, before, error);
                }
                Err(error) => job.finish(Err(error)),
            }
            next = if gathered < GATHER_ROWS { self.jobs.try_recv().ok() } else { None };
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

    /// Runs one job in its savepoint.
    fn step(&mut self, job: &mut dyn Job) -> Result<(), JournalError> {
        let before = self.head;
        execute(&self.connection, "SAVEPOINT job")?;
        let mut write = Write { connection: &self.connection, head: &mut self.head, key: &self.key };
        let outcome = catch_unwind(AssertUnwindSafe(|| job.run(&mut write)))
            .unwrap_or_else(|_| Err(JournalError::Refused("a defect of punchd: see the log".into())));
        match outcome {
            Ok(()) => Ok(execute(&self.connection, "RELEASE job")?),
            Err(error) => {
                self.head = before;
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("ROLLBACK TO job; RELEASE job")?;
                }
                Err(error)
            }
        }
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
