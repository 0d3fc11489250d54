//! What a push terminal uploads: kept once, answered only when it is on disk.

mod push_site;

use std::time::Duration;

use jiff::civil::date;
use punchd_contract::{AlertKind, Credential, Direction, Happened, Method, NotRecorded, Origin};
use punchd_zkteco::push::virtual_device::{Columns, Dialect, VirtualPushTerminal};
use push_site::{MINUTE, SERIAL, Site, body};

#[tokio::test(start_paused = true)]
async fn a_live_punch_arrives_with_its_time_method_and_direction() {
    let site = Site::new().await;
    let terminal = site.terminal();
    assert!(site.sees(|bench| !bench.contacts().is_empty()).await);
    let time = terminal.punch_now("1001");
    assert!(site.sees(|bench| bench.readings().len() == 1).await);
    let reading = site.bench.readings().remove(0);
    assert_eq!(reading.credential, Credential::UserId("1001".into()));
    assert_eq!(reading.happened, Happened::ByTerminal(time));
    assert_eq!((reading.origin, reading.method, reading.direction), (Origin::Live, Method::Finger, Direction::In));
}

#[tokio::test(start_paused = true)]
async fn every_dialect_delivers_every_punch_once_though_everything_is_sent_twice() {
    let wide = [Columns::Five, Columns::Seven, Columns::Ten].map(Dialect::Attendance);
    for dialect in wide.into_iter().chain([Dialect::Security]) {
        for keep_alive in [false, true] {
            let site = Site::new().await;
            let mut options = site.options();
            (options.dialect, options.keep_alive, options.everything_twice) = (dialect, keep_alive, true);
            let terminal = VirtualPushTerminal::start(options);
            for minute in 0..250_i16 {
                let time = date(2026, 1, 4).at(8, 0, 0, 0) + jiff::Span::new().minutes(minute);
                terminal.punch("1001", time, 1, 0);
            }
            assert!(site.sees(|bench| bench.readings().len() == 250).await, "{dialect:?} {:?}", terminal.last_answer());
            assert!(site.bench.until(MINUTE, |_| terminal.unsent() == 0).await);
            terminal.go_offline();
            terminal.punch_now("1002");
            tokio::time::sleep(10 * MINUTE).await;
            assert_eq!(terminal.unsent(), 1);
            terminal.go_online();
            assert!(site.sees(|bench| bench.readings().len() == 251).await, "{dialect:?}");
            assert!(site.bench.repeated() >= 250);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_terminal_is_told_ok_only_after_the_commit() {
    let site = Site::new().await;
    site.bench.delay(Duration::from_secs(3));
    let before = tokio::time::Instant::now();
    let answer = site.upload("ATTLOG", b"1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\n").await;
    assert!(before.elapsed() >= Duration::from_secs(3));
    assert_eq!(body(&answer), "OK: 1");
    assert_eq!(site.bench.readings().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_leaves_the_punch_on_the_terminal_until_there_is_room() {
    let site = Site::new().await;
    let terminal = site.terminal();
    assert!(site.sees(|bench| !bench.contacts().is_empty()).await);
    site.bench.refuse(Some(NotRecorded::DiskFull));
    terminal.punch_now("1001");
    tokio::time::sleep(3 * MINUTE).await;
    assert_eq!((terminal.unsent(), site.bench.readings().len()), (1, 0));
    assert!(terminal.refused() > 0);
    site.bench.refuse(None);
    assert!(site.sees(|bench| bench.readings().len() == 1).await);
    assert!(site.bench.until(MINUTE, |_| terminal.unsent() == 0).await);
}

#[tokio::test(start_paused = true)]
async fn a_batch_larger_than_the_contract_allows_goes_in_parts_and_counts_identical_lines() {
    let site = Site::new().await;
    let mut text = String::from("TABLE=ATTLOG\r\n");
    for number in 0..2500 {
        text.push_str(&format!("{number}\t2026-01-04 08:00:00\t0\t1\t0\t0\t0\r\n"));
    }
    text.push_str("7\t2026-01-04 09:00:00\t0\t1\t0\r\n7\t2026-01-04 09:00:00\t0\t1\t0\r\n");
    for _ in 0..2 {
        assert_eq!(body(&site.upload("ATTLOG", text.as_bytes()).await), "OK: 2502");
    }
    assert_eq!((site.bench.readings().len(), site.bench.repeated()), (2502, 2502));
    assert_eq!(site.bench.uploads().len(), 2);
    assert!(site.bench.uploads()[0].understood);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_read_is_kept_answered_and_shown() {
    let site = Site::new().await;
    let text = b"1001\t2026-01-05 08:00:00\t0\t1\t0\ngarbage\tnot-a-date\n1002\t2026-02-30 08:00:00\t0\t1\t0\n";
    assert_eq!(body(&site.upload("ATTLOG", text).await), "OK: 3");
    let readings = site.bench.readings();
    assert_eq!(readings[1].credential, Credential::Unreadable);
    assert_eq!(readings[1].raw, b"garbage\tnot-a-date");
    assert_eq!(
        (&readings[2].credential, readings[2].happened),
        (&Credential::UserId("1002".into()), Happened::Impossible)
    );
    assert!(site.bench.alerts().iter().any(|alert| alert.kind == AlertKind::NotUnderstood));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_table_is_kept_and_never_answered_ok() {
    let site = Site::new().await;
    for _ in 0..3 {
        let answer = site.upload("NEWTABLE", b"something=1\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(!body(&answer).contains("OK"), "{answer}");
    }
    for upload in site.bench.uploads() {
        let note = String::from_utf8(upload.body).unwrap();
        assert!(
            !upload.understood && note.contains("NEWTABLE: 1 lines, 12 bytes") && !note.contains("something"),
            "{note}"
        );
    }
    assert_eq!(site.bench.health_now().unwrap().condition, punchd_contract::Condition::Warning);
    let alerts = site.bench.alerts();
    assert_eq!(alerts.iter().filter(|alert| alert.kind == AlertKind::NotUnderstood).count(), 1);
    // The same after a restart: it was told.
    let mut site = site;
    site.kill().await;
    site.start().await;
    site.upload("NEWTABLE", b"something=1\n").await;
    assert_eq!(site.bench.alerts().len(), alerts.len());
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_by_hand_and_deleted_punches_raise_one_alert_each() {
    let site = Site::new().await;
    let mut options = site.options();
    options.everything_twice = true;
    let terminal = VirtualPushTerminal::start(options);
    terminal.set_clock_by_hand(jiff::SignedDuration::from_hours(-1));
    terminal.delete_punches_by_hand();
    terminal.operate("4", "1");
    assert!(site.sees(|bench| bench.alerts().len() >= 2).await);
    let line = b"OPLOG 21\t1\t2026-01-05 07:30:00\t0\t0\t0\t0\n";
    site.upload("OPERLOG", line).await;
    site.upload("OPERLOG", line).await;
    let kinds: Vec<AlertKind> = site.bench.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [AlertKind::ClockSet, AlertKind::PunchesDeleted, AlertKind::ClockSet]);
}

#[tokio::test(start_paused = true)]
async fn templates_photos_and_passwords_never_reach_the_agent() {
    let site = Site::new().await;
    let secret = "VEVNUExBVEVDT05URU5U";
    let operlog =
        format!("FP PIN=1\tFID=0\tSize=20\tValid=1\tTMP={secret}\nUSER PIN=1\tName=A\tPasswd={secret}\tCard=\n");
    assert_eq!(body(&site.upload("OPERLOG", operlog.as_bytes()).await), "OK: 2");
    let biodata = format!("BIODATA Pin=1\tNo=0\tTmp={secret}\n");
    assert_eq!(body(&site.upload("BIODATA", biodata.as_bytes()).await), "OK: 1");
    let photo =
        [b"PIN=20260105080000-1.jpg\nSN=X\nsize=20\nCMD=uploadphoto\0\xFF\xD8\xFF".as_slice(), secret.as_bytes()]
            .concat();
    assert_eq!(body(&site.upload("ATTPHOTO", &photo).await), "OK");
    assert_eq!(body(&site.post(&format!("/iclock/fdata?SN={SERIAL}"), &photo).await), "OK");
    let odd = format!("x=1\tContent={secret}\n");
    site.upload("STRANGE", odd.as_bytes()).await;
    assert_eq!(site.bench.uploads().len(), 5);
    for upload in site.bench.uploads() {
        assert!(!String::from_utf8_lossy(&upload.body).contains(secret), "{upload:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_people_of_a_chinese_terminal_are_read_in_its_encoding() {
    let site = Site::new().await;
    let _terminal = site.terminal();
    assert!(site.sees(|bench| bench.users().len() == 2).await, "{:?}", site.bench.health_history());
    let users = site.bench.users();
    assert_eq!((users[0].user_id.as_str(), users[0].name.as_str()), ("1001", "张三"));
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_the_middle_costs_no_punch() {
    let mut site = Site::new().await;
    let mut options = site.options();
    options.keep_alive = true;
    let terminal = VirtualPushTerminal::start(options);
    for round in 0..10 {
        for _ in 0..30 {
            terminal.punch_now("1001");
        }
        site.bench.delay(Duration::from_millis(500));
        tokio::time::sleep(Duration::from_millis(300 * round)).await;
        site.kill().await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        site.start().await;
    }
    assert!(site.sees(|bench| bench.readings().len() == 300).await, "{}", site.bench.readings().len());
}

#[tokio::test(start_paused = true)]
async fn door_events_without_a_person_stay_in_the_body() {
    let site = Site::new().await;
    let text = b"time=2026-01-05 08:00:00\tpin=0\tcardno=0\teventaddr=1\tevent=200\tinoutstatus=2\tverifytype=200\tindex=1\n\
                 time=2026-01-05 08:00:01\tpin=0\tcardno=16909060\teventaddr=1\tevent=27\tinoutstatus=0\tverifytype=4\tindex=2\n";
    assert!(body(&site.upload("rtlog", text).await).starts_with("OK"));
    let readings = site.bench.readings();
    assert_eq!(readings.len(), 1);
    assert_eq!(readings[0].credential, Credential::Card(vec![1, 2, 3, 4]));
    assert_eq!(site.bench.uploads()[0].body, text);
}
