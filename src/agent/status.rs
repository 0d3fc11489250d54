//! How the agent is, in one value: what `punchd status`, the pages and programs are shown.

use std::collections::BTreeMap;

use punchd_contract::Text;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use punchd_contract::Condition;

use super::arriving;
use crate::clock::{Clock, Hint, Known, Quality};
use crate::health::{State, Subject};
use crate::journal::JournalError;

/// Everything at a glance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The version of punchd.
    pub version: String,
    /// What the operator calls the gateway.
    pub gateway: String,
    /// Whether an agent is running.
    pub running: bool,
    /// What time it is, as well as the gateway knows it, milliseconds since 1970 UTC.
    pub now_ms: i64,
    /// How far off that can be, milliseconds; absent: nothing is known.
    pub clock_bound_ms: Option<u64>,
    /// How the time is known.
    pub clock: ClockStatus,
    /// How everything is.
    pub health: BTreeMap<Subject, State>,
    /// The journal.
    pub journal: JournalStatus,
    /// Devices.
    pub devices: Vec<DeviceStatus>,
    /// Terminals that knocked and are not configured.
    pub strangers: Vec<StrangerStatus>,
    /// What needs a look, newest first.
    pub alerts: Vec<AlertStatus>,
    /// What else people are to know: what is kept and not counted, contradictions between lists.
    #[serde(default)]
    pub remarks: Vec<punchd_contract::Text>,
}

/// The clock at a glance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClockStatus {
    /// How the time is known.
    pub known: Known,
    /// When it was learned, in the gateway's best time; absent while it is synchronised, or nothing is known.
    pub learned_ms: Option<i64>,
    /// What the system clock shows.
    pub wall_ms: i64,
    /// How good the system clock is.
    pub quality: Quality,
    /// The unproven time that certificates are judged by, while there is no other.
    pub hint: Option<Hint>,
    /// The last time that the system clock was set while punchd ran.
    pub last_step: Option<ClockStep>,
}

/// Somebody or something set the system clock.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ClockStep {
    /// What it showed then.
    pub at_ms: i64,
    /// By how much it was set forward, milliseconds.
    pub by_ms: i64,
    /// How long ago, milliseconds; absent: in an earlier boot.
    pub ago_ms: Option<i64>,
}

/// The journal at a glance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalStatus {
    /// The last reading.
    pub head_seq: i64,
    /// Its digest, to be kept elsewhere.
    pub head_digest: String,
    /// Counts.
    pub counts: Counts,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Readings in the journal.
    pub readings: i64,
    /// Readings of unknown credentials.
    pub unknown: i64,
    /// Held readings.
    pub held: i64,
    /// Readings from before the day from which their device counts.
    #[serde(default)]
    pub before_start: i64,
    /// Deliveries that wait.
    pub waiting: i64,
    /// Deliveries under way or in doubt.
    pub in_doubt: i64,
    /// Parked deliveries.
    pub parked: i64,
    /// The time of the oldest undelivered punch, seconds.
    pub oldest_undelivered_s: Option<i64>,
}

/// A device at a glance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What it calls itself.
    pub serial: Option<String>,
    /// Where it answered last.
    pub address: Option<String>,
    /// Model and firmware.
    pub firmware: Option<String>,
    /// Its clock minus true time at the last contact, milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// Records it says it has.
    pub records_claimed: Option<i64>,
    /// Records read in the last whole read.
    pub records_read: Option<i64>,
    /// When it was last in contact (written down at most hourly where nothing changes).
    pub last_contact_ms: Option<i64>,
}

/// A terminal that knocked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StrangerStatus {
    /// What it calls itself, if it does.
    pub serial: Option<String>,
    /// The kind of driver that met it.
    pub kind: String,
    /// Where it came from.
    pub address: String,
    /// What it says of itself.
    pub detail: String,
    /// When it was last seen.
    pub last_ms: i64,
    /// What is wrong with its requests, and what to do.
    pub trouble: Option<Text>,
}

