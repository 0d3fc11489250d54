//! The journal on disks that fail: power cuts at every operation, full disks, refused writes, failed syncs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod control;
mod disk;
mod errors;
mod full;
mod gateway;
mod power_cut;
mod scenario;
