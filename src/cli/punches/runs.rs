//! Held readings that belong together: one terminal wrote them one after the other while its clock was wrong in one way, so one
//! decision can be about all of them.

use std::mem::discriminant;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use punchd_contract::{Doubt, Text};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::held::{self, HeldRow};
use crate::attendance::{Reason, decisions};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::moments;
use crate::cli::screen::Screen;
use crate::journal::Seq;

/// An offset counts as proven where the neighbours leave it no more room than this, seconds.
const PROVEN_WITHIN: i64 = 120;
/// A clock that is off by no more is right, and a time may lie beyond a neighbour by so much.
const TOLERANCE_MS: i64 = 60_000;
/// Two measurements that differ by no more are one offset: a second of resolution on either side, and drift.
const SAME_OFFSET_MS: u64 = 5_000;
/// Readings of one run are not further apart.
const LONGEST_PAUSE_S: i64 = 7 * 86_400;

/// A run, as each of its readings shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Run {
    pub first: i64,
    pub last: i64,
    pub count: usize,
    /// What has to be added at least and at most to the terminal's times, so that they lie between the neighbours.
    pub shift_at_least_s: Option<i64>,
    pub shift_at_most_s: Option<i64>,
    /// What contacts measured of the terminal's clock and the neighbours do not exclude.
    pub measured: Vec<Measured>,
}

/// A correction that a contact measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Measured {
    /// What is added to the terminal's times.
    pub shift_ms: i64,
    /// How to say so to `punchd punches decide`.
    pub option: String,
}

impl Run {
    /// The shift that the neighbours prove.
    fn proven(&self) -> Option<i64> {
        let (least, most) = (self.shift_at_least_s?, self.shift_at_most_s?);
        let room = most.checked_sub(least)?;
        (0..=PROVEN_WITHIN).contains(&room).then_some(least + room / 2)
    }

    /// Whether the neighbours allow it.
    fn allows(&self, shift_ms: i64) -> bool {
        let above = |least: i64| shift_ms >= least.saturating_mul(1000) - TOLERANCE_MS;
        let below = |most: i64| shift_ms <= most.saturating_mul(1000) + TOLERANCE_MS;
        self.shift_at_least_s.is_none_or(above) && self.shift_at_most_s.is_none_or(below)
    }
}

/// Marks the runs among rows that are sorted by their numbers.
pub(super) fn mark(sql: &Connection, rows: &mut [HeldRow]) -> Result<(), Failure> {
    let mut devices: Vec<String> = rows.iter().map(|row| row.device.clone()).collect();
    devices.sort_unstable();
    devices.dedup();
    for device in devices {
        let mut runs: Vec<Vec<usize>> = Vec::new();
        let mut its: Vec<usize> = (0..rows.len()).filter(|place| rows[*place].device == device).collect();
        // A reading that several organisations hold is one reading.
        its.dedup_by_key(|place| rows[*place].seq);
        for place in its {
            let Some(row) = rows.get(place).filter(|row| row.terminal_time.is_some()) else { continue };
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
            let its: Vec<&HeldRow> = places.iter().filter_map(|place| rows.get(*place)).collect();
            let run = describe(sql, &device, &its)?;
            let seqs: Vec<i64> = its.iter().map(|row| row.seq).collect();
            for row in rows.iter_mut().filter(|row| seqs.binary_search(&row.seq).is_ok()) {
                row.run.clone_from(&run);
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
    let found: Option<(Option<String>, Option<String>, Option<i32>)> = sql
        .query_row(
            "SELECT r.terminal_time, json_extract(d.settings, '$.zone'), json_extract(r.extra, '$.utc_offset_s')
               FROM reading r JOIN device d USING (device) WHERE r.seq = ?1",
            [first],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let second = found.and_then(|(time, zone, offset)| second(&time?, &zone.unwrap_or_default(), offset));
    second.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("reading {first} has no date of its own: decide its time with --at"),
            format!("记录 {first} 没有自己的日期：请用 --at 确定时间"),
        )
    })
}

/// The second that attendance takes the terminal's time for.
fn second(time: &str, zone: &str, utc_offset_s: Option<i32>) -> Option<i64> {
    let civil: DateTime = time.parse().ok()?;
    let moment = match utc_offset_s.and_then(|seconds| Offset::from_seconds(seconds).ok()) {
        Some(offset) => offset.to_timestamp(civil),
        None => moments::zone(zone).to_ambiguous_timestamp(civil).compatible(),
    };
    moment.ok().map(|moment| moment.as_second())
}

fn second_of(row: &HeldRow) -> Option<i64> {
    second(row.terminal_time.as_deref()?, &row.zone, row.utc_offset_s)
}

/// Whether a clock that was wrong in one way explains both.
fn same_kind(one: &HeldRow, other: &HeldRow) -> bool {
    let same = |one: i64, other: i64| one.abs_diff(other) <= SAME_OFFSET_MS;
    let false_date = |reason: &Reason| match reason {
        // One false time shows as several doubts: behind, ahead, and earlier or later than anything can be.
        Reason::TooEarly { .. } | Reason::Future => true,
        Reason::Doubtful { doubt } => !matches!(doubt, Doubt::Said { .. }),
        _ => false,
    };
    let kind = match (&one.reason, &other.reason) {
        (Some(Reason::TerminalClock { offset_ms: one }), Some(Reason::TerminalClock { offset_ms: other })) => {
            same(*one, *other)
        }
        (
            Some(Reason::TerminalClockChanged { before_ms: one, .. }),
            Some(Reason::TerminalClockChanged { before_ms: other, .. }),
        ) => same(*one, *other),
        (Some(Reason::Doubtful { doubt: one @ Doubt::Said { .. } }), Some(Reason::Doubtful { doubt: other })) => {
            discriminant(one) == discriminant(other)
        }
        (Some(one), Some(other)) => false_date(one) && false_date(other),
        _ => false,
    };
    // A clock that jumped in between was wrong in two ways.
    let times = second_of(one).zip(second_of(other));
    kind && times.is_some_and(|(one, other)| (0..=LONGEST_PAUSE_S).contains(&(other - one)))
}

fn counts_between(sql: &Connection, device: &str, after: i64, before: i64) -> Result<bool, Failure> {
    let mut select = sql.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM reading r JOIN verdict v USING (seq) JOIN device d USING (device)
          WHERE d.name = ?1 AND r.seq > ?2 AND r.seq < ?3 AND v.outcome <= 1)",
    )?;
    Ok(select.query_row((device, after, before), |row| row.get(0))?)
}

