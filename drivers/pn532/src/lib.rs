//! punchd driver for the PN532 NFC reader over a serial line: cards of type A and B, FeliCa, and phones with an application of the site's own.
//!
//! The chip is asked over and over what lies on it (a *look*); what a look sees becomes a reading once, however long it lies there. Two cards
//! at once and numbers that phones make up are turned away with the reason: they say nothing about who stands there.

mod chip;
mod driver;
mod lights;
mod look;
mod presence;
pub mod protocol;
mod settings;
mod trouble;

#[cfg(feature = "virtual")]
pub mod virtual_device;

pub use driver::Pn532;
pub use settings::Settings;
