//! What a driver hands over in one piece, to be committed in one transaction.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ClockShown, FingerModule, Reading, SerialNumber, Text};

/// The most readings in one batch. A longer log goes in several batches; the last one carries the cursor.
pub const MAX_BATCH: usize = 1000;

/// The most that a reader's texts are told late: readings are stamped where they arrive, not from memory.
pub const MAX_AGO: Duration = Duration::from_secs(10);

/// Everything of one submission. Committed together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// In the order of the device, at most [`MAX_BATCH`].
    pub readings: Vec<Reading>,
    /// How long ago they were presented, where a reader without a clock of its own tells them late (by a second or two, never more
    /// than [`MAX_AGO`]).
    pub ago: Duration,
    /// Replaces the device's cursor, with these readings.
    pub cursor: Option<Cursor>,
    /// What was learned of the terminal in this contact.
    pub contact: Option<Contact>,
    /// The body that these readings came in, as received.
    pub upload: Option<Upload>,
    /// Things that somebody should look at.
    pub alerts: Vec<Alert>,
    /// Whom the terminal knows; replaces what it said before. `None`: nothing new.
    pub users: Option<Vec<TerminalUser>>,
    /// What the module holds; replaces what it said before. `None`: nothing new.
    pub fingers: Option<FingerModule>,
}

/// Where a driver stands with its device: its own JSON text, at most 64 KiB. Lost cursors are harmless, they cost a re-read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// What one contact with a terminal told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contact {
    /// Its serial number.
    pub serial: Option<SerialNumber>,
    /// Where it answered.
    pub address: Option<String>,
    /// Model and firmware as it says.
    pub firmware: Option<String>,
    /// What its clock showed, where it tells.
    pub clock: Option<ClockShown>,
    /// How many records it says it has.
    pub records_claimed: Option<u64>,
    /// How many records were read, where the whole log was read.
    pub records_read: Option<u64>,
}

/// A body that a terminal sent, kept as received (sealed) until its retention ends. Sent again, it is counted, not stored twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The table it was sent for, such as `ATTLOG`.
    pub table: String,
    /// The bytes as received; a driver blanks out biometric content before it hands them over.
    pub body: Vec<u8>,
    /// Whether the driver understood it. What it did not understand is shown to the operator.
    pub understood: bool,
}

/// Something that a person should look at, such as a terminal's clock set by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What kind of thing.
    pub kind: AlertKind,
    /// What happened and what to do.
    pub text: Text,
}

/// The kinds of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Somebody set the terminal's clock.
    ClockSet,
    /// Somebody deleted punches on the terminal.
    PunchesDeleted,
    /// The terminal's count of records and ours differ.
    CountsDiffer,
    /// Something arrived that the driver does not understand.
    NotUnderstood,
    /// Another terminal answers than the one that was expected.
    WrongTerminal,
    /// Anything else worth a look.
    Other,
}

/// Someone whom a terminal knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalUser {
    /// The terminal's user id.
    pub user_id: String,
    /// The name on its display; may be cut in the middle of a character.
    pub name: String,
    /// A card number, as the terminal prints it.
    pub card: Option<String>,
}
