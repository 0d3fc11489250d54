//! `punchd driver`: for people who write a driver as a program of their own.

mod check;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;

#[derive(Debug, Args)]
pub struct Driver {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play the agent for a program, try the corner cases and say what is wrong; exits 1 if anything is
    Check(check::Check),
}

/// Carries it out.
pub fn driver(driver: Driver, screen: &mut Screen) -> Result<Exit, Failure> {
    match driver.command {
        Command::Check(check) => check::check(check, screen),
    }
}
