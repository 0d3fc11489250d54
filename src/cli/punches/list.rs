//! The list of readings with what became of them.

use std::collections::HashMap;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use punchd_contract::Text;
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::attendance::{Outcome, Reason};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::moments;
use crate::cli::place::Place;
use crate::cli::screen::Screen;
use crate::cli::table::Table;

/// No zone is further from UTC than this, seconds.
const FARTHEST_ZONE: i64 = 26 * 3600;

#[derive(Debug, Args)]
pub struct Filter {
    /// Only of this person: userid or name
    #[arg(long)]
    person: Option<String>,
    /// Only of this device
    #[arg(long)]
    device: Option<String>,
    /// From this day on, in the device's zone, such as 2026-11-02
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Up to this day
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// Only what became this
    #[arg(long)]
    state: Option<State>,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    /// It counts
    Punch,
    /// It belongs to an earlier punch
    Merged,
    /// Nobody is known by its credential
    Unknown,
    /// It waits for a decision
    Held,
    /// It does not count
    Refused,
}

impl State {
    fn outcome(self) -> Outcome {
        match self {
            Self::Punch => Outcome::Punch,
            Self::Merged => Outcome::Merged,
            Self::Unknown => Outcome::Unknown,
            Self::Held => Outcome::Held,
            Self::Refused => Outcome::Refused,
        }
    }
}

/// A reading and its verdict for one organisation.
#[derive(Clone, Debug, Serialize)]
pub struct PunchRow {
    seq: i64,
    /// True time where it is known, else as the terminal gave it, else when it came.
    #[serde(skip)]
    shown: Moment,
    /// Seconds of true time.
    time_s: Option<i64>,
    /// In the device's zone, as shown.
    local_time: String,
    zone: String,
    terminal_time: Option<String>,
    recorded_ms: i64,
    device: String,
    organisation: Option<String>,
    userid: Option<String>,
    name: Option<String>,
    credential_kind: String,
    credential: String,
    outcome: Option<Outcome>,
    basis: Option<String>,
    merged_into: Option<i64>,
    reason: Option<Reason>,
    deliveries: Vec<DeliveryRow>,
}

#[derive(Clone, Debug)]
enum Moment {
    True(i64),
    Terminal(String),
    Recorded(i64),
}

#[derive(Clone, Debug, Serialize)]
struct DeliveryRow {
    destination: String,
    state: &'static str,
}

const DELIVERY_STATES: [(&str, &str); 7] = [
    ("waiting", "待上传"),
    ("sending", "上传中"),
    ("in doubt", "待核对"),
    ("delivered", "已送达"),
    ("confirmed", "已确认"),
    ("parked", "搁置"),
    ("dropped", "已放弃"),
];

/// Shows it.
pub fn list(filter: &Filter, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let mut rows = find(&sql, filter)?;
    rows.reverse();
    if screen.json {
        screen.value(&rows)?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        screen.say("No reading fits.", "没有符合条件的记录。");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        screen.word(">seq", ">序号"),
        screen.word("!time", "!时间"),
        screen.word("person", "人员"),
        screen.word("device", "设备"),
        screen.word("verdict", "结果"),
        screen.word("delivery", "上传"),
    ]);
    for row in &rows {
        let verdict = verdict(row);
        table.row([
            row.seq.to_string(),
            row.local_time.clone(),
            person(row),
            row.device.clone(),
            screen.word(&verdict.en, &verdict.zh).to_owned(),
            deliveries(row, screen),
        ]);
    }
    screen.table(&table);
    if rows.iter().any(|row| !matches!(row.shown, Moment::True(_))) {
        screen.say(
            "? not the true time: as the terminal gave it, or when it came.",
            "? 非真实时间：为终端时间或到达时间。",
        );
    }
    Ok(Exit::Done)
}

fn person(row: &PunchRow) -> String {
    match (&row.name, &row.userid) {
        (Some(name), Some(userid)) => format!("{name} {userid}"),
        _ => format!("{} {}", row.credential_kind, row.credential),
    }
}

fn verdict(row: &PunchRow) -> Text {
    match row.outcome {
        Some(Outcome::Punch) => Text::new("punch", "打卡"),
        Some(Outcome::Merged) => {
            let into = row.merged_into.unwrap_or_default();
            Text::new(format!("merged into {into}"), format!("并入 {into}"))
        }
        Some(Outcome::Unknown) => Text::new("unknown", "未知"),
        Some(Outcome::Held) => Text::new("held", "待定"),
        Some(Outcome::Refused) => Text::new("refused", "不计"),
        None => Text::new("–", "–"),
    }
}

fn deliveries(row: &PunchRow, screen: &Screen) -> String {
    let word = |state: &str| {
        let (en, zh) = DELIVERY_STATES.iter().find(|(en, _)| *en == state).copied().unwrap_or(("?", "?"));
        screen.word(en, zh).to_owned()
    };
    match row.deliveries.as_slice() {
        [one] => word(one.state),
        several => {
            let all: Vec<String> =
                several.iter().map(|one| format!("{} {}", one.destination, word(one.state))).collect();
            all.join(", ")
        }
    }
}

