//! What README.md says can be done: every change that it shows is accepted, every flag and field that exists is in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::process::Command;

use common::Bench;

const README: &str = include_str!("../README.md");

#[tokio::test]
async fn every_change_of_behaviour_that_the_readme_shows_is_accepted() {
    let bench = Bench::new().await;
    let changes: Vec<&str> = README.split("B '").skip(1).map(|rest| rest.split('\'').next().unwrap()).collect();
    assert!(changes.len() >= 9, "the table of things to break is gone");
    for change in changes.into_iter().filter(|change| !change.contains("refuses")) {
        let answer = bench.post("/behaviour", change).await;
        assert_eq!(answer.status, 200, "{change}: {}", answer.json());
    }
    assert_eq!(bench.post("/behaviour", r#"{"reach":{"refuses":60}}"#).await.status, 200);
}

#[tokio::test]
async fn the_readme_explains_every_field_of_the_behaviour() {
    let behaviour = Bench::new().await.get("/behaviour").await.json();
    for field in behaviour.as_object().unwrap().keys() {
        assert!(README.contains(&format!("`{field}`")), "{field}");
    }
}

#[test]
fn the_readme_explains_every_flag() {
    let help = Command::new(env!("CARGO_BIN_EXE_punchd-sim")).args(["wecom", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = help.split_whitespace().filter(|word| word.starts_with("--") && *word != "--help");
    let mut found = 0;
    for flag in flags {
        assert!(README.contains(&format!("`{flag}")), "{flag}");
        found += 1;
    }
    assert!(found > 20, "{help}");
}
