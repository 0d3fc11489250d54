//! Terminals that are asked over port 4370 (facts/terminals.md A).
//!
//! [`protocol`] is bytes and values; `transport` and `session` carry them; `visit` is the conversation, `driver` repeats it.
//! What a terminal keeps is never changed: there is no code here that disables a terminal or clears anything on it.

mod driver;
mod find;
mod log_read;
mod orders;
mod people;
mod places;
pub mod protocol;
mod reading;
mod report;
mod rows;
mod serials;
mod session;
mod settings;
mod silence;
mod standing;
mod table;
mod transport;
mod trouble;
#[cfg(feature = "virtual")]
pub mod virtual_device;
mod visit;

pub use driver::ZktecoPull;
pub use log_read::readings_of_log;
pub use settings::{PORT, Settings};
