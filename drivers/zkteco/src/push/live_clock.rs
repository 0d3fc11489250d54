//! What a terminal's clock shows, learned from uploads: the protocol has no question for it.
//!
//! While a terminal is in unbroken contact, a punch arrives as it happens; so the distance between a punch's time and its arrival
//! is the clock's error, if it stays the same while punches go on. A backlog after an outage must not be taken for that: there
//! the distance is the outage's. What tells the two apart:
//!
//! * a record from the future is no backlog;
//! * whoever has a backlog sends without pauses: a record that comes after a pause was written in the pause;
//! * the states of doors carry the terminal's time of that moment.
//!
//! Until one of these holds, a steady distance is only a suspicion: it is said, and nothing is concluded from it.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use punchd_contract::{ClockShown, Text};
use tokio::time::Instant;

/// How many records must have the same distance.
const ENOUGH: usize = 3;
/// More are not remembered.
const MOST: usize = 8;
/// Two distances that differ by no more than this are one: a second of resolution, and the way over the network.
const SAME_S: i64 = 5;
/// A clock that is no further off than this is right: what is later may have waited for the network.
const RIGHT_S: i64 = 60;
/// After a pause of this length nothing was waiting to be sent.
const PAUSE: Duration = Duration::from_secs(20);
/// From when on a record that arrives inside an unbroken contact is late.
const LATE_S: i64 = 300;

/// How a time came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// A record alone in its upload.
    Alone,
    /// The terminal's time of that moment.
    Now,
}

/// One time that a terminal gave.
#[derive(Clone, Copy, Debug)]
struct Sample {
    recorded: Timestamp,
    /// Arrival minus record, in seconds.
    lag_s: i64,
    /// Whether nothing can have been waiting before it.
    fresh: bool,
}

/// A clock as far as its uploads tell.
#[derive(Debug, Default)]
pub struct LiveClock {
    run: VecDeque<Sample>,
    /// When something came last.
    last: Option<Instant>,
    /// Since when everything arrives as it happens.
    steady_since: Option<Timestamp>,
    /// By how many seconds the clock is behind (or, negative, ahead), and whether that is proven.
    found: Option<(i64, bool)>,
}

/// What one upload's time told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    /// What the clock shows, if that is proven.
    pub shown: Option<ClockShown>,
    /// By how many seconds the record is late, if nothing explains it.
    pub late_s: Option<u32>,
    /// Whether it came as it happened, by the clock as it is known.
    pub live: bool,
}

impl LiveClock {
    /// From now on things arrive as they happen: the terminal has just come back, a backlog was sent, or something was refused or
    /// asked for.
    pub fn begins_anew(&mut self, now: Timestamp) {
        self.run.clear();
        self.steady_since = Some(now);
        self.last = Some(Instant::now());
        // What was only a suspicion may have been the backlog.
        self.found = self.found.filter(|(_, proven)| *proven);
    }

    /// A time arrived at `now`.
    pub fn came(&mut self, came: Came, recorded: Timestamp, now: Timestamp) -> Told {
        let lag_s = now.as_second() - recorded.as_second();
        let paused = self.last.is_none_or(|last| last.elapsed() >= PAUSE);
        self.last = Some(Instant::now());
        let fresh = came == Came::Now || lag_s < -RIGHT_S || (paused && self.steady_since.is_some());
        self.add(Sample { recorded, lag_s, fresh });
        let inside = self.steady_since.is_some_and(|since| recorded.as_second() > since.as_second() + RIGHT_S);
        let explained =
            self.found.is_some_and(|(found, proven)| proven && found.abs_diff(lag_s) <= SAME_S.unsigned_abs());
        let late = came == Came::Alone && inside && lag_s > LATE_S && !explained;
        Told {
            shown: self.shown(now),
            late_s: late.then(|| u32::try_from(lag_s).unwrap_or(u32::MAX)),
            live: explained || lag_s.abs() <= LATE_S,
        }
    }

    /// Since when the contact is unbroken and nothing was waiting.
    pub fn in_touch_since(&self) -> Option<Timestamp> {
        self.steady_since
    }

