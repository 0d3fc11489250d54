//! The suite for local readers: a reader keeps nothing, so what counts is the moment in which something is presented.
//!
//! What is presented to a reader that works is read, once, at the first try. While something is wrong a person presents again, as people
//! do, until the reader has answered; then there is at least one reading and at most one a try. After every trouble the first try
//! must do again.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::running::stop_after_polls;
use super::suite::{Case, NOTICES, fails, says_what_is_wrong, works};
use super::{Bench, Exchange, USERS, VirtualDevice};
use crate::{Credential, Happened, Kind, NotRecorded, Reading, Tone};

/// How long a person stands at a reader before presenting again.
const STANDS: Duration = Duration::from_secs(5);
/// How long it takes until the next person stands there: nobody is back within the time in which the same is one presentation.
const STEPS_ASIDE: Duration = Duration::from_millis(400);
/// How often a person presents before the reader counts as broken: ten minutes are enough for any reader to recover.
const TRIES: usize = 120;

/// The readings that name somebody: what a reader keeps of a spoilt text credits nobody.
fn taken(bench: &Bench) -> Vec<Reading> {
    bench.readings().into_iter().filter(|reading| reading.credential != Credential::Unreadable).collect()
}

/// A case with its count of what must be there.
struct Gate<K: Kind, D> {
    case: Case<K, D>,
    turn: usize,
    read: usize,
}

impl<K: Kind, D: VirtualDevice> Gate<K, D> {
    fn at(case: Case<K, D>) -> Self {
        Self { case, turn: 0, read: 0 }
    }

    async fn working(name: &'static str, make: &impl AsyncFn() -> D) -> Self {
        Self::at(Case::working(name, make).await)
    }

    fn next(&mut self) -> &'static str {
        let user = USERS.get(self.turn % USERS.len()).copied().unwrap_or("1");
        self.turn += 1;
        user
    }

    /// Waits until one more reading is there than before.
    async fn answered(&self) -> bool {
        let wanted = self.read + 1;
        self.case.bench.until(STANDS, |bench| taken(bench).len() >= wanted).await
    }

    /// The next person presents once, and that is read and shown.
    async fn first_try(&mut self) {
        self.first_try_is_read().await;
        if let Some(tone) = self.shown().await {
            assert_eq!(tone, Tone::Accepted, "{}: the wrong sign was shown", self.case.name);
        }
    }

    /// The same without waiting for what a reader shows: one that can show nothing would cost seconds.
    async fn first_try_is_read(&mut self) {
        let user = self.next();
        self.case.device.punch(user).await;
        let name = self.case.name;
        assert!(
            self.answered().await,
            "{name}: the first try of {user} is not read; {:?}",
            self.case.bench.health_now()
        );
        self.read += 1;
        self.count(0);
        sleep(STEPS_ASIDE).await;
    }

    /// The next person presents until it is read.
    async fn until_read(&mut self) {
        let user = self.next();
        for tries in 1..=TRIES {
            self.case.device.punch(user).await;
            if self.answered().await {
                sleep(Duration::from_secs(1)).await;
                self.count(tries - 1);
                self.read = taken(&self.case.bench).len();
                self.case.device.shown();
                return;
            }
        }
        panic_of(self.case.name, "nothing is read any more");
    }

    /// What a reader that can show something shows within the time that a person waits.
    async fn shown(&mut self) -> Option<Tone> {
        let end = Instant::now() + STANDS;
        while Instant::now() < end {
            if let Some(tone) = self.case.device.shown() {
                return Some(tone);
            }
            sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// No reading came twice, but for what was presented again.
    fn count(&self, more: usize) {
        let readings = taken(&self.case.bench);
        let (name, least) = (self.case.name, self.read);
        assert!(
            (least..=least + 1 + more).contains(&readings.len()),
            "{name}: {} readings where {least} are due",
            readings.len()
        );
        assert!(
            readings.iter().all(|reading| reading.key.is_none()),
            "{name}: a reading of a reader has no record key"
        );
        assert!(readings.iter().all(|reading| reading.happened == Happened::Now), "{name}: a reader has no clock");
        let profiled =
            readings.iter().all(|reading| reading.profile.as_ref().is_some_and(|text| (1..=40).contains(&text.len())));
        assert!(profiled, "{name}: a reading does not say how its reader reads");
        assert!(readings.iter().all(|reading| !reading.raw.is_empty()), "{name}: the bytes as they came are missing");
    }

    /// In the next minutes nothing comes a second time.
    async fn nothing_more(&self) {
        sleep(Duration::from_secs(300)).await;
        let name = self.case.name;
        assert_eq!(taken(&self.case.bench).len(), self.read, "{name}: something was read without being presented");
    }

    async fn disturb(&mut self, what: Exchange) -> bool {
        self.case.disturb(what).await
    }
}

#[expect(clippy::panic, reason = "the suite runs in tests alone: this is how a case fails")]
fn panic_of(name: &str, why: &str) {
    panic!("{name}: {why}");
}

/// Puts a reader's driver through every case.
pub(super) async fn conform<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    everything_is_read_once::<K, D>(make).await;
    different_people_are_told_apart::<K, D>(make).await;
    a_cable_is_pulled_and_put_back::<K, D>(make).await;
    garbage_arrives::<K, D>(make).await;
    a_frame_is_cut_in_half::<K, D>(make).await;
    the_same_comes_twice_at_once::<K, D>(make).await;
    a_device_is_slow::<K, D>(make).await;
    a_storm_comes::<K, D>(make).await;
    the_driver_is_stopped_at_many_polls::<K, D>(make).await;
    the_driver_is_stopped_at_many_moments::<K, D>(make).await;
    nothing_can_be_recorded_for_a_while::<K, D>(make).await;
    recording_is_slow::<K, D>(make).await;
    nothing_happens_for_a_day::<K, D>(make).await;
    nobody_is_there_at_first::<K, D>(make).await;
}

