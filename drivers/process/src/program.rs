//! One run of a program: its process and everything that it starts, its pipes, and its end.
//!
//! It runs in a process group of its own, which is killed as a whole, so that nothing of it stays behind with a serial port open. Its end
//! has three steps: it is told `stop` and its stdin is closed; a moment later, whatever is left is killed. Where the driver is dropped,
//! the steps go on behind it, and the next run of the same device waits for their end.

use std::collections::HashMap;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use punchd_contract::{DeviceName, Text};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::outbox::Outbox;
use crate::protocol::ToProgram;
use crate::settings::Settings;

/// How long a program that was told to stop may take.
const GRACE: Duration = Duration::from_secs(2);
/// How long what was killed may take: a process in the middle of a disk that hangs cannot end.
const KILLED: Duration = Duration::from_secs(5);
/// Where programs are looked for that are given without a path.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that runs. Dropping it ends it.
pub struct Running {
    live: Option<Live>,
}

struct Live {
    /// Until its stdin is closed.
    outbox: Option<Outbox<ChildStdin>>,
    group: Group,
    child: Child,
    _turn: Option<Turn>,
}

/// The pipes of a program that it writes.
pub struct Pipes {
    /// Messages.
    pub stdout: ChildStdout,
    /// What it says to its author, unless that goes where ours goes.
    pub stderr: Option<ChildStderr>,
}

/// The right to run the program of a device.
pub type Turn = OwnedMutexGuard<()>;

/// Waits until the last run of this device has ended, bounded.
pub async fn turn(device: &DeviceName) -> Option<Turn> {
    // One entry a configured device; the names of a site are few.
    static TURNS: LazyLock<Mutex<HashMap<DeviceName, Arc<tokio::sync::Mutex<()>>>>> = LazyLock::new(Mutex::default);
    let turn = TURNS.lock().unwrap_or_else(PoisonError::into_inner).entry(device.clone()).or_default().clone();
    timeout(GRACE + KILLED, turn.lock_owned()).await.ok()
}

/// Starts the program. `stderr`: piped or inherited.
pub fn start(settings: &Settings, stderr: Stdio, turn: Option<Turn>) -> Result<(Running, Pipes), Text> {
    let mut command = Command::new(&settings.program);
    command
        .args(&settings.arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", &settings.directory)
        .env("LANG", "C.UTF-8")
        .envs(&settings.env)
        .current_dir(&settings.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| cannot_start(settings, &error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(group)) = (stdin, stdout, Group::of(&child)) else {
        return Err(Text::new(
            format!("{} has no pipes: a defect of punchd", settings.program),
            format!("{} 没有管道：punchd 的缺陷", settings.program),
        ));
    };
    let live = Live { outbox: Some(Outbox::new(stdin)), group, child, _turn: turn };
    Ok((Running { live: Some(live) }, Pipes { stdout, stderr }))
}

fn cannot_start(settings: &Settings, error: &std::io::Error) -> Text {
    let (program, directory) = (&settings.program, settings.directory.display());
    match error.kind() {
        std::io::ErrorKind::NotFound => Text::new(
            format!("there is no program {program}, or no folder {directory}: correct `command` or `directory`"),
            format!("找不到程序 {program} 或目录 {directory}：请更正 `command` 或 `directory`"),
        ),
        std::io::ErrorKind::PermissionDenied => Text::new(
            format!(
                "punchd may not run {program} in {directory}: its user must be able to read and execute it (chmod +x)"
            ),
            format!("punchd 无权在 {directory} 运行 {program}：其用户须有读取和执行权限（chmod +x）"),
        ),
        _ => Text::new(
            format!(
                "{program} cannot be started: {error}; is it built for this machine, and does its first line name its interpreter?"
            ),
            format!("无法启动 {program}：{error}；请确认程序适用于本机，脚本首行须写明解释器"),
        ),
    }
}

impl Running {
    /// What is on its way to the program; `None` once it was ended.
    pub fn outbox(&mut self) -> Option<&mut Outbox<ChildStdin>> {
        self.live.as_mut()?.outbox.as_mut()
    }

    /// Whether it has ended by itself, within this time.
    pub async fn ends_within(&mut self, wait: Duration) -> Option<ExitStatus> {
        let live = self.live.as_mut()?;
        timeout(wait, live.child.wait()).await.ok()?.ok()
    }

    /// Closes its stdin without another word.
    pub fn close_stdin(&mut self) {
        if let Some(live) = &mut self.live {
            live.outbox = None;
        }
    }

    /// Tells it to stop, and ends whatever is left of it. Answers how it ended by itself, if it did.
    pub async fn end(mut self, why: Text) -> Option<ExitStatus> {
        match self.live.take() {
            Some(live) => live.end(why).await,
            None => None,
        }
    }
}

impl Live {
    async fn end(mut self, why: Text) -> Option<ExitStatus> {
        if let Some(outbox) = &mut self.outbox {
            outbox.last_words(&ToProgram::Stop(why));
        }
        let Self { outbox, group, mut child, _turn } = self;
        drop(outbox);
        let ended = timeout(GRACE, child.wait()).await.ok().and_then(Result::ok);
        // Its children too, whether it waited for them or not.
        drop(group);
        if ended.is_none() {
            let _ = timeout(KILLED, child.wait()).await;
        }
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(live) = self.live.take() else { return };
        let why = Text::new("punchd stops this device", "punchd 停止此设备");
        // Bounded by itself. Without a runtime, or if that ends first, dropping it kills the group at once.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { live.end(why).await });
        }
    }
}

/// A process group; killed when dropped.
struct Group(libc::pid_t);

impl Group {
    fn of(child: &Child) -> Option<Self> {
        libc::pid_t::try_from(child.id()?).ok().filter(|id| *id > 1).map(Self)
    }
}

impl Drop for Group {
    #[expect(unsafe_code, reason = "neither std nor tokio can signal a process group")]
    fn drop(&mut self) {
        // The leader may have been waited for a moment ago; its number is not given to another group while one of its own lives, and
        // not so soon after.
        // SAFETY: kill reads no memory of ours; the number is that of a group that was made for our child, never 0 or 1.
        unsafe { libc::kill(-self.0, libc::SIGKILL) };
    }
}
