//! punchd driver for any program that speaks JSON Lines on stdin and stdout (drivers/README.md, "As a program").
//!
//! [`protocol`] is lines and values, `conversation` is the talk over any pair of pipes, `program` starts and ends the process. What a
//! driver of ours says over its port, the program says in lines: the same readings, receipts, health and commands.

pub mod check;
mod commands;
mod conversation;
mod driver;
mod ended;
mod errors;
mod order;
mod outbox;
mod pace;
mod program;
pub mod protocol;
mod settings;
mod standing;
mod stderr;
mod submissions;
#[cfg(feature = "virtual")]
pub mod virtual_device;

pub use conversation::converse;
pub use driver::Process;
pub use ended::Ended;
pub use outbox::Outbox;
pub use settings::Settings;
