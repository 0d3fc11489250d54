//! Tells the program the time before which it cannot be running: that of its sources, so that builds stay reproducible.

use std::process::Command;

/// 2026-01-01T00:00:00Z: before that no punchd existed.
const EARLIEST_S: u64 = 1_767_225_600;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.trim().parse().ok());
    let built_after: u64 = given.or_else(last_commit).unwrap_or(EARLIEST_S);
    println!("cargo::rustc-env=PUNCHD_BUILT_AFTER_S={built_after}");
}

/// The time of the last commit, where this is a checkout and git is there.
fn last_commit() -> Option<u64> {
    // Its log of heads grows with every commit and checkout.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if std::path::Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["log", "-1", "--format=%ct"])?.parse().ok()
}

fn git(arguments: &[&str]) -> Option<String> {
    let answer = Command::new("git").args(arguments).output().ok().filter(|answer| answer.status.success())?;
    Some(String::from_utf8(answer.stdout).ok()?.trim().to_owned())
}
