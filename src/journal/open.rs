//! Opening the journal: the lock, the pragmas that durability rests on, the first look, and the handle that everyone uses.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::chain::Head;
use super::checkpoint;
use super::error::JournalError;
use super::marker;
use super::registry::{self, Registry};
use super::salvage;
use super::seal::SealingKey;
use super::suspicion::Suspicion;
use super::verify;
use super::writer::{Failure, Job, Task, Work, Write, Writer, head};
use super::{Cut, schema};
use crate::clock::Stamp;

/// Jobs that may wait for the writer. Every device submits one batch at a time, so this is reached only when the disk stalls;
/// then submitters wait, each for as long as its person or terminal does.
const QUEUE: usize = 64;
/// Read-only connections at the same time.
const READERS: usize = 3;
/// A file up to this size is checked whole before it is opened; a larger one in the background.
const CHECKED_AT_ONCE: u64 = 16 << 20;

/// Where the journal is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder with `journal.db` and the sealing key.
    pub folder: PathBuf,
    /// A SQLite VFS by name; tests break disks with it.
    pub vfs: Option<String>,
}

impl Options {
    /// A journal in this folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), vfs: None }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("journal.db")
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, JournalError> {
        self.connect_to(self.file(), flags)
    }

    /// A new file beside the journal.
    pub(super) fn create(&self, path: &Path) -> Result<Connection, JournalError> {
        self.connect_to(path.to_owned(), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn connect_to(&self, path: PathBuf, flags: OpenFlags) -> Result<Connection, JournalError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match &self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(&path, flags, vfs.as_str()),
            None => Connection::open_with_flags(&path, flags),
        };
        opened.map_err(|error| match JournalError::from(error) {
            JournalError::Sqlite(why) => JournalError::CannotOpen { path, why: why.to_string() },
            other => other,
        })
    }

    /// A read-only connection, for those who look at a journal that another process may be writing.
    pub fn read_only(&self) -> Result<Connection, JournalError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(32);
        // Readers look at few pages; what they do not keep, the kernel does.
        pragma(&connection, "cache_size", "-512", "-512")?;
        pragma(&connection, "query_only", "1", "1")?;
        Ok(connection)
    }
}

/// What was done to a damaged journal at its opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// What was wrong.
    pub why: String,
    /// Where the damaged file is now.
    pub old: PathBuf,
    /// How many readings could be read.
    pub kept: u64,
    /// Rows that are missing now.
    pub missing: Vec<Cut>,
}

/// The journal. Cheap to clone; the writer stops when the last clone is gone or [`Journal::close`] is called.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    failure: watch::Receiver<Option<Failure>>,
    readers: Mutex<Vec<Connection>>,
    reading: Semaphore,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held as long as the journal is open.
    _lock: Lock,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("folder", &self.inner.options.folder).finish()
    }
}

