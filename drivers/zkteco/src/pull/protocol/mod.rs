//! The pull protocol as bytes and values: pure functions that do no I/O and never panic (facts/terminals.md A).
//!
//! From the outside in: a [`frame`] carries a [`code`]; its data is a [`sizes`] answer, a [`bulk`] transfer of
//! [`record`]s and [`user`]s, or a [`live_event`].

pub mod bulk;
mod bytes;
pub mod checksum;
pub mod code;
pub mod comm_key;
pub mod digest;
pub mod frame;
pub mod gathering;
pub mod layout;
pub mod live_event;
pub mod names;
pub mod record;
pub mod sizes;
pub mod time;
pub mod user;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod vectors;
