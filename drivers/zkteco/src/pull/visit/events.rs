//! Events on their way to the agent, and the terminal's word that they were taken.

use jiff::civil::DateTime;
use punchd_contract::order::TOLERANCE_S;
use punchd_contract::{Batch, MAX_BATCH, Placed, Reading, Upload, Verdict, Written, place};

use super::Visit;
use crate::pull::people::People;
use crate::pull::protocol::code::EVENT_PUNCH;
use crate::pull::protocol::frame::Packet;
use crate::pull::protocol::live_event::decode_punches;
use crate::pull::reading::of_event;
use crate::pull::report;
use crate::pull::standing::Last;
use crate::pull::trouble::Trouble;

impl Visit<'_> {
    /// Submits an event and all that wait behind it, in one batch, and only then tells the terminal that they were taken.
    /// Answers how many records nobody had before.
    pub(super) async fn take_events(&mut self, first: Packet, after_the_count: bool) -> Result<u64, Trouble> {
        let mut fresh = 0;
        let mut list = ListOfEvents::AsItWas;
        let mut next = Some(first);
        while next.is_some() {
            let mut batch = Batch::default();
            let mut taken = 0;
            while let Some(event) = next.take() {
                self.understand(&event, &mut batch, &mut list).await?;
                taken += 1;
                // One packet may carry several punches, so that room for them is left.
                if batch.readings.len() + 64 < MAX_BATCH {
                    next = self.session.waiting_event();
                }
            }
            // Only a hostile packet carries so many; what they were, the log tells.
            self.log_wanted |= batch.readings.len() > MAX_BATCH;
            batch.readings.truncate(MAX_BATCH);
            let readings = batch.readings.len() as u64;
            if readings > 0 || batch.upload.is_some() {
                let receipts = self.submit(batch).await?;
                let repeated = receipts.iter().filter(|receipt| receipt.verdict == Verdict::Repeated).count() as u64;
                fresh += readings - repeated.min(readings);
                // A second punch of the same person in the same second looks like the first one sent twice; the log tells
                // them apart. Events that came during a read were in it and are no sign of that.
                self.log_wanted |= after_the_count && repeated > 0;
            }
            for _ in 0..taken {
                self.session.acknowledge_event().await?;
            }
            next = next.or_else(|| self.session.waiting_event());
        }
        if let Some(expected) = self.counts.expected.as_mut().filter(|_| after_the_count) {
            *expected += fresh;
        }
        Ok(fresh)
    }

    async fn understand(&mut self, event: &Packet, batch: &mut Batch, list: &mut ListOfEvents) -> Result<(), Trouble> {
        if event.session != EVENT_PUNCH {
            return Ok(());
        }
        // It promised to tell of punches, and does.
        self.standing.speaks = true;
        let Ok(punches) = decode_punches(&event.data) else {
            self.log_wanted = true;
            let body = event.data.clone();
            batch.alerts.push(report::event_not_understood(&self.report.name, body.len()));
            batch.upload = Some(Upload { table: "REG_EVENT".to_owned(), body, understood: false });
            return Ok(());
        };
        let form = self.log_form();
        if matches!(list, ListOfEvents::AsItWas) && punches.iter().any(|punch| form.needs_list(punch.id)) {
            *list = self.list_after_the_event().await?;
        }
        for punch in punches {
            let placed = self.place_live(punch.time).await?;
            let reading = |people: &People| of_event(&self.keys, &punch, form, people, placed.clone());
            let reading = match &*list {
                ListOfEvents::Unreadable if form.needs_list(punch.id) => None,
                // Only if the list says the same before and after the event.
                ListOfEvents::Changed(before) => {
                    let same = |one: &Reading| {
                        reading(before).is_some_and(|other| {
                            (other.credential, other.key) == (one.credential.clone(), one.key.clone())
                        })
                    };
                    reading(&self.people).filter(|one| !form.needs_list(punch.id) || same(one))
                }
                _ => reading(&self.people),
            };
            match reading {
                Some(reading) => batch.readings.push(reading),
                None => self.log_wanted = true,
            }
        }
        Ok(())
    }

    /// Reads the list once more: what stood in it before the event may have changed hands.
    async fn list_after_the_event(&mut self) -> Result<ListOfEvents, Trouble> {
        let before = std::mem::take(&mut self.people);
        if self.read_people(self.counts.users).await? {
            let same = before.holders() == self.people.holders();
            Ok(if same { ListOfEvents::Same } else { ListOfEvents::Changed(before) })
        } else {
            self.people = before;
            Ok(ListOfEvents::Unreadable)
        }
    }

    /// What comes live stands behind what came before it, and no later than the clock.
    async fn place_live(&mut self, at: DateTime) -> Result<Placed, Trouble> {
        let last = self.standing.last;
        let among = |clock: Option<DateTime>| {
            let written = last.map(Last::written).into_iter().chain([Written { civil: Some(at), offset: None }]);
            place(&written.collect::<Vec<_>>(), self.zone, clock).pop().unwrap_or_default()
        };
        let mut clock = self.last_clock.map(|clock| self.shows_now(clock));
        if clock.is_some_and(|clock| at.duration_since(clock).as_secs().abs() > TOLERANCE_S) {
            // It happened just now, so somebody may have set the clock since it was looked at. The agent hears of that first.
            let shown = self.read_clock().await?;
            self.note_contact(shown, self.counts.claimed).await?;
            clock = shown.map(|clock| self.shows_now(clock)).or(clock);
        }
        let placed = among(clock);
        if placed.doubt.is_none() {
            self.standing.last = Some(Last { civil: at, offset_s: placed.offset.map(|offset| offset.seconds()) });
        }
        Ok(placed)
    }
}

/// What the user list says to events.
enum ListOfEvents {
    /// Nothing has asked for it yet.
    AsItWas,
    /// Read after the event, it says what it said before.
    Same,
    /// It says something else than this one, which was read before.
    Changed(People),
    /// It cannot be read.
    Unreadable,
}
