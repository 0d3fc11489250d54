//! Intake: devices are started, restarted when they fail, and answered; their readings go into the journal.
//!
//! Each group of devices that share one thing of ours (most groups have one member) runs as one task under [`supervisor`]. A
//! driver that returns, panics or falls silent is started again with back-off while all others go on. Each device has a [`Desk`]:
//! the agent's side of its port, which stamps what the driver hands over, journals it and judges it in one transaction, and only
//! then gives the receipts.

mod contacts;
mod desk;
mod hearing;
pub mod lines;
pub mod registry;
mod supervisor;
mod terminal_time;

pub use desk::{Desk, Office};
pub use hearing::Heard;
pub use supervisor::{Intake, Patience, Served};
