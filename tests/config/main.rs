//! The configuration through its public face: what is refused, what it resolves to, what is said about it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod explained;
mod mistakes;
mod reference;
mod resolved;
mod secrets;
mod site;
