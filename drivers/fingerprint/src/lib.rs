//! punchd driver for fingerprint modules of the EF01 family (ZFM-20, R30x, AS608, R503).
//!
//! [`protocol`] is bytes and values; `session` is one question after the other; `module` is who the module is, `library` what
//! it holds; `gate` is what happens at it, `enrol` and `orders` what the agent wants of it, `driver` begins it all again.
//!
//! Templates leave a module for modules of its own model alone, and are kept by nobody here; images never leave it.

mod alerts;
mod driver;
mod enrol;
mod find;
mod gate;
mod library;
mod light;
mod memory;
mod module;
mod notes;
mod orders;
pub mod protocol;
mod session;
mod settings;
mod trouble;
#[cfg(feature = "virtual")]
pub mod virtual_device;

pub use driver::Fingerprint;
pub use settings::{Password, Settings};
