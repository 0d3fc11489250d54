//! The field in front of the chip: what lies there, what is selected, and what a card forgets without power.

use super::cards::{Card, Shown};

/// The field.
#[derive(Debug)]
pub(super) struct Field {
    on: bool,
    cards: Vec<Lying>,
    /// The last number that a card made up.
    made_up: u32,
}

#[derive(Debug)]
struct Lying {
    card: Card,
    made_up: u32,
    state: State,
}

/// What a card remembers while it has power.
#[derive(Debug, Default)]
struct State {
    /// The number under which the chip speaks to it.
    selected: Option<u8>,
    /// Told to rest: is not found again before it has lost power, so that the card beside it is.
    rests: bool,
    application: Option<usize>,
    unlocked: bool,
}

/// How a list or a poll looks for cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Type A; with a UID, that one alone.
    A(Option<Vec<u8>>),
    B,
    Felica,
    /// Looked for, and never there: Jewel.
    None,
}

impl Field {
    pub(super) fn new() -> Self {
        Self { on: false, cards: Vec::new(), made_up: 0x1D2C_3B4A }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    pub(super) fn add(&mut self, card: Card) {
        let made_up = self.make_up();
        self.cards.push(Lying { card, made_up, state: State::default() });
    }

    pub(super) fn take(&mut self, card: &Card) {
        self.cards.retain(|lying| lying.card != *card);
    }

    pub(super) fn clear(&mut self) {
        self.cards.clear();
    }

    /// Without field the cards have no power: they forget everything, and make up new numbers.
    pub(super) fn switch(&mut self, on: bool) {
        if self.on && !on {
            for at in 0..self.cards.len() {
                let made_up = self.make_up();
                if let Some(lying) = self.cards.get_mut(at) {
                    (lying.made_up, lying.state) = (made_up, State::default());
                }
            }
        }
        self.on = on;
    }

    /// A number that differs from the last ones.
    fn make_up(&mut self) -> u32 {
        self.made_up = self.made_up.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.made_up
    }

    /// Selects up to `most` cards; how each one shows itself, by its number. A card that speaks ISO 14443-4 and is selected already hears
    /// nothing of it; every other starts anew.
    pub(super) fn select(&mut self, way: &Way, most: u8) -> Vec<(u8, Shown)> {
        self.on = true;
        let mut found = Vec::new();
        for lying in &mut self.cards {
            let shown = lying.card.shown(lying.made_up);
            let asked = match (way, &shown) {
                (Way::A(wanted), Shown::A { uid, .. }) => wanted.as_ref().is_none_or(|wanted| wanted == uid),
                (Way::B, Shown::B { .. }) | (Way::Felica, Shown::Felica { .. }) => true,
                _ => false,
            };
            if !asked || lying.state.rests || (lying.card.is_iso_dep() && lying.state.selected.is_some()) {
                continue;
            }
            let number = found.len() as u8 + 1;
            if number > most {
                break;
            }
            lying.state = State { selected: Some(number), ..State::default() };
            found.push((number, shown));
        }
        found
    }

    /// The cards are told to rest; which one, or all (0).
    pub(super) fn release(&mut self, number: u8) {
        for lying in &mut self.cards {
            if lying.state.selected.is_some_and(|selected| number == 0 || number == selected) {
                // FeliCa knows no rest.
                let rests = !matches!(lying.card, Card::Felica(_));
                lying.state = State { rests, ..State::default() };
            }
        }
    }

    /// How many are selected.
    pub(super) fn selected(&self) -> Vec<u8> {
        self.cards.iter().filter_map(|lying| lying.state.selected).collect()
    }

    /// What the selected card answers through the chip's own protocol handling: data, or the chip's error code.
    pub(super) fn exchange(&mut self, number: u8, data: &[u8]) -> Result<Vec<u8>, u8> {
        const TIMEOUT: u8 = 0x01;
        let found = self.cards.iter_mut().find(|lying| lying.state.selected == Some(number));
        let lying = found.ok_or(TIMEOUT)?;
        if lying.card.is_iso_dep() {
            return Ok(lying.card.apdu(data, &mut lying.state.application));
        }
        let answer = lying.card.memory(data, &mut lying.state.unlocked);
        if answer.is_err() {
            // A memory card that refuses goes to rest and has to be selected again (A.5).
            lying.state = State::default();
        }
        answer
    }

    /// What a selected card answers to raw bytes of the air: the commands of memory cards, RATS and blocks of ISO 14443-4.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> Result<Vec<u8>, u8> {
        const TIMEOUT: u8 = 0x01;
        let number = self.selected().first().copied().ok_or(TIMEOUT)?;
        let iso_dep = self.cards.iter().find(|lying| lying.state.selected == Some(number));
        let iso_dep = iso_dep.filter(|lying| lying.card.is_iso_dep());
        match (iso_dep, bytes) {
            (None, _) => self.exchange(number, bytes),
            (Some(lying), [0xE0, _]) => match lying.card.shown(lying.made_up) {
                Shown::A { ats: Some(ats), .. } => Ok([&[ats.len() as u8 + 1], ats].concat()),
                _ => Err(TIMEOUT),
            },
            // I-block: the answer bears the same number.
            (Some(_), [block @ (0x02 | 0x03), apdu @ ..]) => {
                Ok([&[*block][..], &self.exchange(number, apdu)?].concat())
            }
            // "Are you there?"
            (Some(_), [0xB2]) => Ok(vec![0xA2]),
            (Some(_), [0xB3]) => Ok(vec![0xA3]),
            _ => Err(TIMEOUT),
        }
    }
}
