//! docs/sources speaks of everything that the code relies on, and of nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;

use punchd::wecom::CODES;

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sources").join(name)).unwrap()
}

#[test]
fn every_code_of_wecom_has_a_row_that_says_what_stands_behind_it() {
    let page = page("wecom.md");
    let table = page.split_once("| code | stands on | note |").unwrap().1;
    let rows: Vec<Vec<&str>> = table.lines().skip(2).map(|row| row.split('|').map(str::trim).collect()).collect();
    let mut told = BTreeSet::new();
    for row in &rows {
        assert!(row[2].len() > 5, "nothing stands behind {}", row[1]);
        for code in row[1].split('`').skip(1).step_by(2) {
            assert!(told.insert(code.parse::<i64>().unwrap()), "{code} has two rows");
        }
    }
    assert_eq!(told, CODES.iter().map(|entry| entry.code).collect());
}

#[test]
fn the_first_page_names_every_other() {
    let first = page("README.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sources");
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || first.contains(&format!("]({name})")), "{name} stands in no row");
        pages += 1;
    }
    assert!(pages >= 2);
}
