//! A house for tests: a journal in a folder of its own with one terminal, one person and one destination.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use punchd::attendance::{Attendance, DeviceRules, UserId, UserIdRule, WrongClock, people};
use punchd::clock::{Clock, Stamp, UnixMillis, VirtualClock};
use punchd::journal::{
    Appended, DestinationEntry, DeviceEntry, DeviceId, Journal, Options, OrganisationEntry, OrganisationId, Registry,
    Salvaged, Submission,
};
use punchd_contract::{Batch, Credential, Direction, Event, Happened, Method, Origin, Reading, RecordKey, Verdict};
use tempfile::TempDir;

pub struct House {
    pub journal: Journal,
    pub attendance: Arc<Attendance>,
    pub clock: Arc<VirtualClock>,
    folder: TempDir,
}

/// 2026-11-02 20:00:00 in Shanghai.
pub const EVENING: i64 = 1_793_620_800;

pub fn now() -> Stamp {
    VirtualClock::at(UnixMillis(EVENING * 1000)).stamp()
}

/// So many minutes after eight in the morning, by the terminal's clock; may be days later.
pub fn at(minutes: i64) -> DateTime {
    date(2026, 10, 2).at(8, 0, 0, 0).checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

pub fn reading(user: &str, when: DateTime, occurrence: u32) -> Reading {
    Reading {
        credential: Credential::UserId(user.into()),
        happened: Happened::ByTerminal(when),
        origin: Origin::Log,
        method: Method::Finger,
        direction: Direction::In,
        profile: None,
        event: Event::Punch,
        doubt: None,
        also: None,
        key: Some(RecordKey::new(format!("SN1|{user}|{when}"), occurrence)),
        raw: format!("{user}\t{when}").into_bytes(),
    }
}

pub fn rules() -> DeviceRules {
    DeviceRules {
        zone: "Asia/Shanghai".into(),
        user_ids: UserIdRule::Mapped,
        count_from: Some(jiff::civil::date(2000, 1, 1)),
        clock_tolerance: Duration::from_secs(60),
        wrong_clock: WrongClock::Hold,
        trusted_within: Duration::from_secs(30),
    }
}

pub fn registry() -> Registry {
    Registry {
        organisations: vec![OrganisationEntry { name: "main".into(), merge_window_s: 300 }],
        devices: vec![DeviceEntry {
            name: "gate-1".into(),
            kind: "zkteco-pull".into(),
            settings: serde_json::to_string(&rules()).unwrap(),
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

pub fn person(userid: &str, user_ids: &[&str]) -> people::PersonEntry {
    people::PersonEntry {
        userid: UserId::new(userid).unwrap(),
        name: format!("{userid}先生"),
        department: String::new(),
        left_on: None,
        credentials: user_ids.iter().map(|id| ("user_id".to_owned(), (*id).to_owned())).collect(),
        contains: people::Contains::table(),
    }
}

impl House {
    pub const GATE: DeviceId = DeviceId(1);
    pub const MAIN: OrganisationId = OrganisationId(1);

    pub async fn new() -> Self {
        let (house, salvaged) = Self::reopen(tempfile::tempdir().unwrap()).await;
        assert_eq!(salvaged, None);
        house
    }

    pub async fn reopen(folder: TempDir) -> (Self, Option<Salvaged>) {
        Self::with_registry(folder, &registry()).await
    }

    pub async fn with_registry(folder: TempDir, registry: &Registry) -> (Self, Option<Salvaged>) {
        let clock = Arc::new(VirtualClock::at(UnixMillis(EVENING * 1000)));
        let (journal, salvaged) = Journal::open(Options::in_folder(folder.path()), registry, &clock.stamp()).unwrap();
        let attendance = journal.read(Attendance::load).await.unwrap();
        let house = Self { journal, attendance: Arc::new(attendance), clock, folder };
        house.people(vec![person("zhangsan", &["1001"])]).await;
        (house, salvaged)
    }

    pub fn options(&self) -> Options {
        Options::in_folder(self.folder.path())
    }

    pub async fn people(&self, people: Vec<people::PersonEntry>) {
        self.journal.write(move |write| write.import_people(Self::MAIN, &people, true)).await.unwrap();
        self.attendance.set_people(self.journal.read(people::People::load).await.unwrap());
    }

    /// Submits as intake does and answers the verdicts.
    pub async fn submit(&self, readings: impl IntoIterator<Item = Reading>) -> Vec<Verdict> {
        self.submit_batch(Batch { readings: readings.into_iter().collect(), ..Batch::default() }).await
    }

    pub async fn submit_batch(&self, batch: Batch) -> Vec<Verdict> {
        self.submit_from(Self::GATE, batch).await
    }

    pub async fn submit_from(&self, device: DeviceId, batch: Batch) -> Vec<Verdict> {
        let submission = Submission { device, batch, stamp: self.clock.stamp(), clock: None };
        let attendance = self.attendance.clone();
        self.journal
            .write(move |write| {
                let appended = write.append(&submission)?;
                let fresh: Vec<_> = appended
                    .iter()
                    .filter_map(|one| match one {
                        Appended::Fresh(evidence) => Some(evidence.clone()),
                        Appended::Repeated => None,
                    })
                    .collect();
                let mut judged = attendance.judge(write, &fresh)?.into_iter();
                Ok(appended
                    .iter()
                    .map(|one| match one {
                        Appended::Fresh(_) => judged.next().unwrap(),
                        Appended::Repeated => Verdict::Repeated,
                    })
                    .collect())
            })
            .await
            .unwrap()
    }

    pub async fn sql(&self, statement: &'static str) {
        self.journal.write(move |write| Ok(write.sql().execute_batch(statement)?)).await.unwrap();
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        self.journal.read(move |sql| Ok(sql.query_row(query, [], |row| row.get(0))?)).await.unwrap()
    }

    /// Asks again about everything open, as the agent does when people change.
    pub async fn reopen_verdicts(&self) -> u64 {
        let open = self.journal.read(punchd::attendance::judge::open_readings).await.unwrap();
        let attendance = self.attendance.clone();
        self.journal.write(move |write| attendance.reopen(write, &open)).await.unwrap()
    }

    pub async fn close(self) -> TempDir {
        self.journal.close().await;
        self.folder
    }
}
