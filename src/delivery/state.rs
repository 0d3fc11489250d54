//! The states of a delivery and the steps between them; there are no others.

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// On disk, to be sent.
    Waiting,
    /// Written down as leaving; the call may or may not have been made.
    Sending,
    /// It may have arrived or not: it is read back before anything else happens to it.
    InDoubt,
    /// The destination accepted it.
    Delivered,
    /// It was seen there.
    Confirmed,
    /// A person has to decide.
    Parked,
    /// A person decided that it is not to be delivered.
    Dropped,
}

impl State {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Sending, Self::InDoubt, Self::Delivered, Self::Confirmed, Self::Parked, Self::Dropped];

    /// The number that the journal stores.
    pub fn code(self) -> i64 {
        self as i64
    }

    /// From the number that the journal stores.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The word that people use for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::InDoubt => "in-doubt",
            Self::Delivered => "delivered",
            Self::Confirmed => "confirmed",
            Self::Parked => "parked",
            Self::Dropped => "dropped",
        }
    }

    /// From the word that people use for it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether a delivery may go from here to there in one step.
    pub fn may_become(self, next: Self) -> bool {
        use State::*;
        match self {
            // Parked at once where nothing can be built of it; in doubt when the journal turns out to be older than what was sent.
            Waiting => matches!(next, Sending | InDoubt | Parked | Dropped),
            // Back to waiting only where it provably never left; in doubt after anything that was not a clear answer.
            Sending => matches!(next, Waiting | InDoubt | Delivered | Parked),
            // Sent again as part of a smaller batch only after it was read back and is provably not there.
            InDoubt => matches!(next, Waiting | Sending | Confirmed | Parked),
            Delivered => next == Confirmed,
            // In doubt again if it may have arrived before it was parked.
            Parked => matches!(next, Waiting | InDoubt | Dropped),
            Confirmed | Dropped => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_name_one_state_each() {
        for (number, state) in (0..).zip(State::ALL) {
            assert_eq!(state.code(), number);
            assert_eq!(State::from_code(number), Some(state));
            assert_eq!(State::from_word(state.word()), Some(state));
        }
        assert_eq!(State::from_code(7), None);
    }

    #[test]
    fn what_may_have_left_never_waits_again_without_a_look() {
        let steps: Vec<(State, State)> = State::ALL
            .into_iter()
            .flat_map(|from| State::ALL.into_iter().map(move |to| (from, to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        use State::*;
        assert_eq!(
            steps,
            [
                (Waiting, Sending),
                (Waiting, InDoubt),
                (Waiting, Parked),
                (Waiting, Dropped),
                (Sending, Waiting),
                (Sending, InDoubt),
                (Sending, Delivered),
                (Sending, Parked),
                (InDoubt, Waiting),
                (InDoubt, Sending),
                (InDoubt, Confirmed),
                (InDoubt, Parked),
                (Delivered, Confirmed),
                (Parked, Waiting),
                (Parked, InDoubt),
                (Parked, Dropped),
            ]
        );
    }
}
