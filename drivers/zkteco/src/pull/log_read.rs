//! A whole log, turned into batches: what is new in it, each record with its place among identical ones.

use std::collections::HashSet;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use punchd_contract::{MAX_BATCH, Occurrences, Placed, Reading, Written, place};

use super::protocol::digest::Digest;
use super::protocol::layout::{Known, LayoutError, Log};
use super::protocol::record::{Record, RecordId, RecordSize};
use super::protocol::time::RawTime;
use super::reading::{content_of_record, of_record};
use super::rows::RowLists;
use super::standing::{Last, Standing};

/// How a log goes on from the one that was read before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    /// It begins with the same records.
    Continued,
    /// Nothing was read before.
    First,
    /// It begins otherwise, and has at least as many records: the oldest were overwritten.
    Overwritten,
    /// It has fewer records: somebody deleted some.
    Shrunk,
}

/// So many rows, each one more than the last, are no coincidence.
const COUNTING: usize = 8;

/// A log that is being submitted. Batches are made one at a time, so that a long log is never in memory twice.
#[derive(Debug)]
pub struct LogRead<'a> {
    serial: &'a str,
    body: &'a [u8],
    size: Option<RecordSize>,
    rest: &'a [u8],
    occurrences: Occurrences,
    continuation: Continuation,
    /// Of all its records, in its order.
    placed: Vec<Placed>,
    /// The youngest one that is in order.
    last: Option<Last>,
}

type Likeness<'a> = (RecordId<'a>, RawTime, u8, u8);

fn likeness<'a>(record: &Record<'a>) -> Likeness<'a> {
    (record.id, record.time, record.verify, record.state)
}

fn records(size: Option<RecordSize>, bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let chunk = size.map_or(usize::MAX, RecordSize::bytes);
    bytes.chunks_exact(chunk).filter_map(move |record| size.and_then(|size| size.decode(record)))
}

fn last_in_order(size: Option<RecordSize>, body: &[u8], placed: &[Placed]) -> Option<Last> {
    let size = size?;
    let young = body.rchunks_exact(size.bytes()).filter_map(|raw| size.decode(raw)).zip(placed.iter().rev());
    let mut in_order = young.filter(|(_, placed)| placed.doubt.is_none());
    in_order.find_map(|(record, placed)| {
        Some(Last { civil: record.time.civil()?, offset_s: placed.offset.map(|offset| offset.seconds()) })
    })
}

impl<'a> LogRead<'a> {
    /// Looks where this log goes on from what was submitted before; `again` submits all of it in any case. `clock` is what the
    /// terminal's clock showed.
    pub fn new(
        serial: &'a str,
        body: &'a [u8],
        log: Option<&Log<'_>>,
        standing: &Standing,
        again: bool,
        (zone, clock): (&TimeZone, Option<DateTime>),
    ) -> Self {
        let size = log.map(Log::size);
        let before = size.map_or(0, |size| standing.submitted_before(body, size.bytes()));
        let (old, rest) = body.split_at_checked(before).unwrap_or((&[], body));
        let count = size.map_or(0, |size| (body.len() / size.bytes()) as u64);
        let continuation = match (standing.records, before) {
            (0, _) => Continuation::First,
            (_, 1..) => Continuation::Continued,
            (records, 0) if count < records => Continuation::Shrunk,
            (_, 0) => Continuation::Overwritten,
        };
        let written = records(size, body).map(|record| Written { civil: record.time.civil(), offset: None });
        let placed = place(&written.collect::<Vec<_>>(), zone, clock);
        let last = last_in_order(size, body, &placed);
        let mut read = Self { serial, body, size, rest, occurrences: Occurrences::new(), continuation, placed, last };
        if again || old.is_empty() {
            read.rest = body;
            return read;
        }
        // Of the records that are not submitted again, only those count that a new one is like.
        let new: HashSet<Likeness<'_>> = records(size, rest).map(|record| likeness(&record)).collect();
        if !new.is_empty() {
            for record in records(size, old).filter(|record| new.contains(&likeness(record))) {
                read.occurrences.key(content_of_record(serial, &record));
            }
        }
        read
    }

    /// How it goes on from the one before.
    pub fn continuation(&self) -> Continuation {
        self.continuation
    }

    /// How many records it has in all.
    pub fn count(&self) -> u64 {
        self.size.map_or(0, |size| (self.body.len() / size.bytes()) as u64)
    }

    /// How many of its records lie in these days.
    pub fn count_between(&self, from: Date, to: Date) -> usize {
        let day = |record: &Record<'_>| record.time.civil().map(|at| at.date());
        records(self.size, self.body).filter_map(|record| day(&record)).filter(|day| (from..=to).contains(day)).count()
    }

    /// Whether some of its records name only a row.
    pub fn names_rows(&self) -> bool {
        records(self.size, self.body).any(|record| matches!(record.id, RecordId::Row(_)))
    }

    /// Whether what stands where the row should be counts the records instead, as some firmware does where it names the user id too
    /// (jmrashed/zkteco #7): then it is nobody's row.
    pub fn rows_count_records(&self) -> bool {
        let rows: Vec<u16> = records(self.size.filter(|size| size.bytes() > 8), self.body)
            .filter_map(|record| if let RecordId::Row(row) = record.id { Some(row) } else { None })
            .collect();
        let next = rows.windows(2).filter(|two| matches!(two, [a, b] if a.checked_add(1) == Some(*b))).count();
        rows.len() >= COUNTING && next * 10 >= (rows.len() - 1) * 9
    }

