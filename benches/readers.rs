//! A PN532 at a pseudo terminal: how long a person waits for the answer to a tap, and what an idle reader costs.
//!
//! The agent is whole (configuration, serial port, driver, journal on disk); the chip is the virtual one, on a thread of its own. What counts
//! is the time from the moment in which the chip tells of the card (the last time in a look: type B and FeliCa are looked at twice) until the
//! light that says what the receipt says; how long the card waited for that is shown beside it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use common::{Gate, Target, chosen, folder, median, milliseconds};
use punchd::agent::Agent;
use punchd::clock::SystemClock;
use punchd::config::Config;
use punchd::intake::lines::SystemLines;
use punchd::intake::registry::DRIVERS;
use punchd_contract::conformance::Bench;
use punchd_contract::{Condition, DeviceName, Kind, Member, Place, Value, Values};
use punchd_pn532::Pn532;
use punchd_pn532::protocol::frame::Frame;
use punchd_pn532::virtual_device::cards::Card;
use punchd_pn532::virtual_device::{Options, VirtualPn532};
use punchd_sim::pty::Pty;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

const TAPS: usize = 30;
const IDLE: Duration = Duration::from_secs(30);

/// A chip at a port, served by a thread of its own.
struct Board {
    chip: VirtualPn532,
    pty: Pty,
    _runtime: Runtime,
}

impl Board {
    fn at(link: &Path) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let chip = VirtualPn532::new(Options::default());
        let served = chip.clone();
        let serve = move |line| {
            let chip = served.clone();
            async move { chip.serve(line).await }
        };
        let pty = runtime.block_on(async { Pty::to(Some(link.to_owned()), serve) }).unwrap();
        Self { chip, pty, _runtime: runtime }
    }

    fn port(&self) -> String {
        self.pty.path().unwrap().display().to_string()
    }
}

fn main() -> ExitCode {
    let mut gate = Gate::default();
    let folder = folder();
    let board = Board::at(&folder.path().join("reader"));
    if chosen("tap") {
        taps(&mut gate, &board, folder.path());
    }
    if chosen("idle") {
        idle(&mut gate, &board);
    }
    gate.end()
}

fn taps(gate: &mut Gate, board: &Board, folder: &Path) {
    let config = format!(
        "[gateway]\nname = \"bench\"\nzone = \"Asia/Shanghai\"\ndata = \"{}\"\n\
         [[device]]\nname = \"gate\"\nkind = \"pn532\"\nport = \"{}\"\ngreen_pin = \"p30\"\nred_pin = \"p31\"\n\
         [[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"ww0123456789abcdef\"\n\
         secret = {{ file = \"secret\" }}\nbase_url = \"http://127.0.0.1:9\"\n",
        folder.join("data").display(),
        board.port()
    );
    std::fs::write(folder.join("punchd.toml"), config).unwrap();
    std::fs::write(folder.join("secret"), "none").unwrap();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (config, _) =
            Config::load(&folder.join("punchd.toml"), DRIVERS).map_err(|found| format!("{found:?}")).unwrap();
        let _agent = Agent::start(config, Arc::new(SystemClock::new().unwrap())).await.unwrap();
        // The first tap waits until the reader works.
        tap(&board.chip, Card::Classic(vec![0xFE; 4])).await;
        for (what, card) in [
            ("type A", (|n: u8| Card::Ntag(vec![4, n, 1, 2, 3, 4, 5])) as fn(u8) -> Card),
            ("type B", |n| Card::B([n, 1, 2, 3])),
            ("FeliCa", |n| Card::Felica([1, n, 3, 4, 5, 6, 7, 8])),
        ] {
            let (mut waited, mut answered) = (Vec::new(), Vec::new());
            for number in 0..TAPS {
                sleep(Duration::from_millis(700 + (number as u64 * 37) % 250)).await;
                let (wait, answer) = tap(&board.chip, card(number as u8)).await;
                waited.push(wait);
                answered.push(answer);
            }
            let (waited, answered) = (milliseconds(&waited), milliseconds(&answered));
            let typical = median(&answered);
            let (best, worst) = answered.iter().fold((f64::MAX, 0.0_f64), |(best, worst), ms| (best.min(*ms), worst.max(*ms)));
            println!(
                "{what}: the look has found it {:.0} ms after the tap (median of {TAPS}), the answer comes {best:.1} to {worst:.1} ms later",
                median(&waited),
            );
            gate.hold(&format!("tap to receipt above the card poll, {what}, ms"), typical, Target::AtMost(50.0));
        }
    });
}

