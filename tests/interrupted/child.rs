//! A start of punchd in a process of its own, which a library of ours interrupts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use punchd::agent::Operations;
use punchd::clock::{UnixMillis, VirtualClock};
use punchd::config::Config;

use crate::common;

/// Where the child's gateway has its folder.
const FOLDER: &str = "INTERRUPTED_FOLDER";

/// How a start is interrupted.
#[derive(Clone, Copy, Debug)]
pub enum How {
    Kill,
    Full,
}

/// How a start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Started,
    Refused,
    Killed,
}

/// The child's side: opens everything as `punchd run` does, before any stage runs.
#[test]
#[ignore = "the other half of the tests here: they run it in a process of its own"]
fn the_start() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        let clock = Arc::new(VirtualClock::at(UnixMillis(common::EVENING * 1000)));
        let operations = Operations::open(config(Path::new(&folder)), clock).await?;
        operations.journal.close().await;
        Ok::<(), punchd::agent::StartError>(())
    });
    std::process::exit(match outcome {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            9
        }
    });
}

pub fn config(folder: &Path) -> Config {
    let path = folder.join("punchd.toml");
    if !path.exists() {
        let secret = folder.join("secret");
        std::fs::write(&secret, "0123456789").unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let text = format!(
            "[gateway]\nname = \"gate\"\nzone = \"Asia/Shanghai\"\ndata = \"{0}/data\"\n\
             [[organisation]]\nname = \"main\"\n\
             [[device]]\nname = \"gate-1\"\nkind = \"zkteco-pull\"\naddress = \"127.0.0.1\"\ncount_from = 2000-01-01\n\
             [[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"ww0123456789abcdef\"\nsecret = {{ file = \"{0}/secret\" }}\n",
            folder.display()
        );
        std::fs::write(&path, text).unwrap();
    }
    Config::load(&path, punchd::intake::registry::DRIVERS).unwrap().0
}

/// Starts it, interrupted at a change of a file, or left alone.
pub fn start(folder: &Path, interrupted: Option<(usize, How)>) -> End {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child::the_start", "--ignored", "--nocapture"]).env(FOLDER, folder);
    if let Some((at, how)) = interrupted {
        let how = match how {
            How::Kill => "kill",
            How::Full => "full",
        };
        command
            .env("LD_PRELOAD", library())
            .env("INTERRUPT_BELOW", folder.join("data"))
            .env("INTERRUPT_AT", at.to_string())
            .env("INTERRUPT_HOW", how);
    }
    let output = command.output().unwrap();
    match output.status.code() {
        Some(0) => End::Started,
        Some(9) => {
            println!("refused: {}", String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default());
            End::Refused
        }
        None => End::Killed,
        Some(other) => panic!("the start ended with {other}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupt.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interrupted/interrupt.c");
        let built =
            Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
        assert!(built.unwrap().success(), "the C compiler that SQLite needs builds this, too");
        library
    })
}
