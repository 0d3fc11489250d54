//! punchd driver for USB keyboard-wedge card readers and barcode scanners over evdev (facts/readers.md B.2).
//!
//! [`protocol`] is keys and text; [`source`] finds and takes the keyboard; `driver` hands over what is typed. What is configured is
//! taken, and nothing else: a keyboard that somebody types on is never touched.

pub mod discover;
mod driver;
mod lights;
pub mod protocol;
pub mod settings;
pub mod source;
#[cfg(feature = "virtual")]
pub mod virtual_device;
pub mod wanted;

pub use driver::{Keyboard, Wedge};
pub use settings::Settings;
