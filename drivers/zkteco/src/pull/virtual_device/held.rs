//! What a virtual terminal holds: its people, its log and its clock.

use std::collections::VecDeque;

use jiff::ToSpan;
use jiff::civil::DateTime;

use super::super::protocol::record::{RecordId, RecordSize};
use super::super::protocol::sizes::Sizes;
use super::super::protocol::time::RawTime;
use super::super::protocol::user::User;
use super::{Oddities, Options, VirtualRecord, VirtualUser};

/// Everything that can change.
pub(super) struct Held {
    pub users: Vec<VirtualUser>,
    /// The bytes that clients have written, passwords included, kept by uid.
    pub user_bytes: Vec<Vec<u8>>,
    pub records: VecDeque<VirtualRecord>,
    pub taken: usize,
    pub clock_off: i64,
}

impl Held {
    pub fn new(options: &Options) -> Self {
        let mut held = Self {
            users: Vec::new(),
            user_bytes: Vec::new(),
            records: options.records.iter().cloned().collect(),
            taken: options.records.len(),
            clock_off: options.clock_off,
        };
        held.set_users(options.users.clone(), options);
        held
    }

    pub fn set_users(&mut self, users: Vec<VirtualUser>, options: &Options) {
        let bytes = |user: &VirtualUser| {
            let form = options.user_form;
            let user = User {
                uid: user.uid,
                privilege: user.privilege,
                user_id: user.user_id.clone(),
                name: options.encoding.encode(&user.name, form.name_room()),
                card: user.card,
                raw: Vec::new(),
            };
            // A user id that this form cannot hold is as if nobody had entered it.
            form.encode(&user).unwrap_or_else(|_| vec![0; form.size()])
        };
        self.user_bytes = users.iter().map(bytes).collect();
        self.users = users;
    }

    pub fn take(&mut self, record: VirtualRecord, capacity: usize) {
        if self.records.len() >= capacity.max(1) {
            self.records.pop_front();
        }
        self.records.push_back(record);
        self.taken += 1;
    }

    /// What its display shows.
    pub fn civil_now(&self, options: &Options) -> DateTime {
        let now = options.zone.to_datetime((options.clock)());
        now.checked_add(self.clock_off.seconds()).unwrap_or(now)
    }

    pub fn set_clock(&mut self, to: RawTime, options: &Options) -> bool {
        let Some(to) = to.civil() else { return false };
        // Cut to a difference of whole seconds inside of one, it would show the second before.
        let now = options.zone.to_datetime((options.clock)()).with().subsec_nanosecond(0).build();
        let Ok(now) = now else { return false };
        self.clock_off = to.duration_since(now).as_secs();
        true
    }

    pub fn sizes(&self, options: &Options) -> Sizes {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let counted = count(self.records.len()).saturating_add_signed(i32::try_from(options.count_off).unwrap_or(0));
        let punches = options.odd.count_stands_at.unwrap_or(counted);
        Sizes {
            users: count(self.users.len()),
            fingers: count(self.users.len()),
            punches,
            punch_capacity: count(options.capacity),
        }
    }

    /// The log as it goes over the wire.
    pub fn log_table(&self, size: RecordSize, odd: &Oddities) -> Vec<u8> {
        if let Some(body) = &odd.log_body {
            return with_length(body.clone());
        }
        let uids: std::collections::HashMap<&str, u16> =
            self.users.iter().map(|user| (user.user_id.as_str(), user.uid)).collect();
        let mut body = Vec::with_capacity(self.records.len() * size.bytes());
        for record in &self.records {
            let id = record.user_id.as_str();
            let uid = uids.get(id).copied().or_else(|| id.parse().ok()).unwrap_or(0);
            let id = if odd.names_rows { RecordId::Row(uid) } else { RecordId::Text(id.as_bytes()) };
            body.extend(size.encode(uid, id, record.time, record.verify, record.state));
        }
        with_length(body)
    }

    /// The user list as it goes over the wire.
    pub fn user_table(&self) -> Vec<u8> {
        with_length(self.user_bytes.concat())
    }

    pub fn write_user(&mut self, data: &[u8], options: &Options) -> bool {
        let form = options.user_form;
        let Some(user) = form.decode(data).filter(|_| data.len() == form.size()) else { return false };
        let raw = user.raw.clone();
        let user = known(&user, options);
        match self.users.iter().position(|known| known.uid == user.uid) {
            Some(place) => {
                if let (Some(old), Some(bytes)) = (self.users.get_mut(place), self.user_bytes.get_mut(place)) {
                    (*old, *bytes) = (user, raw);
                }
            }
            None => {
                self.users.push(user);
                self.user_bytes.push(raw);
            }
        }
        true
    }

    pub fn delete_user(&mut self, uid: u16) -> bool {
        let Some(place) = self.users.iter().position(|user| user.uid == uid) else { return false };
        self.users.remove(place);
        self.user_bytes.remove(place);
        true
    }
}

fn known(user: &User, options: &Options) -> VirtualUser {
    VirtualUser {
        uid: user.uid,
        user_id: user.user_id.clone(),
        name: options.encoding.decode(&user.name),
        card: user.card,
        privilege: user.privilege,
    }
}

fn with_length(body: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes()[..], &body].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_clock_that_was_set_shows_the_time_that_it_was_set_to() {
        for millisecond in [0, 1, 500, 999] {
            let now = Timestamp::from_millisecond(1_793_620_800_000 + millisecond).unwrap();
            let options = Options::new(Arc::new(move || now));
            let mut held = Held::new(&options);
            for to in [date(2027, 2, 28).at(23, 59, 30, 0), date(2026, 1, 1).at(0, 0, 0, 0)] {
                let to = RawTime::from_civil(to).unwrap();
                assert!(held.set_clock(to, &options));
                assert_eq!(RawTime::from_civil(held.civil_now(&options)), Some(to), "{millisecond} ms into a second");
            }
        }
    }
}
