//! Deciding about readings that nothing else can settle. A decision is kept with who made it and why.

use clap::{ArgGroup, Args};
use jiff::civil::DateTime;
use jiff::{Span, SpanRelativeTo, Timestamp, tz::TimeZone};
use rusqlite::Connection;
use serde_json::json;

use super::runs;
use crate::agent::{BootDecided, BootSettled, Decided, Operations, Settled};
use crate::attendance::Decision;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::moments;
use crate::cli::place::{Place, converse, operator};
use crate::cli::screen::Screen;

/// Decisions that go to the agent in one piece; each piece is decided whole or not at all.
const AT_ONCE: usize = 500;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["at", "as_recorded", "corrected", "shift", "first_at", "refuse", "person"])))]
#[command(group(ArgGroup::new("when").args(["at", "as_recorded", "corrected", "shift", "first_at", "refuse"])))]
#[command(group(ArgGroup::new("which").required(true).args(["seqs", "all_held", "run"])))]
pub struct Decide {
    /// The numbers of the readings
    #[arg(value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    seqs: Vec<i64>,
    /// All that are held of one device
    #[arg(long, requires = "device")]
    all_held: bool,
    /// All of the run that this held reading belongs to (see `punchd punches held`)
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    run: Option<i64>,
    /// Which device
    #[arg(long, value_name = "NAME", requires = "all_held")]
    device: Option<String>,
    /// It happened at this time: in the device's zone (2026-11-02T08:01:00) or with an offset (2026-11-02T08:01:00+08:00)
    #[arg(long, value_name = "TIME", conflicts_with = "all_held")]
    at: Option<String>,
    /// Everything else that is held of the same boot follows by the differences of its boot time; for readings that were taken
    /// while the gateway did not know the time
    #[arg(long, requires = "at", conflicts_with = "all_held")]
    whole_boot: bool,
    /// Also against what the journal proves (see `punchd punches held`); the reason should say why
    #[arg(long, requires = "at")]
    force: bool,
    /// The terminal's own time is right
    #[arg(long)]
    as_recorded: bool,
    /// The terminal's time is to be corrected by its clock's offset at the contact that brought it
    #[arg(long)]
    corrected: bool,
    /// The terminal's times are to be moved by so much, such as 1h, -95s or 9497d3h; their distances stay
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    shift: Option<String>,
    /// The first of them happened at this time, and the others as much later as the terminal says
    #[arg(long, value_name = "TIME")]
    first_at: Option<String>,
    /// It does not count
    #[arg(long, conflicts_with = "person")]
    refuse: bool,
    /// They are this person's: a userid of the people list
    #[arg(long, value_name = "USERID")]
    person: Option<String>,
    /// Why
    #[arg(long, value_name = "WORDS")]
    reason: String,
    /// Who decides; else the user of this terminal
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Writes it down and has the readings judged again.
pub fn decide(decide: &Decide, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    if decide.reason.trim().is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "say why: a decision is kept with its reason (--reason WORDS)",
            "请说明原因：决定会与原因一同保存（--reason）",
        ));
    }
    let sql = place.journal()?;
    let mut seqs = match (&decide.device, decide.run) {
        (_, Some(seq)) => runs::of(&sql, seq)?,
        (Some(device), None) => held_of(&sql, device)?,
        (None, None) => decide.seqs.clone(),
    };
    if seqs.is_empty() {
        screen.say("Nothing is held of this device.", "该设备没有待定的记录。");
        return Ok(Exit::Negative);
    }
    seqs.sort_unstable();
    seqs.dedup();
    if decide.at.is_some() && !decide.whole_boot && seqs.len() > 1 {
        return Err(one_time_for_many(seqs.len()));
    }
    let decision = decision(decide, &sql, &seqs)?;
    drop(sql);
    let by = decide.by.clone().unwrap_or_else(operator);
    if let (true, Some(Decision::At { time_s })) = (decide.whole_boot, &decision) {
        return decide_boot(decide, &seqs, *time_s, by, place, screen);
    }
    let mut all = Settled::default();
    for portion in seqs.chunks(AT_ONCE) {
        let decided = Decided {
            seqs: portion.to_vec(),
            decision: decision.clone(),
            person: decide.person.clone(),
            by: by.clone(),
            reason: decide.reason.trim().to_owned(),
            forced: decide.force,
        };
        let own = async |operations: &Operations| operations.decide(decided.clone()).await;
        let done: Settled = converse(place.change("/v1/decide", &decided, own))?;
        all.settled += done.settled;
        all.to_correct += done.to_correct;
    }
    let Settled { settled, to_correct } = all;
    let count = seqs.len() as u64;
    if screen.json {
        screen.value(&json!({ "decided": count, "settled": settled, "to_correct": to_correct, "by": by }))?;
    } else {
        screen.say(
            format!("Decided about {count} by {by}; {settled} are settled."),
            format!("{by} 已对 {count} 条作出决定；{settled} 条已定。"),
        );
        if to_correct > 0 {
            screen.say(
                format!(
                    "{to_correct} may have been delivered for somebody else already: correct it where it arrived. `punchd people corrections` lists what is to be corrected."
                ),
                format!("{to_correct} 条可能已按他人送达：请在送达处更正。`punchd people corrections` 会列出需要更正的打卡。"),
            );
        }
        if settled + to_correct < count {
            screen.say(
                "The others still wait for something: see `punchd punches held` and `punchd punches unknown`.",
                "其余仍在等待：请查看 `punchd punches held` 和 `punchd punches unknown`。",
            );
        }
    }
    Ok(Exit::Done)
}

