//! A disk that fails on purpose, under SQLite: what was written and not synced may be gone after a power cut.
#![allow(dead_code, missing_docs, unused_imports)]

mod fault;
mod locks;
mod model;
mod power;
mod vfs;

pub use fault::{Fault, Kind, Lasting};
pub use model::{Disk, Operation};
pub use power::Kept;
pub use vfs::{NAME, plug};
