//! A journal that is older than what was done with it: put back from a copy, put on a new card, or without what says how far it had
//! come. Whatever could have been sent is in doubt, and nothing else is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{House, at, reading, registry};
use punchd::attendance::Attendance;
use punchd::clock::{Clock, Stamp, UnixMillis, VirtualClock};
use punchd::journal::Journal;
use tempfile::TempDir;

const FILES: [&str; 2] = ["journal.db", "journal.db-wal"];

/// A copy of the journal's files.
fn copy(folder: &Path, to: &Path) {
    for file in FILES {
        if folder.join(file).exists() {
            fs::copy(folder.join(file), to.join(file)).unwrap();
        }
    }
}

/// Puts a copy into the same files, as `cp` over them does.
fn put_back(copy: &Path, folder: &Path) {
    let _ = fs::remove_file(folder.join("journal.db-wal"));
    let _ = fs::remove_file(folder.join("journal.db-shm"));
    for file in FILES {
        if copy.join(file).exists() {
            fs::write(folder.join(file), fs::read(copy.join(file)).unwrap()).unwrap();
        }
    }
}

/// What waits and what is in doubt, and alerts about it.
async fn state(house: &House) -> (i64, i64, i64) {
    let alerts = "SELECT count(*) FROM alert WHERE en LIKE '%restored or replaced%' AND zh <> ''";
    let of = "SELECT count(*) FROM delivery WHERE state = 0";
    (
        house.count(of).await,
        house.count("SELECT count(*) FROM delivery WHERE state = 2").await,
        house.count(alerts).await,
    )
}

/// Two punches wait.
async fn with_two() -> TempDir {
    let house = House::new().await;
    house.submit([reading("1001", at(0), 1), reading("1001", at(10), 1)]).await;
    house.close().await
}

async fn reopened(folder: TempDir) -> House {
    let (house, salvaged) = House::reopen(folder).await;
    assert_eq!(salvaged, None);
    house
}

#[tokio::test]
async fn a_journal_that_goes_on_doubts_nothing() {
    let mut folder = with_two().await;
    for _ in 0..3 {
        let house = reopened(folder).await;
        assert_eq!(state(&house).await, (2, 0, 0));
        folder = house.close().await;
    }
}

#[tokio::test]
async fn a_copy_of_before_the_last_reading_puts_what_waits_in_doubt() {
    let (folder, kept) = (with_two().await, tempfile::tempdir().unwrap());
    copy(folder.path(), kept.path());
    let house = reopened(folder).await;
    house.submit([reading("1001", at(20), 1)]).await;
    let folder = house.close().await;
    put_back(kept.path(), folder.path());
    let house = reopened(folder).await;
    assert_eq!(state(&house).await, (0, 2, 1));
    // What the copy lacks comes again from the terminal; it may have been sent as well.
    house.submit([reading("1001", at(20), 1)]).await;
    assert_eq!(state(&house).await, (0, 3, 1));
    assert_eq!(house.count("SELECT count(*) FROM device WHERE cursor IS NOT NULL").await, 0);
    // It is told once.
    let house = reopened(house.close().await).await;
    assert_eq!(state(&house).await, (0, 3, 1));
}

/// Nothing was recorded since the copy: only the marks tell that something was sent.
#[tokio::test]
async fn a_copy_of_before_the_last_delivery_is_told_although_no_reading_is_newer() {
    let (folder, kept) = (with_two().await, tempfile::tempdir().unwrap());
    copy(folder.path(), kept.path());
    let house = reopened(folder).await;
    house.sql("UPDATE delivery SET state = 4, attempts = 1").await;
    let folder = house.close().await;
    put_back(kept.path(), folder.path());
    assert_eq!(state(&reopened(folder).await).await, (0, 2, 1));
}

#[tokio::test]
async fn a_journal_in_another_file_is_one_that_was_put_back() {
    let (folder, kept) = (with_two().await, tempfile::tempdir().unwrap());
    copy(folder.path(), kept.path());
    // Beside each other, so that the number of the file is not given again.
    fs::rename(folder.path().join("journal.db"), folder.path().join("old.db")).unwrap();
    put_back(kept.path(), folder.path());
    assert_eq!(state(&reopened(folder).await).await, (0, 2, 1));
}

