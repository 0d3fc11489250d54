//! What the program says of itself through `tracing` while it is measured: how many rows each transaction of the journal held,
//! and when each batch was delivered.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

static COMMITS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static DELIVERIES: Mutex<Vec<(Instant, usize)>> = Mutex::new(Vec::new());

const WRITER: &str = "punchd::journal::writer";
const DELIVERY: &str = "punchd::delivery::wecom";

struct Ear;

#[derive(Default)]
struct Said {
    rows: Option<usize>,
    records: Option<usize>,
    delivered: bool,
}

impl Visit for Said {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "rows" => self.rows = Some(value as usize),
            "records" => self.records = Some(value as usize),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.delivered |= field.name() == "message" && format!("{value:?}") == "delivered";
    }
}

impl<S: Subscriber> Layer<S> for Ear {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == WRITER || metadata.target() == DELIVERY
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        if event.metadata().target() == WRITER {
            COMMITS.lock().unwrap_or_else(PoisonError::into_inner).extend(said.rows);
        } else if let (true, Some(records)) = (said.delivered, said.records) {
            DELIVERIES.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), records));
        }
    }
}

/// Listens to everything in this process.
pub fn listen() {
    Registry::default().with(Ear).init();
}

/// Rows of each transaction since the last call.
pub fn take_commits() -> Vec<usize> {
    std::mem::take(&mut *COMMITS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// When a batch was delivered, and how many records it had.
pub fn take_deliveries() -> Vec<(Instant, usize)> {
    std::mem::take(&mut *DELIVERIES.lock().unwrap_or_else(PoisonError::into_inner))
}
