//! User records of 28 and 72 bytes (facts/terminals.md A.9).

use std::collections::HashSet;

use super::bytes::{field, looks_like_id, u8_at, u16_at, u32_at, until_nul};

/// The two forms of a user record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserForm {
    /// Old firmware: numeric user ids.
    Short,
    /// Colour-screen firmware: user ids as text.
    Long,
}

/// Someone whom a terminal knows, the password left unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The terminal's internal index.
    pub uid: u16,
    /// Privilege byte.
    pub privilege: u8,
    /// The user id that people know.
    pub user_id: String,
    /// The name's bytes, in the terminal's encoding.
    pub name: Vec<u8>,
    /// The card; 0 for none.
    pub card: u32,
    /// The record as it came.
    pub raw: Vec<u8>,
}

/// Why a user list cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Neither 28 nor 72 bytes make sense, or the terminal's count says that it is neither.
    #[error("a user list of {0} bytes fits neither records of 28 nor of 72 bytes")]
    Size(usize),
    /// Does not go into the record.
    #[error("the user id does not fit the terminal")]
    Id,
}

impl UserForm {
    /// Bytes of one record.
    pub fn size(self) -> usize {
        match self {
            Self::Short => 28,
            Self::Long => 72,
        }
    }

    /// How many bytes of a name fit.
    pub fn name_room(self) -> usize {
        match self {
            Self::Short => 8,
            Self::Long => 24,
        }
    }

    /// Which form the list is in. The terminal's count of people decides where it divides the bytes into a record that can be; 504
    /// bytes are 7 × 72 and 18 × 28, so without it the contents do (A.7). A list that is read wrongly would credit everybody's row to
    /// somebody else.
    pub fn of(body: &[u8], claimed: Option<u32>) -> Result<Self, UserError> {
        // Of a thousand records, how many make sense; an odd record among good ones does not spoil the list.
        let sense = |form: Self| {
            let records = body.chunks_exact(form.size());
            if !records.remainder().is_empty() || records.len() == 0 {
                return 0;
            }
            let of = records.len();
            let mut rows = HashSet::with_capacity(of);
            let new = |record: &&[u8]| u16_at(record, 0).is_some_and(|row| rows.insert(row));
            records.filter(|record| form.plausible(record)).filter(new).count() * 1000 / of
        };
        let claimed = claimed.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
        let counted = claimed.filter(|count| body.len().is_multiple_of(*count)).map(|count| body.len() / count);
        let (long, short) = match counted {
            Some(72) => (sense(Self::Long), 0),
            Some(28) => (0, sense(Self::Short)),
            Some(24..=400) => (0, 0),
            _ => (sense(Self::Long), sense(Self::Short)),
        };
        match (long >= short, long.max(short) >= 500) {
            (true, true) => Ok(Self::Long),
            (false, true) => Ok(Self::Short),
            (_, false) => Err(UserError::Size(body.len())),
        }
    }

    fn plausible(self, record: &[u8]) -> bool {
        let uid = u16_at(record, 0).is_some_and(|uid| uid != 0);
        match self {
            Self::Short => uid && u32_at(record, 24).is_some_and(|id| id != 0),
            Self::Long => uid && record.get(48..72).is_some_and(looks_like_id),
        }
    }

    /// Reads one record.
    pub fn decode(self, record: &[u8]) -> Option<User> {
        let raw = record.get(..self.size())?;
        let (name, card, user_id) = match self {
            Self::Short => (raw.get(8..16)?, u32_at(raw, 16)?, u32_at(raw, 24)?.to_string()),
            Self::Long => {
                let id = String::from_utf8_lossy(until_nul(raw.get(48..72)?)).into_owned();
                (raw.get(11..35)?, u32_at(raw, 35)?, id)
            }
        };
        Some(User {
            uid: u16_at(raw, 0)?,
            privilege: u8_at(raw, 2)?,
            user_id,
            name: until_nul(name).to_vec(),
            card,
            raw: raw.to_vec(),
        })
    }

    /// Writes a user over the record it had (`raw`, empty for a new one): what is not named here, such as a password,
    /// stays as it was.
    pub fn encode(self, user: &User) -> Result<Vec<u8>, UserError> {
        let mut record = vec![0; self.size()];
        if user.raw.len() == self.size() {
            record.copy_from_slice(&user.raw);
        }
        let mut put = |at: usize, bytes: &[u8]| {
            for (to, from) in record.iter_mut().skip(at).zip(bytes) {
                *to = *from;
            }
        };
        put(0, &user.uid.to_le_bytes());
        put(2, &[user.privilege]);
        match self {
            Self::Short => {
                let id: u32 = user.user_id.parse().map_err(|_| UserError::Id)?;
                put(8, &field::<8>(&user.name));
                put(16, &user.card.to_le_bytes());
                put(24, &id.to_le_bytes());
            }
            Self::Long => {
                let id = user.user_id.as_bytes();
                if id.len() > 23 || !looks_like_id(id) {
                    return Err(UserError::Id);
                }
                put(11, &field::<24>(&user.name));
                put(35, &user.card.to_le_bytes());
                put(48, &field::<24>(id));
            }
        }
        Ok(record)
    }
}

/// Reads a whole list; `claimed` is how many people the terminal counts.
pub fn decode_users(body: &[u8], claimed: Option<u32>) -> Result<(Option<UserForm>, Vec<User>), UserError> {
    if body.is_empty() {
        return Ok((None, Vec::new()));
    }
    let form = UserForm::of(body, claimed)?;
    Ok((Some(form), body.chunks_exact(form.size()).filter_map(|record| form.decode(record)).collect()))
}
