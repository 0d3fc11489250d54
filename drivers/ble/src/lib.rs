//! punchd drivers for Bluetooth Low Energy: devices that notify, and badges that advertise.
//!
//! The order is that of a reading's way: from the air through the radio to a device's driver.

pub mod bluez;

pub mod radio;

pub mod protocol;

pub mod terminal;

pub mod badge;

mod discover;
mod pipe;

pub use badge::BleBadge;
pub use pipe::{Pipe, open_pipe, open_pipe_over};
pub use terminal::Ble;

#[cfg(feature = "virtual")]
pub mod virtual_device;
