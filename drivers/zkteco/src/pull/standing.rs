//! Where we stand with a terminal: the cursor, as it is committed with the readings.

use std::net::SocketAddr;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use punchd_contract::{Cursor, SerialNumber, Written};
use serde::{Deserialize, Serialize};

use super::protocol::digest::Digest;
use super::rows::RowHolders;
use super::transport::Wire;

/// What is kept of a terminal between two runs. Losing it costs a read of the whole log, nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Who it is.
    pub serial: Option<SerialNumber>,
    /// Where the configuration says it is, which is all that tells it from another where there is no serial number.
    pub place: String,
    /// With what the keys of its records begin. Chosen once: a record must get the same key whenever it is read.
    pub keys: Option<String>,
    /// Over what it answered last.
    pub wire: Option<Wire>,
    /// Where it was found, if that is not where the configuration says.
    pub moved: Option<Moved>,
    /// How many records of its log were submitted.
    pub records: u64,
    /// How many bytes each of them has.
    pub record_size: usize,
    /// The digest of their bytes.
    pub digest: String,
    /// The counts (claimed, read) that an alert has told already.
    pub counts_told: Option<(u64, u64)>,
    /// The youngest record that was in order: what comes live is placed behind it.
    pub last: Option<Last>,
    /// Whether records of this terminal name only a row.
    pub names_rows: bool,
    /// Who had which row before the log was read the last time.
    pub rows: Option<RowHolders>,
    /// Whether it has told a punch as it happened, or its count has moved with its log: then its silence means that nothing happened.
    pub speaks: bool,
    /// When a body that is not understood was kept, in seconds since 1970.
    pub unread_kept_s: Option<i64>,
}

/// A record that was in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// Its date.
    pub civil: DateTime,
    /// How far the clock was ahead of UTC then, in seconds, where that is known.
    pub offset_s: Option<i32>,
}

/// A terminal that has changed its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// What the configuration said; once it says something else, this no longer holds.
    pub from: String,
    /// Where it was found.
    pub to: SocketAddr,
}

impl Last {
    /// As a neighbour in the terminal's order.
    pub fn written(self) -> Written {
        let offset = self.offset_s.and_then(|seconds| Offset::from_seconds(seconds).ok());
        Written { civil: Some(self.civil), offset }
    }
}

impl Standing {
    /// From the cursor; one that cannot be read is as good as none.
    pub fn of(cursor: Option<&Cursor>) -> Self {
        cursor.and_then(|cursor| serde_json::from_str(&cursor.0).ok()).unwrap_or_default()
    }

    /// As a cursor.
    pub fn cursor(&self) -> Cursor {
        // Plain data with text keys always serialises.
        Cursor(serde_json::to_string(self).unwrap_or_default())
    }

    /// How many bytes at the start of this log were submitted before: all or none, as its beginning is the same or not.
    pub fn submitted_before(&self, body: &[u8], record_size: usize) -> usize {
        let bytes = usize::try_from(self.records).ok().and_then(|records| records.checked_mul(record_size));
        match bytes.and_then(|bytes| body.get(..bytes)) {
            Some(start) if self.record_size == record_size && Digest::of(start).hex() == self.digest => start.len(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_cannot_be_read_means_a_fresh_start() {
        assert_eq!(Standing::of(Some(&Cursor("{\"records\":\"x\"}".into()))), Standing::default());
        let standing = Standing { records: 7, digest: "ab".into(), ..Standing::default() };
        assert_eq!(Standing::of(Some(&standing.cursor())), standing);
    }

    #[test]
    fn only_a_log_with_the_same_beginning_is_continued() {
        let log: Vec<u8> = (0..80).collect();
        let standing =
            Standing { records: 1, record_size: 40, digest: Digest::of(&log[..40]).hex(), ..Standing::default() };
        assert_eq!(standing.submitted_before(&log, 40), 40);
        assert_eq!(standing.submitted_before(&log[..40], 40), 40);
        assert_eq!(standing.submitted_before(&log[..39], 40), 0);
        assert_eq!(standing.submitted_before(&log[1..], 40), 0);
        assert_eq!(standing.submitted_before(&log, 8), 0);
    }
}
