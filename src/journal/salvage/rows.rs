//! Copying the rows of a damaged table: from the front until something cannot be read, then from the end.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::error::JournalError;

/// Rows between two readable stretches are looked up one by one, up to this many.
const PROBED: i64 = 200_000;

/// From the front until something cannot be read, then from the end; for readings the hole between is looked up row by row.
pub(super) fn copy_table(source: &Connection, fresh: &Connection, table: &str) -> Result<u64, JournalError> {
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
