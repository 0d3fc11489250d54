//! The pull driver against a virtual terminal: what it reads, what it refuses, what it says, what it does when asked.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

mod datagrams;
mod doubts;
mod finding;
mod layouts;
mod live;
mod log;
mod orders;
mod rows;
mod sentences;
mod silence;
mod two_alike;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, EPOCH, device_clock};
use punchd_contract::{Condition, DeviceName, Endpoint, Kind, Member, Port, Reading, Secret, Value, Values};
use punchd_zkteco::ZktecoPull;
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::virtual_device::{Options, VirtualRecord, VirtualTerminal, VirtualUser};
use tokio::task::JoinSet;

/// A terminal, an agent, and the driver between them.
struct Site {
    terminal: VirtualTerminal,
    bench: Bench,
    port: Port,
    values: Values,
    driver: JoinSet<()>,
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

/// A terminal with three people, on a loopback address of its own.
fn terminal(change: impl FnOnce(&mut Options)) -> VirtualTerminal {
    let mut options = Options::new(device_clock());
    options.listen = ([127, fastrand::u8(1..), fastrand::u8(..), fastrand::u8(16..)], 0).into();
    options.zone = shanghai();
    options.users = vec![
        VirtualUser { privilege: 14, ..VirtualUser::new(5, "1001", "王小明") },
        VirtualUser::new(6, "1002", "李四"),
        VirtualUser { card: 777, ..VirtualUser::new(7, "1003", "Ann") },
    ];
    change(&mut options);
    VirtualTerminal::start(options).unwrap()
}

fn member(values: &Values, port: Port) -> Member<<ZktecoPull as Kind>::Settings> {
    named_member("gate", values, port)
}

fn named_member(name: &str, values: &Values, port: Port) -> Member<<ZktecoPull as Kind>::Settings> {
    let settings = Arc::new(ZktecoPull::settings(values).unwrap());
    Member { device: DeviceName::new(name).unwrap(), zone: shanghai(), settings, port }
}

impl Site {
    /// With the driver not yet running.
    fn quiet(terminal: VirtualTerminal) -> Self {
        let (bench, port) = Bench::new(EPOCH);
        let address = terminal.address();
        let endpoint = Endpoint { host: address.ip().to_string(), port: address.port() };
        let values = Values::new().with("address", Value::Endpoint(endpoint));
        Self { terminal, bench, port, values, driver: JoinSet::new() }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.values = self.values.with(key, value);
        self
    }

    fn with_key(self, key: &str) -> Self {
        self.with("comm_key", Value::Secret(Secret::new(key)))
    }

    fn start(mut self) -> Self {
        self.go_on();
        self
    }

    fn go_on(&mut self) {
        self.go_on_as("gate");
    }

    fn go_on_as(&mut self, name: &str) {
        let member = named_member(name, &self.values, self.port.clone());
        self.driver.spawn(async move {
            let _ = ZktecoPull::run(vec![member]).await;
        });
    }

    async fn stop(&mut self) {
        self.driver.shutdown().await;
    }

    async fn arrive(&self, count: usize) -> Vec<Reading> {
        let there = self.bench.until(Duration::from_secs(600), |bench| bench.readings().len() >= count).await;
        let readings = self.bench.readings();
        assert!(there && readings.len() == count, "{} of {count}: {:?}", readings.len(), self.bench.health_now());
        readings
    }

    async fn says(&self, condition: Condition, words: &[&str]) {
        let said = |bench: &Bench| {
            bench.health_now().is_some_and(|health| {
                health.condition == condition && words.iter().all(|word| health.text.to_string().contains(word))
            })
        };
        let seen = self.bench.until(Duration::from_secs(900), said).await;
        assert!(seen, "wanted {condition:?} with {words:?}, said {:#?}", self.bench.health_now());
    }

    async fn works(&self) {
        let works = |bench: &Bench| {
            bench.health_now().is_some_and(|h| matches!(h.condition, Condition::Working | Condition::Warning))
        };
        assert!(self.bench.until(Duration::from_secs(900), works).await, "{:?}", self.bench.health_now());
    }
}

fn minutes_later(minutes: i64) -> DateTime {
    date(2026, 10, 1).at(8, 0, 0, 0).checked_add(jiff::Span::new().minutes(minutes)).unwrap()
}

/// A log of so many records, a minute apart.
fn records(count: i64) -> Vec<VirtualRecord> {
    let one = |n: i64| VirtualRecord {
        user_id: (1001 + n % 3).to_string(),
        time: RawTime::from_civil(minutes_later(n)).unwrap(),
        verify: 1,
        state: (n % 2) as u8,
    };
    (0..count).map(one).collect()
}
