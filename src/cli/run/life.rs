//! The agent's life in this process: start, reload, stop; what signals, the console and the disk have to say to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use punchd_contract::Text;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use jiff::tz::TimeZone;

use super::configuration::{Read, in_short};
use super::{announce, ends_in_time, sign, text_of};
use crate::agent::{Agent, StartError};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::clock::Clock;
use crate::config::{Config, Language};
use crate::console::{Console, ReloadRequest, Reloaded, Running, router};
use crate::health::Subject;
use crate::intake::registry::DRIVERS;
use crate::journal::{self, JournalError};
use crate::telemetry::{Logs, Systemd};

/// How long a request that still looks at the old journal may keep the new agent from opening it.
const LET_GO: Duration = Duration::from_secs(10);
/// Requests to reload that may wait; more are told to try again.
const RELOADS: usize = 4;

/// What outlives the agent.
pub(super) struct Life {
    pub path: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub systemd: Arc<Systemd>,
    pub logs: Logs,
    pub language: Language,
}

/// What wakes the agent's owner.
enum Event {
    Stop,
    Reload(Option<ReloadRequest>),
    Failed(String),
}

/// Everything that runs.
struct Alive {
    running: Arc<Running>,
    config: Config,
    /// When that was read, and what was wrong with the file at the last reload.
    read: Read,
    console: Console,
    failure: watch::Receiver<Option<journal::Failure>>,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next event that a signal means.
    async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.terminate.recv() => Event::Stop,
            _ = self.interrupt.recv() => Event::Stop,
            _ = self.hang_up.recv() => Event::Reload(None),
        }
    }

    /// Waits for a signal to stop; a reload means nothing while nothing runs yet.
    async fn end(&mut self) {
        while !matches!(self.next().await, Event::Stop) {}
    }
}

impl Life {
    /// From the start to the end.
    pub async fn live(&self, config: Config) -> Result<Exit, Failure> {
        let mut signals =
            Signals::new().map_err(|error| Failure::plain(Exit::Unavailable, format!("no signals: {error}")))?;
        let started = tokio::select! {
            started = sign::patiently(&self.systemd, self.start(&config)) => started?,
            () = signals.end() => return Ok(Exit::Done),
        };
        let (sender, mut reloads) = mpsc::channel(RELOADS);
        let failure = started.operations.journal.failure();
        let running = Arc::new(Running::new(started, sender, crate::cli::forward::carry_out));
        let console = match Console::open(&config.gateway.socket, router(running.clone())).await {
            Ok(console) => console,
            Err(error) => {
                self.stop(&running).await;
                return Err(error.into());
            }
        };
        tracing::info!(socket = %console.path().display(), "the agent runs");
        self.systemd.ready("Started");
        let mut signs = JoinSet::new();
        sign::start(&mut signs, &self.systemd, &running);
        let mut alive = Alive { running, config, read: Read::now(self.clock.as_ref()), console, failure };
        self.tell_configuration(&alive).await;
        let outcome = loop {
            let event = tokio::select! {
                event = signals.next() => event,
                Some(request) = reloads.recv() => Event::Reload(Some(request)),
                why = failed(&mut alive.failure) => Event::Failed(why),
            };
            match event {
                Event::Stop => break Ok(Exit::Done),
                Event::Failed(why) => break Err(broken(&why)),
                Event::Reload(request) => match self.reload(&mut alive).await {
                    Ok(outcome) => {
                        alive.read = match &outcome {
                            Ok(_) => Read::now(self.clock.as_ref()),
                            Err(_) => alive.read.clone(),
                        };
                        self.tell_configuration(&alive).await;
                        tell(request, outcome);
                    }
                    Err(failure) => break Err(failure),
                },
            }
        };
        self.systemd.stopping();
        tracing::info!("stopping");
        signs.shutdown().await;
        let Alive { running, console, .. } = alive;
        if !ends_in_time(async {
            tokio::join!(console.stop(), self.stop(&running));
        })
        .await
        {
            tracing::warn!("not everything stopped in time; the journal is sound all the same");
        }
        outcome
    }

    async fn start(&self, config: &Config) -> Result<Agent, StartError> {
        let until = Instant::now() + LET_GO;
        loop {
            match Agent::start(config.clone(), self.clock.clone()).await {
                Err(StartError::Journal(JournalError::InUse(folder)))
                    if Instant::now() < until && self.is_ours(config) =>
                {
                    tracing::debug!(folder = %folder.display(), "waiting for the last look at the journal to end");
                    sleep(Duration::from_millis(50)).await;
                }
                other => return other,
            }
        }
    }

