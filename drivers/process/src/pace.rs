//! How fast a program may speak: bursts are welcome, a flood is slowed down.

use std::time::Duration;

use tokio::time::Instant;

/// Lines a second in the long run.
pub const LINES_A_SECOND: u32 = 100;
/// Lines at once.
const BURST: u32 = 1000;

/// So many lines may still come.
#[derive(Debug)]
pub struct Pace {
    tokens: f64,
    counted: Instant,
}

impl Pace {
    /// A full burst.
    pub fn new() -> Self {
        Self { tokens: f64::from(BURST), counted: Instant::now() }
    }

    /// Takes one line. Answers how long to wait before the next one.
    pub fn take(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let more = (now - self.counted).as_secs_f64() * f64::from(LINES_A_SECOND);
        self.tokens = (self.tokens + more).min(f64::from(BURST)) - 1.0;
        self.counted = now;
        (self.tokens < 1.0).then(|| Duration::from_secs_f64((1.0 - self.tokens) / f64::from(LINES_A_SECOND)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_a_flood_is_slowed_down() {
        let mut pace = Pace::new();
        let started = Instant::now();
        for _ in 0..999 {
            assert_eq!(pace.take(), None);
        }
        for _ in 0..1000 {
            if let Some(wait) = pace.take() {
                tokio::time::sleep(wait).await;
            }
        }
        let took = started.elapsed();
        assert!(took >= Duration::from_secs(9) && took < Duration::from_secs(13), "{took:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(pace.take(), None);
    }
}
