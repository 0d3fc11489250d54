//! `punchd punches`: what was read, what became of it, and deciding where nobody else can.

mod boots;
mod decide;
mod held;
mod let_through;
mod list;
mod runs;
mod unknown;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::failure::Failure;
use super::place::Place;
use super::screen::Screen;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Punches {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    filter: list::Filter,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Credentials that nobody is known by, with the terminal's own name for them
    Unknown,
    /// Readings that wait for a decision, and why
    Held,
    /// Decide about readings that are held or unknown; kept with your name and reason
    Decide(decide::Decide),
    /// Let readings count that are older than the day from which their device counts
    LetThrough(let_through::LetThem),
}

/// Carries it out.
pub fn punches(punches: Punches, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    match punches.command {
        None => list::list(&punches.filter, place, screen),
        Some(Command::Unknown) => unknown::unknown(place, screen),
        Some(Command::Held) => held::held(place, screen),
        Some(Command::Decide(decide)) => decide::decide(&decide, place, screen),
        Some(Command::LetThrough(them)) => let_through::let_through(&them, place, screen),
    }
}
