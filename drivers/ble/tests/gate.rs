//! What people and operators see of a device that notifies.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_ble::protocol::address::Address;
use punchd_ble::protocol::uuid::NUS;
use punchd_ble::terminal::BleOver;
use punchd_ble::virtual_device::{Rehearsed, VirtualAir};
use punchd_contract::conformance::{Bench, EPOCH};
use punchd_contract::{Condition, Credential, DeviceName, Kind, Member, Value, Values};
use tokio::task::JoinSet;
use tokio::time::sleep;

const AT: Address = Address([0xC0, 0, 0, 0, 0, 1]);

struct Gate {
    air: VirtualAir,
    bench: Bench,
    _driver: JoinSet<()>,
}

async fn gate(settings: &[(&str, &str)]) -> Gate {
    let air = VirtualAir::new();
    air.add(AT, "Gate", NUS, 20);
    let (bench, port) = Bench::new(EPOCH);
    let text = |text: &str| Value::Text(text.to_owned());
    let values = Values::new().with("device", text(&AT.to_string())).with("adapter", text(air.adapter()));
    let values = settings.iter().fold(values, |values, (key, word)| values.with(key, text(word)));
    let settings = Arc::new(BleOver::<Rehearsed>::settings(&values).unwrap());
    let member = Member { device: DeviceName::new("gate").unwrap(), zone: TimeZone::UTC, settings, port };
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        let _ = BleOver::<Rehearsed>::run(vec![member]).await;
    });
    let gate = Gate { air, bench, _driver: driver };
    assert!(gate.is(Condition::Working).await);
    gate
}

impl Gate {
    async fn is(&self, condition: Condition) -> bool {
        let is = |bench: &Bench| bench.health_now().is_some_and(|health| health.condition == condition);
        self.bench.until(Duration::from_secs(30), is).await
    }

    async fn send(&self, pieces: &[(u64, &[u8])]) {
        for (pause, piece) in pieces {
            sleep(Duration::from_millis(*pause)).await;
            assert!(self.air.notify(AT, piece));
        }
        sleep(Duration::from_secs(5)).await;
    }

    fn named(&self) -> Vec<String> {
        let named = |credential: Credential| match credential {
            Credential::UserId(user) => Some(user),
            _ => None,
        };
        self.bench.readings().into_iter().filter_map(|reading| named(reading.credential)).collect()
    }

    fn answers(&self) -> String {
        String::from_utf8(self.air.written(AT).0).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_message_credits_nobody_and_the_next_whole_one_does() {
    let gate = gate(&[]).await;
    for pause in [600, 3000, 60_000] {
        gate.send(&[(0, b"1002"), (pause, b"34\n"), (0, b"100234\n")]).await;
        sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(gate.named(), ["100234"; 3]);
    assert_eq!(gate.answers(), "ERROR\nERROR\nOK 测试\n".repeat(3));
    assert!(gate.bench.health_now().unwrap().text.en.starts_with("6 of the last 9 "));
}

#[tokio::test(start_paused = true)]
async fn fragments_are_one_message_and_the_same_again_later_is_another_presentation() {
    let gate = gate(&[]).await;
    for _ in 0..2 {
        gate.send(&[(0, b"EMP-0000000000100234"), (30, b"\r\n")]).await;
    }
    assert_eq!(gate.named(), ["EMP-0000000000100234"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_never_ends_its_messages_is_complained_about_and_heard_once_it_is_set_so() {
    let without = gate(&[]).await;
    without.send(&[(0, b"100234")]).await;
    assert_eq!(without.named(), [""; 0]);
    let health = without.bench.health_now().unwrap();
    assert!(health.condition == Condition::Warning && health.text.en.contains("framing = \"pause\""), "{health:?}");
    assert_eq!(without.bench.readings()[0].raw, b"100234");

    let set = gate(&[("framing", "pause")]).await;
    set.send(&[(0, b"100234"), (4000, b"34")]).await;
    assert_eq!(set.named(), ["100234", "34"]);
    // The rest of a message that hangs for two seconds (adafruit/Adafruit_BluefruitLE_nRF51 #5).
    set.send(&[(0, b"1002"), (2500, b"34")]).await;
    assert_eq!(set.named(), ["100234", "34"]);
    assert_eq!(set.bench.readings().pop().unwrap().raw, b"34");
}

#[tokio::test(start_paused = true)]
async fn a_tail_over_the_next_link_is_nobodys() {
    let gate = gate(&[]).await;
    gate.send(&[(0, b"777\n1002")]).await;
    gate.air.disconnect(AT);
    assert!(gate.is(Condition::Fault).await);
    let connected = async {
        while !gate.air.is_connected(AT) {
            sleep(Duration::from_millis(50)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(60), connected).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    gate.send(&[(0, b"34\n"), (0, b"100234\n")]).await;
    assert_eq!(gate.named(), ["777", "100234"]);
}

#[tokio::test(start_paused = true)]
async fn people_who_come_while_the_disk_is_slow_are_each_recorded_and_answered() {
    let gate = gate(&[]).await;
    gate.bench.delay(Duration::from_millis(1900));
    gate.send(&[(0, b"100234\n"), (350, b"34\n"), (350, b"35\n")]).await;
    assert_eq!(gate.named(), ["100234", "34", "35"]);
    assert_eq!(gate.answers(), "OK 测试\n".repeat(3));
}
