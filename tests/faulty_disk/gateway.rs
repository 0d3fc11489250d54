//! A gateway on a faulty disk: what it does may fail, and what it holds can be compared.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use punchd::attendance::{Attendance, judge, people};
use punchd::journal::{
    self, Appended, DeviceEntry, DeviceId, Failure, Journal, JournalError, Options, Registry, Submission, Suspicion,
};
use punchd_contract::{Batch, Verdict};
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use crate::common::{self, House};
use crate::disk::{self, Disk};

pub struct Gateway {
    folder: Arc<TempDir>,
    open: Option<(Journal, Arc<Attendance>)>,
}

/// Three terminals of one organisation.
pub fn registry() -> Registry {
    let one = common::registry();
    let device = |name: &str| DeviceEntry { name: name.into(), ..one.devices[0].clone() };
    Registry { devices: vec![device("gate-1"), device("gate-2"), device("gate-3")], ..one }
}

impl Gateway {
    /// Not yet started, with this disk in it. Lock, note and sealing key lie in the real folder.
    pub fn with(folder: &Arc<TempDir>, disk: &Arc<Disk>) -> Self {
        disk::plug(folder.path(), disk);
        Self { folder: folder.clone(), open: None }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn options(&self) -> Options {
        Options { folder: self.folder().into(), vfs: Some(disk::NAME.into()) }
    }

    pub fn suspicion(&self) -> Suspicion {
        Suspicion::of(self.folder())
    }

    /// Starts it as the agent does. No fault of a disk may ever need a salvage.
    pub async fn start(&mut self) -> Result<(), JournalError> {
        let (journal, salvaged) = Journal::open(self.options(), &registry(), &common::now())?;
        assert_eq!(salvaged, None);
        // By the file's own word; the connection that set the mode may be wrong about it.
        let mode = journal.read(|sql| Ok(sql.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?));
        assert!(mode.await.is_ok_and(|mode| mode == "wal"), "it started without a write-ahead log");
        let attendance = match journal.read(Attendance::load).await {
            Ok(attendance) => Arc::new(attendance),
            Err(error) => {
                journal.close().await;
                return Err(error);
            }
        };
        self.open = Some((journal, attendance));
        Ok(())
    }

    pub async fn stop(&mut self) {
        if let Some((journal, _)) = self.open.take() {
            journal.close().await;
        }
    }

    pub fn is_started(&self) -> bool {
        self.open.is_some()
    }

    pub fn journal(&self) -> &Journal {
        &self.open.as_ref().unwrap().0
    }

    fn attendance(&self) -> Arc<Attendance> {
        self.open.as_ref().unwrap().1.clone()
    }

    /// Submits as intake does. A reading has its receipt when this answers.
    pub async fn submit(&self, device: DeviceId, batch: Batch) -> Result<Vec<Verdict>, JournalError> {
        let submission = Submission { device, batch, stamp: common::now(), clock: None };
        let attendance = self.attendance();
        self.journal()
            .write(move |write| {
                let appended = write.append(&submission)?;
                let mut verdicts = Vec::new();
                for one in &appended {
                    match one {
                        Appended::Fresh(evidence) => {
                            verdicts.extend(attendance.judge(write, std::slice::from_ref(evidence))?);
                        }
                        Appended::Repeated => verdicts.push(Verdict::Repeated),
                    }
                }
                Ok(verdicts)
            })
            .await
    }

    /// Imports people and asks again about what was open.
    pub async fn people(&self, people: Vec<people::PersonEntry>) -> Result<(), JournalError> {
        let attendance = self.attendance();
        self.journal()
            .write(move |write| {
                write.import_people(House::MAIN, &people, true)?;
                attendance.set_people(people::People::load(write.sql())?);
                let open = judge::open_readings(write.sql())?;
                attendance.reopen(write, &open)?;
                Ok(())
            })
            .await
    }

    pub async fn sql(&self, statement: &'static str) -> Result<(), JournalError> {
        self.journal().write(move |write| Ok(write.sql().execute_batch(statement)?)).await
    }

    /// Waits until the journal says that of itself.
    pub async fn says(&self, wanted: fn(&Option<Failure>) -> bool) {
        let mut failure = self.journal().failure();
        let said = tokio::time::timeout(Duration::from_secs(20), failure.wait_for(wanted)).await;
        assert!(said.is_ok(), "it says {:?}", self.journal().failure().borrow());
    }

    /// Everything it holds, and that it holds together.
    pub async fn holds(&self) -> String {
        let (dump, finding) = self.journal().read(|sql| Ok((dump(sql)?, journal::verify(sql, None)?))).await.unwrap();
        assert_eq!(finding.broken, None);
        self.agrees().await;
        dump
    }

    /// Law 3 and the bookkeeping between tables: nothing is half there.
    pub async fn agrees(&self) {
        for (query, what) in [
            (
                "SELECT count(*) FROM reading r WHERE NOT EXISTS (SELECT 1 FROM verdict v WHERE v.seq = r.seq)",
                "a reading without a verdict",
            ),
            (
                "SELECT count(*) FROM verdict v WHERE NOT EXISTS (SELECT 1 FROM reading r WHERE r.seq = v.seq)",
                "a verdict without a reading",
            ),
            (
                "SELECT count(*) FROM verdict v WHERE outcome = 0 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.seq = v.seq)",
                "a punch without a delivery",
            ),
            (
                "SELECT count(*) FROM delivery d WHERE NOT EXISTS (SELECT 1 FROM verdict v WHERE v.seq = d.seq AND v.outcome = 0)",
                "a delivery without a punch",
            ),
            (
                "SELECT count(*) FROM reading r WHERE NOT EXISTS (SELECT 1 FROM record_key k WHERE k.key = r.record_key AND k.seq = r.seq)",
                "a reading without its key",
            ),
            // The scenarios' cursors say how many records of the terminal were read.
            (
                "SELECT count(*) FROM device d WHERE cursor IS NOT NULL
                AND cast(cursor AS INTEGER) <> (SELECT count(*) FROM reading r WHERE r.device = d.device)",
                "a cursor that does not agree with the readings",
            ),
        ] {
            let found: i64 =
                self.journal().read(move |sql| Ok(sql.query_row(query, [], |row| row.get(0))?)).await.unwrap();
            assert_eq!(found, 0, "{what}");
        }
    }
}

/// All rows that mean something, in order. What grows when a submission comes a second time (contacts, the count of an upload) and
/// what random numbers make (sealed bodies) are left out.
fn dump(sql: &Connection) -> Result<String, JournalError> {
    let mut all = String::new();
    for query in [
        "SELECT seq, substr(hex(digest), 1, 8), CAST(raw AS TEXT) FROM reading ORDER BY seq",
        "SELECT * FROM verdict ORDER BY seq, organisation",
        "SELECT destination, seq, person, time_s, state FROM delivery ORDER BY destination, seq",
        "SELECT device, name, cursor, serial FROM device ORDER BY device",
        "SELECT hex(key), seq FROM record_key ORDER BY seq",
        "SELECT * FROM person ORDER BY person",
        "SELECT * FROM credential ORDER BY kind, value",
        "SELECT DISTINCT device, firmware FROM contact",
        "SELECT upload, table_name, hex(digest) FROM upload ORDER BY upload",
        "SELECT seq, next_seq, hex(digest) FROM cut ORDER BY seq",
    ] {
        let mut rows = sql.prepare_cached(query)?;
        let columns = rows.column_count();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()?;
            let _ = writeln!(all, "{values:?}");
        }
        all.push('\n');
    }
    Ok(all)
}
