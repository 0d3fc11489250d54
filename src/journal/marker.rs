//! A marker beside the journal that says how far it has come, so that an older journal in its place shows.
//!
//! A journal that was restored from a copy lacks what was recorded and sent since. Nothing inside of it can tell. So the marker, a
//! small file of its own, keeps the journal's identity, a mark that changes whenever it is written, the last reading with its digest,
//! and the number of the journal's file on the disk; it is written at every start, every few minutes, and at the end. If the journal
//! is another one, does not hold what the marker names, or is another file (a copy that was put back), everything that could have
//! been sent is in doubt and read back before it is sent; so it is if the marker is missing or cannot be read beside a journal that
//! is not empty.
//!
//! The mark is committed to the journal first, together with the one that is on the disk, and written beside it then: killed between
//! the two, the next start finds the earlier one and knows it.
//!
//! It does not help where the folder is restored with the marker as an image of the whole disk: that looks like yesterday. Nor where
//! the machine lost its power and a copy that is younger than the last mark is written into the same file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::error::JournalError;
use super::open::Options;
use super::registry::DAY_WITHIN;
use super::salvage::{DOUBT_BEFORE, DOUBT_UNTIL_KNOWN};
use crate::clock::Stamp;

/// The key in `meta`: what tells this journal from any other.
const IDENTITY: &str = "journal_identity";

/// The key in `meta`: the mark that was written last, and the one that was on the disk before, as JSON.
const MARKS: &str = "journal_marks";

/// How far a journal has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    identity: String,
    mark: String,
    seq: i64,
    digest: String,
    file: u64,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("journal.marker")
}

fn read(folder: &Path) -> Option<Marker> {
    serde_json::from_slice(&fs::read(path(folder)).ok()?).ok()
}

