//! A terminal that exists only in memory and speaks the pull protocol as real ones do, over TCP, UDP or both.
//!
//! It knows more commands than our driver has, among them those that the driver must never send: it obeys and counts them,
//! so that a test can say that there were none. Its proof are clients that others wrote.

mod answers;
mod held;
mod serve;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

use super::protocol::live_event::encode_punch;
use super::protocol::names::Encoding;
use super::protocol::record::RecordSize;
use super::protocol::time::RawTime;
use super::protocol::user::UserForm;
use held::Held;

/// Where a virtual terminal gets the true time from; tests give a clock of their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Over what it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listens {
    /// TCP alone.
    Tcp,
    /// UDP alone.
    Udp,
    /// Both, on one port.
    Both,
}

/// Someone known on the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualUser {
    /// The internal index.
    pub uid: u16,
    /// The user id.
    pub user_id: String,
    /// The name.
    pub name: String,
    /// The card, 0 for none.
    pub card: u32,
    /// The privilege byte: 14 for an administrator.
    pub privilege: u8,
}

impl VirtualUser {
    /// An ordinary user.
    pub fn new(uid: u16, user_id: &str, name: &str) -> Self {
        Self { uid, user_id: user_id.to_owned(), name: name.to_owned(), card: 0, privilege: 0 }
    }
}

/// One record of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualRecord {
    /// The user id.
    pub user_id: String,
    /// The time as the terminal keeps it; may be a date that does not exist.
    pub time: RawTime,
    /// How the person proved who they are: 1 finger, 15 face.
    pub verify: u8,
    /// 0 in, 1 out.
    pub state: u8,
}

/// What a virtual terminal is like.
#[derive(Clone)]
pub struct Options {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Over what.
    pub listens: Listens,
    /// The comm key of its menu; 0 for none.
    pub comm_key: u32,
    /// Its serial number; `None` for firmware that does not tell.
    pub serial: Option<String>,
    /// Model, as `~DeviceName`.
    pub model: String,
    /// Firmware, as GET_VERSION answers.
    pub firmware: String,
    /// Further options that it answers.
    pub options: Vec<(String, String)>,
    /// Who is known.
    pub users: Vec<VirtualUser>,
    /// What is in the log at the start.
    pub records: Vec<VirtualRecord>,
    /// The most records that fit; then the oldest is overwritten.
    pub capacity: usize,
    /// Where its clock runs.
    pub zone: TimeZone,
    /// The true time.
    pub clock: Clock,
    /// How far its clock is off, in seconds.
    pub clock_off: i64,
    /// Bytes of a record: 8, 16, 40, 49 or more.
    pub record_size: usize,
    /// Form of the user records.
    pub user_form: UserForm,
    /// Bytes of an event.
    pub event_size: usize,
    /// How names are written.
    pub encoding: Encoding,
    /// Whether it has the buffered reads 1503 and 1504.
    pub buffered: bool,
    /// Up to how many bytes it sends a table at once.
    pub small_read: usize,
    /// Bytes of a block.
    pub block: usize,
    /// Whether it sends a slice as one DATA frame, without an announcement.
    pub slices_at_once: bool,
    /// What it adds to its count of records, as some firmware counts wrongly.
    pub count_off: i64,
    /// Whether it tells punches as they happen.
    pub live: bool,
    /// Whether it serves several clients, which real ones mostly do not.
    pub several_clients: bool,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("listen", &self.listen).field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl Options {
    /// A colour-screen terminal of the usual kind, empty, on any port of the loopback address.
    pub fn new(clock: Clock) -> Self {
        Self {
            listen: ([127, 0, 0, 1], 0).into(),
            listens: Listens::Both,
            comm_key: 0,
            serial: Some("VT00000001".to_owned()),
            model: "Virtual-40".to_owned(),
            firmware: "Ver 6.60 Nov  2 2026".to_owned(),
            options: Vec::new(),
            users: Vec::new(),
            records: Vec::new(),
            capacity: 100_000,
            zone: TimeZone::UTC,
            clock,
            clock_off: 0,
            record_size: 40,
            user_form: UserForm::Long,
            event_size: 32,
            encoding: Encoding::Utf8,
            buffered: true,
            small_read: 1024,
            block: 1008,
            slices_at_once: false,
            count_off: 0,
            live: true,
            several_clients: false,
        }
    }
}

/// What can be wrong with the line to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Connections break, new ones are refused, datagrams vanish.
    Unplugged,
    /// Every answer takes this long.
    Slow(Duration),
    /// The connection breaks once, after it has sent so many bytes from now on.
    CutAfter(usize),
    /// What it sends goes out in pieces of at most so many bytes.
    Pieces(usize),
    /// Connections are taken and nothing is answered.
    Silent,
}

