//! Delivery: punches on their way to a destination, at least once sent, once arrived.
//!
//! # What is promised
//!
//! * A punch whose delivery is in the journal arrives once, however often the gateway dies, the line breaks or WeCom refuses; or
//!   it stands before a person with the reason. Nothing is given up silently.
//! * It does not matter whether WeCom's batches are all or nothing, whether it keeps or drops what comes twice, and when a
//!   record becomes visible, as long as that is within the settling time.
//! * The punches of one person leave in their order. One person's trouble holds up nobody else for longer than the batch in
//!   which it came; one destination's trouble holds up no other.
//! * A wrong setting stops the destination with one alarm and slow probing; no failure makes a storm of calls.
//! * Work and memory for a batch do not depend on the backlog.
//!
//! # States
//!
//! ```text
//!            ┌──────────────── provably not processed ───────────────┐
//!            ▼                                                       │
//!  ──▶ 0 waiting ──marked durably──▶ 1 sending ──accepted──▶ 3 delivered ──seen──▶ 4 confirmed
//!            ▲                          │   ▲                                          ▲
//!            │                unclear,  │   │ halves of a                              │
//!            │                refused,  ▼   │ refused batch                            │
//!            └──settled and absent── 2 in doubt ────────────────seen───────────────────┘
//!                                       │
//!   refused alone, nobody can say ──▶ 5 parked ──a person──▶ waiting, in doubt, 6 dropped
//! ```
//!
//! The table is [`State::may_become`]; what becomes of a call is decided in `outcome`, what becomes of a look in `doubt`.
//!
//! # Sending
//!
//! Up to 200 of the oldest punches (facts/wecom-api.md 1.2), none of the future, none of a person who has one under way, are marked *sending* in one
//! durable write; only then does the call begin. A clear refusal before anything was sent puts them back; an answer moves
//! them on; anything else, and everything that WeCom says in its own trouble, leaves them *in doubt*.
//!
//! # Doubt
//!
//! The natural key of a punch in WeCom is member and second: attendance lets a person have one punch in a second. In doubt, the
//! member's days are read back. What is seen is confirmed. What is not seen counts as absent only of a look that began when the
//! settling time was over; then it waits again, or, of a refused batch, is halved (`bisect`). Of a person of whom WeCom shows
//! nothing at all, absence proves nothing: that delivery is parked, and comes back by itself when something is shown.
//!
//! # Confirmation
//!
//! Accepted is not yet visible (facts/wecom-api.md 1.1). Delivered punches are looked for later, a few calls a minute. What is not to be seen
//! after a day is marked with the likely reason and never sent again by itself.
//!
//! # What a crash leaves
//!
//! *Sending* rows: they are in doubt at the next start, as if the call had broken. Halving goes on where it was: it is in the
//! rows' batch numbers and codes. Pauses and streaks are forgotten, which costs a call or two. How long something has settled is
//! measured by the wall clock; when that is set, or was ahead before, settling begins anew.

mod bisect;
mod confirm;
mod desk;
mod doubt;
mod many;
mod orders;
mod outbox;
mod outcome;
mod place;
mod queries;
mod read_back;
mod report;
mod retry;
mod state;
mod wecom;
mod why;

use std::sync::Arc;
use std::time::Duration;

use punchd_contract::{Health, Text};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::health::Board;
use crate::journal::{DestinationId, Journal, JournalError};
use crate::wecom::App;

pub use desk::{Chosen, Decided, Retry, drop, retry};
pub use many::{Matching, drop_portion, note_drop, under_way};
pub use orders::{Order, Paused, order};
pub use place::DevicePlace;
pub use queries::{Filter, Listed, Summary, list, summary};
pub use retry::{Growth, Hindrance, Pauses};
pub use state::State;
pub use why::Why;

/// The first pause before a destination whose task crashed is started again, and the longest.
const RESTARTS: Growth = Growth { first: Duration::from_secs(1), longest: Duration::from_secs(120) };
/// A task that has run for so long gets the first pause again.
const RAN_WELL: Duration = Duration::from_secs(600);
/// How long a call under way may take to end when delivery stops. What does not end is in doubt at the next start.
const LET_GO: Duration = Duration::from_secs(10);

