//! What the benchmarks share: where they work, how they count, and how they say whether a number holds.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used)]

pub mod bare;
pub mod events;
pub mod house;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder of its own on the file system to measure: below `PUNCHD_BENCH_FOLDER`, or below `target/`.
pub fn folder() -> TempDir {
    let below = std::env::var_os("PUNCHD_BENCH_FOLDER").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    std::fs::create_dir_all(&below).unwrap();
    tempfile::Builder::new().prefix("bench-").tempdir_in(below).unwrap()
}

pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

/// Whether the words on the command line choose a part: none chooses all.
pub fn chosen(part: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--")).peekable();
    words.peek().is_none() || words.any(|word| part.contains(&word))
}

/// The one in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

pub fn milliseconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|time| time.as_secs_f64() * 1e3).collect()
}

/// Resident memory of this process in KiB.
pub fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// What a number must keep to.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// Collects which numbers hold; the process ends with 1 if one does not.
#[derive(Default)]
pub struct Gate {
    missed: usize,
}

impl Gate {
    pub fn hold(&mut self, what: &str, found: f64, target: Target) {
        let (held, sign, limit) = match target {
            Target::AtLeast(limit) => (found >= limit, "≥", limit),
            Target::AtMost(limit) => (found <= limit, "≤", limit),
        };
        println!("{} {what}: {found:.2} ({sign} {limit})", if held { "holds " } else { "MISSED" });
        self.missed += usize::from(!held);
    }

    pub fn end(self) -> ExitCode {
        ExitCode::from(u8::from(self.missed > 0))
    }
}
