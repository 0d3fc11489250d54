//! A salvage, interrupted.

use std::fs;
use std::path::Path;

use punchd::journal::{self, Options};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::child::{End, How, config, start};
use crate::common::{House, at, reading};

/// What a journal holds that must be the same however often its salvage was interrupted.
#[derive(Debug, PartialEq)]
struct Holds {
    readings: i64,
    chain_is_whole: bool,
    without_verdict: i64,
    punches: i64,
    without_delivery: i64,
    owed: i64,
}

fn holds(folder: &Path) -> Holds {
    let sql = Options::in_folder(folder.join("data")).read_only().unwrap();
    let count = |query: &str| sql.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
    Holds {
        readings: count("SELECT count(*) FROM reading"),
        chain_is_whole: journal::verify(&sql, None).unwrap().broken.is_none(),
        without_verdict: count("SELECT count(*) FROM reading WHERE seq NOT IN (SELECT seq FROM verdict)"),
        punches: count("SELECT count(*) FROM verdict WHERE outcome = 0"),
        without_delivery: count(
            "SELECT count(*) FROM verdict WHERE outcome = 0 AND seq NOT IN (SELECT seq FROM delivery)",
        ),
        owed: count("SELECT count(*) FROM meta WHERE key = 'conclusions_owed'"),
    }
}

/// A site whose journal has a damaged page among its readings, and another among verdicts or deliveries.
async fn damaged() -> TempDir {
    let site = tempfile::tempdir().unwrap();
    // The same names as in the configuration, so that its start finds its devices.
    let _ = config(site.path());
    let house = House::new().await;
    for portion in 0..6 {
        house.submit((1..=60).map(|n| reading("1001", at((portion * 60 + n) * 10), n as u32))).await;
    }
    let folder = house.close().await;
    fs::create_dir(site.path().join("data")).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap().flatten() {
        fs::copy(entry.path(), site.path().join("data").join(entry.file_name())).unwrap();
    }
    let file = site.path().join("data/journal.db");
    let roots: usize = {
        // Everything into the one file, so that the damage hits rows and not copies of them.
        let sql = Connection::open(&file).unwrap();
        sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        // A table whose first page is lost is lost as a whole, however many there are: those are spared.
        sql.query_row("SELECT max(rootpage) FROM sqlite_schema", [], |row| row.get::<_, u32>(0)).unwrap() as usize
    };
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / 4096;
    for page in (2..=9).map(|tenth| roots + (pages - roots) * tenth / 10) {
        bytes[page * 4096..(page + 1) * 4096].fill(0xA5);
    }
    fs::write(&file, bytes).unwrap();
    site
}

fn copy_of(site: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("data")).unwrap();
    for entry in fs::read_dir(site.path().join("data")).unwrap().flatten() {
        fs::copy(entry.path(), copy.path().join("data").join(entry.file_name())).unwrap();
    }
    let _ = config(copy.path());
    copy
}

/// Interrupts at 1, 2, 3 … until the start comes through; `then` interrupts the start after it, too.
fn interrupt_everywhere(damaged: &TempDir, expected: &Holds, how: How, then: Option<How>) -> usize {
    for at in 1.. {
        let site = copy_of(damaged);
        let end = start(site.path(), Some((at, how)));
        if let Some(again) = then {
            // Somewhere else than the first time.
            start(site.path(), Some((at * 7 % 97 + 1, again)));
        }
        assert_eq!(start(site.path(), None), End::Started, "{how:?} at {at}, then {then:?}");
        assert_eq!(&holds(site.path()), expected, "{how:?} at {at}, then {then:?}");
        let kept = fs::read_dir(site.path().join("data")).unwrap().flatten();
        let names: Vec<String> = kept.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        assert!(names.iter().any(|name| name.starts_with("journal-damaged-")), "{how:?} at {at}: {names:?}");
        assert!(!names.iter().any(|name| name.starts_with("journal-salvage")), "{how:?} at {at}: {names:?}");
        if end == End::Started {
            return at;
        }
    }
    unreachable!("it ends by coming through")
}

#[tokio::test]
async fn a_salvage_that_is_cut_off_anywhere_is_finished_by_the_next_start() {
    let damaged = damaged().await;
    let undisturbed = copy_of(&damaged);
    assert_eq!(start(undisturbed.path(), None), End::Started);
    let expected = holds(undisturbed.path());
    assert!(expected.readings > 200 && expected.readings < 360 && expected.chain_is_whole, "{expected:?}");
    assert_eq!((expected.without_verdict, expected.without_delivery, expected.owed), (0, 0, 0), "{expected:?}");
    let killed = interrupt_everywhere(&damaged, &expected, How::Kill, None);
    let full = interrupt_everywhere(&damaged, &expected, How::Full, None);
    let twice = interrupt_everywhere(&damaged, &expected, How::Kill, Some(How::Kill));
    let both = interrupt_everywhere(&damaged, &expected, How::Full, Some(How::Kill));
    assert!(
        killed > 30 && full > 30 && twice > 30 && both > 30,
        "nothing was interrupted: {killed} {full} {twice} {both}"
    );
}
