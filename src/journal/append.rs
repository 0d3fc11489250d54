//! Appending readings: what one submission of a driver becomes in the journal.

use std::time::Duration;

use punchd_contract::{
    Alert, AlertKind, Batch, Contact, Credential, Doubt, Event, Happened, MAX_BATCH, Origin, RecordKey, Upload,
};
use ring::digest::{SHA256, digest};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::anchors::{ClockCompared, bound_ms};
use super::chain::{Digest, Head, Link};
use super::error::JournalError;
use super::extra::Extra;
use super::ids::{DeviceId, Seq};
use super::words::{civil_from, civil_text, direction_word, method_word, origin_word};
use super::writer::Write;
use crate::clock::{BootId, BootNanos, Quality, Stamp, UnixMillis};

/// The longest raw record that the journal takes with a reading.
const MAX_RAW: usize = 4096;
/// The longest profile of a reader.
const MAX_PROFILE: usize = 40;
/// The longest body of an upload; longer ones are the driver's to refuse.
const MAX_BODY: usize = 8 << 20;
/// The longest cursor.
const MAX_CURSOR: usize = 64 << 10;

/// One submission of a driver, stamped.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Whose.
    pub device: DeviceId,
    /// What.
    pub batch: Batch,
    /// When it reached the agent.
    pub stamp: Stamp,
    /// How its contact's clock compares with the gateway's.
    pub clock: Option<ClockCompared>,
}

/// What became of one reading of a submission.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all are fresh, and none is kept for long")]
pub enum Appended {
    /// It is new; its evidence is what attendance judges by.
    Fresh(Evidence),
    /// This record is already there.
    Repeated,
}

/// What attendance needs to know of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its number.
    pub seq: Seq,
    /// Where it was read.
    pub device: DeviceId,
    /// What was presented.
    pub credential: Credential,
    /// When, by whose clock.
    pub happened: Happened,
    /// Whether it is a punch at all.
    pub event: Event,
    /// What makes it doubtful by the device's own evidence.
    pub doubt: Option<Doubt>,
    /// What else the event names.
    pub also: Option<Credential>,
    /// How it came.
    pub origin: Origin,
    /// When it reached the agent.
    pub stamp: Stamp,
    /// The contact that brought it, where that is known.
    pub contact: Option<i64>,
}

