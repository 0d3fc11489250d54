//! A journal with devices, people and a destination, and readings for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use punchd::attendance::{Attendance, DeviceRules, UserId, UserIdRule, WrongClock, people};
use punchd::clock::{Clock, SystemClock};
use punchd::health::Board;
use punchd::intake::{Desk, Office};
use punchd::journal::{
    DestinationEntry, DeviceEntry, DeviceId, Journal, Options, OrganisationEntry, OrganisationId, Registry, Write,
};
use punchd_contract::{Credential, DeviceName, Direction, Event, Happened, Method, Origin, Reading, RecordKey};
use tokio::sync::Notify;

/// Readings of one person are this far apart, so that each of them is a punch with a delivery: the most rows there can be.
const APART: i64 = 10 * 60;

pub struct House {
    pub journal: Journal,
    pub desks: Vec<Arc<Desk>>,
}

pub fn device_name(device: usize) -> String {
    format!("gate-{}", device + 1)
}

pub fn user_id(person: usize) -> String {
    format!("{}", 10_001 + person)
}

pub fn registry(devices: usize) -> Registry {
    let rules = DeviceRules {
        zone: "Asia/Shanghai".into(),
        user_ids: UserIdRule::Mapped,
        count_from: Some(jiff::civil::date(2000, 1, 1)),
        clock_tolerance: Duration::from_secs(60),
        wrong_clock: WrongClock::Hold,
        trusted_within: Duration::from_secs(30),
    };
    let device = |device| DeviceEntry {
        name: device_name(device),
        kind: "zkteco-pull".into(),
        settings: serde_json::to_string(&rules).unwrap(),
        organisations: vec!["main".into()],
        identity: None,
    };
    Registry {
        organisations: vec![OrganisationEntry { name: "main".into(), merge_window_s: 300 }],
        devices: (0..devices).map(device).collect(),
        destinations: vec![DestinationEntry {
            name: "wecom".into(),
            kind: "wecom".into(),
            organisation: "main".into(),
            identity: "ww1".into(),
            history: punchd::journal::History::default(),
        }],
    }
}

pub fn roster(people: usize) -> Vec<people::PersonEntry> {
    (0..people)
        .map(|person| people::PersonEntry {
            userid: UserId::new(format!("worker{person:05}")).unwrap(),
            name: format!("工人{person:05}"),
            department: "车间".into(),
            left_on: None,
            credentials: vec![("user_id".into(), user_id(person))],
            contains: people::Contains::table(),
        })
        .collect()
}

/// The `n`-th reading of a site of so many people: everybody once, then everybody again ten minutes later. It carries a record
/// of 40 bytes and a key, as a record of a terminal's log does.
pub fn reading(device: usize, people: usize, n: usize) -> Reading {
    let (round, person) = (n / people, n % people);
    let start: DateTime = date(2026, 1, 2).at(0, 0, 0, 0);
    let when = start.checked_add(SignedDuration::from_secs(round as i64 * APART)).unwrap();
    let user = user_id(person);
    let mut raw = format!("\x01\0{user}").into_bytes();
    raw.resize(40, 0);
    Reading {
        key: Some(RecordKey::new(format!("CJ9D2049600{device:02} {user} {when} 0 1"), 1)),
        credential: Credential::UserId(user),
        happened: Happened::ByTerminal(when),
        origin: Origin::Live,
        method: Method::Finger,
        direction: Direction::In,
        profile: None,
        event: Event::Punch,
        doubt: None,
        also: None,
        raw,
    }
}

impl House {
    /// Opens the journal in this folder and lists the people.
    pub async fn open(folder: &Path, devices: usize, people: usize) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new().unwrap());
        let options = Options::in_folder(folder);
        let (journal, salvaged) = Journal::open(options, &registry(devices), &clock.stamp()).unwrap();
        assert!(salvaged.is_none());
        let roster = roster(people);
        let stamp = clock.stamp();
        let prepare = move |write: &mut Write<'_>| {
            write.import_people(OrganisationId(1), &roster, true)?;
            // Rows of readings refer to it, the bare loop's as well.
            write.boot(&stamp)
        };
        journal.write(prepare).await.unwrap();
        let office = Office {
            attendance: Arc::new(journal.read(Attendance::load).await.unwrap()),
            journal: journal.clone(),
            clock,
            trusted_within: Duration::from_secs(30),
            board: Arc::new(Board::default()),
            punched: Arc::new(Notify::new()),
            fingers_changed: Arc::default(),
            lines: Arc::new(punchd::intake::lines::SystemLines),
        };
        let desk = |device: usize| {
            let name = DeviceName::new(device_name(device)).unwrap();
            Arc::new(Desk::new(DeviceId(device as i64 + 1), name, office.clone()))
        };
        Self { journal, desks: (0..devices).map(desk).collect() }
    }
}
