//! Large transfers: how they are opened, and when they are complete (facts/terminals.md A.7).

use super::bytes::u32_at;

/// What can be read in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// The user list.
    Users,
    /// The attendance log.
    Punches,
}

impl Table {
    /// The plain command that reads it, also its number inside the buffered one.
    pub fn command(self) -> u16 {
        match self {
            Self::Users => 9,
            Self::Punches => 13,
        }
    }

    fn fct(self) -> u32 {
        match self {
            Self::Users => 5,
            Self::Punches => 0,
        }
    }

    /// The 11 bytes of the buffered open.
    pub fn open_body(self) -> [u8; 11] {
        let [c0, c1] = self.command().to_le_bytes();
        let [f0, f1, f2, f3] = self.fct().to_le_bytes();
        [1, c0, c1, f0, f1, f2, f3, 0, 0, 0, 0]
    }

    /// What the plain command carries: the kind of data for users, nothing for the log.
    pub fn plain_body(self) -> &'static [u8] {
        match self {
            Self::Users => &[5],
            Self::Punches => &[],
        }
    }
}

/// No log of a terminal is near this; a larger size is a defect on the other side.
pub const LARGEST: u32 = 64 * 1024 * 1024;
/// The largest slice that clients ask for over TCP.
pub const TCP_SLICE: u32 = 0xffc0;
/// The largest slice over UDP.
pub const UDP_SLICE: u32 = 16 * 1024;

/// Why a transfer is not taken. None of it is used then: a log is taken whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    /// The terminal announced more than any terminal holds.
    #[error("a transfer of {0} bytes was announced")]
    TooLarge(u32),
    /// The announcement cannot be read.
    #[error("the announcement of a transfer cannot be read")]
    Announcement,
    /// The blocks do not add up.
    #[error("{received} of {announced} bytes arrived")]
    Incomplete {
        /// What was announced.
        announced: u32,
        /// What arrived.
        received: usize,
    },
    /// The leading length says something else.
    #[error("the table says that it has {inside} bytes, and has {received}")]
    Length {
        /// What the first four bytes say.
        inside: u32,
        /// What follows them.
        received: usize,
    },
    /// The terminal ended the transfer with a refusal.
    #[error("the terminal broke the transfer off")]
    BrokenOff,
}

/// The size of a large table, from the answer to the buffered open: it stands behind the first byte.
pub fn announced(data: &[u8]) -> Result<u32, BulkError> {
    let size = u32_at(data, 1).ok_or(BulkError::Announcement)?;
    if size > LARGEST { Err(BulkError::TooLarge(size)) } else { Ok(size) }
}

/// The slices of a table of this size.
pub fn slices(size: u32, slice: u32) -> impl Iterator<Item = (u32, u32)> {
    let slice = slice.max(1);
    (0..size.div_ceil(slice)).map(move |n| (n * slice, slice.min(size - n * slice)))
}

/// What is inside a complete table: its leading length must be the number of bytes that follow.
pub fn contents(mut table: Vec<u8>) -> Result<Vec<u8>, BulkError> {
    if table.is_empty() {
        return Ok(table);
    }
    let Some(inside) = u32_at(&table, 0) else {
        return Err(BulkError::Incomplete { announced: 4, received: table.len() });
    };
    let body = table.split_off(4);
    if usize::try_from(inside) != Ok(body.len()) {
        return Err(BulkError::Length { inside, received: body.len() });
    }
    Ok(body)
}
