//! Terminals that are asked over port 4370 (facts/terminals.md A).

pub mod protocol;
/// x
pub struct ZktecoPull;
