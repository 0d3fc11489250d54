//! The answer to GET_FREE_SIZES (facts/terminals.md A.6).

use super::bytes::u32_at;

/// What a terminal says that it holds. A cross-check, never a gate: some firmware reports other sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Users.
    pub users: u32,
    /// Fingers.
    pub fingers: u32,
    /// Punches.
    pub punches: u32,
    /// How many punches fit.
    pub punch_capacity: u32,
}

impl Sizes {
    /// Reads the 80 or 92 bytes; a shorter answer tells nothing.
    pub fn decode(data: &[u8]) -> Option<Self> {
        let count = |offset| u32_at(data, offset).filter(|count| i32::try_from(*count).is_ok());
        u32_at(data, 76)?;
        Some(Self {
            users: count(16)?,
            fingers: count(24)?,
            punches: count(32)?,
            punch_capacity: count(64).unwrap_or_default(),
        })
    }

    /// The 80 bytes that a terminal without faces answers.
    pub fn encode(&self, user_capacity: u32) -> Vec<u8> {
        let mut words = [0u32; 20];
        let free = |capacity: u32, used: u32| capacity.saturating_sub(used);
        let values = [
            (4, self.users),
            (6, self.fingers),
            (8, self.punches),
            (14, user_capacity),
            (15, user_capacity),
            (16, self.punch_capacity),
            (17, free(user_capacity, self.fingers)),
            (18, free(user_capacity, self.users)),
            (19, free(self.punch_capacity, self.punches)),
        ];
        for (at, value) in values {
            if let Some(word) = words.get_mut(at) {
                *word = value;
            }
        }
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}
