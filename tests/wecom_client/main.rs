//! The WeCom client against servers that answer well, badly, late, or not at all.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the functions that the tests share are tests too")]

mod outcomes;
mod punches;
mod secrets;
mod server;
mod tls;
mod tokens;
