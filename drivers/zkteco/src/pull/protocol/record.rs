//! Attendance records: what stands in them (facts/terminals.md A.10). Which of the layouts a log has, [`layout`](super::layout)
//! finds out.

use super::bytes::{field, u8_at, u16_at, u32_at, until_nul};
use super::time::RawTime;

/// How many bytes a record of this terminal has, and so how it is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordSize(usize);

/// What names the person in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordId<'a> {
    /// The terminal's own row number, in records of 8 bytes and in longer ones whose user id is empty: only the user list of
    /// that moment knows who that is.
    Row(u16),
    /// A numeric user id, in records of 16 bytes.
    Number(u32),
    /// A user id as text, in records of 40 bytes and more.
    Text(&'a [u8]),
}

/// One record, borrowed from the log's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Who.
    pub id: RecordId<'a>,
    /// When.
    pub time: RawTime,
    /// How the person proved who they are.
    pub verify: u8,
    /// In or out.
    pub state: u8,
    /// All its bytes, the tail that nobody knows included.
    pub raw: &'a [u8],
}

/// The largest record that we take for one: 40 known bytes and a tail.
pub(super) const LARGEST: usize = 512;
/// Where the known 40 bytes end.
pub(super) const TAIL: usize = 40;

impl RecordSize {
    /// 8, 16, or 40 and more bytes.
    pub fn new(bytes: usize) -> Option<Self> {
        (bytes == 8 || bytes == 16 || (TAIL..=LARGEST).contains(&bytes)).then_some(Self(bytes))
    }

    /// The number.
    pub fn bytes(self) -> usize {
        self.0
    }

    /// Reads one record of this size.
    pub fn decode<'a>(self, record: &'a [u8]) -> Option<Record<'a>> {
        let raw = record.get(..self.0)?;
        let time = |at| u32_at(raw, at).map(RawTime);
        Some(match self.0 {
            8 => {
                let flags = u8_at(raw, 2)?;
                Record {
                    id: RecordId::Row(u16_at(raw, 0)?),
                    time: time(4)?,
                    verify: flags & 0x0f,
                    state: flags >> 4,
                    raw,
                }
            }
            16 => Record {
                id: RecordId::Number(u32_at(raw, 0)?),
                time: time(4)?,
                verify: u8_at(raw, 8)?,
                state: u8_at(raw, 9)?,
                raw,
            },
            _ => Record {
                id: match (until_nul(raw.get(2..26)?), u16_at(raw, 0)?) {
                    // Some firmware leaves the user id empty and names the row alone (pyzk pull request #247).
                    (b"", row) if row != 0 => RecordId::Row(row),
                    (text, _) => RecordId::Text(text),
                },
                time: time(27)?,
                verify: u8_at(raw, 26)?,
                state: u8_at(raw, 31)?,
                raw,
            },
        })
    }

    /// Writes a record as a terminal does. `uid` is the person's row. A record of 8 bytes has four bits for each of the codes.
    pub fn encode(self, uid: u16, id: RecordId<'_>, time: RawTime, verify: u8, state: u8) -> Vec<u8> {
        let (uid, time) = (uid.to_le_bytes(), time.0.to_le_bytes());
        let mut record = match (self.0, id) {
            (8, _) => [&uid[..], &[(verify & 0x0f) | (state << 4), 0], &time].concat(),
            (16, id) => {
                let number = match id {
                    RecordId::Row(row) => row.into(),
                    RecordId::Number(number) => number,
                    RecordId::Text(text) => std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(0),
                };
                [&number.to_le_bytes()[..], &time, &[verify, state]].concat()
            }
            (_, id) => {
                let text = match id {
                    RecordId::Text(text) => field::<24>(text),
                    RecordId::Number(number) => field::<24>(number.to_string().as_bytes()),
                    RecordId::Row(_) => [0; 24],
                };
                [&uid[..], &text, &[verify], &time, &[state], &[0, 0, 0, 0, 0xff]].concat()
            }
        };
        record.resize(self.0, 0);
        record
    }
}

/// Reads all records of a log of this size at once.
pub fn parse_log(body: &[u8], size: RecordSize) -> Vec<Record<'_>> {
    body.chunks_exact(size.0).filter_map(|record| size.decode(record)).collect()
}
