//! `punchd deliveries`: what is on its way, what is stuck and why, and deciding about it.

use std::collections::HashMap;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use punchd_contract::Text;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::exit::Exit;
use super::failure::Failure;
use super::moments;
use super::place::{Place, converse, operator};
use super::screen::Screen;
use super::table::Table;
use crate::agent::{DeliveriesDecided, DropDeliveries, DropMany, Meant, Operations, OrderDestination, RetryDeliveries};
use crate::clock::{Clock, SystemClock};
use crate::delivery::{self, Filter, Listed, Order, Summary};
use crate::journal::{DeliveryId, DestinationId, PersonId};

/// The longest page that is asked for.
const PAGE: usize = 1000;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Deliveries {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only what is in this state; else what needs a look
    #[arg(long)]
    state: Option<State>,
    /// Only to this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Only of this person: userid or name
    #[arg(long)]
    person: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try parked deliveries again; what may have arrived is read back first
    Retry(RetryThem),
    /// Give deliveries up that are parked or wait; they stay in the journal with your name and reason
    Drop(DropThem),
    /// Send nothing to a destination until further notice
    Pause(PauseIt),
    /// Send to a destination again
    Resume(ResumeIt),
}

#[derive(Debug, Args)]
struct PauseIt {
    /// The destination; without it: all
    #[arg(value_name = "NAME")]
    destination: Option<String>,
    /// Why
    #[arg(long, value_name = "WORDS")]
    reason: String,
    /// Who decides; else the user of this terminal
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
struct ResumeIt {
    /// The destination; without it: all
    #[arg(value_name = "NAME")]
    destination: Option<String>,
    /// Who decides; else the user of this terminal
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["ids", "all", "now"])))]
struct RetryThem {
    /// Their numbers, as the list shows them
    #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    ids: Vec<i64>,
    /// All that are parked
    #[arg(long)]
    all: bool,
    /// What waits for its next try is tried at once, as after a fix in WeCom's console
    #[arg(long)]
    now: bool,
    /// Of this destination
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    destination: Option<String>,
    /// Send again also what may have arrived already: it can be there twice then
    #[arg(long)]
    even_twice: bool,
    /// Who decides; else the user of this terminal
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["ids", "all", "before", "device"])))]
struct DropThem {
    /// Their numbers, as the list shows them
    #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..), conflicts_with_all = ["all", "before", "device"])]
    ids: Vec<i64>,
    /// All that are parked or wait
    #[arg(long)]
    all: bool,
    /// Of punches before this day (in the gateway's zone)
    #[arg(long, value_name = "DATE")]
    before: Option<jiff::civil::Date>,
    /// Of punches of this device
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// To this destination only
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    destination: Option<String>,
    /// Why
    #[arg(long, value_name = "WORDS")]
    reason: String,
    /// Who decides; else the user of this terminal
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    /// To be sent
    Waiting,
    /// In a call at this moment
    Sending,
    /// It may have arrived: it is read back
    InDoubt,
    /// Accepted
    Delivered,
    /// Accepted, looked for, and not seen
    Invisible,
    /// Seen at the destination
    Confirmed,
    /// A person has to decide
    Parked,
    /// Given up by a person
    Dropped,
}

impl State {
    fn of_delivery(self) -> delivery::State {
        match self {
            Self::Waiting => delivery::State::Waiting,
            Self::Sending => delivery::State::Sending,
            Self::InDoubt => delivery::State::InDoubt,
            Self::Delivered | Self::Invisible => delivery::State::Delivered,
            Self::Confirmed => delivery::State::Confirmed,
            Self::Parked => delivery::State::Parked,
            Self::Dropped => delivery::State::Dropped,
        }
    }
}

/// A state in a word.
pub fn state_words(state: delivery::State) -> Text {
    let zh = match state {
        delivery::State::Waiting => "待上传",
        delivery::State::Sending => "上传中",
        delivery::State::InDoubt => "待核对",
        delivery::State::Delivered => "已送达",
        delivery::State::Confirmed => "已确认",
        delivery::State::Parked => "搁置",
        delivery::State::Dropped => "已放弃",
    };
    Text::new(state.word(), zh)
}

