//! What the agent asks of a driver.

use jiff::civil::Date;
use tokio::sync::oneshot;

use crate::Text;

/// Something to do at the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make yourself known: beep, blink.
    Identify,
    /// Set the device's clock to the gateway's true time in the device's zone.
    SetClock,
    /// Read the whole log again, now.
    ReadLog,
    /// Fetch and count the records of these days (device-local, both included).
    Reconcile {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
    /// Open the door.
    Unlock,
    /// Store a person on the device.
    EnrolPerson {
        /// The device's user id.
        user_id: String,
        /// The name to show.
        name: String,
        /// A card number in decimal, if any.
        card: Option<u32>,
    },
    /// Remove a person from the device. Never removes records.
    DeletePerson {
        /// The device's user id.
        user_id: String,
    },
    /// Store a face (JPEG) on the device.
    SetFace {
        /// The device's user id.
        user_id: String,
        /// JPEG bytes.
        jpeg: Vec<u8>,
    },
}

/// A command with the place for its answer. Dropped unanswered, it counts as failed.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Done, CommandError>>,
}

impl Request {
    /// Answers; nobody listening any more is fine.
    pub fn answer(self, answer: Result<Done, CommandError>) {
        // A caller that gave up waiting has dropped its end.
        let _ = self.answer.send(answer);
    }
}

/// What was done, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done(pub Text);

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// This kind of device cannot do that.
    #[error("this kind of device cannot do that")]
    Unsupported,
    /// The device could not be reached; nothing was done.
    #[error("the device is not reachable just now: {0}")]
    Unreachable(Text),
    /// The device refused or failed.
    #[error("the device refused: {0}")]
    Failed(Text),
}
