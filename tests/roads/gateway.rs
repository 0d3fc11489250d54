//! A gateway with one device in Berlin, at one o'clock on 2 November 2026, and the stand-in as WeCom.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use punchd::agent::Agent;
use punchd::clock::{UnixMillis, VirtualClock};
use punchd::config::Config;
use punchd::health::Subject;
use punchd::intake::registry::DRIVERS;
use punchd::journal::Options as JournalOptions;
use punchd_contract::Condition;
use punchd_sim::clock::SetByHand;
use punchd_sim::standin::{CORP_ID, Limits, Options, SECRET, Standin};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// 2026-11-02 13:00:00 in Berlin.
pub const NOON: i64 = 1_793_620_800;
/// Nothing here takes so long; a test that would wait for ever fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// The second of a time in Berlin.
pub fn at(time: &str) -> i64 {
    time.parse::<DateTime>().unwrap().in_tz("Europe/Berlin").unwrap().timestamp().as_second()
}

pub fn now() -> Timestamp {
    Timestamp::from_second(NOON).unwrap()
}

pub struct Gateway {
    pub clock: Arc<VirtualClock>,
    pub truth: SetByHand,
    standin: Standin,
    folder: TempDir,
    agent: Agent,
    /// Terminals and cables that last as long as the gateway.
    _ends: Vec<Box<dyn std::any::Any + Send>>,
}

impl Gateway {
    /// With this device, a block of the configuration without its name and zone; `{folder}` in it is the gateway's.
    pub async fn with(device: &str, ends: Vec<Box<dyn std::any::Any + Send>>) -> Self {
        let clock = Arc::new(VirtualClock::at(UnixMillis(NOON * 1000)));
        clock.synchronised(Some(Duration::from_millis(20)));
        Self::over(clock, tempfile::tempdir().unwrap(), device, ends).await
    }

    pub async fn over(
        clock: Arc<VirtualClock>,
        folder: TempDir,
        device: &str,
        ends: Vec<Box<dyn std::any::Any + Send>>,
    ) -> Self {
        let truth = SetByHand::at(now());
        let standin = Standin::start(Options { limits: Limits::NONE, ..Options::new(truth.clock()) }).await.unwrap();
        let device = device.replace("{folder}", &folder.path().display().to_string());
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let (main, url) = (folder.path().join("punchd.toml"), standin.base_url());
        let configuration = format!(
            "[gateway]\nname = \"gate\"\nzone = \"Asia/Shanghai\"\ndata = \".\"\n\
             [[device]]\nname = \"gate-1\"\nzone = \"Europe/Berlin\"\ncount_from = 2000-01-01\n{device}\n\
             [[person]]\nuserid = \"anna\"\nname = \"Anna\"\nuser_ids = [\"1001\"]\ncards = [\"hex:04A1B2C3\"]\n\
             [[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"{CORP_ID}\"\nsecret = {{ file = \"secret\" }}\nbase_url = \"{url}\"\n"
        );
        std::fs::write(&main, configuration).unwrap();
        let (config, _) = Config::load(&main, DRIVERS).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let agent = Agent::start(config, clock.clone()).await.unwrap();
        Self { clock, truth, standin, folder, agent, _ends: ends }
    }

    fn texts(&self, query: &str) -> Vec<String> {
        let sql = JournalOptions::in_folder(self.folder.path()).read_only().unwrap();
        let mut select = sql.prepare(query).unwrap();
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Waits until so many readings are judged.
    pub async fn settles(&self, what: &str, readings: usize) {
        let end = Instant::now() + PATIENCE;
        while self.texts("SELECT CAST(seq AS TEXT) FROM verdict").len() < readings {
            let health = self.agent.board.states();
            assert!(Instant::now() < end, "{what}: {:?} {health:?}", self.verdicts());
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(
            self.texts("SELECT CAST(seq AS TEXT) FROM verdict").len(),
            readings,
            "{what}: {:?}",
            self.verdicts()
        );
    }

    /// Waits until the device works.
    pub async fn works(&self) {
        let device = Subject::Device("gate-1".to_owned());
        let condition = || self.agent.board.states().get(&device).map(|state| state.health.condition);
        let end = Instant::now() + PATIENCE;
        while condition() != Some(Condition::Working) {
            assert!(Instant::now() < end, "{:?}", self.agent.board.states());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything that was read, for the eyes of whoever sees a test fail.
    pub fn verdicts(&self) -> Vec<String> {
        self.texts(
            "SELECT coalesce(r.terminal_time, '-') || ' ' || r.origin || ' ' || r.credential || ' ' || v.outcome || coalesce(' ' || v.reason, '')
               FROM reading r LEFT JOIN verdict v USING (seq) ORDER BY r.seq",
        )
    }

    /// The reasons of what is held.
    pub fn held(&self) -> Vec<String> {
        self.texts("SELECT reason FROM verdict WHERE outcome = 3")
    }

    /// What WeCom has once it has so many.
    pub async fn arrives(&self, punches: usize) -> Vec<i64> {
        let there = tokio::time::timeout(PATIENCE, self.standin.until_held(punches)).await;
        assert!(there.is_ok(), "{:?}", self.verdicts());
        self.came()
    }

    pub fn came(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.standin.held().iter().map(|held| held.record.checkin_time).collect();
        times.sort_unstable();
        times
    }
}
