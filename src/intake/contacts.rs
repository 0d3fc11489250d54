//! What contacts with a terminal tell of clocks: the terminal's offset while the gateway knows the time, and the time from a
//! checked terminal while it does not. What tells nothing new need not wear the disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use punchd_contract::{Batch, Contact};
use tokio::time::Instant;

use super::desk::Office;
use super::terminal_time;
use crate::clock::UnixMillis;
use crate::journal::{ClockCompared, DeviceId};

/// A contact that tells nothing new is written down this often all the same, as evidence that there was one.
const CONTACT_EVERY: Duration = Duration::from_secs(3600);
/// A clock offset that moved by more than this is news.
const OFFSET_MOVED_MS: u64 = 2_000;

/// The contacts of one device.
#[derive(Default)]
pub(super) struct Contacts {
    last: Mutex<Option<Told>>,
}

/// The last contact that was written down.
struct Told {
    contact: Contact,
    at: Instant,
    /// Whether the gateway knew the time then.
    time_known: bool,
}

impl Contacts {
    /// A contact without anything else that tells what the last one told.
    pub fn tells_nothing_new(&self, office: &Office, batch: &Batch) -> bool {
        let Some(contact) = &batch.contact else { return false };
        let bare = batch.readings.is_empty()
            && batch.cursor.is_none()
            && batch.upload.is_none()
            && batch.alerts.is_empty()
            && batch.users.is_none()
            && batch.fingers.is_none();
        // The first contact since the gateway knows the time is news: it knows the terminal's offset.
        let time_known = is_known(office);
        bare && self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|told| {
            told.at.elapsed() < CONTACT_EVERY && told.time_known == time_known && same(&told.contact, contact)
        })
    }

    /// A contact was written down: known only now, because what was not recorded, or was given up, must be news again. A gateway
    /// that does not know the time may learn it from a terminal that was checked before.
    pub async fn noted(&self, office: &Office, device: DeviceId, contact: Contact, clock: Option<ClockCompared>) {
        let serial = contact.serial.clone();
        let time_known = clock.map_or_else(|| is_known(office), |clock| clock.offset.is_some());
        let told = Told { contact, at: Instant::now(), time_known };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        let (Some(serial), Some(clock @ ClockCompared { offset: None, .. })) = (serial, clock) else { return };
        let boot = office.clock.stamp().boot;
        let found = office.journal.read(move |sql| terminal_time::anchor(sql, device, &serial, boot, clock)).await;
        match found {
            Ok(Some(anchor)) => office.clock.learn(&anchor),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a terminal's earlier offsets could not be read"),
        }
    }
}

/// What the terminal's clock showed, against true time where that is known.
pub(super) fn compare(office: &Office, batch: &Batch) -> Option<ClockCompared> {
    let look = batch.contact.as_ref()?.clock?;
    let (now, age) = (office.clock.now(), look.at.elapsed());
    let shown = UnixMillis(look.shown.as_millisecond());
    let then_ms = now.time.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let bound = now.bound.filter(|_| now.trusted(office.trusted_within));
    let offset = bound.map(|bound| (shown.0.saturating_sub(then_ms), bound));
    Some(ClockCompared { shown, boottime: now.boottime.before(age), offset })
}

fn is_known(office: &Office) -> bool {
    office.clock.now().trusted(office.trusted_within)
}

fn same(known: &Contact, contact: &Contact) -> bool {
    let steady = match (known.clock, contact.clock) {
        (Some(known), Some(now)) => now.moved_ms(&known).unsigned_abs() <= OFFSET_MOVED_MS,
        (known, now) => known.is_some() == now.is_some(),
    };
    steady && Contact { clock: None, ..known.clone() } == Contact { clock: None, ..contact.clone() }
}
