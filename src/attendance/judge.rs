//! Judging: from the evidence of a reading to its verdicts, inside the transaction that appends it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::tz::TimeZone;
use punchd_contract::{Happened, Verdict};
use rusqlite::{Connection, OptionalExtension};

use super::dating::{self, ClockEvidence, Dated, EarlierContact, Question};
use super::merge::{self, Asked, Candidate, Place};
use super::people::{Known, People};
use super::rules::DeviceRules;
use super::verdict::{Decision, Outcome, Reason};
use crate::clock::{Anchor, AnchorSource, BootNanos, Stamp, UnixMillis};
use crate::journal::{DOUBT_BEFORE, DeviceId, Evidence, JournalError, OrganisationId, Seq, Write};

/// What readings are judged by: rules of devices and organisations, and the people list. Loaded from the journal.
#[derive(Debug)]
pub struct Attendance {
    devices: HashMap<DeviceId, Device>,
    organisations: HashMap<OrganisationId, Organisation>,
    doubt_before_s: i64,
    people: RwLock<Arc<People>>,
}

#[derive(Debug)]
struct Device {
    rules: DeviceRules,
    zone: TimeZone,
    organisations: Vec<OrganisationId>,
}

#[derive(Debug)]
struct Organisation {
    window_s: i64,
    destinations: Vec<i64>,
}

/// What is known besides when a reading is judged again.
struct Again<'a> {
    decision: Option<(Decision, String)>,
    only_for: Option<&'a [OrganisationId]>,
}

/// What became of a reading, as its device shows it.
pub type Judged = Verdict;

