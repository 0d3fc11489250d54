//! Keeping the time: steps are noticed at once, anchors are written down, and what was held for want of the time is dated.
//!
//! Whoever learns true time (the kernel's synchronisation, a terminal's contact, an answer of WeCom) tells the clock, which keeps
//! the best. From there it comes here and into the journal: a reading is dated by what the journal holds, so that the same
//! reading has the same time after every restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::time::{MissedTickBehavior, interval};

use super::clock_health;
use super::operations::Operations;
use crate::clock::{Anchor, AnchorSource, Clock, Known, Now, Stamp, StepAlarm, UnixMillis};
use crate::delivery::Growth;
use crate::health::{Board, Subject};
use crate::journal::{JournalError, anchors};
use crate::wecom::App;

/// How often the clock is looked at without any occasion.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How often an anchor of one source is written down.
const ANCHOR_EVERY: Duration = Duration::from_secs(3600);
/// The pauses between two times that somebody is asked for the time in vain: a network may come at any moment.
const ASK_AGAIN: Growth = Growth { first: Duration::from_secs(1), longest: Duration::from_secs(60) };
/// What was said on the board is dated anew where the time turned out to be another by so much.
const ANOTHER_MS: u64 = 60_000;
/// The wall clock was set when it moved by so much more or less than the boot clock. What a time server does in its daily work is
/// less, and slewed.
const STEP_MS: u64 = 500;

/// Teaches the clock what this boot already knew before a restart of the agent.
pub(super) async fn resume(operations: &Operations) -> Result<(), JournalError> {
    let clock = operations.clock.clone();
    operations.journal.read(move |sql| recall(sql, clock.as_ref())).await
}

/// The same over a connection.
pub fn recall(sql: &Connection, clock: &dyn Clock) -> Result<(), JournalError> {
    let stamp = clock.stamp();
    let known = [
        anchors::first_kept(sql, &stamp.boot)?,
        anchors::said(sql, &stamp.boot)?,
        anchors::best(sql, &stamp.boot, stamp.boottime)?,
    ];
    known.iter().flatten().for_each(|anchor| clock.learn(anchor));
    Ok(())
}

/// Keeps the time as long as it runs.
pub(super) struct Timekeeper {
    operations: Operations,
    board: Arc<Board>,
    within: Duration,
    seen: Stamp,
    known: Now,
    /// The last anchor of each source that is in the journal.
    written: HashMap<AnchorSource, Anchor>,
    /// What held readings were last dated by.
    dated_by: Option<Anchor>,
}

impl Timekeeper {
    pub(super) fn new(operations: Operations, board: Arc<Board>, within: Duration) -> Self {
        let (seen, known) = (operations.clock.stamp(), operations.clock.now());
        Self { operations, board, within, seen, known, written: HashMap::new(), dated_by: None }
    }

