//! People who punch at every terminal of the site, each on a calendar of their own, so that most punches count.

use std::time::Duration;

use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, ToSpan};
use punchd_sim::site::Site;
use tokio::time::{Instant, sleep};

/// Minutes between two punches of a person that both count; the merge window is five.
const APART: i64 = 6;

pub struct Crowd<'a> {
    site: &'a Site,
    random: fastrand::Rng,
    next: Vec<DateTime>,
}

impl<'a> Crowd<'a> {
    pub fn new(site: &'a Site, random: fastrand::Rng) -> Self {
        let first = date(2026, 10, 1).at(6, 0, 0, 0);
        let next = (0..site.people.len()).map(|person| first.checked_add((person as i64).seconds()).unwrap()).collect();
        Self { site, random, next }
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
        let index = self.random.usize(..self.next.len());
        let number = self.site.people[index].number.clone();
        let at = self.next[index];
        self.next[index] = at.checked_add(SignedDuration::from_mins(APART)).unwrap();
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