/// Carries it out.
pub fn deliveries(mut deliveries: Deliveries, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    match deliveries.command.take() {
        None => show(&deliveries, place, screen),
        Some(Command::Retry(wish)) if wish.now => {
            let by = wish.by.unwrap_or_else(operator);
            let wish =
                OrderDestination { destination: wish.destination, order: Order::Hurry, reason: String::new(), by };
            ordered(&wish, ("tried at once", "立即重试"), place, screen)
        }
        Some(Command::Pause(wish)) => {
            let by = wish.by.unwrap_or_else(operator);
            let wish = OrderDestination { destination: wish.destination, order: Order::Pause, reason: wish.reason, by };
            ordered(&wish, ("paused", "已暂停"), place, screen)
        }
        Some(Command::Resume(wish)) => {
            let by = wish.by.unwrap_or_else(operator);
            let wish =
                OrderDestination { destination: wish.destination, order: Order::Resume, reason: String::new(), by };
            ordered(&wish, ("sending again", "已恢复上传"), place, screen)
        }
        Some(Command::Drop(wish)) if wish.ids.is_empty() => {
            let by = wish.by.unwrap_or_else(operator);
            let DropThem { destination, before, device, reason, .. } = wish;
            let wish = DropMany { destination, before, device, reason, by };
            let own = async |operations: &Operations| operations.drop_many(wish.clone()).await;
            let decided = converse(place.change("/v1/deliveries/drop-many", &wish, own))?;
            tell(
                decided,
                ("dropped", "已放弃"),
                ("they may have arrived and are read back", "可能已送达，正在核对"),
                screen,
            )
        }
        Some(Command::Retry(wish)) => {
            let meant = if wish.all { Meant::AllParked { destination: wish.destination } } else { these(&wish.ids) };
            let by = wish.by.unwrap_or_else(operator);
            let wish = RetryDeliveries { meant, even_twice: wish.even_twice, by };
            let own = async |operations: &Operations| operations.retry_deliveries(wish.clone()).await;
            let decided = converse(place.change("/v1/deliveries/retry", &wish, own))?;
            tell(decided, ("tried again", "已重新上传"), ("not parked", "并未搁置"), screen)
        }
        Some(Command::Drop(wish)) => {
            let by = wish.by.unwrap_or_else(operator);
            let wish = DropDeliveries { meant: these(&wish.ids), reason: wish.reason, by };
            if wish.reason.trim().is_empty() {
                return Err(Failure::new(
                    Exit::Usage,
                    "say why: a dropped punch is kept with its reason (--reason WORDS)",
                    "请说明原因：放弃的打卡会与原因一同保存（--reason）",
                ));
            }
            let own = async |operations: &Operations| operations.drop_deliveries(wish.clone()).await;
            let decided = converse(place.change("/v1/deliveries/drop", &wish, own))?;
            tell(decided, ("dropped", "已放弃"), ("neither parked nor waiting", "既未搁置也未等待"), screen)
        }
    }
}

/// Has an order about destinations carried out.
fn ordered(wish: &OrderDestination, done: (&str, &str), place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let own = async |operations: &Operations| operations.order_destination(wish.clone()).await;
    let decided: DeliveriesDecided = converse(place.change("/v1/deliveries/order", wish, own))?;
    let DeliveriesDecided { changed, left } = decided;
    if screen.json {
        screen.value(&decided)?;
    } else {
        let noun = if changed == 1 { "destination" } else { "destinations" };
        screen.say(format!("{changed} {noun}: {}.", done.0), format!("{changed} 个去向：{}。", done.1));
        if left > 0 {
            screen.say(format!("{left} were so already."), format!("{left} 个此前已是如此。"));
        }
    }
    Ok(if changed == 0 { Exit::Negative } else { Exit::Done })
}

fn these(ids: &[i64]) -> Meant {
    Meant::These(ids.iter().copied().map(DeliveryId).collect())
}

