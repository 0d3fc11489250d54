//! Edges ⇄ cards and keys (facts/readers.md B.4). Pure; no edges make it panic.

pub mod bits;
pub mod card;
pub mod frames;
pub mod keypad;
