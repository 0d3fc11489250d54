//! punchd driver for everything that sends lines over a serial port: scanners and card readers (facts/readers.md B.3, E.4).
//!
//! [`protocol`] is bytes and values; [`settings`] says what a line means; `driver` waits for lines, hands them over and answers.

pub mod answers;
mod conversation;
mod discover;
mod driver;
pub mod protocol;
pub mod settings;
mod trigger;
#[cfg(feature = "virtual")]
pub mod virtual_device;

pub use driver::SerialLine;
pub use settings::Settings;
