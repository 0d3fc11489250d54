//! The conformance suite: what every driver is put through against its virtual device, and the bench that plays the agent.

mod bench;
mod cable;
mod device;
mod readers;
mod running;
mod suite;

pub use bench::Bench;
pub use cable::Cable;
pub use device::{Exchange, VirtualDevice};
pub use suite::{EPOCH, USERS, conform, device_clock};