/// The answer is no if nothing was changed.
fn tell(
    decided: DeliveriesDecided,
    done: (&str, &str),
    not: (&str, &str),
    screen: &mut Screen,
) -> Result<Exit, Failure> {
    let DeliveriesDecided { changed, left } = decided;
    if screen.json {
        screen.value(&decided)?;
    } else {
        screen.say(format!("{changed} deliveries: {}.", done.0), format!("{changed} 条：{}。", done.1));
        if left > 0 {
            screen.say(
                format!("{left} were left as they are: {}, or not there.", not.0),
                format!("{left} 条保持原状：{}，或不存在。", not.1),
            );
        }
    }
    Ok(if changed == 0 { Exit::Negative } else { Exit::Done })
}

fn show(wanted: &Deliveries, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let destinations = destinations(&sql)?;
    let filter = Filter {
        state: None,
        destination: wanted.destination.as_deref().map(|name| destination(&destinations, name)).transpose()?,
        person: None,
        invisible: false,
        after: None,
        limit: wanted.limit as usize,
    };
    let people = match &wanted.person {
        Some(name) => persons(&sql, name)?.into_iter().map(Some).collect(),
        None => vec![None],
    };
    // Without a wish: what needs a look, the worst first.
    let states = match wanted.state {
        Some(state) => vec![state],
        None if wanted.person.is_some() => {
            State::value_variants().iter().copied().filter(|s| *s != State::Invisible).collect()
        }
        None => vec![State::Parked, State::Invisible, State::InDoubt],
    };
    let mut listed = Vec::new();
    for state in states {
        for person in &people {
            let left = (wanted.limit as usize).saturating_sub(listed.len());
            let invisible = state == State::Invisible;
            let filter =
                Filter { state: Some(state.of_delivery()), person: *person, invisible, limit: left, ..filter.clone() };
            listed.extend(pages(&sql, filter)?);
        }
    }
    let mut summaries = Vec::new();
    for (id, name) in &destinations {
        if filter.destination.is_none_or(|wanted| wanted == *id) {
            summaries.push((name.as_str(), delivery::summary(&sql, *id)?));
        }
    }
    if screen.json {
        let all: serde_json::Map<String, Value> =
            summaries.iter().map(|(name, summary)| ((*name).to_owned(), json!(summary))).collect();
        screen.value(&json!({ "destinations": all, "deliveries": listed }))?;
        return Ok(Exit::Done);
    }
    show_summaries(&summaries, screen)?;
    show_list(&sql, &listed, screen)?;
    Ok(Exit::Done)
}

fn show_summaries(summaries: &[(&str, Summary)], screen: &mut Screen) -> Result<(), Failure> {
    if summaries.is_empty() {
        screen.say("No destination is configured: punches stay here.", "没有配置去向：打卡只保存在本机。");
        return Ok(());
    }
    let clock = SystemClock::new().map_err(|error| Failure::plain(Exit::Unavailable, error))?;
    let now_ms = clock.now().time.0;
    let mut table = Table::new(&[
        screen.word("destination", "去向"),
        screen.word(">waiting", ">待上传"),
        screen.word(">in doubt", ">待核对"),
        screen.word(">parked", ">搁置"),
        screen.word(">not seen", ">未见到"),
        screen.word("!oldest", "!最早"),
    ]);
    for (name, summary) in summaries {
        let oldest = summary.oldest_since_ms.map(|since| moments::ago(since, now_ms));
        let oldest = oldest.unwrap_or_else(|| Text::new("–", "–"));
        table.row([
            (*name).to_owned(),
            (summary.waiting + summary.sending).to_string(),
            summary.in_doubt.to_string(),
            summary.parked.to_string(),
            summary.invisible.to_string(),
            screen.word(&oldest.en, &oldest.zh).to_owned(),
        ]);
    }
    screen.table(&table);
    for (name, summary) in summaries {
        if let Some(paused) = &summary.paused {
            let Text { en, zh } = paused.text(name);
            screen.say(format!("{name}: {en}"), format!("{name}：{zh}"));
        }
        if let Some(next_ms) = summary.next_try_ms {
            let wait = moments::ago(now_ms, next_ms.max(now_ms));
            screen.say(
                format!("{name}: the next try is in {}; at once: punchd deliveries retry --now", wait.en),
                format!("{name}：{}后重试；立即重试：punchd deliveries retry --now", wait.zh),
            );
        }
    }
    Ok(())
}

