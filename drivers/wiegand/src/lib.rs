//! punchd driver for wall readers that speak Wiegand over two GPIO lines (facts/readers.md B.4), the way in for 2.4 GHz RFID-SIM heads
//! too (B.6).
//!
//! [`protocol`] turns edges with their times into cards and keys, and is pure; [`board`] is where edges come from and where lights are
//! switched, `gpio` the real one; `driver` opens it and
//! `reader` is the conversation over either.

pub mod board;
mod driver;
mod evidence;
mod gpio;
pub mod protocol;
mod reader;
mod repeat;
mod settings;
mod signs;
#[cfg(feature = "virtual")]
pub mod virtual_device;

pub use driver::{Wiegand, serve};
pub use settings::Settings;
