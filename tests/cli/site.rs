//! A folder with a configuration, the program run over it, and an agent that ends with the test.

use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// A configuration that reads nothing and delivers nowhere.
pub const QUIET: &str = "[gateway]\nname = \"north gate\"\nzone = \"Asia/Shanghai\"\ndata = \".\"\n";

/// The same with a device and a destination as in `common`, where nobody answers.
pub const WITH_GATE: &str = "[gateway]\nname = \"north gate\"\nzone = \"Asia/Shanghai\"\ndata = \".\"\n\
    [[device]]\nname = \"gate-1\"\nkind = \"zkteco-pull\"\naddress = \"127.0.0.1:9\"\ncount_from = 2000-01-01\n\
    [[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"ww1\"\nsecret = { env = \"NO_SUCH_SECRET\" }\n";

/// The user of whom nothing is.
const NOBODY: u32 = 65_534;

/// Nothing here takes so long; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Site {
    pub folder: TempDir,
}

/// What the program answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Answer {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, word: &str) -> Self {
        assert!(self.out.contains(word) || self.err.contains(word), "{word:?} in:\n{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

impl Site {
    pub fn new(configuration: &str) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), configuration)
    }

    pub fn in_folder(folder: TempDir, configuration: &str) -> Self {
        let site = Self { folder };
        site.write("punchd.toml", configuration);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_punchd"));
        command.args(arguments).arg("--config").arg(self.path("punchd.toml"));
        for variable in
            ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "PUNCHD_LOG", "COLUMNS", "LC_ALL", "LC_MESSAGES"]
        {
            command.env_remove(variable);
        }
        command.env("LANG", "en_GB.UTF-8").stdin(Stdio::null());
        command
    }

    pub fn punchd(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The same for a user who is neither root nor the agent's, a member of this group alone.
    pub fn punchd_of_group(&self, group: u32, arguments: &[&str], input: &str) -> Answer {
        use std::io::Write;
        use std::os::unix::process::CommandExt;
        let mut command = self.command(arguments);
        command.uid(NOBODY).gid(group).env("USER", "wang").env_remove("SUDO_USER").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that reads nothing may have gone.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The same with more variables, as root or as a member of a group alone.
    pub fn punchd_with(&self, variables: &[(&str, &str)], group: Option<u32>, arguments: &[&str]) -> Answer {
        use std::os::unix::process::CommandExt;
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        if let Some(group) = group {
            command.uid(NOBODY).gid(group).current_dir("/");
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Waits until this holds.
    #[track_caller]
    pub fn until(&self, holds: impl Fn() -> bool) {
        let end = std::time::Instant::now() + PATIENCE;
        while !holds() {
            assert!(std::time::Instant::now() < end, "it never came to hold");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts the agent and waits until it says that it is ready.
    pub fn run(&self) -> Agent {
        let agent = self.run_watched(None);
        agent.until("READY=1");
        agent
    }

    pub fn run_watched(&self, watchdog: Option<Duration>) -> Agent {
        let notify = self.path("notify");
        let _ = std::fs::remove_file(&notify);
        let notified = UnixDatagram::bind(&notify).unwrap();
        notified.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = self.command(&["run"]);
        command.env("NOTIFY_SOCKET", &notify).stderr(Stdio::piped());
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
        Agent { child: command.spawn().unwrap(), notified }
    }
}

/// A running agent, killed when dropped.
pub struct Agent {
    child: Child,
    notified: UnixDatagram,
}

impl Agent {
    /// Waits until systemd would have been told this.
    #[track_caller]
    pub fn until(&self, word: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            let length = match self.notified.recv(&mut bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.unwrap_or_else(|error| panic!("never told {word}: {error}")),
            };
            let told = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if told.contains(word) {
                return told;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// Waits for its end; answers its code and what it logged.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut logged = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut logged).unwrap();
        (self.child.wait().unwrap().code(), logged)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
