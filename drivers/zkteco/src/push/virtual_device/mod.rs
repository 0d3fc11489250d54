//! The other end: a push terminal with its log, its menu and its bad habits, for tests, rehearsals and the demo.
//!
//! It behaves as facts/terminals.md B.1–B.5 say real ones do: it is always the client, follows the server's `Date` and `TimeZone`
//! with its clock, keeps a batch until it is answered 200 and OK, and answers queries from its own log.

mod line;
mod log;
mod session;
#[cfg(feature = "conformance")]
mod suite;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

pub use log::Record;

/// How the terminal speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// ATTLOG lines of so many columns.
    Attendance(Columns),
    /// rtlog lines.
    Security,
}

/// How wide an ATTLOG line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// The oldest firmware; it offers no protocol version either.
    Five,
    /// Usual firmware.
    Seven,
    /// With mask flag and temperature.
    Ten,
}

/// How the terminal is set up.
#[derive(Clone)]
pub struct Options {
    /// Where it connects to: `host:port`.
    pub server: String,
    /// Its serial number.
    pub serial: String,
    /// How it speaks.
    pub dialect: Dialect,
    /// Who is enrolled: user id and name.
    pub users: BTreeMap<String, String>,
    /// What is in its log already, not yet uploaded.
    pub records: Vec<Record>,
    /// Where its clock stands before a server tells it.
    pub zone: TimeZone,
    /// The true time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Whether its language is Chinese and its text GB2312.
    pub chinese: bool,
    /// Whether it sends every batch twice.
    pub everything_twice: bool,
    /// Whether it keeps its connection open between requests.
    pub keep_alive: bool,
    /// The token in its menu.
    pub comm_key: Option<String>,
    /// How long it waits after a failure, until a server tells it.
    pub error_delay: Duration,
    /// How often it polls, until a server tells it.
    pub delay: Duration,
}

impl Options {
    /// A usual terminal of seven columns in China with nobody on it.
    pub fn new(
        server: impl Into<String>,
        serial: impl Into<String>,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self {
            server: server.into(),
            serial: serial.into(),
            dialect: Dialect::Attendance(Columns::Seven),
            users: BTreeMap::new(),
            records: Vec::new(),
            zone: TimeZone::fixed(Offset::constant(8)),
            clock,
            chinese: true,
            everything_twice: false,
            keep_alive: false,
            comm_key: None,
            error_delay: Duration::from_secs(30),
            delay: Duration::from_secs(5),
        }
    }
}

/// A running terminal. Cheap to clone; when the last handle is dropped, it stops.
#[derive(Clone)]
pub struct VirtualPushTerminal {
    shared: Arc<Shared>,
    _power: Arc<Power>,
}

struct Power(AbortHandle);

impl Drop for Power {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Shared {
    options: Options,
    state: Mutex<State>,
    plugged: watch::Sender<bool>,
    wake: Notify,
}

struct State {
    log: Vec<Record>,
    /// How many records of the log were answered OK.
    uploaded: usize,
    /// Lines for OPERLOG that were not answered OK.
    operations: Vec<String>,
    users: BTreeMap<String, String>,
    /// Its clock minus the true time.
    clock_off: SignedDuration,
    /// Ahead of UTC.
    zone: Offset,
    /// Extra records that it counts but does not have.
    phantoms: u64,
    unlocked: u64,
    refused: u64,
    registry_code: Option<String>,
    slow: Duration,
    delay: Duration,
    error_delay: Duration,
    last_answer: Option<(u16, String)>,
}

impl VirtualPushTerminal {
    /// Switches it on, plugged in.
    pub fn start(options: Options) -> Self {
        let state = State {
            log: options.records.clone(),
            uploaded: 0,
            operations: Vec::new(),
            users: options.users.clone(),
            clock_off: SignedDuration::ZERO,
            zone: options.zone.to_offset((options.clock)()),
            phantoms: 0,
            unlocked: 0,
            refused: 0,
            registry_code: None,
            slow: Duration::ZERO,
            delay: options.delay,
            error_delay: options.error_delay,
            last_answer: None,
        };
        let shared = Arc::new(Shared {
            options,
            state: Mutex::new(state),
            plugged: watch::Sender::new(true),
            wake: Notify::new(),
        });
        let task = tokio::spawn(session::live(Arc::clone(&shared)));
        Self { shared, _power: Arc::new(Power(task.abort_handle())) }
    }

    /// Somebody punches at this time by the terminal's clock.
    pub fn punch(&self, user_id: &str, time: DateTime, verify: u16, status: u16) {
        self.shared.state().log.push(Record { user_id: user_id.to_owned(), time, verify, status });
        self.shared.wake.notify_one();
    }

