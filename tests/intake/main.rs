//! Intake through its public face: drivers are started again, commanded and stopped, and their readings are answered.
//!
//! Supervision is tested in virtual time. What touches the journal runs in real time, because its writer is a thread of its own
//! and virtual time would run away while it works.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod site;

mod blocking;
mod commands;
mod health;
mod notes;
mod receipts;
mod restarts;
