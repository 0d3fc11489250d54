//! Bytes ⇄ values of what Bluetooth devices say: pure, without input or output, and without a panic on any bytes.

pub mod address;
pub mod answer;
pub mod badge;
pub mod content;
pub mod frame;
pub mod pattern;
pub mod presence;
pub mod uuid;