/// What is wrong with the line now.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    unplugged: bool,
    silent: bool,
    slow: Duration,
    pieces: Option<usize>,
}

/// What goes out to every client that listens.
#[derive(Clone, Debug)]
enum Push {
    Event(Arc<[u8]>),
    Garbage,
    HalfFrame,
}

struct Core {
    options: Options,
    size: RecordSize,
    held: Mutex<Held>,
    line: watch::Sender<Line>,
    /// Bytes left until the next cut.
    cut: Mutex<Option<usize>>,
    pushes: broadcast::Sender<Push>,
    clears: AtomicU64,
    disables: AtomicU64,
    unlocks: AtomicU64,
    clients: AtomicUsize,
    most_clients: AtomicUsize,
}

impl Core {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A virtual terminal; runs until the last of its clones is dropped.
#[derive(Clone)]
pub struct VirtualTerminal {
    core: Arc<Core>,
    running: Arc<Running>,
}

struct Running {
    address: SocketAddr,
    tasks: Vec<AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl std::fmt::Debug for VirtualTerminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualTerminal").field("address", &self.running.address).finish_non_exhaustive()
    }
}

impl VirtualTerminal {
    /// Binds and serves, inside a tokio runtime.
    pub fn start(options: Options) -> io::Result<Self> {
        let size = RecordSize::new(options.record_size)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no such record size"))?;
        let mut address = options.listen;
        let mut tcp = None;
        if options.listens != Listens::Udp {
            let listener = TcpListener::bind(address)?;
            address = listener.local_addr()?;
            tcp = Some(listener);
        }
        let mut udp = None;
        if options.listens != Listens::Tcp {
            let socket = UdpSocket::bind(address)?;
            address = socket.local_addr()?;
            udp = Some(socket);
        }
        let core = Arc::new(Core {
            held: Mutex::new(Held::new(&options)),
            size,
            options,
            line: watch::Sender::new(Line::default()),
            cut: Mutex::new(None),
            pushes: broadcast::Sender::new(1024),
            clears: AtomicU64::new(0),
            disables: AtomicU64::new(0),
            unlocks: AtomicU64::new(0),
            clients: AtomicUsize::new(0),
            most_clients: AtomicUsize::new(0),
        });
        let mut tasks = Vec::new();
        if let Some(listener) = tcp {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tasks.push(tokio::spawn(serve::tcp(core.clone(), listener, address)).abort_handle());
        }
        if let Some(socket) = udp {
            socket.set_nonblocking(true)?;
            let socket = tokio::net::UdpSocket::from_std(socket)?;
            tasks.push(tokio::spawn(serve::udp(core.clone(), socket)).abort_handle());
        }
        Ok(Self { core, running: Arc::new(Running { address, tasks }) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Somebody punches at this time of the terminal's clock: into the log, and live to whoever listens.
    pub fn punch(&self, user_id: &str, at: DateTime, verify: u8, state: u8) {
        // A clock outside of what a terminal can hold shows its first day.
        let time = RawTime::from_civil(at).unwrap_or(RawTime(0));
        self.record(VirtualRecord { user_id: user_id.to_owned(), time, verify, state });
        if let Some(data) = encode_punch(self.core.options.event_size, user_id, verify, state, at) {
            self.push(Push::Event(data.into()));
        }
    }

    /// Somebody punches now, with a finger, coming.
    pub fn punch_now(&self, user_id: &str) {
        let at = self.core.held().civil_now(&self.core.options);
        self.punch(user_id, at, 1, 0);
    }

    /// Puts a record into the log without telling anybody.
    pub fn record(&self, record: VirtualRecord) {
        self.core.held().take(record, self.core.options.capacity);
    }

    /// Its log.
    pub fn records(&self) -> Vec<VirtualRecord> {
        self.core.held().records.iter().cloned().collect()
    }

    /// How many punches it has taken in all, those that were overwritten or deleted included.
    pub fn punches(&self) -> usize {
        self.core.held().taken
    }

    /// Who is known.
    pub fn users(&self) -> Vec<VirtualUser> {
        self.core.held().users.clone()
    }

    /// Somebody changes the user list at the keypad.
    pub fn set_users(&self, users: Vec<VirtualUser>) {
        self.core.held().set_users(users, &self.core.options);
    }

    /// Somebody deletes the oldest records at the keypad.
    pub fn delete_oldest(&self, records: usize) {
        let mut held = self.core.held();
        let gone = records.min(held.records.len());
        held.records.drain(..gone);
    }

    /// How often a client has cleared anything.
    pub fn clears(&self) -> u64 {
        self.core.clears.load(Ordering::Relaxed)
    }

    /// How often a client has disabled the terminal.
    pub fn disables(&self) -> u64 {
        self.core.disables.load(Ordering::Relaxed)
    }

    /// How often the door was opened.
    pub fn unlocks(&self) -> u64 {
        self.core.unlocks.load(Ordering::Relaxed)
    }

    /// The most clients that were connected at once.
    pub fn most_clients(&self) -> usize {
        self.core.most_clients.load(Ordering::Relaxed)
    }

    /// How many clients are connected now.
    pub fn clients(&self) -> usize {
        self.core.clients.load(Ordering::Relaxed)
    }

    /// How far its clock is off, in seconds.
    pub fn clock_off(&self) -> i64 {
        self.core.held().clock_off
    }

    /// Sets how far its clock is off, in seconds.
    pub fn set_clock_off(&self, seconds: i64) {
        self.core.held().clock_off = seconds;
    }

    /// Something is wrong with the line from now on.
    pub fn set_fault(&self, fault: Fault) {
        match fault {
            Fault::CutAfter(bytes) => *self.core.cut.lock().unwrap_or_else(|e| e.into_inner()) = Some(bytes),
            Fault::Unplugged => self.change_line(|line| line.unplugged = true),
            Fault::Silent => self.change_line(|line| line.silent = true),
            Fault::Slow(by) => self.change_line(|line| line.slow = by),
            Fault::Pieces(most) => self.change_line(|line| line.pieces = Some(most.max(1))),
        }
    }

    /// All is well with the line again.
    pub fn clear_faults(&self) {
        *self.core.cut.lock().unwrap_or_else(|e| e.into_inner()) = None;
        self.change_line(|line| *line = Line::default());
    }

    /// Sends bytes that are no frame to every client.
    pub fn send_garbage(&self) {
        self.push(Push::Garbage);
    }

    /// Sends half a frame to every client, answers nothing for a while, then breaks the connection.
    pub fn send_half_frame(&self) {
        self.push(Push::HalfFrame);
    }

    /// Sends the event of the last punch once more.
    pub fn repeat_last(&self) {
        let last = self.core.held().records.back().cloned();
        let data = last.and_then(|last| {
            encode_punch(self.core.options.event_size, &last.user_id, last.verify, last.state, last.time.civil()?)
        });
        if let Some(data) = data {
            self.push(Push::Event(data.into()));
        }
    }

    fn change_line(&self, change: impl FnOnce(&mut Line)) {
        self.core.line.send_modify(change);
    }

    fn push(&self, push: Push) {
        // Nobody listening is as in life: the log keeps it.
        let _ = self.core.pushes.send(push);
    }
}