impl Attendance {
    /// Loads everything from the journal, after the configuration was registered there.
    pub fn load(sql: &Connection) -> Result<Self, JournalError> {
        let mut devices = HashMap::new();
        let mut rows = sql.prepare("SELECT device, name, settings FROM device WHERE active = 1")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (id, name, settings): (DeviceId, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let refuse = |why: String| JournalError::Refused(format!("the rules of device {name}: {why}"));
            let rules: DeviceRules = serde_json::from_str(&settings).map_err(|error| refuse(error.to_string()))?;
            let zone = TimeZone::get(&rules.zone).map_err(|error| refuse(error.to_string()))?;
            devices.insert(id, Device { rules, zone, organisations: Vec::new() });
        }
        let mut rows = sql.prepare("SELECT device, organisation FROM device_organisation ORDER BY organisation")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(device) = devices.get_mut(&row.get(0)?) {
                device.organisations.push(row.get(1)?);
            }
        }
        let mut organisations = HashMap::new();
        let mut rows = sql.prepare("SELECT organisation, merge_window_s FROM organisation")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            organisations.insert(row.get(0)?, Organisation { window_s: row.get(1)?, destinations: Vec::new() });
        }
        let mut rows =
            sql.prepare("SELECT destination, organisation FROM destination WHERE active = 1 ORDER BY destination")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(organisation) = organisations.get_mut(&row.get(1)?) {
                organisation.destinations.push(row.get(0)?);
            }
        }
        let doubt: Option<String> =
            sql.query_row("SELECT value FROM meta WHERE key = ?1", [DOUBT_BEFORE], |row| row.get(0)).optional()?;
        Ok(Self {
            devices,
            organisations,
            doubt_before_s: doubt.and_then(|second| second.parse().ok()).unwrap_or(i64::MIN),
            people: RwLock::new(Arc::new(People::load(sql)?)),
        })
    }

    /// Takes a changed people list; open verdicts are asked again by [`Attendance::reopen`].
    pub fn set_people(&self, people: People) {
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(people);
    }

    fn people(&self) -> Arc<People> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Judges fresh readings.
    pub fn judge<'e>(
        &self,
        write: &Write<'_>,
        fresh: impl IntoIterator<Item = &'e Evidence>,
    ) -> Result<Vec<Judged>, JournalError> {
        let people = self.people();
        let mut clocks: HashMap<DeviceId, ClockEvidence> = HashMap::new();
        let mut verdicts = Vec::new();
        for evidence in fresh {
            let clock = match (evidence.happened, clocks.get(&evidence.device)) {
                (Happened::ByTerminal(_), None) => {
                    let clock = clock_evidence(write.sql(), evidence.device, At::Latest)?;
                    *clocks.entry(evidence.device).or_insert(clock)
                }
                (_, known) => known.copied().unwrap_or_default(),
            };
            verdicts.push(self.one(write, evidence, clock, None, &people)?);
        }
        Ok(verdicts)
    }

    /// Asks again about readings whose verdict is open or missing. What is settled is left alone, for each organisation by itself.
    pub fn reopen(&self, write: &Write<'_>, seqs: &[Seq]) -> Result<u64, JournalError> {
        let people = self.people();
        let mut settled = 0;
        for seq in seqs {
            let verdicts = organisations_of(write.sql(), *seq)?;
            let open: Vec<OrganisationId> =
                verdicts.iter().filter(|(_, open)| *open).map(|(organisation, _)| *organisation).collect();
            let settled_somewhere = open.len() < verdicts.len();
            if settled_somewhere && open.is_empty() {
                continue;
            }
            let Some(evidence) = Evidence::load(write.sql(), *seq)? else { continue };
            let at = evidence.contact.map_or(At::Wall(evidence.stamp.wall), At::Contact);
            let clock = clock_evidence(write.sql(), evidence.device, at)?;
            let again =
                Again { decision: decision(write.sql(), *seq)?, only_for: settled_somewhere.then_some(&open[..]) };
            let verdict = self.one(write, &evidence, clock, Some(&again), &people)?;
            settled += u64::from(!matches!(verdict, Verdict::Unknown | Verdict::Held { .. }));
        }
        Ok(settled)
    }

    fn one(
        &self,
        write: &Write<'_>,
        evidence: &Evidence,
        clock: ClockEvidence,
        again: Option<&Again<'_>>,
        people: &People,
    ) -> Result<Judged, JournalError> {
        let Some(device) = self.devices.get(&evidence.device) else {
            // A device that is no longer configured: its readings stay as they are until it is again.
            return Ok(Verdict::Unknown);
        };
        let organisations = again.and_then(|again| again.only_for).unwrap_or(&device.organisations);
        let decision = again.and_then(|again| again.decision.as_ref());
        if let Some((Decision::Refuse, words)) = decision {
            return refuse(write, organisations, evidence, None, Reason::Decided { words: words.clone() });
        }
        let anchor = match evidence.happened {
            Happened::Now if !evidence.stamp.trusted(device.rules.trusted_within) => {
                nearest_anchor(write.sql(), &evidence.stamp)?
            }
            _ => None,
        };
        let dated = dating::date(&Question {
            happened: evidence.happened,
            origin: evidence.origin,
            stamp: &evidence.stamp,
            rules: &device.rules,
            zone: &device.zone,
            clock,
            anchor: anchor.as_ref(),
            decision: decision.map(|(decision, _)| decision),
        });
        if let (Ok(dated), Some(from)) = (&dated, device.rules.count_from)
            && local_date(dated, &device.zone).is_some_and(|day| day < from)
        {
            return refuse(write, organisations, evidence, Some(*dated), Reason::BeforeStart { from });
        }
        let known: Vec<(OrganisationId, &Known)> = organisations
            .iter()
            .filter_map(|organisation| {
                people
                    .find(*organisation, &evidence.credential, &device.rules.user_ids)
                    .map(|known| (*organisation, known))
            })
            .collect();
        if known.is_empty() {
            for organisation in organisations {
                record(write, evidence.seq, *organisation, Outcome::Unknown, None, dated.as_ref().ok(), None)?;
            }
            return Ok(Verdict::Unknown);
        }
        let asked = if again.is_some() { Asked::Again } else { Asked::First };
        if asked == Asked::Again {
            write
                .sql()
                .prepare_cached("DELETE FROM verdict WHERE seq = ?1 AND outcome = 2")?
                .execute([evidence.seq])?;
        }
        let mut answer = Verdict::Unknown;
        for whose in known {
            let verdict = self.for_person(write, evidence, device, whose, asked, &dated)?;
            // A person of two organisations is told of the one where it counts.
            if !matches!(answer, Verdict::Punch { .. }) {
                answer = verdict;
            }
        }
        Ok(answer)
    }

    fn for_person(
        &self,
        write: &Write<'_>,
        evidence: &Evidence,
        device: &Device,
        (organisation, known): (OrganisationId, &Known),
        asked: Asked,
        dated: &Result<Dated, Reason>,
    ) -> Result<Judged, JournalError> {
        let left =
            |dated: &Dated| known.left_on.filter(|last| local_date(dated, &device.zone).is_some_and(|day| day > *last));
        let reason = match dated {
            Ok(dated) => left(dated).map(|on| Reason::Left { on }),
            Err(reason) => Some(reason.clone()),
        };
        if let Some(reason) = reason {
            record(write, evidence.seq, organisation, Outcome::Held, Some(known), dated.as_ref().ok(), Some(&reason))?;
            return Ok(Verdict::Held { reason: reason.text() });
        }
        let (Ok(dated), Some(rules)) = (dated, self.organisations.get(&organisation)) else {
            return Ok(Verdict::Unknown);
        };
        let candidate = Candidate { seq: evidence.seq, organisation, person: known.person, dated: *dated };
        let rules = merge::Rules {
            window_s: rules.window_s,
            destinations: &rules.destinations,
            doubt_before_s: self.doubt_before_s,
            now_ms: evidence.stamp.wall.0,
        };
        let place = merge::settle(write, candidate, asked, &rules)?;
        let time = |second: i64| UnixMillis(second.saturating_mul(1000)).timestamp();
        Ok(match place {
            Place::Punch => Verdict::Punch { name: known.name.clone(), time: time(dated.time_s) },
            Place::MergedInto(second) => Verdict::Merged { name: known.name.clone(), into: time(second) },
        })
    }
}