fn describe(sql: &Connection, device: &str, rows: &[&HeldRow]) -> Result<Option<Run>, Failure> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
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
    let mut run = Run {
        first: first.seq,
        last: last.seq,
        count: rows.len(),
        shift_at_least_s: between(before, second_of(first)),
        shift_at_most_s: between(after, second_of(last)),
        measured: Vec::new(),
    };
    run.measured = measured(sql, rows)?;
    let arrived = |shift_ms: i64| {
        let at = |row: &&HeldRow| second_of(row).map(|second| second.saturating_mul(1000).saturating_add(shift_ms));
        rows.iter().all(|row| at(row).is_some_and(|at| at <= row.recorded_ms.saturating_add(TOLERANCE_MS)))
    };
    let fits = |one: &Measured| run.allows(one.shift_ms) && arrived(one.shift_ms);
    let measured = run.measured.iter().filter(|one| fits(one)).cloned().collect();
    Ok(Some(Run { measured, ..run }))
}

/// The corrections that contacts measured: by the clock's offset at the contact that brought the readings, or, where it was set
/// right before that one, at the contact before.
fn measured(sql: &Connection, rows: &[&HeldRow]) -> Result<Vec<Measured>, Failure> {
    if let Some(Reason::TerminalClockChanged { before_ms, .. }) = rows.first().and_then(|row| row.reason.as_ref()) {
        let seconds = before_ms.div_euclid(1000).saturating_neg();
        let moved = Measured { shift_ms: seconds.saturating_mul(1000), option: format!("--shift {seconds}s") };
        return Ok(vec![moved, Measured { shift_ms: 0, option: "--as-recorded".to_owned() }]);
    }
    let mut found: Option<i64> = None;
    for row in rows {
        let Some(offset_ms) = decisions::measured_offset(sql, Seq(row.seq))? else { return Ok(Vec::new()) };
        if found.is_some_and(|found| found.abs_diff(offset_ms) > SAME_OFFSET_MS) {
            return Ok(Vec::new());
        }
        found = found.or(Some(offset_ms));
    }
    let wrong = found.filter(|offset_ms| offset_ms.unsigned_abs() > TOLERANCE_MS.unsigned_abs());
    let correction =
        |offset_ms: i64| Measured { shift_ms: offset_ms.saturating_neg(), option: "--corrected".to_owned() };
    Ok(wrong.map(correction).into_iter().collect())
}

/// Says of every run what it is, what is proven, and what to type.
pub(super) fn show(rows: &[HeldRow], screen: &mut Screen) {
    let mut shown: Option<&Run> = None;
    for row in rows {
        let Some(run) = row.run.as_ref().filter(|run| shown != Some(run) && run.first == row.seq) else { continue };
        shown = Some(run);
        let last = rows.iter().find(|other| other.seq == run.last).unwrap_or(row);
        let time = |row: &HeldRow| row.terminal_time.as_deref().unwrap_or("–").replace('T', " ");
        let (room, from, to) = (room(run), time(row), time(last));
        let Run { first, last, count, .. } = run;
        let device = &row.device;
        screen.say(
            format!("Readings {first} to {last} of {device} are a run: these {count} readings between {from} and {to} belong together. {}", room.en),
            format!("{device} 的记录 {first} 至 {last} 是连续的一组：{from} 至 {to} 之间的这 {count} 条记录。{}", room.zh),
        );
    }
}

fn room(run: &Run) -> Text {
    let command = |how: &str| format!("punchd punches decide --run {} {how} --reason WORDS", run.first);
    if let Some(shift) = run.proven() {
        let command = command(&format!("--shift {shift}s"));
        return Text::new(
            format!("Their clock was off by {} s, as the readings around them prove: `{command}`.", -shift),
            format!("前后的记录证明其时钟偏差 {} 秒：`{command}`。", -shift),
        );
    }
    let (mut en, mut zh) = (String::new(), String::new());
    for one in &run.measured {
        let command = command(&one.option);
        if one.shift_ms == 0 {
            en += &format!(" If they are from after the clock was set right: `{command}`.");
            zh += &format!("如果它们是在时钟校准之后记录的：`{command}`。");
        } else {
            let off = -one.shift_ms.div_euclid(1000);
            en += &format!(
                " A contact measured that the clock was off by {off} s; if it was so when they were recorded: `{command}`."
            );
            zh += &format!("某次连接时测得时钟偏差 {off} 秒；如果记录时也是如此：`{command}`。");
        }
    }
    if let Some(least) = run.shift_at_least_s {
        en += &format!(" They have to be moved by at least {least} s.");
        zh += &format!("至少应移动 {least} 秒。");
    }
    if let Some(most) = run.shift_at_most_s {
        en += &format!(" They have to be moved by at most {most} s.");
        zh += &format!("至多应移动 {most} 秒。");
    }
    let command = command("--first-at TIME");
    Text::new(format!("Decide about all of them: `{command}`.{en}"), format!("一并处理：`{command}`。{zh}"))
}
