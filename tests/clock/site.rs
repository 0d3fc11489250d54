//! A gateway with one reader over a clock in a test's hands, and the stand-in as WeCom with the true time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use punchd::agent::{Agent, Status, status};
use punchd::clock::{Clock, UnixMillis, VirtualClock};
use punchd::config::Config;
use punchd::health::Subject;
use punchd::intake::registry::DRIVERS;
use punchd_contract::{
    AgentSide, Batch, ClockShown, Condition, Contact, Credential, Direction, Event, Happened, Method, Origin, Reading,
    SerialNumber, Verdict,
};
use punchd_sim::clock::SetByHand;
use punchd_sim::standin::{CORP_ID, Limits, Options, SECRET, Standin};
use rusqlite::types::FromSql;
use tempfile::TempDir;
use tokio::time::Instant;

/// 2026-11-02 20:00:00 in Shanghai.
pub const EVENING: i64 = 1_793_620_800;
/// The first boot of a [`VirtualClock`].
pub const FIRST_BOOT: &str = "00000000-0000-4000-8000-000000000001";

/// Nothing here takes so long; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Site {
    pub clock: Arc<VirtualClock>,
    /// The true time, which WeCom knows.
    pub truth: SetByHand,
    pub standin: Standin,
    agent: Option<Agent>,
    folder: TempDir,
    more: String,
}

impl Site {
    /// In the evening, synchronised; WeCom is there, over plain HTTP.
    pub async fn new() -> Self {
        Self::with(|standin| (standin.base_url(), String::new())).await
    }

    /// The base URL of the API, and further lines of the configuration's destination and tables.
    pub async fn with(change: impl FnOnce(&Standin) -> (String, String)) -> Self {
        let truth = SetByHand::at(Timestamp::from_second(EVENING).unwrap());
        let standin = Standin::start(Options { limits: Limits::NONE, ..Options::new(truth.clock()) }).await.unwrap();
        let (base_url, more) = change(&standin);
        let more = format!("base_url = \"{base_url}\"\n{more}");
        let clock = Arc::new(VirtualClock::at(UnixMillis(EVENING * 1000)));
        Self { clock, truth, standin, agent: None, folder: tempfile::tempdir().unwrap(), more }
    }

    /// Starts the agent, as after a boot or a restart.
    pub async fn start(&mut self) {
        let folder = self.folder.path();
        std::fs::write(folder.join("secret"), SECRET).unwrap();
        std::fs::write(
            folder.join("punchd.toml"),
            format!(
                "[gateway]\nname = \"north gate\"\nzone = \"Asia/Shanghai\"\ndata = \".\"\n\
                 [[device]]\nname = \"gate-1\"\nkind = \"zkteco-pull\"\naddress = \"127.0.0.1:9\"\n\
                 [[person]]\nuserid = \"zhangsan\"\nname = \"张三\"\nuser_ids = [\"1001\"]\n\
                 [[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"{CORP_ID}\"\nsecret = {{ file = \"secret\" }}\n{}",
                self.more
            ),
        )
        .unwrap();
        let (config, _) = Config::load(&folder.join("punchd.toml"), DRIVERS).unwrap();
        self.agent = Some(Agent::start(config, self.clock.clone()).await.unwrap());
    }

    pub async fn stop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.stop().await;
        }
    }

    pub fn agent(&self) -> &Agent {
        self.agent.as_ref().unwrap()
    }

    /// Time goes by, here and at WeCom.
    pub fn passes(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.truth.advance(Duration::from_secs(seconds));
    }

    /// The machine boots without any time.
    pub fn boots_in_1970(&self, boot: &str) {
        self.clock.reboot(boot, UnixMillis(1_000));
    }

    /// A time server is there: the clock is set and kept right.
    pub fn is_synchronised(&self) {
        self.clock.synchronised(Some(Duration::from_millis(20)));
        self.clock.step(UnixMillis(self.truth.seconds() * 1000));
    }

    /// Somebody holds a finger to the reader.
    pub async fn tap(&self) -> Verdict {
        let reading = Reading {
            credential: Credential::UserId("1001".into()),
            happened: Happened::Now,
            origin: Origin::Live,
            method: Method::Finger,
            direction: Direction::Unsaid,
            key: None,
            raw: b"1001".to_vec(),
            profile: None,
            event: Event::Punch,
            doubt: None,
            also: None,
        };
        let batch = Batch { readings: vec![reading], ..Batch::default() };
        self.agent().desk("gate-1").unwrap().submit(batch).await.unwrap().remove(0).verdict
    }

    /// A contact with a terminal of this serial number whose clock is ahead by so much.
    pub async fn meets(&self, serial: &str, ahead_s: i64, records: u64) {
        let shown = Timestamp::from_second(self.truth.seconds() + ahead_s).unwrap();
        let contact = Contact {
            serial: Some(SerialNumber::new(serial).unwrap()),
            records_claimed: Some(records),
            clock: Some(ClockShown { shown, at: Instant::now() }),
            ..Contact::default()
        };
        let batch = Batch { contact: Some(contact), ..Batch::default() };
        self.agent().desk("gate-1").unwrap().submit(batch).await.unwrap();
    }

    pub async fn ask<T: FromSql + Send + 'static>(&self, query: &'static str) -> T {
        let journal = &self.agent().operations.journal;
        journal.read(move |sql| Ok(sql.query_row(query, [], |row| row.get(0))?)).await.unwrap()
    }

    /// Waits until a number in the journal is this one.
    pub async fn until(&self, query: &'static str, wanted: i64) {
        self.within(PATIENCE, query, wanted).await;
    }

    /// The same before the agent looks at the clock without any occasion, which it does every 20 s.
    pub async fn at_once(&self, query: &'static str, wanted: i64) {
        self.within(Duration::from_secs(15), query, wanted).await;
    }

    async fn within(&self, patience: Duration, query: &'static str, wanted: i64) {
        let deadline = Instant::now() + patience;
        loop {
            let found: i64 = self.ask(query).await;
            if found == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{query}: wanted {wanted}, there is {found}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until WeCom has so many punches; answers their times.
    pub async fn delivered(&self, punches: usize) -> Vec<i64> {
        tokio::time::timeout(PATIENCE, self.standin.until_held(punches)).await.expect("delivered");
        let mut times: Vec<i64> = self.standin.held().iter().map(|held| held.record.checkin_time).collect();
        times.sort_unstable();
        times
    }

    /// Waits until the clock's sentence has these words.
    pub async fn says(&self, condition: Condition, words: &str) {
        let mut changes = self.agent().board.changes();
        let there = async {
            loop {
                let state = self.agent().board.states().remove(&Subject::Clock);
                if state
                    .as_ref()
                    .is_some_and(|state| state.health.condition == condition && state.health.text.en.contains(words))
                {
                    return;
                }
                changes.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(PATIENCE, there).await;
        let state = self.agent().board.states().remove(&Subject::Clock);
        assert!(found.is_ok(), "wanted {condition:?} with {words:?}, there is {state:?}");
    }

    pub async fn status(&self) -> Status {
        let (clock, health) = (self.clock.clone(), self.agent().board.states());
        let journal = &self.agent().operations.journal;
        journal.read(move |sql| status(sql, "north gate", clock.as_ref(), Some(health))).await.unwrap()
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now().time.0
    }
}
