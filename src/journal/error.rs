//! What can go wrong with the journal, and what a person should do about it.

use std::path::PathBuf;

use punchd_contract::Text;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No room. Nothing of the transaction is kept; the next one is tried as usual.
    #[error("the disk is full: free some space; nothing is accepted until then")]
    DiskFull,
    /// The disk failed while writing; the process must end and verify at its next start.
    #[error(
        "the disk failed while writing ({0}): punchd stops and verifies the journal at its next start; check the card or disk"
    )]
    Broken(String),
    /// The file is damaged.
    #[error("the journal is damaged ({0}): restart punchd, it will salvage what can be read and keep the old file")]
    Damaged(String),
    /// The writer has more to do than its queue holds.
    #[error("the journal is too slow just now: try again")]
    Busy,
    /// The writer has stopped.
    #[error("the journal is closed")]
    Closed,
    /// Salvaging needs room that is not there; nothing was begun.
    #[error(
        "the journal is damaged, and salvaging it needs {} MiB of room where {} MiB are free: make room, then start punchd again", needed.div_ceil(1 << 20), free >> 20
    )]
    NoRoomToSalvage {
        /// Bytes that the copies need.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Another punchd has it.
    #[error("{} is in use by another punchd: stop that one first (systemctl stop punchd)", .0.display())]
    InUse(PathBuf),
    /// The folder or file cannot be opened.
    #[error("cannot open {}: {why}; check that the folder exists and belongs to the user that runs punchd", path.display())]
    CannotOpen {
        /// What was to be opened.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A setting that durability rests on did not take effect.
    #[error(
        "SQLite did not accept {pragma} = {wanted} (it says {found}): the file system may not support it; put the journal on a local disk"
    )]
    Pragma {
        /// The pragma.
        pragma: &'static str,
        /// What was asked.
        wanted: &'static str,
        /// What it says.
        found: String,
    },
    /// Written by a newer punchd.
    #[error(
        "the journal was written by a newer punchd (schema {found}, this one knows {known}): install that version or a later one"
    )]
    Newer {
        /// In the file.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// A request that makes no sense, such as a person who does not exist.
    #[error("{0}")]
    Refused(String),
    /// What a person asked for cannot be done; the sentence says what would be right.
    #[error("{}", .0.en)]
    Declined(Text),
    /// Anything else that SQLite says: a defect.
    #[error("SQLite: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = &error else { return Self::Sqlite(error) };
        match failure.code {
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
            ErrorCode::SystemIoFailure => match failure.extended_code {
                // What was read back is shorter than it was written: damage, not a failing write.
                ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS => Self::Damaged(error.to_string()),
                _ => Self::Broken(error.to_string()),
            },
            _ => Self::Sqlite(error),
        }
    }
}

impl JournalError {
    /// Whether the writer may not go on after this.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Damaged(_))
    }

    /// The same error for another job of the same transaction.
    pub(super) fn shared(&self) -> Self {
        match self {
            Self::DiskFull => Self::DiskFull,
            Self::Broken(why) => Self::Broken(why.clone()),
            Self::Damaged(why) => Self::Damaged(why.clone()),
            Self::Busy => Self::Busy,
            Self::Closed => Self::Closed,
            Self::Declined(text) => Self::Declined(text.clone()),
            other => Self::Refused(other.to_string()),
        }
    }
}