    /// Whether the lock on this journal can be one that this very process holds.
    fn is_ours(&self, config: &Config) -> bool {
        let owner = std::fs::canonicalize(config.gateway.data.join("journal.lock"));
        let descriptors = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        owner.is_ok_and(|lock| {
            descriptors.into_iter().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == lock))
        })
    }

    async fn stop(&self, running: &Running) {
        if let Some(mut agent) = running.take().await {
            agent.stop().await;
        }
    }

    /// Puts the configuration as it is now into effect, or says everything that is wrong with it and goes on as before. `Err`
    /// only if nothing runs any more.
    async fn reload(&self, alive: &mut Alive) -> Result<Result<Reloaded, Text>, Failure> {
        self.systemd.reloading();
        let path = self.path.clone();
        let loaded = tokio::task::spawn_blocking(move || Config::load(&path, DRIVERS)).await;
        let outcome = match loaded {
            Ok(Ok((config, warnings))) => {
                announce(&config, &warnings, self.language);
                let told = config.clone();
                let consequences = tokio::task::spawn_blocking(move || crate::agent::consequences(&told)).await;
                let consequences = consequences.unwrap_or_default();
                for Text { en, zh } in &consequences {
                    tracing::info!(zh, "{en}");
                }
                let warnings = warnings.into_iter().map(|warning| warning.text).chain(consequences).collect();
                self.replace(alive, config).await?.map(|()| Reloaded {
                    devices: alive.config.devices.len(),
                    destinations: alive.config.destinations.len(),
                    warnings,
                })
            }
            Ok(Err(mistakes)) => {
                for mistake in &mistakes.list {
                    tracing::error!(at = %mistake.spot, zh = mistake.text.zh, "{}", mistake.text.en);
                }
                tracing::error!(
                    count = mistakes.list.len() + mistakes.more,
                    "the configuration has mistakes: everything goes on as before"
                );
                alive.read.trouble = Some(in_short(&mistakes));
                Err(text_of(&mistakes))
            }
            Err(_) => Err(Text::new("a defect of punchd: see the log", "punchd 缺陷，请查看日志")),
        };
        self.systemd.ready("Running");
        Ok(outcome)
    }

    /// Stops the stages and starts them with this configuration; if they cannot be, with the one before.
    async fn replace(&self, alive: &mut Alive, config: Config) -> Result<Result<(), Text>, Failure> {
        if !ends_in_time(self.stop(&alive.running)).await {
            tracing::warn!("the stages did not stop in time");
        }
        let refused = match sign::patiently(&self.systemd, self.start(&config)).await {
            Ok(agent) => match self.open_console(alive, &config).await {
                Ok(()) => {
                    self.logs.set(config.gateway.log);
                    alive.failure = agent.operations.journal.failure();
                    alive.config = config;
                    alive.running.put(agent).await;
                    tracing::info!("the new configuration is in effect");
                    return Ok(Ok(()));
                }
                Err(failure) => {
                    let mut agent = agent;
                    agent.stop().await;
                    failure
                }
            },
            Err(error) => error.into(),
        };
        tracing::error!(
            zh = refused.text.zh,
            "the new configuration cannot be put into effect, going back: {}",
            refused.text.en
        );
        let agent = sign::patiently(&self.systemd, self.start(&alive.config)).await?;
        alive.failure = agent.operations.journal.failure();
        alive.running.put(agent).await;
        alive.read.trouble = Some(Text::new(
            format!("the file as it is now cannot be put into effect: {}", refused.text.en),
            format!("当前的配置文件无法生效：{}", refused.text.zh),
        ));
        Ok(Err(refused.text))
    }

    /// Says which configuration is in effect, and what is wrong with the file since.
    async fn tell_configuration(&self, alive: &Alive) {
        let zone = alive.config.gateway.zone.as_ref().map_or(TimeZone::UTC, |zone| zone.rules.clone());
        alive.running.say(Subject::Configuration, alive.read.health(&zone, self.clock.now().time)).await;
    }

    /// Opens the socket at its new place, if it has one.
    async fn open_console(&self, alive: &mut Alive, config: &Config) -> Result<(), Failure> {
        if config.gateway.socket == alive.config.gateway.socket {
            return Ok(());
        }
        let console = Console::open(&config.gateway.socket, router(alive.running.clone())).await?;
        let before = std::mem::replace(&mut alive.console, console);
        // Whoever asked for the reload waits for its answer on the old one, which lets open requests end.
        tokio::spawn(before.stop());
        Ok(())
    }
}

/// Whoever asked may have gone.
fn tell(request: Option<ReloadRequest>, outcome: Result<Reloaded, Text>) {
    if let Some(request) = request {
        let _ = request.send(outcome);
    }
}

/// Waits until the journal cannot be written any more, and answers why.
async fn failed(failure: &mut watch::Receiver<Option<journal::Failure>>) -> String {
    loop {
        if let Some(journal::Failure::Fatal(why)) = failure.borrow_and_update().clone() {
            return why;
        }
        if failure.changed().await.is_err() {
            return match failure.borrow().clone() {
                Some(journal::Failure::Fatal(why)) => why,
                _ => "the journal's writer ended by a defect".to_owned(),
            };
        }
    }
}

fn broken(why: &str) -> Failure {
    Failure::new(
        Exit::Disk,
        format!(
            "the journal cannot be written ({why}): punchd ends and verifies it at its next start; check the card or disk"
        ),
        format!("日志库无法写入（{why}）：punchd 退出，下次启动时校验；请检查存储卡或磁盘"),
    )
}
