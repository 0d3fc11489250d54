//! DESIGN §6 row 5: the log of a terminal with 100 000 records of 40 bytes, read by us and by pyzk.
//!
//! Both make of every record what pyzk makes of it: an object of its own with user id, civil time, verify code and state. pyzk's
//! part is its `get_attendance` without the network; it runs as a program of its own, with the Python that `PUNCHD_PYZK_PYTHON`
//! names. What our driver does beyond that (raw bytes, keys and counts of identical records) is measured as well.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};

use common::{Gate, Target, folder, median, milliseconds, timed};
use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use punchd_contract::{Happened, Reading};
use punchd_zkteco::pull::protocol::layout::{Known, Log};
use punchd_zkteco::pull::protocol::record::{Record, RecordId, RecordSize};
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::readings_of_log;

const RECORDS: usize = 100_000;
/// pyzk copies what is left of the log for every record; read in pieces of this many records, that hardly counts.
const PIECE: usize = 1000;

/// What pyzk calls `Attendance`.
#[allow(dead_code)]
struct Attendance {
    user: String,
    at: Option<DateTime>,
    verify: u8,
    state: u8,
}

fn attendance(record: Record<'_>) -> Attendance {
    let user = match record.id {
        RecordId::Text(text) => String::from_utf8_lossy(text).into_owned(),
        RecordId::Row(row) => row.to_string(),
        RecordId::Number(number) => number.to_string(),
    };
    Attendance { user, at: record.time.civil(), verify: record.verify, state: record.state }
}

fn measured<T>(what: &str, read: impl Fn() -> Vec<T>) -> f64 {
    // pyzk is not timed while it frees what it has read, so neither are we.
    let one = || {
        let (time, read) = timed(&read);
        assert_eq!(black_box(read).len(), RECORDS);
        time
    };
    let times: Vec<_> = (0..21).map(|_| one()).collect();
    let time = median(&milliseconds(&times));
    println!("ours, {what}: {time:.2} ms, {:.0} ns a record (median of {})", time * 1e6 / RECORDS as f64, times.len());
    time
}

fn main() -> ExitCode {
    let body = log();
    let known = Known { claimed: Some(RECORDS as u32), ..Known::default() };
    let parse = || Log::open(&body, &known).unwrap().unwrap().records().map(attendance).collect();
    let read = || readings_of_log("CJ9D204960001", &body, Some(RECORDS as u32)).unwrap();
    let readings = read();
    let ours = measured("parsed", parse);
    let whole = measured("as readings to submit", read);
    let folder = folder();
    let file = folder.path().join("attlog.bin");
    std::fs::write(&file, &body).unwrap();
    let mut gate = Gate::default();
    for (piece, name) in [(RECORDS, "at once"), (PIECE, "in pieces of 1000")] {
        let Some(theirs) = pyzk(&file, piece, &readings) else {
            println!(
                "MISSED pyzk cannot be run: set PUNCHD_PYZK_PYTHON to a Python that has pyzk 0.9 (benches/README.md)"
            );
            return ExitCode::FAILURE;
        };
        println!("pyzk, {name}: {theirs:.1} ms");
        if piece == RECORDS {
            gate.hold("a log of 100 000 records: pyzk / ours, time", theirs / ours, Target::AtLeast(50.0));
        } else {
            println!("       for comparison, pyzk {name} / ours: {:.1}", theirs / ours);
        }
        println!("       for comparison, pyzk {name} / ours as readings to submit: {:.1}", theirs / whole);
    }
    gate.end()
}

/// As a terminal writes it: 500 people, a record every twenty seconds or so.
fn log() -> Vec<u8> {
    let size = RecordSize::new(40).unwrap();
    let start = date(2025, 1, 1).at(0, 0, 0, 0);
    let record = |n: usize| {
        let person = 1 + n * 7 % 500;
        let when = start.checked_add(SignedDuration::from_secs(n as i64 * 23)).unwrap();
        let user = (10_000 + person).to_string();
        size.encode(
            person as u16,
            RecordId::Text(user.as_bytes()),
            RawTime::from_civil(when).unwrap(),
            1,
            (n % 2) as u8,
        )
    };
    (0..RECORDS).flat_map(record).collect()
}

/// Milliseconds that pyzk takes, if it can be run; it must have read what we have.
fn pyzk(file: &Path, piece: usize, ours: &[Reading]) -> Option<f64> {
    let python = std::env::var_os("PUNCHD_PYZK_PYTHON")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pyzk_log.py");
    let output = Command::new(python).arg(script).arg(file).arg(piece.to_string()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let mut words = text.split_whitespace();
    let seconds: f64 = words.next()?.parse().ok()?;
    let theirs: Vec<&str> = words.collect();
    let show = |reading: &Reading| match reading.happened {
        Happened::ByTerminal(at) | Happened::ByTerminalAt(at, _) => format!("{},{at}", reading.credential.value()),
        _ => String::new(),
    };
    let expected = [ours.len().to_string(), show(ours.first()?), show(ours.last()?)];
    assert_eq!(theirs, expected, "pyzk and we read the same");
    Some(seconds * 1e3)
}
