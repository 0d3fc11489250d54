//! Reading the log and the user list.

use jiff::civil::Date;
use punchd_contract::{Alert, Batch, Contact, TerminalUser, Verdict};
use tokio::time::Instant;

use super::Visit;
use crate::pull::log_read::LogRead;
use crate::pull::people::People;
use crate::pull::protocol::bulk::Table;
use crate::pull::protocol::record::Log;
use crate::pull::protocol::sizes::Sizes;
use crate::pull::report;
use crate::pull::trouble::Trouble;

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
}

impl Visit<'_> {
    /// Reads the whole log. It is taken whole or not at all, and the cursor moves only with its last record.
    pub(in crate::pull) async fn read_log(
        &mut self,
        extent: Extent,
        days: Option<(Date, Date)>,
    ) -> Result<LogSummary, Trouble> {
        let clock = self.read_clock().await?;
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
        alerts.extend(self.clock_jump(clock));

        let mut contact = Some(Contact { records_read: Some(count), ..self.contact(clock, claimed) });
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
                ..Batch::default()
            };
            fresh +=
                self.submit(batch).await?.iter().filter(|receipt| receipt.verdict != Verdict::Repeated).count() as u64;
            if done {
                break;
            }
        }
        self.size = log.map(|log| log.size()).or(self.size);
        *self.standing = standing;
        self.last_contact = Some((Instant::now(), self.contact(clock, claimed)));
        self.log_wanted = dropped;

        self.report.read = count;
        self.report.claimed = claimed;
        self.report.differ = differ;
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
        Ok(LogSummary { records: count, fresh, within })
    }

    /// Reads the user list when it has changed as far as the count tells; gives it if it is new.
    pub(super) async fn refresh_people(&mut self, sizes: Option<Sizes>) -> Result<Option<Vec<TerminalUser>>, Trouble> {
        let users = sizes.map(|sizes| sizes.users);
        let known = self.last_contact.is_some() && self.counts.users == users;
        self.counts.users = users;
        if known { Ok(None) } else { self.read_people(users).await }
    }

    /// Reads the user list now.
    pub(in crate::pull) async fn read_people(
        &mut self,
        claimed: Option<u32>,
    ) -> Result<Option<Vec<TerminalUser>>, Trouble> {
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
    pub(in crate::pull) async fn note_people(&mut self, claimed: Option<u32>) -> Result<(), Trouble> {
        self.counts.users = claimed;
        if let Some(users) = self.read_people(claimed).await? {
            self.submit(Batch { users: Some(users), ..Batch::default() }).await?;
        }
        Ok(())
    }

    /// Reads a table; one that the terminal calls empty may be refused by it.
    pub(super) async fn read_table(&mut self, table: Table, claimed: Option<u32>) -> Result<Vec<u8>, Trouble> {
        match self.session.read_table(table).await {
            Err(Trouble::NotHandedOver(_)) if claimed == Some(0) => Ok(Vec::new()),
            outcome => outcome,
        }
    }
}