    /// What the clock shows at `now`, if it is proven to be wrong, or was proven right after that.
    pub fn shown(&self, now: Timestamp) -> Option<ClockShown> {
        let (lag_s, proven) = self.found?;
        let shown = now.checked_sub(jiff::SignedDuration::from_secs(lag_s)).ok()?;
        proven.then_some(ClockShown { shown, at: Instant::now() })
    }

    fn add(&mut self, sample: Sample) {
        let same = |earlier: &Sample| earlier.lag_s.abs_diff(sample.lag_s) <= SAME_S.unsigned_abs();
        match (self.run.front(), self.run.back()) {
            // Sent again.
            (_, Some(last)) if last.recorded == sample.recorded => return,
            (Some(first), Some(last)) if same(first) && last.recorded < sample.recorded => {}
            _ => self.run.clear(),
        }
        if self.run.len() == MOST {
            self.run.pop_front();
        }
        self.run.push_back(sample);
        if sample.lag_s.abs() <= RIGHT_S {
            // As no clock that is behind could: if it was off before, it has been set, and that is said with what follows.
            self.found = self.found.filter(|(_, proven)| *proven).map(|_| (0, true));
            return;
        }
        let fresh = self.run.iter().filter(|sample| sample.fresh).count();
        let enough = |count: usize| count >= ENOUGH;
        let known_wrong = self.found.is_some_and(|(lag_s, proven)| proven && lag_s.abs() > RIGHT_S);
        if enough(fresh) || (enough(self.run.len()) && !known_wrong) {
            self.found = Some((sample.lag_s, enough(fresh)));
        }
    }

    /// What people should know of it.
    pub fn text(&self) -> Option<Text> {
        let (lag_s, proven) = self.found.filter(|(lag_s, _)| lag_s.abs() > RIGHT_S)?;
        let (en, zh) = length(lag_s.unsigned_abs());
        let (way, word_zh) = if lag_s > 0 { ("behind", "慢") } else { ("ahead", "快") };
        Some(if proven {
            Text::new(
                format!(
                    "its clock is {en} {way}: live punches come with that error. Compare its display with the true time, look at `zone`, and set it with `punchd devices set-clock`"
                ),
                format!(
                    "设备时钟{word_zh}了 {zh}，实时打卡都带有同样误差。请对照屏幕时间、检查 `zone`，并用 `punchd devices set-clock` 校准"
                ),
            )
        } else {
            Text::new(
                format!(
                    "its last punches came one by one, each dated {en} {}: its clock is probably {en} {way}. Compare its display with the true time, and look at `zone`",
                    if lag_s > 0 { "before it arrived" } else { "after it arrived" }
                ),
                format!(
                    "最近的打卡逐条到达，时间都相差 {zh}：设备时钟很可能{word_zh}了 {zh}。请对照屏幕时间并检查 `zone`"
                ),
            )
        })
    }
}

