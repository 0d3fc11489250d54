//! Bytes and values of the push protocol (facts/terminals.md B): pure, no I/O, never panics.

pub mod attlog;
pub mod codes;
pub mod command;
pub mod fields;
pub mod handshake;
pub mod operlog;
pub mod path;
pub mod query;
pub mod rtlog;
pub mod sealed;
pub mod text;
pub mod time;
