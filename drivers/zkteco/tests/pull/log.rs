//! The log: read whole or not at all, continued where it was left, each record known again.

use std::time::Duration;

use punchd_contract::{AlertKind, Condition, Credential, Direction, Happened, Method, NotRecorded, Origin, Value};
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::protocol::user::UserForm;
use punchd_zkteco::pull::virtual_device::{Fault, Listens, Options, VirtualRecord};
use tokio::time::sleep;

use super::{Site, minutes_later, records, terminal};

async fn five_thousand_arrive(change: impl FnOnce(&mut Options), fault: Option<Fault>) {
    let terminal = terminal(|options| {
        options.records = records(5000);
        change(options);
    });
    fault.into_iter().for_each(|fault| terminal.set_fault(fault));
    let site = Site::quiet(terminal).start();
    let readings = site.arrive(5000).await;
    for (n, reading) in (0..).zip(&readings) {
        assert_eq!(reading.credential, Credential::UserId((1001 + n % 3).to_string()));
        assert_eq!(reading.happened, Happened::ByTerminal(minutes_later(n)));
        assert_eq!((reading.method, reading.origin), (Method::Finger, Origin::Log));
        assert_eq!(reading.direction, if n % 2 == 0 { Direction::In } else { Direction::Out });
    }
    site.works().await;
    let contact = site.bench.contacts().pop().unwrap();
    assert_eq!((contact.records_claimed, contact.records_read), (Some(5000), Some(5000)));
    assert!(site.bench.alerts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_long_log_arrives_whole_over_tcp_in_small_blocks_and_pieces() {
    five_thousand_arrive(|o| (o.listens, o.tcp_block) = (Listens::Tcp, 1008), Some(Fault::Pieces(300))).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_log_arrives_whole_over_tcp_in_one_frame_a_slice() {
    five_thousand_arrive(|o| (o.listens, o.slices_at_once) = (Listens::Tcp, true), None).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_log_arrives_whole_over_udp() {
    five_thousand_arrive(|o| o.listens = Listens::Udp, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_log_arrives_whole_without_buffered_reads() {
    five_thousand_arrive(|o| (o.buffered, o.tcp_block) = (false, 1008), None).await;
}

#[tokio::test(start_paused = true)]
async fn records_of_all_sizes_arrive_whole() {
    for size in [8, 16, 40, 49, 64] {
        five_thousand_arrive(
            |o| {
                o.record_size = size;
                o.user_form = if size < 40 { UserForm::Short } else { UserForm::Long };
            },
            None,
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_log_that_breaks_off_in_the_middle_is_taken() {
    let terminal = terminal(|options| options.records = records(5000));
    terminal.set_fault(Fault::CutAfter(120_000));
    let site = Site::quiet(terminal).start();
    site.says(Condition::Fault, &["broke"]).await;
    assert!(site.bench.readings().is_empty());
    site.arrive(5000).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_only_what_is_new_is_submitted() {
    let mut site = Site::quiet(terminal(|options| options.records = records(2500))).start();
    site.arrive(2500).await;
    site.works().await;
    site.stop().await;
    site.terminal.punch_now("1001");
    site.terminal.punch_now("1001");
    site.go_on();
    let readings = site.arrive(2502).await;
    let occurrences: Vec<_> = readings.iter().rev().take(2).map(|r| r.key.as_ref().unwrap().occurrence()).collect();
    assert_eq!(occurrences, [2, 1], "two in one second are two");
    assert_eq!(site.bench.repeated(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_log_that_overwrites_its_oldest_loses_and_doubles_nothing() {
    let mut site = Site::quiet(terminal(|options| (options.records, options.capacity) = (records(50), 50))).start();
    site.arrive(50).await;
    site.works().await;
    site.stop().await;
    for n in 0..5 {
        site.terminal.punch("1002", minutes_later(1000 + n), 1, 0);
    }
    site.go_on();
    site.arrive(55).await;
    assert_eq!(site.bench.repeated(), 45);
    let kinds: Vec<_> = site.bench.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [AlertKind::Other]);
}

#[tokio::test(start_paused = true)]
async fn deleting_records_on_the_terminal_is_told_and_deletes_nothing_here() {
    let site = Site::quiet(terminal(|options| options.records = records(50))).start();
    site.arrive(50).await;
    site.works().await;
    site.terminal.delete_oldest(20);
    let told = |bench: &punchd_contract::conformance::Bench| {
        bench.alerts().iter().any(|alert| alert.kind == AlertKind::PunchesDeleted)
    };
    assert!(site.bench.until(Duration::from_secs(200), told).await);
    site.arrive(50).await;
}

#[tokio::test(start_paused = true)]
async fn a_date_that_does_not_exist_is_kept_for_a_person() {
    let thirty_first_of_february = RawTime((26 * 12 * 31 + 31 + 30) * 86_400);
    let mut log = records(30);
    let odd = VirtualRecord { user_id: "1002".into(), time: thirty_first_of_february, verify: 2, state: 255 };
    log.insert(7, odd.clone());
    log.insert(9, odd);
    let site = Site::quiet(terminal(|options| options.records = log)).start();
    let readings = site.arrive(32).await;
    let odd: Vec<_> = readings.iter().filter(|reading| reading.happened == Happened::Impossible).collect();
    assert_eq!(odd.len(), 2);
    assert!(odd.iter().all(|r| r.raw.len() == 40 && r.method == Method::Card && r.direction == Direction::Unsaid));
}

#[tokio::test(start_paused = true)]
async fn a_count_that_differs_is_shown_and_told_once_and_gates_nothing() {
    let site = Site::quiet(terminal(|options| (options.records, options.count_off) = (records(300), -300))).start();
    site.arrive(300).await;
    site.says(Condition::Warning, &["0 records", "300 were read"]).await;
    site.terminal.punch_now("1001");
    site.arrive(301).await;
    sleep(Duration::from_secs(24 * 3600 + 100)).await;
    let told: Vec<_> = site.bench.alerts().iter().map(|alert| alert.kind).collect();
    // Once for 300 records and once for 301.
    assert_eq!(told, [AlertKind::CountsDiffer; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_log_of_an_unknown_record_size_is_refused_whole() {
    let nonsense = |n: u32| VirtualRecord {
        user_id: "1001".into(),
        time: RawTime((26 * 12 * 31 + 31 + 30) * 86_400 + n),
        verify: 1,
        state: 0,
    };
    // Neither contents nor count tell where a record ends.
    let log: Vec<_> = (0..30).map(nonsense).collect();
    let site = Site::quiet(terminal(|options| (options.records, options.count_off) = (log, 7))).start();
    site.says(Condition::Fault, &["1200 bytes", "37 records", "report"]).await;
    assert!(site.bench.readings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_gateway_cannot_record_stays_on_the_terminal_and_the_cursor_stays_behind() {
    let site = Site::quiet(terminal(|options| options.records = records(2500)));
    site.bench.refuse(Some(NotRecorded::DiskFull));
    let site = site.start();
    site.says(Condition::Fault, &["disk is full"]).await;
    assert_eq!(site.bench.cursor_now(), None);
    site.bench.refuse(None);
    site.arrive(2500).await;
    site.works().await;
    assert!(site.bench.cursor_now().is_some());
}

#[tokio::test(start_paused = true)]
async fn without_live_events_the_poll_finds_new_punches() {
    for (live_here, live_there) in [(false, true), (true, false)] {
        let terminal = terminal(|options| (options.records, options.live) = (records(20), live_there));
        let site = Site::quiet(terminal).with("live", Value::Boolean(live_here)).start();
        site.arrive(20).await;
        site.works().await;
        site.terminal.punch_now("1003");
        sleep(Duration::from_secs(70)).await;
        assert_eq!(site.arrive(21).await.last().unwrap().origin, Origin::Log);
    }
}

#[tokio::test(start_paused = true)]
async fn the_daily_read_finds_what_neither_events_nor_counts_show() {
    let site = Site::quiet(terminal(|options| (options.records, options.capacity) = (records(20), 20))).start();
    site.arrive(20).await;
    site.works().await;
    // It has kept its promise to tell of punches once.
    site.terminal.punch_now("1002");
    site.arrive(21).await;
    sleep(Duration::from_secs(120)).await;
    let time = RawTime::from_civil(minutes_later(50_000)).unwrap();
    site.terminal.record(VirtualRecord { user_id: "1003".into(), time, verify: 1, state: 0 });
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(site.bench.readings().len(), 21);
    sleep(Duration::from_secs(24 * 3600)).await;
    site.arrive(22).await;
}

#[tokio::test(start_paused = true)]
async fn the_cursor_moves_only_with_the_last_record() {
    let site = Site::quiet(terminal(|options| options.records = records(2500)));
    site.bench.delay(Duration::from_secs(1));
    let mut site = site.start();
    let half = |bench: &punchd_contract::conformance::Bench| bench.readings().len() == 1000;
    assert!(site.bench.until(Duration::from_secs(60), half).await);
    site.stop().await;
    assert_eq!(site.bench.cursor_now(), None);
    site.go_on();
    site.arrive(2500).await;
}
