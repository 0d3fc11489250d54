//! One visit to a terminal: from the handshake to the moment something breaks.
//!
//! Events only accelerate; the log is the truth. It is read at the start of every visit (what happened while nobody
//! listened stands only there), every so often, and whenever the counts say that something is missing.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::civil::DateTime;
use punchd_contract::{
    Alert, Batch, Contact, Health, MAX_BATCH, NotRecorded, Port, Receipt, SerialNumber, Upload, Verdict,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::log_read::LogRead;
use super::orders;
use super::people::People;
use super::protocol::bulk::Table;
use super::protocol::code::{Ask, EVENT_PUNCH, Reply};
use super::protocol::frame::Packet;
use super::protocol::live_event::decode_punches;
use super::protocol::record::{Log, RecordSize};
use super::protocol::sizes::Sizes;
use super::reading::of_event;
use super::report::{self, Report};
use super::session::Session;
use super::settings::Settings;
use super::standing::Standing;
use super::trouble::Trouble;

/// How often a refused batch is offered again before the visit ends; the terminal keeps everything meanwhile.
const OFFERS: u32 = 4;
/// A contact in which nothing changed is written down this often.
const QUIET_CONTACT: Duration = Duration::from_secs(15 * 60);
/// A clock that moves by more than this between two looks was set by somebody.
const CLOCK_JUMP_MS: u64 = 5_000;
/// Clocks of terminals count whole seconds, so that two looks may differ by one for no reason.
const CLOCK_JITTER_MS: u64 = 1_500;

/// Whether records that were submitted before are submitted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Only what is new in the log.
    New,
    /// All of it; what is known already is recognised.
    All,
}

/// The terminal as it is during one visit.
#[derive(Debug)]
pub struct Visit<'a> {
    pub(super) settings: &'a Settings,
    pub(super) port: &'a Port,
    pub(super) session: Session,
    pub(super) zone: &'a jiff::tz::TimeZone,
    pub(super) people: People,
    standing: &'a mut Standing,
    last_offset: &'a mut Option<i64>,
    /// The serial number, or what stands for it in keys if this firmware does not tell one.
    serial: String,
    address: SocketAddr,
    firmware: Option<String>,
    report: Report,
    size: Option<RecordSize>,
    counts: Counts,
    log_wanted: bool,
    last_contact: Option<(Instant, Contact)>,
}

/// What the terminal's count of records is worth, and what it should be.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// What it said last.
    claimed: Option<u64>,
    /// What it must say if nothing was missed; unknown where its count is not to be trusted.
    expected: Option<u64>,
    users: Option<u32>,
}

/// What a read of the log gave.
#[derive(Clone, Copy, Debug)]
pub struct LogSummary {
    /// Records in it.
    pub records: u64,
    /// Of which so many were new to the gateway.
    pub fresh: u64,
    /// Of which so many lie in the days that were asked for.
    pub within: usize,
}

/// What a visit knows before it begins.
#[derive(Debug)]
pub struct Approach<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The way to the agent.
    pub port: &'a Port,
    /// Where the terminal's clock runs.
    pub zone: &'a jiff::tz::TimeZone,
    /// What is kept of the terminal.
    pub standing: &'a mut Standing,
    /// The clock's offset at the last look, in milliseconds.
    pub last_offset: &'a mut Option<i64>,
    /// Where it answers.
    pub address: SocketAddr,
}

impl<'a> Visit<'a> {
    /// Finds out who answers; nothing is read from a terminal that is not the expected one.
    pub async fn begin(approach: Approach<'a>, mut session: Session) -> Result<Self, Trouble> {
        let Approach { settings, port, zone, standing, last_offset, address } = approach;
        let found = session.option("~SerialNumber").await?.and_then(|text| SerialNumber::new(text).ok());
        let expected = settings.serial.clone().or_else(|| standing.serial.clone());
        if let (Some(expected), Some(found)) = (&expected, &found)
            && expected != found
        {
            let (expected, found) = (expected.clone(), found.clone());
            session.end().await;
            return Err(Trouble::WrongTerminal { expected, found });
        }
        let serial = found.or(expected);
        if standing.serial != serial {
            // Another terminal than last time, as configured: what was read of the old one says nothing.
            let (wire, moved) = (standing.wire, standing.moved.clone());
            *standing = Standing { serial: serial.clone(), wire, moved, ..Standing::default() };
        }
        standing.wire = Some(session.wire());
        let serial = serial.map_or_else(|| "-".to_owned(), String::from);
        let name = session.option("~DeviceName").await?;
        let version = session.version().await?;
        let firmware = [name, version].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let report = Report { name: format!("{serial} ({address})"), ..Report::default() };
        Ok(Self {
            settings,
            port,
            session,
            zone,
            people: People::default(),
            size: RecordSize::new(standing.record_size),
            standing,
            last_offset,
            serial,
            address,
            firmware: Some(firmware).filter(|text| !text.is_empty()),
            report,
            counts: Counts::default(),
            log_wanted: false,
            last_contact: None,
        })
    }

