//! `punchd check`: what the configuration will do, or everything that is wrong with it.

use std::path::Path;

use punchd_contract::Text;
use serde_json::{Value, json};

use super::exit::Exit;
use super::failure::Failure;
use super::screen::{self, Screen};
use super::stable_names::{say, stable_names};
use crate::config::{Config, Language, Mistakes, Spot, Warning};
use crate::intake::registry::DRIVERS;

/// Checks the file as the agent would; opens nothing else, and looks up what the ports are called that it names.
pub fn check(path: &Path, asked: Option<Language>, screen: &mut Screen) -> Result<Exit, Failure> {
    match Config::load(path, DRIVERS) {
        Ok((config, warnings)) => {
            screen.language = screen::language(asked, config.language);
            right(&config, &warnings, screen)
        }
        Err(mistakes) => {
            screen.language = screen::language(asked, mistakes.language);
            wrong(&mistakes, screen)
        }
    }
}

fn right(config: &Config, warnings: &[Warning], screen: &mut Screen) -> Result<Exit, Failure> {
    if screen.json {
        let remarks: Vec<Value> = warnings.iter().map(|warning| at(&warning.spot, &warning.text)).collect();
        let names: Vec<Value> = stable_names(config)
            .iter()
            .map(|name| json!({ "device": name.device, "written": name.written, "write": name.write }))
            .collect();
        screen
            .value(&json!({ "right": true, "will": config.explain(), "warnings": remarks, "stable_names": names }))?;
        return Ok(Exit::Done);
    }
    for line in config.explain() {
        screen.text(&line);
    }
    remarks(warnings, screen);
    say(&stable_names(config), screen);
    screen.say("The configuration is right.", "配置正确。");
    Ok(Exit::Done)
}

fn wrong(mistakes: &Mistakes, screen: &mut Screen) -> Result<Exit, Failure> {
    if screen.json {
        let list: Vec<Value> = mistakes.list.iter().map(|mistake| at(&mistake.spot, &mistake.text)).collect();
        let remarks: Vec<Value> = mistakes.warnings.iter().map(|warning| at(&warning.spot, &warning.text)).collect();
        screen.value(&json!({ "right": false, "mistakes": list, "more": mistakes.more, "warnings": remarks }))?;
        return Ok(Exit::Usage);
    }
    remarks(&mistakes.warnings, screen);
    for line in mistakes.say(screen.language).lines() {
        screen.line(&super::printable(line));
    }
    let count = mistakes.list.len() + mistakes.more;
    let (mistake, is) = if count == 1 { ("mistake", "is") } else { ("mistakes", "are") };
    screen.say(
        format!("There {is} {count} {mistake}. Nothing was opened or changed."),
        format!("共 {count} 处错误。没有打开或改动任何东西。"),
    );
    Ok(Exit::Usage)
}

fn remarks(warnings: &[Warning], screen: &mut Screen) {
    for warning in warnings {
        let Text { en, zh } = &warning.text;
        let spot = &warning.spot;
        screen.say(format!("Look at {spot}: {en}"), format!("请留意 {spot}：{zh}"));
    }
}

fn at(spot: &Spot, text: &Text) -> Value {
    json!({ "file": spot.file, "line": spot.line, "column": spot.column, "en": text.en, "zh": text.zh })
}
