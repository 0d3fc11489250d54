//! DESIGN §6 row 4: a backlog of 100 000 punches goes to the stand-in, which has no rate limit here.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::house::{self, House};
use common::{Gate, Target, events, folder, median};
use punchd::clock::SystemClock;
use punchd::delivery::{Delivery, Spec};
use punchd::health::Board;
use punchd::journal::DestinationId;
use punchd::wecom::{App, AppSettings, BaseUrl};
use punchd_contract::{AgentSide as _, Batch, Origin, Secret};
use punchd_sim::clock::real;
use punchd_sim::standin::{CORP_ID, Limits, Options, SECRET, Standin};
use tokio::sync::Notify;

const BACKLOG: usize = 100_000;
const PEOPLE: usize = 2000;
const ROUNDS: usize = 3;
/// What "the same at the end as at the start" allows the machine to be uneven.
const EVEN: f64 = 1.25;

fn main() -> ExitCode {
    events::listen();
    let sender = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // The stand-in has a thread of its own, as a server elsewhere would.
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (mut rates, mut growths) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let mut options = Options::new(real());
        options.limits = Limits::NONE;
        options.max_held = options.max_held.max(BACKLOG);
        let standin = server.block_on(Standin::start(options)).unwrap();
        let (rate, growth) = sender.block_on(deliver(&standin, round));
        rates.push(rate);
        growths.push(growth);
        let _inside = server.enter();
        drop(standin);
    }
    let mut gate = Gate::default();
    gate.hold("a backlog of 100 000: records a second", median(&rates), Target::AtLeast(20_000.0));
    gate.hold("a batch of the last tenth / of the first tenth, time", median(&growths), Target::AtMost(EVEN));
    gate.end()
}

/// Records a second, and what a batch of the last tenth costs over one of the first.
async fn deliver(standin: &Standin, round: usize) -> (f64, f64) {
    let folder = folder();
    let house = House::open(folder.path(), 8, PEOPLE).await;
    fill(&house).await;
    let waiting = house.journal.read(|sql| count(sql, 0)).await.unwrap();
    assert_eq!(waiting, BACKLOG);
    events::take_deliveries();
    let start = Instant::now();
    let clock = Arc::new(SystemClock::new().unwrap());
    let delivery = Delivery::start(
        vec![spec(standin)],
        house.journal.clone(),
        clock,
        Arc::new(Board::default()),
        Arc::new(Notify::new()),
    );
    let mut batches = Vec::new();
    while batches.iter().map(|(_, records)| records).sum::<usize>() < BACKLOG {
        assert!(start.elapsed() < Duration::from_secs(300), "it does not arrive");
        tokio::time::sleep(Duration::from_millis(5)).await;
        batches.extend(events::take_deliveries());
    }
    let (end, _) = batches[batches.len() - 1];
    delivery.stop().await;
    assert_eq!(standin.held().len(), BACKLOG);
    assert_eq!(house.journal.read(|sql| count(sql, 3)).await.unwrap(), BACKLOG, "all are delivered in the journal");
    house.journal.close().await;

    let rate = BACKLOG as f64 / (end - start).as_secs_f64();
    let gaps: Vec<f64> = batches.windows(2).map(|two| (two[1].0 - two[0].0).as_secs_f64() * 1e3).collect();
    let tenth = gaps.len() / 10;
    let (first, last) = (median(&gaps[..tenth]), median(&gaps[gaps.len() - tenth..]));
    println!(
        "round {round}: {rate:.0} records a second, {} batches; a batch takes {first:.2} ms in the first tenth, {last:.2} ms in the last (medians)",
        batches.len()
    );
    (rate, last / first)
}

fn count(sql: &rusqlite::Connection, state: i64) -> Result<usize, punchd::journal::JournalError> {
    Ok(sql.query_row("SELECT count(*) FROM delivery WHERE state = ?1", [state], |row| row.get::<_, i64>(0))? as usize)
}

fn spec(standin: &Standin) -> Spec {
    let mut settings = AppSettings::new(CORP_ID, Secret::new(SECRET));
    settings.http.base_url = BaseUrl::parse(&standin.base_url()).unwrap();
    settings.writes_per_minute = NonZeroU32::MAX;
    settings.reads_per_minute = NonZeroU32::MAX;
    Spec::new(DestinationId(1), "wecom", Arc::new(App::new(settings)))
}

async fn fill(house: &House) {
    for batch in 0..BACKLOG / 1000 {
        let device = batch % house.desks.len();
        let reading =
            |n| punchd_contract::Reading { origin: Origin::Log, ..house::reading(device, PEOPLE, batch * 1000 + n) };
        let batch = Batch { readings: (0..1000).map(reading).collect(), ..Batch::default() };
        house.desks[device].submit(batch).await.unwrap();
    }
}