    /// The next readings to submit; an empty list when all were given.
    pub fn next_readings(&mut self, rows: &RowLists<'_>) -> Vec<Reading> {
        let first = (self.body.len() - self.rest.len()) / self.size.map_or(1, RecordSize::bytes);
        let most = self.size.map_or(0, |size| size.bytes() * MAX_BATCH).min(self.rest.len());
        let Some((now, later)) = self.rest.split_at_checked(most) else { return Vec::new() };
        self.rest = later;
        let mut readings = Vec::with_capacity(MAX_BATCH);
        for (at, record) in (first..).zip(records(self.size, now)) {
            let key = self.occurrences.key(content_of_record(self.serial, &record));
            let placed = self.placed.get_mut(at).map(std::mem::take).unwrap_or_default();
            readings.push(of_record(&record, key, rows, placed));
        }
        readings
    }

    /// Whether everything was given.
    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Where we stand once all of it is committed.
    pub fn standing_after(&self, before: &Standing) -> Standing {
        Standing {
            records: self.count(),
            record_size: self.size.map_or(0, RecordSize::bytes),
            digest: Digest::of(self.body).hex(),
            last: self.last.or(before.last),
            names_rows: self.names_rows(),
            ..before.clone()
        }
    }
}

/// All readings of the log of a terminal whose user list is not known, as the driver submits them when it meets the terminal for
/// the first time. `body` is what follows the leading length.
pub fn readings_of_log(serial: &str, body: &[u8], claimed: Option<u32>) -> Result<Vec<Reading>, LayoutError> {
    let log = Log::open(body, &Known { claimed, ..Known::default() })?;
    let order = (&TimeZone::UTC, None);
    let mut read = LogRead::new(serial, body, log.as_ref(), &Standing::default(), false, order);
    let rows = RowLists::default();
    let mut all = Vec::with_capacity(log.map_or(0, |log| log.count()));
    while !read.is_done() {
        let readings = read.next_readings(&rows);
        if readings.is_empty() {
            break;
        }
        all.extend(readings);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn log_of(rows: &[(&str, i8)]) -> Vec<u8> {
        let size = RecordSize::new(40).unwrap();
        let at = |day| RawTime::from_civil(date(2026, 11, day).at(8, 0, 0, 0)).unwrap();
        rows.iter().flat_map(|(id, day)| size.encode(1, RecordId::Text(id.as_bytes()), at(*day), 1, 0)).collect()
    }

    fn read<'a>(body: &'a [u8], standing: &Standing, again: bool) -> LogRead<'a> {
        let log = Log::open(body, &Known::default()).unwrap();
        LogRead::new("SN", body, log.as_ref(), standing, again, (&TimeZone::UTC, None))
    }

    fn keys(read: &mut LogRead<'_>) -> Vec<(String, u32)> {
        let mut keys = Vec::new();
        while !read.is_done() {
            let readings = read.next_readings(&RowLists::default());
            keys.extend(
                readings.iter().filter_map(|r| r.key.as_ref()).map(|k| (k.content().to_owned(), k.occurrence())),
            );
        }
        keys
    }

    #[test]
    fn only_what_was_added_is_submitted_and_counted_among_what_was_there() {
        let before = log_of(&[("7", 1), ("8", 1), ("7", 1)]);
        let standing = read(&before, &Standing::default(), false).standing_after(&Standing::default());
        let after = log_of(&[("7", 1), ("8", 1), ("7", 1), ("7", 1), ("9", 2)]);
        let mut continued = read(&after, &standing, false);
        assert_eq!(continued.continuation(), Continuation::Continued);
        let expected = [("SN 7 2026-11-01T08:00:00 0 1".to_owned(), 3), ("SN 9 2026-11-02T08:00:00 0 1".to_owned(), 1)];
        assert_eq!(keys(&mut continued), expected);
        let mut whole = read(&after, &standing, true);
        assert_eq!(keys(&mut whole)[3..], expected, "a whole read counts the same");
    }

    #[test]
    fn a_log_that_begins_otherwise_is_submitted_whole() {
        let before = log_of(&[("7", 1), ("8", 1), ("7", 2)]);
        let standing = read(&before, &Standing::default(), false).standing_after(&Standing::default());
        let wrapped = log_of(&[("8", 1), ("7", 2), ("9", 3)]);
        let mut read_again = read(&wrapped, &standing, false);
        assert_eq!(read_again.continuation(), Continuation::Overwritten);
        assert_eq!(keys(&mut read_again).len(), 3);
        let shorter = log_of(&[("9", 3)]);
        assert_eq!(read(&shorter, &standing, false).continuation(), Continuation::Shrunk);
        assert_eq!(read(&[], &standing, false).continuation(), Continuation::Shrunk);
    }

    #[test]
    fn a_period_is_counted_with_both_its_days() {
        let log = log_of(&[("7", 1), ("7", 2), ("8", 3), ("8", 4)]);
        assert_eq!(read(&log, &Standing::default(), true).count_between(date(2026, 11, 2), date(2026, 11, 3)), 2);
    }
}
