//! People and verdicts: who it was, whether it counts, what it means.

mod userid;

pub use userid::{UserId, UserIdError};
