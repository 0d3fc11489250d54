//! A site for tests: a journal, a destination with short pauses, and the stand-in as WeCom.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use punchd::clock::{Clock, SystemClock};
use punchd::delivery::{Delivery, Growth, Pauses, Spec, State};
use punchd::health::Board;
use punchd::journal::{
    DestinationEntry, DestinationId, DeviceEntry, Journal, JournalError, Options, OrganisationEntry, Registry,
};
use punchd::wecom::{App, AppSettings, BaseUrl, HttpSettings};
use punchd_contract::Secret;
use punchd_sim::standin::{CORP_ID, Limits, Members, Options as StandinOptions, SECRET, Standin};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::Notify;

pub const WECOM: DestinationId = DestinationId(1);
/// Longer than anything in these tests takes to become visible.
pub const SETTLE: Duration = Duration::from_millis(1300);
pub const TIMEOUT: Duration = Duration::from_millis(3000);

pub struct Site {
    pub journal: Journal,
    pub clock: Arc<SystemClock>,
    pub board: Arc<Board>,
    pub punched: Arc<Notify>,
    pub standin: Standin,
    pub delivery: Option<Delivery>,
    pub change: fn(&mut Spec),
    seq: i64,
    folder: TempDir,
}

/// A punch: userid and second.
pub type Punch = (String, i64);

pub fn pauses() -> Pauses {
    let growth =
        |first, longest| Growth { first: Duration::from_millis(first), longest: Duration::from_millis(longest) };
    Pauses {
        unreachable: growth(20, 200),
        broken: growth(30, 300),
        busy: growth(30, 300),
        refusing: growth(20, 200),
        probing: Duration::from_millis(300),
        first_look: Duration::from_millis(60),
        between_confirmations: Duration::from_millis(20),
        invisible_after: Duration::from_millis(500),
        given_up_after: Duration::from_secs(3600),
    }
}

fn registry() -> Registry {
    let rules = r#"{"zone":"Asia/Shanghai","user_ids":"mapped","count_from":"2000-01-01","clock_tolerance":{"secs":60,"nanos":0},
        "wrong_clock":"hold","trusted_within":{"secs":30,"nanos":0},
        "place":{"title":"一号门","detail":"北门","lat":31230400,"lng":121473700,"device_type":2,"device_detail":"ZKTeco"}}"#;
    Registry {
        organisations: vec![OrganisationEntry { name: "main".into(), merge_window_s: 300 }],
        devices: vec![DeviceEntry {
            name: "gate-1".into(),
            kind: "zkteco-pull".into(),
            settings: rules.into(),
            organisations: vec!["main".into()],
            identity: None,
        }],
        destinations: vec![DestinationEntry {
            name: "wecom".into(),
            kind: "wecom".into(),
            organisation: "main".into(),
            identity: "ww1".into(),
            history: punchd::journal::History::default(),
        }],
    }
}

/// Every change of a state in the journal is checked against the table of steps.
fn guard(sql: &Connection) {
    let allowed: Vec<String> = State::ALL
        .into_iter()
        .flat_map(|from| State::ALL.into_iter().map(move |to| (from, to)))
        .filter(|(from, to)| from.may_become(*to))
        .map(|(from, to)| format!("(old.state = {} AND new.state = {})", from.code(), to.code()))
        .collect();
    sql.execute_batch(&format!(
        "CREATE TRIGGER steps BEFORE UPDATE OF state ON delivery WHEN old.state <> new.state AND NOT ({})
         BEGIN SELECT RAISE(ABORT, 'a step that is not in the table'); END;",
        allowed.join(" OR ")
    ))
    .unwrap();
}

