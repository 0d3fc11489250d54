//! Whether the disk can lose anything at all: settings that are known to lose must lose here, or the other tests prove nothing.

use rusqlite::{Connection, OpenFlags};

use crate::disk::{self, Disk, Kept};

/// Commits twenty rows one by one under these settings, cuts the power, and counts what is there.
fn kept_of_twenty(synchronous: &str, kept: Kept) -> Option<i64> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain.db");
    let disk = Disk::new();
    disk::plug(folder.path(), &disk);
    let open = || Connection::open_with_flags_and_vfs(&file, OpenFlags::default(), disk::NAME).unwrap();
    let connection = open();
    connection.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = FULL; CREATE TABLE t (n)").unwrap();
    connection.execute_batch(&format!("PRAGMA synchronous = {synchronous}")).unwrap();
    for n in 0..20 {
        connection.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
    }
    disk::plug(folder.path(), &disk.after_power_cut(kept));
    let after = open();
    after.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).ok()
}

#[test]
fn commits_without_a_sync_are_lost_in_a_power_cut_and_those_with_one_are_not() {
    assert_eq!(kept_of_twenty("FULL", Kept::Nothing), Some(20));
    assert_eq!(kept_of_twenty("NORMAL", Kept::Nothing), Some(0));
    assert_eq!(kept_of_twenty("OFF", Kept::Nothing), Some(0));
    assert_eq!(kept_of_twenty("OFF", Kept::Everything), Some(20));
}

#[test]
fn unsynced_commits_reach_the_disk_in_part() {
    let counts: Vec<_> = (0..40).map(|seed| kept_of_twenty("NORMAL", Kept::Some(seed)).unwrap()).collect();
    assert!(counts.iter().any(|count| (1..20).contains(count)), "{counts:?}");
    assert!((0..40).all(|seed| kept_of_twenty("FULL", Kept::Some(seed)) == Some(20)));
}

#[test]
fn a_log_that_is_folded_in_without_syncs_leaves_a_torn_file() {
    let torn = (0..40).filter(|seed| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plain.db");
        let disk = Disk::new();
        disk::plug(folder.path(), &disk);
        let open = || Connection::open_with_flags_and_vfs(&file, OpenFlags::default(), disk::NAME).unwrap();
        let connection = open();
        connection
            .execute_batch(
                "PRAGMA journal_mode = wal; PRAGMA synchronous = OFF; CREATE TABLE t (n, x); CREATE INDEX i ON t (x)",
            )
            .unwrap();
        for n in 0..60 {
            connection.execute("INSERT INTO t VALUES (?1, hex(randomblob(300)))", [n]).unwrap();
        }
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        disk::plug(folder.path(), &disk.after_power_cut(Kept::Some(*seed)));
        let check = open().query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0));
        let whole = check.is_ok_and(|said| said == "ok");
        let rows = open().query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        !whole || rows != Ok(60)
    });
    assert!(torn.count() > 20, "the disk hardly ever tears anything");
}