/// The newest rows that fit, newest first.
fn find(sql: &Connection, filter: &Filter) -> Result<Vec<PunchRow>, Failure> {
    let (mut wants, mut values): (Vec<&str>, Vec<(&str, rusqlite::types::Value)>) = (Vec::new(), Vec::new());
    if let Some(device) = &filter.device {
        wants.push("d.name = :device");
        values.push((":device", device.clone().into()));
    }
    if let Some(person) = &filter.person {
        wants.push("v.person IN (SELECT person FROM person WHERE userid_folded = lower(:person) OR name = :person)");
        values.push((":person", person.clone().into()));
    }
    if let Some(state) = filter.state {
        wants.push("v.outcome = :outcome");
        values.push((":outcome", state.outcome().code().into()));
    }
    // The exact day is that of the device's zone and is looked at below.
    let midnight = |day: Date| {
        Ok::<_, Failure>(
            TimeZone::UTC
                .to_timestamp(day.at(0, 0, 0, 0))
                .map_err(|error| Failure::plain(Exit::Usage, error))?
                .as_second(),
        )
    };
    if let Some(from) = filter.from {
        wants.push("coalesce(v.time_s, unixepoch(r.terminal_time), r.wall_ms / 1000) >= :from");
        values.push((":from", (midnight(from)? - FARTHEST_ZONE).into()));
    }
    if let Some(to) = filter.to {
        wants.push("coalesce(v.time_s, unixepoch(r.terminal_time), r.wall_ms / 1000) <= :to");
        values.push((":to", (midnight(to)? + 86_400 + FARTHEST_ZONE).into()));
    }
    let by_time = filter.from.is_some() || filter.to.is_some() || filter.person.is_some();
    let query = format!(
        "SELECT r.seq, d.name, json_extract(d.settings, '$.zone'), r.credential_kind, r.credential, r.terminal_time, r.wall_ms,
                o.name, v.outcome, v.time_s, v.basis, v.merged_into, v.reason, p.userid, p.name
           FROM reading r JOIN device d USING (device)
           LEFT JOIN verdict v ON v.seq = r.seq
           LEFT JOIN organisation o ON o.organisation = v.organisation
           LEFT JOIN person p ON p.person = v.person
          {} {} ORDER BY {}",
        if wants.is_empty() { "" } else { "WHERE" },
        wants.join(" AND "),
        if by_time { "coalesce(v.time_s, unixepoch(r.terminal_time), r.wall_ms / 1000) DESC, r.seq DESC" } else { "r.seq DESC" },
    );
    let values: Vec<(&str, &dyn rusqlite::ToSql)> =
        values.iter().map(|(name, value)| (*name, value as &dyn rusqlite::ToSql)).collect();
    let mut select = sql.prepare(&query)?;
    let mut rows = select.query(values.as_slice())?;
    let mut zones: HashMap<String, TimeZone> = HashMap::new();
    let mut found = Vec::new();
    while found.len() < filter.limit as usize {
        let Some(row) = rows.next()? else { break };
        let mut punch = read(row)?;
        let zone = zones.entry(punch.zone.clone()).or_insert_with_key(|name| moments::zone(name));
        punch.local_time = local(&punch.shown, zone);
        let day: Option<Date> = punch.local_time.get(..10).and_then(|day| day.parse().ok());
        let inside = |day: Date| filter.from.is_none_or(|from| day >= from) && filter.to.is_none_or(|to| day <= to);
        if day.is_none_or(inside) {
            punch.deliveries = delivered(sql, punch.seq)?;
            found.push(punch);
        }
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<PunchRow, Failure> {
    let (terminal_time, recorded_ms): (Option<String>, i64) = (row.get(5)?, row.get(6)?);
    let time_s: Option<i64> = row.get(9)?;
    let reason: Option<String> = row.get(12)?;
    Ok(PunchRow {
        seq: row.get(0)?,
        shown: match (time_s, &terminal_time) {
            (Some(second), _) => Moment::True(second),
            (None, Some(said)) => Moment::Terminal(said.clone()),
            (None, None) => Moment::Recorded(recorded_ms.div_euclid(1000)),
        },
        time_s,
        local_time: String::new(),
        zone: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        terminal_time,
        recorded_ms,
        device: row.get(1)?,
        organisation: row.get(7)?,
        userid: row.get(13)?,
        name: row.get(14)?,
        credential_kind: row.get(3)?,
        credential: row.get(4)?,
        outcome: row.get::<_, Option<i64>>(8)?.and_then(Outcome::from_code),
        basis: row.get(10)?,
        merged_into: row.get(11)?,
        reason: reason.and_then(|reason| serde_json::from_str(&reason).ok()),
        deliveries: Vec::new(),
    })
}

fn local(moment: &Moment, zone: &TimeZone) -> String {
    match moment {
        Moment::True(second) => moments::at(*second, zone),
        Moment::Terminal(said) => format!("{} ?", said.replace('T', " ")),
        Moment::Recorded(second) => format!("{} ?", moments::at(*second, zone)),
    }
}

fn delivered(sql: &Connection, seq: i64) -> Result<Vec<DeliveryRow>, Failure> {
    let mut select = sql.prepare_cached(
        "SELECT n.name, y.state FROM destination n JOIN delivery y ON y.destination = n.destination AND y.seq = ?1 ORDER BY n.name",
    )?;
    let rows = select.query_map([seq], |row| {
        let state = DELIVERY_STATES.get(usize::from(row.get::<_, u8>(1)?)).map_or("?", |(en, _)| *en);
        Ok(DeliveryRow { destination: row.get(0)?, state })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
