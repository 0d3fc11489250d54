//! `punchd-sim device process`: a program with a virtual device behind it, on stdin and stdout.

use std::io;
use std::os::fd::AsFd;

use clap::Args;
use punchd_process::virtual_device::{Behind, Options, VirtualProgram};
use punchd_sim::clock;
use tokio::net::unix::pipe::{Receiver, Sender};

use super::Failure;
use super::device::Life;

/// Be a program with a device behind it: name this command line in `command` of a device of kind "process", or check it with
/// `punchd driver check -- punchd-sim device process`. It speaks on stdin and stdout, and so says no line of its own.
#[derive(Debug, Args)]
pub(super) struct Process {
    #[command(flatten)]
    life: Life,
    /// A terminal that keeps a log is behind it; without it a reader, at which people present cards of four bytes: their user id
    /// as a number.
    #[arg(long)]
    terminal: bool,
}

impl Process {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let pipes = pipes().map_err(|error| {
            Failure::Unavailable(format!("its stdin and stdout have to be pipes, as punchd gives them: {error}"))
        })?;
        let behind = if self.terminal { Behind::Terminal } else { Behind::Reader };
        let program = VirtualProgram::new(Options { behind, zone: self.life.zone(), clock: clock::real() });
        let people = self.life.people();
        let present = |user_id: &str| match behind {
            Behind::Terminal => program.present(user_id),
            Behind::Reader => program.present(&format!("{:08X}", user_id.parse::<u32>().unwrap_or_default())),
        };
        if self.terminal {
            people.iter().cycle().take(self.life.records()).for_each(|person| present(&person.number));
        }
        tokio::select! {
            stopped = self.life.go_on(&people, present) => stopped,
            () = program.serve(tokio::io::join(pipes.0, pipes.1)) => Ok(()),
        }
    }
}

fn pipes() -> io::Result<(Receiver, Sender)> {
    let stdin = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    Ok((stdin, Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?))
}
