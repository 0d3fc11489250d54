//! The journal: one SQLite file that holds every reading, what was concluded from it, and where it is on its way.
//!
//! # What is promised
//!
//! * When [`Journal::write`] answers `Ok`, what it wrote survives a power cut: write-ahead log, `synchronous=FULL`, both read
//!   back at every opening; the start is refused if they did not stick.
//! * A transaction is there whole or not at all. Readings, the device's cursor, verdicts and deliveries of one submission are
//!   one transaction, so no stage can be ahead of another after a crash.
//! * Rows of `reading` are never updated. Each one's digest covers the row before it ([`chain`]), so [`verify`] names the first
//!   altered, removed or inserted row. Retention ([`retention`]) removes only whole beginnings, and keeps the digest of the cut.
//! * A record that was once taken is known for ever by its key (`record_key`), also after retention has removed the reading.
//!
//! # How it is written
//!
//! One thread owns the writing connection ([`writer`]). Whatever has arrived while the last commit was on its way to the disk
//! becomes one transaction (group commit): a burst costs few flushes, a single punch waits for nobody. A job that fails does not
//! harm the others: it runs in a savepoint, or all of its transaction run again. The queue is bounded; a full queue is answered at once.
//! Everyone else reads through read-only connections ([`Journal::read`]).
//!
//! # What a crash leaves
//!
//! The last committed transaction and everything before it. At the next start, deliveries that were being sent are put in doubt
//! (the delivery stage does so), nothing else needs repair. A failed fsync is never retried, because the kernel may have dropped
//! the pages and calls them clean (facts/anchors.md 2.1): the writer stops without another write, the process ends, and the
//! next start writes the log again, folds it in and verifies everything before it accepts anything ([`Suspicion`]). That holds for
//! syncs of folding the log in, too, which is why SQLite does not do that by itself (`checkpoint.rs`). A full disk is different: the
//! transaction is rolled back, the submitter is told, and the next one is tried as usual.
//!
//! # What it does not do
//!
//! It does not guard against somebody who owns the disk and rewrites the whole chain: the head is logged daily to be kept
//! elsewhere, and `punchd verify --head` checks against it. It does not compact: space freed by retention is used again.

pub(crate) mod anchors;
mod append;
pub mod chain;
mod checkpoint;
mod error;
mod export;
mod extra;
mod fingers;
mod ids;
mod marker;
mod open;
mod registry;
mod retention;
mod salvage;
mod schema;
mod seal;
mod suspicion;
mod verify;
mod words;
mod writer;

pub use anchors::{ClockCompared, Word};
pub use append::{Appended, Evidence, Submission};
pub use chain::{Digest, Head};
pub use error::JournalError;
pub use export::{ExportError, export, verify_export};
pub use fingers::{
    FingerRow, Leftover, Missing, device_serves, finger_device, fingers, leftover_fingers, missing_fingers,
};
pub use ids::{DeliveryId, DestinationId, DeviceId, EnrolmentId, OrganisationId, PersonId, Seq};
pub use open::{Journal, Options, Salvaged};
pub use registry::{
    DestinationEntry, DeviceEntry, History, OrganisationEntry, Outlook, Registry, Standing, TAKES, Takes, outlook,
};
pub use retention::{Cut, Removed, Retention, cut};
pub(crate) use salvage::{CONCLUSIONS_OWED, DOUBT_BEFORE, DOUBT_UNTIL_KNOWN};
pub use suspicion::Suspicion;
pub use verify::{Broken, ChainHead, Finding, verify};
pub use writer::{Failure, Write};
