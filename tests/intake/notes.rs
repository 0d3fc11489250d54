//! What is noted besides readings: contacts with terminals and strangers who want in, without wearing the disk.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use punchd_contract::{Batch, ClockShown, Contact, NotRecorded, Port, SerialNumber, Stranger};

use tokio::time::Instant;

use crate::common::{EVENING, House, at, reading};
use crate::site::{Site, Stall};

/// The moment of every look: no time goes by between them.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

const CONTACTS: &str = "SELECT count(*) FROM contact";
const STRANGERS: &str = "SELECT count(*) FROM stranger";

fn contact(offset: i64, records: u64) -> Contact {
    Contact {
        serial: Some(SerialNumber::new("SN1").unwrap()),
        address: Some("10.0.0.8:4370".into()),
        clock: Some(shows(offset)),
        records_claimed: Some(records),
        ..Contact::default()
    }
}

/// A clock that is so many milliseconds ahead of the evening of these tests.
fn shows(offset_ms: i64) -> ClockShown {
    ClockShown { shown: Timestamp::from_millisecond(EVENING * 1000 + offset_ms).unwrap(), at: *START }
}

fn bare(contact: Contact) -> Batch {
    Batch { contact: Some(contact), ..Batch::default() }
}

#[tokio::test]
async fn a_contact_that_tells_nothing_new_is_not_written() {
    let site = Site::new().await;
    let port = site.port();
    for offset in [100, 100, 2_000, -1_500] {
        assert_eq!(port.submit(bare(contact(offset, 5))).await, Ok(Vec::new()));
    }
    assert_eq!(site.house.count(CONTACTS).await, 1);
    port.submit(bare(contact(5_000, 5))).await.unwrap();
    assert_eq!(site.house.count(CONTACTS).await, 2, "its clock was moved");
    port.submit(bare(contact(5_000, 6))).await.unwrap();
    assert_eq!(site.house.count(CONTACTS).await, 3, "it has another record");
    let with_reading = Batch { readings: vec![reading("1001", at(0), 1)], ..bare(contact(5_000, 6)) };
    port.submit(with_reading).await.unwrap();
    assert_eq!(site.house.count(CONTACTS).await, 4, "the contact that brought a reading");
}

#[tokio::test]
async fn a_contact_that_was_not_recorded_is_still_news() {
    let site = Site::new().await;
    let port = site.port();
    let stall = Stall::of(&site.house.journal).await;
    // The writer's queue is full of others, so that this one does not even get in.
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let journal = site.house.journal.clone();
        others.spawn(async move { journal.write(|_| Ok(())).await });
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let given_up = tokio::time::timeout(Duration::from_millis(50), port.submit(bare(contact(0, 5)))).await;
    assert!(given_up.is_err());
    drop(stall);
    others.join_all().await;
    assert_eq!(site.house.count(CONTACTS).await, 0);
    port.submit(bare(contact(0, 5))).await.unwrap();
    assert_eq!(site.house.count(CONTACTS).await, 1);
}

#[tokio::test]
async fn a_contact_that_was_refused_is_still_news() {
    let site = Site::new().await;
    let port = site.port();
    let malformed = Batch { cursor: Some(punchd_contract::Cursor("x".repeat(70_000))), ..bare(contact(0, 5)) };
    assert!(matches!(port.submit(malformed).await, Err(NotRecorded::Malformed(_))));
    port.submit(bare(contact(0, 5))).await.unwrap();
    assert_eq!(site.house.count(CONTACTS).await, 1);
}

fn stranger(n: usize) -> Stranger {
    let serial = Some(SerialNumber::new(format!("X{n}")).unwrap());
    Stranger { kind: "zkteco-push", serial, address: "10.0.0.9".into(), detail: "pushver 2.4.1".into(), trouble: None }
}

/// Notes are taken in the background: waits until those of this call are there.
async fn told(house: &House, port: &Port, which: std::ops::Range<usize>, times: i64) {
    for n in which.clone() {
        port.stranger(stranger(n));
    }
    let seen = async {
        while house.count("SELECT coalesce(sum(times), 0) FROM stranger").await < times {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let there = tokio::time::timeout(Duration::from_secs(60), seen).await;
    assert!(there.is_ok(), "{which:?} were not noted");
}

#[tokio::test]
async fn a_stranger_is_noted_once_and_counted() {
    let site = Site::new().await;
    let port = site.port();
    told(&site.house, &port, 0..1, 1).await;
    told(&site.house, &port, 0..1, 2).await;
    told(&site.house, &port, 1..2, 3).await;
    assert_eq!(site.house.count(STRANGERS).await, 2);
}

#[tokio::test]
async fn a_flood_of_invented_serial_numbers_fills_neither_the_disk_nor_the_list() {
    let site = Site::new().await;
    let port = site.port();
    site.house
        .sql(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
             INSERT INTO stranger (serial, kind, address, detail, first_ms, last_ms, times)
               SELECT 'OLD' || n, 'zkteco-push', '10.0.0.7', '', n, n, 1 FROM n",
        )
        .await;
    for n in 0..20 {
        port.stranger(stranger(n));
        let serial = format!("SELECT count(*) FROM stranger WHERE serial = 'X{n}'");
        let serial: &'static str = serial.leak();
        let noted = async {
            while site.house.count(serial).await == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), noted).await.expect("who knocks now is shown");
    }
    assert_eq!(site.house.count(STRANGERS).await, 1000);
    assert_eq!(site.house.count("SELECT count(*) FROM stranger WHERE serial IN ('OLD1', 'OLD20')").await, 0);
    assert_eq!(site.house.count("SELECT count(*) FROM stranger WHERE serial = 'OLD21'").await, 1);
}

#[tokio::test]
async fn strangers_at_a_stalled_disk_do_not_pile_up() {
    let site = Site::new().await;
    let port = site.port();
    let stall = Stall::of(&site.house.journal).await;
    for n in 0..5_000 {
        port.stranger(stranger(n));
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(stall);
    // One more of the writer's turns than could have been waiting.
    for _ in 0..200 {
        site.house.journal.write(|_| Ok(())).await.unwrap();
    }
    let noted = site.house.count(STRANGERS).await;
    assert!((1..=64).contains(&noted), "{noted}");
    told(&site.house, &port, 9_999..10_000, noted + 1).await;
}
