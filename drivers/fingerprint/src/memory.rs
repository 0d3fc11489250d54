//! What is kept of modules between two runs: the cursor. It says who is who among modules, and which finger a slot is.

use std::collections::BTreeMap;

use punchd_contract::{Cursor, FingerModule, FingerName};
use serde::{Deserialize, Serialize};

use crate::light::Light;

/// So many modules are remembered, so that names are valid again when an old one returns; with full libraries they fit into a
/// cursor.
const MOST_MODULES: usize = 3;
/// An index has four pages of 256 slots (facts/readers.md C.1).
pub const MOST_SLOTS: u16 = 1024;

/// The modules that were seen at this place, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    modules: Vec<Known>,
}

impl Memory {
    /// From the cursor; one that cannot be read is as good as none.
    pub fn of(cursor: Option<&Cursor>) -> Self {
        cursor.and_then(|cursor| serde_json::from_str(&cursor.0).ok()).unwrap_or_default()
    }

    /// With this module in front, as a cursor.
    pub fn cursor_with(&self, known: &Known) -> Cursor {
        let others = self.modules.iter().filter(|other| other.id != known.id).cloned();
        let modules = std::iter::once(known.clone()).chain(others).take(MOST_MODULES).collect();
        // Plain data with text keys always serialises.
        Cursor(serde_json::to_string(&Self { modules }).unwrap_or_default())
    }

    /// The one that was here last.
    pub fn last(&self) -> Option<&Known> {
        self.modules.first()
    }

    /// All of them.
    pub fn modules(&self) -> &[Known] {
        &self.modules
    }
}

/// What is known of one module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    /// What tells it from others: from its notepad, or made when it was met.
    pub id: String,
    /// Whether the id stands in its notepad.
    pub notepad: bool,
    /// As its parameters say.
    pub system: u16,
    /// Slots of its library.
    pub capacity: u16,
    /// It does not tell its parameters: the capacity was found out.
    pub untold: bool,
    /// Model, hardware and serial number, where it says them.
    pub product: Option<ProductName>,
    /// The newest generation of which a name may have been given.
    pub generation: u32,
    /// Fingers that were stored through punchd: slot and generation.
    pub ours: BTreeMap<u16, u32>,
    /// Fingers that were in it already.
    pub foreign: BTreeMap<u16, u32>,
    /// Whether it came in the place of another whose fingers were used, and nobody has been enrolled in it since.
    pub replaces: bool,
    /// Bytes of its templates; 0: it gives none away. `None`: not known yet.
    pub template: Option<usize>,
    /// What light it has. `None`: not known yet.
    pub light: Option<Light>,
    /// Whether it has the fast search. `None`: not known yet.
    pub fast_search: Option<bool>,
    /// What has to be taken off the page of a hit. `None`: not known yet.
    pub shift: Option<i32>,
    /// A stored finger by which a module without a notepad is known again.
    pub witness: Option<Witness>,
}

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductName {
    /// Such as `R503-1.2`.
    pub model: String,
    /// Often the same in all of a model.
    pub serial: String,
}

/// A slot and a sum of the bytes in it, from which no template can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Which.
    pub slot: u16,
    /// Of its template.
    pub sum: u64,
}

impl Witness {
    /// For what is in the slot.
    pub fn of(slot: u16, template: &[u8]) -> Self {
        let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        Self { slot, sum: template.iter().fold(0xCBF2_9CE4_8422_2325, mix) }
    }
}

impl Known {
    fn name_of(&self, slot: u16, generation: u32) -> FingerName {
        FingerName(format!("{}-{slot}-{generation}", self.id))
    }

    /// What the finger in a slot is called.
    pub fn name(&self, slot: u16) -> Option<FingerName> {
        let generation = self.ours.get(&slot).or_else(|| self.foreign.get(&slot))?;
        Some(self.name_of(slot, *generation))
    }

    /// Where the finger of this name is.
    pub fn slot(&self, name: &FingerName) -> Option<u16> {
        self.ours.keys().chain(self.foreign.keys()).copied().find(|slot| self.name(*slot).as_ref() == Some(name))
    }

    /// Whether a name was given to a finger of this module, now or before.
    pub fn gave(&self, name: &FingerName) -> bool {
        name.0.strip_prefix(self.id.as_str()).is_some_and(|rest| rest.starts_with('-'))
    }

    /// The slots that have names.
    pub fn slots(&self) -> impl Iterator<Item = u16> {
        self.ours.keys().chain(self.foreign.keys()).copied()
    }

    /// The lowest slot that is empty.
    pub fn free(&self) -> Option<u16> {
        (0..self.searched()).find(|slot| !self.ours.contains_key(slot) && !self.foreign.contains_key(slot))
    }

    /// How many slots are searched.
    pub fn searched(&self) -> u16 {
        self.capacity.min(MOST_SLOTS)
    }

    /// Forgets what was in a slot.
    pub fn forget(&mut self, slot: u16) {
        self.ours.remove(&slot);
        self.foreign.remove(&slot);
        self.witness = self.witness.filter(|witness| witness.slot != slot);
    }

    /// What has to be equal for a template to fit: what it calls itself where it does, its system, its library, the length.
    pub fn model(&self) -> String {
        let product = self.product.as_ref().map_or("EF01", |product| product.model.as_str());
        let template = self.template.unwrap_or(0);
        format!("{product}/{:04X}/{}/{template}", self.system, self.capacity)
    }

    /// What the agent is told that it holds.
    pub fn holds(&self) -> FingerModule {
        let names = |slots: &BTreeMap<u16, u32>| {
            slots.iter().map(|(slot, generation)| self.name_of(*slot, *generation)).collect()
        };
        FingerModule {
            module: self.id.clone(),
            model: self.model(),
            capacity: u32::from(self.capacity),
            fingers: names(&self.ours),
            foreign: names(&self.foreign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_full_modules_fit_into_a_cursor() {
        let full: BTreeMap<u16, u32> = (0..MOST_SLOTS).map(|slot| (slot, u32::MAX)).collect();
        let mut memory = Memory::default();
        let mut cursor = Cursor(String::new());
        for id in ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", "dddddddddddd"] {
            let known = Known { id: id.into(), ours: full.clone(), ..Known::default() };
            cursor = memory.cursor_with(&known);
            memory = Memory::of(Some(&cursor));
        }
        assert!(cursor.0.len() < 64 << 10, "{}", cursor.0.len());
        let ids: Vec<_> = memory.modules().iter().map(|known| known.id.as_str()).collect();
        assert_eq!(ids, ["dddddddddddd", "cccccccccccc", "bbbbbbbbbbbb"]);
    }

    #[test]
    fn a_name_is_found_again_and_not_taken_for_that_of_another_generation() {
        let known = Known { id: "0a".into(), ours: [(7, 3)].into(), foreign: [(8, 4)].into(), ..Known::default() };
        let name = known.name(7).unwrap();
        assert_eq!((name.0.as_str(), known.slot(&name)), ("0a-7-3", Some(7)));
        assert_eq!(known.slot(&FingerName("0a-7-2".into())), None);
        assert!(known.gave(&FingerName("0a-7-2".into())) && !known.gave(&FingerName("0ab-7-3".into())));
    }

    #[test]
    fn a_cursor_of_another_time_is_read_as_far_as_it_goes() {
        let memory = Memory::of(Some(&Cursor("{\"modules\":[{\"id\":\"x\",\"later\":1}]}".into())));
        assert_eq!(memory.last().map(|known| known.id.as_str()), Some("x"));
        assert_eq!(Memory::of(Some(&Cursor("nonsense".into()))), Memory::default());
    }
}
