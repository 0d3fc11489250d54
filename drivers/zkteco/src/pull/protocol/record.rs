//! Attendance records: their size, and what stands in them (facts/terminals.md A.10).

use super::bytes::{field, looks_like_id, u8_at, u16_at, u32_at, until_nul};
use super::time::RawTime;

/// How many bytes a record of this terminal has, and so how it is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordSize(usize);

/// What names the person in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordId<'a> {
    /// The terminal's internal index, in records of 8 bytes: only the user list knows who that is.
    Index(u16),
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

/// Why the size of the records cannot be told; the whole read is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// No size that makes sense divides the log.
    #[error("{bytes} bytes for {claimed} records fit no known record size")]
    Unknown {
        /// Bytes of records.
        bytes: usize,
        /// How many records the terminal says it has.
        claimed: u32,
    },
    /// Several sizes make sense.
    #[error("{bytes} bytes for {claimed} records could be records of {one} or of {other} bytes")]
    Ambiguous {
        /// Bytes of records.
        bytes: usize,
        /// How many records the terminal says it has.
        claimed: u32,
        /// A size that would fit.
        one: usize,
        /// Another.
        other: usize,
    },
}

/// The largest record that we take for one: 40 known bytes and a tail.
const LARGEST: usize = 512;
/// Where the known 40 bytes end.
const TAIL: usize = 40;

impl RecordSize {
    /// 8, 16, or 40 and more bytes.
    pub fn new(bytes: usize) -> Option<Self> {
        (bytes == 8 || bytes == 16 || (TAIL..=LARGEST).contains(&bytes)).then_some(Self(bytes))
    }

    /// The number.
    pub fn bytes(self) -> usize {
        self.0
    }

    /// The size of the records in this log. The contents decide; the terminal's own count helps where they leave a choice.
    ///
    /// `claimed` is the count of A.6, if it was the same before and after the read; some firmware counts wrongly, and a
    /// punch between counting and reading makes 11 records of 40 bytes look like 10 of 44.
    pub fn of(body: &[u8], claimed: Option<u32>) -> Result<Self, SizeError> {
        let bytes = body.len();
        let by_count = claimed
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0 && bytes.is_multiple_of(*count))
            .and_then(|count| Self::new(bytes / count));
        let mut sensible: Vec<Self> = Vec::new();
        for size in [8, 16].into_iter().chain(TAIL..=LARGEST).filter_map(Self::new) {
            // Every second record of 40 bytes is no record of 80.
            let several = sensible.iter().any(|found| found.0 >= TAIL && size.0.is_multiple_of(found.0));
            if bytes.is_multiple_of(size.0) && !several && size.sensible(body) {
                sensible.push(size);
            }
        }
        let claimed = claimed.unwrap_or(0);
        match (sensible.as_slice(), by_count) {
            (found, Some(size)) if found.contains(&size) => Ok(size),
            ([size], _) => Ok(*size),
            // Nothing makes sense as a whole, as in a log of dates that do not exist: the count alone decides, but only
            // for a layout that is known to exist.
            ([], Some(size)) if matches!(size.0, 8 | 16 | 40 | 49) => Ok(size),
            ([], _) => Err(SizeError::Unknown { bytes, claimed }),
            ([one, other, ..], _) => Err(SizeError::Ambiguous { bytes, claimed, one: one.0, other: other.0 }),
        }
    }

    /// Whether nine of ten records of a sample are such as a terminal writes.
    fn sensible(self, body: &[u8]) -> bool {
        let count = body.len() / self.0;
        let step = (count / 512).max(1);
        let sample = body.chunks_exact(self.0).step_by(step);
        let of = sample.len();
        of > 0 && sample.filter(|record| self.sensible_one(record)).count() * 10 >= of * 9
    }

    fn sensible_one(self, record: &[u8]) -> bool {
        let Some(read) = self.decode(record) else { return false };
        let who = match read.id {
            RecordId::Index(uid) => uid != 0,
            RecordId::Number(id) => id != 0 && record.get(10..12) == Some(&[0, 0]),
            RecordId::Text(_) => record.get(2..26).is_some_and(looks_like_id),
        };
        // Read with a wrong size, small numbers become dates of the year 2000.
        who && read.time.civil().is_some_and(|at| at.year() >= 2005)
    }

    /// Reads one record of this size.
    pub fn decode<'a>(self, record: &'a [u8]) -> Option<Record<'a>> {
        let raw = record.get(..self.0)?;
        let time = |at| u32_at(raw, at).map(RawTime);
        Some(match self.0 {
            8 => Record {
                id: RecordId::Index(u16_at(raw, 0)?),
                time: time(3)?,
                verify: u8_at(raw, 2)?,
                state: u8_at(raw, 7)?,
                raw,
            },
            16 => Record {
                id: RecordId::Number(u32_at(raw, 0)?),
                time: time(4)?,
                verify: u8_at(raw, 8)?,
                state: u8_at(raw, 9)?,
                raw,
            },
            _ => Record {
                id: RecordId::Text(until_nul(raw.get(2..26)?)),
                time: time(27)?,
                verify: u8_at(raw, 26)?,
                state: u8_at(raw, 31)?,
                raw,
            },
        })
    }

    /// Writes a record as a terminal does. `uid` is the internal index of the person.
    pub fn encode(self, uid: u16, id: RecordId<'_>, time: RawTime, verify: u8, state: u8) -> Vec<u8> {
        let (uid, time) = (uid.to_le_bytes(), time.0.to_le_bytes());
        let mut record = match (self.0, id) {
            (8, _) => [&uid[..], &[verify], &time, &[state]].concat(),
            (16, id) => {
                let number = match id {
                    RecordId::Index(uid) => uid.into(),
                    RecordId::Number(number) => number,
                    RecordId::Text(text) => std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(0),
                };
                [&number.to_le_bytes()[..], &time, &[verify, state]].concat()
            }
            (_, id) => {
                let text = match id {
                    RecordId::Text(text) => field::<24>(text),
                    RecordId::Number(number) => field::<24>(number.to_string().as_bytes()),
                    RecordId::Index(uid) => field::<24>(uid.to_string().as_bytes()),
                };
                [&uid[..], &text, &[verify], &time, &[state], &[0, 0, 0, 0, 0xff]].concat()
            }
        };
        record.resize(self.0, 0);
        record
    }
}

/// A log whose record size is known.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    body: &'a [u8],
    size: RecordSize,
}

impl<'a> Log<'a> {
    /// Tells the size of the records and so their number. `body` is what follows the leading length.
    pub fn open(body: &'a [u8], claimed: Option<u32>) -> Result<Option<Self>, SizeError> {
        if body.is_empty() {
            return Ok(None);
        }
        let size = RecordSize::of(body, claimed)?;
        Ok(Some(Self { body, size }))
    }

    /// The size of its records.
    pub fn size(&self) -> RecordSize {
        self.size
    }

    /// How many records it has.
    pub fn count(&self) -> usize {
        self.body.len() / self.size.0
    }

    /// The records in the terminal's order; nothing is allocated for them.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'a>> + use<'a> {
        let size = self.size;
        let body = self.body;
        let empty = Record { id: RecordId::Text(&[]), time: RawTime(0), verify: 0, state: 0, raw: &[] };
        // Every chunk has the size, so that each decodes.
        body.chunks_exact(size.0).map(move |record| size.decode(record).unwrap_or(empty))
    }
}

/// Reads all records of a log of this size at once.
pub fn parse_log(body: &[u8], size: RecordSize) -> Vec<Record<'_>> {
    body.chunks_exact(size.0).filter_map(|record| size.decode(record)).collect()
}
