//! From when on devices count: the day of the first meeting, judging again when that changes, and letting through what is older.

use std::time::Duration;

use jiff::civil::Date;
use punchd_contract::Text;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::operations::{OperationError, Operations};
use crate::attendance::{Decision, start};
use crate::journal::{DOUBT_BEFORE, DOUBT_UNTIL_KNOWN, DeviceId, JournalError, OrganisationId, Seq};

/// How often it is looked whether the time is known by now.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Readings that are judged again in one transaction.
const AT_ONCE: usize = 200;

/// Before every reading.
const BEGINNING: (Seq, OrganisationId) = (Seq(0), OrganisationId(0));

/// What is older than the day from which its device counts is to count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetThrough {
    /// The device's name.
    pub device: String,
    /// From this day on, in the device's zone; absent: from the beginning.
    pub from: Option<Date>,
    /// Until this day, the day included; absent: all.
    pub until: Option<Date>,
    /// Why, in their words.
    pub reason: String,
    /// Who decided.
    pub by: String,
    /// Only count them.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of the wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetThroughDone {
    /// So many readings were meant.
    pub readings: u64,
    /// So many of them have a verdict that is settled now.
    pub settled: u64,
}

impl Operations {
    /// Lets readings through that are older than the day from which their device counts; each is a decision of its own.
    pub async fn let_through(&self, wish: LetThrough) -> Result<LetThroughDone, OperationError> {
        if wish.reason.trim().is_empty() {
            return Err(OperationError::Declined(Text::new(
                "say why: a decision is kept with its reason",
                "请说明原因：决定会与原因一同保存",
            )));
        }
        let name = wish.device.clone();
        let (device, zone) = self.journal.read(move |sql| device_of(sql, &name)).await?;
        let first_second = |day: Date| zone.to_zoned(day.into()).map(|start| start.timestamp().as_second());
        let from_s = wish.from.map_or(i64::MIN, |day| first_second(day).unwrap_or(i64::MIN));
        let after_until = wish.until.and_then(|day| day.tomorrow().ok());
        let until_s = after_until.map_or(i64::MAX, |day| first_second(day).unwrap_or(i64::MAX));
        let what = serde_json::to_string(&Decision::LetThrough).unwrap_or_default();
        let (mut done, mut after) = (LetThroughDone::default(), BEGINNING);
        loop {
            let look = move |sql: &Connection| start::refused(sql, device, from_s, until_s, after, AT_ONCE);
            let portion = self.journal.read(look).await?;
            let Some(last) = portion.last().copied() else { break };
            after = last;
            done.readings += portion.len() as u64;
            if wish.dry_run {
                continue;
            }
            let (attendance, now) = (self.attendance.clone(), self.clock.now().time);
            let (what, by, reason) = (what.clone(), wish.by.clone(), wish.reason.clone());
            done.settled += self
                .journal
                .write_weighing(portion.len(), move |write| {
                    for (seq, organisation) in &portion {
                        write
                            .sql()
                            .prepare_cached(
                                "INSERT INTO decision (seq, organisation, what, decided_by, reason, wall_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                            )?
                            .execute((seq, organisation, &what, &by, &reason, now.0))?;
                    }
                    start::open(write, &portion)?;
                    let seqs: Vec<Seq> = portion.iter().map(|(seq, _)| *seq).collect();
                    attendance.reopen(write, &seqs)
                })
                .await?;
            self.punched.notify_one();
        }
        if !wish.dry_run {
            let LetThrough { device, by, reason, .. } = &wish;
            tracing::warn!(device, by, reason, readings = done.readings, "older readings were let through");
        }
        Ok(done)
    }

    /// Dates the first meeting with devices as soon as the time is known, and judges again where the day changed from which a
    /// device counts. Ends when both are done.
    pub(super) async fn mind_starts(&self, trusted_within: Duration) {
        if let Err(error) = self.judge_refused_again().await {
            tracing::warn!(%error, "readings from before the day from which a device counts could not be judged again");
        }
        loop {
            match self.journal.read(waits_for_the_time).await {
                Ok(false) | Err(JournalError::Closed) => return,
                Ok(true) if self.clock.now().trusted(trusted_within) => match self.date_first_meetings().await {
                    Ok(()) => {}
                    Err(error) => tracing::warn!(%error, "the first meeting with a device could not be dated"),
                },
                Ok(true) => {}
                Err(error) => tracing::debug!(%error, "cannot look for devices whose first day is not known"),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn date_first_meetings(&self) -> Result<(), JournalError> {
        let (boot, now) = (self.clock.stamp().boot, self.clock.now());
        let dated =
            self.journal.write(move |write| start::date_first_meetings(write, &boot, now.boottime, now.time)).await?;
        let attendance = self.attendance.clone();
        self.journal.write(move |write| attendance.doubt_before(write, now.time)).await?;
        let settled = self.reopen().await?;
        tracing::info!(dated, settled, "the day is known on which devices were first seen");
        Ok(())
    }

    /// Devices whose `count_from` was changed: what was refused by the old one is judged by the new one.
    async fn judge_refused_again(&self) -> Result<(), JournalError> {
        for (device, from) in self.journal.read(start::moved).await? {
            let mut after = BEGINNING;
            loop {
                let look = move |sql: &Connection| start::refused(sql, device, i64::MIN, i64::MAX, after, AT_ONCE);
                let portion: Vec<(Seq, OrganisationId)> = self.journal.read(look).await?;
                let Some(last) = portion.last().copied() else { break };
                after = last;
                let attendance = self.attendance.clone();
                self.journal
                    .write_weighing(portion.len(), move |write| {
                        start::open(write, &portion)?;
                        let seqs: Vec<Seq> = portion.iter().map(|(seq, _)| *seq).collect();
                        attendance.reopen(write, &seqs)
                    })
                    .await?;
                self.punched.notify_one();
            }
            self.journal.write(move |write| start::note_judged(write, device, &from)).await?;
        }
        Ok(())
    }
}

/// Whether something is decided as soon as the time is known.
fn waits_for_the_time(sql: &Connection) -> Result<bool, JournalError> {
    let waits = "SELECT EXISTS (SELECT 1 FROM device WHERE first_seen_ms IS NULL)
                     OR EXISTS (SELECT 1 FROM meta WHERE key = ?1 AND value = ?2)";
    Ok(sql.query_row(waits, (DOUBT_BEFORE, DOUBT_UNTIL_KNOWN.to_string()), |row| row.get(0))?)
}

fn device_of(sql: &Connection, name: &str) -> Result<(DeviceId, jiff::tz::TimeZone), JournalError> {
    let found: Option<(DeviceId, Option<String>)> = sql
        .query_row("SELECT device, json_extract(settings, '$.zone') FROM device WHERE name = ?1", [name], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((device, zone)) = found else {
        return Err(JournalError::Refused(format!("no device {name:?}: see `punchd devices`")));
    };
    let zone = zone.and_then(|zone| jiff::tz::TimeZone::get(&zone).ok()).unwrap_or(jiff::tz::TimeZone::UTC);
    Ok((device, zone))
}

/// What is kept and does not count because of its day, in words.
pub(super) fn kept(sql: &Connection) -> Result<Vec<Text>, JournalError> {
    let say = |start::Kept { device, readings, from }: start::Kept| {
        let (punches, are) = if readings == 1 { ("punch", "is") } else { ("punches", "are") };
        Text::new(
            format!(
                "{readings} {punches} of {device} from before {from} {are} kept and not counted: let them through with `punchd punches let-through --device {device}`, if they are to count."
            ),
            format!(
                "{device} 在 {from} 之前的 {readings} 条打卡已保存但不计入；如需计入，请运行 `punchd punches let-through --device {device}`。"
            ),
        )
    };
    Ok(start::kept(sql)?.into_iter().map(say).collect())
}