fn show_list(sql: &Connection, listed: &[Listed], screen: &mut Screen) -> Result<(), Failure> {
    if listed.is_empty() {
        screen.say("No delivery to show.", "没有可显示的上传。");
        return Ok(());
    }
    let zones = zones(sql)?;
    let mut table = Table::new(&[
        screen.word(">id", ">编号"),
        screen.word("!time", "!时间"),
        screen.word("person", "人员"),
        screen.word("destination", "去向"),
        screen.word("state", "状态"),
        screen.word(">tries", ">次数"),
    ]);
    let mut reasons: Vec<(&Text, Vec<String>)> = Vec::new();
    for one in listed {
        let zone = one.device.as_ref().and_then(|device| zones.get(device)).map_or("", String::as_str);
        let state = delivery::State::from_word(one.state).map_or_else(|| Text::new(one.state, one.state), state_words);
        table.row([
            one.delivery.to_string(),
            moments::at(one.time_s, &moments::zone(zone)),
            format!("{} {}", one.person, one.userid),
            one.destination.clone(),
            screen.word(&state.en, &state.zh).to_owned(),
            one.attempts.to_string(),
        ]);
        let Some(text) = &one.text else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == text) {
            Some((_, ids)) => ids.push(one.delivery.to_string()),
            None => reasons.push((text, vec![one.delivery.to_string()])),
        }
    }
    screen.table(&table);
    for (Text { en, zh }, ids) in reasons {
        let more = if ids.len() > 8 { format!(", … ({})", ids.len()) } else { String::new() };
        let shown = ids.into_iter().take(8).collect::<Vec<_>>().join(", ");
        screen.say(format!("{shown}{more}: {en}"), format!("{shown}{more}：{zh}"));
    }
    Ok(())
}

/// As many pages as the limit wants.
fn pages(sql: &Connection, mut filter: Filter) -> Result<Vec<Listed>, Failure> {
    let mut all = Vec::new();
    let limit = filter.limit;
    while all.len() < limit {
        filter.limit = (limit - all.len()).min(PAGE);
        let page = delivery::list(sql, &filter)?;
        let full = page.len() == filter.limit;
        filter.after = page.last().map(|last| last.delivery);
        all.extend(page);
        if !full {
            break;
        }
    }
    Ok(all)
}

fn destinations(sql: &Connection) -> Result<Vec<(DestinationId, String)>, Failure> {
    let mut select = sql.prepare("SELECT destination, name FROM destination ORDER BY active DESC, name")?;
    Ok(select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

fn destination(all: &[(DestinationId, String)], name: &str) -> Result<DestinationId, Failure> {
    all.iter().find(|(_, known)| known == name).map(|(id, _)| *id).ok_or_else(|| {
        let names = all.iter().map(|(_, known)| known.as_str()).collect::<Vec<_>>().join(", ");
        Failure::new(
            Exit::Usage,
            format!("no destination is called {name:?}; there are: {names}"),
            format!("没有名为 {name:?} 的去向；现有：{names}"),
        )
    })
}

fn persons(sql: &Connection, name: &str) -> Result<Vec<PersonId>, Failure> {
    let mut select = sql.prepare("SELECT person FROM person WHERE userid_folded = lower(?1) OR name = ?1")?;
    let found: Vec<PersonId> = select.query_map([name], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            format!("nobody is called {name:?}: see `punchd people`"),
            format!("没有名为 {name:?} 的人员，请查看 `punchd people`"),
        ));
    }
    Ok(found)
}

fn zones(sql: &Connection) -> Result<HashMap<String, String>, Failure> {
    let mut select = sql.prepare("SELECT name, json_extract(settings, '$.zone') FROM device")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
