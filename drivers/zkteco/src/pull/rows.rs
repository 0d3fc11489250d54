//! Whose row it was: records that name only the terminal's row number.
//!
//! A row is given again after a deletion (pyzk #14, #52), so that a list tells whose row it is, never whose it was. A record is
//! credited only if every list since the last read of the log says the same of its row: the one that was read before the log the
//! last time, and those before and after it now. Otherwise the punch may be either's, and it is nobody's until a person decides.
//! Before the first read nobody has looked; then the list is the best evidence there is.

use std::fmt::Write;

use punchd_contract::Credential;
use serde::{Deserialize, Serialize};

use super::people::People;

/// So many places for rows; beyond them, two rows share one, and a change of either is a change of both.
const PLACES: usize = 4096;
/// Hexadecimal digits of a place.
const DIGITS: usize = 6;

/// Who had which row, as a digest: small enough for the cursor, whatever the terminal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowHolders(String);

impl RowHolders {
    /// As the list says.
    pub fn of(people: &People) -> Self {
        let mut places: Vec<u32> = Vec::new();
        for (row, user_id) in people.rows() {
            let place = usize::from(row) % PLACES;
            if places.len() <= place {
                places.resize(place + 1, 0);
            }
            // A sum, so that the order of the list does not matter.
            if let Some(sum) = places.get_mut(place) {
                *sum = sum.wrapping_add(likeness(row, user_id)) & 0x00ff_ffff;
            }
        }
        let mut text = String::with_capacity(places.len() * DIGITS);
        for place in places {
            // Writing to a text cannot fail.
            let _ = write!(text, "{place:06x}");
        }
        Self(text)
    }

    fn place(&self, row: u16) -> &str {
        let at = usize::from(row) % PLACES * DIGITS;
        // Behind the last one that is held, all are empty.
        self.0.get(at..at + DIGITS).unwrap_or("000000")
    }

    /// Whether both say the same of a row.
    fn agree(&self, other: &Self, row: u16) -> bool {
        self.place(row) == other.place(row)
    }
}

/// FNV-1a of row and user id; never 0, which is an empty place.
fn likeness(row: u16, user_id: &str) -> u32 {
    let bytes = row.to_le_bytes().into_iter().chain(user_id.bytes());
    let hash = bytes.fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    ((hash >> 24) ^ hash) & 0x00ff_ffff | 1
}

/// The lists that one read of the log has to go by.
#[derive(Debug, Default)]
pub struct RowLists<'a> {
    /// Read after the log; nothing is credited without it.
    pub after: Option<&'a People>,
    /// What those before it said: of this read, and of the one before.
    pub before: Vec<RowHolders>,
}

impl RowLists<'_> {
    /// Whose punch a record of this row is.
    pub fn credential(&self, row: u16) -> Credential {
        let nobody = Credential::Row(row.into());
        let Some(after) = self.after else { return nobody };
        let now = after.holders();
        match after.user_id_of(row) {
            Some(user_id) if !user_id.is_empty() => {
                // Empty before means that the person was enrolled since: whoever had the row earlier was gone by then.
                let same = self.before.iter().all(|before| before.agree(now, row) || before.place(row) == "000000");
                if same { Credential::UserId(user_id.to_owned()) } else { nobody }
            }
            _ => nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::protocol::user::{User, UserForm};

    fn people(rows: &[(u16, &str)]) -> People {
        let user = |(uid, id): &(u16, &str)| User {
            uid: *uid,
            privilege: 0,
            user_id: (*id).to_owned(),
            name: Vec::new(),
            card: 0,
            raw: Vec::new(),
        };
        let body: Vec<u8> = rows.iter().flat_map(|row| UserForm::Long.encode(&user(row)).unwrap()).collect();
        People::read(&body, None, None).unwrap()
    }

    fn credited(before: &[&[(u16, &str)]], after: &[(u16, &str)], row: u16) -> Credential {
        let after = people(after);
        let before = before.iter().map(|rows| RowHolders::of(&people(rows))).collect();
        RowLists { after: Some(&after), before }.credential(row)
    }

    #[test]
    fn a_row_that_changed_hands_is_nobodys() {
        let bob: &[(u16, &str)] = &[(1, "101"), (2, "102")];
        let cyd: &[(u16, &str)] = &[(1, "101"), (2, "103")];
        let user = |id: &str| Credential::UserId(id.into());
        assert_eq!(credited(&[], cyd, 2), user("103"), "nobody has looked before");
        assert_eq!(credited(&[bob, bob], bob, 2), user("102"));
        assert_eq!(credited(&[bob, bob], cyd, 2), Credential::Row(2));
        assert_eq!(credited(&[bob, cyd], cyd, 2), Credential::Row(2), "changed between the last read and this one");
        assert_eq!(credited(&[bob, cyd], bob, 2), Credential::Row(2), "and back");
        assert_eq!(credited(&[cyd, cyd], cyd, 2), user("103"));
        assert_eq!(credited(&[bob, cyd], cyd, 1), user("101"), "another row is not concerned");
        assert_eq!(credited(&[bob], &[(1, "101")], 2), Credential::Row(2), "deleted since");
        assert_eq!(credited(&[&[(1, "101")]], cyd, 2), user("103"), "enrolled since, into a row that was free");
        assert_eq!(credited(&[bob], bob, 3), Credential::Row(3));
        assert_eq!(RowLists::default().credential(2), Credential::Row(2), "without a list after the log");
    }

    #[test]
    fn what_is_kept_of_a_full_terminal_fits_a_cursor() {
        let ids: Vec<(u16, String)> =
            (1..=10_000).map(|row| (row, format!("{}", 1_000_000 + u32::from(row)))).collect();
        let rows: Vec<(u16, &str)> = ids.iter().map(|(row, id)| (*row, id.as_str())).collect();
        let holders = RowHolders::of(&people(&rows));
        assert_eq!(holders.0.len(), PLACES * DIGITS);
        let mut changed = rows.clone();
        changed[4999] = (5000, "x");
        assert!(!holders.agree(&RowHolders::of(&people(&changed)), 5000));
        let mut order = rows;
        order.reverse();
        assert_eq!(RowHolders::of(&people(&order)), holders);
    }
}
