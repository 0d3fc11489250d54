//! Lines that were not understood: some are forgiven.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::ended::Ended;
use crate::protocol::Wrong;

/// So many within a minute are no mistakes any more.
const TOO_MANY: usize = 100;
const WITHIN: Duration = Duration::from_secs(60);

/// When they came.
#[derive(Debug, Default)]
pub struct Errors {
    when: VecDeque<Instant>,
}

impl Errors {
    /// One more.
    pub fn count(&mut self, line: u64, wrong: Wrong) -> Result<(), Ended> {
        let now = Instant::now();
        self.when.retain(|then| now - *then < WITHIN);
        self.when.push_back(now);
        if self.when.len() > TOO_MANY {
            return Err(Ended::Nonsense { count: self.when.len(), line, wrong });
        }
        Ok(())
    }
}
