//! What one contact tells of the terminal, and how batches are handed over.

use std::time::Duration;

use jiff::civil::DateTime;
use punchd_contract::{Alert, Batch, ClockShown, Contact, Health, NotRecorded, Receipt};
use tokio::time::{Instant, sleep};

use super::Visit;
use crate::pull::report;
use crate::pull::trouble::Trouble;

/// How often a refused batch is offered again before the visit ends; the terminal keeps everything meanwhile.
const OFFERS: u32 = 4;
/// A contact in which nothing changed is written down this often.
const QUIET_CONTACT: Duration = Duration::from_secs(15 * 60);
/// A clock that moves by more than this between two looks was set by somebody.
const CLOCK_JUMP_MS: u64 = 5_000;
/// Clocks of terminals count whole seconds, so that two looks may differ by one for no reason.
const CLOCK_JITTER_MS: u64 = 1_500;

impl Visit<'_> {
    /// What the clock shows, if it says. Records and the clock's answer are both cut to the second, so that the offset fits the
    /// records without a correction of half a second.
    pub(in crate::pull) async fn read_clock(&mut self) -> Result<Option<ClockShown>, Trouble> {
        let asked = Instant::now();
        let said = self.session.clock().await?;
        let at = asked + asked.elapsed() / 2;
        Ok((|| {
            let said: DateTime = said?.civil()?;
            Some(ClockShown { shown: said.to_zoned(self.zone.clone()).ok()?.timestamp(), at })
        })())
    }

    /// Forgets the clock as it was, because we have set it ourselves.
    pub(in crate::pull) fn forget_clock(&mut self) {
        *self.last_clock = None;
    }

    pub(super) fn clock_jump(&mut self, clock: Option<ClockShown>) -> Option<Alert> {
        let before = std::mem::replace(self.last_clock, clock.or(*self.last_clock));
        let moved = clock?.moved_ms(&before?);
        (moved.unsigned_abs() > CLOCK_JUMP_MS).then(|| report::clock_set(&self.report.name, moved))
    }

    pub(super) fn measured(&mut self, clock: Option<ClockShown>) {
        let offset = clock.and_then(|clock| clock.offset_ms(self.port.now()));
        self.report.measured(offset);
    }

    pub(super) fn contact(&self, clock: Option<ClockShown>, claimed: Option<u64>) -> Contact {
        Contact {
            serial: self.standing.serial.clone(),
            address: Some(self.address.to_string()),
            firmware: self.firmware.clone(),
            clock,
            records_claimed: claimed,
            records_read: None,
        }
    }

    /// Writes a contact down on its own if it tells something, and now and then if it does not: an SD card does not need the
    /// same line every minute.
    pub(in crate::pull) async fn note_contact(
        &mut self,
        clock: Option<ClockShown>,
        claimed: Option<u64>,
    ) -> Result<(), Trouble> {
        let contact = self.contact(clock, claimed);
        let alerts: Vec<Alert> = self.clock_jump(clock).into_iter().collect();
        self.measured(clock);
        let quiet = self.last_contact.as_ref().is_some_and(|(when, last)| {
            let steady = match (last.clock, clock) {
                (Some(last), Some(now)) => now.moved_ms(&last).unsigned_abs() <= CLOCK_JITTER_MS,
                (last, now) => last.is_some() == now.is_some(),
            };
            steady && when.elapsed() < QUIET_CONTACT && last.records_claimed == claimed
        });
        if quiet && alerts.is_empty() {
            return Ok(());
        }
        self.submit(Batch { contact: Some(contact.clone()), alerts, ..Batch::default() }).await?;
        self.last_contact = Some((Instant::now(), contact));
        Ok(())
    }

    /// Hands a batch over, again and again for a while if it is refused; nothing moves on before it is durable.
    pub(in crate::pull) async fn submit(&mut self, batch: Batch) -> Result<Vec<Receipt>, Trouble> {
        let mut pause = Duration::from_secs(1);
        for offer in 1.. {
            let why = match self.port.submit(batch.clone()).await {
                Ok(receipts) => {
                    if offer > 1 {
                        self.say_how_it_is();
                    }
                    return Ok(receipts);
                }
                Err(why) => why,
            };
            let trouble = Trouble::NotRecorded(why.clone());
            self.port.health(Health::fault(trouble.text(&self.report.name)));
            if offer == OFFERS || matches!(why, NotRecorded::Malformed(_) | NotRecorded::Stopping) {
                return Err(trouble);
            }
            sleep(pause).await;
            pause *= 2;
        }
        Err(Trouble::NotRecorded(NotRecorded::Busy))
    }
}
