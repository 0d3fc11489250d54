//! The suite itself: one case after the other, each with a fresh device and a fresh driver.
//!
//! It runs under tokio's paused time (`#[tokio::test(start_paused = true)]`): a day of idleness costs a moment, and a wait
//! that is not bounded shows. In every case the same must hold at the end: what was punched has arrived, each punch once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::running::{Subject, stop_after_polls};
use super::{Bench, Exchange, VirtualDevice};
use crate::{Condition, Kind, NotRecorded};

/// The true time at the start of every case: 2026-11-02 08:00:00 in Shanghai.
pub const EPOCH: Timestamp = Timestamp::constant(1_793_577_600, 0);

/// The people whom every virtual device under test knows.
pub const USERS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// How long a punch may take to arrive after any disturbance.
const ARRIVES: Duration = Duration::from_secs(30 * 60);
/// How long a driver may take to notice that its device is gone, or back.
pub(super) const NOTICES: Duration = Duration::from_secs(30 * 60);

/// A clock for a virtual device: shows [`EPOCH`] now and goes with tokio's time.
pub fn device_clock() -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
    let started = Instant::now();
    Arc::new(move || jiff::SignedDuration::try_from(started.elapsed()).map_or(EPOCH, |gone| EPOCH + gone))
}

/// One case: a device, an agent, and the driver between them.
pub(super) struct Case<K: Kind, D> {
    pub name: &'static str,
    pub device: D,
    pub bench: Bench,
    pub subject: Subject<K>,
    pub driver: JoinSet<()>,
    punched: usize,
}

impl<K: Kind, D: VirtualDevice> Case<K, D> {
    /// Everything but the driver's start.
    pub async fn prepared(name: &'static str, make: &impl AsyncFn() -> D) -> Self {
        println!("conformance: {name}");
        let device = make().await;
        let (bench, port) = match device.cable() {
            Some(cable) => Bench::with_lines(EPOCH, Arc::new(cable)),
            None => Bench::new(EPOCH),
        };
        let subject = Subject::new(&device.values(), device.zone(), port);
        Self { name, device, bench, subject, driver: JoinSet::new(), punched: 0 }
    }

    pub async fn started(name: &'static str, make: &impl AsyncFn() -> D) -> Self {
        let mut case = Self::prepared(name, make).await;
        case.driver = case.subject.start();
        case
    }

    /// Started and in contact.
    pub async fn working(name: &'static str, make: &impl AsyncFn() -> D) -> Self {
        let case = Self::started(name, make).await;
        let works = case.bench.until(NOTICES, works).await;
        assert!(works, "{name}: does not get to work: {:?}", case.bench.health_now());
        case
    }

    /// The next of the people punches; a second later than the one before, as people do.
    async fn punch(&mut self) {
        let user = USERS.get(self.punched % USERS.len()).copied().unwrap_or("1");
        self.device.punch(user).await;
        self.punched += 1;
        sleep(Duration::from_millis(1010)).await;
    }

    pub async fn disturb(&mut self, what: Exchange) -> bool {
        let known = self.device.disturb(what).await;
        if !known {
            println!("conformance: {}: skipped, this device knows no {what:?}", self.name);
        }
        known
    }

    /// Everything punched arrives, each once.
    async fn all_arrive(&self) {
        let wanted = self.device.punches();
        assert_eq!(wanted, self.punched, "{}: the device itself lost or invented punches", self.name);
        let arrived = self.bench.until(ARRIVES, |bench| bench.readings().len() >= wanted).await;
        let readings = self.bench.readings();
        assert!(
            arrived,
            "{}: {} of {wanted} punches arrived; {:?}",
            self.name,
            readings.len(),
            self.bench.health_now()
        );
        // What would arrive twice, arrives twice in the next minutes.
        sleep(Duration::from_secs(300)).await;
        let readings = self.bench.readings();
        assert_eq!(readings.len(), wanted, "{}: something arrived twice", self.name);
        let different: BTreeSet<String> =
            readings.iter().map(|reading| format!("{:?} {:?}", reading.credential, reading.happened)).collect();
        assert_eq!(different.len(), wanted, "{}: one punch arrived twice and another not", self.name);
        assert!(
            readings.iter().all(|reading| reading.key.is_some()),
            "{}: a record of a terminal has no key",
            self.name
        );
        if let Some(most) = self.device.most_clients() {
            assert!(most <= 1, "{}: {most} connections at once", self.name);
        }
    }
}