/// Nobody punches several times in one second: all but one would be merged away.
fn one_time_for_many(count: usize) -> Failure {
    Failure::new(
        Exit::Usage,
        format!(
            "--at would give all {count} readings the same second: give one reading, or say when the first of them was and the others follow by the terminal's own distances (--first-at TIME, for a whole run with --run SEQ)"
        ),
        format!(
            "--at 会使这 {count} 条记录成为同一秒：请只写一条；或用 --first-at 写明第一条的时间，其余按终端记录的间隔推算（整组请用 --run SEQ）"
        ),
    )
}

/// One reading's time dates all of its boot.
fn decide_boot(
    decide: &Decide,
    seqs: &[i64],
    time_s: i64,
    by: String,
    place: &Place,
    screen: &mut Screen,
) -> Result<Exit, Failure> {
    let [seq] = *seqs else {
        return Err(Failure::new(
            Exit::Usage,
            "with --whole-boot give one reading: its time dates the others",
            "使用 --whole-boot 时只写一条记录：其余按它推算",
        ));
    };
    let decided =
        BootDecided { seq, time_s, by: by.clone(), reason: decide.reason.trim().to_owned(), forced: decide.force };
    let own = async |operations: &Operations| operations.decide_boot(decided.clone()).await;
    let BootSettled { open, settled } = converse(place.change("/v1/decide/boot", &decided, own))?;
    if screen.json {
        screen.value(&json!({ "decided": open, "settled": settled, "by": by }))?;
    } else {
        screen.say(
            format!(
                "Decided by {by} when the boot of reading {seq} was; of {open} open readings {settled} are settled."
            ),
            format!("{by} 已确定记录 {seq} 所在开机期间的时间；{open} 条待定记录中 {settled} 条已定。"),
        );
    }
    Ok(Exit::Done)
}

