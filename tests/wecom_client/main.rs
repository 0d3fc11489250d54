//! The WeCom client against servers that answer well, badly, late, or not at all.

mod outcomes;
mod punches;
mod secrets;
mod server;
mod tls;
mod tokens;
