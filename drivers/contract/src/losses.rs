//! How many of the last texts or frames of a reader were spoilt on their way: counted, said, and not forgotten at the next good one.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::Text;

/// So many of the last are looked at.
const LAST: usize = 20;
/// From so many of them on it is no accident.
const WARNS: usize = 2;
/// Parts that are kept as readings at once; more are counted alone. A line of noise must not fill the journal.
const KEPT: u32 = 10;
/// One more is kept after this.
const ONE_MORE: Duration = Duration::from_secs(60);

/// The last texts of a reader.
#[derive(Debug)]
pub struct Losses {
    last: VecDeque<bool>,
    room: u32,
    grows: Instant,
}

impl Losses {
    /// Nothing has come yet.
    pub fn new(now: Instant) -> Self {
        Self { last: VecDeque::with_capacity(LAST), room: KEPT, grows: now }
    }

    /// A whole one has come.
    pub fn good(&mut self) {
        self.push(false);
    }

    /// One was spoilt. Answers whether its bytes are to be kept as a reading: in a flood they are not.
    pub fn spoilt(&mut self, now: Instant) -> bool {
        self.push(true);
        while self.room < KEPT && now.duration_since(self.grows) >= ONE_MORE {
            self.room += 1;
            self.grows += ONE_MORE;
        }
        if self.room == KEPT {
            self.grows = now;
        }
        let keep = self.room > 0;
        self.room = self.room.saturating_sub(1);
        keep
    }

    fn push(&mut self, spoilt: bool) {
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(spoilt);
    }

    /// How many of the last, and of how many.
    pub fn count(&self) -> (usize, usize) {
        (self.last.iter().filter(|spoilt| **spoilt).count(), self.last.len())
    }

    /// Whether there are so many that somebody has to look.
    pub fn warns(&self) -> bool {
        self.count().0 >= WARNS
    }

    /// What to say; `None`: nothing was spoilt.
    pub fn text(&self) -> Option<Text> {
        let (spoilt, of) = self.count();
        (spoilt > 0).then(|| {
            Text::new(
                format!("{spoilt} of the last {of} texts were cut or spoilt on their way and credit nobody"),
                format!("最近 {of} 条内容中有 {spoilt} 条在传输中被截断或损坏，不计入任何人"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn losses_are_said_until_enough_good_ones_have_come() {
        let mut losses = Losses::new(Instant::now());
        losses.good();
        assert!(losses.text().is_none() && !losses.warns());
        losses.spoilt(Instant::now());
        assert!(!losses.warns() && losses.text().unwrap().en.starts_with("1 of the last 2 "));
        losses.spoilt(Instant::now());
        for _ in 0..17 {
            losses.good();
            assert!(losses.warns());
        }
        assert!(losses.text().unwrap().en.starts_with("2 of the last 20 "));
        losses.good();
        losses.good();
        assert!(!losses.warns());
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_flood_a_few_are_kept_and_then_one_a_minute() {
        let (mut losses, start) = (Losses::new(Instant::now()), Instant::now());
        assert_eq!((0..1000).filter(|_| losses.spoilt(start)).count(), 10);
        let hour = (0..3600).filter(|second| losses.spoilt(start + Duration::from_secs(*second))).count();
        assert!((58..=60).contains(&hour), "{hour}");
    }
}
