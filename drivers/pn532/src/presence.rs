//! What lies on the reader from one look to the next: a card that is held there is one reading.

use std::time::Duration;

use tokio::time::Instant;

use crate::look::{Card, Seen};
use crate::trouble::Refusal;

/// Gone is what was not seen for so many looks and so long: a single look may miss a card that lies badly (facts/readers.md A.5).
const MISSES: u32 = 2;
const AWAY: Duration = Duration::from_millis(500);
/// After so many looks at something that cannot be read, the person is told.
const UNCLEAR: u32 = 5;

/// What lies there.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    lying: Lying,
    misses: u32,
    unclear: u32,
    seen: Option<Instant>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Lying {
    #[default]
    Nothing,
    /// Read already.
    Card(Card),
    /// Turned away already.
    Refused(Refusal),
}

/// What is to be done about a look.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    Read(Card),
    Refuse(Refusal),
}

impl Presence {
    /// The card that lies there and was read.
    pub(crate) fn card(&self) -> Option<&Card> {
        match &self.lying {
            Lying::Card(card) => Some(card),
            _ => None,
        }
    }

    /// Takes a look into account.
    pub(crate) fn look(&mut self, seen: Seen, now: Instant) -> Act {
        if seen == Seen::Nothing {
            self.misses = self.misses.saturating_add(1);
            let away = self.seen.is_none_or(|seen| now.duration_since(seen) >= AWAY);
            if self.misses >= MISSES && away {
                (self.lying, self.unclear) = (Lying::Nothing, 0);
            }
            return Act::Nothing;
        }
        (self.misses, self.seen) = (0, Some(now));
        match (seen, &self.lying) {
            (Seen::Unclear, Lying::Nothing) => {
                self.unclear += 1;
                if self.unclear < UNCLEAR { Act::Nothing } else { self.refuse(Refusal::Unclear) }
            }
            (Seen::Nothing | Seen::Unclear, _) => Act::Nothing,
            (Seen::Card(card), Lying::Card(lying)) if card == *lying => Act::Nothing,
            // One of two that are only just in reach: the reader has to be empty first, or wallets swap identities (A.4).
            (_, Lying::Refused(Refusal::Several)) => Act::Nothing,
            (Seen::Card(card), _) => {
                (self.lying, self.unclear) = (Lying::Card(card.clone()), 0);
                Act::Read(card)
            }
            (Seen::Refused(reason), Lying::Refused(before)) if reason == *before => Act::Nothing,
            // A phone that was taken by its application and falls asleep on the reader.
            (Seen::Refused(reason), Lying::Card(card)) if card.by_application && reason != Refusal::Several => {
                Act::Nothing
            }
            (Seen::Refused(reason), _) => self.refuse(reason),
        }
    }

    fn refuse(&mut self, reason: Refusal) -> Act {
        (self.lying, self.unclear) = (Lying::Refused(reason), 0);
        Act::Refuse(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::target::Technology;

    const LOOK: Duration = Duration::from_millis(200);

    /// The looks, a fifth of a second apart, and what each brings about.
    fn acts(looks: impl IntoIterator<Item = Seen>) -> Vec<Act> {
        let (mut presence, start) = (Presence::default(), Instant::now());
        looks.into_iter().zip(0..).map(|(seen, n)| presence.look(seen, start + LOOK * n)).collect()
    }

    /// How often something was done, in order.
    fn done(looks: impl IntoIterator<Item = Seen>) -> Vec<Act> {
        acts(looks).into_iter().filter(|act| *act != Act::Nothing).collect()
    }

    fn card(number: u8) -> Card {
        let (number, profile) = (vec![number; 4], "iso14443a".into());
        Card { number, profile, raw: vec![], technology: Technology::A, by_application: false }
    }

    fn phone() -> Card {
        Card { by_application: true, profile: "aid:F0".into(), ..card(9) }
    }

    fn seen(number: u8) -> Seen {
        Seen::Card(card(number))
    }

    #[test]
    fn a_card_held_on_the_reader_is_one_reading() {
        assert_eq!(acts([Seen::Nothing, seen(1), seen(1), seen(1)])[1], Act::Read(card(1)));
        assert_eq!(done(std::iter::repeat_n(seen(1), 1000)), [Act::Read(card(1))]);
    }

    #[test]
    fn a_look_that_misses_it_does_not_make_it_new() {
        assert_eq!(
            done([seen(1), Seen::Nothing, seen(1), Seen::Nothing, Seen::Nothing, seen(1)]),
            [Act::Read(card(1))]
        );
    }

    #[test]
    fn a_card_that_was_away_for_half_a_second_is_read_again() {
        let away = [Seen::Nothing, Seen::Nothing, Seen::Nothing];
        let twice = [Act::Read(card(1)), Act::Read(card(1))];
        assert_eq!(done([seen(1)].into_iter().chain(away).chain([seen(1)])), twice);
    }

    #[test]
    fn the_next_card_is_read_at_once() {
        assert_eq!(done([seen(1), seen(2)]), [Act::Read(card(1)), Act::Read(card(2))]);
    }

    #[test]
    fn of_two_cards_none_is_read_until_the_reader_was_empty() {
        let two = || Seen::Refused(Refusal::Several);
        let refused = Act::Refuse(Refusal::Several);
        assert_eq!(done([two(), seen(1), seen(2), two(), Seen::Refused(Refusal::Random)]), [refused]);
        let emptied = [two(), seen(1), Seen::Nothing, Seen::Nothing, Seen::Nothing, seen(1)];
        assert_eq!(done(emptied), [Act::Refuse(Refusal::Several), Act::Read(card(1))]);
        assert_eq!(done([seen(1), two()]), [Act::Read(card(1)), Act::Refuse(Refusal::Several)]);
    }

    #[test]
    fn a_phone_is_turned_away_once_and_a_card_after_it_is_read() {
        let random = || Seen::Refused(Refusal::Random);
        assert_eq!(done([random(), random(), seen(1)]), [Act::Refuse(Refusal::Random), Act::Read(card(1))]);
    }

    #[test]
    fn a_phone_that_falls_asleep_after_its_reading_is_not_turned_away() {
        let asleep = Seen::Refused(Refusal::NoApplication);
        assert_eq!(done([Seen::Card(phone()), asleep, Seen::Unclear]), [Act::Read(phone())]);
    }

    #[test]
    fn a_card_that_cannot_be_read_is_told_after_a_second() {
        let looks = acts(std::iter::repeat_n(Seen::Unclear, 20));
        assert_eq!(looks[4], Act::Refuse(Refusal::Unclear));
        assert_eq!(looks.iter().filter(|act| **act != Act::Nothing).count(), 1);
        assert_eq!(done([Seen::Unclear, seen(1)]), [Act::Read(card(1))]);
    }
}
