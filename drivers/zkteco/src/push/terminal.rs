//! One terminal as the gateway knows it: what it sent becomes durable here, in its order, before anybody answers it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use punchd_contract::{
    Alert, Batch, ClockShown, Contact, DeviceName, MAX_BATCH, Member, NotRecorded, Port, Reading, TerminalUser, Upload,
    Verdict,
};
use tokio::time::Instant;

use super::backfill::{Period, Survey};
use super::live_clock::LiveClock;
use super::memory::{Dialect, FIRST_DAY, Memory};
use super::orders::Orders;
use super::protocol::time::minutes_ahead;
use super::settings::Settings;
use super::trail::Trail;
use super::trouble::Troubles;

/// The most people of one terminal that are remembered; the largest models hold fewer.
const MOST_USERS: usize = 100_000;

/// How long a count may live in memory alone; losing it costs one more fetch.
const FLUSHED_WITHIN: Duration = Duration::from_secs(60);

/// How long a terminal may be silent beyond what it was told, before that is a fault.
pub const SILENCE: Duration = Duration::from_secs(120);

/// One terminal.
#[derive(Debug)]
pub struct Terminal {
    /// What the operator calls it.
    pub device: DeviceName,
    /// Where its local time holds.
    pub zone: TimeZone,
    /// Its settings.
    pub settings: Arc<Settings>,
    /// The way to the agent.
    pub port: Port,
    state: Mutex<State>,
    /// Held while something becomes durable, so that the memory is changed by one at a time.
    turn: tokio::sync::Mutex<()>,
}

/// What is known just now.
#[derive(Debug)]
pub struct State {
    /// What outlives a restart.
    pub memory: Memory,
    /// Commands on their way.
    pub orders: Orders,
    /// Counts under comparison.
    pub survey: Survey,
    /// When this run began.
    pub started: Instant,
    /// When it was last heard of.
    pub seen: Option<Instant>,
    /// Where it came from last.
    pub address: Option<IpAddr>,
    /// What it says of its firmware.
    pub firmware: Option<String>,
    /// How many punches it says it has.
    pub claimed: Option<u64>,
    /// Whether the counts are to be compared as soon as that is possible.
    pub round_due: bool,
    /// When the last comparison began.
    pub last_round: Option<Instant>,
    /// What came of the last comparisons.
    pub findings: Findings,
    /// The states of the doors as they were last kept.
    pub doors: Vec<u8>,
    /// Lines of this run that could not be read.
    pub unreadable: u64,
    /// Tables of this run that are not known.
    pub unknown_tables: BTreeSet<String>,
    /// What is wrong with its requests.
    pub troubles: Troubles,
    /// What its clock shows, as far as live uploads tell.
    pub live_clock: LiveClock,
    /// The order of what it uploads, from one body to the next.
    pub trail: Trail,
    /// The distance from UTC that its lines say, and that of its zone, where they differ.
    pub zone_said: Option<(Offset, Offset)>,
    /// The address that it had before, and until when.
    pub left: Option<(IpAddr, Instant)>,
    /// Minutes ahead of UTC as it was last told.
    pub zone_told: Option<i32>,
    /// The mark of this run, for the security dialect.
    pub session: String,
    /// Whom it knows, by user id.
    pub users: BTreeMap<String, TerminalUser>,
    /// Whether `users` is all of them, so that the agent's list may be replaced.
    pub users_complete: bool,
    contact_told: Option<Contact>,
    uncommitted_since: Option<Instant>,
}

/// What the comparisons of counts showed.
#[derive(Debug, Default)]
pub struct Findings {
    /// The days of the current round that are proven complete.
    pub proven: BTreeSet<Period>,
    /// Periods with fewer records here than the terminal counts: its count and ours.
    pub differing: BTreeMap<Period, (u64, u64)>,
    /// The terminal cannot count.
    pub cannot_count: bool,
    /// The terminal did not answer.
    pub no_answer: bool,
    /// What is before the recent days differs for good; it is not fetched again in this run.
    pub older_differs: bool,
}

