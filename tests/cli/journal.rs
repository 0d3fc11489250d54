//! Verifying and exporting, with and without a running agent.

use punchd::journal::Head;

use crate::common::{House, at, reading};
use crate::site::{QUIET, Site, mode};

async fn site() -> (Site, Head) {
    let house = House::new().await;
    house.submit((1..=20).map(|n| reading("1001", at(n * 10), n as u32))).await;
    let head = house.journal.head().await.unwrap();
    (Site::in_folder(house.close().await, QUIET), head)
}

#[tokio::test]
async fn an_export_verifies_alone_and_against_a_head_that_was_kept() {
    let (site, head) = site().await;
    let kept = format!("{}:{}", head.seq, head.digest);
    let file = site.path("all.jsonl");
    let file = file.to_str().unwrap();
    for with_agent in [false, true] {
        let _agent = with_agent.then(|| site.run());
        site.punchd(&["export", "--output", file]).exits(0).says("20 readings");
        assert_eq!(mode(&site.path("all.jsonl")), 0o600);
        assert!(!site.names().iter().any(|name| name.ends_with(".part")), "{:?}", site.names());
        site.punchd(&["verify", "--head", &kept]).exits(0).says(&kept);
        site.punchd(&["verify", "--export", file, "--head", &kept]).exits(0).says(&kept);
        assert_eq!(site.punchd(&["verify", "--json"]).exits(0).json()["whole"], true);
    }
    let whole = std::fs::read_to_string(file).unwrap();
    assert_eq!(site.punchd(&["export"]).exits(0).out, whole);
    site.write("altered.jsonl", &whole.replacen("\"credential\":\"1001\"", "\"credential\":\"1002\"", 1));
    let altered = site.path("altered.jsonl");
    site.punchd(&["verify", "--export", altered.to_str().unwrap()]).exits(1).says("BROKEN at reading 1");
    site.write("short.jsonl", &whole[..whole.len() / 2]);
    site.punchd(&["verify", "--export", site.path("short.jsonl").to_str().unwrap()]).exits(1);
    let other = kept.replace(&kept[kept.len() - 1..], if kept.ends_with('0') { "1" } else { "0" });
    site.punchd(&["verify", "--head", &other]).exits(1).says("BROKEN");
    site.punchd(&["verify", "--head", "7"]).exits(64).says("SEQ:DIGEST");
}

#[tokio::test]
async fn verify_names_the_first_broken_row_in_words() {
    for (vandalism, words) in [
        ("UPDATE reading SET credential = '1002' WHERE seq = 7", "BROKEN at reading 7"),
        ("DELETE FROM reading WHERE seq = 9", "readings 9 to 9 were removed"),
        ("DELETE FROM reading WHERE seq > 15", "the last reading is 15, but there was a reading 20"),
    ] {
        let (site, _) = site().await;
        rusqlite::Connection::open(site.path("journal.db")).unwrap().execute_batch(vandalism).unwrap();
        site.punchd(&["verify"]).exits(1).says(words);
        assert_eq!(site.punchd(&["verify", "--json"]).exits(1).json()["whole"], false);
    }
}

#[tokio::test]
async fn a_damaged_file_is_told_and_not_touched() {
    let (site, _) = site().await;
    let path = site.path("journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() * 6 / 10 / 4096 * 4096;
    bytes[middle..middle + 3 * 4096].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    site.punchd(&["verify"]).exits(1).says("damaged").says("systemctl restart punchd");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn an_export_that_cannot_be_written_says_where_and_why() {
    let (site, _) = site().await;
    site.punchd(&["export", "--output", "/nowhere/at/all.jsonl"]).exits(73).says("/nowhere/at/all.jsonl");
    site.punchd(&["export", "--output", site.path("none").join("..").to_str().unwrap()]).exits(73);
}