impl Site {
    /// Nothing is limited, everybody is a member.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut StandinOptions)) -> Self {
        let mut options = StandinOptions::new(punchd_sim::clock::real());
        options.limits = Limits::NONE;
        change(&mut options);
        let standin = Standin::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock::new().unwrap());
        let (journal, _) = Journal::open(Options::in_folder(folder.path()), &registry(), &clock.stamp()).unwrap();
        journal
            .write(|write| {
                guard(write.sql());
                Ok(())
            })
            .await
            .unwrap();
        let (board, punched) = (Arc::new(Board::default()), Arc::new(Notify::new()));
        Self { journal, clock, board, punched, standin, delivery: None, change: |_| {}, seq: 0, folder }
    }

    /// Nobody but these works there.
    pub async fn of_members(userids: Vec<String>) -> Self {
        Self::with(|options| options.members = Members::Listed(userids)).await
    }

    pub fn now_s(&self) -> i64 {
        self.clock.stamp().wall.seconds()
    }

    pub fn spec(&self) -> Spec {
        let unlimited = NonZeroU32::new(1_000_000).unwrap();
        let app = App::new(AppSettings {
            http: HttpSettings {
                base_url: BaseUrl::parse(&self.standin.base_url()).unwrap(),
                connect_timeout: TIMEOUT / 2,
                total_timeout: TIMEOUT,
                ..HttpSettings::default()
            },
            writes_per_minute: unlimited,
            reads_per_minute: unlimited,
            ..AppSettings::new(CORP_ID, Secret::new(SECRET.to_owned()))
        });
        let mut spec = Spec {
            settle: SETTLE,
            confirm_after: Some(Duration::from_millis(150)),
            pauses: pauses(),
            ..Spec::new(WECOM, "wecom", Arc::new(app))
        };
        (self.change)(&mut spec);
        spec
    }

    pub fn start(&mut self) {
        let spec = self.spec();
        let delivery = Delivery::start(
            vec![spec],
            self.journal.clone(),
            self.clock.clone(),
            self.board.clone(),
            self.punched.clone(),
        );
        self.delivery = Some(delivery);
    }

    /// The stage is killed at whatever it is doing.
    pub fn kill(&mut self) {
        self.delivery = None;
    }

    /// Ends, does this to the folder, and starts again.
    pub async fn reopen(&mut self, change: impl FnOnce(&std::path::Path)) {
        self.kill();
        self.journal.close().await;
        change(self.folder.path());
        // The folder is locked as long as anybody holds the journal, so another one takes its place meanwhile.
        let empty = tempfile::tempdir().unwrap();
        self.journal = Journal::open(Options::in_folder(empty.path()), &registry(), &self.clock.stamp()).unwrap().0;
        self.journal = loop {
            match Journal::open(Options::in_folder(self.folder.path()), &registry(), &self.clock.stamp()) {
                Err(JournalError::InUse(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                other => break other.unwrap().0,
            }
        };
    }

    /// Puts punches into the outbox as attendance does.
    pub async fn punch(&mut self, punches: Vec<Punch>) {
        let first = self.seq + 1;
        self.seq += punches.len() as i64;
        let now_ms = self.clock.stamp().wall.0;
        self.journal
            .write(move |write| {
                let sql = write.sql();
                for (seq, (userid, time_s)) in (first..).zip(&punches) {
                    sql.execute(
                        "INSERT OR IGNORE INTO person (organisation, userid, userid_folded, name) VALUES (1, ?1, lower(?1), ?1)",
                        [userid],
                    )?;
                    sql.execute(
                        "INSERT INTO delivery (destination, seq, person, time_s, state, changed_ms)
                         SELECT 1, ?1, person, ?2, 0, ?4 FROM person WHERE userid = ?3",
                        (seq, time_s, userid, now_ms),
                    )?;
                }
                Ok(())
            })
            .await
            .unwrap();
        self.punched.notify_one();
    }

    /// How many deliveries are in each state.
    pub async fn states(&self) -> BTreeMap<i64, i64> {
        self.journal
            .read(|sql| {
                let mut select = sql.prepare("SELECT state, count(*) FROM delivery GROUP BY state")?;
                Ok(select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap()
    }

    /// Who is parked.
    pub async fn parked(&self) -> Vec<String> {
        self.journal
            .read(|sql| {
                let mut select = sql.prepare(
                    "SELECT p.userid FROM delivery d JOIN person p USING (person) WHERE d.state = 5 ORDER BY d.seq",
                )?;
                Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
            })
            .await
            .unwrap()
    }

    /// Waits until the states satisfy; the bound is generous because machines are slow, and is never reached by what works.
    pub async fn until(&self, what: &str, satisfied: impl Fn(&BTreeMap<i64, i64>) -> bool) {
        for _ in 0..1000 {
            if satisfied(&self.states().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        panic!("{what}: still {:?}, {:?}, {:?}", self.states().await, self.standin.calls(), self.board.states());
    }

    /// Nothing is on its way any more, and everything that arrived was seen.
    pub async fn until_settled(&self, what: &str) {
        self.until(what, |states| states.keys().all(|state| [4, 5, 6].contains(state))).await;
    }

    /// Every one of these arrived, and was sent to where it could be stored exactly once.
    pub fn arrived_once(&self, what: &str, punches: &[Punch]) {
        for (userid, time_s) in punches {
            assert_eq!(self.standin.arrived(userid, *time_s), 1, "{what}: {userid} at {time_s}");
        }
        assert_eq!(self.standin.held_count(), punches.len(), "{what}");
    }
}

/// `persons` people with `each` punches, the oldest first, all of the last hours.
pub fn punches(now_s: i64, persons: usize, each: usize) -> Vec<Punch> {
    let of_round = |round: usize| (0..persons).map(move |n| (n, round));
    (0..each)
        .flat_map(of_round)
        .map(|(n, round)| (format!("User{n:03}"), now_s - 7200 + round as i64 * 1800 + n as i64))
        .collect()
}
