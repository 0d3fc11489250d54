//! Salvage: what can be read of a damaged journal goes into a new one; the damaged file stays beside it, untouched.
//!
//! Rows keep their numbers and digests. Where rows of the chain could not be read, a cut is written down, so that `verify`
//! tells them as lost instead of as tampering. Cursors are dropped, so that terminals are read again from the beginning; what
//! comes back is known by its key. Because deliveries may be lost with the rest, the new journal notes the moment of its
//! salvage: punches from before it are in doubt until they were read back ([`DOUBT_BEFORE`]).

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::chain::Digest;
use super::error::JournalError;
use super::open::{Options, Salvaged, open_writing};
use super::retention::Cut;
use crate::clock::Stamp;

/// The key in `meta`: punches of before this time (seconds of true time) start *in doubt*.
pub(crate) const DOUBT_BEFORE: &str = "doubt_before_s";

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

/// Rows between two readable stretches are looked up one by one, up to this many.
const PROBED: i64 = 200_000;

/// Moves the damaged file aside and builds a new one from what can be read.
pub(super) fn salvage(options: &Options, why: &str, now: &Stamp) -> Result<Salvaged, JournalError> {
    let old = options.folder.join(format!("journal-damaged-{}.db", now.wall.0));
    move_aside(&options.file(), &old)?;
    let mut fresh = open_writing(options, false)?;
    let (kept, missing) = copy(&old, &mut fresh, now, why)?;
    Ok(Salvaged { why: why.to_owned(), old, kept, missing })
}

fn failed(path: &Path, error: std::io::Error) -> JournalError {
    JournalError::CannotOpen { path: path.to_owned(), why: error.to_string() }
}

/// The write-ahead log goes with its file: it may hold the newest rows.
fn move_aside(from: &Path, to: &Path) -> Result<(), JournalError> {
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (with_suffix(from, suffix), with_suffix(to, suffix));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&from, error)),
            _ => {}
        }
    }
    let folder = from.parent().unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(folder, error))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn copy(old: &Path, fresh: &mut Connection, now: &Stamp, why: &str) -> Result<(u64, Vec<Cut>), JournalError> {
    // SQLite may want to write while it reads (recovering the log), so it works on a copy and the evidence stays as it was.
    let work = with_suffix(old, ".work");
    for suffix in ["", "-wal"] {
        let from = with_suffix(old, suffix);
        if from.exists() {
            fs::copy(&from, with_suffix(&work, suffix)).map_err(|error| failed(&from, error))?;
        }
    }
    let source = open_damaged(&work, fresh)?;
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
    transaction
        .execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (DOUBT_BEFORE, now.wall.seconds().to_string()))?;
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
    drop(source);
    for suffix in ["", "-wal", "-shm"] {
        // A left-over working copy costs room and nothing else.
        let _ = fs::remove_file(with_suffix(&work, suffix));
    }
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
    fresh.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
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

/// From the front until something cannot be read, then from the end; for readings the hole between is looked up row by row.
fn copy_table(source: &Connection, fresh: &Connection, table: &str) -> Result<u64, JournalError> {
    let Ok(columns) =
        source.prepare(&format!("SELECT * FROM {table} LIMIT 0")).map(|statement| statement.column_count())
    else {
        return Ok(0);
    };
    let places = (1..=columns).map(|n| format!("?{n}")).collect::<Vec<_>>().join(",");
    let insert = format!("INSERT OR IGNORE INTO {table} VALUES ({places})");
    let key = primary_key(fresh, table)?;
    let mut copied = 0;
    let up = stretch(
        source,
        fresh,
        &format!("SELECT * FROM {table} ORDER BY {}", key.join(", ")),
        &insert,
        columns,
        &mut copied,
    )?;
    if !up.whole {
        let order = key.iter().map(|column| format!("{column} DESC")).collect::<Vec<_>>().join(", ");
        let down =
            stretch(source, fresh, &format!("SELECT * FROM {table} ORDER BY {order}"), &insert, columns, &mut copied)?;
        if table == "reading" {
            let (from, to) = (up.last.unwrap_or(0) + 1, down.last.unwrap_or(0));
            for seq in from..to.min(from + PROBED) {
                let one = format!("SELECT * FROM reading WHERE seq = {seq}");
                stretch(source, fresh, &one, &insert, columns, &mut copied)?;
            }
        }
    }
    Ok(copied)
}

fn primary_key(fresh: &Connection, table: &str) -> Result<Vec<String>, JournalError> {
    let mut columns = fresh.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
    let names = columns.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

struct Stretch {
    /// No error on the way.
    whole: bool,
    /// The first column of the last row that could be read, where it is a number.
    last: Option<i64>,
}

fn stretch(
    source: &Connection,
    fresh: &Connection,
    select: &str,
    insert: &str,
    columns: usize,
    copied: &mut u64,
) -> Result<Stretch, JournalError> {
    let mut reached = Stretch { whole: false, last: None };
    let Ok(mut rows) = source.prepare(select) else { return Ok(reached) };
    let Ok(mut rows) = rows.query([]) else { return Ok(reached) };
    let mut insert = fresh.prepare_cached(insert)?;
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                let Ok(values) = (0..columns).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>()
                else {
                    return Ok(reached);
                };
                if let Some(Value::Integer(number)) = values.first() {
                    reached.last = Some(*number);
                }
                // A row that the schema refuses was itself hit by the damage.
                match insert.execute(params_from_iter(values)) {
                    Ok(inserted) => *copied += inserted as u64,
                    Err(error) => match JournalError::from(error) {
                        JournalError::Sqlite(error) => tracing::warn!(%error, "a damaged row was left out"),
                        fatal => return Err(fatal),
                    },
                }
            }
            Ok(None) => {
                reached.whole = true;
                return Ok(reached);
            }
            Err(_) => return Ok(reached),
        }
    }
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
