//! The agent as a child process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use punchd::journal::{self, Options};
use punchd_sim::site::{SECRET_VARIABLE, Site};

pub struct Agent {
    folder: PathBuf,
    secret: &'static str,
    child: Option<Child>,
}

impl Agent {
    pub fn new(folder: &Path, site: &Site) -> Self {
        std::fs::write(folder.join("punchd.toml"), site.config(&folder.join("data"))).unwrap();
        Self { folder: folder.to_owned(), secret: site.secret(), child: None }
    }

    pub fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("agent.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_punchd"))
            .args(["run", "--config"])
            .arg(self.folder.join("punchd.toml"))
            .env(SECRET_VARIABLE, self.secret)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// SIGKILL; a child that has ended by itself is a failure of its own.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            let log = std::fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default();
            let tail: Vec<_> = log.lines().rev().take(20).collect();
            panic!(
                "the agent ended by itself with {status}:\n{}",
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub async fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        while child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn options(&self) -> Options {
        Options::in_folder(self.folder.join("data"))
    }

    /// 0 as long as there is no journal.
    pub fn count(&self, query: &str) -> i64 {
        let Ok(sql) = self.options().read_only() else { return 0 };
        sql.query_row(query, [], |row| row.get(0)).unwrap_or(0)
    }

    pub fn verifies(&self) -> bool {
        journal::verify(&self.options().read_only().unwrap(), None).unwrap().broken.is_none()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
