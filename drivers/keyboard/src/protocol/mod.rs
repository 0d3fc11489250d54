//! What a reader types: key events and text, no input or output (facts/readers.md B.2).

pub mod keys;
pub mod layout;
pub mod typing;

#[cfg(test)]
mod properties;
