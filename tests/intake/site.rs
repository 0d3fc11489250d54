//! A site of two devices over one journal, and drivers that do what a test tells them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd::clock::Clock;
use punchd::health::{Board, State, Subject};
use punchd::intake::{Desk, Intake, Office, Patience, Served};
use punchd::journal::{DeviceEntry, DeviceId, Journal};
use punchd_contract::{
    AgentSide, Condition, Credential, Declaration, DeviceName, Direction, Driver, DriverError, Event, Happened, Health,
    Kind, Member, Method, Mistake, Origin, Port, Prepared, Reading, Registered, Text, Values,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use crate::common::{House, registry, rules};

pub struct Site {
    pub house: House,
    pub board: Arc<Board>,
    pub punched: Arc<Notify>,
    pub office: Office,
}

impl Site {
    pub async fn new() -> Self {
        let mut registry = registry();
        registry.devices.push(DeviceEntry {
            name: "gate-2".into(),
            kind: "played".into(),
            settings: serde_json::to_string(&rules()).unwrap(),
            organisations: vec!["main".into()],
            identity: None,
        });
        let (house, _) = House::with_registry(tempfile::tempdir().unwrap(), &registry).await;
        let board = Arc::new(Board::default());
        let punched = Arc::new(Notify::new());
        let clock: Arc<dyn Clock> = house.clock.clone();
        let office = Office {
            journal: house.journal.clone(),
            attendance: house.attendance.clone(),
            clock,
            trusted_within: Duration::from_secs(30),
            board: board.clone(),
            punched: punched.clone(),
            fingers_changed: Arc::default(),
            lines: Arc::new(punchd::intake::lines::SystemLines),
        };
        Self { house, board, punched, office }
    }

    /// The desk of `gate-1` or `gate-2`.
    pub fn desk(&self, device: i64) -> Arc<Desk> {
        let name = DeviceName::new(format!("gate-{device}")).unwrap();
        Arc::new(Desk::new(DeviceId(device), name, self.office.clone()))
    }

    /// A port as a driver of `gate-1` has it.
    pub fn port(&self) -> Port {
        let agent: Arc<dyn AgentSide> = self.desk(1);
        Port::new(agent, mpsc::channel(1).1)
    }

    pub fn served(&self, device: i64, driver: &'static dyn Driver) -> Served {
        let prepared = driver.prepare(&Values::new()).unwrap();
        Served { driver, prepared, zone: TimeZone::UTC, desk: self.desk(device) }
    }

    pub fn start(&self, devices: Vec<Served>) -> Intake {
        Intake::start(devices, Patience::default())
    }

    pub fn state(&self, device: i64) -> Option<State> {
        self.board.states().remove(&Subject::Device(format!("gate-{device}")))
    }

    /// What stands on the board about a device.
    pub fn says(&self, device: i64) -> (Condition, String) {
        let health = self.state(device).expect("something on the board").health;
        (health.condition, health.text.en)
    }

    /// Waits until this stands on the board, bounded.
    pub async fn until_says(&self, device: i64, condition: Condition, words: &str) {
        let mut changes = self.board.changes();
        let there = async {
            while !self
                .state(device)
                .is_some_and(|state| state.health.condition == condition && state.health.text.en.contains(words))
            {
                changes.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(3600), there).await;
        assert!(found.is_ok(), "wanted {condition:?} with {words:?}, there is {:?}", self.state(device));
    }
}

/// What a driver is played by, once for every start.
type Play = Box<dyn Fn(usize, Vec<Member<Prepared>>) -> Ending + Send + Sync>;
pub type Ending = BoxFuture<'static, Result<(), DriverError>>;

/// A driver that notes when it is started and then does what the test says.
pub struct Played {
    play: Play,
    starts: Starts,
}

/// When a driver was started.
#[derive(Clone, Default)]
pub struct Starts(Arc<Mutex<Vec<Instant>>>);

impl Starts {
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The seconds from each start to the next.
    pub fn gaps(&self) -> Vec<f64> {
        let starts = self.0.lock().unwrap();
        starts.windows(2).map(|two| (two[1] - two[0]).as_secs_f64()).collect()
    }
}

/// Lives as long as its test process: drivers are static.
pub fn played<F>(play: F) -> (&'static dyn Driver, Starts)
where
    F: Fn(usize, Vec<Member<Prepared>>) -> Ending + Send + Sync + 'static,
{
    let starts = Starts::default();
    (Box::leak(Box::new(Played { play: Box::new(play), starts: starts.clone() })), starts)
}

/// The same for a driver that does the same at every start.
pub fn always<F, R>(play: F) -> (&'static dyn Driver, Starts)
where
    F: Fn(Vec<Member<Prepared>>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), DriverError>> + Send + 'static,
{
    played(move |_, members| play(members).boxed())
}

struct Blank;

impl Kind for Blank {
    const DECLARATION: Declaration =
        Declaration { kind: "played", en: "", zh: "", keeps_log: false, abilities: &[], settings: &[] };
    type Settings = ();

    fn settings(_: &Values) -> Result<(), Vec<Mistake>> {
        Ok(())
    }

    async fn run(_: Vec<Member<()>>) -> Result<(), DriverError> {
        Ok(())
    }
}

impl Driver for Played {
    fn declaration(&self) -> &'static Declaration {
        Registered::<Blank>::NEW.declaration()
    }

    fn prepare(&self, values: &Values) -> Result<Prepared, Vec<Mistake>> {
        Registered::<Blank>::NEW.prepare(values)
    }

    fn discover<'a>(
        &self,
        _search: &'a punchd_contract::Search,
    ) -> futures_util::future::BoxFuture<'a, Vec<punchd_contract::Found>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn run(&self, members: Vec<Member<Prepared>>) -> Ending {
        let start = self.starts.count();
        self.starts.0.lock().unwrap().push(Instant::now());
        (self.play)(start, members)
    }
}

/// A driver that works, and says so every minute.
pub async fn work(members: Vec<Member<Prepared>>) -> Result<(), DriverError> {
    loop {
        for member in &members {
            member.port.health(Health::working(Text::new("Reading.", "正在读取。")));
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

/// Somebody holds a finger to a reader.
pub fn tap(user: &str) -> Reading {
    Reading {
        credential: Credential::UserId(user.into()),
        happened: Happened::Now,
        origin: Origin::Live,
        method: Method::Finger,
        direction: Direction::Unsaid,
        profile: None,
        event: Event::Punch,
        doubt: None,
        also: None,
        key: None,
        raw: user.as_bytes().to_vec(),
    }
}

/// A disk that stalls until this is dropped.
pub struct Stall(#[expect(dead_code, reason = "dropping it lets the writer go on")] std::sync::mpsc::Sender<()>);

impl Stall {
    pub async fn of(journal: &Journal) -> Self {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (began, begun) = oneshot::channel();
        let journal = journal.clone();
        tokio::spawn(async move {
            let stalled = journal.write(move |_| {
                let _ = began.send(());
                let _ = wait.recv();
                Ok(())
            });
            stalled.await.unwrap();
        });
        begun.await.unwrap();
        Self(go)
    }
}