pub(super) fn works(bench: &Bench) -> bool {
    bench.health_now().is_some_and(|health| matches!(health.condition, Condition::Working | Condition::Warning))
}

pub(super) fn fails(bench: &Bench) -> bool {
    bench.health_now().is_some_and(|health| health.condition == Condition::Fault)
}

/// Puts the driver `K` through every case against devices that `make` makes: each with the people [`USERS`], an empty log,
/// and the clock that [`device_clock`] gives at that moment.
pub async fn conform<K: Kind, D: VirtualDevice>(make: impl AsyncFn() -> D) {
    if !K::DECLARATION.keeps_log {
        return super::readers::conform::<K, D>(&make).await;
    }
    punches_arrive_once::<K, D>(&make).await;
    a_cable_is_pulled_and_put_back::<K, D>(&make).await;
    garbage_arrives::<K, D>(&make).await;
    a_frame_is_cut_in_half::<K, D>(&make).await;
    the_same_record_comes_twice::<K, D>(&make).await;
    a_device_is_slow::<K, D>(&make).await;
    a_clock_is_wrong::<K, D>(&make).await;
    a_storm_comes::<K, D>(&make).await;
    the_driver_is_stopped_at_many_polls::<K, D>(&make).await;
    the_driver_is_stopped_at_many_moments::<K, D>(&make).await;
    nothing_can_be_recorded_for_a_while::<K, D>(&make).await;
    recording_is_slow::<K, D>(&make).await;
    the_cursor_is_lost::<K, D>(&make).await;
    nothing_happens_for_a_day::<K, D>(&make).await;
    nobody_is_there_at_first::<K, D>(&make).await;
}

async fn punches_arrive_once<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("punches arrive once", make).await;
    for _ in 0..5 {
        case.punch().await;
    }
    case.all_arrive().await;
    let true_time = case.device.zone().to_datetime(EPOCH);
    let near = |at: jiff::civil::DateTime| at.duration_since(true_time).as_secs().abs() < 3600;
    let timed = case.bench.readings().iter().all(|reading| reading.happened.civil().is_some_and(near));
    assert!(timed, "{}: the times are not those of the punches: {:?}", case.name, case.bench.readings());
}

async fn a_cable_is_pulled_and_put_back<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("a cable is pulled and put back", make).await;
    case.punch().await;
    case.all_arrive().await;
    if !case.disturb(Exchange::Unplug).await {
        return;
    }
    assert!(case.bench.until(NOTICES, fails).await, "{}: nobody is told: {:?}", case.name, case.bench.health_now());
    says_what_is_wrong(&case);
    // A terminal goes on taking punches meanwhile.
    case.punch().await;
    case.punch().await;
    sleep(Duration::from_secs(600)).await;
    case.disturb(Exchange::Replug).await;
    assert!(case.bench.until(NOTICES, works).await, "{}: does not come back: {:?}", case.name, case.bench.health_now());
    case.punch().await;
    case.all_arrive().await;
}

pub(super) fn says_what_is_wrong<K: Kind, D: VirtualDevice>(case: &Case<K, D>) {
    let said = case.bench.health_now().map(|health| health.text);
    let said = said.is_some_and(|text| text.en.len() > 10 && text.zh.chars().count() > 4 && text.en != text.zh);
    assert!(said, "{}: the fault has no sentence in both languages", case.name);
}

async fn garbage_arrives<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("garbage arrives", make).await;
    for _ in 0..3 {
        case.punch().await;
        if !case.disturb(Exchange::Garbage).await {
            return;
        }
        case.punch().await;
    }
    case.all_arrive().await;
    assert!(case.bench.until(NOTICES, works).await, "{}: does not recover: {:?}", case.name, case.bench.health_now());
}

async fn a_frame_is_cut_in_half<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("a frame is cut in half", make).await;
    case.punch().await;
    if !case.disturb(Exchange::HalfFrame).await {
        return;
    }
    case.punch().await;
    case.all_arrive().await;
    assert!(case.bench.until(NOTICES, works).await, "{}: does not recover: {:?}", case.name, case.bench.health_now());
}

async fn the_same_record_comes_twice<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("the same record comes twice", make).await;
    case.punch().await;
    for _ in 0..3 {
        if !case.disturb(Exchange::RepeatLast).await {
            return;
        }
    }
    case.punch().await;
    case.disturb(Exchange::RepeatLast).await;
    case.all_arrive().await;
}

