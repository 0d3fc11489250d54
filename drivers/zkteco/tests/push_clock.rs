//! The terminal's clock follows ours: so ours must be right or silent.

mod push_site;

use jiff::SignedDuration;
use punchd_contract::conformance::Bench;
use punchd_contract::{Command, CommandError, Condition, Port};
use punchd_zkteco::push::virtual_device::{Dialect, VirtualPushTerminal};
use push_site::{SERIAL, Site, Timeless, has_date};
use tokio::sync::mpsc;

#[tokio::test(start_paused = true)]
async fn a_terminal_with_a_wrong_clock_and_zone_is_set_right_in_both_dialects() {
    for dialect in [None, Some(Dialect::Security)] {
        let site = Site::new().await;
        let mut options = site.options();
        options.zone = jiff::tz::TimeZone::UTC;
        options.dialect = dialect.unwrap_or(options.dialect);
        let terminal = VirtualPushTerminal::start(options);
        terminal.set_clock_by_hand(SignedDuration::from_hours(100));
        assert!(site.sees(|_| terminal.clock_off().abs() < SignedDuration::from_secs(2)).await);
        assert!(site.sees(|bench| !bench.contacts().is_empty()).await);
        assert_eq!(terminal.local_time().hour(), 8, "{dialect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_trusted_clock_no_answer_carries_a_time() {
    let (bench, _) = Bench::new("1970-01-01T00:00:00Z".parse().unwrap());
    let (_requests, receiver) = mpsc::channel(1);
    let port = Port::new(std::sync::Arc::new(Timeless(bench.clone())), receiver);
    let site = Site::over(bench, port, |values| values).await;
    let answers = [
        site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=2.2.14")).await,
        site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await,
        site.get(&format!("/iclock/rtdata?SN={SERIAL}&type=time")).await,
        site.upload("ATTLOG", b"1\t2026-01-05 08:00:00\t0\t1\n").await,
    ];
    for answer in &answers {
        assert!(!has_date(answer) && !answer.contains("TimeZone") && !answer.contains("DateTime"), "{answer}");
    }
    assert!(answers[0].contains("GET OPTION FROM"));
    assert_eq!(site.bench.readings().len(), 1);
    let health = site.bench.health_now().unwrap();
    assert_eq!(health.condition, Condition::Warning);
    assert!(health.text.en.contains("time"), "{}", health.text);
}

#[tokio::test(start_paused = true)]
async fn a_trusted_clock_gives_date_zone_and_the_number_in_utc() {
    let site = Site::new().await;
    let hello = site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=2.4.1&language=83")).await;
    assert!(hello.contains("Date: Mon, 05 Jan 2026 00:0"), "{hello}");
    assert!(hello.contains("\nTimeZone=8\n") && hello.contains("\nPushProtVer=2.3.0\n"), "{hello}");
    let time = site.get(&format!("/iclock/rtdata?SN={SERIAL}&type=time")).await;
    assert!(time.contains("ServerTZ=+0800"), "{time}");
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_set_on_command_and_the_answer_says_what_is_not_proven() {
    let site = Site::new().await;
    let _terminal = site.terminal();
    assert!(site.sees(|bench| !bench.contacts().is_empty()).await);
    let done = site.bench.command(Command::SetClock).await.unwrap();
    assert!(done.text.en.contains("look at its display"), "{}", done.text);
    assert!(matches!(site.bench.command(Command::Identify).await, Err(CommandError::Unsupported)));
}

#[tokio::test(start_paused = true)]
async fn people_are_stored_and_removed_and_the_door_opens() {
    let site = Site::new().await;
    let terminal = site.terminal();
    assert!(site.sees(|bench| bench.users().len() == 2).await);
    let enrol =
        |user_id: &str| Command::EnrolPerson { user_id: user_id.into(), name: "王\t五\n".into(), card: Some(7) };
    site.bench.command(enrol("1003")).await.unwrap();
    assert_eq!(terminal.users().get("1003").map(String::as_str), Some("王 五"));
    assert_eq!(site.bench.users().len(), 3);
    assert!(matches!(site.bench.command(enrol("1\nC:9:CLEAR LOG")).await, Err(CommandError::Failed(_))));
    site.bench.command(Command::DeletePerson { user_id: "1003".into() }).await.unwrap();
    assert_eq!((terminal.users().len(), site.bench.users().len()), (2, 2));
    let unknown = site.bench.command(Command::DeletePerson { user_id: "9".into() }).await;
    assert!(matches!(unknown, Err(CommandError::Failed(_))), "{unknown:?}");
    site.bench.command(Command::Unlock).await.unwrap();
    assert_eq!(terminal.unlocked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_nobody_fetches_is_answered_in_time() {
    let site = Site::new().await;
    let terminal = site.terminal();
    assert!(site.sees(|bench| !bench.contacts().is_empty()).await);
    terminal.go_offline();
    assert!(matches!(site.bench.command(Command::Unlock).await, Err(CommandError::Unreachable(_))));
    assert_eq!(terminal.unlocked(), 0);
}
