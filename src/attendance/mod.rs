//! People and verdicts: who it was, whether it counts, what it means.

pub mod roster_csv;
mod userid;

pub use userid::{UserId, UserIdError};