/// Something that needs a look.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlertStatus {
    /// The device, if it is about one.
    pub device: Option<String>,
    /// What kind of thing.
    pub kind: String,
    /// In English.
    pub en: String,
    /// 中文.
    pub zh: String,
    /// When it was first told.
    pub at_ms: i64,
    /// When it was last told.
    pub last_ms: i64,
    /// How often it was told.
    pub times: i64,
    /// When its cause ended, if it has.
    pub ended_ms: Option<i64>,
}

/// Alerts that are listed.
const ALERTS: i64 = 50;
/// What is not told again for so long is over.
pub const ALERT_LIVES_DAYS: i64 = 7;
/// A terminal that has not knocked for so long is gone.
const KNOCKED_WITHIN_DAYS: i64 = 2;
const DAY_MS: i64 = 86_400_000;
/// Before this, a wall clock that shows less has not been set (2024-01-01); what was told then has no age.
const PLAUSIBLE_MS: i64 = 1_704_067_200_000;

impl AlertStatus {
    /// Whether it is still to be shown.
    pub fn is_live(&self, now_ms: i64) -> bool {
        let young = self.last_ms < PLAUSIBLE_MS || now_ms.saturating_sub(self.last_ms) < ALERT_LIVES_DAYS * DAY_MS;
        self.ended_ms.is_none() && young
    }
}

impl StrangerStatus {
    /// Whether it still knocks.
    pub fn knocks(&self, now_ms: i64) -> bool {
        self.last_ms < PLAUSIBLE_MS || now_ms.saturating_sub(self.last_ms) < KNOCKED_WITHIN_DAYS * DAY_MS
    }
}

impl Status {
    /// Whether a person should look: nothing runs, something is wrong or warns, a terminal is not let in, an alert is live.
    pub fn wants_a_look(&self) -> bool {
        !self.running
            || self.health.values().any(|state| state.health.condition >= Condition::Warning)
            || self.strangers.iter().any(|stranger| stranger.knocks(self.now_ms))
            || self.alerts.iter().any(|alert| alert.is_live(self.now_ms))
    }
}

/// Puts a status together from the journal; `health` is the board of the running agent, or `None` for what was last written down.
pub fn status(
    sql: &Connection,
    gateway: &str,
    clock: &dyn Clock,
    health: Option<BTreeMap<Subject, State>>,
) -> Result<Status, JournalError> {
    let now = clock.now();
    let (running, journal) = (health.is_some(), journal(sql)?);
    let mut health = health.map_or_else(|| last_health(sql), Ok)?;
    // Fresh, whatever the board or the last run said.
    for (subject, fresh) in arriving::health(sql, &journal.counts)? {
        let since_ms = match health.get(&subject) {
            Some(before) if before.health.condition == fresh.condition => before.since_ms,
            _ => now.time.0,
        };
        health.insert(subject, State { health: fresh, since_ms });
    }
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        gateway: gateway.to_owned(),
        running,
        now_ms: now.time.0,
        clock_bound_ms: now.bound.map(|bound| u64::try_from(bound.as_millis()).unwrap_or(u64::MAX)),
        clock: clock_status(sql, clock)?,
        health,
        journal,
        devices: devices(sql, clock)?,
        strangers: strangers(sql)?,
        alerts: alerts(sql)?,
        remarks: remarks(sql)?,
    })
}

