//! Punches as they happen: in all their sizes, in the middle of everything else, and never counted twice.

use std::time::Duration;

use punchd_contract::conformance::{Bench, EPOCH};
use punchd_contract::{Credential, Endpoint, Kind, Origin, Value, Values};
use punchd_zkteco::ZktecoPull;
use punchd_zkteco::pull::protocol::user::UserForm;
use punchd_zkteco::pull::virtual_device::{Fault, Listens};
use tokio::time::{Instant, sleep};

use super::{Site, member, records, terminal};

#[tokio::test(start_paused = true)]
async fn events_of_all_sizes_arrive_at_once_and_the_log_recognises_them() {
    let sizes = [(10, 8), (14, 8), (12, 16), (10, 16), (32, 40), (36, 40), (37, 40), (52, 49), (60, 40), (12, 40)];
    for (event_size, record_size) in sizes {
        let mut site = Site::quiet(terminal(|options| {
            (options.event_size, options.record_size) = (event_size, record_size);
            options.user_form = if record_size < 40 { UserForm::Short } else { UserForm::Long };
            options.records = records(9);
        }))
        .start();
        site.arrive(9).await;
        site.works().await;
        sleep(Duration::from_secs(1)).await;
        site.terminal.punch_now("1002");
        sleep(Duration::from_secs(1)).await;
        let live = site.bench.readings().pop().unwrap();
        let case = format!("event of {event_size}, records of {record_size}");
        assert_eq!((live.origin, &live.credential), (Origin::Live, &Credential::UserId("1002".into())), "{case}");
        site.stop().await;
        site.bench.forget_cursor();
        site.go_on();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(site.arrive(10).await.len(), 10, "{case}");
        assert_eq!(site.bench.repeated(), 10, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn punches_in_the_middle_of_a_long_read_are_neither_lost_nor_doubled() {
    for listens in [Listens::Tcp, Listens::Udp] {
        let terminal = terminal(|options| {
            (options.listens, options.records) = (listens, records(5000));
            (options.tcp_block, options.several_clients) = (1008, true);
        });
        terminal.set_fault(Fault::Slow(Duration::from_millis(700)));
        let site = Site::quiet(terminal).start();
        for n in 0..30 {
            sleep(Duration::from_millis(300)).await;
            site.terminal.punch_now(["1001", "1002", "1003"][n % 3]);
        }
        sleep(Duration::from_secs(400)).await;
        site.arrive(5030).await;
        assert_eq!(site.terminal.most_clients(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn two_punches_of_one_person_in_one_second_both_arrive() {
    let site = Site::quiet(terminal(|_| {})).start();
    site.works().await;
    site.terminal.punch_now("1001");
    site.terminal.punch_now("1001");
    let readings = site.arrive(2).await;
    let occurrences: Vec<_> = readings.iter().map(|reading| reading.key.as_ref().unwrap().occurrence()).collect();
    assert_eq!(occurrences, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_terminal_delays_nobody() {
    let (slow, quick) = (terminal(|_| {}), terminal(|_| {}));
    slow.set_fault(Fault::Silent);
    let benches: Vec<_> = [&slow, &quick].map(|_| Bench::new(EPOCH)).into();
    let members = [&slow, &quick].into_iter().zip(&benches).map(|(terminal, (_, port))| {
        let endpoint = Endpoint { host: terminal.address().ip().to_string(), port: terminal.address().port() };
        member(&Values::new().with("address", Value::Endpoint(endpoint)), port.clone())
    });
    let driver = tokio::spawn(ZktecoPull::run(members.collect()));
    let started = Instant::now();
    quick.punch_now("1001");
    let (_, (quick_bench, _)) = (&benches[0], &benches[1]);
    assert!(quick_bench.until(Duration::from_secs(5), |bench| bench.readings().len() == 1).await);
    assert!(started.elapsed() < Duration::from_secs(5));
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_is_stopped_says_goodbye() {
    let mut site = Site::quiet(terminal(|options| options.listens = Listens::Udp)).start();
    site.works().await;
    assert_eq!(site.terminal.clients(), 1);
    site.stop().await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(site.terminal.clients(), 0, "over UDP only EXIT ends a session");
}

#[tokio::test(start_paused = true)]
async fn two_punches_in_one_second_both_arrive_even_where_the_count_of_a_full_log_stands_still() {
    let site = Site::quiet(terminal(|options| (options.records, options.capacity) = (records(20), 20))).start();
    site.arrive(20).await;
    site.works().await;
    site.terminal.punch_now("1001");
    site.terminal.punch_now("1001");
    site.arrive(22).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_between_two_looks_is_told_before_the_punch_that_shows_it() {
    for off in [-7200_i64, 7200, -26 * 365 * 86_400] {
        let site = Site::quiet(terminal(|options| options.records = records(3))).start();
        site.arrive(3).await;
        site.works().await;
        sleep(Duration::from_secs(1)).await;
        site.terminal.set_clock_off(off);
        site.terminal.punch_now("1002");
        sleep(Duration::from_secs(1)).await;
        let offset = site.bench.offsets().last().copied();
        assert!(offset.is_some_and(|offset| (offset - off * 1000).abs() < 3_000), "{off}: {offset:?}");
    }
}
