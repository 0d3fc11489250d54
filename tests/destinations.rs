//! Destinations as they are added, renamed, pointed elsewhere, removed and brought back, over a journal that goes on: what each
//! corp gets, counted as it arrives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{House, at, person, reading, registry};
use proptest::prelude::*;
use punchd::journal::{DestinationEntry, History, OrganisationEntry, OrganisationId, Registry};
use punchd_contract::Reading;

/// The second organisation of the house; the device serves both.
const OTHER: OrganisationId = OrganisationId(2);
/// Corps that are pointed to. One belongs to one organisation at a time, as `check` wants it.
const CORPS: [&str; 3] = ["ww1", "ww2", "ww3"];
/// Minutes between punches, more than any merge window.
const APART: i64 = 11;
/// Punches of one run at most.
const PUNCHES: usize = 40;

/// Who punches: of the first organisation, of the second, of both, and one whom a list knows only later.
const USERS: [&str; 4] = ["1001", "2001", "3001", "1009"];

#[derive(Clone, Debug)]
enum Step {
    Punch(usize),
    /// Everything that waits leaves.
    Deliver,
    /// The list learns of the fourth.
    Learn,
    /// The agent is started anew with destination n so.
    Configure(usize, Option<(usize, Past)>),
    Rename(usize),
    Restart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    None,
    All,
    From,
}

fn step() -> impl Strategy<Value = Step> {
    let past = prop_oneof![3 => Just(Past::None), 1 => Just(Past::All), 1 => Just(Past::From)];
    prop_oneof![
        8 => (0..USERS.len()).prop_map(Step::Punch),
        4 => Just(Step::Deliver),
        1 => Just(Step::Learn),
        4 => (0..2usize, proptest::option::weighted(0.7, (0..CORPS.len(), past))).prop_map(|(n, what)| Step::Configure(n, what)),
        1 => (0..2usize).prop_map(Step::Rename),
        1 => Just(Step::Restart),
    ]
}

/// When the n-th punch was: neither in the order of recording nor against it.
fn minutes(n: usize) -> i64 {
    (n * 17 % PUNCHES) as i64 * APART
}

fn second(n: usize) -> i64 {
    jiff::tz::TimeZone::get("Asia/Shanghai").unwrap().to_timestamp(at(minutes(n))).unwrap().as_second()
}

/// From the middle of the punches on.
fn middle() -> i64 {
    jiff::tz::TimeZone::get("Asia/Shanghai").unwrap().to_timestamp(at(PUNCHES as i64 / 2 * APART)).unwrap().as_second()
}

fn history(past: Past) -> History {
    match past {
        Past::None => History::None,
        Past::All => History::All,
        Past::From => History::From(middle()),
    }
}

/// A punch: of which person of which organisation (by number), and its place in the order of recording.
type Punched = (usize, usize);

/// A corp of an organisation: what it is to get, as a person would reckon.
#[derive(Clone, Debug, Default)]
struct Expected {
    active: Option<Past>,
    /// Punches that were recorded while it was configured.
    own: BTreeSet<usize>,
    due: BTreeSet<Punched>,
}

#[derive(Default)]
struct Model {
    /// The destinations as configured: corp, setting, name.
    slots: [Option<(usize, Past, String)>; 2],
    corps: BTreeMap<(usize, usize), Expected>,
    /// By recording: who punched.
    punches: Vec<usize>,
    learned: bool,
}

impl Model {
    fn registry(&self) -> Registry {
        let mut all = registry();
        all.organisations.push(OrganisationEntry { name: "other".into(), merge_window_s: 300 });
        all.devices[0].organisations.push("other".into());
        all.destinations.clear();
        for (n, slot) in self.slots.iter().enumerate() {
            let Some((corp, past, name)) = slot else { continue };
            all.destinations.push(DestinationEntry {
                name: name.clone(),
                kind: "wecom".into(),
                organisation: ["main", "other"][n].into(),
                identity: CORPS[*corp].into(),
                history: history(*past),
            });
        }
        all
    }

