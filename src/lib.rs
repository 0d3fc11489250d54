//! punchd: an attendance gateway that loses no punch.
//!
//! The modules follow the way of a punch (DESIGN: device → driver → intake → journal → attendance → delivery → WeCom).

/// People and verdicts: who it was, whether it counts, what it means.
pub mod attendance;
/// What time it really is.
pub mod clock;
/// punchd.toml: every setting, its default, its check.
pub mod config;
/// Outbox, retry, doubt, limits; one file a destination.
pub mod delivery;
/// How everything is, in sentences.
pub mod health;
/// Devices: start, restart, journal their readings, answer them.
pub mod intake;
/// SQLite: schema, the writer, the readers, the hash chain.
pub mod journal;
/// The WeCom API: client, token, errors, one file a group of calls.
pub mod wecom;
