//! The reading half of the loop: one question of a pass at a time, and what its answers come to.

use super::*;
use crate::delivery::{confirm, doubt};
use crate::wecom::{CheckinData, Class, Unknown, UserBatch};

impl Wecom {
    /// Asks one question of the pass under way, or of a new one; concludes the pass with its last answer.
    pub(super) async fn read(&mut self, turn: GetCheckinData<'_>) -> Result<(), JournalError> {
        let begun = match self.pass.take() {
            Some(pass) => Some(pass),
            None => self.new_pass().await?,
        };
        let Some((purpose, mut pass)) = begun else { return Ok(()) };
        if purpose == Purpose::Confirmation {
            self.next_confirmation = Instant::now() + self.spec.pauses.between_confirmations;
        }
        if let Some(question) = pass.question().cloned() {
            let Ok(users) = UserBatch::new(&question.users) else { return Ok(()) };
            let outcome = turn.send(users, question.period).await;
            if let Some(hindrance) = take(&mut pass, outcome) {
                self.cannot_read(hindrance);
                return Ok(());
            }
            self.reading = None;
        }
        if pass.question().is_some() {
            self.pass = Some((purpose, pass));
            return Ok(());
        }
        match purpose {
            Purpose::Doubt => self.conclude_doubt(pass).await,
            Purpose::Confirmation => self.conclude_confirmation(pass).await,
        }
    }

    async fn new_pass(&mut self) -> Result<Option<(Purpose, Pass)>, JournalError> {
        let (destination, now_ms) = (self.destination(), self.now_ms());
        let doubtful = self.around.journal.read(move |sql| doubt::due(sql, destination, now_ms)).await?;
        if !doubtful.is_empty() {
            return Ok(Some((Purpose::Doubt, Pass::new(doubtful, now_ms))));
        }
        if Instant::now() < self.next_confirmation {
            return Ok(None);
        }
        let delivered = self.around.journal.read(move |sql| confirm::due(sql, destination, now_ms)).await?;
        Ok((!delivered.is_empty()).then(|| (Purpose::Confirmation, Pass::new(delivered, now_ms))))
    }

    async fn conclude_doubt(&mut self, pass: Pass) -> Result<(), JournalError> {
        let (destination, last_batch) = (self.destination(), self.last_batch);
        let times = doubt::Times {
            now_ms: self.now_ms(),
            settle_ms: ms(self.spec.settle),
            first_look_ms: ms(self.spec.pauses.first_look),
        };
        let rows = pass.rows.len();
        let (done, again) = self
            .around
            .journal
            .write_weighing(rows, move |write| {
                let done = doubt::conclude(write, destination, &pass, times, last_batch)?;
                Ok((done, doubt::remember_shown(write, destination, &pass, times.now_ms)?))
            })
            .await?;
        self.last_batch = done.last_batch;
        if done.later < rows {
            let doubt::Concluded { confirmed, absent, parked, later, .. } = done;
            tracing::info!(
                destination = self.spec.name,
                confirmed,
                absent,
                parked,
                later,
                again,
                "read back what was in doubt"
            );
        }
        self.look_anew();
        Ok(())
    }

    async fn conclude_confirmation(&mut self, pass: Pass) -> Result<(), JournalError> {
        let (destination, now_ms, pauses) = (self.destination(), self.now_ms(), self.spec.pauses);
        let again_ms = ms(self.spec.confirm_after.unwrap_or(Duration::from_secs(3600)));
        let rows = pass.rows.len();
        let (looked, again) = self
            .around
            .journal
            .write_weighing(rows, move |write| {
                let looked = confirm::conclude(write, &pass, &pauses, again_ms, now_ms)?;
                Ok((looked, doubt::remember_shown(write, destination, &pass, now_ms)?))
            })
            .await?;
        tracing::debug!(destination = self.spec.name, looked = rows, confirmed = looked.confirmed, again, "confirmed");
        if looked.marked > 0 {
            tracing::warn!(
                destination = self.spec.name,
                punches = looked.marked,
                "accepted punches are still not to be seen"
            );
        }
        self.news = true;
        Ok(())
    }

    fn cannot_read(&mut self, hindrance: Hindrance) {
        let in_a_row = self.reading.as_ref().map_or(0, |trouble| trouble.in_a_row).saturating_add(1);
        tracing::debug!(destination = self.spec.name, in_a_row, ?hindrance, "reading back is hindered");
        let until = Instant::now() + spread(hindrance.pause(&self.spec.pauses, in_a_row));
        self.reading = Some(Trouble { hindrance, in_a_row, until });
        self.news = true;
    }
}

/// Takes an answer into the pass, or says what hinders it. A pass that is hindered is given up and begun anew later.
fn take(pass: &mut Pass, outcome: Outcome<CheckinData>) -> Option<Hindrance> {
    match outcome {
        Outcome::Answered(Answered { result: Ok(data), .. }) => pass.answered(&data),
        Outcome::Answered(Answered { result: Err(refusal), .. }) => match refusal.class() {
            Class::BadRecord => {
                if !pass.split() {
                    pass.stranger(&refusal);
                }
            }
            Class::RateLimited | Class::Concurrency => return Some(Hindrance::Limited(refusal)),
            Class::TokenExpired => return Some(Hindrance::Token(refusal)),
            Class::Configuration | Class::SecretWrong | Class::Stopped => return Some(Hindrance::Stopped(refusal)),
            Class::Transient => return Some(Hindrance::Busy(refusal)),
            _ => return Some(Hindrance::Unlisted(refusal)),
        },
        Outcome::Unknown(Unknown::TooLarge) if pass.split() => {}
        Outcome::Unknown(why) => return Some(Hindrance::Broken(why)),
        Outcome::NotSent(why) => return Some(Hindrance::of_not_sent(why)),
    }
    None
}
