//! A driver that blocks its thread: nothing can take the thread from it, and everything else goes on.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use punchd::intake::{Intake, Patience};
use punchd_contract::{Condition, Verdict};

use crate::site::{Site, always, played, tap, work};

const BOUND: Duration = Duration::from_secs(30);

fn impatient() -> Patience {
    let soon = Duration::from_millis(50);
    Patience { silence: soon, let_go: soon, ..Patience::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_driver_that_blocks_is_a_fault_gets_no_twin_and_keeps_nobody() {
    let site = Site::new().await;
    let (go_on, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(Some(blocked));
    let (blocking, starts) = played(move |_, members| {
        let blocked = blocked.lock().unwrap().take();
        async move {
            if let Some(blocked) = blocked {
                let _ = blocked.recv();
            }
            work(members).await
        }
        .boxed()
    });
    let (reading, _) = always(|members| async move {
        loop {
            let receipt = members[0].port.submit_one(tap("1001")).await.unwrap();
            assert!(matches!(receipt.verdict, Verdict::Punch { .. } | Verdict::Merged { .. }), "{receipt:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let intake = Intake::start(vec![site.served(1, blocking), site.served(2, reading)], impatient());
    site.until_says(1, Condition::Fault, "restart punchd").await;
    let before = site.house.count("SELECT count(*) FROM reading").await;
    let goes_on = async {
        while site.house.count("SELECT count(*) FROM reading").await < before + 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(BOUND, goes_on).await.expect("the other device goes on");
    assert_eq!(starts.count(), 1, "a second driver was started beside the one that is stuck");
    drop(go_on);
    // What the first one still says while it is let go of does not count.
    let again = async {
        while starts.count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(BOUND, again).await.expect("started again once it has let go");
    site.until_says(1, Condition::Working, "Reading").await;
    intake.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stopping_does_not_wait_for_a_driver_that_blocks() {
    let site = Site::new().await;
    let (go_on, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(blocked);
    let (entered, inside) = mpsc::channel();
    let entered = Mutex::new(entered);
    let (driver, _) = always(move |_| {
        entered.lock().unwrap().send(()).unwrap();
        let _ = blocked.lock().unwrap().recv();
        std::future::pending()
    });
    let intake = Intake::start(vec![site.served(1, driver)], impatient());
    tokio::task::spawn_blocking(move || inside.recv().unwrap()).await.unwrap();
    let stopped = tokio::time::timeout(BOUND, intake.stop()).await;
    drop(go_on);
    assert!(stopped.is_ok());
}
