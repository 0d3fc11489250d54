//! People who punch at every terminal of the site, in turn and on one calendar that runs faster than the clock, so that most punches
//! count and every terminal's log is in order.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use punchd_sim::clock;
use punchd_sim::site::Site;
use tokio::time::{Instant, sleep};

/// Between two people; a round of all sixty takes longer than the merge window of five minutes.
const APART: SignedDuration = SignedDuration::from_secs(7);
/// The calendar begins so long before the test, and does not reach its time.
const BEGINS: SignedDuration = SignedDuration::from_hours(14);

pub struct Crowd<'a> {
    site: &'a Site,
    random: fastrand::Rng,
    /// In what order they come.
    turns: Vec<usize>,
    punched: usize,
    now: DateTime,
}

impl<'a> Crowd<'a> {
    pub fn new(site: &'a Site, mut random: fastrand::Rng) -> Self {
        let mut turns: Vec<usize> = (0..site.people.len()).collect();
        random.shuffle(&mut turns);
        let begins = clock::real()().checked_sub(BEGINS).unwrap();
        let now = TimeZone::get("Asia/Shanghai").unwrap().to_datetime(begins).round(jiff::Unit::Second).unwrap();
        Self { site, random, turns, punched: 0, now }
    }

    pub async fn punch_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.punch();
            let pause = Duration::from_millis(self.random.u64(5..25));
            if Instant::now() + pause >= end {
                sleep(end.saturating_duration_since(Instant::now())).await;
                return;
            }
            sleep(pause).await;
        }
    }

    fn punch(&mut self) {
        let index = self.turns[self.punched % self.turns.len()];
        let number = self.site.people[index].number.clone();
        let at = self.now;
        self.punched += 1;
        self.now = at.checked_add(APART).unwrap();
        self.show(&number, at);
        // Some show their finger twice, some of them at another terminal.
        if self.random.u8(..6) == 0 {
            self.show(&number, at.checked_add(20.seconds()).unwrap());
        }
    }

    fn show(&mut self, number: &str, at: DateTime) {
        match self.random.usize(..self.site.terminals()) {
            terminal if terminal < self.site.pull.len() => self.site.pull[terminal].punch(number, at, 1, 0),
            _ => self.site.push.punch(number, at, 1, 0),
        }
    }
}
