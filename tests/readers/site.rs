//! A gateway with readers plugged in: a folder, the agent in this process, the stand-in, and what the journal says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use punchd::agent::Agent;
use punchd::clock::SystemClock;
use punchd::config::Config;
use punchd::health::Subject;
use punchd::intake::registry::DRIVERS;
use punchd::journal::Options as JournalOptions;
use punchd_contract::Condition;
use punchd_sim::clock;
use punchd_sim::standin::{CORP_ID, Members, Options, SECRET, Standin};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Nothing here takes so long, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Site {
    pub folder: TempDir,
    pub standin: Standin,
    agent: Option<Agent>,
}

/// A person of the configuration: userid and what they present, as a line of TOML.
pub fn person(userid: &str, presents: &str) -> String {
    format!("[[person]]\nuserid = \"{userid}\"\nname = \"{userid}先生\"\n{presents}\n\n")
}

impl Site {
    /// Starts the agent over these devices and people; `{folder}` in the text is the site's.
    pub async fn start_in(folder: TempDir, rest: &str) -> Self {
        let standin =
            Standin::start(Options { members: Members::Matching("*".to_owned()), ..Options::new(clock::real()) })
                .await
                .unwrap();
        let secret = folder.path().join("wecom.secret");
        std::fs::write(&secret, SECRET).unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let rest = rest.replace("{folder}", &folder.path().display().to_string());
        let url = standin.base_url();
        let config = format!(
            "[gateway]\nname = \"gate\"\nzone = \"Asia/Shanghai\"\ndata = \"data\"\n\n[attendance]\nmerge_window = \"1s\"\n\n{rest}\n
[[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"{CORP_ID}\"\nsecret = {{ file = \"wecom.secret\" }}\nbase_url = \"{url}\"\nsettle = \"1s\"\n"
        );
        std::fs::write(folder.path().join("punchd.toml"), config).unwrap();
        let mut site = Self { folder, standin, agent: None };
        site.run().await;
        site
    }

    async fn run(&mut self) {
        let (config, _) =
            Config::load(&self.path("punchd.toml"), DRIVERS).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        self.agent = Some(Agent::start(config, Arc::new(SystemClock::new().unwrap())).await.unwrap());
    }

    /// Stops the agent and starts another over the same journal.
    pub async fn restart(&mut self) {
        self.agent.take().unwrap().stop().await;
        self.run().await;
    }

    pub fn agent(&self) -> &Agent {
        self.agent.as_ref().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn sql(&self) -> Connection {
        JournalOptions::in_folder(self.path("data")).read_only().unwrap()
    }

    pub fn count(&self, query: &str) -> i64 {
        self.sql().query_row(query, [], |row| row.get(0)).unwrap()
    }

    pub fn readings(&self) -> i64 {
        self.count("SELECT count(*) FROM reading")
    }

    /// How often each credential was read.
    pub fn read(&self) -> BTreeMap<String, i64> {
        let sql = self.sql();
        let mut select = sql.prepare("SELECT credential, count(*) FROM reading GROUP BY credential").unwrap();
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Waits until the device is in this condition.
    pub async fn until(&self, device: &str, condition: Condition) {
        let subject = Subject::Device(device.to_owned());
        let is = || self.agent().board.states().get(&subject).map(|state| state.health.clone());
        let end = Instant::now() + PATIENCE;
        while is().is_none_or(|health| health.condition != condition) {
            assert!(Instant::now() < end, "{device} never became {condition:?}: {:?}", is());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many readings are in the journal.
    #[track_caller]
    pub fn until_read(&self, readings: i64) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let end = Instant::now() + PATIENCE;
            while self.readings() < readings {
                assert!(Instant::now() < end, "{at}: {} of {readings} readings", self.readings());
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Waits until so many punches have arrived, and makes sure that none arrived twice.
    pub async fn until_delivered(&self, punches: usize) {
        let end = Instant::now() + PATIENCE;
        while self.standin.held().len() < punches {
            assert!(Instant::now() < end, "{} of {punches} punches arrived", self.standin.held().len());
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.standin.held().len(), punches);
        assert!(self.standin.held().iter().all(|held| held.arrived == 1), "something arrived twice");
    }
}