fn refuse(
    write: &Write<'_>,
    organisations: &[OrganisationId],
    evidence: &Evidence,
    dated: Option<Dated>,
    reason: Reason,
) -> Result<Judged, JournalError> {
    for organisation in organisations {
        record(write, evidence.seq, *organisation, Outcome::Refused, None, dated.as_ref(), Some(&reason))?;
    }
    Ok(Verdict::Refused { reason: reason.text() })
}

/// The organisations that have a verdict on a reading, and whether it is open.
fn organisations_of(sql: &Connection, seq: Seq) -> Result<Vec<(OrganisationId, bool)>, JournalError> {
    let mut select = sql.prepare_cached("SELECT organisation, outcome IN (2, 3) FROM verdict WHERE seq = ?1")?;
    Ok(select.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Readings whose verdict is open or missing, oldest first.
pub fn open_readings(sql: &Connection) -> Result<Vec<Seq>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT DISTINCT seq FROM verdict WHERE outcome IN (2, 3)
         UNION SELECT seq FROM reading r WHERE seq > (SELECT coalesce(max(seq), 0) FROM verdict) ORDER BY seq",
    )?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Readings without any verdict, as a salvage may leave them; looks at every reading.
pub fn unjudged_readings(sql: &Connection) -> Result<Vec<Seq>, JournalError> {
    let mut select = sql.prepare(
        "SELECT seq FROM reading r WHERE NOT EXISTS (SELECT 1 FROM verdict v WHERE v.seq = r.seq) ORDER BY seq",
    )?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Gives punches that lost their deliveries in a salvage new ones, in doubt until they were read back.
pub fn restore_deliveries(write: &Write<'_>, now: UnixMillis) -> Result<u64, JournalError> {
    let restored = write.sql().execute(
        "INSERT OR IGNORE INTO delivery (destination, seq, person, time_s, state, changed_ms)
         SELECT d.destination, v.seq, v.person, v.time_s, 2, ?1
           FROM verdict v JOIN destination d ON d.organisation = v.organisation AND d.active = 1
          WHERE v.outcome = 0 AND NOT EXISTS (SELECT 1 FROM delivery x WHERE x.destination = d.destination AND x.seq = v.seq)",
        [now.0],
    )?;
    Ok(restored as u64)
}

fn record(
    write: &Write<'_>,
    seq: Seq,
    organisation: OrganisationId,
    outcome: Outcome,
    known: Option<&Known>,
    dated: Option<&Dated>,
    reason: Option<&Reason>,
) -> Result<(), JournalError> {
    // A reason is plain data of ours: it always becomes JSON.
    let reason = reason.and_then(|reason| serde_json::to_string(reason).ok());
    write
        .sql()
        .prepare_cached(
            "INSERT INTO verdict (seq, organisation, outcome, person, time_s, basis, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET outcome = ?3, person = ?4, time_s = ?5, basis = ?6, reason = ?7, merged_into = NULL",
        )?
        .execute((
            seq,
            organisation,
            outcome.code(),
            known.map(|known| known.person),
            dated.map(|dated| dated.time_s),
            dated.map(|dated| dated.basis.word()),
            reason,
        ))?;
    Ok(())
}

fn local_date(dated: &Dated, zone: &TimeZone) -> Option<jiff::civil::Date> {
    let time = jiff::Timestamp::from_second(dated.time_s).ok()?;
    Some(zone.to_datetime(time).date())
}

/// Which contact to look at.
enum At {
    Latest,
    Contact(i64),
    Wall(UnixMillis),
}

fn clock_evidence(sql: &Connection, device: DeviceId, at: At) -> Result<ClockEvidence, JournalError> {
    let (contact, wall) = match at {
        At::Latest => (i64::MAX, i64::MAX),
        At::Contact(contact) => (contact, i64::MAX),
        At::Wall(wall) => (i64::MAX, wall.0),
    };
    let mut select = sql.prepare_cached(
        "SELECT clock_offset_ms, wall_ms FROM contact
          WHERE device = ?1 AND contact <= ?2 AND wall_ms <= ?3 AND clock_offset_ms IS NOT NULL ORDER BY contact DESC LIMIT 2",
    )?;
    let mut rows = select.query((device, contact, wall))?;
    let mut evidence = ClockEvidence::default();
    if let Some(row) = rows.next()? {
        evidence.offset_ms = row.get(0)?;
    }
    if let Some(row) = rows.next()? {
        evidence.before = Some(EarlierContact { offset_ms: row.get(0)?, at_ms: row.get(1)? });
    }
    Ok(evidence)
}

fn nearest_anchor(sql: &Connection, stamp: &Stamp) -> Result<Option<Anchor>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT a.boottime_ns, a.true_ms, a.bound_ms FROM anchor a JOIN boot b USING (boot)
          WHERE b.kernel_id = ?1 ORDER BY abs(a.boottime_ns - ?2) LIMIT 1",
    )?;
    let anchor = select.query_row((&stamp.boot.0, stamp.boottime.0), |row| {
        Ok(Anchor {
            boot: stamp.boot.clone(),
            boottime: BootNanos(row.get(0)?),
            true_time: UnixMillis(row.get(1)?),
            bound: std::time::Duration::from_millis(row.get::<_, i64>(2)?.unsigned_abs()),
            source: AnchorSource::System,
        })
    });
    Ok(anchor.optional()?)
}

fn decision(sql: &Connection, seq: Seq) -> Result<Option<(Decision, String)>, JournalError> {
    let mut select =
        sql.prepare_cached("SELECT what, reason FROM decision WHERE seq = ?1 ORDER BY decision DESC LIMIT 1")?;
    let found: Option<(String, String)> = select.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.and_then(|(what, words)| Some((serde_json::from_str(&what).ok()?, words))))
}
