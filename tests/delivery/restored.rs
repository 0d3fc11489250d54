//! A copy of the journal that is put back: what was sent since is not sent again, also where WeCom keeps duplicates.

use std::fs;

use punchd_sim::standin::Duplicates;

use crate::site::{Site, punches};

/// The journal's files as they are, to be put back later.
fn kept(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let names = ["journal.db", "journal.db-wal"].map(|name| folder.join(name));
    names.into_iter().filter_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes))).collect()
}

#[tokio::test]
async fn what_was_sent_after_the_copy_was_made_does_not_arrive_twice() {
    let mut site = Site::new().await;
    site.standin.behaviour(|behaviour| behaviour.duplicates = Duplicates::Keep);
    let all = punches(site.now_s(), 5, 3);
    site.punch(all.clone()).await;
    let mut copy = Vec::new();
    site.reopen(|folder| copy = kept(folder)).await;
    site.start();
    site.until_settled("sent").await;
    site.arrived_once("sent", &all);
    site.kill();
    site.reopen(|folder| {
        let _ = fs::remove_file(folder.join("journal.db-wal"));
        let _ = fs::remove_file(folder.join("journal.db-shm"));
        for (path, bytes) in &copy {
            fs::write(path, bytes).unwrap();
        }
    })
    .await;
    assert_eq!(site.states().await.get(&2), Some(&15), "all of it is in doubt");
    site.start();
    site.until_settled("read back").await;
    site.arrived_once("read back", &all);
}

#[tokio::test]
async fn what_the_copy_holds_and_was_never_sent_is_sent_once() {
    let mut site = Site::new().await;
    site.standin.behaviour(|behaviour| behaviour.duplicates = Duplicates::Keep);
    let all = punches(site.now_s(), 4, 2);
    site.punch(all.clone()).await;
    site.reopen(|folder| fs::remove_file(folder.join("journal.marker")).unwrap()).await;
    assert_eq!(site.states().await.get(&2), Some(&8));
    site.start();
    site.until_settled("sent").await;
    site.arrived_once("sent", &all);
}
