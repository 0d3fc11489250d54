//! The destination WeCom: one loop that sends, reads back and confirms, one call at a time.
//!
//! Which call comes next is decided by who gets a turn of the client's pace first; everything that is to survive is in the journal
//! before the loop goes on. What the loop itself remembers (pauses, streaks) only makes it slower or faster.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use punchd_contract::{Health, Text};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::orders;
use super::outbox::{self, Left, Load, Outlook, Position, Step, Wanted};
use super::outcome::{self, Sent, Streak};
use super::place::Places;
use super::read_back::Pass;
use super::report::{self, Mood};
use super::retry::Hindrance;
use super::{Spec, queries};
use crate::clock::{Clock, Now};
use crate::health::{Board, Subject};
use crate::journal::{DestinationId, Journal, JournalError};
use crate::wecom::{AddCheckinRecord, Answered, GetCheckinData, MAX_RECORDS, Outcome, RecordBatch, ServerDate};

mod reading;

/// Health is told at least this often, and at most once in [`TELL_GAP`].
const TELL_EVERY: Duration = Duration::from_secs(60);
const TELL_GAP: Duration = Duration::from_secs(1);
/// A run of batches that follow each other without a pause ends after this, to see what else there is to do.
const RUN: Duration = Duration::from_secs(1);
/// The wall clock was set when it moved by so much more or less than the boot clock.
const STEPPED_MS: u64 = 60_000;
/// A server's clock that is further behind than this is not believed.
const BEHIND_MS: i64 = 86_400_000;
/// Before something that the journal refused is tried again.
const JOURNAL_PAUSE: Duration = Duration::from_secs(2);
/// How good the clock must be for its state not to be mentioned.
const CLOCK_WITHIN: Duration = Duration::from_secs(30);

/// What the loop works with.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub journal: Journal,
    pub clock: Arc<dyn Clock>,
    pub board: Arc<Board>,
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
}

/// Something that went wrong, until it goes right.
#[derive(Debug)]
struct Trouble {
    hindrance: Hindrance,
    in_a_row: u32,
    until: Instant,
}

/// One run of the loop.
pub(super) struct Wecom {
    spec: Arc<Spec>,
    around: Surroundings,
    places: Arc<Places>,
    last_batch: i64,
    streak: Streak,
    sending: Option<Trouble>,
    reading: Option<Trouble>,
    /// The outcome of the last call, not yet in the journal.
    left: Option<Left>,
    /// Where the next look into the outbox begins; `None`: nothing there can leave at the moment.
    from: Option<Position>,
    pass: Option<(Purpose, Pass)>,
    next_confirmation: Instant,
    /// The last wish to try at once that was fulfilled.
    hurried: i64,
    /// By how much this clock is ahead of the server's.
    ahead_ms: i64,
    seen: Now,
    told: Option<Instant>,
    news: bool,
}

/// Why something is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Doubt,
    Confirmation,
}

