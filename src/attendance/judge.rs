//! Judging: from the evidence of a reading to its verdicts, inside the transaction that appends it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use punchd_contract::{Credential, Event, Happened, Verdict};
use rusqlite::{Connection, OptionalExtension};

use super::contested::{handed_on, names_another};
use super::dating::{self, Basis, ClockEvidence, Dated, Question};
use super::evidence::{Asked, At, Decided, best_anchor, by_decision, clock_evidence, organisations_of};
use super::merge::{self, Candidate, Place, Round};
use super::people::{Known, People, unlisted};
use super::rules::DeviceRules;
use super::start::{self, Counts};
use super::verdict::{Decision, Outcome, Reason};
use crate::clock::UnixMillis;
use crate::journal::{
    DOUBT_BEFORE, DOUBT_UNTIL_KNOWN, DeviceId, Evidence, JournalError, OrganisationId, PersonId, Seq, Takes, Write,
};

pub use super::open::{open_readings, restore_deliveries, unjudged_readings};

/// What readings are judged by: rules of devices and organisations, and the people list. Loaded from the journal.
#[derive(Debug)]
pub struct Attendance {
    devices: HashMap<DeviceId, Device>,
    organisations: HashMap<OrganisationId, Organisation>,
    /// Punches of before this second start in doubt.
    doubt_before_s: AtomicI64,
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
    destinations: Vec<(i64, Takes)>,
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
            sql.prepare("SELECT destination, organisation, history, first_seq, from_s, gaps FROM destination WHERE active = 1 ORDER BY destination")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(organisation) = organisations.get_mut(&row.get(1)?) {
                organisation.destinations.push((row.get(0)?, Takes::read(row, 2)?));
            }
        }
        let doubt: Option<String> =
            sql.query_row("SELECT value FROM meta WHERE key = ?1", [DOUBT_BEFORE], |row| row.get(0)).optional()?;
        Ok(Self {
            devices,
            organisations,
            doubt_before_s: doubt.and_then(|second| second.parse().ok()).unwrap_or(i64::MIN).into(),
            people: RwLock::new(Arc::new(People::load(sql)?)),
        })
    }

    /// The time is known by which everything was in doubt so far because it was not.
    pub fn doubt_before(&self, write: &Write<'_>, now: UnixMillis) -> Result<(), JournalError> {
        let changed = write.sql().execute(
            "UPDATE meta SET value = ?3 WHERE key = ?1 AND value = ?2",
            (DOUBT_BEFORE, DOUBT_UNTIL_KNOWN.to_string(), now.seconds().to_string()),
        )?;
        if changed > 0 {
            self.doubt_before_s.store(now.seconds(), Relaxed);
        }
        Ok(())
    }

    /// Takes a changed people list; open verdicts are asked again by [`Attendance::reopen`].
    pub fn set_people(&self, people: People) {
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(people);
    }

    /// Everybody of any organisation who is known by this: for an operator's eyes.
    pub fn who(&self, credential: &Credential) -> Vec<String> {
        let people = self.people();
        let known = self.organisations.keys().filter_map(|organisation| people.listed(*organisation, credential));
        let mut names: Vec<String> = known.map(|known| known.name.clone()).collect();
        names.sort();
        names
    }

    /// Who in an organisation has this userid.
    pub fn person_of(&self, organisation: OrganisationId, userid: &str) -> Option<PersonId> {
        self.people().by_userid(organisation, userid).map(|known| known.person)
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
            let clock = match clocks.entry(evidence.device) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let by_terminal = evidence.happened.civil().is_some();
                    let asked = || clock_evidence(write.sql(), evidence.device, At::Latest);
                    if by_terminal { unknown.insert(asked()?) } else { &ClockEvidence::default() }
                }
            };
            // A device that is no longer configured: its readings stay as they are until it is again.
            verdicts.push(match self.devices.get(&evidence.device) {
                Some(device) => {
                    self.one(write, evidence, device, &device.organisations, clock, Round::First, None, &people)?
                }
                None => Verdict::Unknown,
            });
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
            let Some(device) = self.devices.get(&evidence.device) else { continue };
            let at = evidence.contact.map_or(At::Wall(evidence.stamp.wall), At::Contact);
            let clock = clock_evidence(write.sql(), evidence.device, at)?;
            let asked = if settled_somewhere { &open } else { &device.organisations };
            let mut settles = false;
            for Asked { decision, organisations } in by_decision(write.sql(), *seq, asked)? {
                let verdict = self.one(
                    write,
                    &evidence,
                    device,
                    &organisations,
                    &clock,
                    Round::Again,
                    decision.as_ref(),
                    &people,
                )?;
                settles |= !matches!(verdict, Verdict::Unknown | Verdict::Held { .. });
            }
            settled += u64::from(settles);
        }
        Ok(settled)
    }

    /// Whose punch a reading of this time is by the list as it is now.
    pub(super) fn whose(&self, evidence: &Evidence, organisation: OrganisationId, time_s: i64) -> Option<PersonId> {
        let device = self.devices.get(&evidence.device)?;
        let day = jiff::Timestamp::from_second(time_s).ok().map(|time| device.zone.to_datetime(time).date());
        let people = self.people();
        people.find(organisation, &evidence.credential, &device.rules.user_ids, day).map(|known| known.person)
    }

    /// Whether an organisation knows whose a device's credential is.
    pub(super) fn knows(&self, organisation: OrganisationId, device: DeviceId, kind: &str, value: &str) -> bool {
        let Some(device) = self.devices.get(&device) else { return false };
        let credential = Credential::from_parts(kind, value);
        self.people().find(organisation, &credential, &device.rules.user_ids, None).is_some()
    }

    #[expect(clippy::too_many_arguments, reason = "each is another side of the one question")]
    fn one(
        &self,
        write: &Write<'_>,
        evidence: &Evidence,
        device: &Device,
        organisations: &[OrganisationId],
        clock: &ClockEvidence,
        round: Round,
        decision: Option<&Decided>,
        people: &People,
    ) -> Result<Judged, JournalError> {
        if let Some(decided) = decision.filter(|decided| decided.decision == Some(Decision::Refuse)) {
            return refuse(write, organisations, evidence, None, Reason::Decided { words: decided.words.clone() });
        }
        let undecided = decision.is_none_or(|decided| decided.decision.is_none() && decided.given.is_none());
        if let (Event::NoPunch { code, text }, true) = (&evidence.event, undecided) {
            let reason = Reason::NoPunch { code: *code, text: text.clone() };
            return refuse(write, organisations, evidence, None, reason);
        }
        let anchor = match evidence.happened {
            Happened::Now if !evidence.stamp.trusted(device.rules.trusted_within) => {
                best_anchor(write.sql(), &evidence.stamp, device.rules.trusted_within)?
            }
            _ => None,
        };
        let dated = dating::date(&Question {
            happened: evidence.happened,
            doubt: evidence.doubt.as_ref(),
            origin: evidence.origin,
            stamp: &evidence.stamp,
            rules: &device.rules,
            zone: &device.zone,
            clock,
            anchor: anchor.as_ref(),
            decision: decision.and_then(|decided| decided.decision.as_ref()),
        });
        let day = dated.as_ref().ok().and_then(|dated| local_date(dated, &device.zone));
        let let_through = decision.is_some_and(|decided| decided.let_through);
        let dated = match (dated, day) {
            (Ok(dated), Some(day)) if !let_through && dated.basis != Basis::Decision => {
                match start::counts(write.sql(), evidence, &device.rules, &device.zone, day)? {
                    Counts::Yes => Ok(dated),
                    Counts::NotYetKnown => Err(Reason::StartUnknown),
                    Counts::From(from) => {
                        return refuse(write, organisations, evidence, Some(dated), Reason::BeforeStart { from });
                    }
                }
            }
            (dated, _) => dated,
        };
        let rule = &device.rules.user_ids;
        let mut known: Vec<(OrganisationId, Known)> = Vec::new();
        for organisation in organisations {
            let given = decision.and_then(|decided| decided.given.as_ref());
            let found = match given {
                Some(userid) => people.by_userid(*organisation, userid),
                None => people.find(*organisation, &evidence.credential, rule, day),
            };
            let found = match found {
                Some(found) => Some(found.clone()),
                None if given.is_some() => None,
                // Whose userid it is, is told by the device alone, so it must be clear of which organisation.
                None if device.organisations.len() == 1 => {
                    unlisted::person(write.sql(), *organisation, &evidence.credential, rule)?
                }
                None => None,
            };
            known.extend(found.map(|found| (*organisation, found)));
        }
        if known.is_empty() {
            for organisation in organisations {
                record(write, evidence.seq, *organisation, Outcome::Unknown, None, dated.as_ref().ok(), None)?;
            }
            return Ok(Verdict::Unknown);
        }
        if round == Round::Again {
            write
                .sql()
                .prepare_cached("DELETE FROM verdict WHERE seq = ?1 AND outcome = 2")?
                .execute([evidence.seq])?;
        }
        let mut answer = Verdict::Unknown;
        for (organisation, whose) in &known {
            let is_given = decision.is_some_and(|decided| decided.given.is_some());
            let contested = match &dated {
                Ok(dated) if !is_given => handed_on(people, *organisation, evidence, dated)
                    .or_else(|| names_another(people, *organisation, evidence, whose, rule, day)),
                _ => None,
            };
            let dated = contested.map_or_else(|| dated.clone(), Err);
            let verdict = self.for_person(write, evidence, device, (*organisation, whose), round, &dated)?;
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
        round: Round,
        dated: &Result<Dated, Reason>,
    ) -> Result<Judged, JournalError> {
        // Whoever decided about the reading knew that the person had left.
        let left = |dated: &Dated| {
            let after = |last: &Date| local_date(dated, &device.zone).is_some_and(|day| day > *last);
            known.left_on.filter(after).filter(|_| dated.basis != Basis::Decision)
        };
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
            doubt_before_s: self.doubt_before_s.load(Relaxed),
            // A wall clock of 1970 is no time to begin a wait at.
            now_ms: evidence.stamp.wall.0.max(dated.time_s.saturating_mul(1000)),
        };
        let place = merge::settle(write, candidate, round, &rules)?;
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

fn local_date(dated: &Dated, zone: &TimeZone) -> Option<Date> {
    let time = jiff::Timestamp::from_second(dated.time_s).ok()?;
    Some(zone.to_datetime(time).date())
}
