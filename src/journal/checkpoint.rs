//! Folding the write-ahead log into the file: the writer does it itself, so that no failed sync goes unnoticed.
//!
//! Left alone, SQLite folds the log in after a commit and again when its last connection closes, and swallows every error of it.
//! But a sync that failed and is tried again may succeed without having written anything (facts/anchors.md 2.1): SQLite would
//! take the file for complete, use the log again, and what had been answered long ago would be gone. So both are switched off, and
//! an error here stops the writer like one in a commit.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::JournalError;

/// Pages in the log from which on it is folded in; SQLite's own measure.
const LONG: i32 = 1000;

/// Takes SQLite's own folding away from a connection, before it has seen the log.
pub(super) fn none_by_itself(connection: &Connection) -> Result<(), JournalError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0")?;
    Ok(())
}

/// The length of the log, as of the last commit of one connection.
pub(super) struct LogLength(Arc<AtomicI32>);

impl LogLength {
    pub fn of(connection: &mut Connection) -> Result<Self, JournalError> {
        let length = Arc::new(AtomicI32::new(0));
        let seen = length.clone();
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            seen.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self(length))
    }

    /// Folds the log in if it has become long, as far as no reader is in the way.
    pub fn fold_if_long(&self, connection: &Connection) -> Result<(), JournalError> {
        if self.0.load(Ordering::Relaxed) < LONG {
            return Ok(());
        }
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Folds all of the log in and empties it. A reader that is in the way leaves it to the next start.
pub(super) fn fold_all(connection: &Connection) -> Result<(), JournalError> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Closes the connection and removes its empty log.
pub(super) fn close_folded(connection: Connection) {
    // Nothing is left to be folded in, so nothing can fail that matters.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
}

/// Writes a file over itself. After a failed sync the kernel shows content that the disk does not have and that no later sync
/// would write; written again, it is due again.
pub(super) fn write_again(path: &Path) -> io::Result<()> {
    let file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut part = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let length = file.read_at(&mut part, at)?;
        let Some(read) = part.get(..length).filter(|read| !read.is_empty()) else { break };
        file.write_all_at(read, at)?;
        at += length as u64;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_again_is_what_it_was_and_a_missing_one_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let content: Vec<u8> = (0..(5_u32 << 18)).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&path, &content).unwrap();
        write_again(&path).unwrap();
        assert!(std::fs::read(&path).unwrap() == content);
        write_again(&folder.path().join("none")).unwrap();
        assert!(!folder.path().join("none").exists());
    }
}