    /// Somebody shows a finger now. One person takes at least a second.
    pub fn punch_now(&self, user_id: &str) -> DateTime {
        let now = self.local_time();
        let earlier =
            self.shared.state().log.iter().rev().find(|record| record.user_id == user_id).map(|record| record.time);
        let time = match earlier {
            Some(earlier) if earlier >= now => earlier.saturating_add(1.second()),
            _ => now,
        };
        self.punch(user_id, time, 1, 0);
        time
    }

    /// The cable is pulled; punches go on.
    pub fn go_offline(&self) {
        self.shared.plugged.send_replace(false);
    }

    /// The cable is back.
    pub fn go_online(&self) {
        self.shared.plugged.send_replace(true);
        self.shared.wake.notify_one();
    }

    /// Its log.
    pub fn records(&self) -> Vec<Record> {
        self.shared.state().log.clone()
    }

    /// How many records were not answered OK yet.
    pub fn unsent(&self) -> usize {
        let state = self.shared.state();
        state.log.len().saturating_sub(state.uploaded)
    }

    /// What its display shows.
    pub fn local_time(&self) -> DateTime {
        self.shared.local_time()
    }

    /// Its clock minus the true time.
    pub fn clock_off(&self) -> SignedDuration {
        self.shared.state().clock_off
    }

    /// Somebody sets its clock off by this much in the menu.
    pub fn set_clock_by_hand(&self, off: SignedDuration) {
        self.shared.state().clock_off = off;
        self.operate("21", "1");
    }

    /// Its clock runs wrong from now on, without anybody's doing.
    pub fn clock_drifts(&self, off: SignedDuration) {
        self.shared.state().clock_off = off;
    }

    /// Somebody deletes the punches in the menu.
    pub fn delete_punches_by_hand(&self) {
        let mut state = self.shared.state();
        state.log.clear();
        state.uploaded = 0;
        drop(state);
        self.operate("23", "1");
    }

    /// An operation is noted in its operation log.
    pub fn operate(&self, code: &str, who: &str) {
        let time = self.local_time().strftime("%Y-%m-%d %H:%M:%S").to_string();
        self.shared.state().operations.push(format!("OPLOG {code}\t{who}\t{time}\t0\t0\t0\t0"));
        self.shared.wake.notify_one();
    }

    /// A line for OPERLOG, such as a template.
    pub fn add_operlog_line(&self, line: &str) {
        self.shared.state().operations.push(line.to_owned());
        self.shared.wake.notify_one();
    }

    /// Another server once answered OK for everything so far: it is not uploaded again by itself.
    pub fn count_as_uploaded(&self) {
        let mut state = self.shared.state();
        state.uploaded = state.log.len();
    }

    /// Sends the last record again.
    pub fn repeat_last(&self) {
        let mut state = self.shared.state();
        state.uploaded = state.uploaded.min(state.log.len()).saturating_sub(1);
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Counts this many records more than it has, as a damaged log does.
    pub fn count_phantoms(&self, phantoms: u64) {
        self.shared.state().phantoms = phantoms;
    }

    /// Waits this long before each request.
    pub fn be_slow(&self, slow: Duration) {
        self.shared.state().slow = slow;
    }

    /// How often the door was opened from afar.
    pub fn unlocked(&self) -> u64 {
        self.shared.state().unlocked
    }

    /// How many requests were answered other than 200.
    pub fn refused(&self) -> u64 {
        self.shared.state().refused
    }

    /// The last answer: status and text.
    pub fn last_answer(&self) -> Option<(u16, String)> {
        self.shared.state().last_answer.clone()
    }

    /// Who is enrolled: user id and name.
    pub fn users(&self) -> BTreeMap<String, String> {
        self.shared.state().users.clone()
    }

    /// Sends bytes that are no HTTP at all.
    pub async fn send_garbage(&self) -> std::io::Result<()> {
        line::raw(&self.shared.options.server, b"\x00\xFF\x13garbage\r\n\r\nPOST \x01", Duration::from_millis(100))
            .await
    }

    /// Sends half an upload and hangs up after a while.
    pub async fn send_half(&self) -> std::io::Result<()> {
        let serial = &self.shared.options.serial;
        let text = format!(
            "POST /iclock/cdata?SN={serial}&table=ATTLOG&Stamp=9999 HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n1\t2026-"
        );
        line::raw(&self.shared.options.server, text.as_bytes(), Duration::from_secs(5)).await
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn local_time(&self) -> DateTime {
        let now = (self.options.clock)();
        let state = self.state();
        let own = now.checked_add(state.clock_off).unwrap_or(now);
        let time = state.zone.to_datetime(own);
        time.with().subsec_nanosecond(0).build().unwrap_or(time)
    }

    /// Follows the server's time, as real terminals do (facts/terminals.md B.1).
    fn follow(&self, server_time: Timestamp) {
        let now = (self.options.clock)();
        self.state().clock_off = server_time.duration_since(now);
    }
}
