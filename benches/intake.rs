//! DESIGN §6 rows 1 and 2: durable readings a second from many devices, and the way of a single reading, each against a bare
//! loop of inserts that commits the same rows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::bare::{Bare, Rows};
use common::house::{self, House};
use common::{Gate, Target, events, folder, median, milliseconds, timed};
use punchd_contract::{AgentSide as _, Batch, Origin, Verdict};

const PEOPLE: usize = 2000;

/// Readings that devices submit, so many devices at once and so many readings a batch; ours and the bare loop take turns.
struct Shape {
    name: &'static str,
    devices: usize,
    batch: usize,
    /// Batches of each device in one turn.
    batches: usize,
    origin: Origin,
}

/// A shift begins: every device submits one punch after the other and waits for each receipt.
const LIVE: Shape = Shape { name: "64 devices, live", devices: 64, batch: 1, batches: 50, origin: Origin::Live };
/// After an outage: terminals submit their logs in the largest batches there are.
const LOGS: Shape = Shape { name: "8 devices, logs", devices: 8, batch: 1000, batches: 1, origin: Origin::Log };
const TURNS: usize = 40;

fn main() -> ExitCode {
    events::listen();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut gate = Gate::default();
    for shape in [LIVE, LOGS].iter().filter(|shape| common::chosen(shape.name)) {
        let ratio = runtime.block_on(many(shape));
        gate.hold(&format!("{}: ours / bare, readings a second", shape.name), ratio, Target::AtLeast(0.8));
    }
    if common::chosen("single reading") {
        let ratio = runtime.block_on(single());
        gate.hold("single reading: ours / bare, time", ratio, Target::AtMost(1.5));
    }
    gate.end()
}

/// Readings a second of ours over those of the bare loop: the median of the turns' ratios.
async fn many(shape: &Shape) -> f64 {
    let total = shape.devices * shape.batch * shape.batches;
    let (ours_in, bare_in) = (folder(), folder());
    House::open(bare_in.path(), shape.devices, PEOPLE).await.journal.close().await;
    let house = House::open(ours_in.path(), shape.devices, PEOPLE).await;
    let bare = Bare::open(bare_in.path());
    let (mut ours, mut bares, mut ratios, mut commits) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for turn in 0..TURNS {
        let batches = prepare(shape, turn);
        events::take_commits();
        let time = timed_turn(&house, batches).await;
        let mut transactions = events::take_commits();
        // The last one was empty, and waited until the journal had folded its log in as the bare loop does.
        transactions.pop();
        let rows = house.journal.read(move |sql| Ok(Rows::of(sql, (turn * total) as i64))).await.unwrap();
        assert_eq!((rows.len(), transactions.iter().sum::<usize>()), (total, total));
        let (bare_time, ()) = timed(|| bare.commit(&rows, &transactions));
        let second = |time: Duration| total as f64 / time.as_secs_f64();
        ours.push(second(time));
        bares.push(second(bare_time));
        ratios.push(second(time) / second(bare_time));
        commits += transactions.len();
    }
    house.journal.close().await;
    ratios.sort_by(f64::total_cmp);
    println!(
        "{}: ours {:.0}/s, bare {:.0}/s, {:.0} readings a transaction; ratios: a quarter below {:.2}, a quarter above {:.2} ({TURNS} turns of {total})",
        shape.name,
        median(&ours),
        median(&bares),
        (TURNS * total) as f64 / commits as f64,
        ratios[TURNS / 4],
        ratios[TURNS * 3 / 4],
    );
    median(&ratios)
}

async fn timed_turn(house: &House, batches: Vec<Vec<Batch>>) -> Duration {
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (desk, batches) in house.desks.iter().cloned().zip(batches) {
        tasks.spawn(async move {
            for batch in batches {
                let receipts = desk.submit(batch).await.unwrap();
                assert!(receipts.iter().all(|receipt| matches!(receipt.verdict, Verdict::Punch { .. })));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    house.journal.write(|_| Ok(())).await.unwrap();
    start.elapsed()
}

fn prepare(shape: &Shape, turn: usize) -> Vec<Vec<Batch>> {
    let batch = |device: usize, number: usize| {
        let reading = |place: usize| {
            let n = ((turn * shape.batches + number) * shape.devices + device) * shape.batch + place;
            punchd_contract::Reading { origin: shape.origin, ..house::reading(device, PEOPLE, n) }
        };
        Batch { readings: (0..shape.batch).map(reading).collect(), ..Batch::default() }
    };
    (0..shape.devices).map(|device| (0..shape.batches).map(|number| batch(device, number)).collect()).collect()
}

/// One reading from submission to receipt over one bare commit of the same rows: medians of many, taken in turns.
async fn single() -> f64 {
    const TURNS: usize = 600;
    let (ours_in, bare_in) = (folder(), folder());
    House::open(bare_in.path(), 1, PEOPLE).await.journal.close().await;
    let house = House::open(ours_in.path(), 1, PEOPLE).await;
    let bare = Bare::open(bare_in.path());
    let (mut ours, mut bares) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let batch = Batch { readings: vec![house::reading(0, PEOPLE, turn)], ..Batch::default() };
        let desk = house.desks[0].clone();
        let start = Instant::now();
        let receipts = desk.submit(batch).await.unwrap();
        ours.push(start.elapsed());
        assert!(matches!(receipts[0].verdict, Verdict::Punch { .. }));
        let rows = house.journal.read(move |sql| Ok(Rows::of(sql, turn as i64))).await.unwrap();
        assert_eq!(rows.len(), 1);
        bares.push(timed(|| bare.commit(&rows, &[1])).0);
    }
    let (ours, bares) = (median(&milliseconds(&ours)), median(&milliseconds(&bares)));
    println!("single reading: submit → receipt {ours:.3} ms, bare commit {bares:.3} ms (medians of {TURNS})");
    ours / bares
}
