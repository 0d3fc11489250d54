//! Held readings that belong together: one terminal wrote them one after the other while its clock was wrong in one way, so one
//! decision can be about all of them.

use punchd_contract::Text;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::held::{self, HeldRow};
use crate::attendance::Reason;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::moments;
use crate::cli::screen::Screen;

/// An offset counts as proven where the neighbours leave it no more room than this, seconds.
const PROVEN_WITHIN: i64 = 120;

/// A run, as each of its readings shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Run {
    pub first: i64,
    pub last: i64,
    pub count: usize,
    /// What has to be added at least and at most to the terminal's times, so that they lie between the neighbours.
    pub shift_at_least_s: Option<i64>,
    pub shift_at_most_s: Option<i64>,
}

impl Run {
    /// The shift that the neighbours prove.
    fn proven(&self) -> Option<i64> {
        let (least, most) = (self.shift_at_least_s?, self.shift_at_most_s?);
        let room = most.checked_sub(least)?;
        (0..=PROVEN_WITHIN).contains(&room).then_some(least + room / 2)
    }
}

/// Marks the runs among rows that are sorted by their numbers.
pub(super) fn mark(sql: &Connection, rows: &mut [HeldRow]) -> Result<(), Failure> {
    let mut devices: Vec<String> = rows.iter().map(|row| row.device.clone()).collect();
    devices.sort_unstable();
    devices.dedup();
    for device in devices {
        let mut runs: Vec<Vec<usize>> = Vec::new();
        let its = rows.iter().enumerate().filter(|(_, row)| row.device == device && row.terminal_time.is_some());
        for (place, row) in its {
            let before = runs.last().and_then(|run| run.last()).and_then(|place| rows.get(*place));
            let together = match before {
                Some(before) => same_kind(before, row) && !counts_between(sql, &device, before.seq, row.seq)?,
                None => false,
            };
            match runs.last_mut().filter(|_| together) {
                Some(run) => run.push(place),
                None => runs.push(vec![place]),
            }
        }
        for places in runs.into_iter().filter(|places| places.len() > 1) {
            let run = describe(sql, &device, rows, &places)?;
            for place in places {
                if let Some(row) = rows.get_mut(place) {
                    row.run = run.clone();
                }
            }
        }
    }
    Ok(())
}

/// The numbers of the run that a held reading belongs to; itself alone where it belongs to none.
pub(super) fn of(sql: &Connection, seq: i64) -> Result<Vec<i64>, Failure> {
    let rows = held::rows(sql)?;
    let Some(row) = rows.iter().find(|row| row.seq == seq) else {
        return Err(Failure::new(
            Exit::Negative,
            format!("reading {seq} is not held: see `punchd punches held`"),
            format!("记录 {seq} 不在待定之列：请查看 `punchd punches held`"),
        ));
    };
    let Some(run) = &row.run else { return Ok(vec![seq]) };
    let mut seqs: Vec<i64> = rows
        .iter()
        .filter(|other| other.device == row.device && other.run.as_ref() == Some(run))
        .map(|other| other.seq)
        .collect();
    seqs.dedup();
    Ok(seqs)
}

/// When the first of these happened by its terminal's clock, in seconds.
pub(super) fn recorded(sql: &Connection, seqs: &[i64]) -> Result<i64, Failure> {
    let first = seqs.iter().min().copied().unwrap_or_default();
    let found: Option<(Option<String>, Option<String>)> = sql
        .query_row(
            "SELECT r.terminal_time, json_extract(d.settings, '$.zone') FROM reading r JOIN device d USING (device) WHERE r.seq = ?1",
            [first],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let second = found.and_then(|(time, zone)| second(&time?, &zone.unwrap_or_default()));
    second.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("reading {first} has no date of its own: decide its time with --at"),
            format!("记录 {first} 没有自己的日期：请用 --at 确定时间"),
        )
    })
}

fn second(time: &str, zone: &str) -> Option<i64> {
    let civil: jiff::civil::DateTime = time.parse().ok()?;
    moments::zone(zone).to_ambiguous_timestamp(civil).compatible().ok().map(|moment| moment.as_second())
}

