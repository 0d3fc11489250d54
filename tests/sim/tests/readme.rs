//! What README.md says can be done: every change that it shows is accepted, every flag and field that exists is in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

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

/// The flags that `punchd-sim WORDS --help` knows, as they stand at the beginning of its lines.
fn flags(words: &[&str]) -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_punchd-sim")).args(words).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("-v, ").or(line.strip_prefix("-h, ")).unwrap_or(line);
        Some(line.strip_prefix("--")?.split_whitespace().next()?.to_owned())
    });
    listed.filter(|flag| flag != "help" && flag != "verbose").map(|flag| format!("--{flag}")).collect()
}

/// The flags of which a table of this part of the README speaks.
fn told(part: &str) -> Vec<String> {
    let cells = part.lines().filter_map(|line| line.strip_prefix("| `--"));
    let names = cells.map(|cell| cell.split([' ', '`']).next().unwrap_or_default());
    let mut told: Vec<String> = names.map(|name| format!("--{name}")).filter(|flag| flag != "--verbose").collect();
    told.sort();
    told
}

fn part<'a>(from: &str, to: &str) -> &'a str {
    README.split_once(from).unwrap().1.split_once(to).unwrap().0
}

#[test]
fn the_readme_explains_every_flag_and_none_that_does_not_exist() {
    let both = part("\nBoth:\n", "\n`zkteco-pull` alone:");
    let pull = part("\n`zkteco-pull` alone:\n", "\n`zkteco-push` alone:");
    let push = part("\n`zkteco-push` alone:\n", "\nLines of stdin");
    let wecom = part("\n`punchd-sim wecom`: ", "\n`punchd-sim people N`");
    for (words, parts, least) in [
        (&["wecom"][..], vec![wecom], 20),
        (&["device", "zkteco-pull"], vec![both, pull], 15),
        (&["device", "zkteco-push"], vec![both, push], 9),
    ] {
        // wecom's `--verbose` stands in its table, those of the devices nowhere: it is one for all.
        let mut known = flags(words);
        known.sort();
        assert!(known.len() >= least, "{known:?}");
        assert_eq!(told(&parts.concat()), known, "{words:?}");
    }
}

#[test]
fn the_orders_that_the_readme_names_are_understood_and_others_are_explained() {
    let told = part("| order | meaning |\n|---|---|\n", "\n\n");
    let words = told.lines().flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    let orders: Vec<String> =
        words.map(|order| order.replace("USER_ID", "1001").replace("SECONDS", "-7200")).chain(["fly".into()]).collect();
    assert_eq!(orders.len(), 5, "{orders:?}");
    let unreachable = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", unreachable.local_addr().unwrap());
    for kind in [&["zkteco-pull", "--listen", "127.0.0.1:0"][..], &["zkteco-push", "--server", &server]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_punchd-sim"));
        let mut sim = command.arg("device").args(kind).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut answers = BufReader::new(sim.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        assert!(answers.next().unwrap().contains("ready"));
        let mut stdin = sim.stdin.take().unwrap();
        for order in &orders {
            writeln!(stdin, "{order}").unwrap();
            let answer: serde_json::Value = serde_json::from_str(&answers.next().unwrap()).unwrap();
            match order.as_str() {
                "fly" => assert!(answer["wrong"]["why"].as_str().unwrap().contains("punch USER_ID"), "{answer}"),
                _ => assert_eq!(answer["done"]["order"], *order.as_str(), "{answer}"),
            }
        }
        sim.kill().unwrap();
        sim.wait().unwrap();
    }
}
