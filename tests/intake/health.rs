//! Silence is a fault: whoever looks at the board sees how every device is, from the first moment.

use std::time::Duration;

use punchd_contract::{Condition, Health, Text};
use tokio::time::sleep;

use crate::site::{Site, always, work};

#[tokio::test(start_paused = true)]
async fn a_device_stands_on_the_board_before_its_driver_has_said_anything() {
    let site = Site::new().await;
    let (driver, _) = always(|_| std::future::pending());
    let intake = site.start(vec![site.served(1, driver)]);
    assert_eq!(site.says(1).0, Condition::Starting);
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_device_whose_driver_never_says_how_it_is_becomes_a_fault_with_a_sentence() {
    let site = Site::new().await;
    let (mute, starts) = always(|members| async move {
        loop {
            // Uses its port, so that it has not hung, and tells nobody anything.
            members.iter().for_each(|member| {
                member.port.now();
            });
            sleep(Duration::from_secs(10)).await;
        }
    });
    let (good, _) = always(work);
    let intake = site.start(vec![site.served(1, mute), site.served(2, good)]);
    sleep(Duration::from_secs(70)).await;
    let (condition, sentence) = site.says(1);
    assert_eq!(condition, Condition::Fault);
    assert!(sentence.contains("has not said"), "{sentence}");
    assert!(!site.state(1).unwrap().health.text.zh.is_empty());
    assert_eq!((starts.count(), site.says(2).0), (1, Condition::Working));
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_mute_member_of_a_group_is_a_fault_of_that_member_alone() {
    let site = Site::new().await;
    let (driver, _) = always(|mut members| async move {
        let _mute = members.pop();
        work(members).await
    });
    let mut devices = vec![site.served(1, driver), site.served(2, driver)];
    devices.iter_mut().for_each(|device| device.prepared.group = Some("one".into()));
    let intake = site.start(devices);
    sleep(Duration::from_secs(70)).await;
    assert_eq!((site.says(1).0, site.says(2).0), (Condition::Working, Condition::Fault));
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_speaks_late_is_believed() {
    let site = Site::new().await;
    let (driver, _) = always(|members| async move {
        sleep(Duration::from_secs(90)).await;
        members.iter().for_each(|member| member.port.health(Health::working(Text::new("At last.", "终于。"))));
        std::future::pending().await
    });
    let intake = site.start(vec![site.served(1, driver)]);
    site.until_says(1, Condition::Fault, "has not said").await;
    site.until_says(1, Condition::Working, "At last").await;
    sleep(Duration::from_secs(120)).await;
    assert_eq!(site.says(1).0, Condition::Working);
    intake.stop().await;
}
