//! Logs, and what systemd is told.
//!
//! Lines go to standard error: coloured and compact on a terminal, plain elsewhere, and under systemd with the priority in front
//! and no time, which the system's journal adds itself. Nothing that is logged holds a secret, a card number or a name.

mod lines;
mod systemd;

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, reload};

use crate::config::LogLevel;

pub use lines::PriorityLines;
pub use systemd::Systemd;

/// The variable that overrides the configuration's level: a level, or `target=level` with commas between.
pub const LOG_VARIABLE: &str = "PUNCHD_LOG";

/// Turns the logs up and down.
#[derive(Clone, Debug)]
pub struct Logs {
    filter: Handle<Targets, Registry>,
}

impl Logs {
    /// Starts logging. Later calls in the same process change nothing.
    pub fn start(level: LogLevel) -> Self {
        let (targets, refused) = wanted(level);
        let (filter, handle) = reload::Layer::new(targets);
        let terminal = std::io::stderr().is_terminal();
        let layer =
            fmt::layer().with_writer(std::io::stderr).with_ansi(terminal && std::env::var_os("NO_COLOR").is_none());
        // Whoever started logging first in this process keeps it.
        let _ = if logs_to_systemd() {
            tracing_subscriber::registry().with(filter.and_then(layer.event_format(PriorityLines))).try_init()
        } else if terminal {
            tracing_subscriber::registry().with(filter.and_then(layer.compact().with_target(false))).try_init()
        } else {
            tracing_subscriber::registry().with(filter.and_then(layer.with_target(false))).try_init()
        };
        if let Some(refused) = refused {
            tracing::warn!(
                refused,
                "{LOG_VARIABLE} is neither a level nor target=level: the configuration's level holds"
            );
        }
        Self { filter: handle }
    }

    /// Takes another level of the configuration; `PUNCHD_LOG` stays stronger.
    pub fn set(&self, level: LogLevel) {
        if let Err(error) = self.filter.reload(wanted(level).0) {
            tracing::warn!(%error, "the level of the logs stays as it was");
        }
    }
}

/// What is let through, and the text of the variable if it makes no sense.
fn wanted(level: LogLevel) -> (Targets, Option<String>) {
    let configured = || of(LevelFilter::from_str(level.as_str()).unwrap_or(LevelFilter::INFO));
    let Some(said) = std::env::var(LOG_VARIABLE).ok().filter(|said| !said.is_empty()) else {
        return (configured(), None);
    };
    if let Ok(level) = LevelFilter::from_str(&said) {
        return (of(level), None);
    }
    match Targets::from_str(&said) {
        Ok(targets) if said.contains('=') => (targets, None),
        _ => (configured(), Some(said)),
    }
}

/// Our own crates at this level, everybody else's at warnings.
fn of(level: LevelFilter) -> Targets {
    // Matched by beginning, so the drivers' crates (`punchd_…`) are among ours.
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("punchd", level)
}

/// Whether standard error is the stream that systemd opened for the system's journal (`$JOURNAL_STREAM`, device:inode).
fn logs_to_systemd() -> bool {
    let said = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let Ok(stream) = std::fs::metadata(Path::new("/proc/self/fd/2")) else { return false };
    said == format!("{}:{}", stream.dev(), stream.ino())
}