async fn everything_is_read_once<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("everything is read once", make).await;
    for _ in 0..5 {
        gate.first_try().await;
    }
    gate.nothing_more().await;
}

async fn different_people_are_told_apart<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("different people are told apart", make).await;
    for _ in USERS.iter().chain(&USERS) {
        gate.first_try().await;
    }
    let readings = taken(&gate.case.bench);
    let (first, second) = readings.split_at(USERS.len());
    let credentials = |part: &[Reading]| part.iter().map(|reading| reading.credential.clone()).collect::<Vec<_>>();
    assert_eq!(credentials(first), credentials(second), "{}: one thing is told in two ways", gate.case.name);
    let different: std::collections::HashSet<_> = credentials(first).into_iter().collect();
    assert_eq!(different.len(), USERS.len(), "{}: two things are told as one", gate.case.name);
}

async fn a_cable_is_pulled_and_put_back<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("a cable is pulled and put back", make).await;
    gate.first_try().await;
    for away in [1, 600] {
        if !gate.disturb(Exchange::Unplug).await {
            return;
        }
        let name = gate.case.name;
        assert!(
            gate.case.bench.until(NOTICES, fails).await,
            "{name}: nobody is told: {:?}",
            gate.case.bench.health_now()
        );
        says_what_is_wrong(&gate.case);
        sleep(Duration::from_secs(away)).await;
        gate.disturb(Exchange::Replug).await;
        let back = gate.case.bench.until(Duration::from_secs(60), works).await;
        assert!(back, "{name}: does not come back within a minute: {:?}", gate.case.bench.health_now());
        gate.first_try().await;
    }
    gate.nothing_more().await;
}

async fn garbage_arrives<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("garbage arrives", make).await;
    for _ in 0..3 {
        gate.first_try().await;
        if !gate.disturb(Exchange::Garbage).await {
            return;
        }
        gate.until_read().await;
        sleep(Duration::from_secs(60)).await;
    }
    gate.first_try().await;
    gate.nothing_more().await;
    assert!(works(&gate.case.bench), "{}: does not recover: {:?}", gate.case.name, gate.case.bench.health_now());
}

async fn a_frame_is_cut_in_half<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("a frame is cut in half", make).await;
    for _ in 0..3 {
        gate.first_try().await;
        if !gate.disturb(Exchange::HalfFrame).await {
            return;
        }
        gate.until_read().await;
        sleep(Duration::from_secs(60)).await;
    }
    gate.first_try().await;
    gate.nothing_more().await;
    assert!(works(&gate.case.bench), "{}: does not recover: {:?}", gate.case.name, gate.case.bench.health_now());
}

async fn the_same_comes_twice_at_once<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("the same comes twice at once", make).await;
    for _ in 0..3 {
        gate.first_try_is_read().await;
        if !gate.disturb(Exchange::RepeatLast).await {
            return;
        }
    }
    gate.nothing_more().await;
}

