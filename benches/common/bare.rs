//! The bare loop: the rows that the journal wrote, written again by nothing but prepared inserts and commits.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, params_from_iter};

/// The tables that a reading leaves rows in, and how the rows of one reading are found.
const TABLES: [(&str, &str); 4] = [
    ("record_key", "SELECT * FROM record_key WHERE seq > ?1 ORDER BY seq"),
    ("reading", "SELECT * FROM reading WHERE seq > ?1 ORDER BY seq"),
    ("verdict", "SELECT * FROM verdict WHERE seq > ?1 ORDER BY seq"),
    ("delivery", "SELECT * FROM delivery WHERE seq > ?1 ORDER BY seq"),
];

/// One row a table for each reading, in the order in which they were written.
pub struct Rows(Vec<[Vec<Value>; 4]>);

impl Rows {
    /// What a journal holds behind this reading. Every reading must have exactly one row in each table.
    pub fn of(sql: &Connection, after: i64) -> Self {
        let [keys, readings, verdicts, deliveries] = TABLES.map(|(_, select)| rows(sql, select, after));
        assert!([keys.len(), verdicts.len(), deliveries.len()] == [readings.len(); 3], "every reading is a punch");
        let zipped = keys.into_iter().zip(readings).zip(verdicts).zip(deliveries);
        Self(zipped.map(|(((key, reading), verdict), delivery)| [key, reading, verdict, delivery]).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn rows(sql: &Connection, select: &str, after: i64) -> Vec<Vec<Value>> {
    let mut select = sql.prepare(select).unwrap();
    let columns = select.column_count();
    let found = select.query_map([after], |row| (0..columns).map(|column| row.get(column)).collect()).unwrap();
    found.collect::<Result<_, _>>().unwrap()
}

/// A journal's file in the hands of a plain connection with the journal's pragmas.
pub struct Bare(Connection);

impl Bare {
    /// Opens the file that a closed journal left in this folder.
    pub fn open(folder: &Path) -> Self {
        let sql = Connection::open(file(folder)).unwrap();
        sql.execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;
             PRAGMA journal_size_limit = 16777216; PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = 1000;",
        )
        .unwrap();
        Self(sql)
    }

    /// Commits these rows, so many readings a transaction.
    pub fn commit(&self, rows: &Rows, transactions: &[usize]) {
        let mut inserts = self.inserts();
        let mut rest = &rows.0[..];
        for count in transactions {
            let (now, later) = rest.split_at(*count);
            rest = later;
            self.0.execute_batch("BEGIN IMMEDIATE").unwrap();
            for reading in now {
                for (insert, row) in inserts.iter_mut().zip(reading) {
                    insert.execute(params_from_iter(row)).unwrap();
                }
            }
            self.0.execute_batch("COMMIT").unwrap();
        }
        assert!(rest.is_empty());
    }

    fn inserts(&self) -> [CachedStatement<'_>; 4] {
        TABLES.map(|(table, _)| {
            let columns = self.0.prepare(&format!("SELECT * FROM {table}")).unwrap().column_count();
            let places = vec!["?"; columns].join(",");
            self.0.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})")).unwrap()
        })
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("journal.db")
}
