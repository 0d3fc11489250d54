//! The API that the CLI and the pages talk to: HTTP/1 with JSON over a Unix socket.
//!
//! Who may connect is decided by the socket's mode (0660) and folder. Bodies, connections and waits are bounded, so that a
//! client that misbehaves costs the agent a fixed amount. Every answer that is not what was asked for is
//! `{"error": {"en", "zh"}}`.

mod client;
mod command;
mod fingers;
mod listen;
mod refusal;
mod routes;
mod running;
mod serve;
mod stream;

pub use client::{Client, ClientError, Lines};
pub use command::{COMMAND_WAITS, CommandAnswer, CommandRequest, Commands};
pub use listen::{Heard, Written};
pub use refusal::Refusal;
pub use routes::{Approved, Days, router};
pub use running::{ReloadRequest, Reloaded, Running};
pub use serve::{BindError, Console};
pub use stream::Line;

use std::time::Duration;

/// The largest body that is taken.
pub const MAX_BODY: usize = 16 << 20;
/// How long a request may take. A device answers a command within a minute or not at all.
pub const REQUEST_WAITS: Duration = Duration::from_secs(90);