/// A destination of kind `wecom` as delivery needs it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its number in the journal.
    pub destination: DestinationId,
    /// Its name.
    pub name: String,
    /// The app, shared with everyone else who calls for the same corp.
    pub app: Arc<App>,
    /// A record in doubt that is not seen counts as absent only after this time.
    pub settle: Duration,
    /// How long after delivery punches are looked for; `None`: never.
    pub confirm_after: Option<Duration>,
    /// When what is tried again.
    pub pauses: Pauses,
}

impl Spec {
    /// With the customary times.
    pub fn new(destination: DestinationId, name: impl Into<String>, app: Arc<App>) -> Self {
        Self {
            destination,
            name: name.into(),
            app,
            settle: Duration::from_secs(600),
            confirm_after: Some(Duration::from_secs(3600)),
            pauses: Pauses::default(),
        }
    }
}

/// All destinations, each in a task of its own. Dropped, it stops.
pub struct Delivery {
    wakes: Vec<Arc<Notify>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Delivery {
    /// Starts delivering. `punched` tells that there is something new.
    pub fn start(
        specs: Vec<Spec>,
        journal: Journal,
        clock: Arc<dyn Clock>,
        board: Arc<Board>,
        punched: Arc<Notify>,
    ) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut wakes = Vec::new();
        for spec in specs {
            let wake = Arc::new(Notify::new());
            wakes.push(wake.clone());
            let (journal, clock, board, stop) = (journal.clone(), clock.clone(), board.clone(), stop.clone());
            tasks.spawn(supervise(Arc::new(spec), wecom::Surroundings { journal, clock, board, wake, stop }));
        }
        let (all, over) = (wakes.clone(), stop.clone());
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = over.cancelled() => return,
                    () = punched.notified() => all.iter().for_each(|wake| wake.notify_one()),
                }
            }
        });
        Self { wakes, stop, tasks }
    }

    /// Looks at once what there is to do, as after a retry.
    pub fn wake(&self) {
        self.wakes.iter().for_each(|wake| wake.notify_one());
    }

    /// Lets calls under way end, bounded, and stops.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LET_GO, all).await.is_err() {
            tracing::warn!("a call did not end in time: its punches are read back at the next start");
        }
    }
}

/// Runs one destination, and again when it crashes.
async fn supervise(spec: Arc<Spec>, around: wecom::Surroundings) {
    let mut in_a_row = 0;
    loop {
        let started = Instant::now();
        let mut task = JoinSet::new();
        let (its, own) = (spec.clone(), around.clone());
        task.spawn(async move { wecom::Wecom::begin(its, own).await?.run().await });
        let ended = task.join_next().await;
        if started.elapsed() >= RAN_WELL {
            in_a_row = 0;
        }
        in_a_row += 1;
        match ended {
            None | Some(Ok(Ok(()))) => return,
            Some(Ok(Err(error @ JournalError::Closed))) => {
                tracing::debug!(destination = spec.name, %error, "delivery ends with the journal");
                return;
            }
            Some(Ok(Err(error))) if error.is_fatal() => {
                tracing::error!(destination = spec.name, %error, "delivery ends: the journal is broken");
                return;
            }
            Some(Ok(Err(error))) => {
                tracing::error!(destination = spec.name, %error, "delivery could not begin");
                let text = error.to_string();
                wecom::say(&around, &spec, Health::fault(Text::new(text.clone(), text)));
            }
            Some(Err(error)) => {
                tracing::error!(destination = spec.name, %error, "delivery crashed");
                wecom::say(
                    &around,
                    &spec,
                    Health::fault(Text::new(
                        "Delivery crashed and is started again; please report this with the log.",
                        "上传程序崩溃，正在重新启动；请附日志反馈此问题。",
                    )),
                );
            }
        }
        tokio::select! {
            () = around.stop.cancelled() => return,
            () = tokio::time::sleep(RESTARTS.after(in_a_row)) => {}
        }
    }
}