impl Findings {
    /// A round begins over these days. What is not compared any more has been told, and is let go.
    pub fn begin(&mut self, compared: Period) {
        self.differing.retain(|period, _| period.from >= compared.from || period.from <= FIRST_DAY);
        self.proven.clear();
        self.no_answer = false;
    }
}

/// What one request brought.
#[derive(Debug, Default)]
pub struct Taken {
    /// In the order of the lines.
    pub readings: Vec<Reading>,
    /// What is kept of the body.
    pub kept: Vec<u8>,
    /// The same, as it goes to the agent.
    pub upload: Option<Upload>,
    /// What the terminal's clock shows, where that is proven.
    pub clock: Option<ClockShown>,
    /// With the words under which each is told once; empty words are told always.
    pub alerts: Vec<(String, Alert)>,
    /// People who were among the lines.
    pub users: Vec<TerminalUser>,
    /// The table and its new stamp.
    pub stamp: Option<(String, String)>,
}

impl Terminal {
    /// A terminal as it was remembered.
    pub async fn new(member: Member<Settings>) -> Self {
        let memory = Memory::read(member.port.cursor().await);
        let state = State {
            memory,
            orders: Orders::new(),
            survey: Survey::default(),
            started: Instant::now(),
            seen: None,
            address: None,
            firmware: None,
            claimed: None,
            round_due: true,
            last_round: None,
            findings: Findings::default(),
            doors: Vec::new(),
            unreadable: 0,
            unknown_tables: BTreeSet::new(),
            troubles: Troubles::default(),
            live_clock: LiveClock::default(),
            trail: Trail::default(),
            zone_said: None,
            left: None,
            zone_told: None,
            session: format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
            users: BTreeMap::new(),
            users_complete: false,
            contact_told: None,
            uncommitted_since: None,
        };
        let Member { device, zone, settings, port } = member;
        Self { device, zone, settings, port, state: Mutex::new(state), turn: tokio::sync::Mutex::new(()) }
    }

    /// What is known; never held across an await.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Its serial number as text.
    pub fn serial(&self) -> &str {
        self.settings.serial.as_str()
    }

    /// The local time of the terminal's place, if the gateway knows the time.
    pub fn local_now(&self) -> Option<DateTime> {
        let now = self.port.now();
        now.bound.map(|_| self.zone.to_datetime(now.utc))
    }

    /// The day at the terminal's place, if the gateway knows the time.
    pub fn today(&self) -> Option<Date> {
        self.local_now().map(DateTime::date)
    }

    /// Minutes ahead of UTC just now, if the gateway knows the time: a zone's offset depends on it.
    pub fn zone_minutes(&self) -> Option<i32> {
        let now = self.port.now();
        now.bound.map(|_| minutes_ahead(&self.zone, now.utc))
    }