impl Write<'_> {
    /// Appends everything of a submission. The answers are in the order of its readings.
    pub fn append(&mut self, submission: &Submission) -> Result<Vec<Appended>, JournalError> {
        let Submission { device, batch, stamp, clock } = submission;
        check(batch)?;
        let boot = self.boot(stamp)?;
        let contact =
            batch.contact.as_ref().map(|contact| self.contact(*device, contact, boot, stamp, *clock)).transpose()?;
        let upload = batch.upload.as_ref().map(|upload| self.upload(*device, upload, stamp)).transpose()?;
        let mut appended = Vec::with_capacity(batch.readings.len());
        for reading in &batch.readings {
            let key = reading.key.as_ref().map(key_digest);
            let seq = self.head.seq + 1;
            if let Some(key) = &key {
                let mut known =
                    self.connection.prepare_cached("INSERT OR IGNORE INTO record_key (key, seq) VALUES (?1, ?2)")?;
                if known.execute((&key[..], seq))? == 0 {
                    appended.push(Appended::Repeated);
                    continue;
                }
            }
            let value = reading.credential.value();
            let happened = match reading.happened {
                Happened::ByTerminal(_) | Happened::ByTerminalAt(..) => 0,
                Happened::Impossible => 1,
                Happened::Now => 2,
            };
            let civil = reading.happened.civil().map(civil_text);
            let extra = Extra::of(reading).to_text();
            let (method, direction) = (method_word(reading.method), direction_word(reading.direction));
            let bound = stamp.bound.map(bound_ms);
            let columns = [
                ValueRef::Integer(seq),
                ValueRef::Integer(device.0),
                text(reading.credential.kind()),
                text(&value),
                ValueRef::Integer(happened),
                civil.as_deref().map_or(ValueRef::Null, text),
                text(origin_word(reading.origin)),
                text(&method),
                text(&direction),
                reading.profile.as_deref().map_or(ValueRef::Null, text),
                key.as_ref().map_or(ValueRef::Null, |key| ValueRef::Blob(key)),
                ValueRef::Blob(&reading.raw),
                contact.map_or(ValueRef::Null, ValueRef::Integer),
                upload.map_or(ValueRef::Null, ValueRef::Integer),
                ValueRef::Integer(boot),
                ValueRef::Integer(stamp.boottime.0),
                ValueRef::Integer(stamp.wall.0),
                ValueRef::Integer(stamp.quality.code()),
                bound.map_or(ValueRef::Null, ValueRef::Integer),
                extra.as_deref().map_or(ValueRef::Null, text),
            ];
            self.link(seq, &columns)?;
            appended.push(Appended::Fresh(Evidence {
                seq: Seq(seq),
                device: *device,
                credential: reading.credential.clone(),
                happened: reading.happened,
                event: reading.event.clone(),
                doubt: reading.doubt.clone(),
                also: reading.also.clone(),
                origin: reading.origin,
                stamp: stamp.clone(),
                contact,
            }));
        }
        self.rest(*device, batch, stamp)?;
        Ok(appended)
    }

    fn link(&mut self, seq: i64, columns: &[ValueRef<'_>]) -> Result<(), JournalError> {
        let mut link = Link::after(&self.head.digest);
        columns.iter().for_each(|column| link.cover(*column));
        let digest = link.close();
        let all = columns.iter().copied().chain([ValueRef::Blob(&digest.0)]).map(ToSqlOutput::Borrowed);
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO reading VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)",
        )?;
        insert.execute(params_from_iter(all))?;
        *self.head = Head { seq, digest };
        Ok(())
    }

    fn contact(
        &self,
        device: DeviceId,
        contact: &Contact,
        boot: i64,
        stamp: &Stamp,
        clock: Option<ClockCompared>,
    ) -> Result<i64, JournalError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO contact (device, boot, boottime_ns, wall_ms, serial, address, firmware, clock_offset_ms,
               records_claimed, records_read, shown_ms, shown_boottime_ns, offset_bound_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        let serial = contact.serial.as_ref().map(|serial| serial.as_str());
        let offset = clock.and_then(|clock| clock.offset);
        let row = insert.insert((
            device,
            boot,
            stamp.boottime.0,
            stamp.wall.0,
            serial,
            &contact.address,
            &contact.firmware,
            offset.map(|(offset, _)| offset),
            contact.records_claimed.map(|count| count as i64),
            contact.records_read.map(|count| count as i64),
            clock.map(|clock| clock.shown.0),
            clock.map(|clock| clock.boottime.0),
            offset.map(|(_, bound)| bound_ms(bound)),
        ))?;
        if serial.is_some() {
            self.connection
                .prepare_cached("UPDATE device SET serial = ?2 WHERE device = ?1 AND serial IS NOT ?2")?
                .execute((device, serial))?;
        }
        Ok(row)
    }

    fn upload(&self, device: DeviceId, upload: &Upload, stamp: &Stamp) -> Result<i64, JournalError> {
        let digest = Digest::of(&upload.body);
        let again = self
            .connection
            .prepare_cached(
                "UPDATE upload SET times = times + 1, last_ms = ?3 WHERE device = ?1 AND digest = ?2 RETURNING upload",
            )?
            .query_map((device, &digest.0[..], stamp.wall.0), |row| row.get(0))?
            .next();
        if let Some(row) = again {
            return Ok(row?);
        }
        let sealed = self.key.seal(&upload.body).map_err(|error| JournalError::Refused(error.to_string()))?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO upload (device, table_name, digest, body, understood, first_ms, last_ms, times)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)",
        )?;
        Ok(insert.insert((device, &upload.table, &digest.0[..], sealed, upload.understood, stamp.wall.0))?)
    }

    fn rest(&self, device: DeviceId, batch: &Batch, stamp: &Stamp) -> Result<(), JournalError> {
        if let Some(cursor) = &batch.cursor {
            self.connection
                .prepare_cached("UPDATE device SET cursor = ?2 WHERE device = ?1")?
                .execute((device, &cursor.0))?;
        }
        for alert in &batch.alerts {
            self.alert(Some(device), alert, stamp)?;
        }
        if let Some(holds) = &batch.fingers {
            self.finger_module(device, holds)?;
        }
        if let Some(users) = &batch.users {
            self.connection.prepare_cached("DELETE FROM terminal_user WHERE device = ?1")?.execute([device])?;
            let mut insert =
                self.connection.prepare_cached("INSERT OR REPLACE INTO terminal_user VALUES (?1, ?2, ?3, ?4)")?;
            for user in users {
                insert.execute((device, &user.user_id, &user.name, &user.card))?;
            }
        }
        Ok(())
    }

    /// Writes down an alert; one that is there already and not over is told once more instead.
    pub fn alert(&self, device: Option<DeviceId>, alert: &Alert, stamp: &Stamp) -> Result<(), JournalError> {
        let kind =
            serde_json::to_value(alert.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        // What happened once has happened; what lasts is over when its device works again.
        let subject = match alert.kind {
            AlertKind::WrongTerminal | AlertKind::CountsDiffer => device,
            AlertKind::ClockSet | AlertKind::PunchesDeleted | AlertKind::NotUnderstood | AlertKind::Other => None,
        };
        let again = self
            .connection
            .prepare_cached(
                "UPDATE alert SET times = times + 1, last_ms = ?5
                  WHERE kind = ?2 AND device IS ?1 AND ended_ms IS NULL AND en = ?3 AND zh = ?4",
            )?
            .execute((device, &kind, &alert.text.en, &alert.text.zh, stamp.wall.0))?;
        if again == 0 {
            self.connection
                .prepare_cached(
                    "INSERT INTO alert (device, kind, en, zh, wall_ms, subject)
                     VALUES (?1, ?2, ?3, ?4, ?5, (SELECT 'device:' || name FROM device WHERE device = ?6))",
                )?
                .execute((device, kind, &alert.text.en, &alert.text.zh, stamp.wall.0, subject))?;
        }
        Ok(())
    }

    /// What lasts is over where this subject has worked since.
    pub fn end_alerts(&self, subject: &str, works_since_ms: i64) -> Result<(), JournalError> {
        self.connection
            .prepare_cached(
                "UPDATE alert SET ended_ms = ?2 WHERE subject = ?1 AND ended_ms IS NULL AND coalesce(last_ms, wall_ms) <= ?2",
            )?
            .execute((subject, works_since_ms))?;
        Ok(())
    }
}

