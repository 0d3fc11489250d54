//! What a program has handed over and the agent has not answered.

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use jiff::tz::TimeZone;
use punchd_contract::{Batch, ClockShown, Happened, NotRecorded, Port, Receipt};
use tokio::time::Instant;

use crate::order;
use crate::protocol::{Answer, MAX_WAITING, SentBatch, SentReading, ToProgram};

/// Submissions under way, answered in the order in which they came.
pub struct Submissions {
    port: Port,
    zone: TimeZone,
    open: FuturesOrdered<BoxFuture<'static, Answered>>,
    /// A batch is under way.
    batch: bool,
}

struct Answered {
    message: ToProgram,
    of_a_batch: bool,
}

impl Submissions {
    /// Over this port, for a device in this zone.
    pub fn new(port: Port, zone: TimeZone) -> Self {
        Self { port, zone, open: FuturesOrdered::new(), batch: false }
    }

    /// Whether another one may come; if not, the program has to wait.
    pub fn have_room(&self) -> bool {
        self.open.len() < MAX_WAITING
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// A reading; a person may be waiting for its receipt.
    pub fn reading(&mut self, sent: SentReading) {
        let (port, SentReading { id, reading }) = (self.port.clone(), sent);
        self.open.push_back(Box::pin(async move {
            let answer = match reading.happened {
                Happened::Now => port.submit_one(reading).await,
                Happened::ByTerminal(_) | Happened::ByTerminalAt(..) | Happened::Impossible => {
                    one(port.submit(Batch { readings: vec![reading], ..Batch::default() }).await)
                }
            };
            let message = match answer {
                Ok(receipt) => ToProgram::Receipt { id, answer: Answer::of(receipt) },
                Err(why) => ToProgram::not_recorded(id, &why),
            };
            Answered { message, of_a_batch: false }
        }));
    }

    /// A batch. Answers at once what is wrong with it, if it comes before the one before is answered: its cursor could be committed
    /// although the other one's readings are not.
    pub fn batch(&mut self, sent: SentBatch) -> Result<(), Box<ToProgram>> {
        let SentBatch { id, mut batch, clock } = sent;
        if std::mem::replace(&mut self.batch, true) {
            let why = "a batch comes after the answer to the one before; wait for that";
            return Err(Box::new(ToProgram::not_recorded(id, &NotRecorded::Malformed(why.into()))));
        }
        let now = self.port.now();
        order::place(&mut batch.readings, &self.zone, clock, now.bound.map(|_| now.utc));
        if let (Some(contact), Some(clock)) = (&mut batch.contact, clock) {
            // A time that the change to summer time skips or doubles is an hour of doubt, not a reason to say nothing.
            let shown = self.zone.to_ambiguous_timestamp(clock).compatible().ok();
            contact.clock = shown.map(|shown| ClockShown { shown, at: Instant::now() });
        }
        let port = self.port.clone();
        self.open.push_back(Box::pin(async move {
            let message = match port.submit(batch).await {
                Ok(receipts) => ToProgram::Receipts { id, receipts: receipts.into_iter().map(Answer::of).collect() },
                Err(why) => ToProgram::not_recorded(id, &why),
            };
            Answered { message, of_a_batch: true }
        }));
        Ok(())
    }

    /// The next answer; safe to drop. Waits for ever if nothing is under way.
    pub async fn next(&mut self) -> ToProgram {
        match self.open.next().await {
            Some(answered) => {
                self.batch &= !answered.of_a_batch;
                answered.message
            }
            None => std::future::pending().await,
        }
    }
}

fn one(answer: Result<Vec<Receipt>, NotRecorded>) -> Result<Receipt, NotRecorded> {
    answer?.pop().ok_or_else(|| NotRecorded::Failed("no receipt for the reading".into()))
}
