//! What a configuration would have for a consequence in the journal that is there: for `punchd check` and for a reload.

use punchd_contract::Text;
use rusqlite::Connection;

use super::registry::registry;
use crate::config::Config;
use crate::journal::{JournalError, Options, Outlook, Standing, outlook};

/// What would become of punches that are there already; nothing if there is no journal, or if it may not be read.
pub fn consequences(config: &Config) -> Vec<Text> {
    let options = Options::in_folder(&config.gateway.data);
    if !config.gateway.data.join("journal.db").is_file() {
        return Vec::new();
    }
    let told = options.read_only().and_then(|sql| told(&sql, config));
    told.unwrap_or_else(|error| {
        vec![Text::new(
            format!("What would become of the punches in the journal cannot be told: {error}"),
            format!("无法读取日志库，不能说明其中打卡的去向：{error}"),
        )]
    })
}

fn told(sql: &Connection, config: &Config) -> Result<Vec<Text>, JournalError> {
    Ok(outlook(sql, &registry(config))?.into_iter().flat_map(say).collect())
}

fn say(outlook: Outlook) -> Vec<Text> {
    let Outlook { name, standing, goes, stays } = outlook;
    let mut said = Vec::new();
    match &standing {
        Standing::Renamed { from } => said.push(Text::new(
            format!("Destination {name} is {from} under another name: it goes on where it was, nothing is sent again."),
            format!("去向 {name} 即原来的 {from}，仅改名：从原处继续，不会重送。"),
        )),
        Standing::New => said.push(Text::new(format!("Destination {name} is new."), format!("去向 {name} 是新增的。"))),
        Standing::Returning => said.push(Text::new(
            format!("Destination {name} was not configured for a while and comes back."),
            format!("去向 {name} 曾停用，现恢复。"),
        )),
        Standing::Same => {}
    }
    if goes.0 > 0 {
        let (n, (en, zh)) = (goes.0, since(goes.1));
        said.push(Text::new(
            format!("{n} punches that are in the journal already would go to {name}{en}."),
            format!("日志中已有的 {n} 条打卡将送往 {name}{zh}。"),
        ));
    }
    if stays.0 > 0 && standing != Standing::Same {
        let (n, (en, zh)) = (stays.0, since(stays.1));
        said.push(Text::new(
            format!("{n} punches that are in the journal already do not go to {name}{en}; its setting `history` says which do."),
            format!("日志中已有的 {n} 条打卡不送往 {name}{zh}；可用其 `history` 设置。"),
        ));
    }
    said
}

fn since(second: Option<i64>) -> (String, String) {
    let day = second.and_then(|second| jiff::Timestamp::from_second(second).ok());
    let day = day.map(|time| jiff::tz::TimeZone::UTC.to_datetime(time).date());
    day.map_or_else(Default::default, |day| (format!(", the oldest of {day}"), format!("（最早 {day}）")))
}