fn held_of(sql: &Connection, device: &str) -> Result<Vec<i64>, Failure> {
    let mut select = sql.prepare(
        "SELECT DISTINCT r.seq FROM verdict v JOIN reading r ON r.seq = v.seq JOIN device d USING (device)
          WHERE v.outcome = 3 AND d.name = ?1 ORDER BY r.seq",
    )?;
    Ok(select.query_map([device], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn decision(decide: &Decide, sql: &Connection, seqs: &[i64]) -> Result<Option<Decision>, Failure> {
    Ok(Some(match (&decide.at, &decide.shift, &decide.first_at) {
        (Some(at), ..) => Decision::At { time_s: moment(at, sql, seqs)? },
        (_, Some(by), _) => Decision::Shifted { offset_ms: duration(by)? },
        (.., Some(at)) => {
            let first = runs::recorded(sql, seqs)?;
            let seconds = moment(at, sql, seqs)?.saturating_sub(first);
            Decision::Shifted { offset_ms: seconds.saturating_mul(1000) }
        }
        _ if decide.as_recorded => Decision::AsRecorded,
        _ if decide.corrected => Decision::Corrected,
        _ if decide.refuse => Decision::Refuse,
        _ => return Ok(None),
    }))
}

/// Days have 24 hours: a clock that was wrong knew nothing of summer time either.
fn duration(text: &str) -> Result<i64, Failure> {
    let (sign, amount) = match text.strip_prefix('-') {
        Some(amount) => (-1, amount),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let span: Option<Span> = amount.parse().ok();
    let milliseconds = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let milliseconds = milliseconds.and_then(|span| i64::try_from(span.as_millis()).ok());
    milliseconds.map(|milliseconds| milliseconds.saturating_mul(sign)).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("{text:?} is no duration: write 1h, -95s or 9497d3h"),
            format!("{text:?} 不是时长：请写成 1h、-95s 或 9497d3h"),
        )
    })
}

/// The second that is meant: with an offset it stands for itself, else it is the devices' civil time.
fn moment(text: &str, sql: &Connection, seqs: &[i64]) -> Result<i64, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_second());
    }
    let civil: DateTime = text.parse().map_err(|_| {
        Failure::new(
            Exit::Usage,
            format!("{text:?} is no time: write 2026-11-02T08:01:00, or 2026-11-02T08:01:00+08:00"),
            format!("{text:?} 不是时间：请写成 2026-11-02T08:01:00 或 2026-11-02T08:01:00+08:00"),
        )
    })?;
    let mut zones: Vec<String> = Vec::new();
    let mut select = sql.prepare(
        "SELECT json_extract(d.settings, '$.zone') FROM reading r JOIN device d USING (device) WHERE r.seq = ?1",
    )?;
    for seq in seqs {
        let zone: Option<String> = select.query_row([seq], |row| row.get(0)).map_err(|_| {
            Failure::new(Exit::Negative, format!("there is no reading {seq}"), format!("没有记录 {seq}"))
        })?;
        zones.push(zone.unwrap_or_default());
    }
    zones.dedup();
    let [zone] = zones.as_slice() else {
        return Err(Failure::new(
            Exit::Usage,
            "these readings are of devices in several zones: give the time with its offset",
            "这些记录来自不同时区的设备：请写明时差",
        ));
    };
    in_zone(civil, zone, &moments::zone(zone))
}

fn in_zone(civil: DateTime, name: &str, zone: &TimeZone) -> Result<i64, Failure> {
    match zone.to_ambiguous_timestamp(civil).unambiguous() {
        Ok(moment) => Ok(moment.as_second()),
        Err(_) => Err(Failure::new(
            Exit::Usage,
            format!("{civil} comes twice or not at all in {name}: give the time with its offset"),
            format!("{civil} 在 {name} 出现两次或不存在：请写明时差"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_comes_twice_has_to_be_told_apart() {
        let berlin = moments::zone("Europe/Berlin");
        let at = |text: &str| in_zone(text.parse().unwrap(), "Europe/Berlin", &berlin);
        assert_eq!(at("2026-10-25T02:30:00").unwrap_err().exit, Exit::Usage);
        assert_eq!(at("2026-03-29T02:30:00").unwrap_err().exit, Exit::Usage);
        assert_eq!(at("2026-11-02T13:00:00").unwrap(), 1_793_620_800);
    }

    #[test]
    fn a_duration_may_be_negative_and_counts_days_of_24_hours() {
        assert_eq!(duration("-95s").unwrap(), -95_000);
        assert_eq!(duration("+1d2h").unwrap(), 26 * 3_600_000);
        assert_eq!(duration("soon").unwrap_err().exit, Exit::Usage);
    }
}
