//! Bytes and values of the push protocol (facts/terminals.md B): pure, no I/O, never panics.

pub mod attlog;
pub mod codes;
pub mod command;
pub mod door_event;
pub mod fields;
pub mod handshake;
pub mod id_card;
pub mod kept;
pub mod line;
pub mod operlog;
pub mod path;
pub mod query;
pub mod rtlog;
pub mod table;
pub mod text;
pub mod time;
pub mod written_time;