fn digest_at(sql: &Connection, seq: i64) -> Result<Option<String>, JournalError> {
    let digest: Option<Vec<u8>> =
        sql.query_row("SELECT digest FROM reading WHERE seq = ?1", [seq], |row| row.get(0)).optional()?;
    Ok(digest.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}

fn identity(sql: &Connection) -> Result<Option<String>, JournalError> {
    Ok(sql.query_row("SELECT value FROM meta WHERE key = ?1", [IDENTITY], |row| row.get(0)).optional()?)
}

/// Holds the journal against its marker before anything is sent from it.
pub(super) fn compare(options: &Options, connection: &mut Connection, now: &Stamp) -> Result<(), JournalError> {
    let known = identity(connection)?;
    let differs = match read(&options.folder) {
        // A journal on a disk of a test's own has no file that a marker could stand beside.
        _ if options.vfs.is_some() => None,
        Some(marker) => differs(options, connection, known.as_deref(), &marker)?,
        None if known.is_some() && !is_empty(connection)? => {
            Some(("its marker is missing or cannot be read", "其标记文件缺失或无法读取"))
        }
        None => None,
    };
    if let Some((en, zh)) = differs {
        doubt_everything(connection, now, en, zh)?;
    }
    if known.is_none() {
        connection.execute("INSERT INTO meta VALUES (?1, ?2)", (IDENTITY, random()))?;
    }
    Ok(())
}

fn random() -> String {
    let bytes: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether nothing was ever recorded.
fn is_empty(sql: &Connection) -> Result<bool, JournalError> {
    let holds =
        "SELECT EXISTS (SELECT 1 FROM reading) OR EXISTS (SELECT 1 FROM delivery) OR EXISTS (SELECT 1 FROM cut)";
    Ok(!sql.query_row(holds, [], |row| row.get::<_, bool>(0))?)
}

fn marks(sql: &Connection) -> Result<Vec<String>, JournalError> {
    let marks: Option<String> =
        sql.query_row("SELECT value FROM meta WHERE key = ?1", [MARKS], |row| row.get(0)).optional()?;
    Ok(marks.and_then(|marks| serde_json::from_str(&marks).ok()).unwrap_or_default())
}

fn differs(
    options: &Options,
    sql: &Connection,
    known: Option<&str>,
    marker: &Marker,
) -> Result<Option<(&'static str, &'static str)>, JournalError> {
    if known != Some(marker.identity.as_str()) {
        return Ok(Some(("it is not the journal that was here before", "这不是此前使用的日志库")));
    }
    // Retention may have cut the row that the marker names; then what follows it is there.
    let last: Option<i64> = sql.query_row("SELECT max(seq) FROM reading", [], |row| row.get(0))?;
    let older = match digest_at(sql, marker.seq)? {
        Some(digest) => digest != marker.digest,
        None => marker.seq > last.unwrap_or(0) && !is_cut(sql, marker.seq)?,
    };
    // What was sent since leaves no reading, but there were marks since.
    if older || !marks(sql)?.contains(&marker.mark) {
        return Ok(Some(("it is older than what was recorded last", "其内容早于最后的记录")));
    }
    if fs::metadata(options.file()).is_ok_and(|file| file.ino() != marker.file) {
        return Ok(Some(("its file was copied here", "其文件是复制来的")));
    }
    Ok(None)
}

/// Whether everything up to this row was cut by retention.
fn is_cut(sql: &Connection, seq: i64) -> Result<bool, JournalError> {
    let next: Option<i64> = sql.query_row("SELECT max(next_seq) FROM cut WHERE seq = 0", [], |row| row.get(0))?;
    Ok(next.is_some_and(|next| seq < next))
}

/// Everything that could have been sent is read back before it is sent.
fn doubt_everything(connection: &mut Connection, now: &Stamp, en: &str, zh: &str) -> Result<(), JournalError> {
    let transaction = connection.transaction()?;
    let doubtful = put_in_doubt(&transaction, now)?;
    transaction.execute(
        "INSERT INTO alert (kind, en, zh, wall_ms) VALUES ('other', ?1, ?2, ?3)",
        (
            format!("The journal was restored or replaced ({en}): what could have been sent already is read back before it is sent, so that nothing arrives twice. Readings that it lacks come again from terminals that keep a log."),
            format!("日志库被恢复或替换（{zh}）：可能已上传的打卡会先读回核对再上传，以免重复。缺失的记录会从保存日志的终端重新读取。"),
            now.wall.0,
        ),
    )?;
    // A terminal is read again from the beginning: its cursor may be that of another journal.
    transaction.execute("UPDATE device SET cursor = NULL", [])?;
    transaction.commit()?;
    tracing::warn!(why = en, doubtful, "the journal was restored or replaced: what could have been sent is in doubt");
    Ok(())
}

/// What waits is in doubt from now on, and so is what turns up later and is older than now.
pub(super) fn put_in_doubt(sql: &Connection, now: &Stamp) -> Result<usize, JournalError> {
    sql.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (DOUBT_BEFORE, doubt_before_s(now).to_string()))?;
    Ok(sql.execute(
        "UPDATE delivery SET state = 2, changed_ms = ?1, not_before_ms = NULL, batch = NULL WHERE state = 0",
        [now.wall.0],
    )?)
}

/// Punches of before this second may have been sent. Where the gateway does not know the time, its clock may be years behind what
/// it has sent: then it is every punch, until the time is known.
pub(super) fn doubt_before_s(now: &Stamp) -> i64 {
    if now.trusted(DAY_WITHIN) { now.wall.seconds() } else { DOUBT_UNTIL_KNOWN }
}

/// Begins another mark: it is in the journal, and not yet beside it.
pub(super) fn begin(options: &Options, sql: &Connection) -> Result<String, JournalError> {
    let (mark, known) = (random(), identity(sql)?);
    let before = read(&options.folder).filter(|marker| Some(&marker.identity) == known.as_ref());
    let marks = serde_json::json!([mark, before.map(|marker| marker.mark).unwrap_or_default()]);
    sql.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (MARKS, marks.to_string()))?;
    Ok(mark)
}

/// Writes down beside the journal how far it has come. A marker that cannot be written is worth no more than a warning.
pub(super) fn write(options: &Options, sql: &Connection, mark: String) {
    if let Err(error) = try_write(options, sql, mark) {
        tracing::warn!(%error, "the journal's marker could not be written");
    }
}

fn try_write(options: &Options, sql: &Connection, mark: String) -> Result<(), JournalError> {
    let Some(identity) = identity(sql)? else { return Ok(()) };
    let seq: i64 = sql.query_row("SELECT coalesce(max(seq), 0) FROM reading", [], |row| row.get(0))?;
    let digest = digest_at(sql, seq)?.unwrap_or_default();
    let cannot = |error: io::Error| JournalError::CannotOpen { path: path(&options.folder), why: error.to_string() };
    let file = fs::metadata(options.file()).map_err(cannot)?.ino();
    let marker = Marker { identity, mark, seq, digest, file };
    let text = serde_json::to_vec(&marker).map_err(|error| JournalError::Refused(error.to_string()))?;
    let fresh = options.folder.join("journal.marker.new");
    let put = || -> io::Result<()> {
        let mut file = File::create(&fresh)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&fresh, path(&options.folder))?;
        File::open(&options.folder)?.sync_all()
    };
    put().map_err(cannot)
}
