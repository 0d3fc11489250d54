//! What a virtual terminal is like: its firmware's habits, its people, its log.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::oddities::Oddities;
use crate::pull::protocol::names::Encoding;
use crate::pull::protocol::time::RawTime;
use crate::pull::protocol::user::UserForm;

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
    /// Bytes of a block over TCP. Real ones announce 1008 or 65 536; clients that do not reassemble by length lose records
    /// with the former.
    pub tcp_block: usize,
    /// Bytes of a block over UDP.
    pub udp_block: usize,
    /// The least time between two frames to one client. Hardware needs some milliseconds for each, and some clients take only the
    /// first of several frames that they read at once. Zero: as fast as they go.
    pub frame_gap: Duration,
    /// Whether it sends a slice as one DATA frame, without an announcement.
    pub slices_at_once: bool,
    /// What it adds to its count of records, as some firmware counts wrongly.
    pub count_off: i64,
    /// Whether it tells punches as they happen.
    pub live: bool,
    /// Whether it serves several clients, which real ones mostly do not.
    pub several_clients: bool,
    /// What it does that the protocol does not say.
    pub odd: Oddities,
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
            tcp_block: 65_536,
            udp_block: 1008,
            frame_gap: Duration::ZERO,
            slices_at_once: false,
            count_off: 0,
            live: true,
            several_clients: false,
            odd: Oddities::default(),
        }
    }
}
