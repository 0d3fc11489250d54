//! Events on their way to the agent, and the terminal's word that they were taken.

use punchd_contract::{Batch, MAX_BATCH, Upload, Verdict};

use super::Visit;
use crate::pull::protocol::code::EVENT_PUNCH;
use crate::pull::protocol::frame::Packet;
use crate::pull::protocol::live_event::decode_punches;
use crate::pull::reading::of_event;
use crate::pull::report;
use crate::pull::trouble::Trouble;

impl Visit<'_> {
    /// Submits an event and all that wait behind it, in one batch, and only then tells the terminal that they were taken.
    /// Answers how many records nobody had before.
    pub(super) async fn take_events(&mut self, first: Packet, after_the_count: bool) -> Result<u64, Trouble> {
        let mut fresh = 0;
        let mut next = Some(first);
        while next.is_some() {
            let mut batch = Batch::default();
            let mut taken = 0;
            while let Some(event) = next.take() {
                self.understand(&event, &mut batch);
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

    pub(super) fn understand(&mut self, event: &Packet, batch: &mut Batch) {
        if event.session != EVENT_PUNCH {
            return;
        }
        let Ok(punches) = decode_punches(&event.data) else {
            self.log_wanted = true;
            let body = event.data.clone();
            batch.alerts.push(report::event_not_understood(&self.report.name, body.len()));
            batch.upload = Some(Upload { table: "REG_EVENT".to_owned(), body, understood: false });
            return;
        };
        for punch in punches {
            match of_event(&self.serial, &punch, self.size, &self.people) {
                Some(reading) => batch.readings.push(reading),
                None => self.log_wanted = true,
            }
        }
    }
}
