//! The agent is killed again and again at random moments, while terminals punch and WeCom misbehaves in every way: nothing may
//! be lost, nothing may arrive twice (DESIGN §2, the promise and laws 1, 3, 5).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent;
mod crowd;
mod modes;

use std::time::Duration;

use punchd_sim::clock;
use punchd_sim::site::{Plan, Site};
use punchd_sim::standin::{Behaviour, Limits};
use tokio::time::{Instant, sleep, timeout};

use agent::Agent;
use crowd::Crowd;

/// How often the agent is killed.
const KILLS: usize = 210;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_killed_two_hundred_times_loses_no_punch_and_delivers_each_once() {
    let plan = Plan { people: 60, records: 0, limits: Limits::NONE, readers: None };
    let site = Site::start(plan, clock::real()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut agent = Agent::new(folder.path(), &site);
    let seed =
        std::env::var("PUNCHD_KILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("PUNCHD_KILL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let mut crowd = Crowd::new(&site, random.fork());
    let modes = modes::all();
    for kill in 0..KILLS {
        let mode = &modes[kill * modes.len() / KILLS];
        site.standin.set(mode.behaviour.clone());
        agent.start();
        // From within the start-up to well into the work.
        crowd.punch_for(Duration::from_millis(random.u64(5..450))).await;
        let taken = site.push.records().len() - site.push.unsent();
        agent.kill();
        let journalled =
            agent.count("SELECT count(*) FROM reading r JOIN device d USING (device) WHERE d.name = 'gate-push'");
        assert!(
            journalled >= taken as i64,
            "kill {kill} ({}): the push terminal was told OK for {taken} records, {journalled} are in the journal",
            mode.name
        );
        // A terminal tries again only after half a minute; its cable is pulled and put back instead.
        site.push.go_offline();
        site.push.go_online();
    }

    site.standin.set(Behaviour::default());
    agent.start();
    let records = site.readings().len();
    let end = Instant::now() + Duration::from_secs(150);
    loop {
        let account = site.account();
        let waiting = agent.count("SELECT count(*) FROM delivery WHERE state IN (0, 1, 2)");
        let readings = agent.count("SELECT count(*) FROM reading");
        if (account.is_right() && waiting == 0 && readings == records as i64) || Instant::now() > end {
            break;
        }
        sleep(Duration::from_millis(300)).await;
    }
    let account = site.account();
    let readings = agent.count("SELECT count(*) FROM reading");
    let parked = agent.count("SELECT count(*) FROM delivery WHERE state = 5");
    let open = agent.count("SELECT count(*) FROM delivery WHERE state IN (0, 1, 2)");
    println!("{records} records, {} delivered, {readings} readings, {parked} parked, {open} open", account.held);
    assert_eq!(readings, records as i64, "every record is in the journal once");
    assert_eq!(account.lost, [], "readings that nothing at WeCom covers ({parked} parked, {open} open)");
    assert_eq!(account.twice, [], "records that WeCom has twice");
    assert_eq!(account.invented, []);
    assert_eq!((parked, open), (0, 0));
    assert!(account.held > 1000, "the crowd has punched enough for the test to mean something: {}", account.held);
    timeout(Duration::from_secs(20), agent.stop()).await.unwrap();
    assert!(agent.verifies(), "the chain of readings verifies");
}