/// A length of time in words.
fn length(seconds: u64) -> (String, String) {
    let minutes = (seconds + 30) / 60;
    match (minutes / 60, minutes % 60) {
        _ if seconds < 120 => (format!("{seconds} s"), format!("{seconds} 秒")),
        (0, minutes) => (format!("{minutes} min"), format!("{minutes} 分钟")),
        (hours, 0) => (format!("{hours} h"), format!("{hours} 小时")),
        (hours, minutes) => (format!("{hours} h {minutes} min"), format!("{hours} 小时 {minutes} 分")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Plays records that arrive at the first number, dated so many seconds before; between them, time goes on.
    async fn play(clock: &mut LiveClock, records: &[(i64, i64)]) -> Told {
        let (start, mut told) = (Instant::now(), Told::default());
        for (arrives, lag) in records {
            let until = start + Duration::from_secs(u64::try_from(*arrives).unwrap());
            tokio::time::sleep_until(until).await;
            let now = at(NOON + arrives);
            told = clock.came(Came::Alone, at(NOON + arrives - lag), now);
        }
        told
    }

    #[tokio::test(start_paused = true)]
    async fn a_steady_distance_after_pauses_is_a_finding_and_its_end_is_one() {
        let mut clock = LiveClock::default();
        clock.begins_anew(at(NOON));
        let told = play(&mut clock, &[(60, 7200), (200, 7201), (400, 7199)]).await;
        let shown = told.shown.expect("proven");
        assert_eq!(shown.shown, at(NOON + 400 - 7199));
        assert!(told.live && clock.text().unwrap().en.contains("2 h behind"), "{:?}", clock.text());
        let told = clock.came(Came::Alone, at(NOON + 500), at(NOON + 501));
        assert_eq!(told.shown.unwrap().shown, at(NOON + 501));
        assert_eq!(clock.text(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_pauses_it_is_a_suspicion_that_is_said() {
        let mut clock = LiveClock::default();
        clock.begins_anew(at(NOON));
        let told = play(&mut clock, &[(0, 7200), (2, 7200), (4, 7200), (6, 7200)]).await;
        assert_eq!(told.shown, None);
        assert!(clock.text().unwrap().en.contains("probably 2 h behind"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_ahead_needs_no_pauses() {
        let mut clock = LiveClock::default();
        let told = play(&mut clock, &[(1, -3600), (2, -3600), (3, -3600)]).await;
        assert!(told.shown.is_some() && clock.text().unwrap().en.contains("ahead"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_backlog_is_no_finding_and_nothing_of_it_is_late() {
        let mut clock = LiveClock::default();
        clock.begins_anew(at(NOON));
        for second in 0..200 {
            let told = play(&mut clock, &[(1, 90_000 - second * 437)]).await;
            assert_eq!((told.shown, told.late_s), (None, None));
        }
        assert_eq!(clock.text(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_from_within_an_unbroken_contact_that_comes_late_is_doubtful() {
        let mut clock = LiveClock::default();
        clock.begins_anew(at(NOON));
        assert_eq!(play(&mut clock, &[(7200, 3600)]).await.late_s, Some(3600));
        let mut clock = LiveClock::default();
        clock.begins_anew(at(NOON));
        // From before the contact: a backlog.
        assert_eq!(play(&mut clock, &[(7200, 7300)]).await.late_s, None);
        // As it happened.
        assert_eq!(play(&mut clock, &[(7200, 200)]).await.late_s, None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Records of an outage, in order, as fast as they go: whatever their times were.
        #[test]
        fn no_backlog_proves_anything(gaps in proptest::collection::vec(1_i64..20_000, 1..60), every in 0_u64..20) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let mut clock = LiveClock::default();
                clock.begins_anew(at(NOON));
                let (mut recorded, mut now) = (NOON - gaps.iter().sum::<i64>() - 300, NOON);
                for gap in gaps {
                    tokio::time::advance(Duration::from_secs(every)).await;
                    now += i64::try_from(every).unwrap();
                    let told = clock.came(Came::Alone, at(recorded), at(now));
                    assert_eq!((told.shown, told.late_s), (None, None));
                    recorded += gap;
                }
            });
        }

        /// Any error of the clock, any rhythm of work: found after three punches that came after pauses.
        #[test]
        fn a_wrong_clock_is_found(lag in prop_oneof![70_i64..100_000, -100_000_i64..-70], gaps in proptest::collection::vec(20_u64..5000, 4..10), jitter in 0_i64..4) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let mut clock = LiveClock::default();
                clock.begins_anew(at(NOON));
                let mut now = NOON;
                let mut shown = None;
                for (number, gap) in gaps.iter().enumerate() {
                    tokio::time::advance(Duration::from_secs(*gap)).await;
                    now += i64::try_from(*gap).unwrap();
                    let wobble = if number % 2 == 0 { 0 } else { jitter };
                    shown = clock.came(Came::Alone, at(now - lag - wobble), at(now)).shown;
                }
                let off = shown.expect("found").shown.as_second() - (now - lag);
                assert!(off.abs() <= 5, "{off}");
            });
        }
    }
}
