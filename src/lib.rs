//! punchd: an attendance gateway that loses no punch.
//!
//! The modules stand in the order of a punch's way: device → driver → intake → journal → attendance → delivery → WeCom.

// punchd.toml: every setting, its default, its check.
pub mod config;

// Puts the stages together, starts and stops them.
pub mod agent;

// What time it really is.
pub mod clock;

// Devices: start, restart, journal their readings, answer them.
pub mod intake;

// SQLite: schema, the writer, the readers, the hash chain.
pub mod journal;

// People and verdicts: who it was, whether it counts, what it means.
pub mod attendance;

// Outbox, retry, doubt, limits; one file a destination.
pub mod delivery;

// The WeCom API: client, token, errors, one file a group of calls.
pub mod wecom;

// How everything is, in sentences.
pub mod health;

// The API that the CLI and the pages talk to.
pub mod console;

// Logs, and what systemd is told.
pub mod telemetry;

// One file a subcommand.
pub mod cli;
