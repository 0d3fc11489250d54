//! Verifying: walking the chain of readings and naming the first row that does not follow.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::chain::{Digest, Head, Link};
use super::error::JournalError;
use super::retention::Cut;

/// Columns of `reading` that the digest covers; the digest itself comes after them.
pub(super) const COVERED: usize = 20;
/// Rows per look, so that no read transaction holds the write-ahead log open for long.
const AT_ONCE: i64 = 4000;
/// Rows that are looked at before a large journal is opened.
const TAIL: i64 = 500;

/// What a walk found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How many readings were looked at.
    pub rows: u64,
    /// The first of them, if any.
    pub first: Option<i64>,
    /// The last row that follows from all before it.
    pub head_seq: i64,
    /// Its digest.
    pub head_digest: Digest,
    /// Rows that are missing and known to be: cut by retention, or lost in a salvage.
    pub cuts: Vec<Cut>,
    /// The first thing that is wrong.
    pub broken: Option<Broken>,
}

/// The first thing that is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// This row does not follow from the row before it: one of its columns was changed, or it was put in.
    Altered {
        /// The row.
        seq: i64,
    },
    /// Rows are gone, from … up to, not including ….
    Removed {
        /// The first that is gone.
        from: i64,
        /// The first that is there again.
        to: i64,
    },
    /// Rows at the end are gone: something refers to a later one.
    EndRemoved {
        /// The last that is there.
        last: i64,
        /// The last that was there.
        known: i64,
    },
    /// The head that was kept elsewhere is not in this chain.
    OtherHead {
        /// The row of that head.
        seq: i64,
    },
}

/// A head kept elsewhere, written `SEQ:DIGEST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead(pub Head);

impl std::str::FromStr for ChainHead {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (seq, digest) = text.split_once(':').ok_or("a head is written SEQ:DIGEST, as `punchd status` shows it")?;
        let seq = seq.parse().map_err(|_| format!("{seq:?} is no number of a reading"))?;
        Ok(Self(Head { seq, digest: digest.parse()? }))
    }
}

/// Walks a chain row by row; journal and export feed it alike.
pub(super) struct Walk {
    head: Head,
    /// Whether the digest before the first row is lost: a salvage may have lost the beginning of the chain.
    start_lost: bool,
    finding: Finding,
    kept: Option<Head>,
}

impl Walk {
    pub fn new(cuts: Vec<Cut>, kept: Option<ChainHead>) -> Self {
        // What retention removed lies before the first row; everything the salvage lost lies between rows.
        let begins = cuts.iter().find(|cut| cut.begins_the_chain());
        let start = begins.map_or(Head::EMPTY, Cut::head);
        let start_lost = begins.is_some_and(|cut| cut.digest.is_none());
        let finding =
            Finding { rows: 0, first: None, head_seq: start.seq, head_digest: start.digest, cuts, broken: None };
        Self { head: start, start_lost, finding, kept: kept.map(|head| head.0) }
    }

    /// Takes the next row: its number, what its columns digest to after a given digest, and its own digest. `false` at the first
    /// row that does not follow.
    pub fn step(&mut self, seq: i64, stored: Digest, digest_after: impl FnOnce(&Digest) -> Digest) -> bool {
        let mut expected = self.head;
        let mut lost_link = std::mem::take(&mut self.start_lost);
        if seq != expected.seq + 1 {
            let cut = self.finding.cuts.iter().find(|cut| cut.next_seq == seq && cut.seq == expected.seq);
            match cut {
                Some(cut) => (expected, lost_link) = (cut.head(), cut.digest.is_none()),
                None if seq > expected.seq => return self.fail(Broken::Removed { from: expected.seq + 1, to: seq }),
                None => return self.fail(Broken::Altered { seq }),
            }
        }
        if !lost_link && digest_after(&expected.digest) != stored {
            return self.fail(Broken::Altered { seq });
        }
        self.head = Head { seq, digest: stored };
        self.finding.rows += 1;
        self.finding.first.get_or_insert(seq);
        if self.kept.is_some_and(|kept| kept.seq == seq && kept.digest != stored) {
            return self.fail(Broken::OtherHead { seq });
        }
        true
    }

    fn fail(&mut self, broken: Broken) -> bool {
        self.finding.broken = Some(broken);
        false
    }

    pub fn last(&self) -> i64 {
        self.head.seq
    }

    pub fn finish(mut self, known_end: i64) -> Finding {
        self.finding.head_seq = self.head.seq;
        self.finding.head_digest = self.head.digest;
        if self.finding.broken.is_none() {
            let known = known_end.max(self.kept.map_or(0, |kept| kept.seq));
            if known > self.head.seq {
                self.finding.broken = Some(Broken::EndRemoved { last: self.head.seq, known });
            }
        }
        self.finding
    }
}

/// Walks the whole chain of a journal, in short looks. `kept` is a head that was kept elsewhere.
pub fn verify(connection: &Connection, kept: Option<ChainHead>) -> Result<Finding, JournalError> {
    let mut walk = Walk::new(Cut::all(connection)?, kept);
    loop {
        let mut rows = connection.prepare_cached("SELECT * FROM reading WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let mut rows = rows.query((walk.last(), AT_ONCE))?;
        let mut looked = 0;
        while let Some(row) = rows.next()? {
            looked += 1;
            let (seq, stored) = identity(row)?;
            if !walk.step(seq, stored, |previous| digest_of(row, previous)) {
                return Ok(walk.finish(0));
            }
        }
        if looked == 0 {
            break;
        }
    }
    let known: Option<i64> =
        connection.query_row("SELECT max(seq) FROM verdict", [], |row| row.get(0)).optional()?.flatten();
    Ok(walk.finish(known.unwrap_or(0)))
}

/// Looks at the last rows only: enough to see a file whose end is torn, in a time that does not grow with it.
pub(super) fn tail(connection: &Connection) -> Result<(), JournalError> {
    let cuts = Cut::all(connection)?;
    let mut rows =
        connection.prepare("SELECT * FROM (SELECT * FROM reading ORDER BY seq DESC LIMIT ?1) ORDER BY seq")?;
    let mut rows = rows.query([TAIL])?;
    let mut before: Option<Head> = None;
    while let Some(row) = rows.next()? {
        let (seq, stored) = identity(row)?;
        if let Some(before) = before
            && seq == before.seq + 1
            && digest_of(row, &before.digest) != stored
            && !cuts.iter().any(|cut| cut.next_seq == seq)
        {
            // Altered, not torn: SQLite itself finds the page whole. `verify` names it; the agent shows it and goes on.
            tracing::error!(seq, "a reading near the end of the journal was altered: run `punchd verify`");
        }
        before = Some(Head { seq, digest: stored });
    }
    Ok(())
}

fn identity(row: &Row<'_>) -> Result<(i64, Digest), JournalError> {
    let seq = row.get(0)?;
    let stored = row.get_ref(COVERED)?.as_blob().ok().and_then(Digest::from_bytes);
    Ok((seq, stored.unwrap_or(Digest::START)))
}

fn digest_of(row: &Row<'_>, previous: &Digest) -> Digest {
    let mut link = Link::after(previous);
    for column in 0..COVERED {
        if let Ok(value) = row.get_ref(column) {
            link.cover(value);
        }
    }
    link.close()
}