/// How long it took until a look had found the card, and from then on until the light.
async fn tap(chip: &VirtualPn532, card: Card) -> (Duration, Duration) {
    chip.forget_pins();
    let start = Instant::now();
    chip.present(card.clone());
    let lit = loop {
        sleep(Duration::from_millis(1)).await;
        if let Some((lit, _)) = chip.pins_history().first() {
            break *lit;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "no answer");
    };
    let told = chip.told();
    let first = *told.first().unwrap();
    // The next look comes a fifth of a second after the end of this one.
    let found =
        told.into_iter().take_while(|told| *told < lit && *told - first < Duration::from_millis(150)).last().unwrap();
    chip.take(&card);
    // The light goes out, and the reader is empty.
    sleep(Duration::from_millis(2500)).await;
    (found - start, lit - found)
}

/// The driver alone on a thread of its own, with nothing to read.
fn idle(gate: &mut Gate, board: &Board) {
    let values = Values::new().with("port", Value::Line(Place::Serial(board.port().into())));
    let driver = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (bench, port) = Bench::with_lines(punchd_contract::conformance::EPOCH, Arc::new(SystemLines));
            let member = Member {
                device: DeviceName::new("gate").unwrap(),
                zone: jiff::tz::TimeZone::UTC,
                settings: Arc::new(Pn532::settings(&values).unwrap()),
                port,
            };
            let driver = tokio::spawn(Pn532::run(vec![member]));
            let works = |bench: &Bench| bench.health_now().is_some_and(|now| now.condition == Condition::Working);
            assert!(bench.until(Duration::from_secs(10), works).await, "{:?}", bench.health_now());
            let before = on_cpu();
            sleep(IDLE).await;
            let spent = on_cpu() - before;
            driver.abort();
            spent
        })
    });
    let commands = board.chip.commands();
    let spent = driver.join().unwrap();
    let commands = board.chip.commands() - commands;
    let share = spent.as_secs_f64() / IDLE.as_secs_f64() * 100.0;
    let bare = bare(board, commands);
    println!(
        "idle: {:.1} ms in {} s for {commands} commands; a bare thread that does nothing but these: {:.1} ms",
        spent.as_secs_f64() * 1e3,
        IDLE.as_secs(),
        bare.as_secs_f64() * 1e3
    );
    gate.hold("idle reader, % of one core", share, Target::AtMost(0.1));
}

/// What the system alone takes for as many commands, in a thread that blocks: sleep, write, sleep, read.
fn bare(board: &Board, commands: u64) -> Duration {
    let mut port = std::fs::OpenOptions::new().read(true).write(true).open(board.port()).unwrap();
    let thread = std::thread::spawn(move || {
        let list = Frame::Command(vec![0x4A, 0x02, 0x00]).encode();
        let before = on_cpu();
        for _ in 0..commands {
            std::thread::sleep(IDLE / u32::try_from(commands).unwrap() - Duration::from_millis(20));
            port.write_all(&list).unwrap();
            std::thread::sleep(Duration::from_millis(20));
            let mut answer = [0; 64];
            assert!(port.read(&mut answer).unwrap() > 6, "no answer");
        }
        on_cpu() - before
    });
    thread.join().unwrap()
}

/// How long this thread has run, to the nanosecond.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}