    pub(super) async fn run(mut self) {
        // Before the first look, so that nothing falls between.
        let mut alarm = match self.operations.clock.alarm() {
            Ok(alarm) => Some(alarm),
            Err(error) => {
                tracing::warn!(%error, every = ?LOOK_EVERY, "steps of the clock cannot be noticed at once: it is looked at now and then");
                None
            }
        };
        let mut news = self.operations.clock.news();
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                stepped = rung(&mut alarm) => {
                    if let Err(error) = stepped {
                        tracing::warn!(%error, every = ?LOOK_EVERY, "the alarm for steps of the clock broke: it is looked at now and then");
                        alarm = None;
                    }
                }
                // The sender is the clock, which we hold.
                _ = news.changed() => {}
            }
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let clock = self.operations.clock.clone();
        let (stamp, now, anchor) = (clock.stamp(), clock.now(), clock.anchor());
        self.notice_step(&stamp).await;
        self.date_anew(now);
        let health = match clock.disputed().filter(|_| now.by == Known::Synchronised) {
            Some(disputed) => clock_health::disputed(&disputed),
            None => clock_health::health(&stamp, &now, clock.hinted().as_ref(), self.within),
        };
        self.board.say(Subject::Clock, health, now.time);
        if let Some(anchor) = anchor
            && self.write_down(&stamp, anchor.clone()).await
        {
            self.date_what_was_held(&now, anchor).await;
        }
    }

    /// What stands on the board since 1970 does not stand there for decades.
    fn date_anew(&mut self, now: Now) {
        let known = std::mem::replace(&mut self.known, now);
        let lived_ms = now.boottime.0.saturating_sub(known.boottime.0).div_euclid(1_000_000);
        let before = UnixMillis(known.time.0.saturating_add(lived_ms));
        let by_ms = now.time.0.saturating_sub(before.0);
        if by_ms.unsigned_abs() >= ANOTHER_MS {
            self.board.shift(before, by_ms);
        }
    }

    /// Writes a step of the wall clock down.
    async fn notice_step(&mut self, stamp: &Stamp) {
        let seen = std::mem::replace(&mut self.seen, stamp.clone());
        let lived_ms = stamp.boottime.0.saturating_sub(seen.boottime.0).div_euclid(1_000_000);
        let before = UnixMillis(seen.wall.0.saturating_add(lived_ms));
        let by_ms = stamp.wall.0.saturating_sub(before.0);
        if by_ms.unsigned_abs() < STEP_MS {
            return;
        }
        let bound_ms = stamp.bound.map(|bound| bound.as_millis());
        tracing::warn!(by_ms, quality = ?stamp.quality, bound_ms, "the system clock was set");
        let after = stamp.clone();
        if let Err(error) = self.operations.journal.write(move |write| write.clock_step(before, &after)).await {
            tracing::warn!(%error, "the step of the clock could not be written down");
        }
    }

    /// Sees to it that the journal dates this boot as well as the clock does. Tells whether it does.
    async fn write_down(&mut self, stamp: &Stamp, anchor: Anchor) -> bool {
        // A person's word is in the journal before the clock is told.
        if anchor.source == AnchorSource::Person || !self.is_news(stamp, &anchor) {
            return true;
        }
        let (at, it) = (stamp.clone(), anchor.clone());
        let written = self.operations.journal.write(move |write| {
            // How a kept clock was first seen in a boot is said once.
            if it.source == AnchorSource::Kept && anchors::first_kept(write.sql(), &at.boot)?.is_some() {
                return Ok(());
            }
            write.anchor(&at, &it)
        });
        match written.await {
            Ok(()) => {
                tracing::debug!(source = anchor.source.word(), bound = ?anchor.bound, "an anchor of this boot was written down");
                self.written.insert(anchor.source, anchor);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the clock's anchor could not be written down");
                false
            }
        }
    }

    /// The first of its source in this run, one that is an hour newer, one that is twice as good, or one that contradicts.
    fn is_news(&self, stamp: &Stamp, anchor: &Anchor) -> bool {
        let Some(last) = self.written.get(&anchor.source) else { return true };
        let (is, was) = (anchor.date_boottime(stamp.boottime).1, last.date_boottime(stamp.boottime).1);
        let newer = anchor.boottime.0.saturating_sub(last.boottime.0).unsigned_abs() >= ANCHOR_EVERY.as_nanos() as u64;
        newer || is < was / 2 || anchor.contradicts(last)
    }

    /// Asks again about held readings when the time has become known, or much better known than when that was last done.
    async fn date_what_was_held(&mut self, now: &Now, anchor: Anchor) {
        let Some(bound) = now.bound.filter(|_| now.trusted(self.within)) else { return };
        let known = self.dated_by.as_ref().filter(|last| last.boot == anchor.boot);
        // What has drifted out of trust since then left readings behind.
        let known = known.map(|last| last.date_boottime(now.boottime).1).filter(|known| *known <= self.within);
        if known.is_some_and(|known| bound >= known / 2) {
            return;
        }
        match self.operations.reopen().await {
            Ok(settled) => {
                self.dated_by = Some(anchor);
                if settled > 0 {
                    tracing::info!(settled, "readings that waited for the time were dated");
                }
            }
            Err(error) => tracing::warn!(%error, "held readings could not be dated"),
        }
    }
}

/// Asks the destinations for the time whenever it is not well known, so that a gateway that has nothing to deliver yet, because
/// everything is held for want of the time, comes to know it.
pub(super) async fn ask(apps: &[Arc<App>], clock: &dyn Clock, within: Duration) {
    let mut in_vain = 0;
    loop {
        // Before it is too wide: half of what is trusted lasts for two more days.
        let well_known = || clock.now().trusted(within / 2);
        for app in apps {
            if !well_known() {
                app.ask_time().await;
            }
        }
        in_vain = if well_known() { 0 } else { in_vain + 1 };
        let pause = if in_vain == 0 { LOOK_EVERY } else { ASK_AGAIN.after(in_vain) };
        tokio::time::sleep(pause).await;
    }
}

/// Waits for the alarm; for ever, where there is none.
async fn rung(alarm: &mut Option<StepAlarm>) -> std::io::Result<()> {
    match alarm {
        Some(alarm) => alarm.stepped().await,
        None => std::future::pending().await,
    }
}
