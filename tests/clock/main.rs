//! The right time, through the whole agent: boots without time, steps, terminals and WeCom as sources, and what a person decides.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod boots;
mod decisions;
mod front;
mod site;
mod sources;
mod steps;
