//! A bench with the push driver listening on a free port, and ways to talk to it.
#![allow(dead_code, reason = "every test file uses another part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use punchd_contract::conformance::Bench;
use punchd_contract::{AgentSide, DeviceName, Endpoint, Kind, Member, Port, Value, Values};
use punchd_zkteco::ZktecoPush;
use punchd_zkteco::push::virtual_device::{Options, VirtualPushTerminal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

pub const SERIAL: &str = "CJ9D204960001";
pub const MINUTE: Duration = Duration::from_secs(60);

/// The agent, the driver and its address. Dropped, the driver stops.
pub struct Site {
    pub bench: Bench,
    pub server: String,
    pub values: Values,
    zone: TimeZone,
    port: Port,
    driver: JoinSet<()>,
}

impl Site {
    /// At eight in the morning in Shanghai.
    pub async fn new() -> Self {
        Self::with(|values| values).await
    }

    pub async fn with(more: impl FnOnce(Values) -> Values) -> Self {
        let (bench, port) = Bench::new("2026-01-05T00:00:00Z".parse().unwrap());
        Self::over(bench, port, more).await
    }

    /// At this time, with a terminal in this zone.
    pub async fn at(time: &str, zone: &str) -> Self {
        let (bench, port) = Bench::new(time.parse().unwrap());
        Self::of(bench, port, TimeZone::get(zone).unwrap(), |values| values).await
    }

    pub async fn over(bench: Bench, port: Port, more: impl FnOnce(Values) -> Values) -> Self {
        Self::of(bench, port, TimeZone::get("Asia/Shanghai").unwrap(), more).await
    }

    async fn of(bench: Bench, port: Port, zone: TimeZone, more: impl FnOnce(Values) -> Values) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let values = more(
            Values::new()
                .with("serial", Value::Text(SERIAL.into()))
                .with("listen", Value::Endpoint(Endpoint { host: "127.0.0.1".into(), port: free.port() })),
        );
        let mut site = Self { bench, server: free.to_string(), values, zone, port, driver: JoinSet::new() };
        site.start().await;
        site
    }

    /// Starts the driver and waits until it listens.
    pub async fn start(&mut self) {
        let member = Member {
            device: DeviceName::new("gate").unwrap(),
            zone: self.zone.clone(),
            settings: Arc::new(ZktecoPush::settings(&self.values).unwrap()),
            port: self.port.clone(),
        };
        self.driver.spawn(async move {
            let ended = ZktecoPush::run(vec![member]).await;
            panic!("{ended:?}");
        });
        while TcpStream::connect(&self.server).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The true time at the terminal's place, to the second.
    pub fn local_now(&self) -> jiff::civil::DateTime {
        let now = self.zone.to_datetime(self.bench.now().utc);
        now.with().subsec_nanosecond(0).build().unwrap()
    }

    /// Kills the driver as a power cut does.
    pub async fn kill(&mut self) {
        self.driver.shutdown().await;
    }

    /// A usual terminal with two people, for this site.
    pub fn options(&self) -> Options {
        let bench = self.bench.clone();
        let mut options = Options::new(&self.server, SERIAL, Arc::new(move || bench.now().utc));
        options.users = [("1001", "张三"), ("1002", "李四")].map(|(id, name)| (id.to_owned(), name.to_owned())).into();
        options
    }

    pub fn terminal(&self) -> VirtualPushTerminal {
        VirtualPushTerminal::start(self.options())
    }

    /// Sends bytes and gives the whole answer as text.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.server).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub async fn get(&self, path: &str) -> String {
        self.raw(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await
    }

    pub async fn post(&self, path: &str, body: &[u8]) -> String {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    pub async fn upload(&self, table: &str, body: &[u8]) -> String {
        self.post(&format!("/iclock/cdata?SN={SERIAL}&table={table}&Stamp=9999"), body).await
    }

    /// Waits for something within days of virtual time, looking every half minute.
    pub async fn sees_within(&self, limit: Duration, wanted: impl Fn(&Bench) -> bool) -> bool {
        let end = tokio::time::Instant::now() + limit;
        while !wanted(&self.bench) && tokio::time::Instant::now() < end {
            tokio::time::sleep(MINUTE / 2).await;
        }
        wanted(&self.bench)
    }

    /// Waits for something within five minutes of virtual time.
    pub async fn sees(&self, wanted: impl Fn(&Bench) -> bool) -> bool {
        self.bench.until(5 * MINUTE, wanted).await
    }
}

/// A bench that does not know the time.
pub struct Timeless(pub Bench);

impl AgentSide for Timeless {
    fn submit(
        &self,
        batch: punchd_contract::Batch,
    ) -> futures_util::future::BoxFuture<'_, Result<Vec<punchd_contract::Receipt>, punchd_contract::NotRecorded>> {
        self.0.submit(batch)
    }
    fn cursor(&self) -> futures_util::future::BoxFuture<'_, Option<punchd_contract::Cursor>> {
        AgentSide::cursor(&self.0)
    }
    fn health(&self, health: punchd_contract::Health) {
        AgentSide::health(&self.0, health);
    }
    fn stranger(&self, stranger: punchd_contract::Stranger) {
        AgentSide::stranger(&self.0, stranger);
    }
    fn lines(&self) -> &dyn punchd_contract::Lines {
        self.0.lines()
    }
    fn now(&self) -> punchd_contract::GatewayTime {
        punchd_contract::GatewayTime { utc: Timestamp::UNIX_EPOCH, bound: None }
    }
}

/// The text behind the head of an answer.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

pub fn has_date(answer: &str) -> bool {
    answer.lines().any(|line| line.starts_with("Date: "))
}

/// Runs something in virtual time, for tests of properties.
pub fn run(work: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(work);
}
