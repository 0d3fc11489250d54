//! The real agent as a process of its own, so that it can be killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use punchd_sim::site::{SECRET_VARIABLE, Site};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::DemoError;

/// How long it may take to answer; an emulator needs most of it.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// How long the agent does not know the time after its first start, as on a board without a clock battery.
pub(super) const CLOCK_ASLEEP: Duration = Duration::from_secs(8);
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// The agent of the demo.
pub(super) struct AgentProcess {
    command: Vec<String>,
    /// What is added at the first start alone.
    at_first: Vec<String>,
    folder: PathBuf,
    secret: &'static str,
    child: Option<Child>,
}

impl AgentProcess {
    /// Writes the configuration and starts the agent, which does not know the time for [`CLOCK_ASLEEP`].
    pub async fn start(folder: &Path, site: &Site, runner: Option<&str>) -> Result<Self, DemoError> {
        let failed = |why: std::io::Error| DemoError::Folder { path: folder.to_owned(), why };
        let config = folder.join("punchd.toml");
        fs::write(&config, site.config(&folder.join("data"))).map_err(failed)?;
        let program = std::env::current_exe().map_err(failed)?;
        let run = [&program.to_string_lossy(), "run", "--config", &config.to_string_lossy()].map(str::to_owned);
        let runner = runner.unwrap_or_default().split_whitespace().map(str::to_owned);
        let mut agent = Self {
            command: runner.chain(run).collect(),
            at_first: vec!["--clock-asleep".to_owned(), CLOCK_ASLEEP.as_secs().to_string()],
            folder: folder.to_owned(),
            secret: site.secret(),
            child: None,
        };
        agent.start_again().await?;
        Ok(agent)
    }

    /// Starts it again over the same data, and waits until it answers.
    pub async fn start_again(&mut self) -> Result<(), DemoError> {
        let log = self.log();
        let failed = |why: String| DemoError::Agent { why, log: log.clone() };
        let output = File::options().create(true).append(true).open(&log).map_err(|error| failed(error.to_string()))?;
        let errors = output.try_clone().map_err(|error| failed(error.to_string()))?;
        let (program, arguments) = self.command.split_first().ok_or_else(|| failed("nothing to start".to_owned()))?;
        let mut child = Command::new(program)
            .args(arguments)
            .args(std::mem::take(&mut self.at_first))
            .env(SECRET_VARIABLE, self.secret)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let end = Instant::now() + STARTS_WITHIN;
        let socket = self.socket();
        while UnixStream::connect(&socket).await.is_err() {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(failed(format!("it ended with {status}")));
            }
            if Instant::now() > end {
                return Err(failed("it does not answer".to_owned()));
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.child = Some(child);
        Ok(())
    }

    /// Kills it as a power cut would, as far as a process can tell.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A child that has ended already is as dead as one that was killed.
            let _ = child.kill().await;
        }
    }

    /// Asks it to stop, and waits.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(id) = child.id() {
            let asked = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await;
            if asked.is_ok_and(|status| status.success()) && timeout(STOPS_WITHIN, child.wait()).await.is_ok() {
                return;
            }
        }
        let _ = child.kill().await;
    }

    /// Where it can be asked.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("data/punchd.sock")
    }

    /// What a second window has to say to look inside.
    pub fn command_line(&self, command: &str) -> String {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("punchd"));
        let quoted = |path: &Path| format!("'{}'", path.display());
        let plain =
            |path: &Path| path.to_string_lossy().chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        let [program, config] = [program, self.folder.join("punchd.toml")]
            .map(|path| if plain(&path) { path.display().to_string() } else { quoted(&path) });
        format!("{program} --config {config} {command}")
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.folder.join("agent.log")
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }
}
