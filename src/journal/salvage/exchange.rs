//! Putting the salvaged journal in the place of the damaged one, so that it can be cut off at any step.
//!
//! 1. The damaged file and its log get a second name each, `journal-damaged-…`.
//! 2. Rows go into `journal-salvage.db`; what a run that was cut off left of it is thrown away first.
//! 3. When it is complete, in one file and synchronised, it is renamed to `journal-salvaged.db`. That name is the marker: whoever
//!    opens the journal and finds it goes on with step 4 and reads nothing of the damaged file any more.
//! 4. The damaged log goes (SQLite would fold it into the new file), then the new file is renamed to `journal.db`.
//!
//! Up to step 3 the damaged journal is where it was and the next start begins again; from step 3 on nothing of it is needed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::super::error::JournalError;
use super::super::open::Options;
use super::super::schema;
use crate::clock::Stamp;

/// What SQLite keeps beside a file.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];
/// Room that must remain when the copies are there, in bytes.
const SPARE: u64 = 4 << 20;

/// The names that take part.
pub(super) struct Exchange<'a> {
    options: &'a Options,
    damaged: PathBuf,
    work: PathBuf,
    fresh: PathBuf,
    complete: PathBuf,
}

impl<'a> Exchange<'a> {
    pub fn of(options: &'a Options) -> Self {
        let file = |name: &str| options.folder.join(name);
        Self {
            options,
            damaged: options.file(),
            work: file("journal-salvage.work"),
            fresh: file("journal-salvage.db"),
            complete: file("journal-salvaged.db"),
        }
    }

    /// Whether the new file was finished and waits for its place.
    pub fn is_complete(&self) -> bool {
        self.complete.exists()
    }

    /// Clears away what a run before left, and sees that there is room: a copy to read from and a copy to write.
    pub fn begin(&self) -> Result<(), JournalError> {
        for file in [&self.work, &self.fresh] {
            remove_all(file)?;
        }
        let size = |suffix: &str| fs::metadata(with_suffix(&self.damaged, suffix)).map_or(0, |file| file.len());
        let (file, log) = (size(""), size("-wal"));
        let needed = 2 * file + log + log + SPARE;
        let free = free_bytes(&self.options.folder).map_err(|error| failed(&self.damaged, error))?;
        if free < needed { Err(JournalError::NoRoomToSalvage { needed, free }) } else { Ok(()) }
    }

    /// Gives the damaged file and its log a second name that stays. A run before may have done so.
    pub fn keep_the_damaged(&self, now: &Stamp) -> Result<PathBuf, JournalError> {
        let new = || self.options.folder.join(format!("journal-damaged-{}.db", now.wall.0));
        let kept = self.kept_before().unwrap_or_else(new);
        for suffix in ["", "-wal"] {
            let (from, to) = (with_suffix(&self.damaged, suffix), with_suffix(&kept, suffix));
            match second_name(&from, &to) {
                Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {
                    return Err(full_or_failed(&to, error));
                }
                _ => {}
            }
        }
        self.synchronise_folder()?;
        Ok(kept)
    }

    /// The second name that the damaged file has already.
    fn kept_before(&self) -> Option<PathBuf> {
        let inode = fs::metadata(&self.damaged).ok()?.ino();
        fs::read_dir(&self.options.folder).ok()?.flatten().map(|entry| entry.path()).find(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let ours = name.starts_with("journal-damaged-") && name.ends_with(".db");
            ours && fs::metadata(path).is_ok_and(|file| file.ino() == inode)
        })
    }

    /// A copy of the damaged file to read from: SQLite may want to write while it reads (recovering the log), and the evidence stays
    /// as it was.
    pub fn working_copy(&self) -> Result<PathBuf, JournalError> {
        for suffix in ["", "-wal"] {
            let from = with_suffix(&self.damaged, suffix);
            if from.exists() {
                fs::copy(&from, with_suffix(&self.work, suffix)).map_err(|error| full_or_failed(&from, error))?;
            }
        }
        Ok(self.work.clone())
    }

    /// The new file, with its schema. Nothing of it is worth anything before it is complete, so that it needs no log.
    pub fn open_fresh(&self) -> Result<Connection, JournalError> {
        let mut connection = self.options.create(&self.fresh)?;
        connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")?;
        schema::migrate(&mut connection)?;
        Ok(connection)
    }

    /// The new file has everything: on disk, and under the name that says so.
    pub fn complete(&self, fresh: Connection) -> Result<(), JournalError> {
        fresh.close().map_err(|(_, error)| error)?;
        File::open(&self.fresh).and_then(|file| file.sync_all()).map_err(|error| failed(&self.fresh, error))?;
        self.rename(&self.fresh, &self.complete)
    }

    /// From the complete file to the journal. Each step may have been done before.
    pub fn finish(&self) -> Result<(), JournalError> {
        remove_all(&self.work)?;
        for suffix in ["-wal", "-shm"] {
            remove(&with_suffix(&self.damaged, suffix))?;
        }
        self.synchronise_folder()?;
        self.rename(&self.complete, &self.damaged)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), JournalError> {
        fs::rename(from, to).map_err(|error| failed(from, error))?;
        self.synchronise_folder()
    }

    fn synchronise_folder(&self) -> Result<(), JournalError> {
        let folder = &self.options.folder;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, error))
    }
}

fn free_bytes(folder: &Path) -> io::Result<u64> {
    let room = rustix::fs::statvfs(folder)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

/// A hard link; a copy where the file system knows none.
fn second_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
            fs::copy(from, to)?;
            File::open(to)?.sync_all()
        }
        other => other,
    }
}

fn remove_all(file: &Path) -> Result<(), JournalError> {
    BESIDE.iter().try_for_each(|suffix| remove(&with_suffix(file, suffix)))
}

fn remove(file: &Path) -> Result<(), JournalError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(file, error)),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn failed(path: &Path, error: io::Error) -> JournalError {
    JournalError::CannotOpen { path: path.to_owned(), why: error.to_string() }
}

fn full_or_failed(path: &Path, error: io::Error) -> JournalError {
    if error.kind() == io::ErrorKind::StorageFull { JournalError::DiskFull } else { failed(path, error) }
}