impl Evidence {
    /// The evidence of a reading that was appended earlier.
    pub fn load(sql: &Connection, seq: Seq) -> Result<Option<Self>, JournalError> {
        let mut select = sql.prepare_cached(
            "SELECT r.device, r.credential_kind, r.credential, r.happened, r.terminal_time, r.origin, r.contact,
                    b.kernel_id, r.boottime_ns, r.wall_ms, r.clock_quality, r.clock_bound_ms, r.extra
               FROM reading r JOIN boot b USING (boot) WHERE r.seq = ?1",
        )?;
        let found = select.query_row([seq], |row| {
            let (kind, value): (String, String) = (row.get(1)?, row.get(2)?);
            let civil: Option<String> = row.get(4)?;
            let extra = Extra::from_text(row.get(12)?);
            let happened = match (row.get::<_, i64>(3)?, civil.as_deref().and_then(civil_from), extra.offset()) {
                (0, Some(civil), Some(offset)) => Happened::ByTerminalAt(civil, offset),
                (0, Some(civil), None) => Happened::ByTerminal(civil),
                (2, ..) => Happened::Now,
                _ => Happened::Impossible,
            };
            let origin: String = row.get(5)?;
            let bound: Option<i64> = row.get(11)?;
            Ok(Self {
                seq,
                device: row.get(0)?,
                credential: Credential::from_parts(&kind, &value),
                happened,
                event: extra.event,
                doubt: extra.doubt,
                also: extra.also,
                origin: [Origin::Live, Origin::Backfill]
                    .into_iter()
                    .find(|known| origin_word(*known) == origin)
                    .unwrap_or(Origin::Log),
                contact: row.get(6)?,
                stamp: Stamp {
                    boot: BootId(row.get(7)?),
                    boottime: BootNanos(row.get(8)?),
                    wall: UnixMillis(row.get(9)?),
                    quality: Quality::from_code(row.get(10)?),
                    bound: bound.map(|ms| Duration::from_millis(ms.unsigned_abs())),
                },
            })
        });
        Ok(found.optional()?)
    }
}

fn check(batch: &Batch) -> Result<(), JournalError> {
    let refuse = |what: &str| Err(JournalError::Refused(format!("{what}: a defect of the driver")));
    if batch.readings.len() > MAX_BATCH {
        return refuse("more readings than a batch may have");
    }
    if batch.readings.iter().any(|reading| reading.raw.len() > MAX_RAW) {
        return refuse("a raw record longer than 4 KiB");
    }
    if batch.readings.iter().any(|reading| reading.profile.as_ref().is_some_and(|profile| profile.len() > MAX_PROFILE))
    {
        return refuse("a reader's profile longer than 40 bytes");
    }
    if batch.upload.as_ref().is_some_and(|upload| upload.body.len() > MAX_BODY) {
        return refuse("an upload longer than 8 MiB");
    }
    if batch.cursor.as_ref().is_some_and(|cursor| cursor.0.len() > MAX_CURSOR) {
        return refuse("a cursor longer than 64 KiB");
    }
    Ok(())
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

/// 16 bytes are plenty for telling records apart, and half the index of 32.
fn key_digest(key: &RecordKey) -> [u8; 16] {
    let whole = digest(&SHA256, [key.content(), "#", &key.occurrence().to_string()].concat().as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&whole.as_ref()[..16]);
    short
}
