//! The agent's answer to a reading, given only after the reading is on disk.

use jiff::Timestamp;

use crate::Text;

/// The answer to one reading. Having it means: the reading is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its number in the journal.
    pub seq: u64,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a reading, as far as a device can show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Punch {
        /// The person's name for the display.
        name: String,
        /// When, in true time.
        time: Timestamp,
    },
    /// Within the merge window of an earlier punch of the same person.
    Merged {
        /// The person's name for the display.
        name: String,
        /// The time of the punch that counts.
        into: Timestamp,
    },
    /// Nobody is known by this credential yet; kept until somebody is.
    Unknown,
    /// Kept, not counted yet.
    Held {
        /// Why.
        reason: Text,
    },
    /// Kept, does not count.
    Refused {
        /// Why.
        reason: Text,
    },
    /// This very record was already there.
    Repeated,
}

/// Nothing of the batch was recorded. The device keeps it or the person tries again; a second try is harmless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The journal did not answer within the time that a person waits.
    #[error("the journal is too slow just now: try again")]
    Busy,
    /// No room on the disk.
    #[error("the disk is full: free some space; nothing is accepted until then")]
    DiskFull,
    /// The journal cannot write; the agent is about to stop or restart.
    #[error("the journal cannot write: {0}")]
    Failed(String),
    /// The batch breaks a limit of the contract: a defect of the driver.
    #[error("the batch breaks the contract: {0}")]
    Malformed(String),
    /// The agent is stopping.
    #[error("the agent is stopping")]
    Stopping,
}