fn clock_status(sql: &Connection, clock: &dyn Clock) -> Result<ClockStatus, JournalError> {
    let (stamp, now) = (clock.stamp(), clock.now());
    let learned = clock.anchor().filter(|_| matches!(now.by, Known::By(_)));
    let step = sql.query_row(
        "SELECT kernel_id, boottime_ns, before_ms, after_ms FROM clock_step JOIN boot USING (boot) ORDER BY step DESC LIMIT 1",
        [],
        |row| {
            let (boot, boottime_ns): (String, i64) = (row.get(0)?, row.get(1)?);
            let (before_ms, at_ms): (i64, i64) = (row.get(2)?, row.get(3)?);
            let ago_ms = stamp.boottime.0.saturating_sub(boottime_ns).div_euclid(1_000_000);
            Ok(ClockStep { at_ms, by_ms: at_ms.saturating_sub(before_ms), ago_ms: (boot == stamp.boot.0).then_some(ago_ms) })
        },
    );
    Ok(ClockStatus {
        known: now.by,
        learned_ms: learned.map(|anchor| anchor.true_time.0),
        wall_ms: stamp.wall.0,
        quality: stamp.quality,
        hint: clock.hinted().filter(|_| now.by == Known::Nothing),
        last_step: step.optional()?,
    })
}

fn last_health(sql: &Connection) -> Result<BTreeMap<Subject, State>, JournalError> {
    // What is no longer configured says nothing any more.
    let mut select = sql.prepare(
        "SELECT subject, condition, en, zh, since_ms FROM health
          WHERE subject IN (SELECT 'device:' || name FROM device WHERE active = 1
                            UNION ALL SELECT 'destination:' || name FROM destination WHERE active = 1
                            UNION ALL VALUES ('journal'), ('clock'), ('people'), ('disk'), ('punches'))",
    )?;
    let mut rows = select.query([])?;
    let mut states = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (subject, condition): (String, String) = (row.get(0)?, row.get(1)?);
        let text = punchd_contract::Text::new(row.get::<_, String>(2)?, row.get::<_, String>(3)?);
        let condition = serde_json::from_value(condition.into()).unwrap_or(punchd_contract::Condition::Starting);
        if let Ok(subject) = Subject::try_from(subject) {
            states
                .insert(subject, State { health: punchd_contract::Health { condition, text }, since_ms: row.get(4)? });
        }
    }
    Ok(states)
}

fn journal(sql: &Connection) -> Result<JournalStatus, JournalError> {
    let last: Option<i64> = sql.query_row("SELECT max(seq) FROM reading", [], |row| row.get(0))?;
    let head: Vec<u8> = match last {
        Some(last) => sql.query_row("SELECT digest FROM reading WHERE seq = ?1", [last], |row| row.get(0))?,
        None => Vec::new(),
    };
    Ok(JournalStatus {
        head_seq: last.unwrap_or(0),
        head_digest: head.iter().map(|byte| format!("{byte:02x}")).collect(),
        counts: counts(sql)?,
    })
}

/// How many of what.
pub(super) fn counts(sql: &Connection) -> Result<Counts, JournalError> {
    let count =
        |query: &str| -> Result<i64, JournalError> { Ok(sql.prepare_cached(query)?.query_row([], |row| row.get(0))?) };
    let (first, last): (Option<i64>, Option<i64>) =
        sql.query_row("SELECT (SELECT min(seq) FROM reading), (SELECT max(seq) FROM reading)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(Counts {
        // Numbers have no gaps but those of a salvage, and counting a million rows takes its time.
        readings: last.zip(first).map_or(0, |(last, first)| last - first + 1),
        unknown: count("SELECT count(DISTINCT seq) FROM verdict WHERE outcome = 2")?,
        held: count("SELECT count(DISTINCT seq) FROM verdict WHERE outcome = 3")?,
        before_start: count(
            "SELECT count(DISTINCT seq) FROM verdict WHERE outcome = 4 AND reason LIKE '{\"why\":\"before_start\"%'",
        )?,
        waiting: count("SELECT count(*) FROM delivery WHERE state = 0")?,
        in_doubt: count("SELECT count(*) FROM delivery WHERE state IN (1, 2)")?,
        parked: count("SELECT count(*) FROM delivery WHERE state = 5")?,
        oldest_undelivered_s: sql.query_row(
            "SELECT min(time_s) FROM (SELECT min(time_s) AS time_s FROM delivery WHERE state = 0
                   UNION ALL SELECT min(time_s) FROM delivery WHERE state IN (1, 2))",
            [],
            |row| row.get(0),
        )?,
    })
}

