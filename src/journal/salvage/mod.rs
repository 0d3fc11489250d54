//! Salvage: what can be read of a damaged journal goes into a new one; the damaged file stays beside it, untouched.
//!
//! The new file is built under another name and takes the place of the damaged one in one step ([`exchange`]), so that a salvage
//! that is killed or runs out of disk loses nothing. What is owed afterwards (verdicts, deliveries) stands in the new file
//! itself ([`CONCLUSIONS_OWED`]) until it is made.
//!
//! Rows keep their numbers and digests. Where rows of the chain could not be read, a cut is written down, so that `verify`
//! tells them as lost instead of as tampering. Cursors are dropped, so that terminals are read again from the beginning; what
//! comes back is known by its key. Because deliveries may be lost with the rest, the new journal notes the moment of its
//! salvage: punches from before it are in doubt until they were read back ([`DOUBT_BEFORE`]).

mod exchange;
mod rows;

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use self::exchange::Exchange;
use self::rows::copy_table;

use super::chain::Digest;
use super::error::JournalError;
use super::open::{Options, Salvaged};
use super::retention::Cut;
use crate::clock::Stamp;

/// The key in `meta`: punches of before this time (seconds of true time) start *in doubt*.
pub(crate) const DOUBT_BEFORE: &str = "doubt_before_s";
/// Its value while the time is not known.
pub(crate) const DOUBT_UNTIL_KNOWN: i64 = i64::MAX;
/// The key in `meta` that stands until every reading that a salvage kept has its verdict again and every punch its delivery: a start
/// that finds it makes them.
pub(crate) const CONCLUSIONS_OWED: &str = "conclusions_owed";

/// Tables in an order in which references point backwards.
const TABLES: &[&str] = &[
    "meta",
    "boot",
    "anchor",
    "clock_step",
    "organisation",
    "device",
    "device_organisation",
    "destination",
    "person",
    "credential",
    "person_said",
    "credential_said",
    "correction",
    "finger_module",
    "enrolment",
    "finger",
    "upload",
    "contact",
    "terminal_user",
    "stranger",
    "alert",
    "health",
    "reading",
    "record_key",
    "cut",
    "verdict",
    "decision",
    "delivery",
    "shown",
    "delivery_decision",
];

/// Builds a new journal from what can be read of the damaged one, and puts it in its place. Cut off at any instruction, it is begun
/// again or finished by the next start, and until it is finished the damaged file is where it was.
pub(super) fn salvage(options: &Options, why: &str, now: &Stamp) -> Result<Salvaged, JournalError> {
    let exchange = Exchange::of(options);
    exchange.begin()?;
    let old = exchange.keep_the_damaged(now)?;
    let mut fresh = exchange.open_fresh()?;
    let (kept, missing) = copy(&exchange, &old, &mut fresh, now, why)?;
    exchange.complete(fresh)?;
    exchange.finish()?;
    Ok(Salvaged { why: why.to_owned(), old, kept, missing })
}

/// Finishes an exchange that was cut off after its new file was complete. Answers whether there was one.
pub(super) fn finish_exchange(options: &Options) -> Result<bool, JournalError> {
    let exchange = Exchange::of(options);
    let complete = exchange.is_complete();
    if complete {
        tracing::warn!("a salvage was cut off when its new file was complete: putting it in its place");
        exchange.finish()?;
    }
    Ok(complete)
}