enum Turn<'a> {
    Send(AddCheckinRecord<'a>),
    Read(GetCheckinData<'a>),
    Woken,
    Due,
    Stop,
}

impl Wecom {
    /// Begins with what the last run left: whatever was being sent is in doubt.
    pub(super) async fn begin(spec: Arc<Spec>, around: Surroundings) -> Result<Self, JournalError> {
        let destination = spec.destination;
        let seen = around.clock.now();
        let now_ms = seen.time.0;
        let places = Arc::new(around.journal.read(Places::load).await?);
        let (doubtful, highest) = around
            .journal
            .write(move |write| {
                orders::note_next_try(write.sql(), destination, None)?;
                outbox::recover(write, destination, now_ms)
            })
            .await?;
        let hurried = around.journal.read(move |sql| outbox::outlook(sql, destination)).await?.hurry;
        if doubtful > 0 {
            tracing::warn!(
                destination = spec.name,
                doubtful,
                "punches were being sent when punchd ended: they are read back first"
            );
        }
        Ok(Self {
            spec,
            around,
            places,
            last_batch: now_ms.max(highest),
            streak: Streak::default(),
            sending: None,
            reading: None,
            left: None,
            from: Some(Position::START),
            pass: None,
            next_confirmation: Instant::now(),
            hurried,
            ahead_ms: 0,
            seen,
            told: None,
            news: true,
        })
    }

    /// Works until it is stopped. `Err`: the journal is gone.
    pub(super) async fn run(&mut self) -> Result<(), JournalError> {
        loop {
            let outcome = self.step().await;
            match outcome {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error @ JournalError::Closed) => return Err(error),
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    tracing::warn!(destination = self.spec.name, %error, "delivery waits for the journal");
                    tokio::select! {
                        () = self.around.stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(JOURNAL_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Does one thing. `false`: it was told to stop.
    async fn step(&mut self) -> Result<bool, JournalError> {
        self.flush().await?;
        self.mind_the_clock().await?;
        let destination = self.spec.destination;
        let outlook = self.around.journal.read(move |sql| outbox::outlook(sql, destination)).await?;
        self.mind_the_orders(&outlook).await;
        self.tell().await?;
        let now = Instant::now();
        let now_ms = self.now_ms();
        let (send_at, read_at) = (self.send_at(&outlook, now, now_ms), self.read_at(&outlook, now, now_ms));
        let next_word = self.told.map_or(now, |told| told + if self.news { TELL_GAP } else { TELL_EVERY });
        let wake_at = [send_at, read_at].into_iter().flatten().filter(|at| *at > now).fold(next_word, Instant::min);
        let app = self.spec.app.clone();
        let turn = tokio::select! {
            () = self.around.stop.cancelled() => Turn::Stop,
            turn = app.add_checkin_record(), if send_at.is_some_and(|at| at <= now) => Turn::Send(turn),
            turn = app.get_checkin_data(), if read_at.is_some_and(|at| at <= now) => Turn::Read(turn),
            () = self.around.wake.notified() => Turn::Woken,
            () = sleep_until(wake_at) => Turn::Due,
        };
        match turn {
            Turn::Stop => return Ok(false),
            Turn::Send(turn) => self.send(turn, &outlook).await?,
            Turn::Read(turn) => self.read(turn).await?,
            Turn::Woken => self.look_anew(),
            // Punches of the future come due, and what a step of the clock moved.
            Turn::Due if next_word <= Instant::now() => self.from = Some(Position::START),
            Turn::Due => {}
        }
        Ok(true)
    }

    /// When a sending call is due; `None`: there is nothing to send.
    fn send_at(&self, outlook: &Outlook, now: Instant, now_ms: i64) -> Option<Instant> {
        if outlook.paused {
            return None;
        }
        let waiting = self.from.and(outlook.waiting_s).map(|s| {
            let due_ms = s.saturating_mul(1000).saturating_add(self.ahead_ms);
            now + millis(due_ms.saturating_sub(now_ms))
        });
        let due = outlook.ready.map(|_| now).or(waiting)?;
        Some(self.sending.as_ref().map_or(due, |trouble| trouble.until.max(due)))
    }

    /// When a reading call is due; `None`: there is nothing to look for.
    fn read_at(&self, outlook: &Outlook, now: Instant, now_ms: i64) -> Option<Instant> {
        let at = |ms: i64| now + millis(ms.saturating_sub(now_ms));
        let doubt = outlook.doubt_ms.map(at);
        let confirmation =
            self.spec.confirm_after.and(outlook.confirm_ms).map(at).map(|at| at.max(self.next_confirmation));
        let due = match &self.pass {
            Some((Purpose::Doubt, _)) => now,
            Some((Purpose::Confirmation, _)) => self.next_confirmation,
            None => doubt.into_iter().chain(confirmation).min()?,
        };
        Some(self.reading.as_ref().map_or(due, |trouble| trouble.until.max(due)))
    }

    fn now_ms(&self) -> i64 {
        self.around.clock.now().time.0
    }

    fn look_anew(&mut self) {
        self.from = Some(Position::START);
        self.news = true;
    }

    /// Sends one batch, and the next ones as long as there are any and the pace does not make them wait.
    async fn send(&mut self, turn: AddCheckinRecord<'_>, outlook: &Outlook) -> Result<(), JournalError> {
        let app = self.spec.app.clone();
        let began = Instant::now();
        let mut ready = outlook.ready;
        let mut turn = Some(turn);
        while let Some(now) = turn.take() {
            let Some(load) = self.load(ready.take()).await? else { break };
            let sent = Sent { records: load.records.len(), first_time: load.first_time, newest_s: load.newest_s };
            let Ok(batch) = RecordBatch::new(&load.records) else { break };
            let outcome = now.send(batch).await;
            self.note(outcome, load.batch, sent);
            if self.sending.is_some() || outlook.paused || began.elapsed() >= RUN || self.around.stop.is_cancelled() {
                break;
            }
            // The outcome and the next batch are one write; where the next one has to wait, the outcome does not.
            turn = app.add_checkin_record().now_or_never();
        }
        self.flush().await
    }

    /// Marks what the next call takes along as *sending*, durably, together with the outcome of the last one.
    async fn load(&mut self, ready: Option<i64>) -> Result<Option<Load>, JournalError> {
        let probing = self.sending.as_ref().is_some_and(|trouble| trouble.hindrance.probes());
        let limit = if probing { 1 } else { MAX_RECORDS };
        let (destination, places, left) = (self.spec.destination, self.places.clone(), self.left.clone());
        let now_ms = self.now_ms();
        let until_s = now_ms.saturating_sub(self.ahead_ms).div_euclid(1000);
        let (batch, from) = (self.last_batch + 1, self.from);
        let picked = self
            .around
            .journal
            .write_weighing(2 * limit, move |write| {
                if let Some(left) = &left {
                    outbox::leave(write, destination, left)?;
                }
                // A single punch is the cheaper probe; without one, the batch that is ready is.
                let mut load = match ready.filter(|_| !probing) {
                    Some(ready) => outbox::take_ready(write, destination, ready, &places)?,
                    None => None,
                };
                let mut next = from;
                if let (None, Some(from)) = (&load, from) {
                    let picked =
                        outbox::pick(write, destination, Wanted { from, until_s, limit, batch, now_ms }, &places)?;
                    (load, next) = (picked.load, picked.next);
                }
                if let (None, Some(ready)) = (&load, ready) {
                    load = outbox::take_ready(write, destination, ready, &places)?;
                }
                Ok((load, next))
            })
            .await?;
        self.last_batch = batch;
        self.news |= self.left.take().is_some();
        self.from = picked.1;
        Ok(picked.0)
    }

    /// What follows from a call; written down with the next step.
    fn note(&mut self, outcome: Outcome<()>, batch: i64, sent: Sent) {
        let ended_ms = self.now_ms();
        if let Some(date) = outcome.date() {
            self.compare_clocks(date, ended_ms);
        }
        let (after, hindrance) = outcome::judge(outcome, sent, &mut self.streak);
        match &after {
            outcome::After::Delivered => {
                tracing::debug!(destination = self.spec.name, records = sent.records, "delivered");
            }
            outcome::After::Parked(refusal) => {
                tracing::warn!(destination = self.spec.name, code = refusal.code, "WeCom refuses a punch: parked");
            }
            outcome::After::Refused(refusal) => {
                tracing::warn!(
                    destination = self.spec.name,
                    code = refusal.code,
                    records = sent.records,
                    "WeCom refused a batch: it is read back and halved"
                );
            }
            outcome::After::InDoubt => {
                tracing::warn!(
                    destination = self.spec.name,
                    records = sent.records,
                    "a call has no clear outcome: its punches are read back"
                );
            }
            outcome::After::Unsent => {}
        }
        // Punches may wait for one of these to leave the way: look at them again. (Nobody waits for a batch that comes fresh from
        // the outbox and is accepted at once.)
        if after != outcome::After::Delivered || !sent.first_time {
            self.from = Some(Position::START);
        }
        let look_ms = ended_ms.saturating_add(ms(self.spec.pauses.first_look.min(self.spec.settle)));
        let confirm_ms = self.spec.confirm_after.map(|after| ended_ms.saturating_add(ms(after)));
        let alarm = hindrance.as_ref().and_then(|hindrance| self.alarm(hindrance));
        self.left = Some(Left { batch, after, ended_ms, confirm_ms, look_ms, alarm, next_try_ms: None });
        self.news = true;
        match hindrance {
            Some(hindrance) => {
                self.hinder(hindrance);
                let next_try_ms =
                    self.sending.as_ref().map(|trouble| ended_ms.saturating_add(ms(trouble.until - Instant::now())));
                self.left = self.left.take().map(|left| Left { next_try_ms, ..left });
            }
            None => {
                if let Some(over) = self.sending.take() {
                    tracing::info!(destination = self.spec.name, failures = over.in_a_row, "delivery goes on");
                    // The way is free for reading back, too.
                    self.reading = None;
                }
            }
        }
    }

    /// A person wants to see at once whether what they changed has helped.
    async fn mind_the_orders(&mut self, outlook: &Outlook) {
        if std::mem::replace(&mut self.hurried, outlook.hurry) == outlook.hurry {
            return;
        }
        self.spec.app.try_at_once().await;
        for trouble in [&mut self.sending, &mut self.reading].into_iter().flatten() {
            trouble.until = Instant::now();
        }
        tracing::info!(destination = self.spec.name, "tried at once, because a person wants so");
        self.look_anew();
    }

    /// What the operator is told when the destination stops: once, and again only if something else is wrong.
    fn alarm(&self, hindrance: &Hindrance) -> Option<Text> {
        let refusal = hindrance.stop()?;
        let before = self.sending.as_ref().and_then(|trouble| trouble.hindrance.stop());
        let known = before.is_some_and(|before| before.code == refusal.code);
        let (Text { en, zh }, name) = (hindrance.text(), &self.spec.name);
        (!known).then(|| {
            Text::new(format!("Delivery to {name} has stopped. {en}"), format!("向 {name} 的上传已停止。{zh}"))
        })
    }

    fn hinder(&mut self, hindrance: Hindrance) {
        let before = self.sending.as_ref();
        let in_a_row = before.map_or(0, |trouble| trouble.in_a_row).saturating_add(1);
        let until = Instant::now() + spread(hindrance.pause(&self.spec.pauses, in_a_row));
        tracing::debug!(destination = self.spec.name, in_a_row, ?hindrance, "delivery is hindered");
        self.sending = Some(Trouble { hindrance, in_a_row, until });
    }

    /// Writes the outcome of the last call where no next one does.
    async fn flush(&mut self) -> Result<(), JournalError> {
        let Some(left) = self.left.clone() else { return Ok(()) };
        let destination = self.spec.destination;
        self.around.journal.write_weighing(MAX_RECORDS, move |write| outbox::leave(write, destination, &left)).await?;
        self.left = None;
        self.news = true;
        Ok(())
    }

    /// A gateway whose clock is ahead would send punches that WeCom takes for future ones.
    fn compare_clocks(&mut self, date: ServerDate, now_ms: i64) {
        // The date is cut to the second.
        let ahead_ms = now_ms.saturating_sub(date.time.get().saturating_mul(1000).saturating_add(999));
        self.ahead_ms = if (0..=BEHIND_MS).contains(&ahead_ms) { ahead_ms } else { 0 };
    }

    /// Notices when the wall clock was set, or true time was learned.
    async fn mind_the_clock(&mut self) -> Result<(), JournalError> {
        let now = self.around.clock.now();
        let before = std::mem::replace(&mut self.seen, now);
        let lived_ms = now.boottime.0.saturating_sub(before.boottime.0).div_euclid(1_000_000);
        let moved_ms = now.time.0.saturating_sub(before.time.0).saturating_sub(lived_ms);
        if moved_ms.unsigned_abs() < STEPPED_MS {
            return Ok(());
        }
        let step = if moved_ms < 0 { Step::Back } else { Step::Forward };
        let (destination, now_ms) = (self.spec.destination, now.time.0);
        let doubtful =
            self.around.journal.write(move |write| outbox::settle_anew(write, destination, now_ms, step)).await?;
        tracing::info!(
            destination = self.spec.name,
            moved_ms,
            doubtful,
            "the clock was set: what is in doubt settles anew"
        );
        self.pass = None;
        self.look_anew();
        Ok(())
    }

    /// Says how it is.
    async fn tell(&mut self) -> Result<(), JournalError> {
        let due = self.told.map_or(Duration::ZERO, |told| told.elapsed());
        if self.told.is_some() && due < TELL_EVERY && !(self.news && due >= TELL_GAP) {
            return Ok(());
        }
        let destination = self.spec.destination;
        let summary = self.around.journal.read(move |sql| queries::summary(sql, destination)).await?;
        let name = self.spec.name.as_str();
        let now = self.around.clock.now();
        let health = report::health(
            &summary,
            Mood {
                sending: self.sending.as_ref().map(|trouble| (&trouble.hindrance, trouble.in_a_row)),
                reading: self.reading.as_ref().map(|trouble| (&trouble.hindrance, trouble.in_a_row)),
                clock_trusted: now.trusted(CLOCK_WITHIN),
                now_ms: now.time.0,
                name,
                next_try: self.sending.as_ref().map(|trouble| trouble.until.saturating_duration_since(Instant::now())),
            },
        );
        say(&self.around, &self.spec, health);
        self.told = Some(Instant::now());
        self.news = false;
        Ok(())
    }

    fn destination(&self) -> DestinationId {
        self.spec.destination
    }
}

/// Puts it on the board.
pub(super) fn say(around: &Surroundings, spec: &Spec, health: Health) {
    around.board.say(Subject::Destination(spec.name.clone()), health, around.clock.now().time);
}

fn ms(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// A wait of so many milliseconds; none if it is over, and at most a day, after which it is looked again.
fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.clamp(0, 86_400_000).unsigned_abs())
}

/// Up to a quarter longer, so that many gateways do not come back at the same moment.
fn spread(pause: Duration) -> Duration {
    pause + pause.mul_f64(0.25 * fastrand::f64())
}
