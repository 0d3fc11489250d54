//! How many readings each transaction of the journal held, as its writer says.

use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

static COMMITS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

struct Writer;

#[derive(Default)]
struct Rows(Option<usize>);

impl Visit for Rows {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows" {
            self.0 = Some(value as usize);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: Subscriber> Layer<S> for Writer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "punchd::journal::writer"
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut rows = Rows::default();
        event.record(&mut rows);
        COMMITS.lock().unwrap_or_else(PoisonError::into_inner).extend(rows.0);
    }
}

/// Listens to the writers of this process.
pub fn listen() {
    Registry::default().with(Writer).init();
}

/// Takes what was committed since the last call.
pub fn take() -> Vec<usize> {
    std::mem::take(&mut *COMMITS.lock().unwrap_or_else(PoisonError::into_inner))
}
