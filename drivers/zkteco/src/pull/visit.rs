//! One visit to a terminal: from the handshake to the moment something breaks.
//!
//! Events only accelerate; the log is the truth. It is read at the start of every visit (what happened while nobody
//! listened stands only there), every so often, and whenever the counts say that something is missing.

mod contact;
mod events;
mod identity;
mod lists;
mod log;

use std::net::SocketAddr;
use std::time::Duration;

use punchd_contract::{ClockShown, Contact, DeviceName, Port, SerialNumber, TerminalUser};
use tokio::time::{Instant, sleep_until};

use super::orders;
use super::people::People;
use super::protocol::record::RecordSize;
use super::reading::LogForm;
use super::report::Report;
use super::serials::Showing;
use super::session::Session;
use super::settings::Settings;
use super::standing::Standing;
use super::transport::Wire;
use super::trouble::Trouble;
pub use log::Extent;

/// A log that has to be read to see anything is left alone for so many times as long as the read took.
const PAUSE_PER_READ: u32 = 20;

/// The terminal as it is during one visit.
#[derive(Debug)]
pub struct Visit<'a> {
    pub(super) settings: &'a Settings,
    pub(super) port: &'a Port,
    pub(super) session: Session,
    pub(super) zone: &'a jiff::tz::TimeZone,
    pub(super) people: People,
    standing: &'a mut Standing,
    last_clock: &'a mut Option<ClockShown>,
    showing: &'a Showing,
    /// With what the keys of its records begin.
    keys: String,
    address: SocketAddr,
    firmware: Option<String>,
    report: Report,
    size: Option<RecordSize>,
    counts: Counts,
    log_wanted: bool,
    /// When the log was read last, and how long that took.
    last_read: Option<(Instant, Duration)>,
    last_contact: Option<(Instant, Contact)>,
    /// The user list as it was handed over last.
    told_users: Option<Vec<TerminalUser>>,
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

/// What a visit knows before it begins.
#[derive(Debug)]
pub struct Approach<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The way to the agent.
    pub port: &'a Port,
    /// Where the terminal's clock runs.
    pub zone: &'a jiff::tz::TimeZone,
    /// What the operator calls it.
    pub device: &'a DeviceName,
    /// Its place among the devices that show serial numbers.
    pub showing: &'a Showing,
    /// What is kept of the terminal.
    pub standing: &'a mut Standing,
    /// What its clock showed at the last look.
    pub last_clock: &'a mut Option<ClockShown>,
    /// Where it answers.
    pub address: SocketAddr,
}

impl<'a> Visit<'a> {
    /// Finds out who answers; nothing is read from a terminal that is not the expected one.
    pub async fn begin(approach: Approach<'a>, mut session: Session) -> Result<Self, Trouble> {
        let Approach { settings, port, zone, device, showing, standing, last_clock, address } = approach;
        let found = session.option("~SerialNumber").await?.and_then(|text| SerialNumber::new(text).ok());
        let expected = settings.serial.clone().or_else(|| standing.serial.clone());
        if let (Some(expected), Some(found)) = (&expected, &found)
            && expected != found
        {
            let (expected, found) = (expected.clone(), found.clone());
            session.end().await;
            return Err(Trouble::WrongTerminal { expected, found });
        }
        let keys = identity::recognise(standing, found.or(expected), &settings.address.to_string(), device, showing);
        standing.wire = Some(session.wire());
        let serial = standing.serial.as_ref().map_or("-", SerialNumber::as_str);
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
            last_clock,
            showing,
            keys,
            address,
            firmware: Some(firmware).filter(|text| !text.is_empty()),
            report,
            counts: Counts::default(),
            log_wanted: false,
            last_read: None,
            last_contact: None,
            told_users: None,
        })
    }

    /// Reads, listens and carries out, until something breaks.
    pub async fn stay(&mut self) -> Result<std::convert::Infallible, Trouble> {
        // Events first and then the log, so that nothing falls between the two.
        if self.settings.live {
            self.report.live = self.session.register_events().await?;
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
        let clock = self.read_clock().await?;
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
        let dropped = self.session.events_were_dropped();
        let wanted =
            missing || self.log_wanted || dropped || users != self.counts.users || self.its_silence_means_nothing();
        if !wanted {
            self.note_contact(clock, claimed).await?;
            self.say_how_it_is();
        }
        Ok(wanted)
    }

    /// Whether nothing that it says tells of a punch, so that the log has to be read to see one: as long as a terminal that promised
    /// events has told of none, while its count stood still. A long log is read less often than at every poll, so that its terminal
    /// does something else most of the time.
    fn its_silence_means_nothing(&self) -> bool {
        let lossy = self.session.wire() == Wire::Udp && self.counts.expected.is_none();
        let due = self.last_read.is_none_or(|(when, took)| when.elapsed() >= took * PAUSE_PER_READ);
        (!self.standing.speaks || lossy) && due
    }

    fn log_form(&self) -> LogForm {
        LogForm { size: self.size, names_rows: self.standing.names_rows }
    }

    /// Where it answers, for sentences.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The record size of its log, where known.
    pub(super) fn record_size(&self) -> Option<RecordSize> {
        self.size
    }

    fn say_how_it_is(&mut self) {
        self.report.left_out = self.session.left_out();
        self.report.shared_with = match &self.standing.serial {
            Some(serial) => self.showing.shared_with(serial),
            None => Vec::new(),
        };
        self.port.health(self.report.health());
    }
}
