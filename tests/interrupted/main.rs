//! Recovery, interrupted at every change of a file: killed there, or without room on the disk from there on. Whatever is cut off, the
//! next start finishes it: nothing that had a receipt is missing, every reading is judged, every punch has its delivery.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;
#[path = "../common/mod.rs"]
mod common;
mod salvage;
