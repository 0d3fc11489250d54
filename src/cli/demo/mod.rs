//! `punchd demo`: a virtual site, the stand-in, and the real agent as its own process, through a bad half minute.
//!
//! The agent starts without knowing the time. People punch at three terminals and two readers; the time arrives; the uplink goes away
//! and comes back; the agent is killed once and started again. At the end the account is drawn from what the terminals hold, what people at
//! the readers were shown and what arrived at the stand-in, without asking the agent.

mod account;
mod agent;
mod display;
mod readers;
mod story;

use std::path::PathBuf;

use display::Display;
use punchd_sim::clock;
use punchd_sim::gate::Carrier;
use punchd_sim::site::{Plan, Site};
use punchd_sim::standin::Limits;

use self::agent::AgentProcess;
use super::{Exit, Failure};

/// How the demo is to run.
#[derive(Clone, Debug, clap::Args)]
pub struct Demo {
    /// Go on until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// What to put in front of the agent's command line, such as an emulator
    #[arg(long, value_name = "COMMAND")]
    runner: Option<String>,
}

/// Why the demo could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The site could not be built.
    #[error("the virtual site could not be started: {0}; is a loopback address free?")]
    Site(std::io::Error),
    /// The folder could not be made.
    #[error("cannot use {}: {why}; set TMPDIR to a folder that can be written", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// Nobody could be enrolled.
    #[error("no finger could be enrolled at the virtual module: {why}; the agent's log is {}", log.display())]
    Enrolment {
        /// What the agent said.
        why: String,
        /// Its log.
        log: PathBuf,
    },
    /// The agent did not start.
    #[error("the agent did not start: {why}; its log is {}", log.display())]
    Agent {
        /// What happened.
        why: String,
        /// Its log.
        log: PathBuf,
    },
}

/// People of the site.
const PEOPLE: usize = 50;
/// Punches that each terminal holds when the agent meets it.
const RECORDS: usize = 300;

/// Runs the demo. Done only if nothing was lost and nothing arrived twice.
pub(super) fn demo(demo: Demo) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::plain(Exit::Unavailable, error.to_string()))?;
    let right = runtime.block_on(run(demo)).map_err(|error| Failure::plain(Exit::Unavailable, error.to_string()))?;
    Ok(if right { Exit::Done } else { Exit::Negative })
}

async fn run(options: Demo) -> Result<bool, DemoError> {
    let folder = make_folder()?;
    // Emulators of a processor alone pass on what sockets are asked, and not what serial ports are.
    let readers = if options.runner.is_some() { Carrier::Network } else { Carrier::Ports(folder.clone()) };
    let plan = Plan { people: PEOPLE, records: RECORDS, limits: Limits::WECOM, readers: Some(readers) };
    let site = Site::start(plan, clock::real()).await.map_err(DemoError::Site)?;
    let mut display = Display::new();
    display.say(
        "two pull terminals, a push terminal, an NFC reader, a fingerprint module, 50 people, and a server that behaves like WeCom's",
        "两台轮询终端、一台推送终端、一个 NFC 读卡器、一个指纹模块、50 人，以及一台模拟企业微信的服务器",
    );
    let mut agent = AgentProcess::start(&folder, &site, options.runner.as_deref()).await?;
    let story = story::Story { site: &site, folder: &folder, keep: options.keep, slow: options.runner.is_some() };
    let outcome = story.tell(&mut agent, &mut display).await;
    agent.stop().await;
    let account = account::draw(&site, &folder).await;
    display.account(&account);
    outcome?;
    if account.is_right() {
        // What is left behind in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&folder);
        Ok(true)
    } else {
        display.say(
            &format!("journal and log are kept in {}", folder.display()),
            &format!("日志库与运行日志保留在 {}", folder.display()),
        );
        Ok(false)
    }
}

/// A folder of the demo's own that nobody else can read.
fn make_folder() -> Result<PathBuf, DemoError> {
    use std::os::unix::fs::DirBuilderExt;
    let path = std::env::temp_dir().join(format!("punchd-demo-{}-{:04x}", std::process::id(), fastrand::u16(..)));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&path)
        .map_err(|why| DemoError::Folder { path: path.clone(), why })?;
    Ok(path)
}
