//! Readings that wait for a decision, each with the reason and what to do.

use punchd_contract::Text;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::{boots, runs};
use crate::agent;
use crate::attendance::Reason;
use crate::attendance::timeline::{Bounds, Timeline};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::moments;
use crate::cli::place::Place;
use crate::cli::screen::Screen;
use crate::cli::table::{Table, printable};
use crate::clock::{BootNanos, Clock, SystemClock, UnixMillis};

/// The most that are listed for people; programs get all.
const LISTED: usize = 200;

#[derive(Debug, Serialize)]
pub(super) struct HeldRow {
    pub(super) seq: i64,
    pub(super) device: String,
    userid: Option<String>,
    name: Option<String>,
    credential: String,
    pub(super) terminal_time: Option<String>,
    time_s: Option<i64>,
    pub(super) recorded_ms: i64,
    pub(super) zone: String,
    /// How far the terminal's clock was ahead of UTC, where the record itself tells.
    #[serde(skip)]
    pub(super) utc_offset_s: Option<i32>,
    pub(super) reason: Option<Reason>,
    /// Which boot of the gateway it came in, and how long after its beginning.
    pub(super) boot: i64,
    pub(super) since_boot_ms: i64,
    /// What the journal proves of its time, where nothing dates it.
    pub(super) bounds: Option<Bounds>,
    /// The run of readings that it belongs to.
    pub(super) run: Option<runs::Run>,
}

/// All that are held, oldest first.
pub(super) fn rows(sql: &Connection) -> Result<Vec<HeldRow>, Failure> {
    let mut select = sql.prepare(
        "SELECT r.seq, d.name, p.userid, p.name, r.credential, r.terminal_time, v.time_s, r.wall_ms,
                json_extract(d.settings, '$.zone'), v.reason, r.boot, r.boottime_ns,
                json_extract(r.extra, '$.utc_offset_s')
           FROM verdict v JOIN reading r ON r.seq = v.seq JOIN device d USING (device) LEFT JOIN person p ON p.person = v.person
          WHERE v.outcome = 3 ORDER BY r.seq",
    )?;
    let rows = select.query_map([], |row| {
        let reason: Option<String> = row.get(9)?;
        Ok(HeldRow {
            seq: row.get(0)?,
            device: row.get(1)?,
            userid: row.get(2)?,
            name: row.get(3)?,
            credential: row.get(4)?,
            terminal_time: row.get(5)?,
            time_s: row.get(6)?,
            recorded_ms: row.get(7)?,
            zone: row.get::<_, Option<String>>(8)?.unwrap_or_default(),
            reason: reason.and_then(|reason| serde_json::from_str(&reason).ok()),
            boot: row.get(10)?,
            since_boot_ms: row.get::<_, i64>(11)?.div_euclid(1_000_000),
            utc_offset_s: row.get(12)?,
            bounds: None,
            run: None,
        })
    })?;
    let mut rows: Vec<HeldRow> = rows.collect::<Result<_, _>>()?;
    runs::mark(sql, &mut rows)?;
    Ok(rows)
}

/// Shows them, oldest first.
pub fn held(place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let mut rows = rows(&sql)?;
    let running = add_bounds(&sql, &mut rows)?;
    if screen.json {
        screen.value(&rows)?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        screen.say("Nothing is held.", "没有待定的记录。");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        screen.word(">seq", ">序号"),
        screen.word("!terminal's time", "!终端时间"),
        screen.word("!came", "!到达"),
        screen.word("person", "人员"),
        screen.word("device", "设备"),
    ]);
    let mut reasons: Vec<(Text, Vec<i64>)> = Vec::new();
    for row in &rows {
        let zone = moments::zone(&row.zone);
        let came = moments::at(row.recorded_ms.div_euclid(1000), &zone);
        if reasons.iter().map(|(_, seqs)| seqs.len()).sum::<usize>() < LISTED {
            table.row([
                row.seq.to_string(),
                row.terminal_time.as_deref().unwrap_or("–").replace('T', " "),
                came,
                row.name.clone().or_else(|| row.userid.clone()).unwrap_or_else(|| row.credential.clone()),
                row.device.clone(),
            ]);
        }
        let text = row.reason.as_ref().map_or_else(|| Text::new("–", "–"), Reason::text);
        match reasons.iter_mut().find(|(known, _)| *known == text) {
            Some((_, seqs)) => seqs.push(row.seq),
            None => reasons.push((text, vec![row.seq])),
        }
    }
    screen.table(&table);
    if let Some(more @ 1..) = rows.len().checked_sub(LISTED) {
        screen.say(format!("… and {more} more (all of them: --json)"), format!("……另有 {more} 条（全部：--json）"));
    }
    for (text, seqs) in &reasons {
        let numbers = printable(&numbers(seqs));
        screen.say(format!("{numbers}: {}", text.en), format!("{numbers}：{}", text.zh));
    }
    runs::show(&rows, screen);
    boots::show(&rows, running, screen);
    Ok(Exit::Done)
}

/// Adds what is proven of those that wait for the time. Answers the row of the boot that is running, if the journal knows it.
fn add_bounds(sql: &Connection, rows: &mut [HeldRow]) -> Result<Option<i64>, Failure> {
    let undated = |row: &HeldRow| matches!(row.reason, Some(Reason::ClockUntrusted));
    if !rows.iter().any(undated) {
        return Ok(None);
    }
    let clock = SystemClock::new().map_err(|error| Failure::plain(Exit::Unavailable, error))?;
    agent::recall(sql, &clock)?;
    let now = clock.now();
    let timeline =
        Timeline::load(sql, now.bound.map(|bound| UnixMillis(now.time.0.saturating_add(bound.as_millis() as i64))))?;
    for row in rows.iter_mut().filter(|row| undated(row)) {
        let boottime = BootNanos(row.since_boot_ms.saturating_mul(1_000_000));
        row.bounds = timeline.bounds(row.boot, boottime);
    }
    let running = sql.query_row("SELECT boot FROM boot WHERE kernel_id = ?1", [clock.stamp().boot.0], |row| row.get(0));
    Ok(running.optional()?)
}

/// `3, 5, 7` or, where there are many, `3, 5, 7, … (120)`.
fn numbers(seqs: &[i64]) -> String {
    let shown: Vec<String> = seqs.iter().take(8).map(ToString::to_string).collect();
    let all = if seqs.len() > 8 { format!(", … ({})", seqs.len()) } else { String::new() };
    format!("{}{all}", shown.join(", "))
}
