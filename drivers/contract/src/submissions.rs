//! Readings on their way to the disk while their reader is listened to: several at once, answered in their order.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};

use crate::{NotRecorded, Port, Reading, Receipt};

/// Readings that may be on their way at once. Whoever presents more within the two seconds that a person waits is no person.
const MOST: usize = 16;

/// What became of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<T> {
    /// What was submitted.
    pub reading: Reading,
    /// What the driver wants to know of it.
    pub tag: T,
    /// The answer.
    pub answer: Result<Receipt, NotRecorded>,
}

/// The readings of one reader that are on their way.
pub struct Submissions<'a, T> {
    port: &'a Port,
    running: FuturesOrdered<BoxFuture<'a, Answered<T>>>,
}

impl<T> std::fmt::Debug for Submissions<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Submissions({})", self.running.len())
    }
}

impl<'a, T: Send + 'a> Submissions<'a, T> {
    /// None yet.
    pub fn over(port: &'a Port) -> Self {
        Self { port, running: FuturesOrdered::new() }
    }

    /// Sends one on its way, which was presented so long ago. Given back where too many are on theirs: the person is told to try again.
    pub fn push(&mut self, reading: Reading, ago: Duration, tag: T) -> Result<(), Box<(Reading, T)>> {
        if self.running.len() >= MOST {
            return Err(Box::new((reading, tag)));
        }
        let port = self.port;
        self.running.push_back(Box::pin(async move {
            let answer = port.submit_one_of(reading.clone(), ago).await;
            Answered { reading, tag, answer }
        }));
        Ok(())
    }

    /// The next answer. Waits for ever if nothing is on its way; cancel-safe.
    pub async fn next(&mut self) -> Answered<T> {
        match self.running.next().await {
            Some(answered) => answered,
            None => std::future::pending().await,
        }
    }
}
