//! A driver that ends, in whatever way, is started again after a pause that grows; all others go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use punchd_contract::{Condition, DriverError, Health, Text};
use tokio::time::sleep;

use crate::site::{Ending, Site, Starts, always, played, work};

const HOUR: Duration = Duration::from_secs(3600);

fn fails() -> DriverError {
    DriverError(Text::new("The cable is not plugged in.", "线没有插好。"))
}

/// Each pause is twice the one before, up to two minutes, and at most a quarter longer.
fn pauses_grow(starts: &Starts, ran_for: f64) {
    let gaps = starts.gaps();
    assert!(gaps.len() > 20, "{gaps:?}");
    for (n, gap) in gaps.iter().enumerate() {
        let pause = 2f64.powi(n as i32).min(120.0);
        let slack = 0.01;
        assert!((pause..=pause * 1.25 + slack).contains(&(gap - ran_for)), "pause {n} of {gaps:?}");
    }
}

async fn is_started_again(play: fn() -> Ending, ran_for: f64, words: &str) {
    let site = Site::new().await;
    let (bad, starts) = played(move |_, _| play());
    let (good, once) = always(work);
    let intake = site.start(vec![site.served(1, bad), site.served(2, good)]);
    site.until_says(1, Condition::Fault, words).await;
    sleep(HOUR).await;
    pauses_grow(&starts, ran_for);
    assert_eq!(site.says(1).0, Condition::Fault);
    assert_eq!((once.count(), site.says(2).0), (1, Condition::Working));
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_panics_before_its_first_await_is_started_again() {
    is_started_again(|| panic!("at once"), 0.0, "crashed").await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_panics_later_is_started_again() {
    let later = || {
        async {
            sleep(Duration::from_secs(7)).await;
            panic!("later")
        }
        .boxed()
    };
    is_started_again(later, 7.0, "crashed").await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_just_returns_is_started_again() {
    is_started_again(|| async { Ok(()) }.boxed(), 0.0, "ended by itself").await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_gives_up_is_started_again_and_its_sentence_is_shown() {
    is_started_again(|| async { Err(fails()) }.boxed(), 0.0, "The cable is not plugged in.").await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_ran_well_is_started_again_soon() {
    let site = Site::new().await;
    let (driver, starts) = played(|start, members| {
        async move {
            // Fails ten times, then runs for an hour, and fails again.
            if start == 10 {
                let _ = tokio::time::timeout(HOUR, work(members)).await;
            }
            Err(fails())
        }
        .boxed()
    });
    let intake = site.start(vec![site.served(1, driver)]);
    while starts.count() < 12 {
        sleep(Duration::from_secs(1)).await;
    }
    let gaps = starts.gaps();
    assert!(gaps[9] >= 120.0, "{gaps:?}");
    assert!((3600.0..3602.0).contains(&gaps[10]), "{gaps:?}");
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_hangs_silently_is_started_again_and_works() {
    let site = Site::new().await;
    let (driver, starts) = played(|start, members| {
        async move {
            if start == 0 {
                std::future::pending::<()>().await;
            }
            work(members).await
        }
        .boxed()
    });
    let (good, once) = always(work);
    let intake = site.start(vec![site.served(1, driver), site.served(2, good)]);
    site.until_says(1, Condition::Fault, "said nothing for ten minutes").await;
    site.until_says(1, Condition::Working, "Reading").await;
    sleep(24 * HOUR).await;
    assert_eq!((starts.count(), once.count()), (2, 1), "an idle driver that says how it is was started again");
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_only_looks_at_the_clock_has_not_hung() {
    let site = Site::new().await;
    let (driver, starts) = always(|members| async move {
        loop {
            sleep(Duration::from_secs(540)).await;
            members.iter().for_each(|member| {
                member.port.now();
            });
        }
    });
    let intake = site.start(vec![site.served(1, driver)]);
    sleep(24 * HOUR).await;
    assert_eq!(starts.count(), 1);
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn devices_that_share_one_thing_run_as_one_driver_and_fail_together() {
    let site = Site::new().await;
    let (driver, starts) = played(|start, members| {
        async move {
            assert_eq!(members.len(), 2);
            members.iter().for_each(|member| member.port.health(Health::working(Text::new("Open.", "已打开。"))));
            sleep(Duration::from_secs(5)).await;
            if start == 0 { Err(fails()) } else { work(members).await }
        }
        .boxed()
    });
    let mut devices = vec![site.served(1, driver), site.served(2, driver)];
    devices.iter_mut().for_each(|device| device.prepared.group = Some("0.0.0.0:8081".into()));
    let intake = site.start(devices);
    site.until_says(1, Condition::Fault, "cable").await;
    site.until_says(2, Condition::Fault, "cable").await;
    site.until_says(1, Condition::Working, "Reading").await;
    site.until_says(2, Condition::Working, "Reading").await;
    assert_eq!(starts.count(), 2);
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn devices_that_share_nothing_run_apart() {
    let site = Site::new().await;
    let (driver, starts) = always(|members| async move {
        assert_eq!(members.len(), 1);
        work(members).await
    });
    let mut devices = vec![site.served(1, driver), site.served(2, driver)];
    devices[0].prepared.group = Some("0.0.0.0:8081".into());
    devices[1].prepared.group = Some("0.0.0.0:8082".into());
    let intake = site.start(devices);
    site.until_says(1, Condition::Working, "Reading").await;
    site.until_says(2, Condition::Working, "Reading").await;
    assert_eq!(starts.count(), 2);
    intake.stop().await;
}

/// Counts down when a driver is let go of.
struct Held(Arc<AtomicUsize>);

impl Held {
    fn new(held: &Arc<AtomicUsize>) -> Self {
        held.fetch_add(1, Ordering::Relaxed);
        Self(held.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_go_of_everything_running_or_pausing() {
    let site = Site::new().await;
    let held = Arc::new(AtomicUsize::new(0));
    let holding = held.clone();
    let (running, _) = always(move |members| {
        let held = Held::new(&holding);
        async move {
            let _held = held;
            work(members).await
        }
    });
    let (pausing, starts) = always(|_| async { Err(fails()) });
    let intake = site.start(vec![site.served(1, running), site.served(2, pausing)]);
    site.until_says(2, Condition::Fault, "cable").await;
    assert_eq!(held.load(Ordering::Relaxed), 1);
    let before = tokio::time::Instant::now();
    intake.stop().await;
    assert_eq!(before.elapsed(), Duration::ZERO, "nothing had to be waited for");
    assert_eq!(held.load(Ordering::Relaxed), 0);
    let started = starts.count();
    sleep(HOUR).await;
    assert_eq!(starts.count(), started, "started again after the stop");
}

#[tokio::test(start_paused = true)]
async fn dropping_intake_stops_it_too() {
    let site = Site::new().await;
    let held = Arc::new(AtomicUsize::new(0));
    let holding = held.clone();
    let (driver, _) = always(move |members| {
        let held = Held::new(&holding);
        async move {
            let _held = held;
            work(members).await
        }
    });
    let intake = site.start(vec![site.served(1, driver)]);
    site.until_says(1, Condition::Working, "Reading").await;
    drop(intake);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(held.load(Ordering::Relaxed), 0);
}