    /// Reads, listens and carries out, until something breaks.
    pub async fn stay(&mut self) -> Result<std::convert::Infallible, Trouble> {
        // Events first and then the log, so that nothing falls between the two.
        if self.settings.live {
            let answer = self.session.ask(Ask::RegisterEvents).await?;
            self.report.live = Reply::of(answer.command) == Reply::Ok;
        }
        self.read_log(Extent::New, None).await?;
        let mut next_full = Instant::now() + self.settings.full_read_every;
        let mut next_poll = Instant::now() + self.settings.poll;
        loop {
            tokio::select! {
                event = self.session.next_event() => {
                    let event = event?;
                    self.take_events(event, true).await?;
                }
                request = self.port.request() => orders::carry_out(self, request).await?,
                () = sleep_until(next_full) => {
                    self.read_log(Extent::New, None).await?;
                    next_full = Instant::now() + self.settings.full_read_every;
                }
                () = sleep_until(next_poll) => {
                    if self.look().await? {
                        self.read_log(Extent::New, None).await?;
                    }
                    next_poll = Instant::now() + self.settings.poll;
                }
            }
        }
    }

    /// Ends the visit in order.
    pub async fn leave(self) {
        self.session.end().await;
    }

    /// A cheap look at clock and counts; tells whether the log has to be read.
    async fn look(&mut self) -> Result<bool, Trouble> {
        let offset = self.measure_clock().await?;
        let sizes = self.session.sizes().await?;
        // What happened before the count was given has arrived before it.
        if let Some(event) = self.session.waiting_event() {
            self.take_events(event, true).await?;
        }
        let claimed = sizes.map(|sizes| u64::from(sizes.punches));
        let users = sizes.map(|sizes| sizes.users);
        let moved = claimed != self.counts.claimed;
        let missing = match self.counts.expected {
            Some(expected) => claimed != Some(expected),
            // The count is not to be trusted, but if it moves, something happened; and without events only the log tells.
            None => moved || !self.report.live,
        };
        self.counts.claimed = claimed;
        let wanted = missing || self.log_wanted || self.session.events_were_dropped() || users != self.counts.users;
        if !wanted {
            self.note_contact(offset, claimed).await?;
            self.say_how_it_is();
        }
        Ok(wanted)
    }

    /// Reads the whole log. It is taken whole or not at all, and the cursor moves only with its last record.
    pub(super) async fn read_log(
        &mut self,
        extent: Extent,
        days: Option<(jiff::civil::Date, jiff::civil::Date)>,
    ) -> Result<LogSummary, Trouble> {
        let offset = self.measure_clock().await?;
        let before = self.session.sizes().await?;
        let users = self.refresh_people(before).await?;
        let body = self.read_table(Table::Punches, before.map(|sizes| sizes.punches)).await?;
        let after = self.session.sizes().await?;
        // Events up to here are counted by the terminal already.
        let during = self.session.waiting_event();
        let dropped = self.session.events_were_dropped();

        let at_rest = before.map(|sizes| sizes.punches) == after.map(|sizes| sizes.punches);
        let log = Log::open(&body, after.filter(|_| at_rest).map(|sizes| sizes.punches))?;
        let serial = self.serial.clone();
        let mut read = LogRead::new(&serial, &body, log.as_ref(), self.standing, extent == Extent::All);
        let (count, claimed) = (read.count(), after.map(|sizes| u64::from(sizes.punches)));
        let within = days.map_or(0, |(from, to)| read.count_between(from, to));

        let mut alerts: Vec<Alert> = report::alert_of(read.continuation(), &self.report.name).into_iter().collect();
        let differ = at_rest && claimed.is_some_and(|claimed| claimed != count);
        let told = claimed.filter(|_| differ).map(|claimed| (claimed, count));
        if let Some((claimed, count)) = told.filter(|_| told != self.standing.counts_told) {
            alerts.push(report::counts_differ(&self.report.name, claimed, count));
        }
        let mut standing = read.standing_after(self.standing);
        standing.counts_told = if at_rest { told } else { self.standing.counts_told };
        alerts.extend(self.clock_jump(offset));

        let mut contact = Some(Contact { records_read: Some(count), ..self.contact(offset, claimed) });
        let mut first = Some((users, alerts));
        let mut fresh = 0;
        loop {
            let readings = read.next_readings(&self.people);
            let done = read.is_done();
            let (users, alerts) = first.take().unwrap_or_default();
            let batch = Batch {
                readings,
                cursor: done.then(|| standing.cursor()),
                contact: contact.take(),
                users,
                alerts,
                upload: None,
            };
            fresh +=
                self.submit(batch).await?.iter().filter(|receipt| receipt.verdict != Verdict::Repeated).count() as u64;
            if done {
                break;
            }
        }
        self.size = log.map(|log| log.size()).or(self.size);
        *self.standing = standing;
        self.last_contact = Some((Instant::now(), self.contact(offset, claimed)));
        self.log_wanted = dropped;

        self.report.read = count;
        self.report.claimed = claimed;
        self.report.differ = differ;
        self.report.measured(offset);
        tracing::info!(terminal = %self.report.name, records = count, fresh, "read the log");
        let held = count
            + match during {
                Some(event) => self.take_events(event, false).await?,
                None => 0,
            };
        let full = after.is_some_and(|sizes| sizes.punch_capacity > 0 && sizes.punches >= sizes.punch_capacity);
        self.counts.claimed = claimed;
        // A full log overwrites its oldest record at every punch, so that its count says nothing any more.
        self.counts.expected = (!full && claimed == Some(held)).then_some(held);
        if !at_rest && claimed != Some(held) {
            self.log_wanted = true;
        }
        self.say_how_it_is();
        Ok(LogSummary { records: count, fresh, within })
    }

