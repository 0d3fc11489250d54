//! A head that tells a card again while it lies there tells nothing new; nor do two cards that it tells in turn.

use std::collections::VecDeque;
use std::time::Duration;

/// Cards that a head can have before it at once, and a few more.
const MOST: usize = 8;

/// What was told last, by the clock of the edges: what waited in the kernel while the disk was slow is judged by when it came.
#[derive(Debug)]
pub struct Repeat {
    within: u64,
    last: VecDeque<(String, u64)>,
}

impl Repeat {
    /// The same within this time of when it was last there is the same presenting.
    pub fn new(within: Duration) -> Self {
        Self { within: u64::try_from(within.as_nanos()).unwrap_or(u64::MAX), last: VecDeque::new() }
    }

    /// Whether bits that came then, in nanoseconds, are something new.
    pub fn is_new(&mut self, bits: &str, at: u64) -> bool {
        let seen = self.last.iter().position(|(last, _)| last == bits).and_then(|seen| self.last.remove(seen));
        if self.last.len() >= MOST {
            self.last.pop_front();
        }
        self.last.push_back((bits.to_owned(), at));
        seen.is_none_or(|(_, when)| at.saturating_sub(when) >= self.within)
    }

    /// It was not recorded: the next try is to be taken.
    pub fn forget(&mut self, bits: &str) {
        self.last.retain(|(last, _)| last != bits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_card_that_lies_there_is_read_once() {
        let mut repeat = Repeat::new(Duration::from_secs(2));
        assert!(repeat.is_new("01", 0));
        for n in 1..=5 {
            assert!(!repeat.is_new("01", n * 1900 * MS));
        }
        assert!(repeat.is_new("10", 9600 * MS));
        assert!(repeat.is_new("01", (9500 + 2000) * MS));
        repeat.forget("01");
        assert!(repeat.is_new("01", 11_600 * MS));
    }

    #[test]
    fn two_cards_in_turn_are_two_presentings() {
        let mut repeat = Repeat::new(Duration::from_secs(2));
        let read = (0..100).filter(|n| repeat.is_new(if n % 2 == 0 { "01" } else { "10" }, n * 100 * MS)).count();
        assert_eq!(read, 2);
    }

    #[test]
    fn no_more_than_a_few_are_remembered() {
        let mut repeat = Repeat::new(Duration::from_secs(3600));
        for n in 0..100 {
            assert!(repeat.is_new(&format!("{n:b}"), n * MS));
        }
        assert!(repeat.last.len() <= MOST);
    }
}
