//! A cable between a driver and its virtual device, in memory: it can be pulled and put back, and goes with virtual time.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::{Line, LineError, Lines, Mode, Place};

/// What a cable carries at once; a serial port's buffer is of that size.
const BUFFER: usize = 4096;

/// A cable. Cheap to clone; all clones are one cable. The last one that is dropped unplugs it.
#[derive(Clone)]
pub struct Cable(Arc<Shared>);

struct Shared {
    place: Place,
    state: Mutex<State>,
    serving: Mutex<JoinSet<()>>,
    plugs: mpsc::UnboundedSender<DuplexStream>,
}

struct State {
    plugged: bool,
    /// Whoever serves the line that is open.
    open: Option<AbortHandle>,
    mode: Option<Mode>,
    opened: usize,
}

impl Cable {
    /// A cable that is plugged in at the device's end, and the place by which a driver finds it. `serve` is the device: it is called
    /// with each line that a driver opens, one at a time, and dropped when the cable is pulled or the driver closes and opens
    /// again. What must outlive that (cards, fingers, a log), it keeps elsewhere.
    pub fn to<F>(serve: impl Fn(DuplexStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // One line at a time waits here: `open` refuses a second one.
        let (plugs, mut lines) = mpsc::unbounded_channel::<DuplexStream>();
        let place = Place::Serial("/dev/serial/by-id/under-test".into());
        let state = State { plugged: true, open: None, mode: None, opened: 0 };
        let shared = Arc::new(Shared { place, state: Mutex::new(state), serving: Mutex::new(JoinSet::new()), plugs });
        let weak = Arc::downgrade(&shared);
        let mut tasks = shared.serving.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Some(line) = lines.recv().await {
                // A driver that opens again has closed before: the device sees one line.
                serving.shutdown().await;
                let Some(shared) = weak.upgrade() else { return };
                let mut state = shared.state();
                // Pulled before the device had seen it: the driver's end breaks with this one.
                if state.plugged {
                    state.open = Some(serving.spawn(serve(line)));
                }
            }
        });
        drop(tasks);
        Self(shared)
    }

    /// Where a driver finds it.
    pub fn place(&self) -> Place {
        self.0.place.clone()
    }

    /// Pulls it: the open line breaks, no other opens.
    pub fn unplug(&self) {
        let mut state = self.0.state();
        state.plugged = false;
        if let Some(open) = state.open.take() {
            open.abort();
        }
    }

    /// Puts it back.
    pub fn replug(&self) {
        self.0.state().plugged = true;
    }

    /// How the line was set when it was opened last.
    pub fn mode(&self) -> Option<Mode> {
        self.0.state().mode
    }

    /// How often it was opened.
    pub fn opened(&self) -> usize {
        self.0.state().opened
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines for Cable {
    fn open(&self, place: Place, mode: Mode) -> BoxFuture<'_, Result<Line, LineError>> {
        async move {
            let mut state = self.0.state();
            if place != self.0.place || !state.plugged {
                return Err(LineError::NotThere(place));
            }
            let (ours, theirs) = tokio::io::duplex(BUFFER);
            (state.mode, state.opened) = (Some(mode), state.opened + 1);
            if self.0.plugs.send(theirs).is_err() {
                return Err(LineError::NotThere(place));
            }
            Ok(Line::new(place, ours))
        }
        .boxed()
    }
}
