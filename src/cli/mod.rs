//! The command line: one file a subcommand, and what they share.
//!
//! What only looks reads the journal itself, so it works whether the agent runs or not. What changes something goes to the
//! running agent over its socket; where none runs, the command opens the journal itself and does the same.

mod check;
mod deliveries;
pub mod demo;
mod devices;
mod driver;
mod exit;
mod export;
mod failure;
mod fingers;
mod moments;
mod pages;
mod people;
mod place;
mod punches;
mod reference;
mod run;
mod screen;
mod stable_names;
mod status;
mod table;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

pub use exit::Exit;
pub use failure::Failure;
pub use reference::reference;
pub use table::{Table, cut, printable};

use crate::config::Language;
use place::Place;
use screen::Screen;

/// Reads time terminals and badge readers, keeps every punch, and delivers it to WeCom.
#[derive(Debug, Parser)]
#[command(name = "punchd", version, after_help = exit::table(), max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    /// The configuration
    #[arg(
        short,
        long,
        global = true,
        env = "PUNCHD_CONFIG",
        default_value = "/etc/punchd/punchd.toml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    json: bool,
    /// The language of answers; else the configuration's, else that of LC_ALL or LANG, else both
    #[arg(long, global = true, value_name = "LANGUAGE")]
    lang: Option<Lang>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    /// English
    En,
    /// 中文
    Zh,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::English,
            Lang::Zh => Self::Chinese,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent in the foreground; SIGTERM stops it in order, SIGHUP reads the configuration again
    Run(run::Run),
    /// Check the configuration and say in plain words what it will do
    Check,
    /// Show what punchd does on a virtual site: half a minute, no configuration, no network, no hardware
    Demo(demo::Demo),
    /// Show how everything is, worst first; exits 1 if something is in fault
    Status,
    /// List devices, let new terminals in, and have devices do things
    Devices(devices::Devices),
    /// See who punches with which finger, enrol and withdraw
    Fingers(fingers::Fingers),
    /// List people, or import them from a spreadsheet's CSV file
    People(people::People),
    /// List punches, see what is unknown or held, and decide about it
    Punches(punches::Punches),
    /// Show what is on its way to its destination, and decide about what is stuck
    Deliveries(deliveries::Deliveries),
    /// Verify the chain of readings and the journal's file, or an export
    Verify(verify::Verify),
    /// Write every reading with its digest and verdicts as JSON Lines
    Export(export::Export),
    /// For drivers that are programs of their own (kind "process")
    Driver(driver::Driver),
    /// Print the completions of a shell
    Completions(pages::Completions),
    /// Print the manual page, or write all of them into a folder
    Man(pages::Man),
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and the version are answers too; if they cannot be printed there is nowhere to say so.
            let _ = answer.print();
            let exit = if answer.use_stderr() { Exit::Usage } else { Exit::Done };
            return ExitCode::from(exit.code());
        }
    };
    let asked = cli.lang.map(Language::from);
    let mut screen = Screen::new(screen::language(asked, Language::Both), cli.json);
    let outcome = carry_out(cli, asked, &mut screen);
    let shown = screen.show().map_err(|error| Failure::plain(Exit::Disk, format!("cannot write the answer: {error}")));
    let exit = match outcome.and_then(|exit| shown.map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            screen.complain(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn carry_out(cli: Cli, asked: Option<Language>, screen: &mut Screen) -> Result<Exit, Failure> {
    match cli.command {
        Command::Run(ref run) => return run::run(run, &cli.config, asked, screen),
        Command::Demo(demo) => return demo::demo(demo),
        Command::Check => return check::check(&cli.config, asked, screen),
        Command::Driver(driver) => return driver::driver(driver, screen),
        Command::Completions(completions) => return pages::completions(&completions, &mut Cli::command()),
        Command::Man(man) => return pages::man(&man, Cli::command()),
        Command::Verify(ref verify) if verify.needs_no_journal() => return verify::of_an_export(verify, screen),
        _ => {}
    }
    let place = match Place::find(&cli.config) {
        Ok(place) => place,
        Err(mistakes) => {
            screen.language = screen::language(asked, mistakes.language);
            return Err(mistakes.into());
        }
    };
    screen.language = screen::language(asked, place.config.language);
    match cli.command {
        Command::Status => status::status(&place, screen),
        Command::Devices(devices) => devices::devices(devices, &place, screen),
        Command::Fingers(fingers) => fingers::fingers(fingers, &place, screen),
        Command::People(people) => people::people(people, &place, screen),
        Command::Punches(punches) => punches::punches(punches, &place, screen),
        Command::Deliveries(deliveries) => deliveries::deliveries(deliveries, &place, screen),
        Command::Verify(verify) => verify::of_the_journal(&verify, &place, screen),
        Command::Export(export) => export::export(&export, &place, screen),
        Command::Run(_)
        | Command::Demo(_)
        | Command::Check
        | Command::Driver(_)
        | Command::Completions(_)
        | Command::Man(_) => Ok(Exit::Done),
    }
}