    /// The persons of an organisation that a punch belongs to.
    fn counts(&self, organisation: usize, user: usize) -> bool {
        match user {
            0 => organisation == 0,
            1 => organisation == 1,
            2 => true,
            _ => organisation == 0 && self.learned,
        }
    }

    fn takes(past: Past, expected: &Expected, n: usize) -> bool {
        match past {
            Past::All => true,
            Past::From => second(n) >= middle(),
            Past::None => expected.own.contains(&n),
        }
    }

    /// What is due by the configuration as it is.
    fn reckon(&mut self) {
        let learned = self.learned;
        let punches = self.punches.clone();
        for ((organisation, _), expected) in &mut self.corps {
            let Some(past) = expected.active else { continue };
            let model = Self { learned, ..Self::default() };
            for (n, user) in punches.iter().enumerate() {
                if model.counts(*organisation, *user) && Self::takes(past, expected, n) {
                    expected.due.insert((*organisation, n));
                }
            }
        }
    }

    fn punch(&mut self, user: usize) {
        let n = self.punches.len();
        self.punches.push(user);
        for expected in self.corps.values_mut().filter(|expected| expected.active.is_some()) {
            expected.own.insert(n);
        }
        self.reckon();
    }

    fn configure(&mut self, slot: usize, what: Option<(usize, Past)>) {
        let name = self.slots[slot].as_ref().map_or_else(|| format!("to-{slot}"), |(_, _, name)| name.clone());
        self.slots[slot] = what.map(|(corp, past)| (corp, past, name));
        for expected in self.corps.iter_mut().filter(|((organisation, _), _)| *organisation == slot) {
            expected.1.active = None;
        }
        if let Some((corp, past)) = what {
            self.corps.entry((slot, corp)).or_default().active = Some(past);
        }
        self.reckon();
    }
}

fn punch(n: usize, user: usize) -> Reading {
    reading(USERS[user], at(minutes(n)), n as u32 + 1)
}

/// What arrived, as each corp counts it.
type Arrived = BTreeMap<(usize, usize, i64), usize>;

/// Delivers what waits: every row that may leave leaves once.
async fn deliver(house: &House, arrived: &mut Arrived) {
    let left: Vec<(i64, String, i64)> = house
        .journal
        .write(|write| {
            let mut select = write.sql().prepare(
                "SELECT o.organisation, o.identity, d.time_s FROM delivery d JOIN destination o USING (destination)
                  WHERE d.state = 0 AND o.active = 1",
            )?;
            let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let rows = rows.collect::<Result<_, _>>()?;
            write.sql().execute(
                "UPDATE delivery SET state = 4, attempts = 1 WHERE state = 0
                    AND destination IN (SELECT destination FROM destination WHERE active = 1)",
                [],
            )?;
            Ok(rows)
        })
        .await
        .unwrap();
    for (organisation, corp, time_s) in left {
        let corp = CORPS.iter().position(|known| *known == corp).unwrap();
        *arrived.entry((usize::try_from(organisation).unwrap() - 1, corp, time_s)).or_default() += 1;
    }
}

async fn people(house: &House, learned: bool) {
    let mut main = vec![person("zhangsan", &["1001"]), person("both", &["3001"])];
    if learned {
        main.push(person("late", &["1009"]));
    }
    let other = vec![person("wang", &["2001"]), person("both", &["3001"])];
    house.journal.write(move |write| write.import_people(OTHER, &other, true)).await.unwrap();
    house.people(main).await;
}

