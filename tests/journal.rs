//! The journal through its public face: durability settings, the chain, exports, retention, salvage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{Seek, SeekFrom, Write as _};
use std::time::Duration;

use common::{House, at, reading};
use punchd::clock::UnixMillis;
use punchd::journal::{self, Broken, Journal, JournalError, Options, Retention};

#[tokio::test]
async fn a_chain_of_readings_verifies_and_so_does_its_export_alone() {
    let house = House::new().await;
    house.submit((1..=20).map(|n| reading("1001", at(n), n as u32))).await;
    let finding = house.journal.read(|sql| journal::verify(sql, None)).await.unwrap();
    assert_eq!((finding.rows, finding.head_seq, finding.broken), (20, 20, None));
    let mut export = Vec::new();
    let sql = house.options().read_only().unwrap();
    assert_eq!(journal::export(&sql, &mut export).unwrap(), 20);
    let alone = journal::verify_export(&export[..], None).unwrap();
    assert_eq!((alone.rows, alone.broken, alone.head_digest), (20, None, finding.head_digest));
    let text = String::from_utf8(export).unwrap().replacen("2026-10-02T08:07", "2026-10-02T08:09", 1);
    assert!(matches!(journal::verify_export(text.as_bytes(), None).unwrap().broken, Some(Broken::Altered { .. })));
    let cut_short = &text.as_bytes()[..text.len() / 2];
    assert!(
        journal::verify_export(cut_short, None).is_err()
            || journal::verify_export(cut_short, None).unwrap().broken.is_some()
    );
}

#[tokio::test]
async fn verify_names_the_first_altered_the_first_removed_and_the_missing_last_row() {
    for (vandalism, expected) in [
        ("UPDATE reading SET credential = '1002' WHERE seq = 7", Broken::Altered { seq: 7 }),
        ("UPDATE reading SET wall_ms = wall_ms + 1 WHERE seq >= 12", Broken::Altered { seq: 12 }),
        ("DELETE FROM reading WHERE seq = 9", Broken::Removed { from: 9, to: 10 }),
        ("DELETE FROM reading WHERE seq > 15", Broken::EndRemoved { last: 15, known: 20 }),
    ] {
        let house = House::new().await;
        house.submit((1..=20).map(|n| reading("1001", at(n), n as u32))).await;
        let folder = house.close().await;
        rusqlite::Connection::open(folder.path().join("journal.db")).unwrap().execute_batch(vandalism).unwrap();
        let sql = Options::in_folder(folder.path()).read_only().unwrap();
        assert_eq!(journal::verify(&sql, None).unwrap().broken, Some(expected), "{vandalism}");
    }
}

#[tokio::test]
async fn a_rewritten_chain_is_found_out_by_a_head_that_was_kept_elsewhere() {
    let house = House::new().await;
    house.submit((1..=5).map(|n| reading("1001", at(n), n as u32))).await;
    let kept = house.journal.head().await.unwrap();
    let kept = format!("{}:{}", kept.seq, kept.digest);
    let other = House::new().await;
    other.submit((1..=5).map(|n| reading("1001", at(n + 1), n as u32))).await;
    let sql = other.options().read_only().unwrap();
    assert_eq!(journal::verify(&sql, None).unwrap().broken, None);
    assert_eq!(journal::verify(&sql, Some(kept.parse().unwrap())).unwrap().broken, Some(Broken::OtherHead { seq: 5 }));
}

#[tokio::test]
async fn a_second_punchd_on_the_same_journal_is_refused() {
    let house = House::new().await;
    let second = Journal::open(house.options(), &common::registry(), &common::now());
    assert!(matches!(second, Err(JournalError::InUse(_))));
}

#[tokio::test]
async fn the_start_is_refused_if_the_folder_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let opened = Journal::open(Options::in_folder(file.join("journal")), &common::registry(), &common::now());
    assert!(matches!(opened, Err(JournalError::CannotOpen { .. })));
}

#[tokio::test]
async fn retention_cuts_the_oldest_end_but_nothing_that_is_not_delivered_and_the_rest_still_verifies() {
    let house = House::new().await;
    house.submit((1..=10).map(|n| reading("1001", at(n * 10), n as u32))).await;
    let year = Duration::from_secs(365 * 86_400);
    let keep = Retention { readings: year, uploads: year };
    let later = UnixMillis(common::now().wall.0 + 2 * year.as_millis() as i64);
    let removed = house.journal.write(move |write| journal::cut(write, later, &keep)).await.unwrap();
    assert_eq!((removed.readings, removed.blocked_by), (0, Some(1)), "nothing was delivered yet");
    house.sql("UPDATE delivery SET state = 4 WHERE seq <= 6").await;
    let removed = house.journal.write(move |write| journal::cut(write, later, &keep)).await.unwrap();
    assert_eq!((removed.readings, removed.blocked_by), (6, Some(7)));
    let finding = house.journal.read(|sql| journal::verify(sql, None)).await.unwrap();
    assert_eq!((finding.rows, finding.first, finding.broken), (4, Some(7), None));
    // The terminal may still hold what was cut: it is known for ever.
    let again = house.submit((1..=10).map(|n| reading("1001", at(n * 10), n as u32))).await;
    assert!(again.iter().all(|verdict| *verdict == punchd_contract::Verdict::Repeated));
}

