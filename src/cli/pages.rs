//! `punchd completions` and `punchd man`: made from the same declarations as the commands themselves.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::exit::Exit;
use super::failure::Failure;

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each subcommand into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints the completions.
pub fn completions(completions: &Completions, command: &mut clap::Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, command, "punchd", &mut script);
    print(&script)
}

/// Prints the main page, or writes all of them.
pub fn man(man: &Man, command: clap::Command) -> Result<Exit, Failure> {
    let Some(folder) = &man.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|error| Failure::plain(Exit::Disk, error))?;
        return print(&page);
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::writing(folder, &error))?;
    clap_mangen::generate_to(command, folder).map_err(|error| Failure::writing(folder, &error))?;
    Ok(Exit::Done)
}

fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    match io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::plain(Exit::Disk, error)),
        _ => Ok(Exit::Done),
    }
}
