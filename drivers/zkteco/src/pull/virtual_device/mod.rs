//! A terminal that exists only in memory and speaks the pull protocol as real ones do, over TCP, UDP or both.
//!
//! It knows more commands than our driver has, among them those that the driver must never send: it obeys and counts them,
//! so that a test can say that there were none. Its proof are clients that others wrote.

mod answers;
mod held;
mod oddities;
mod options;
mod serve;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::civil::DateTime;
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;

use super::protocol::live_event::encode_punch;
use super::protocol::record::RecordSize;
use super::protocol::time::RawTime;
use held::Held;

pub use oddities::{Asked, Datagrams, Oddities};
pub use options::{Clock, Listens, Options, VirtualRecord, VirtualUser};

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
        if self.core.options.odd.tells_nothing {
            return;
        }
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
