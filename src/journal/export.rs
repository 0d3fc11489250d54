//! Export: the readings as JSON Lines that can be verified without punchd's file, and the verification of such an export.
//!
//! The first line says where the chain begins and which columns follow, each further line is one reading with its digest (bytes
//! in hexadecimal), the last line is the head. What was concluded from a reading stands beside it and is not part of the chain.

use std::io::{BufRead, Write};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chain::{Digest, Link};
use super::error::JournalError;
use super::retention::Cut;
use super::verify::{COVERED, ChainHead, Finding, Walk};

const FORMAT: u64 = 1;
const AT_ONCE: i64 = 2000;
/// The longest line that is read back: a raw record in hexadecimal and its neighbours.
const MAX_LINE: usize = 64 << 10;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file.
    #[error("cannot write or read the export: {0}")]
    Io(#[from] std::io::Error),
    /// Not an export.
    #[error("line {line} is not part of an export: {why}")]
    Malformed {
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    punchd_export: u64,
    columns: Vec<Column>,
    cuts: Vec<Cut>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Column {
    name: String,
    bytes: bool,
}

/// Writes every reading with what was concluded from it. Answers the number of readings.
pub fn export(connection: &Connection, mut to: impl Write) -> Result<u64, ExportError> {
    let columns = columns(connection)?;
    let header = Header { punchd_export: FORMAT, columns: columns.clone(), cuts: Cut::all(connection)? };
    line(&mut to, &header)?;
    let (mut last, mut count, mut head) = (0, 0, None);
    loop {
        let mut rows = connection.prepare_cached("SELECT * FROM reading WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let mut rows = rows.query((last, AT_ONCE))?;
        let before = count;
        while let Some(row) = rows.next()? {
            let (seq, mut fields) = fields(row, &columns)?;
            fields.insert("verdicts".into(), verdicts(connection, seq)?);
            head = fields.get("digest").cloned();
            line(&mut to, &fields)?;
            (last, count) = (seq, count + 1);
        }
        if count == before {
            break;
        }
    }
    line(&mut to, &json!({ "readings": count, "head": { "seq": last, "digest": head } }))?;
    to.flush()?;
    Ok(count)
}

fn line(to: &mut impl Write, value: &impl Serialize) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *to, value).map_err(std::io::Error::from)?;
    Ok(to.write_all(b"\n")?)
}

fn columns(connection: &Connection) -> Result<Vec<Column>, ExportError> {
    let mut info = connection.prepare("SELECT name, type = 'BLOB' FROM pragma_table_info('reading') ORDER BY cid")?;
    let columns = info.query_map([], |row| Ok(Column { name: row.get(0)?, bytes: row.get(1)? }))?;
    Ok(columns.collect::<Result<_, _>>()?)
}

fn fields(row: &Row<'_>, columns: &[Column]) -> Result<(i64, Map<String, Value>), ExportError> {
    let mut fields = Map::new();
    for (index, column) in columns.iter().enumerate() {
        let value = match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => json!(number),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            ValueRef::Blob(bytes) => hex(bytes).into(),
        };
        fields.insert(column.name.clone(), value);
    }
    Ok((row.get(0)?, fields))
}

fn verdicts(connection: &Connection, seq: i64) -> Result<Value, ExportError> {
    let mut select = connection.prepare_cached(
        "SELECT o.name, v.outcome, p.userid, v.time_s, v.basis, v.merged_into, v.reason
           FROM verdict v JOIN organisation o USING (organisation) LEFT JOIN person p ON p.person = v.person
          WHERE v.seq = ?1 ORDER BY o.name",
    )?;
    let rows = select.query_map([seq], |row| {
        let outcome = ["punch", "merged", "unknown", "held", "refused"].get(usize::from(row.get::<_, u8>(1)?)).copied();
        Ok(json!({
            "organisation": row.get::<_, String>(0)?,
            "outcome": outcome,
            "userid": row.get::<_, Option<String>>(2)?,
            "time_s": row.get::<_, Option<i64>>(3)?,
            "basis": row.get::<_, Option<String>>(4)?,
            "merged_into": row.get::<_, Option<i64>>(5)?,
            "reason": row.get::<_, Option<String>>(6)?,
        }))
    })?;
    Ok(Value::Array(rows.collect::<Result<_, _>>()?))
}

/// Verifies an export alone.
pub fn verify_export(from: impl BufRead, kept: Option<ChainHead>) -> Result<Finding, ExportError> {
    let mut lines = Lines { from, number: 0 };
    let header: Header = match lines.next()? {
        Some(text) => serde_json::from_str(&text).map_err(|error| lines.malformed(error))?,
        None => return Err(lines.malformed("the file is empty")),
    };
    if header.punchd_export != FORMAT || header.columns.len() != COVERED + 1 {
        return Err(lines.malformed("another format of export than this punchd knows"));
    }
    let mut walk = Walk::new(header.cuts, kept);
    while let Some(text) = lines.next()? {
        let fields: Map<String, Value> = serde_json::from_str(&text).map_err(|error| lines.malformed(error))?;
        if fields.contains_key("head") {
            let end = fields.get("head").and_then(|head| head.get("seq")).and_then(Value::as_i64).unwrap_or(0);
            return Ok(walk.finish(end));
        }
        let number = fields.get("seq").and_then(Value::as_i64).ok_or_else(|| lines.malformed("no seq"))?;
        let stored = fields.get("digest").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let stored = stored.ok_or_else(|| lines.malformed("no digest"))?;
        if !walk.step(number, stored, |previous| digest_of(&fields, &header.columns, previous)) {
            return Ok(walk.finish(0));
        }
    }
    Err(lines.malformed("the file ends before its last line: it was cut short"))
}

fn digest_of(fields: &Map<String, Value>, columns: &[Column], previous: &Digest) -> Digest {
    let mut link = Link::after(previous);
    for column in columns.iter().take(COVERED) {
        match fields.get(&column.name) {
            None | Some(Value::Null) => link.cover(ValueRef::Null),
            Some(Value::String(text)) if column.bytes => link.cover(ValueRef::Blob(&unhex(text).unwrap_or_default())),
            Some(Value::String(text)) => link.cover(ValueRef::Text(text.as_bytes())),
            Some(value) => link.cover(value.as_i64().map_or(ValueRef::Null, ValueRef::Integer)),
        }
    }
    link.close()
}

struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<String>, ExportError> {
        let mut text = String::new();
        self.number += 1;
        let read = std::io::Read::take(&mut self.from, MAX_LINE as u64).read_line(&mut text)?;
        if read == MAX_LINE {
            return Err(self.malformed("the line is too long"));
        }
        Ok((read > 0).then_some(text))
    }

    fn malformed(&self, why: impl std::fmt::Display) -> ExportError {
        ExportError::Malformed { line: self.number, why: why.to_string() }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .collect()
}