    /// Changes the memory while nothing is on its way to the disk; written with the next batch, within a minute.
    pub async fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let _turn = self.turn.lock().await;
        let mut state = self.state();
        let before = state.memory.clone();
        let result = change(&mut state);
        if state.memory != before {
            state.uncommitted_since.get_or_insert_with(Instant::now);
        }
        result
    }

    /// Makes everything durable. Only after `Ok` may the terminal be told that it was taken.
    pub async fn take(&self, taken: Taken) -> Result<(), NotRecorded> {
        let _turn = self.turn.lock().await;
        let (mut memory, contact) = {
            let state = self.state();
            let contact = match taken.clock {
                Some(_) => state.contact(self).map(|contact| Contact { clock: taken.clock, ..contact }),
                None => state.news(self),
            };
            (state.memory.clone(), contact)
        };
        let users = self.state().merge(taken.users);
        let told_first =
            |(what, alert): (String, Alert)| (what.is_empty() || memory.first_time(&what)).then_some(alert);
        let alerts = taken.alerts.into_iter().filter_map(told_first).collect();
        if let Some((table, stamp)) = taken.stamp {
            memory.stamps.insert(table, stamp);
        }
        let mut first = Batch { upload: taken.upload, alerts, contact: contact.clone(), users, ..Batch::default() };
        let mut rest = taken.readings;
        loop {
            let tail = rest.split_off(rest.len().min(MAX_BATCH));
            let keys: Vec<_> = rest.iter().map(|reading| (day(reading), reading.key.clone())).collect();
            let mut batch = std::mem::take(&mut first);
            batch.readings = rest;
            batch.cursor = if tail.is_empty() { memory.cursor() } else { None };
            let receipts = self.port.submit(batch).await?;
            if receipts.len() != keys.len() {
                let text = format!("{} receipts for {} readings", receipts.len(), keys.len());
                return Err(NotRecorded::Failed(text));
            }
            let mut state = self.state();
            for ((day, key), receipt) in keys.iter().zip(&receipts) {
                let (Some(day), Some(key)) = (day, key) else { continue };
                state.survey.saw(*day, key);
                if receipt.verdict != Verdict::Repeated {
                    memory.count(*day);
                    // Also if a later part of this body fails: what is on disk is counted.
                    state.memory.count(*day);
                    state.uncommitted_since.get_or_insert_with(Instant::now);
                }
            }
            if tail.is_empty() {
                state.memory = memory;
                let told = contact.map(|contact| Contact { clock: None, ..contact });
                state.contact_told = told.or(state.contact_told.take());
                return Ok(());
            }
            drop(state);
            rest = tail;
        }
    }

    /// Writes what only the memory knows, if it is time.
    pub async fn flush(&self) {
        let due = self.state().uncommitted_since.is_some_and(|since| since.elapsed() >= FLUSHED_WITHIN);
        let news = self.state().news(self).is_some();
        if due || news {
            self.state().uncommitted_since = None;
            if let Err(error) = self.take(Taken::default()).await {
                tracing::warn!(device = %self.device, %error, "what is remembered of a terminal could not be written");
                self.state().uncommitted_since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// How long a silence may be.
    pub fn patience(&self) -> Duration {
        SILENCE + self.settings.delay.max(self.settings.error_delay)
    }
}

impl State {
    /// Whether it was heard of recently.
    pub fn is_here(&self, patience: Duration) -> bool {
        self.seen.is_some_and(|seen| seen.elapsed() <= patience)
    }

    /// Whether it speaks the security dialect.
    pub fn guards_doors(&self) -> bool {
        self.memory.dialect == Some(Dialect::Security)
    }

    /// Whether its last handshake said that it reads identity cards.
    pub fn reads_identity_cards(&self) -> bool {
        self.memory.identity_cards
    }

    /// What was learned since the agent was last told, if anything.
    fn news(&self, terminal: &Terminal) -> Option<Contact> {
        self.contact(terminal).filter(|contact| self.contact_told.as_ref() != Some(contact))
    }

    /// What is known of the terminal, if it was heard of.
    fn contact(&self, terminal: &Terminal) -> Option<Contact> {
        self.seen?;
        Some(Contact {
            serial: Some(terminal.settings.serial.clone()),
            address: self.address.map(|address| address.to_string()),
            firmware: self.firmware.clone(),
            records_claimed: self.claimed,
            ..Contact::default()
        })
    }

    /// Adds people to those known; the whole list, if it is whole and this changed it.
    fn merge(&mut self, users: Vec<TerminalUser>) -> Option<Vec<TerminalUser>> {
        if users.is_empty() {
            return None;
        }
        for user in users {
            if self.users.len() < MOST_USERS || self.users.contains_key(&user.user_id) {
                self.users.insert(user.user_id.clone(), user);
            }
        }
        self.users_complete.then(|| self.users.values().cloned().collect())
    }
}

fn day(reading: &Reading) -> Option<Date> {
    reading.happened.civil().map(|time| time.date())
}
