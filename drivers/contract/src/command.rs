//! What the agent asks of a driver.

use jiff::civil::Date;
use tokio::sync::{mpsc, oneshot};

use crate::{FingerName, StoredFinger, Template, Text};

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
    /// Take a finger of the person who stands at the module: two touches, told step by step. Answered with the finger's name
    /// and template.
    EnrolFinger,
    /// Store a finger that was enrolled at another module of the same model.
    StoreFinger {
        /// The template.
        template: Template,
    },
    /// Remove a finger.
    DeleteFinger {
        /// Which.
        finger: FingerName,
    },
}

/// A command with the place for its answer. Dropped unanswered, it counts as failed.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Where the answer goes. Closed: nobody waits any more, what is under way is to be given up.
    pub answer: oneshot::Sender<Result<Done, CommandError>>,
    /// Where steps on the way are told.
    pub progress: mpsc::Sender<Text>,
}

impl Request {
    /// A command, the place where its answer will be, and the steps on the way. Steps beyond the sixteenth that nobody has
    /// taken are dropped.
    pub fn new(command: Command) -> (Self, oneshot::Receiver<Result<Done, CommandError>>, mpsc::Receiver<Text>) {
        let (answer, outcome) = oneshot::channel();
        let (progress, steps) = mpsc::channel(16);
        (Self { command, answer, progress }, outcome, steps)
    }

    /// Tells a step on the way, such as "lift the finger".
    pub fn step(&self, text: Text) {
        // Nobody may be listening; and who does not keep up with sixteen steps has no use for them.
        let _ = self.progress.try_send(text);
    }

    /// Waits until nobody waits for the answer any more.
    pub async fn given_up(&mut self) {
        self.answer.closed().await;
    }

    /// Answers; nobody listening any more is fine.
    pub fn answer(self, answer: Result<Done, CommandError>) {
        // A caller that gave up waiting has dropped its end.
        let _ = self.answer.send(answer);
    }
}

/// What was done, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The words.
    pub text: Text,
    /// The finger that was stored, where one was.
    pub finger: Option<StoredFinger>,
}

impl Done {
    /// Done, and there is nothing more to it than these words.
    pub fn said(text: Text) -> Self {
        Self { text, finger: None }
    }
}

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