impl Journal {
    /// Opens the journal, salvaging it first if it is damaged. Blocks; call it before the runtime has anything else to do.
    pub fn open(options: Options, registry: &Registry, now: &Stamp) -> Result<(Self, Option<Salvaged>), JournalError> {
        prepare_folder(&options.folder)?;
        let lock = lock(&options.folder)?;
        let key =
            SealingKey::of(&options.folder).map_err(|error| cannot_open(&options.folder.join("sealing.key"), error))?;
        let suspicion = Suspicion::of(&options.folder);
        let (mut connection, salvaged) = prepare(&options, &suspicion, registry, now).inspect_err(|error| {
            if error.is_fatal()
                && let Err(error) = suspicion.raise(&error.to_string())
            {
                tracing::error!(%error, "cannot leave a note for the next start");
            }
        })?;
        suspicion.clear().map_err(|error| cannot_open(&options.folder, error))?;
        let head = head(&connection)?;
        let log = checkpoint::LogLength::of(&mut connection)?;
        // What a savepoint would put back stays in memory from here on: a temporary file would wear the card for every long
        // batch. What sorted whole tables (migrations, new destinations) is over.
        connection.execute_batch("PRAGMA temp_store = MEMORY;")?;
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let (failure, failures) = watch::channel(None);
        let writer = Writer { connection, head, key, jobs: receiver, failure, suspicion, log, boot: None };
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run())
            .map_err(|error| cannot_open(&options.folder, error))?;
        let inner = Inner {
            options,
            jobs: Mutex::new(Some(jobs)),
            failure: failures,
            readers: Mutex::default(),
            reading: Semaphore::new(READERS),
            thread: Mutex::new(Some(thread)),
            _lock: lock,
        };
        Ok((Self { inner: Arc::new(inner) }, salvaged))
    }

    /// Runs `work` in the next transaction. `Ok` means: it is durable. Dropping the future does not take the work back.
    pub async fn write<T, F>(&self, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T, JournalError> + Send + 'static,
    {
        self.write_weighing(1, work).await
    }

    /// The same for work that writes about so many rows.
    pub async fn write_weighing<T, F>(&self, rows: usize, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T, JournalError> + Send + 'static,
    {
        self.queue(rows, Work::Once(Some(Box::new(work)))).await
    }

    /// The same for work that can be done again after what it wrote was rolled back, which makes it cheaper. It is run more than
    /// once only where a job of its transaction fails.
    pub async fn write_repeatable<T, F>(&self, rows: usize, work: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnMut(&mut Write<'_>) -> Result<T, JournalError> + Send + 'static,
    {
        self.queue(rows, Work::Repeatable(Box::new(work))).await
    }

    async fn queue<T: Send + 'static>(&self, rows: usize, work: Work<T>) -> Result<T, JournalError> {
        let (answer, outcome) = oneshot::channel();
        let task = Task { weight: rows.max(1), work, done: None, answer };
        let jobs =
            self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(JournalError::Closed)?;
        jobs.send(Box::new(task)).await.map_err(|_| JournalError::Closed)?;
        drop(jobs);
        outcome.await.unwrap_or(Err(JournalError::Closed))
    }

    /// Runs `look` on a read-only connection, off the runtime's threads.
    pub async fn read<T, F>(&self, look: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    {
        let _turn = self.inner.reading.acquire().await.map_err(|_| JournalError::Closed)?;
        let inner = self.inner.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let idle = inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = idle.map_or_else(|| inner.options.read_only(), Ok)?;
            let found = look(&connection);
            inner.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            found
        });
        looked.await.unwrap_or(Err(JournalError::Closed))
    }

    /// How the writer is; changes are announced.
    pub fn failure(&self) -> watch::Receiver<Option<Failure>> {
        self.inner.failure.clone()
    }

    /// Where it is.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Writes down how far it has come, beside it.
    pub async fn mark(&self) {
        let options = self.inner.options.clone();
        let begun = self.write(move |write| marker::begin(&options, write.sql())).await;
        let options = self.inner.options.clone();
        let marked = match begun {
            Ok(mark) => {
                let write = move |sql: &Connection| {
                    marker::write(&options, sql, mark);
                    Ok(())
                };
                self.read(write).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = marked {
            tracing::debug!(%error, "the journal's marker is not written");
        }
    }

    /// Commits what waits and stops the writer. Later writes are refused.
    pub async fn close(&self) {
        self.mark().await;
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Some(thread) = thread {
            // Joining waits for the last commit; a panic of the writer was already logged by the runtime's hook.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// Everything of an opening that reads and writes the file.
fn prepare(
    options: &Options,
    suspicion: &Suspicion,
    registry: &Registry,
    now: &Stamp,
) -> Result<(Connection, Option<Salvaged>), JournalError> {
    salvage::finish_exchange(options)?;
    let suspected = suspicion.raised();
    if let Some(why) = &suspected {
        tracing::warn!(%why, "the journal failed when it was last written: all of it is verified first");
        let log = options.folder.join("journal.db-wal");
        checkpoint::write_again(&log).map_err(|error| JournalError::Broken(format!("{}: {error}", log.display())))?;
    }
    let whole =
        suspected.is_some() || fs::metadata(options.file()).map(|file| file.len() <= CHECKED_AT_ONCE).unwrap_or(true);
    let (mut connection, salvaged) = match open_writing(options, whole) {
        Err(JournalError::Damaged(why)) => {
            tracing::error!(%why, "the journal is damaged: salvaging what can be read");
            let salvaged = salvage::salvage(options, &why, now)?;
            tracing::error!(kept = salvaged.kept, old = %salvaged.old.display(), "the journal was salvaged into a new file");
            (open_writing(options, true)?, Some(salvaged))
        }
        other => (other?, None),
    };
    if suspected.is_some() {
        // What follows in the log would be lost with what went before it.
        checkpoint::fold_all(&connection)?;
        if let Some(broken) = verify::verify(&connection, None)?.broken {
            tracing::error!(?broken, "the chain of readings is broken: run `punchd verify`");
        }
    }
    if salvaged.is_none() {
        marker::compare(options, &mut connection, now)?;
    }
    registry::register(&mut connection, registry, now)?;
    let mark = marker::begin(options, &connection)?;
    marker::write(options, &connection, mark);
    Ok((connection, salvaged))
}

fn cannot_open(path: &Path, why: impl std::fmt::Display) -> JournalError {
    JournalError::CannotOpen { path: path.to_owned(), why: why.to_string() }
}

fn prepare_folder(folder: &Path) -> Result<(), JournalError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| cannot_open(folder, error))
}

/// The lock on a folder. Given back explicitly: closing the file is not enough while a child process that was just forked still
/// holds a copy of it, and the next start would be refused.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // The end of the process gives it back in any case.
        let _ = self.0.unlock();
    }
}

fn lock(folder: &Path) -> Result<Lock, JournalError> {
    let path = folder.join("journal.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| cannot_open(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(fs::TryLockError::WouldBlock) => Err(JournalError::InUse(folder.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(cannot_open(&path, error)),
    }
}

/// Opens for writing, sets and reads back the pragmas, migrates, and looks whether the file is whole.
pub(super) fn open_writing(options: &Options, whole: bool) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = options.connect(flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(96);
    checkpoint::none_by_itself(&connection)?;
    pragma(&connection, "journal_mode", "wal", "wal")?;
    pragma(&connection, "synchronous", "FULL", "2")?;
    pragma(&connection, "foreign_keys", "ON", "1")?;
    pragma(&connection, "cell_size_check", "ON", "1")?;
    pragma(&connection, "journal_size_limit", "16777216", "16777216")?;
    // Not all builds know it, and those that do not cannot map memory either.
    connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;")?;
    // Left to itself, SQLite compiles a statement anew for every value that a partial index might depend on.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if whole {
        quick_check(&connection)?;
    }
    schema::migrate(&mut connection)?;
    verify::tail(&connection)?;
    Ok(connection)
}

fn quick_check(connection: &Connection) -> Result<(), JournalError> {
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(JournalError::Damaged(said)) }
}

/// Sets a pragma and reads it back. The statement must be run to its end: it answers first and commits then, so whoever stops at
/// the answer never hears of a commit that failed, and SQLite goes on calling the mode `wal` that it is not in.
fn pragma(
    connection: &Connection,
    name: &'static str,
    wanted: &'static str,
    expected: &str,
) -> Result<(), JournalError> {
    let mut set = connection.prepare(&format!("PRAGMA {name} = {wanted}"))?;
    let mut answers = set.query([])?;
    while answers.next()?.is_some() {}
    let found = connection.query_row(&format!("PRAGMA {name}"), [], |row| {
        let value = row.get_ref(0)?;
        Ok(match value {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            other => String::from_utf8_lossy(other.as_bytes().unwrap_or_default()).into_owned(),
        })
    })?;
    if found == expected { Ok(()) } else { Err(JournalError::Pragma { pragma: name, wanted, found }) }
}

impl Journal {
    /// The chain's head as committed.
    pub async fn head(&self) -> Result<Head, JournalError> {
        self.read(head).await
    }
}