#[tokio::test]
async fn without_a_marker_or_with_a_damaged_one_what_waits_is_in_doubt() {
    for damage in [
        (|marker: &Path| fs::remove_file(marker).unwrap()) as fn(&Path),
        |marker| fs::write(marker, "").unwrap(),
        |marker| fs::write(marker, &fs::read(marker).unwrap()[..20]).unwrap(),
        |marker| fs::write(marker, [0u8; 200]).unwrap(),
    ] {
        let folder = with_two().await;
        damage(&folder.path().join("journal.marker"));
        assert_eq!(state(&reopened(folder).await).await, (0, 2, 1));
    }
}

#[tokio::test]
async fn a_new_journal_beside_an_old_marker_doubts_what_terminals_give_again() {
    let folder = with_two().await;
    for file in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let _ = fs::remove_file(folder.path().join(file));
    }
    let house = reopened(folder).await;
    house.submit([reading("1001", at(0), 1)]).await;
    assert_eq!(state(&house).await, (0, 1, 1));
}

#[tokio::test]
async fn an_empty_journal_without_a_marker_is_a_new_one() {
    let house = House::new().await;
    let folder = house.close().await;
    fs::remove_file(folder.path().join("journal.marker")).unwrap();
    let house = reopened(folder).await;
    house.submit([reading("1001", at(0), 1)]).await;
    assert_eq!(state(&house).await, (1, 0, 0));
}

/// The journal has the next mark, and the file beside it the one before.
#[tokio::test]
async fn killed_between_the_mark_in_the_journal_and_the_one_beside_it_nothing_is_in_doubt() {
    let mut folder = with_two().await;
    for _ in 0..2 {
        let before = fs::read(folder.path().join("journal.marker")).unwrap();
        let house = reopened(folder).await;
        // The mark of the start was written; then that of the end was committed, and not written.
        let started = fs::read(house.options().folder.join("journal.marker")).unwrap();
        assert_ne!(before, started);
        folder = house.close().await;
        fs::write(folder.path().join("journal.marker"), started).unwrap();
        let house = reopened(folder).await;
        assert_eq!(state(&house).await, (2, 0, 0));
        folder = house.close().await;
    }
}

/// A gateway without a battery starts with the clock of long ago.
#[tokio::test]
async fn where_the_time_is_not_known_everything_is_in_doubt_until_it_is() {
    let folder = with_two().await;
    fs::remove_file(folder.path().join("journal.marker")).unwrap();
    let clock = VirtualClock::at(UnixMillis(86_400_000));
    let stamp = Stamp { quality: punchd::clock::Quality::Unknown, ..clock.stamp() };
    let options = punchd::journal::Options::in_folder(folder.path());
    let (journal, _) = Journal::open(options, &registry(), &stamp).unwrap();
    let attendance = Arc::new(journal.read(Attendance::load).await.unwrap());
    let judge = |reading: punchd_contract::Reading, stamp: Stamp| {
        let (journal, attendance) = (journal.clone(), attendance.clone());
        let batch = punchd_contract::Batch { readings: vec![reading], ..Default::default() };
        let submission = punchd::journal::Submission { device: House::GATE, batch, stamp, clock: None };
        async move {
            let judge = move |write: &mut punchd::journal::Write<'_>| {
                for one in write.append(&submission)? {
                    if let punchd::journal::Appended::Fresh(evidence) = one {
                        attendance.judge(write, [&evidence])?;
                    }
                }
                Ok(())
            };
            journal.write(judge).await.unwrap();
        }
    };
    judge(reading("1001", at(20), 1), common::now()).await;
    let doubtful = || {
        journal.read(|sql| {
            Ok(sql.query_row("SELECT count(*) FROM delivery WHERE state = 2", [], |row| row.get::<_, i64>(0))?)
        })
    };
    assert_eq!(doubtful().await.unwrap(), 3, "the terminal's date is after the gateway's clock");
    let known = common::now().wall;
    let its = attendance.clone();
    journal.write(move |write| its.doubt_before(write, known)).await.unwrap();
    judge(reading("1001", at(30), 1), common::now()).await;
    assert_eq!(doubtful().await.unwrap(), 4, "it is of before the restored journal was found");
    let later = UnixMillis(known.0 + 60_000).timestamp().to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
    judge(reading("1001", later.datetime(), 1), VirtualClock::at(UnixMillis(known.0 + 120_000)).stamp()).await;
    assert_eq!(doubtful().await.unwrap(), 4, "it was after that");
    journal.close().await;
}