fn same_kind(one: &HeldRow, other: &HeldRow) -> bool {
    let kind = |row: &HeldRow| match &row.reason {
        // One false time shows as several doubts: behind, and earlier than anything can be.
        Some(Reason::TooEarly { .. } | Reason::Doubtful { .. }) => Some(None),
        Some(reason) => Some(Some(std::mem::discriminant(reason))),
        None => None,
    };
    // A clock that jumped back or by more than a day in between was wrong in two ways.
    let times = second_of(one).zip(second_of(other));
    kind(one) == kind(other) && times.is_some_and(|(one, other)| (0..=7 * 86_400).contains(&(other - one)))
}

fn second_of(row: &HeldRow) -> Option<i64> {
    second(row.terminal_time.as_deref()?, &row.zone)
}

fn counts_between(sql: &Connection, device: &str, after: i64, before: i64) -> Result<bool, Failure> {
    let mut select = sql.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM reading r JOIN verdict v USING (seq) JOIN device d USING (device)
          WHERE d.name = ?1 AND r.seq > ?2 AND r.seq < ?3 AND v.outcome <= 1)",
    )?;
    Ok(select.query_row((device, after, before), |row| row.get(0))?)
}

fn describe(sql: &Connection, device: &str, rows: &[HeldRow], places: &[usize]) -> Result<Option<Run>, Failure> {
    let ends = places.first().and_then(|place| rows.get(*place)).zip(places.last().and_then(|place| rows.get(*place)));
    let Some((first, last)) = ends else { return Ok(None) };
    let neighbour = |order: &str, than: &str, seq: i64| {
        sql.query_row(
            &format!(
                "SELECT v.time_s FROM reading r JOIN verdict v USING (seq) JOIN device d USING (device)
                  WHERE d.name = ?1 AND r.seq {than} ?2 AND v.outcome <= 1 ORDER BY r.seq {order} LIMIT 1"
            ),
            (device, seq),
            |row| row.get::<_, Option<i64>>(0),
        )
        .optional()
    };
    let before = neighbour("DESC", "<", first.seq)?.flatten();
    let after = neighbour("ASC", ">", last.seq)?.flatten();
    let between = |one: Option<i64>, other: Option<i64>| one.zip(other).map(|(one, other)| one - other);
    Ok(Some(Run {
        first: first.seq,
        last: last.seq,
        count: places.len(),
        shift_at_least_s: between(before, second_of(first)),
        shift_at_most_s: between(after, second_of(last)),
    }))
}

/// Says of every run what it is, what is proven, and what to type.
pub(super) fn show(rows: &[HeldRow], screen: &mut Screen) {
    let mut shown: Option<&Run> = None;
    for row in rows {
        let Some(run) = row.run.as_ref().filter(|run| shown != Some(run) && run.first == row.seq) else { continue };
        shown = Some(run);
        let last = rows.iter().find(|other| other.seq == run.last).unwrap_or(row);
        let time = |row: &HeldRow| row.terminal_time.as_deref().unwrap_or("–").replace('T', " ");
        let room = room(run);
        screen.say(
            format!(
                "Readings {} to {} of {} are a run: these {} readings between {} and {} belong together. {}",
                run.first,
                run.last,
                row.device,
                run.count,
                time(row),
                time(last),
                room.en
            ),
            format!(
                "{} 的记录 {} 至 {} 是连续的一组：{} 至 {} 之间的这 {} 条记录。{}",
                row.device,
                run.first,
                run.last,
                time(row),
                time(last),
                run.count,
                room.zh
            ),
        );
    }
}

fn room(run: &Run) -> Text {
    let how = match run.proven() {
        Some(shift) => format!("--shift {shift}s"),
        None => "--first-at TIME".to_owned(),
    };
    let command = format!("punchd punches decide --run {} {how} --reason WORDS", run.first);
    if let Some(shift) = run.proven() {
        return Text::new(
            format!("Their clock was off by {} s, as the readings around them prove: `{command}`.", -shift),
            format!("前后的记录证明其时钟偏差 {} 秒：`{command}`。", -shift),
        );
    }
    let (mut en, mut zh) = (String::new(), String::new());
    if let Some(least) = run.shift_at_least_s {
        en += &format!(" They have to be moved by at least {least} s.");
        zh += &format!("至少应移动 {least} 秒。");
    }
    if let Some(most) = run.shift_at_most_s {
        en += &format!(" They have to be moved by at most {most} s.");
        zh += &format!("至多应移动 {most} 秒。");
    }
    Text::new(format!("Decide about all of them: `{command}`.{en}"), format!("一并处理：`{command}`。{zh}"))
}
