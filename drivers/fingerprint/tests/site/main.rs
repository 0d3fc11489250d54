//! The fingerprint driver at a gate: what people and the agent see of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod disturbed;
mod enrolment;
mod finding;
mod gate;
mod identity;
mod lacking;
mod reading;
mod templates;
