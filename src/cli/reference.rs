//! The reference of all commands, made from their declarations; `docs/cli.md` is this text.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;
use super::exit::Exit;

/// The reference in Markdown.
pub fn reference() -> String {
    let mut command = Cli::command();
    command.build();
    let mut page = String::from(
        "# Commands\n\n\
         Made from the program itself; `punchd --help` and the manual pages say the same.\n\n\
         What only looks (`status`, `devices`, `people`, `punches`, `deliveries`, `verify`, `export`) reads the journal and works\n\
         whether the agent runs or not. What changes something goes to the running agent over its Unix socket; where none runs, the\n\
         command opens the journal itself. Having a device do something needs the agent.\n\n\
         ## Exit codes\n\n| code | meaning |\n|---|---|\n",
    );
    // Writing to a String cannot fail, here and below.
    for exit in Exit::ALL {
        let _ = writeln!(page, "| {} | {} |", exit.code(), exit.meaning());
    }
    page.push_str("\n## For every command\n\n");
    arguments(&mut page, command.get_arguments().filter(|argument| argument.is_global_set()));
    for sub in command.get_subcommands() {
        section(&mut page, sub, "punchd", 2);
    }
    page
}

fn section(page: &mut String, command: &Command, above: &str, depth: usize) {
    let name = format!("{above} {}", command.get_name());
    let _ = write!(page, "\n{} `{name}`\n\n", "#".repeat(depth));
    if let Some(about) = command.get_about() {
        let _ = write!(page, "{about}.\n\n");
    }
    arguments(page, command.get_arguments().filter(|argument| !argument.is_global_set()));
    for sub in command.get_subcommands() {
        section(page, sub, &name, depth + 1);
    }
}

fn arguments<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let shown: Vec<&Arg> =
        arguments.filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version")).collect();
    if shown.is_empty() {
        return;
    }
    page.push_str("| argument | meaning |\n|---|---|\n");
    for argument in shown {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "| `{}` | {}{} |", written(argument), help.replace('|', "\\|"), more(argument));
    }
}

fn written(argument: &Arg) -> String {
    let values: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(|name| format!("{name}")).collect();
    let repeated = argument.get_num_args().is_some_and(|number| number.max_values() > 1);
    let value = if repeated { format!("{}…", values.join(" ")) } else { values.join(" ") };
    let takes = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    match (argument.get_short(), argument.get_long()) {
        (_, None) => value,
        (Some(short), Some(long)) if takes => format!("-{short}, --{long} {value}"),
        (None, Some(long)) if takes => format!("--{long} {value}"),
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (None, Some(long)) => format!("--{long}"),
    }
}

/// The values that may stand there, the default, the variable.
fn more(argument: &Arg) -> String {
    let mut more = String::new();
    let possible = argument.get_possible_values();
    let takes = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    if takes && !possible.is_empty() {
        let words: Vec<String> = possible.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let _ = write!(more, "; one of {}", words.join(", "));
    }
    if let [default] = argument.get_default_values()
        && takes
    {
        let _ = write!(more, "; default `{}`", default.to_string_lossy());
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(more, "; variable `{}`", variable.to_string_lossy());
    }
    more
}
