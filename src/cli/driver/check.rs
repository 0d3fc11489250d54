//! `punchd driver check`: plays the agent for a program and shows what it finds as it finds it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use punchd_contract::{Kind, Secret, Text, Value, Values};
use punchd_process::check::{Finding, Grade, Trial};
use punchd_process::{Process, Settings};
use serde_json::json;

use super::{Exit, Failure, Screen};
use crate::clock::{Clock, SystemClock};
use crate::config::parse_duration;

#[derive(Debug, Args)]
pub struct Check {
    /// Wait until so many readings have come: present something meanwhile
    #[arg(long, value_name = "N", default_value_t = 0)]
    readings: usize,
    /// How long the talk lasts at most, such as 30s or 2m
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = lasts)]
    lasts: Duration,
    /// What the program is told in its welcome; may be given several times
    #[arg(long = "setting", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// A file with the secret that it is told there
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// An environment variable; may be given several times. Besides these the program gets PATH, HOME and LANG alone
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Where the program runs
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    directory: PathBuf,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<String>,
}

fn lasts(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|lasts| (1..=86_400).contains(&lasts.as_secs()))
        .ok_or_else(|| "a time from 1s to 24h, such as 30s or 2m".to_owned())
}

/// Carries it out.
pub fn check(check: Check, screen: &mut Screen) -> Result<Exit, Failure> {
    let clock = SystemClock::new().map_err(|error| Failure::plain(Exit::Unavailable, error))?;
    let now = clock.stamp().wall.timestamp();
    let trial = Trial { readings: check.readings, lasts: check.lasts, now, settings: settings(check)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::plain(Exit::Unavailable, error))?;
    let mut shown = Ok(());
    let mut tell = |finding| {
        show(&finding, screen);
        // One who waits for the next finding wants to see this one.
        shown = std::mem::replace(&mut shown, Ok(())).and_then(|()| screen.show());
    };
    let good = runtime.block_on(async {
        tokio::select! {
            good = punchd_process::check::check(&trial, &mut tell) => good,
            // The program is in a group of its own: without this it would outlive a check that is broken off.
            _ = tokio::signal::ctrl_c() => Err(Text::new("the check was broken off", "检查被中断")),
        }
    });
    shown.map_err(|error| Failure::plain(Exit::Disk, format!("cannot write the answer: {error}")))?;
    let good = good.map_err(|text| Failure { exit: Exit::Unavailable, text })?;
    if !screen.json {
        match good {
            true => screen.say("Nothing is wrong.", "没有发现错误。"),
            false => screen.say(
                "Something is wrong; drivers/README.md says how every message looks.",
                "发现错误；各消息的格式见 drivers/README.md。",
            ),
        }
    }
    Ok(if good { Exit::Done } else { Exit::Negative })
}

fn settings(check: Check) -> Result<Settings, Failure> {
    let usage = |words: String| Failure::plain(Exit::Usage, words);
    let whole = |path: &Path| std::path::absolute(path).map_err(|error| usage(format!("{}: {error}", path.display())));
    let mut command = check.command;
    // In the configuration a path has to be whole; here it is the one that the person sees.
    if let Some(program) = command.first_mut().filter(|program| program.contains('/')) {
        *program = whole(Path::new(program.as_str()))?.display().to_string();
    }
    let mut values = Values::new()
        .with("command", Value::Texts(command))
        .with("settings", Value::Texts(check.settings))
        .with("env", Value::Texts(check.env))
        .with("directory", Value::Text(whole(&check.directory)?.display().to_string()));
    if let Some(path) = &check.secret {
        let secret = std::fs::read_to_string(path).map_err(|error| usage(format!("{}: {error}", path.display())))?;
        values = values.with("secret", Value::Secret(Secret::new(secret.trim_end_matches(['\r', '\n']))));
    }
    Process::settings(&values).map_err(|mistakes| {
        let said: Vec<_> = mistakes.iter().map(|mistake| format!("{}: {}", mistake.key, mistake.right)).collect();
        usage(said.join("; "))
    })
}

fn show(finding: &Finding, screen: &mut Screen) {
    let (word, en, zh) = match finding.grade {
        Grade::Right => ("ok", "ok     ", "正确   "),
        Grade::Untried => ("untried", "–      ", "–      "),
        Grade::Wrong => ("wrong", "WRONG  ", "错误   "),
    };
    if screen.json {
        screen.line(&json!({ "found": word, "en": finding.text.en, "zh": finding.text.zh }).to_string());
    } else {
        screen.say(format!("{en}{}", finding.text.en), format!("{zh}{}", finding.text.zh));
    }
}
