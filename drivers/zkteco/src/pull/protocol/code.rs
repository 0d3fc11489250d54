//! What a client may ask and what a terminal can answer (facts/terminals.md A.4).
//!
//! Disabling a terminal and clearing anything on it are not here, and so cannot be sent (facts/terminals.md A.12).

use super::bulk::Table;
use super::time::RawTime;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Opens a session.
    Connect,
    /// Proves the comm key, scrambled.
    Auth([u8; 4]),
    /// Ends the session.
    Exit,
    /// The value of an option such as `~SerialNumber`.
    ReadOption(&'a str),
    /// How many users and punches there are (A.6).
    FreeSizes,
    /// The terminal's clock.
    GetTime,
    /// Sets the terminal's clock.
    SetTime(RawTime),
    /// Makes what was written hold.
    RefreshData,
    /// The firmware's name.
    Version,
    /// Opens a buffered read (A.7).
    OpenTable(Table),
    /// The old, unbuffered read.
    PlainTable(Table),
    /// A slice of the opened table.
    ReadSlice {
        /// First byte.
        start: u32,
        /// How many.
        length: u32,
    },
    /// Gives the opened table's memory back.
    FreeData,
    /// Attendance events from now on (A.11).
    RegisterEvents,
    /// Stores a user record.
    WriteUser(&'a [u8]),
    /// Removes a user.
    DeleteUser(u16),
    /// A sound.
    TestVoice,
    /// Opens the door for so many tenths of a second.
    Unlock {
        /// Tenths of a second.
        tenths: u32,
    },
}

impl Ask<'_> {
    /// Its command number.
    pub fn command(&self) -> u16 {
        match self {
            Self::Connect => 1000,
            Self::Auth(_) => 1102,
            Self::Exit => 1001,
            Self::ReadOption(_) => 11,
            Self::FreeSizes => 50,
            Self::GetTime => 201,
            Self::SetTime(_) => 202,
            Self::RefreshData => 1013,
            Self::Version => 1100,
            Self::OpenTable(_) => 1503,
            Self::PlainTable(table) => table.command(),
            Self::ReadSlice { .. } => 1504,
            Self::FreeData => 1502,
            Self::RegisterEvents => EVENT,
            Self::WriteUser(_) => 8,
            Self::DeleteUser(_) => 18,
            Self::TestVoice => 1017,
            Self::Unlock { .. } => 31,
        }
    }

    /// The bytes behind the header.
    pub fn data(&self) -> Vec<u8> {
        match self {
            Self::Connect | Self::Exit | Self::FreeSizes | Self::GetTime | Self::RefreshData | Self::Version => vec![],
            Self::FreeData => vec![],
            Self::Auth(key) => key.to_vec(),
            Self::ReadOption(name) => [name.as_bytes(), b"\0"].concat(),
            Self::SetTime(RawTime(time)) => time.to_le_bytes().to_vec(),
            Self::OpenTable(table) => table.open_body().to_vec(),
            Self::PlainTable(table) => table.plain_body().to_vec(),
            Self::ReadSlice { start, length } => [start.to_le_bytes(), length.to_le_bytes()].concat(),
            Self::RegisterEvents => 1u32.to_le_bytes().to_vec(),
            Self::WriteUser(record) => record.to_vec(),
            Self::DeleteUser(uid) => uid.to_le_bytes().to_vec(),
            Self::TestVoice => 0u32.to_le_bytes().to_vec(),
            Self::Unlock { tenths } => tenths.to_le_bytes().to_vec(),
        }
    }

    /// Whether sending it twice does what sending it once does, so that a lost datagram may be repeated.
    pub fn may_be_repeated(&self) -> bool {
        !matches!(self, Self::Connect | Self::Auth(_) | Self::Unlock { .. } | Self::TestVoice | Self::ReadSlice { .. })
    }
}

/// The command of an event, and of the request for events.
pub const EVENT: u16 = 500;
/// The event code of a punch.
pub const EVENT_PUNCH: u16 = 1;
/// The reply code with which both sides say yes.
pub const ACK_OK: u16 = 2000;

/// What a packet from a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes.
    Ok,
    /// No.
    Error,
    /// Not without the comm key.
    Unauthorised,
    /// This firmware does not have that command.
    Unknown,
    /// A transfer follows.
    PrepareData,
    /// A piece of a transfer, or all of it.
    Data,
    /// Nobody asked: something happened.
    Event,
    /// Anything else.
    Other(u16),
}

impl Reply {
    /// From the number in the header.
    pub fn of(command: u16) -> Self {
        match command {
            ACK_OK => Self::Ok,
            2001 | 0xfffb | 0xfffc => Self::Error,
            2005 => Self::Unauthorised,
            0xffff | 0xfffd => Self::Unknown,
            1500 => Self::PrepareData,
            // 2002 is the acknowledgement that carries data of its own.
            1501 | 2002 => Self::Data,
            EVENT => Self::Event,
            other => Self::Other(other),
        }
    }
}
