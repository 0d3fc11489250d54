//! The merge window, whatever the order in which readings arrive and whatever has been sent in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use common::{person, reading, registry};
use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use punchd::attendance::{Attendance, judge, people};
use punchd::clock::{Clock, UnixMillis, VirtualClock};
use punchd::journal::{
    Appended, DestinationEntry, DeviceEntry, DeviceId, Journal, JournalError, Options, OrganisationEntry,
    OrganisationId, Registry, Submission, Write,
};
use punchd_contract::{Batch, Credential, Reading};
use tempfile::TempDir;

const MAIN: OrganisationId = OrganisationId(1);
const OTHER: OrganisationId = OrganisationId(2);
/// Merge windows of the two organisations.
const WINDOWS: [i64; 2] = [300, 60];
/// Destinations of each.
const DESTINATIONS: [usize; 2] = [2, 1];
/// Serves the first organisation.
const GATE: DeviceId = DeviceId(1);
/// Serves both, which know the same card by a person of their own each.
const SHARED: DeviceId = DeviceId(2);

/// What happens, in this order.
#[derive(Clone, Debug)]
enum Event {
    /// A reading comes: who, how many seconds after eight, at which device.
    Comes { user: &'static str, second: i64, shared: bool },
    /// One of the waiting deliveries leaves the house; the call may have failed afterwards.
    Sent { which: usize, came_back: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    organisation: usize,
    person: i64,
    second: i64,
    seq: i64,
    punch: bool,
    merged_into: Option<i64>,
}

/// A punch that has left for a destination.
type Left = BTreeSet<(i64, i64)>;

struct House {
    journal: Journal,
    attendance: Arc<Attendance>,
    runtime: tokio::runtime::Runtime,
    _folder: TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (journal, _) =
            Journal::open(Options::in_folder(folder.path()), &two_organisations(), &common::now()).unwrap();
        let attendance = runtime.block_on(journal.read(Attendance::load)).unwrap();
        Self { journal, attendance: Arc::new(attendance), runtime, _folder: folder }
    }

    /// Lets it happen and looks at what became of it; then it never was.
    fn live(&self, events: Vec<Event>) -> (Vec<Row>, Left) {
        let attendance = self.attendance.clone();
        let seen = Arc::new(Mutex::new(None));
        let result = seen.clone();
        let undone = self.runtime.block_on(self.journal.write(move |write| -> Result<(), JournalError> {
            put_people(write, &attendance, false)?;
            let left = live(write, &attendance, &events)?;
            *result.lock().unwrap() = Some((verdicts(write)?, left));
            Err(JournalError::Refused("undone".into()))
        }));
        let found = seen.lock().unwrap().take();
        found.unwrap_or_else(|| panic!("{undone:?}"))
    }
}

fn two_organisations() -> Registry {
    let one = registry();
    let gate = one.devices[0].clone();
    let shared =
        DeviceEntry { name: "shared".into(), organisations: vec!["main".into(), "other".into()], ..gate.clone() };
    let destination = |name: &str, organisation: &str| DestinationEntry {
        name: name.into(),
        kind: "webhook".into(),
        organisation: organisation.into(),
        identity: name.into(),
        history: punchd::journal::History::default(),
    };
    Registry {
        organisations: ["main", "other"]
            .iter()
            .zip(WINDOWS)
            .map(|(name, merge_window_s)| OrganisationEntry { name: (*name).into(), merge_window_s })
            .collect(),
        devices: vec![gate, shared],
        destinations: vec![destination("a", "main"), destination("b", "main"), destination("c", "other")],
    }
}

fn put_people(write: &Write<'_>, attendance: &Attendance, card_is_known: bool) -> Result<(), JournalError> {
    let mut zhangsan = person("zhangsan", &["1001"]);
    if card_is_known {
        zhangsan.credentials.push(("card".into(), "0A0B".into()));
    }
    write.import_people(MAIN, &[zhangsan, person("lisi", &["1002"])], true)?;
    write.import_people(OTHER, &[person("zhang.san", &["1001"])], true)?;
    attendance.set_people(people::People::load(write.sql())?);
    Ok(())
}

fn eight() -> DateTime {
    date(2026, 10, 2).at(8, 0, 0, 0)
}

/// The same moment in seconds since 1970 UTC; the gate is in Shanghai.
const EIGHT_S: i64 = 1_790_899_200;

fn live(write: &mut Write<'_>, attendance: &Attendance, events: &[Event]) -> Result<Left, JournalError> {
    let stamp = VirtualClock::at(UnixMillis(common::EVENING * 1000)).stamp();
    let mut left = Left::new();
    for (n, event) in events.iter().enumerate() {
        match *event {
            Event::Comes { user, second, shared } => {
                let when = eight().checked_add(SignedDuration::from_secs(second)).unwrap();
                let reading = Reading { credential: credential(user), ..reading(user, when, n as u32 + 1) };
                let device = if shared { SHARED } else { GATE };
                let batch = Batch { readings: vec![reading], ..Batch::default() };
                let submission = Submission { device, batch, stamp: stamp.clone(), clock: None };
                for appended in write.append(&submission)? {
                    let Appended::Fresh(evidence) = appended else { panic!("{event:?} is not fresh") };
                    attendance.judge(write, &[evidence])?;
                }
            }
            Event::Sent { which, came_back } => {
                let waiting: Vec<(i64, i64)> = write
                    .sql()
                    .prepare_cached("SELECT destination, seq FROM delivery WHERE state = 0 ORDER BY destination, seq")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<Result<_, _>>()?;
                if let Some((destination, seq)) = waiting.get(which % waiting.len().max(1)) {
                    let state = if came_back { 0 } else { 3 };
                    write.sql().execute(
                        "UPDATE delivery SET state = ?3, attempts = 1 WHERE destination = ?1 AND seq = ?2",
                        (destination, seq, state),
                    )?;
                    left.insert((*destination, *seq));
                }
            }
        }
    }
    // In the evening somebody maps the card that nobody knew.
    put_people(write, attendance, true)?;
    let open = judge::open_readings(write.sql())?;
    attendance.reopen(write, &open)?;
    Ok(left)
}

fn credential(user: &str) -> Credential {
    if user == "card" { Credential::Card(vec![0x0A, 0x0B]) } else { Credential::UserId(user.into()) }
}

fn verdicts(write: &Write<'_>) -> Result<Vec<Row>, JournalError> {
    let sql = write.sql();
    for (query, what) in [
        ("SELECT count(*) FROM verdict WHERE outcome > 1", "an open verdict of a known person"),
        ("SELECT count(*) FROM reading WHERE seq NOT IN (SELECT seq FROM verdict)", "a reading without a verdict"),
        (
            "SELECT count(*) FROM verdict v JOIN destination USING (organisation)
              WHERE outcome = 0 AND 1 <> (SELECT count(*) FROM delivery d
                WHERE d.destination = destination.destination AND d.seq = v.seq AND d.person = v.person AND d.time_s = v.time_s)",
            "a punch without exactly one delivery to a destination",
        ),
        (
            "SELECT count(*) FROM delivery d JOIN destination USING (destination)
              WHERE NOT EXISTS (SELECT 1 FROM verdict v
                WHERE v.seq = d.seq AND v.organisation = destination.organisation AND v.person = d.person AND v.outcome = 0)",
            "a delivery of what is no punch",
        ),
        (
            "SELECT count(*) FROM verdict a JOIN verdict b ON a.person = b.person AND a.time_s = b.time_s
              WHERE a.outcome = 0 AND b.outcome = 0 AND a.seq < b.seq",
            "two punches of one person in one second",
        ),
    ] {
        let found: i64 = sql.query_row(query, [], |row| row.get(0))?;
        assert_eq!(found, 0, "{what}");
    }
    let mut select = sql.prepare_cached(
        "SELECT v.organisation, v.person, v.time_s, v.seq, v.outcome = 0, into_.time_s, v.merged_into
           FROM verdict v LEFT JOIN verdict into_ ON into_.seq = v.merged_into AND into_.organisation = v.organisation
             AND into_.person = v.person AND into_.outcome = 0
          ORDER BY v.person, v.time_s, v.seq",
    )?;
    let rows = select.query_map([], |row| {
        let into: Option<i64> = row.get(5)?;
        let named: Option<i64> = row.get(6)?;
        assert_eq!(into.is_some(), named.is_some(), "merged into what is no punch of the same person");
        Ok(Row {
            organisation: usize::from(row.get::<_, u8>(0)?) - 1,
            person: row.get(1)?,
            second: row.get::<_, i64>(2)? - EIGHT_S,
            seq: row.get(3)?,
            punch: row.get(4)?,
            merged_into: into.map(|second| second - EIGHT_S),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is seen of a person: each second that was read, whether it counts, and into which second it is merged.
type Seen = BTreeMap<(usize, &'static str), Vec<(i64, bool, Option<i64>)>>;

/// The window applied from the first reading of each person on.
fn in_order(events: &[Event]) -> Seen {
    let mut seconds: BTreeMap<(usize, &'static str), Vec<i64>> = BTreeMap::new();
    for event in events {
        let Event::Comes { user, second, shared } = event else { continue };
        match *user {
            "1002" => seconds.entry((0, "lisi")).or_default().push(*second),
            _ => seconds.entry((0, "zhangsan")).or_default().push(*second),
        }
        if *shared && *user == "1001" {
            seconds.entry((1, "zhang.san")).or_default().push(*second);
        }
    }
    let judged = |(who, mut seconds): ((usize, &'static str), Vec<i64>)| {
        seconds.sort_unstable();
        let mut punch: Option<i64> = None;
        let judged = seconds.into_iter().map(|second| match punch {
            Some(punch) if second < punch + WINDOWS[who.0] => (second, false, Some(punch)),
            _ => {
                punch = Some(second);
                (second, true, None)
            }
        });
        (who, judged.collect())
    };
    seconds.into_iter().map(judged).collect()
}

fn as_seen(rows: &[Row]) -> Seen {
    let mut seen = Seen::new();
    for row in rows {
        let who = match (row.organisation, row.person) {
            (0, 1) => (0, "zhangsan"),
            (0, 2) => (0, "lisi"),
            (1, _) => (1, "zhang.san"),
            other => panic!("nobody is {other:?}"),
        };
        seen.entry(who).or_default().push((row.second, row.punch, row.merged_into));
    }
    // Of several readings in one second any may be the punch.
    seen.values_mut().for_each(|readings| readings.sort_by_key(|(second, punch, _)| (*second, !punch)));
    seen
}

fn comes() -> impl Strategy<Value = Event> {
    // Close enough together for chains of windows, with seconds that occur twice.
    let second = prop_oneof![0..1500_i64, (0..25_i64).prop_map(|step| step * 60)];
    (prop_oneof![3 => Just("1001"), 1 => Just("1002"), 1 => Just("card")], second, any::<bool>()).prop_map(
        |(user, second, shared)| {
            // The card is unknown to the other organisation for good: it would stay open there.
            Event::Comes { user, second, shared: shared && user == "1001" }
        },
    )
}

fn check(cases: u32, strategy: impl Strategy<Value = Vec<Event>>, test: impl Fn(&House, Vec<Event>)) {
    let house = House::new();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner
        .run(&strategy, |events| {
            test(&house, events);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_order_of_arrival_makes_no_difference_while_nothing_has_left_the_house() {
    check(400, prop::collection::vec(comes(), 1..25), |house, events| {
        let (rows, _) = house.live(events.clone());
        assert_eq!(as_seen(&rows), in_order(&events));
    });
}

#[test]
fn what_has_left_the_house_stands_and_everything_else_gives_way() {
    let sent = (any::<usize>(), any::<bool>()).prop_map(|(which, came_back)| Event::Sent { which, came_back });
    let event = prop_oneof![3 => comes(), 1 => sent];
    check(400, prop::collection::vec(event, 1..40), |house, events| {
        let (rows, left) = house.live(events);
        let left: BTreeSet<(usize, i64)> =
            left.iter().map(|(destination, seq)| (usize::from(*destination == 3), *seq)).collect();
        let find = |(organisation, seq): (usize, i64)| {
            rows.iter().find(|row| (row.organisation, row.seq) == (organisation, seq))
        };
        for sent in &left {
            assert!(find(*sent).is_some_and(|row| row.punch), "{sent:?} was sent and withdrawn");
        }
        for row in &rows {
            let window = WINDOWS[row.organisation];
            let in_window = |other: &&Row| {
                other.punch
                    && other.seq != row.seq
                    && (other.organisation, other.person) == (row.organisation, row.person)
                    && (row.second - window + 1..=row.second).contains(&other.second)
            };
            let nearest = rows.iter().filter(in_window).map(|other| other.second).max();
            if row.punch {
                let stands = nearest.is_none() || left.contains(&(row.organisation, row.seq));
                assert!(stands, "{row:?} counts within the window of the punch at {nearest:?}");
            } else {
                assert_eq!(row.merged_into, nearest, "{row:?}");
            }
        }
    });
}

#[test]
fn each_organisation_has_its_own_verdicts_deliveries_and_destinations() {
    assert_eq!(DESTINATIONS.iter().sum::<usize>(), two_organisations().destinations.len());
    let house = House::new();
    let comes = |second| Event::Comes { user: "1001", second, shared: true };
    // 100 s later: within the window of one organisation, outside of that of the other.
    let (rows, _) = house.live(vec![comes(100), comes(0)]);
    let punches = |organisation| rows.iter().filter(|row| row.organisation == organisation && row.punch).count();
    assert_eq!((punches(0), punches(1)), (1, 2));
}