#[tokio::test]
async fn a_damaged_journal_is_salvaged_the_old_file_kept_and_lost_rows_come_back_from_the_terminal() {
    for damage in [Damage::Middle, Damage::FirstPage, Damage::CutInHalf] {
        let house = House::new().await;
        let log: Vec<_> = (1..=400).map(|n| reading("1001", at(n * 10), n as u32)).collect();
        house.submit(log.iter().cloned()).await;
        let folder = house.close().await;
        damage.to(&folder.path().join("journal.db"));
        let (house, salvaged) = House::reopen(folder).await;
        let salvaged = salvaged.unwrap_or_else(|| panic!("{damage:?} went unnoticed"));
        assert!(salvaged.old.exists());
        assert!(salvaged.kept < 400 || damage != Damage::Middle, "{damage:?} kept {}", salvaged.kept);
        let finding = house.journal.read(|sql| journal::verify(sql, None)).await.unwrap();
        assert_eq!(finding.broken, None, "{damage:?}");
        assert_eq!(finding.rows, salvaged.kept);
        let verdicts = house.submit(log).await;
        let back = verdicts.iter().filter(|verdict| !matches!(verdict, punchd_contract::Verdict::Repeated)).count();
        assert_eq!(back as u64 + salvaged.kept, 400, "{damage:?}: every record is there once");
        let waiting = house.count("SELECT count(*) FROM delivery WHERE state = 0").await;
        let lost_deliveries = house.count("SELECT count(*) FROM delivery WHERE state = 2").await;
        assert!(back == 0 || lost_deliveries > 0, "{damage:?}: what came back is in doubt, {waiting} waiting");
    }
}

#[tokio::test]
async fn a_job_that_fails_after_it_has_written_leaves_nothing_and_takes_nothing_of_the_others_with_it() {
    let house = House::new().await;
    let note = |key: &'static str, fails: bool| {
        move |write: &mut journal::Write<'_>| {
            write.sql().execute("INSERT INTO meta VALUES (?1, 'x')", [key])?;
            if fails { Err(JournalError::Refused("a test".into())) } else { Ok(()) }
        }
    };
    // All of them arrive while the writer is busy, and become one transaction.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let busy = house.journal.write(move |_| {
        let _ = wait.recv();
        Ok(())
    });
    let jobs = async {
        tokio::join!(
            house.journal.write_repeatable(1, note("a", false)),
            house.journal.write_repeatable(1, note("b", true)),
            house.journal.write_repeatable(1, note("c", false)),
            house.journal.write(note("d", false)),
            house.journal.write_repeatable(1, note("e", true)),
            house.journal.write(note("f", true)),
            house.journal.write_repeatable(1, note("g", false)),
        )
    };
    let release = async { go.send(()) };
    let (_, outcomes, _) = tokio::join!(busy, jobs, release);
    let (a, b, c, d, e, f, g) = outcomes;
    for kept in [a, c, d, g] {
        kept.unwrap();
    }
    for refused in [b, e, f] {
        assert!(matches!(refused, Err(JournalError::Refused(_))));
    }
    assert_eq!(house.count("SELECT count(*) FROM meta WHERE key IN ('a', 'c', 'd', 'g')").await, 4);
    assert_eq!(house.count("SELECT count(*) FROM meta WHERE key IN ('b', 'e', 'f')").await, 0);
    let sent = house.submit((1..=3).map(|n| reading("1001", at(n * 10), n as u32))).await;
    assert_eq!(sent.len(), 3);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Middle,
    FirstPage,
    CutInHalf,
}

impl Damage {
    fn to(self, file: &std::path::Path) {
        let length = std::fs::metadata(file).unwrap().len();
        let mut file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
        match self {
            Self::Middle => {
                // Wide enough to hit readings, whatever else lies between their pages.
                let sql_pages = length / 4096;
                file.seek(SeekFrom::Start(sql_pages * 5 / 10 * 4096)).unwrap();
                file.write_all(&vec![0xA5; usize::try_from(sql_pages / 4 * 4096).unwrap()]).unwrap();
            }
            Self::FirstPage => file.write_all(&[0xA5; 4096]).unwrap(),
            Self::CutInHalf => file.set_len(length / 2 / 4096 * 4096).unwrap(),
        }
    }
}

#[tokio::test]
async fn a_repeatable_job_that_fails_after_it_has_written_harms_nobody_of_its_transaction() {
    let house = House::new().await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let journal = house.journal.clone();
    let holding = tokio::spawn(async move { journal.write_repeatable(1, move |_| Ok(wait.recv().is_ok())).await });
    // All three are behind the one that holds the writer, and so in its transaction.
    let job = |name: &'static str, fails: bool| {
        let journal = house.journal.clone();
        tokio::spawn(async move {
            journal
                .write_repeatable(1, move |write| {
                    write.sql().execute("INSERT INTO meta VALUES (?1, 'x')", [name])?;
                    if fails { Err(JournalError::Refused("no".into())) } else { Ok(()) }
                })
                .await
        })
    };
    let jobs = [job("first", false), job("second", true), job("third", false)];
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    go.send(()).unwrap();
    // When all run again, it holds nobody up.
    drop(go);
    holding.await.unwrap().unwrap();
    let mut outcomes = Vec::new();
    for job in jobs {
        outcomes.push(job.await.unwrap().is_ok());
    }
    assert_eq!(outcomes, [true, false, true]);
    assert_eq!(house.count("SELECT count(*) FROM meta WHERE key IN ('first', 'third')").await, 2);
    assert_eq!(house.count("SELECT count(*) FROM meta WHERE key = 'second'").await, 0);
}
