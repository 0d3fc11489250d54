//! Reading the log.

use jiff::civil::{Date, DateTime};
use punchd_contract::{Alert, Batch, ClockShown, Contact, Credential, Upload, Verdict};
use tokio::time::Instant;

use super::Visit;
use crate::pull::log_read::LogRead;
use crate::pull::protocol::bulk::Table;
use crate::pull::protocol::layout::{Known, LayoutError, Log};
use crate::pull::protocol::sizes::Sizes;
use crate::pull::protocol::time::RawTime;
use crate::pull::report;
use crate::pull::rows::RowLists;
use crate::pull::trouble::Trouble;

/// The longest body that is kept to be looked at.
const LARGEST_KEPT: usize = 8 * 1024 * 1024;
/// A body that cannot be read is kept so often: it grows with every punch, and each would be kept.
const KEEP_EVERY_S: i64 = 24 * 3600;
/// The answer with which a terminal says yes and hands over nothing.
const NOTHING: u16 = 2000;

/// Whether records that were submitted before are submitted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Only what is new in the log.
    New,
    /// All of it; what is known already is recognised.
    All,
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
    /// The code with which the terminal refused, if it did.
    pub refused: Option<u16>,
}

impl Visit<'_> {
    /// Reads the whole log. It is taken whole or not at all, and the cursor moves only with its last record.
    pub(in crate::pull) async fn read_log(
        &mut self,
        extent: Extent,
        days: Option<(Date, Date)>,
    ) -> Result<LogSummary, Trouble> {
        let begun = Instant::now();
        let clock = self.read_clock().await?;
        let before = self.session.sizes().await?;
        let listed = self.people_before_the_log(before).await?;
        let holders_before = listed.then(|| self.people.holders().clone());
        let body = match self.session.read_table(Table::Punches).await {
            Err(Trouble::NotHandedOver(_, NOTHING)) if before.is_some_and(|sizes| sizes.punches == 0) => Vec::new(),
            Err(Trouble::NotHandedOver(_, code)) => return self.refused(code, clock, before).await,
            outcome => outcome?,
        };
        let after = self.session.sizes().await?;
        // Events up to here are counted by the terminal already.
        let during = self.session.waiting_event();
        let dropped = self.session.events_were_dropped();

        let at_rest = before.map(|sizes| sizes.punches) == after.map(|sizes| sizes.punches);
        let shown = clock.map(|clock| self.shows_now(clock));
        let log = {
            let users = self.people.known();
            let known = Known {
                claimed: after.filter(|_| at_rest).map(|sizes| sizes.punches),
                clock: shown.and_then(RawTime::from_civil),
                now: RawTime::from_civil(self.zone.to_datetime(self.port.now().utc)),
                users: users.as_ref(),
            };
            Log::open(&body, &known)
        };
        let log = match log {
            Ok(log) => log,
            Err(error) => return Err(self.keep_unread(body, error, clock, after).await?),
        };
        let keys = self.keys.clone();
        let order = (self.zone, shown);
        let mut read = LogRead::new(&keys, &body, log.as_ref(), self.standing, extent == Extent::All, order);
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
        // A count that was right twice, at two sizes of the log, moves with it.
        let moved = self.standing.records > 0 && self.standing.records != count;
        standing.speaks |= at_rest && !differ && claimed.is_some() && moved;
        let listed_after = standing.names_rows
            && !read.rows_count_records()
            && self.read_people(after.map(|sizes| sizes.users)).await?;
        standing.rows = standing.names_rows.then(|| holders_before.clone().unwrap_or(self.people.holders().clone()));
        alerts.extend(self.clock_jump(clock));

        let people = self.people.clone();
        let before_it = self.standing.rows.clone().into_iter().chain(holders_before);
        let rows = RowLists { after: listed_after.then_some(&people), before: before_it.collect() };
        let mut contact = Some(Contact { records_read: Some(count), ..self.contact(clock, claimed) });
        let mut first = Some((self.untold_users(), alerts));
        let (mut fresh, mut unsure) = (0, 0);
        loop {
            let readings = read.next_readings(&rows);
            let done = read.is_done();
            let (users, alerts) = first.take().unwrap_or_default();
            let nobodys: Vec<bool> =
                readings.iter().map(|reading| matches!(reading.credential, Credential::Row(_))).collect();
            let batch = Batch {
                readings,
                cursor: done.then(|| standing.cursor()),
                contact: contact.take(),
                users,
                alerts,
                ..Batch::default()
            };
            for (receipt, nobodys) in self.submit(batch).await?.iter().zip(nobodys) {
                let new = receipt.verdict != Verdict::Repeated;
                fresh += u64::from(new);
                unsure += u64::from(new && nobodys);
            }
            if done {
                break;
            }
        }
        self.size = log.map(|log| log.size()).or(self.size);
        *self.standing = standing;
        self.last_contact = Some((Instant::now(), self.contact(clock, claimed)));
        self.last_read = Some((Instant::now(), begun.elapsed()));
        self.log_wanted = dropped;

        self.report.read = count;
        self.report.claimed = claimed;
        self.report.differ = differ;
        self.report.refused = None;
        self.report.unsure_rows += unsure;
        self.measured(clock);
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
        Ok(LogSummary { records: count, fresh, within, refused: None })
    }

    /// The terminal refuses its log. That is no empty log: people may punch, and events may tell of it.
    async fn refused(
        &mut self,
        code: u16,
        clock: Option<ClockShown>,
        sizes: Option<Sizes>,
    ) -> Result<LogSummary, Trouble> {
        let claimed = sizes.map(|sizes| u64::from(sizes.punches));
        self.report.refused = Some(code);
        self.report.claimed = claimed;
        self.counts.claimed = claimed;
        self.counts.expected = None;
        self.log_wanted = true;
        if let Some(users) = self.untold_users() {
            self.submit(Batch { users: Some(users), ..Batch::default() }).await?;
        }
        self.note_contact(clock, claimed).await?;
        self.say_how_it_is();
        Ok(LogSummary { records: 0, fresh: 0, within: 0, refused: Some(code) })
    }

    /// Keeps a body that does not read as a log, to be looked at, and gives the trouble that it is. The cursor stays where it was.
    async fn keep_unread(
        &mut self,
        mut body: Vec<u8>,
        error: LayoutError,
        clock: Option<ClockShown>,
        sizes: Option<Sizes>,
    ) -> Result<Trouble, Trouble> {
        let model = self.firmware.clone().unwrap_or_else(|| "?".to_owned());
        let now = self.port.now().utc.as_second();
        let mut batch = Batch {
            contact: Some(self.contact(clock, sizes.map(|sizes| u64::from(sizes.punches)))),
            users: self.untold_users(),
            ..Batch::default()
        };
        if self.standing.unread_kept_s.is_none_or(|kept| now.abs_diff(kept) >= KEEP_EVERY_S.unsigned_abs()) {
            let kept = body.len().min(LARGEST_KEPT);
            batch.alerts.push(report::log_not_understood(&self.report.name, &model, &error, kept));
            body.truncate(kept);
            batch.upload = Some(Upload { table: "ATTLOG".to_owned(), body, understood: false });
            self.standing.unread_kept_s = Some(now);
            batch.cursor = Some(self.standing.cursor());
        }
        self.submit(batch).await?;
        Ok(Trouble::NoLog { model, error })
    }

    /// What a clock that was looked at shows by now.
    pub(super) fn shows_now(&self, clock: ClockShown) -> DateTime {
        let gone = jiff::SignedDuration::try_from(clock.at.elapsed()).unwrap_or_default();
        self.zone.to_datetime(clock.shown.saturating_add(gone).unwrap_or(clock.shown))
    }
}
