//! The real program: what it answers, with which code, with and without a running agent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arriving;
#[path = "../common/mod.rs"]
mod common;
mod configuration;
mod deliveries;
mod driver;
mod given;
mod group;
mod journal;
mod life;
mod listening;
mod pages;
mod people;
mod punches;
mod runs;
mod site;
