//! punchd driver for the PN532 NFC reader over a serial line.

pub mod protocol;

#[cfg(feature = "virtual")]
pub mod virtual_device;
