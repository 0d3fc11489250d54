//! `punchd people show` and `punchd people corrections`: which source says what, and what follows from a change of mind.

use punchd_contract::Text;

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::moments;
use super::super::place::Place;
use super::super::screen::Screen;
use super::super::table::Table;
use crate::attendance::people::{self, Said};
use crate::journal::OrganisationId;

/// A person, and every word about them with its source.
pub(super) fn show(who: &str, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let mut select = sql.prepare("SELECT organisation, name FROM organisation WHERE active = 1 ORDER BY name")?;
    let organisations: Vec<(OrganisationId, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for (organisation, name) in &organisations {
        let mut said = people::said(&sql, *organisation)?;
        for person in people::list(&sql, *organisation)? {
            let folded = who.to_ascii_lowercase();
            if person.entry.userid.folded() == folded || person.entry.name == who {
                let said = said.remove(&person.person).unwrap_or_default();
                found.push((name.as_str(), person, said));
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            format!("nobody is called {who:?}: see `punchd people`"),
            format!("没有名为 {who:?} 的人员，请查看 `punchd people`"),
        ));
    }
    if screen.json {
        let all: Vec<_> = found.iter().map(|(name, person, said)| super::json_of(name, &person.entry, said)).collect();
        screen.value(&all)?;
        return Ok(Exit::Done);
    }
    for (name, person, said) in &found {
        let (userid, shown) = (&person.entry.userid, &person.entry.name);
        screen.say(format!("{userid} {shown}, of {name}:"), format!("{userid} {shown}（{name}）："));
        let mut table = Table::new(&[
            screen.word("what", "内容"),
            screen.word("value", "值"),
            screen.word("said by", "来源"),
            screen.word("!", "!"),
        ]);
        for one in said {
            let (part, source, state) = (one.part.text(), one.source.text(), state(one));
            table.row([
                screen.word(&part.en, &part.zh).to_owned(),
                one.value.clone().unwrap_or_else(|| "–".to_owned()),
                screen.word(&source.en, &source.zh).to_owned(),
                screen.word(&state.en, &state.zh).to_owned(),
            ]);
        }
        if table.is_empty() {
            screen.say("No source says anything of this person.", "没有来源提及此人。");
        } else {
            screen.table(&table);
        }
    }
    Ok(Exit::Done)
}

fn state(said: &Said) -> Text {
    match (said.holds, said.current) {
        (true, true) => Text::new("holds", "有效"),
        (true, false) => Text::new("holds; not written there any more", "有效；来源中已不再出现"),
        (false, _) if said.value.is_none() => Text::new("said to be empty", "声明为空"),
        (false, _) => Text::new("does not hold: another source says otherwise", "无效：另一来源有不同内容"),
    }
}

/// Punches to be corrected at the destination.
pub(super) fn corrections(place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let all = people::corrections(&sql)?;
    if screen.json {
        screen.value(&all)?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        screen.say("No punch is to be corrected.", "没有需要更正的打卡。");
        return Ok(Exit::Done);
    }
    let zone = place.config.gateway.zone.as_ref().map_or_else(String::new, ToString::to_string);
    let zone = moments::zone(&zone);
    let mut table = Table::new(&[
        screen.word(">reading", ">记录"),
        screen.word("!time", "!时间"),
        screen.word("delivered for", "已按此人送达"),
        screen.word("belongs to", "应归"),
        screen.word("organisation", "企业"),
    ]);
    for one in &all {
        table.row([
            one.seq.to_string(),
            moments::at(one.time_s, &zone),
            one.credited.clone(),
            one.person.clone(),
            one.organisation.clone(),
        ]);
    }
    screen.table(&table);
    screen.say(
        "These had been delivered when their credential turned out to be another person's. Correct them in WeCom (补卡 for the one, removal for the other).",
        "这些打卡送达后才发现凭据属于他人。请在企业微信中更正（为应归者补卡，并处理误记者的记录）。",
    );
    Ok(Exit::Done)
}
