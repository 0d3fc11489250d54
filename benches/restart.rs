//! DESIGN §6 row 3: how long the agent takes to be ready again, and how much memory it then has, with 1 million readings and
//! 100 000 waiting deliveries in the journal, against a journal with next to nothing.
//!
//! Each start is a process of its own over a journal whose last process died without a word. Ready means: the journal is open, the
//! agent and its five devices have been started, and the first new reading has its receipt.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::house::{self, House};
use common::{Gate, Target, folder, median, resident_kib};
use punchd::agent::Agent;
use punchd::clock::SystemClock;
use punchd::config::Config;
use punchd::intake::registry::DRIVERS;
use punchd_contract::{AgentSide as _, Batch, Origin, Verdict};

const DEVICES: usize = 5;
const PEOPLE: usize = 2000;
const STARTS: usize = 9;
/// How much more memory the large journal may cost before it counts as growing, in MiB: the allocator is not that even.
const UNEVEN: f64 = 1.5;

/// A journal to start over.
struct Size {
    name: &'static str,
    readings: usize,
    waiting: usize,
}

const SMALL: Size = Size { name: "small", readings: 1000, waiting: 0 };
const LARGE: Size = Size { name: "large", readings: 1_000_000, waiting: 100_000 };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1..).unwrap_or_default() {
        [word, folder, readings, waiting] if word == "fill" => {
            fill(Path::new(folder), readings.parse().unwrap(), waiting.parse().unwrap())
        }
        [word, folder, next] if word == "start" => start(Path::new(folder), next.parse().unwrap()),
        _ => compare(),
    }
}

fn compare() -> ExitCode {
    let mut gate = Gate::default();
    let folders = [SMALL, LARGE].map(|size| {
        let folder = folder();
        write_config(folder.path());
        let filled = again(&["fill", &text(folder.path()), &size.readings.to_string(), &size.waiting.to_string()]);
        println!("{} journal: {} readings, {} waiting, {}", size.name, size.readings, size.waiting, filled.trim());
        (size, folder)
    });
    let mut memory = Vec::new();
    for (size, folder) in &folders {
        let (mut warm, mut cold, mut resident) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..STARTS * 2 {
            let from_disk = number % 2 == 1 && forget_cached(&folder.path().join("data/journal.db"));
            let said = again(&["start", &text(folder.path()), &(size.readings + number).to_string()]);
            let numbers: Vec<f64> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
            if number % 2 == 0 {
                &mut warm
            } else if from_disk {
                &mut cold
            } else {
                continue;
            }
            .push(numbers[0]);
            resident.push(numbers[1] / 1024.0);
        }
        println!(
            "{} journal: ready after {:.1} ms; {:.1} ms where its file is not in the kernel's memory; {:.1} MiB resident (medians)",
            size.name,
            median(&warm),
            median(&cold),
            median(&resident),
        );
        if size.readings == LARGE.readings {
            gate.hold("restart with 1 million readings, ms", median(&warm), Target::AtMost(200.0));
            gate.hold("the same, its file not in the kernel's memory, ms", median(&cold), Target::AtMost(200.0));
        }
        memory.push(median(&resident));
    }
    gate.hold("resident memory, large − small journal, MiB", memory[1] - memory[0], Target::AtMost(UNEVEN));
    gate.end()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Runs this program again with these words.
fn again(words: &[&str]) -> String {
    let output =
        Command::new(std::env::current_exe().unwrap()).args(words).env("BENCH_SECRET", "secret").output().unwrap();
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Asks the kernel to forget a file's pages, which needs no rights; `false` where there is no such tool.
fn forget_cached(file: &Path) -> bool {
    let of = format!("if={}", file.display());
    Command::new("dd").args([&of, "iflag=nocache", "count=0", "status=none"]).status().is_ok_and(|done| done.success())
}

fn write_config(folder: &Path) {
    // Nobody answers at these addresses: the devices and the destination fail quietly behind the start.
    let devices: String = (0..DEVICES)
        .map(|device| {
            let name = house::device_name(device);
            format!("[[device]]\nname = \"{name}\"\nkind = \"zkteco-pull\"\naddress = \"127.0.0.1:{}\"\n", 10 + device)
        })
        .collect();
    let config = format!(
        "[gateway]\nname = \"bench\"\nzone = \"Asia/Shanghai\"\ndata = \"{}\"\n{devices}\
         [[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"ww0123456789abcdef\"\n\
         secret = {{ env = \"BENCH_SECRET\" }}\nbase_url = \"http://127.0.0.1:9\"\n",
        folder.join("data").display()
    );
    std::fs::write(folder.join("punchd.toml"), config).unwrap();
}

/// Fills the journal as devices would, and dies.
fn fill(folder: &Path, readings: usize, waiting: usize) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let file = folder.join("data/journal.db");
        let house = House::open(&folder.join("data"), DEVICES, PEOPLE).await;
        let all: Vec<usize> = (0..readings).collect();
        for (number, part) in all.chunks(1000).enumerate() {
            let device = number % DEVICES;
            let reading =
                |n: &usize| punchd_contract::Reading { origin: Origin::Log, ..house::reading(device, PEOPLE, *n) };
            let batch = Batch { readings: part.iter().map(reading).collect(), ..Batch::default() };
            let receipts = house.desks[device].submit(batch).await.unwrap();
            assert!(receipts.iter().all(|receipt| matches!(receipt.verdict, Verdict::Punch { .. })));
            // All but the last ones have arrived long ago.
            let arrived = (readings - waiting) as i64;
            let done = house.journal.write(move |write| {
                let mark = "UPDATE delivery SET state = 4, attempts = 1 WHERE state = 0 AND seq <= ?1";
                Ok(write.sql().prepare_cached(mark)?.execute([arrived])?)
            });
            done.await.unwrap();
        }
        println!("{} MiB", std::fs::metadata(file).unwrap().len() >> 20);
    });
    // As in a power cut: nothing is folded in, nobody says goodbye.
    std::process::abort()
}

/// Starts the agent; says after how many milliseconds it was ready, and how many KiB it then had.
fn start(folder: &Path, next: usize) -> ExitCode {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (config, _) =
            Config::load(&folder.join("punchd.toml"), DRIVERS).map_err(|found| format!("{found:?}")).unwrap();
        let agent = Agent::start(config, Arc::new(SystemClock::new().unwrap())).await.unwrap();
        let reading = house::reading(0, PEOPLE, next);
        let desk = agent.desk(&house::device_name(0)).unwrap();
        let receipts = desk.submit(Batch { readings: vec![reading], ..Batch::default() }).await.unwrap();
        let ready = began.elapsed();
        assert!(receipts[0].seq > 0);
        // What the start leaves to be done behind it counts as well.
        tokio::time::sleep(Duration::from_secs(2)).await;
        println!("{} {}", ready.as_secs_f64() * 1e3, resident_kib());
    });
    std::process::abort()
}
