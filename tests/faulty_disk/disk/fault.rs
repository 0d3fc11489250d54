//! What goes wrong, at which operation, and whether it stays wrong.

use rusqlite::ffi;

use super::model::Operation;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The power is cut in the middle of the operation; nothing works afterwards.
    PowerCut,
    /// No room: a write stops half-way, a file cannot be created.
    Full,
    /// The device refuses to write.
    WriteError,
    /// A sync fails, and what it was to make durable never will be, although it can still be read: that is how a kernel treats
    /// pages whose write-back failed (facts/anchors.md 2.1).
    SyncError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    Once,
    ForEver,
}

/// The plan: the `at`-th operation that this kind can hit, counted from 1, on files whose name ends so.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub kind: Kind,
    pub at: u64,
    pub lasting: Lasting,
    pub file: &'static str,
}

impl Fault {
    pub fn new(kind: Kind, at: u64, lasting: Lasting) -> Self {
        Self { kind, at, lasting, file: "" }
    }

    pub fn counts(&self, operation: Operation, name: &str) -> bool {
        let hits = match self.kind {
            Kind::PowerCut => true,
            Kind::Full => matches!(operation, Operation::Write | Operation::Create),
            Kind::WriteError => operation != Operation::Sync,
            Kind::SyncError => operation == Operation::Sync,
        };
        hits && name.ends_with(self.file)
    }

    /// What SQLite's own Unix layer answers in this case.
    pub fn code(&self, operation: Operation) -> i32 {
        match (self.kind, operation) {
            (_, Operation::Create) => ffi::SQLITE_CANTOPEN,
            (_, Operation::Delete) => ffi::SQLITE_IOERR_DELETE,
            (_, Operation::Truncate) => ffi::SQLITE_IOERR_TRUNCATE,
            (_, Operation::Sync) => ffi::SQLITE_IOERR_FSYNC,
            (Kind::Full, Operation::Write) => ffi::SQLITE_FULL,
            (_, Operation::Write) => ffi::SQLITE_IOERR_WRITE,
        }
    }
}
