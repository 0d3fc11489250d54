//! Lines and values: what a program and the agent say to each other (drivers/README.md, "As a program"). Pure; never panics on any
//! bytes.

mod civil;
mod from_program;
mod hex;
mod lines;
mod reading;
mod to_program;
mod wire;
mod words;
mod wrong;

pub use from_program::{CommandWord, Failure, FromProgram, Hello, Refused, SentBatch, SentReading};
pub use hex::{from_hex, to_hex};
pub use lines::{Line, Lines};
pub use reading::reading;
pub use to_program::{Answer, Order, Time, ToProgram, Welcome};
pub use wire::Id;
pub use wrong::Wrong;

/// The version of the protocol.
pub const VERSION: u64 = 1;

/// The longest line, without its end, in both directions.
pub const MAX_LINE: usize = 1 << 20;

/// Readings that may wait for their receipts; punchd reads no further while so many do.
pub const MAX_WAITING: usize = 16;