async fn walk(steps: Vec<Step>) -> (Model, Arrived) {
    let mut model = Model::default();
    model.configure(0, Some((0, Past::None)));
    let mut house = House::with_registry(tempfile::tempdir().unwrap(), &model.registry()).await.0;
    people(&house, false).await;
    let mut arrived = Arrived::new();
    for step in steps {
        match step {
            Step::Punch(_) if model.punches.len() == PUNCHES => {}
            Step::Punch(user) => {
                let n = model.punches.len();
                model.punch(user);
                house.submit([punch(n, user)]).await;
            }
            Step::Deliver => deliver(&house, &mut arrived).await,
            Step::Learn => {
                model.learned = true;
                model.reckon();
                people(&house, true).await;
                house.reopen_verdicts().await;
            }
            Step::Configure(slot, what) => {
                model.configure(slot, what);
                house = House::with_registry(house.close().await, &model.registry()).await.0;
            }
            Step::Rename(slot) => {
                if let Some((_, _, name)) = &mut model.slots[slot] {
                    name.push('x');
                }
                house = House::with_registry(house.close().await, &model.registry()).await.0;
            }
            Step::Restart => house = House::with_registry(house.close().await, &model.registry()).await.0,
        }
    }
    deliver(&house, &mut arrived).await;
    (model, arrived)
}

/// Holds what arrived against what was due.
fn compare(model: &Model, arrived: &Arrived) -> Result<(), TestCaseError> {
    for ((organisation, corp, time_s), times) in arrived {
        let due = &model.corps[&(*organisation, *corp)].due;
        prop_assert_eq!(*times, 1, "{} got {} twice", CORPS[*corp], time_s);
        prop_assert!(due.iter().any(|(_, n)| second(*n) == *time_s), "{} got {} and should not", CORPS[*corp], time_s);
    }
    for ((organisation, corp), expected) in model.corps.iter().filter(|(_, expected)| expected.active.is_some()) {
        for (_, n) in &expected.due {
            let key = (*organisation, *corp, second(*n));
            prop_assert!(arrived.contains_key(&key), "{} lacks punch {} at {}", CORPS[*corp], n, second(*n));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_becomes_of_destinations_each_corp_gets_its_punches_once(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (model, arrived) = runtime.block_on(walk(steps));
        compare(&model, &arrived)?;
    }
}

fn only(past: Past) -> Option<(usize, Past)> {
    Some((0, past))
}

async fn arrives(steps: Vec<Step>) -> usize {
    let (model, arrived) = walk(steps).await;
    compare(&model, &arrived).unwrap();
    arrived.len()
}

#[tokio::test]
async fn a_reading_of_its_time_that_is_judged_while_it_is_away_goes_there_when_it_comes_back() {
    let steps = vec![
        Step::Punch(3),
        Step::Configure(0, None),
        Step::Punch(0),
        Step::Learn,
        Step::Configure(0, only(Past::None)),
    ];
    assert_eq!(arrives(steps).await, 1);
}

#[tokio::test]
async fn a_reading_of_its_time_that_is_judged_after_it_came_back_goes_there() {
    let steps = vec![
        Step::Punch(3),
        Step::Configure(0, None),
        Step::Punch(0),
        Step::Configure(0, only(Past::None)),
        Step::Learn,
    ];
    assert_eq!(arrives(steps).await, 1);
}

#[tokio::test]
async fn the_time_between_goes_there_only_if_it_is_told() {
    let away = vec![Step::Punch(0), Step::Configure(0, None), Step::Punch(0)];
    let back = |past| [away.clone(), vec![Step::Configure(0, only(past)), Step::Punch(0)]].concat();
    assert_eq!(arrives(back(Past::None)).await, 2);
    assert_eq!(arrives(back(Past::All)).await, 3);
}

/// A punch that a destination waits for, and an earlier reading of before its time that is judged later.
#[tokio::test]
async fn a_waiting_punch_does_not_give_way_to_one_that_does_not_go_where_it_goes() {
    let mut model = Model::default();
    let house = House::with_registry(tempfile::tempdir().unwrap(), &model.registry()).await.0;
    people(&house, false).await;
    house.submit([reading("1009", at(0), 1)]).await;
    model.configure(0, only(Past::None));
    let house = House::with_registry(house.close().await, &model.registry()).await.0;
    house.submit([reading("1001", at(2), 1)]).await;
    let both = vec![person("zhangsan", &["1001", "1009"])];
    house.people(both).await;
    house.reopen_verdicts().await;
    let mut arrived = Arrived::new();
    deliver(&house, &mut arrived).await;
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    assert_eq!(house.count("SELECT count(*) FROM verdict WHERE outcome = 0").await, 2);
}
