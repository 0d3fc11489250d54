//! `punchd run`: the agent in the foreground, until it is told to stop or the disk fails.
//!
//! The configuration is read and checked before anything is opened. A reload stops and starts the stages inside this process;
//! a configuration with mistakes changes nothing. When the journal can no longer be written, the process ends (74), because
//! only a new start verifies it; systemd sees to that.

mod configuration;
mod life;
mod sign;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use punchd_contract::Text;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::exit::Exit;
use super::failure::Failure;
use super::screen::{self, Screen};
use crate::clock::SystemClock;
use crate::config::{Config, Language, Warning};
use crate::intake::registry::DRIVERS;
use crate::telemetry::{Logs, Systemd};

/// The stack of a thread: SQLite and TLS fit several times.
const STACK: usize = 1 << 20;
/// Threads for calls that block: readers of the journal, name look-ups, small files.
const BLOCKING_THREADS: usize = 12;
/// How long stopping in order may take.
const STOP_WAITS: Duration = Duration::from_secs(20);
/// How long what is left behind then may hold the process.
const LEFT_BEHIND_WAITS: Duration = Duration::from_secs(1);

/// How to run.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Run {
    /// Rehearse a boot without the time: know nothing of it for so many seconds, as on a board without a clock battery
    #[arg(long, hide = true, value_name = "SECONDS")]
    clock_asleep: Option<u32>,
}

/// Runs until the end.
pub fn run(run: &Run, path: &Path, asked: Option<Language>, screen: &mut Screen) -> Result<Exit, Failure> {
    let (config, warnings) = Config::load(path, DRIVERS).map_err(|mistakes| {
        screen.language = screen::language(asked, mistakes.language);
        Failure::from(mistakes)
    })?;
    screen.language = screen::language(asked, config.language);
    let logs = Logs::start(config.gateway.log);
    announce(&config, &warnings, screen.language);
    let clock = match run.clock_asleep {
        None => SystemClock::new(),
        Some(seconds) => SystemClock::asleep_for(Duration::from_secs(seconds.into())),
    };
    let clock = clock.map_err(|error| Failure::plain(Exit::Unavailable, error))?;
    let runtime = runtime().map_err(|error| {
        Failure::plain(Exit::TryAgain, format!("the system gives no threads ({error}): try again when it has room"))
    })?;
    let outcome = runtime.block_on(async {
        let life = life::Life {
            path: path.to_owned(),
            clock: Arc::new(clock),
            systemd: Arc::new(Systemd::of_this_process()),
            logs,
            language: screen.language,
        };
        life.live(config).await
    });
    runtime.shutdown_timeout(LEFT_BEHIND_WAITS);
    // The log is where an operator of a service looks, and it is open now.
    outcome.or_else(|failure| {
        let Text { en, zh } = &failure.text;
        tracing::error!(exit = failure.exit.code(), zh, "{}", en.replace('\n', "; "));
        Ok(failure.exit)
    })
}

fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.clamp(2, 4))
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(STACK)
        .thread_name("punchd")
        .enable_all()
        .build()
}

/// Says once what the configuration will do, with the effective settings of every device.
fn announce(config: &Config, warnings: &[Warning], language: Language) {
    let one = match language {
        Language::Chinese => Language::Chinese,
        Language::English | Language::Both => Language::English,
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "punchd starts");
    for line in config.explain() {
        tracing::info!("{}", one.of(&line));
    }
    for warning in warnings {
        tracing::warn!("{}", warning.say(one));
    }
}

/// Waits for the end of `work`, bounded; `false` if it had to be left behind.
async fn ends_in_time(work: impl Future<Output = ()>) -> bool {
    timeout(STOP_WAITS, work).await.is_ok()
}

fn text_of(mistakes: &crate::config::Mistakes) -> Text {
    Text::new(mistakes.say(Language::English), mistakes.say(Language::Chinese))
}