    /// Reads the user list when it has changed as far as the count tells; gives it if it is new.
    async fn refresh_people(
        &mut self,
        sizes: Option<Sizes>,
    ) -> Result<Option<Vec<punchd_contract::TerminalUser>>, Trouble> {
        let users = sizes.map(|sizes| sizes.users);
        let known = self.last_contact.is_some() && self.counts.users == users;
        self.counts.users = users;
        if known { Ok(None) } else { self.read_people(users).await }
    }

    /// Reads the user list now.
    pub(super) async fn read_people(
        &mut self,
        claimed: Option<u32>,
    ) -> Result<Option<Vec<punchd_contract::TerminalUser>>, Trouble> {
        let people = match self.read_table(Table::Users, claimed).await {
            Ok(body) => People::read(&body, self.settings.encoding).map_err(Trouble::from),
            Err(trouble) => Err(trouble),
        };
        match people {
            Ok(people) => {
                self.people = people;
                self.report.without_people = false;
                Ok(Some(self.people.for_the_agent()))
            }
            // Punches matter more than names.
            Err(Trouble::Users(_) | Trouble::NotHandedOver(_)) => {
                self.report.without_people = true;
                Ok(None)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Reads the user list now and hands it over.
    pub(super) async fn note_people(&mut self, claimed: Option<u32>) -> Result<(), Trouble> {
        self.counts.users = claimed;
        if let Some(users) = self.read_people(claimed).await? {
            self.submit(Batch { users: Some(users), ..Batch::default() }).await?;
        }
        Ok(())
    }

    /// Reads a table; one that the terminal calls empty may be refused by it.
    async fn read_table(&mut self, table: Table, claimed: Option<u32>) -> Result<Vec<u8>, Trouble> {
        match self.session.read_table(table).await {
            Err(Trouble::NotHandedOver(_)) if claimed == Some(0) => Ok(Vec::new()),
            outcome => outcome,
        }
    }

    /// Submits an event and all that wait behind it, in one batch, and only then tells the terminal that they were taken.
    /// Answers how many records nobody had before.
    async fn take_events(&mut self, first: Packet, after_the_count: bool) -> Result<u64, Trouble> {
        let mut fresh = 0;
        let mut next = Some(first);
        while next.is_some() {
            let mut batch = Batch::default();
            let mut taken = 0;
            while let Some(event) = next.take() {
                self.understand(&event, &mut batch);
                taken += 1;
                // One packet may carry several punches, so that room for them is left.
                if batch.readings.len() + 64 < MAX_BATCH {
                    next = self.session.waiting_event();
                }
            }
            // Only a hostile packet carries so many; what they were, the log tells.
            self.log_wanted |= batch.readings.len() > MAX_BATCH;
            batch.readings.truncate(MAX_BATCH);
            let readings = batch.readings.len() as u64;
            if readings > 0 || batch.upload.is_some() {
                let receipts = self.submit(batch).await?;
                let repeated = receipts.iter().filter(|receipt| receipt.verdict == Verdict::Repeated).count() as u64;
                fresh += readings - repeated.min(readings);
                // A second punch of the same person in the same second looks like the first one sent twice; the log tells
                // them apart. Events that came during a read were in it and are no sign of that.
                self.log_wanted |= after_the_count && repeated > 0;
            }
            for _ in 0..taken {
                self.session.acknowledge_event().await?;
            }
            next = next.or_else(|| self.session.waiting_event());
        }
        if let Some(expected) = self.counts.expected.as_mut().filter(|_| after_the_count) {
            *expected += fresh;
        }
        Ok(fresh)
    }

    fn understand(&mut self, event: &Packet, batch: &mut Batch) {
        if event.session != EVENT_PUNCH {
            return;
        }
        let Ok(punches) = decode_punches(&event.data) else {
            self.log_wanted = true;
            let body = event.data.clone();
            batch.alerts.push(report::event_not_understood(&self.report.name, body.len()));
            batch.upload = Some(Upload { table: "REG_EVENT".to_owned(), body, understood: false });
            return;
        };
        for punch in punches {
            match of_event(&self.serial, &punch, self.size, &self.people) {
                Some(reading) => batch.readings.push(reading),
                None => self.log_wanted = true,
            }
        }
    }

    /// The clock's offset in milliseconds, where both clocks are known. Records and the clock's answer are both cut to the
    /// second, so that the offset fits the records without a correction of half a second.
    pub(super) async fn measure_clock(&mut self) -> Result<Option<i64>, Trouble> {
        let asked = Instant::now();
        let said = self.session.clock().await?;
        let way_back = asked.elapsed() / 2;
        let now = self.port.now();
        let offset = (|| {
            now.bound?;
            let said: DateTime = said?.civil()?;
            let said = said.to_zoned(self.zone.clone()).ok()?.timestamp();
            let then = now.utc.checked_sub(way_back).ok()?;
            i64::try_from(said.duration_since(then).as_millis()).ok()
        })();
        Ok(offset)
    }

    /// Forgets the clock as it was, because we have set it ourselves.
    pub(super) fn forget_clock(&mut self) {
        *self.last_offset = None;
    }

    fn clock_jump(&mut self, offset: Option<i64>) -> Option<Alert> {
        let before = std::mem::replace(self.last_offset, offset.or(*self.last_offset));
        let (before, now) = (before?, offset?);
        (before.abs_diff(now) > CLOCK_JUMP_MS).then(|| report::clock_set(&self.report.name, now.saturating_sub(before)))
    }

    fn contact(&self, offset: Option<i64>, claimed: Option<u64>) -> Contact {
        Contact {
            serial: self.standing.serial.clone(),
            address: Some(self.address.to_string()),
            firmware: self.firmware.clone(),
            clock_offset_ms: offset,
            records_claimed: claimed,
            records_read: None,
        }
    }

    /// Writes a contact down on its own if it tells something, and now and then if it does not: an SD card does not need the
    /// same line every minute.
    pub(super) async fn note_contact(&mut self, offset: Option<i64>, claimed: Option<u64>) -> Result<(), Trouble> {
        let contact = self.contact(offset, claimed);
        let alerts: Vec<Alert> = self.clock_jump(offset).into_iter().collect();
        self.report.measured(offset);
        let quiet = self.last_contact.as_ref().is_some_and(|(when, last)| {
            let clock = match (last.clock_offset_ms, offset) {
                (Some(one), Some(other)) => one.abs_diff(other) <= CLOCK_JITTER_MS,
                (one, other) => one == other,
            };
            clock && when.elapsed() < QUIET_CONTACT && last.records_claimed == claimed
        });
        if quiet && alerts.is_empty() {
            return Ok(());
        }
        self.submit(Batch { contact: Some(contact.clone()), alerts, ..Batch::default() }).await?;
        self.last_contact = Some((Instant::now(), contact));
        Ok(())
    }

    /// Hands a batch over, again and again for a while if it is refused; nothing moves on before it is durable.
    pub(super) async fn submit(&mut self, batch: Batch) -> Result<Vec<Receipt>, Trouble> {
        let mut pause = Duration::from_secs(1);
        for offer in 1.. {
            let why = match self.port.submit(batch.clone()).await {
                Ok(receipts) => {
                    if offer > 1 {
                        self.say_how_it_is();
                    }
                    return Ok(receipts);
                }
                Err(why) => why,
            };
            let trouble = Trouble::NotRecorded(why.clone());
            self.port.health(Health::fault(trouble.text(&self.report.name)));
            if offer == OFFERS || matches!(why, NotRecorded::Malformed(_) | NotRecorded::Stopping) {
                return Err(trouble);
            }
            sleep(pause).await;
            pause *= 2;
        }
        Err(Trouble::NotRecorded(NotRecorded::Busy))
    }

    /// Where it answers, for sentences.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The record size of its log, where known.
    pub(super) fn record_size(&self) -> Option<RecordSize> {
        self.size
    }

    fn say_how_it_is(&self) {
        self.port.health(self.report.health());
    }
}
