//! Commands to a device: answered, bounded, and never carried out when nobody waits for them any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use punchd::intake::{Desk, Intake};
use punchd_contract::{Command, CommandError, Condition, Done, DriverError, Health, Text};
use tokio::time::{Instant, sleep};

use crate::site::{Site, always, work};

fn desk(intake: &Intake) -> Arc<Desk> {
    intake.desk("gate-1").unwrap().clone()
}

fn refused(outcome: Result<Done, CommandError>, words: &str) {
    match outcome {
        Err(CommandError::Failed(text) | CommandError::Unreachable(text)) => {
            assert!(text.en.contains(words) && !text.zh.is_empty(), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_reaches_the_driver_and_its_answer_comes_back() {
    let site = Site::new().await;
    let (driver, _) = always(|members| async move {
        loop {
            let request = members[0].port.request().await;
            let done = Done::said(Text::new(format!("{:?}", request.command), "好"));
            request.answer(Ok(done));
        }
    });
    let intake = site.start(vec![site.served(1, driver)]);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(desk(&intake).command(Command::Unlock).await.unwrap().text.en, "Unlock");
    assert!(intake.desk("gate-9").is_none());
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_driver_does_not_take_is_given_up_after_a_minute() {
    let site = Site::new().await;
    let (driver, _) = always(work);
    let intake = site.start(vec![site.served(1, driver)]);
    sleep(Duration::from_millis(1)).await;
    let asked = Instant::now();
    refused(desk(&intake).command(Command::Identify).await, "did not answer within a minute");
    assert_eq!(asked.elapsed().as_secs(), 60);
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_commands_than_may_wait_are_refused_at_once() {
    let site = Site::new().await;
    let (driver, _) = always(work);
    let intake = site.start(vec![site.served(1, driver)]);
    sleep(Duration::from_millis(1)).await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let desk = desk(&intake);
        waiting.spawn(async move { desk.command(Command::Identify).await });
    }
    sleep(Duration::from_secs(1)).await;
    let asked = Instant::now();
    refused(desk(&intake).command(Command::Identify).await, "busy");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert_eq!(waiting.join_all().await.len(), 8);
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_the_driver_drops_is_answered() {
    let site = Site::new().await;
    let (driver, _) = always(|members| async move {
        let _dropped = members[0].port.request().await;
        panic!("while it unlocks")
    });
    let intake = site.start(vec![site.served(1, driver)]);
    sleep(Duration::from_millis(1)).await;
    refused(desk(&intake).command(Command::Unlock).await, "restarted");
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn commands_that_wait_when_the_driver_ends_are_answered() {
    let site = Site::new().await;
    let (driver, _) = always(|members| async move {
        members[0].port.health(Health::working(Text::new("Working.", "正常。")));
        sleep(Duration::from_secs(10)).await;
        Ok::<(), DriverError>(())
    });
    let intake = site.start(vec![site.served(1, driver)]);
    site.until_says(1, Condition::Working, "").await;
    let asked = Instant::now();
    refused(desk(&intake).command(Command::Unlock).await, "restarted");
    assert_eq!(asked.elapsed().as_secs(), 10, "answered when the driver ended");
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_command_to_a_device_without_a_running_driver_says_so() {
    let site = Site::new().await;
    let (driver, _) = always(|_| async { Err(DriverError(Text::new("No such port.", "没有该端口。"))) });
    let intake = site.start(vec![site.served(1, driver)]);
    let at_once = desk(&intake).command(Command::Unlock).await;
    assert!(matches!(at_once, Err(CommandError::Unreachable(_))), "{at_once:?}");
    site.until_says(1, Condition::Fault, "No such port").await;
    let pausing = desk(&intake).command(Command::Unlock).await;
    assert!(matches!(&pausing, Err(CommandError::Unreachable(_))), "{pausing:?}");
    refused(pausing, "started again");
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_door_does_not_open_for_somebody_who_has_gone() {
    let site = Site::new().await;
    let opened = Arc::new(AtomicUsize::new(0));
    let opening = opened.clone();
    let (driver, _) = always(move |members| {
        let opening = opening.clone();
        async move {
            // The terminal cannot be reached for five minutes.
            sleep(Duration::from_secs(300)).await;
            loop {
                let request = members[0].port.request().await;
                opening.fetch_add(1, Ordering::Relaxed);
                request.answer(Ok(Done::said(Text::new("Open.", "已开门。"))));
            }
        }
    });
    let intake = site.start(vec![site.served(1, driver)]);
    sleep(Duration::from_millis(1)).await;
    refused(desk(&intake).command(Command::Unlock).await, "within a minute");
    sleep(Duration::from_secs(400)).await;
    assert_eq!(opened.load(Ordering::Relaxed), 0);
    desk(&intake).command(Command::Unlock).await.unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    intake.stop().await;
}
