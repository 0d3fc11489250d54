//! What a terminal does not answer or refuses stops nothing else, and a silence is not taken for "nothing happened".

use std::time::Duration;

use punchd_contract::{Condition, Value};
use punchd_zkteco::pull::protocol::bulk::Table;
use punchd_zkteco::pull::virtual_device::{Asked, Listens, Options};
use tokio::time::{Instant, sleep};

use super::{Site, records, terminal};

/// Everything that is asked besides the log itself, and the better of the two ways to the log.
const SIDE: [&[Asked]; 9] = [
    &[Asked::Command(500)],
    &[Asked::Command(201)],
    &[Asked::Command(50)],
    &[Asked::Command(11)],
    &[Asked::Command(1100)],
    &[Asked::Buffered(Table::Users)],
    &[Asked::Buffered(Table::Users), Asked::Command(9)],
    &[Asked::Buffered(Table::Punches)],
    &[Asked::Command(1502)],
];

async fn is_read(listens: Listens, change: impl FnOnce(&mut Options), case: &str) {
    let terminal = terminal(|options| {
        (options.listens, options.records, options.several_clients) = (listens, records(30), true);
        // A log that needs more than one packet.
        options.small_read = 100;
        change(options);
    });
    let transport = if listens == Listens::Udp { "udp" } else { "tcp" };
    let mut site = Site::quiet(terminal).with("timeout", Value::Duration(Duration::from_secs(3)));
    site = site.with("transport", Value::Text(transport.into())).start();
    let begun = Instant::now();
    let read = site.bench.until(Duration::from_secs(600), |bench| bench.readings().len() == 30).await;
    assert!(read, "{case} over {transport}: {:?}", site.bench.health_now());
    let took = begun.elapsed();
    let most = Duration::from_secs(if case == "all" { 90 } else { 45 });
    assert!(took < most, "{case} over {transport}: {took:?}");
    site.works().await;
    site.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_whatever_side_question_is_silent_or_refused_alone_and_in_pairs() {
    for listens in [Listens::Tcp, Listens::Udp] {
        for (n, first) in SIDE.iter().enumerate() {
            for second in &SIDE[n..] {
                let asked: Vec<Asked> = first.iter().chain(*second).copied().collect();
                is_read(listens, |options| options.odd.silent.clone_from(&asked), &format!("{asked:?} silent")).await;
                let refused = asked.iter().map(|asked| (*asked, 2001)).collect();
                is_read(listens, |options| options.odd.refuses = refused, &format!("{asked:?} refused")).await;
                let (silent, refused) = (first.to_vec(), second.iter().map(|asked| (*asked, 4989)).collect());
                let mixed = |options: &mut Options| (options.odd.silent, options.odd.refuses) = (silent, refused);
                is_read(listens, mixed, &format!("{first:?} silent, {second:?} refused")).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_even_if_everything_else_is_silent() {
    let all: Vec<Asked> = [11, 1100, 500, 201, 50, 1503, 9, 1502].map(Asked::Command).to_vec();
    is_read(Listens::Tcp, |options| options.odd.silent.clone_from(&all), "all").await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_question_is_left_out_and_said_and_the_polls_go_on() {
    let terminal = terminal(|options| {
        options.records = records(30);
        options.odd.silent = vec![Asked::Command(201)];
    });
    let site = Site::quiet(terminal).start();
    site.arrive(30).await;
    site.says(Condition::Working, &["its clock (201), it does not answer", "时钟（201）"]).await;
    sleep(Duration::from_secs(3600)).await;
    assert!(site.bench.health_history().iter().all(|health| health.condition != Condition::Fault));
    site.terminal.punch_now("1001");
    site.arrive(31).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_log_is_never_called_empty() {
    for code in [4989, 2001, 0xffff, 7777] {
        let refuses = vec![(Asked::Command(13), code), (Asked::Buffered(Table::Punches), code)];
        let site = Site::quiet(terminal(|options| options.odd.refuses.clone_from(&refuses))).start();
        site.says(Condition::Warning, &[&format!("code {code}"), "counts 0 records", "拒绝提供考勤记录"]).await;
        let site = Site::quiet(terminal(|options| {
            options.records = records(5);
            options.odd.refuses.clone_from(&refuses);
        }))
        .start();
        site.says(Condition::Fault, &[&format!("code {code}"), "counts 5 records"]).await;
        let site = Site::quiet(terminal(|options| {
            options.odd.refuses = refuses.iter().copied().chain([(Asked::Command(50), 2001)]).collect();
        }))
        .start();
        site.says(Condition::Fault, &[&format!("code {code}")]).await;
        let said = site.bench.health_history();
        assert!(said.iter().all(|health| !health.text.en.contains("empty")), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_refuses_its_log_still_tells_of_punches() {
    let refuses = vec![(Asked::Command(13), 4989), (Asked::Buffered(Table::Punches), 4989)];
    let site = Site::quiet(terminal(|options| options.odd.refuses = refuses)).start();
    site.says(Condition::Warning, &["code 4989"]).await;
    site.terminal.punch_now("1001");
    site.arrive(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_promises_events_and_sends_none_is_read_at_every_poll_whatever_its_count_does() {
    for stands_at in [Some(0), Some(6), Some(99), None] {
        let terminal = terminal(|options| {
            (options.records, options.odd.tells_nothing) = (records(6), true);
            options.odd.count_stands_at = stands_at;
            if stands_at.is_none() {
                options.odd.refuses = vec![(Asked::Command(50), 2001)];
            }
        });
        let site = Site::quiet(terminal).start();
        site.arrive(6).await;
        site.works().await;
        for n in 1..=5 {
            site.terminal.punch_now("1001");
            sleep(Duration::from_secs(121)).await;
            assert_eq!(site.bench.readings().len(), 6 + n, "count {stands_at:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_has_kept_its_promise_is_left_alone() {
    let site = Site::quiet(terminal(|options| options.records = records(300))).start();
    site.arrive(300).await;
    site.works().await;
    site.terminal.punch_now("1001");
    site.arrive(301).await;
    sleep(Duration::from_secs(120)).await;
    let reads = |site: &Site| site.bench.contacts().iter().filter(|contact| contact.records_read.is_some()).count();
    let before = reads(&site);
    sleep(Duration::from_secs(6 * 3600)).await;
    assert_eq!(reads(&site), before);
}
