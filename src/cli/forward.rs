//! Commands that the running agent carries out, because whoever asks may use its socket and not read its files, or because the
//! configuration cannot be read. Both ends are here.

use std::cell::RefCell;

use clap::Parser;

use super::exit::Exit;
use super::failure::Failure;
use super::place::{Place, converse};
use super::screen::Screen;
use super::{Cli, Command};
use crate::config::Config;
use crate::console::{Client, CommandAnswer, CommandRequest};

thread_local! {
    /// For whom this thread of the agent carries a command out.
    static OPERATOR: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// For whom this thread carries a command out, if it is one of the agent's.
pub fn operator() -> Option<String> {
    OPERATOR.with_borrow(Clone::clone)
}

/// Has the agent carry this process's command line out and shows its answer.
pub fn forward(agent: &Client, input: Option<Vec<u8>>, screen: &mut Screen) -> Result<Exit, Failure> {
    let request = CommandRequest {
        arguments: std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect(),
        language: screen.language,
        width: screen.width(),
        terminal: screen.is_terminal(),
        operator: super::place::operator(),
        input: input.map(|bytes| bytes.into_iter().map(char::from).collect()),
    };
    let CommandAnswer { exit, out, failure } = converse(async { Ok(agent.carry_out_command(&request).await?) })?;
    screen.replace(out);
    let exit = Exit::ALL.into_iter().find(|known| known.code() == exit).unwrap_or(Exit::Negative);
    match failure {
        Some(text) => Err(Failure { exit, text }),
        None => Ok(exit),
    }
}

/// The agent's end: carries a command line out over its own configuration. Whatever would write files of the agent's, run for ever, or look
/// at the agent's machine for somebody else is refused.
pub fn carry_out(request: CommandRequest, config: Config) -> CommandAnswer {
    let refused =
        |failure: Failure| CommandAnswer { exit: failure.exit.code(), out: String::new(), failure: Some(failure.text) };
    let arguments = std::iter::once("punchd".to_owned()).chain(request.arguments);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) if may_be_forwarded(&cli.command) => cli,
        Ok(_) => {
            return refused(Failure::new(
                Exit::NoPermission,
                "the agent does not carry this command out for others: use sudo",
                "服务不代为执行此命令：请使用 sudo",
            ));
        }
        Err(error) => return refused(Failure::plain(Exit::Usage, error)),
    };
    let mut screen = Screen::of_another(request.language, cli.json, request.width, request.terminal);
    let input = request.input.unwrap_or_default().chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    let place = Place::of_the_agent(config, input);
    OPERATOR.set(Some(request.operator));
    let outcome = super::of_the_place(cli.command, &place, &mut screen);
    OPERATOR.set(None);
    let out = screen.take();
    match outcome {
        Ok(exit) => CommandAnswer { exit: exit.code(), out, failure: None },
        Err(failure) => CommandAnswer { exit: failure.exit.code(), out, failure: Some(failure.text) },
    }
}

fn may_be_forwarded(command: &Command) -> bool {
    match command {
        Command::Status(_) | Command::People(_) | Command::Punches(_) | Command::Deliveries(_) | Command::Verify(_) => {
            true
        }
        Command::Devices(devices) => devices.concerns_the_agent(),
        Command::Fingers(fingers) => fingers.only_looks(),
        Command::Run(_)
        | Command::Demo(_)
        | Command::Check
        | Command::Export(_)
        | Command::Driver(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
    }
}