async fn a_device_is_slow<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("a device is slow", make).await;
    if !gate.disturb(Exchange::SlowMillis(400)).await {
        return;
    }
    for _ in 0..3 {
        gate.until_read().await;
    }
    gate.disturb(Exchange::SlowMillis(0)).await;
    sleep(Duration::from_secs(60)).await;
    gate.first_try().await;
}

async fn a_storm_comes<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("a storm comes", make).await;
    for _ in 0..25 * USERS.len() {
        gate.first_try().await;
    }
    gate.nothing_more().await;
}

async fn the_driver_is_stopped_at_many_polls<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::at(Case::prepared("the driver is stopped at many polls", make).await);
    for polls in 1..=60 {
        let user = gate.next();
        // A poll may never come: then half a minute is enough.
        let run = timeout(Duration::from_secs(30), stop_after_polls(gate.case.subject.run(), polls));
        let (_, ()) = tokio::join!(run, gate.case.device.punch(user));
    }
    let (read, presented) = (taken(&gate.case.bench).len(), gate.case.device.punches());
    assert!(read <= presented, "{}: {read} readings of {presented} that were presented", gate.case.name);
    gate.read = read;
    gate.case.driver = gate.case.subject.start();
    gate.until_read().await;
    gate.first_try().await;
    gate.nothing_more().await;
}

async fn the_driver_is_stopped_at_many_moments<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::at(Case::prepared("the driver is stopped at many moments", make).await);
    gate.case.bench.delay(Duration::from_millis(5));
    for millis in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 1000, 10_000] {
        let driver = gate.case.subject.start();
        let user = gate.next();
        gate.case.device.punch(user).await;
        sleep(Duration::from_millis(millis)).await;
        drop(driver);
    }
    let (read, presented) = (taken(&gate.case.bench).len(), gate.case.device.punches());
    assert!(read <= presented, "{}: {read} readings of {presented} that were presented", gate.case.name);
    gate.read = read;
    gate.case.driver = gate.case.subject.start();
    gate.until_read().await;
    gate.first_try().await;
    gate.nothing_more().await;
}

async fn nothing_can_be_recorded_for_a_while<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("nothing can be recorded for a while", make).await;
    gate.first_try().await;
    for answer in [NotRecorded::DiskFull, NotRecorded::Busy] {
        gate.case.bench.refuse(Some(answer));
        let user = gate.next();
        gate.case.device.punch(user).await;
        if let Some(tone) = gate.shown().await {
            assert_eq!(tone, Tone::OutOfOrder, "{}: a person is told a reading that is not recorded", gate.case.name);
        }
        sleep(Duration::from_secs(60)).await;
        gate.case.bench.refuse(None);
        gate.case.device.shown();
        gate.first_try().await;
    }
    gate.nothing_more().await;
    assert!(works(&gate.case.bench), "{}: does not recover: {:?}", gate.case.name, gate.case.bench.health_now());
}

async fn recording_is_slow<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("recording is slow", make).await;
    gate.case.bench.delay(Duration::from_millis(1500));
    for _ in 0..20 {
        gate.first_try().await;
    }
    gate.nothing_more().await;
}

async fn nothing_happens_for_a_day<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::working("nothing happens for a day", make).await;
    sleep(Duration::from_secs(24 * 3600)).await;
    assert!(works(&gate.case.bench), "{}: {:?}", gate.case.name, gate.case.bench.health_now());
    let said = gate.case.bench.health_history().len();
    assert!(said < 50, "{}: health changed {said} times while nothing happened", gate.case.name);
    gate.first_try().await;
    gate.nothing_more().await;
}

async fn nobody_is_there_at_first<K: Kind, D: VirtualDevice>(make: &impl AsyncFn() -> D) {
    let mut gate = Gate::<K, D>::at(Case::prepared("nobody is there at first", make).await);
    let unplugged = gate.disturb(Exchange::Unplug).await;
    gate.case.driver = gate.case.subject.start();
    let name = gate.case.name;
    let said = |bench: &super::Bench| bench.health_now().is_some();
    assert!(gate.case.bench.until(Duration::from_secs(60), said).await, "{name}: silence for a minute");
    if !unplugged {
        return;
    }
    assert!(gate.case.bench.until(NOTICES, fails).await, "{name}: nobody is told: {:?}", gate.case.bench.health_now());
    gate.disturb(Exchange::Replug).await;
    assert!(
        gate.case.bench.until(NOTICES, works).await,
        "{name}: does not get to work: {:?}",
        gate.case.bench.health_now()
    );
    gate.first_try().await;
    gate.nothing_more().await;
}
