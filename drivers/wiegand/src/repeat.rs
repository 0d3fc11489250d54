//! A head that tells a card again while it lies there tells nothing new.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::bits::Bits;

/// What was told last.
#[derive(Debug)]
pub struct Repeat {
    within: Duration,
    last: Option<(Bits, Instant)>,
}

impl Repeat {
    /// The same within this time of when it was last there is the same presenting.
    pub fn new(within: Duration) -> Self {
        Self { within, last: None }
    }

    /// Whether a frame is something new.
    pub fn is_new(&mut self, frame: Bits) -> bool {
        let now = Instant::now();
        let again = self.last.is_some_and(|(last, when)| last == frame && now - when < self.within);
        self.last = Some((frame, now));
        !again
    }

    /// It was not recorded: the next try is to be taken.
    pub fn forget(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_card_that_lies_there_is_read_once() {
        let mut repeat = Repeat::new(Duration::from_secs(2));
        let (one, other) = (Bits::new(1, 26), Bits::new(2, 26));
        assert!(repeat.is_new(one));
        for _ in 0..5 {
            tokio::time::advance(Duration::from_millis(1900)).await;
            assert!(!repeat.is_new(one));
        }
        assert!(repeat.is_new(other) && repeat.is_new(one));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(repeat.is_new(one));
        repeat.forget();
        assert!(repeat.is_new(one));
    }
}