fn copy(
    exchange: &Exchange,
    old: &Path,
    fresh: &mut Connection,
    now: &Stamp,
    why: &str,
) -> Result<(u64, Vec<Cut>), JournalError> {
    let source = open_damaged(&exchange.working_copy()?, fresh)?;
    let transaction = fresh.transaction()?;
    transaction.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    if let Some(source) = &source {
        for table in TABLES {
            let copied = copy_table(source, &transaction, table)?;
            tracing::info!(table, rows = copied, "salvaged");
        }
    }
    fill_references(&transaction)?;
    transaction.execute_batch("UPDATE device SET cursor = NULL")?;
    restore_keys(&transaction)?;
    let missing = mark_gaps(&transaction, now)?;
    let note = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
    transaction.execute(note, (DOUBT_BEFORE, super::marker::doubt_before_s(now).to_string()))?;
    transaction.execute(note, (CONCLUSIONS_OWED, "1"))?;
    transaction.execute(
        "INSERT INTO alert (kind, en, zh, wall_ms) VALUES ('other', ?1, ?2, ?3)",
        (
            format!("The journal was damaged ({why}). What could be read was salvaged; the old file is kept at {}. Check the card or disk.", old.display()),
            format!("日志文件损坏（{why}）。能读取的内容已转存到新文件，旧文件保留在 {}。请检查存储卡或磁盘。", old.display()),
            now.wall.0,
        ),
    )?;
    let kept: i64 = transaction.query_row("SELECT count(*) FROM reading", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok((kept.unsigned_abs(), missing))
}

/// Opens the working copy; if its first page is unreadable, with the first page of the fresh journal in its place: the schema
/// is made by the same statements, so tables begin on the same pages.
fn open_damaged(work: &Path, fresh: &Connection) -> Result<Option<Connection>, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(work, flags)?;
        connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'reading'", [], |row| row.get::<_, i64>(0))
            .and_then(|found| if found == 1 { Ok(connection) } else { Err(rusqlite::Error::QueryReturnedNoRows) })
    };
    if let Ok(connection) = open() {
        return Ok(Some(connection));
    }
    let Some(fresh_path) = fresh.path().map(PathBuf::from) else { return Ok(None) };
    if let Err(error) = overlay_schema(&fresh_path, work) {
        tracing::error!(%error, "the damaged file cannot be opened even with a new first page");
        return Ok(None);
    }
    Ok(open().ok())
}

/// Copies the pages of a journal without rows over the beginning of the damaged file, as far as they hold the schema.
fn overlay_schema(fresh: &Path, work: &Path) -> std::io::Result<()> {
    let schema_pages = Connection::open(fresh)
        .and_then(|fresh| {
            fresh.query_row("SELECT min(rootpage) - 1 FROM sqlite_schema WHERE rootpage > 1", [], |row| {
                row.get::<_, i64>(0)
            })
        })
        .unwrap_or(1)
        .clamp(1, 64);
    let mut page = vec![0; schema_pages as usize * 4096];
    fs::File::open(fresh)?.read_exact(&mut page)?;
    // The size in pages and the change counters are left to SQLite, which takes the file's own size when they disagree.
    let mut file = fs::OpenOptions::new().read(true).write(true).open(work)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&page)?;
    file.sync_all()
}

