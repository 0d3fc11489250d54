//! The manual's example is the one that is tested, and stays short; its messages are ones that are understood.
#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use punchd_contract::SerialNumber;
use punchd_process::protocol::FromProgram;

const MANUAL: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../examples/reader.py");

#[test]
fn the_example_in_the_manual_is_the_tested_one_and_has_at_most_40_lines() {
    let (_, after) = MANUAL.split_once("```python\n").unwrap();
    let (shown, _) = after.split_once("```").unwrap();
    assert_eq!(shown, EXAMPLE, "copy process/examples/reader.py into drivers/README.md");
    assert!(EXAMPLE.lines().count() <= 40, "{}", EXAMPLE.lines().count());
}

#[test]
fn every_message_that_the_manual_shows_is_understood() {
    let (_, after) = MANUAL.split_once("### What you say\n\n```\n").unwrap();
    let (shown, _) = after.split_once("```").unwrap();
    let serial = SerialNumber::new("A1").unwrap();
    let mut messages = 0;
    for line in shown.lines() {
        let message = line.split("  ").next().unwrap().trim();
        // What the manual leaves out is spelled out elsewhere.
        let message = message.replace("[…]", "[]").replace("{…}", "{}");
        let log = message.contains("\"batch\"").then_some(&serial);
        let read = FromProgram::parse(message.as_bytes(), log);
        assert!(read.is_ok(), "{message}: {read:?}");
        messages += 1;
    }
    assert_eq!(messages, 8);
}