fn devices(sql: &Connection, clock: &dyn Clock) -> Result<Vec<DeviceStatus>, JournalError> {
    let (boot, now) = (clock.stamp().boot, clock.now());
    // What the wall clock showed at a contact may have been anything; in the boot that runs it is known how long ago that was.
    let this_boot =
        |boottime_ns: i64| now.time.0.saturating_sub(now.boottime.0.saturating_sub(boottime_ns).div_euclid(1_000_000));
    let mut select = sql.prepare(
        "SELECT d.name, d.kind, d.serial, c.address, c.firmware,
                (SELECT clock_offset_ms FROM contact WHERE device = d.device AND clock_offset_ms IS NOT NULL ORDER BY contact DESC LIMIT 1),
                (SELECT records_claimed FROM contact WHERE device = d.device AND records_claimed IS NOT NULL ORDER BY contact DESC LIMIT 1),
                (SELECT records_read FROM contact WHERE device = d.device AND records_read IS NOT NULL ORDER BY contact DESC LIMIT 1),
                c.wall_ms, b.kernel_id, c.boottime_ns
           FROM device d LEFT JOIN contact c ON c.contact = (SELECT max(contact) FROM contact WHERE device = d.device)
           LEFT JOIN boot b USING (boot)
          WHERE d.active = 1 ORDER BY d.name",
    )?;
    let rows = select.query_map([], |row| {
        let (of, boottime_ns): (Option<String>, Option<i64>) = (row.get(9)?, row.get(10)?);
        let known = boottime_ns.filter(|_| of.as_deref() == Some(boot.0.as_str())).map(this_boot);
        Ok(DeviceStatus {
            name: row.get(0)?,
            kind: row.get(1)?,
            serial: row.get(2)?,
            address: row.get(3)?,
            firmware: row.get(4)?,
            clock_offset_ms: row.get(5)?,
            records_claimed: row.get(6)?,
            records_read: row.get(7)?,
            last_contact_ms: known.map_or_else(|| row.get(8), |known| Ok(Some(known)))?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn remarks(sql: &Connection) -> Result<Vec<punchd_contract::Text>, JournalError> {
    let mut remarks = super::starts::kept(sql)?;
    remarks.extend(super::people::file_trouble(sql)?);
    remarks.extend(super::people::contradictions(sql)?);
    Ok(remarks)
}

fn strangers(sql: &Connection) -> Result<Vec<StrangerStatus>, JournalError> {
    let mut select =
        sql.prepare(
            "SELECT serial, kind, address, detail, last_ms, trouble_en, trouble_zh FROM stranger ORDER BY last_ms DESC LIMIT 50",
        )?;
    let rows = select.query_map([], |row| {
        let trouble = row.get::<_, Option<String>>(5)?.zip(row.get::<_, Option<String>>(6)?);
        Ok(StrangerStatus {
            serial: Some(row.get(0)?).filter(|serial: &String| !serial.is_empty()),
            trouble: trouble.map(|(en, zh)| Text { en, zh }),
            kind: row.get(1)?,
            address: row.get(2)?,
            detail: row.get(3)?,
            last_ms: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn alerts(sql: &Connection) -> Result<Vec<AlertStatus>, JournalError> {
    let mut select = sql.prepare(
        "SELECT d.name, a.kind, a.en, a.zh, a.wall_ms, coalesce(a.last_ms, a.wall_ms), a.times, a.ended_ms
           FROM alert a LEFT JOIN device d USING (device) ORDER BY a.ended_ms IS NULL DESC, coalesce(a.last_ms, a.wall_ms) DESC, a.alert DESC LIMIT ?1",
    )?;
    let rows = select.query_map([ALERTS], |row| {
        Ok(AlertStatus {
            device: row.get(0)?,
            kind: row.get(1)?,
            en: row.get(2)?,
            zh: row.get(3)?,
            at_ms: row.get(4)?,
            last_ms: row.get(5)?,
            times: row.get(6)?,
            ended_ms: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
