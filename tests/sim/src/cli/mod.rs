//! What can be started alone, one file a subcommand, and what they have in common: exit codes, the log, the way to stop.

/// Virtual terminals and readers.
mod device;
/// A fingerprint module.
mod fingerprint;
/// A reader that types.
mod keyboard;
/// The invented roster as a table.
mod people;
/// Where a reader is plugged in, and what a script may have done to it.
mod plug;
/// A card reader at a serial port.
mod pn532;
/// A program with a device behind it.
mod process;
/// The line that says that something is ready.
mod ready;
/// A reader that sends lines.
mod serial_line;
/// The stand-in for WeCom's server.
mod wecom;
/// What a wall reader does on its wires.
mod wiegand;
/// A terminal that is asked.
mod zkteco_pull;
/// A terminal that calls.
mod zkteco_push;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Bad usage (sysexits `EX_USAGE`).
const USAGE: u8 = 64;
/// What it needs cannot be had: the port is taken, a file cannot be read (sysexits `EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;

/// Rehearse a site without hardware: WeCom's server, terminals and people that do not exist.
#[derive(Debug, Parser)]
#[command(name = "punchd-sim", version, subcommand_required = true, arg_required_else_help = true)]
struct Arguments {
    /// Log every call, and not only what goes wrong.
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be WeCom's server: gettoken, add_checkin_record, getcheckindata.
    Wecom(Box<wecom::Wecom>),
    /// Be a terminal or a reader.
    Device(Box<device::Device>),
    /// Print invented people as CSV: userid, name, user id on the terminal.
    People(people::People),
}

/// Why a subcommand ended early, for a person.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What was asked for cannot be had.
    #[error("{0}")]
    Unavailable(String),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => USAGE,
            Failure::Unavailable(_) => UNAVAILABLE,
        }
    }
}

/// Runs what the arguments ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version were asked for and are no mistake.
            let code = if error.use_stderr() { USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let level = if arguments.verbose { tracing::Level::DEBUG } else { tracing::Level::WARN };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).init();
    let outcome = match arguments.command {
        Command::People(people) => people.run(),
        Command::Wecom(wecom) => on_a_runtime(wecom.run()),
        Command::Device(device) => on_a_runtime(device.run()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("punchd-sim: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn on_a_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Unavailable(format!("no runtime: {error}")))?;
    runtime.block_on(work)
}

/// Waits for SIGINT or SIGTERM.
async fn until_stopped() -> Result<(), Failure> {
    let unavailable = |error| Failure::Unavailable(format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(unavailable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unavailable)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