/// Rows whose parents are lost get parents that say so: a reading is worth more than the name of its device.
fn fill_references(fresh: &Connection) -> Result<(), JournalError> {
    fresh.execute_batch(
        "INSERT OR IGNORE INTO boot (boot, kernel_id, first_boottime_ns, first_wall_ms)
           SELECT DISTINCT boot, 'lost-' || boot, 0, 0 FROM reading WHERE boot NOT IN (SELECT boot FROM boot);
         INSERT OR IGNORE INTO boot (boot, kernel_id, first_boottime_ns, first_wall_ms)
           SELECT DISTINCT boot, 'lost-' || boot, 0, 0 FROM contact WHERE boot NOT IN (SELECT boot FROM boot);
         DELETE FROM anchor WHERE boot NOT IN (SELECT boot FROM boot);
         DELETE FROM clock_step WHERE boot NOT IN (SELECT boot FROM boot);
         INSERT OR IGNORE INTO device (device, name, kind, settings, active)
           SELECT DISTINCT device, 'lost-' || device, 'unknown', '{}', 0 FROM reading WHERE device NOT IN (SELECT device FROM device);
         DELETE FROM contact WHERE device NOT IN (SELECT device FROM device);
         DELETE FROM upload WHERE device NOT IN (SELECT device FROM device);
         DELETE FROM terminal_user WHERE device NOT IN (SELECT device FROM device);
         UPDATE alert SET device = NULL WHERE device NOT IN (SELECT device FROM device);
         DELETE FROM destination WHERE organisation NOT IN (SELECT organisation FROM organisation);
         DELETE FROM person WHERE organisation NOT IN (SELECT organisation FROM organisation);
         DELETE FROM credential WHERE person NOT IN (SELECT person FROM person)
           OR organisation NOT IN (SELECT organisation FROM organisation);
         UPDATE credential SET former = NULL, since_ms = NULL WHERE former NOT IN (SELECT person FROM person);
         DELETE FROM person_said WHERE person NOT IN (SELECT person FROM person);
         DELETE FROM credential_said WHERE person NOT IN (SELECT person FROM person)
           OR organisation NOT IN (SELECT organisation FROM organisation);
         DELETE FROM correction WHERE organisation NOT IN (SELECT organisation FROM organisation)
           OR credited NOT IN (SELECT person FROM person) OR person NOT IN (SELECT person FROM person);
         DELETE FROM device_organisation WHERE device NOT IN (SELECT device FROM device)
           OR organisation NOT IN (SELECT organisation FROM organisation);
         DELETE FROM verdict WHERE seq NOT IN (SELECT seq FROM reading)
           OR organisation NOT IN (SELECT organisation FROM organisation)
           OR person NOT IN (SELECT person FROM person);
         DELETE FROM decision WHERE organisation NOT IN (SELECT organisation FROM organisation);
         DELETE FROM delivery WHERE destination NOT IN (SELECT destination FROM destination)
           OR person NOT IN (SELECT person FROM person);
         DELETE FROM shown WHERE destination NOT IN (SELECT destination FROM destination)
           OR person NOT IN (SELECT person FROM person);",
    )?;
    Ok(())
}

fn restore_keys(fresh: &Connection) -> Result<(), JournalError> {
    fresh.execute_batch(
        "INSERT OR IGNORE INTO record_key (key, seq) SELECT record_key, seq FROM reading WHERE record_key IS NOT NULL",
    )?;
    // A key whose reading is lost would keep the terminal from giving the record again; keys of readings that retention cut
    // stay, because they lie before the beginning of the chain.
    fresh.execute_batch(
        "DELETE FROM record_key WHERE seq NOT IN (SELECT seq FROM reading)
           AND seq >= coalesce((SELECT max(next_seq) FROM cut WHERE seq = 0), 0)",
    )?;
    Ok(())
}

/// Writes down every place where rows are missing.
fn mark_gaps(fresh: &Connection, now: &Stamp) -> Result<Vec<Cut>, JournalError> {
    let known = Cut::all(fresh)?;
    let begins = known.iter().find(|cut| cut.seq == 0).map_or(1, |cut| cut.next_seq);
    let mut expected = begins;
    let mut missing = Vec::new();
    let mut rows = fresh.prepare("SELECT seq FROM reading ORDER BY seq")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        if seq > expected && !known.iter().any(|cut| cut.next_seq == seq) {
            missing.push(gap(expected - 1, seq));
        }
        expected = seq + 1;
    }
    // Rows may be lost after the last readable one, too. New ones go on behind everything that was ever numbered, so that no
    // number names two readings.
    let known_end: Option<i64> = fresh.query_row(
        "SELECT max(last) FROM (SELECT max(seq) AS last FROM verdict UNION ALL SELECT max(seq) FROM delivery
           UNION ALL SELECT max(seq) FROM record_key)",
        [],
        |row| row.get(0),
    )?;
    if let Some(end) = known_end.filter(|end| *end >= expected) {
        missing.push(gap(expected - 1, end + 1));
    }
    for cut in &missing {
        let lost: &[u8] = cut.digest.as_ref().map_or(&[], |digest| &digest.0);
        fresh.execute(
            "INSERT OR REPLACE INTO cut (seq, next_seq, digest, reason, wall_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            (cut.seq, cut.next_seq, lost, &cut.reason, now.wall.0),
        )?;
    }
    Ok(missing)
}

fn gap(seq: i64, next_seq: i64) -> Cut {
    let digest = (seq == 0 && next_seq == 1).then_some(Digest::START);
    Cut { seq, next_seq, digest, reason: "salvage".into() }
}