async fn a_device_is_slow<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::prepared("a device is slow", make).await;
    if !case.disturb(Exchange::SlowMillis(3000)).await {
        return;
    }
    case.driver = case.subject.start();
    case.punch().await;
    case.punch().await;
    case.all_arrive().await;
}

async fn a_clock_is_wrong<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::prepared("a clock is wrong", make).await;
    if !case.disturb(Exchange::ClockOffSeconds(-420)).await {
        return;
    }
    case.driver = case.subject.start();
    case.punch().await;
    case.all_arrive().await;
    if !case.device.tells_clock() {
        return;
    }
    let seen = |bench: &Bench| {
        let offsets: Vec<i64> = bench.offsets();
        offsets.iter().any(|offset| (offset + 420_000).abs() < 3000)
    };
    assert!(case.bench.until(ARRIVES, seen).await, "{}: {:?}", case.name, case.bench.contacts());
}

async fn a_storm_comes<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("a storm comes", make).await;
    for _ in 0..250 {
        for user in USERS {
            case.device.punch(user).await;
            case.punched += 1;
        }
        sleep(Duration::from_millis(1010)).await;
    }
    case.all_arrive().await;
}

async fn the_driver_is_stopped_at_many_polls<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::prepared("the driver is stopped at many polls", make).await;
    for polls in 1..=80 {
        case.punch().await;
        // A poll may never come: then some minutes are enough.
        let _ = timeout(Duration::from_secs(180), stop_after_polls(case.subject.run(), polls)).await;
    }
    case.driver = case.subject.start();
    case.all_arrive().await;
}

async fn the_driver_is_stopped_at_many_moments<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::prepared("the driver is stopped at many moments", make).await;
    case.bench.delay(Duration::from_millis(5));
    for millis in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 1000, 10_000, 61_000, 122_000] {
        let driver = case.subject.start();
        case.punch().await;
        sleep(Duration::from_millis(millis)).await;
        drop(driver);
        case.punch().await;
    }
    case.driver = case.subject.start();
    case.all_arrive().await;
}

async fn nothing_can_be_recorded_for_a_while<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("nothing can be recorded for a while", make).await;
    for answer in [NotRecorded::DiskFull, NotRecorded::Busy] {
        case.bench.refuse(Some(answer));
        for _ in 0..3 {
            case.punch().await;
        }
        sleep(Duration::from_secs(600)).await;
        case.bench.refuse(None);
    }
    case.all_arrive().await;
    assert!(case.bench.until(NOTICES, works).await, "{}: does not recover: {:?}", case.name, case.bench.health_now());
}

async fn recording_is_slow<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("recording is slow", make).await;
    case.bench.delay(Duration::from_millis(1500));
    for _ in 0..20 {
        case.punch().await;
    }
    case.all_arrive().await;
}

async fn the_cursor_is_lost<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("the cursor is lost", make).await;
    for _ in 0..3 {
        case.punch().await;
    }
    case.all_arrive().await;
    case.driver.shutdown().await;
    case.bench.forget_cursor();
    case.driver = case.subject.start();
    case.punch().await;
    case.all_arrive().await;
}

async fn nothing_happens_for_a_day<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::working("nothing happens for a day", make).await;
    sleep(Duration::from_secs(24 * 3600)).await;
    assert!(works(&case.bench), "{}: {:?}", case.name, case.bench.health_now());
    let said = case.bench.health_history().len();
    assert!(said < 50, "{}: health changed {said} times while nothing happened", case.name);
    case.punch().await;
    case.all_arrive().await;
}

async fn nobody_is_there_at_first<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut case = Case::<K, D>::prepared("nobody is there at first", make).await;
    let unplugged = case.disturb(Exchange::Unplug).await;
    case.driver = case.subject.start();
    let said = |bench: &Bench| bench.health_now().is_some();
    assert!(case.bench.until(Duration::from_secs(60), said).await, "{}: silence for a minute", case.name);
    if !unplugged {
        return;
    }
    assert!(case.bench.until(NOTICES, fails).await, "{}: nobody is told: {:?}", case.name, case.bench.health_now());
    case.disturb(Exchange::Replug).await;
    case.punch().await;
    case.all_arrive().await;
}
