//! The module at the line: which one it is, what it holds, what it can.
//!
//! # Who is who
//!
//! A slot is not a person, and a module is not a place: whoever is in slot 7 of one module is not in slot 7 of the next. So every
//! stored finger has a name, `<module>-<slot>-<generation>`, that is never given twice:
//!
//! * The module's id is random and stands in its notepad (op 18/19) with the newest generation of which a name may have been given.
//!   The generation goes up, in the notepad first, before a name is given. So a cursor that was lost costs names, and makes none
//!   that was given before.
//! * A module without a notepad has its id in the cursor alone, and a lost cursor means a new id. It is known again by its
//!   parameters, by what it says of itself, and by a witness: the sum of one stored template, read again at each start. Where it
//!   gives no template away, half of its slots must be those that are known. Of two such modules of one model with the same slots
//!   in use, the second passes for the first: such modules should not be exchanged between gates.
//! * Slots that the cursor knows and the index shows are ours. Slots that only the index shows are foreign: named, too, so that
//!   somebody can map them. Slots that the index no longer shows are dropped, and that is told.
//! * A module that is not the last one is told as such. Names of the other are not used for it; when that comes back, they hold again.
//!
//! The name of a finger is committed before its first reading is submitted. What another program changes in a slot between two of
//! our looks (it deletes a finger and stores another in its place) cannot be seen, as no module tells it.

use std::collections::BTreeSet;

use punchd_contract::{Alert, Batch, Health, Port, Text};

use crate::alerts::{exchanged, vanished};
use crate::library::{self, Index};
use crate::light::Light;
use crate::memory::{Known, Memory, ProductName, Witness};
use crate::notes::{self, Notes};
use crate::protocol::{Ask, Code, Hit, Label, Product};
use crate::session::{Answer, PATIENCE, Session, Upload};
use crate::settings::Settings;
use crate::trouble::Trouble;

/// How many stored fingers show how far the pages of hits are off.
const PROOFS: usize = 3;

/// A module, known.
#[derive(Debug)]
pub struct Module<'a> {
    /// The way to the agent.
    pub port: &'a Port,
    /// How it is reached.
    pub settings: &'a Settings,
    /// The conversation.
    pub session: Session,
    /// What is known of it.
    pub known: Known,
    memory: Memory,
    index: Index,
}

/// By what modules are told apart that have no notepad.
#[derive(Clone, Copy, Debug)]
struct Looks {
    system: u16,
    capacity: u16,
    /// It does not tell its parameters.
    untold: bool,
}

impl<'a> Module<'a> {
    /// Greets the module, finds out which it is and what it holds, and commits that.
    pub async fn meet(port: &'a Port, settings: &'a Settings, session: Session) -> Result<Self, Trouble> {
        let memory = Memory::of(port.cursor().await.as_ref());
        let mut module = Self { port, settings, session, known: Known::default(), memory, index: Index::default() };
        module.look_who_it_is().await?;
        Ok(module)
    }

    /// The same once more, after it was silent: another may be there now.
    pub async fn look_who_it_is(&mut self) -> Result<(), Trouble> {
        self.memory = Memory::of(self.port.cursor().await.as_ref());
        let told = self.memory.last().is_some_and(|last| !last.untold);
        let parameters = self.session.greet(self.settings.password.reveal(), told).await?;
        if parameters.is_some_and(|parameters| parameters.capacity == 0) {
            return Err(Trouble::Mute { what: "how many fingers it holds", code: None });
        }
        let product = self.session.probe(Ask::ReadProductInfo).await?;
        let product = product.and_then(|answer| Product::parse(&answer.params));
        let mut looks = match (parameters, product.as_ref().map(|product| product.capacity)) {
            (Some(parameters), _) => Looks { system: parameters.system, capacity: parameters.capacity, untold: false },
            (None, Some(capacity)) if capacity > 0 => Looks { system: 0, capacity, untold: true },
            (None, _) => Looks { system: 0, capacity: library::capacity(&mut self.session).await?, untold: true },
        };
        let known = self.memory.last().map(|last| last.slots().collect()).unwrap_or_default();
        let (used, index) = library::used(&mut self.session, looks.capacity, &known).await?;
        self.index = index;
        if looks.untold {
            looks.capacity = used.last().map_or(looks.capacity, |last| looks.capacity.max(last + 1));
        }
        let product = product.map(|product| ProductName {
            model: format!("{}-{}.{}", product.model, product.hardware.0, product.hardware.1),
            serial: product.serial,
        });
        let mut alerts = Vec::new();
        self.recognise(looks, product, &used, &mut alerts).await?;
        self.compare(&used, &mut alerts).await?;
        self.find_out(&used, &alerts).await?;
        self.commit(alerts).await
    }

    /// Whether a slot is used.
    pub async fn holds(&mut self, slot: u16) -> Result<bool, Trouble> {
        library::holds(&mut self.session, self.index, slot).await
    }

    async fn recognise(
        &mut self,
        looks: Looks,
        product: Option<ProductName>,
        used: &BTreeSet<u16>,
        alerts: &mut Vec<Alert>,
    ) -> Result<(), Trouble> {
        let mut notes = notes::read(&mut self.session).await?;
        if notes == Notes::None && self.memory.last().is_some_and(|last| last.notepad) {
            // A disturbed line must not make another module of this one.
            notes = notes::read(&mut self.session).await?;
        }
        let fresh = Label { id: notes::new_id(), generation: 0 };
        if notes == Notes::Blank {
            notes = if notes::write(&mut self.session, fresh).await? { Notes::Label(fresh) } else { Notes::None };
        }
        let last = self.memory.last().cloned();
        let before = match notes {
            Notes::Label(label) => {
                let id = label.id_text();
                self.memory.modules().iter().find(|known| known.notepad && known.id == id).cloned()
            }
            _ => self.known_by_looks(looks, product.as_ref(), used).await?,
        };
        let returned = before.is_some();
        let mut known = before.unwrap_or_else(|| match notes {
            Notes::Label(label) => Known { id: label.id_text(), notepad: true, ..Known::default() },
            _ => Known { id: fresh.id_text(), ..Known::default() },
        });
        if let Notes::Label(label) = notes {
            known.generation = known.generation.max(label.generation);
        }
        (known.system, known.capacity, known.untold) = (looks.system, looks.capacity, looks.untold);
        known.product = product.or(known.product);
        if let Some(last) = last.filter(|last| last.id != known.id) {
            known.replaces = !returned && !last.ours.is_empty();
            alerts.push(exchanged(&last, &known, returned));
        }
        self.known = known;
        Ok(())
    }

    /// A module without a notepad, known by everything else.
    async fn known_by_looks(
        &mut self,
        looks: Looks,
        product: Option<&ProductName>,
        used: &BTreeSet<u16>,
    ) -> Result<Option<Known>, Trouble> {
        let alike: Vec<Known> = self
            .memory
            .modules()
            .iter()
            .filter(|known| {
                // A capacity that was only found out grows with the fingers.
                let alike = known.untold == looks.untold && known.system == looks.system;
                !known.notepad && alike && (looks.untold || known.capacity == looks.capacity)
            })
            .filter(|known| product.is_none() || known.product.is_none() || known.product.as_ref() == product)
            .cloned()
            .collect();
        for known in alike {
            let witness = known.witness.filter(|witness| used.contains(&witness.slot));
            let same = match witness {
                Some(witness) => {
                    let template = self.template_of(witness.slot).await?;
                    template.is_some_and(|template| Witness::of(witness.slot, &template) == witness)
                }
                None => {
                    let (names, there) =
                        (known.slots().count(), known.slots().filter(|slot| used.contains(slot)).count());
                    there * 2 >= names && (there > 0 || names == 0)
                }
            };
            if same {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }

    /// What is known against what the index shows.
    async fn compare(&mut self, used: &BTreeSet<u16>, alerts: &mut Vec<Alert>) -> Result<(), Trouble> {
        let gone: Vec<u16> = self.known.slots().filter(|slot| !used.contains(slot)).collect();
        if !gone.is_empty() {
            let names = gone.iter().filter_map(|slot| self.known.name(*slot)).map(|name| name.0).take(10);
            alerts.push(vanished(gone.len(), &names.collect::<Vec<_>>().join(", ")));
        }
        for slot in gone {
            self.known.forget(slot);
        }
        let known: BTreeSet<u16> = self.known.slots().collect();
        let new: Vec<u16> = used.iter().copied().filter(|slot| !known.contains(slot)).collect();
        if !new.is_empty() {
            let generation = self.next_generation().await?;
            self.known.foreign.extend(new.into_iter().map(|slot| (slot, generation)));
        }
        Ok(())
    }

    /// A generation of which no name was given, noted in the module before it is used.
    pub async fn next_generation(&mut self) -> Result<u32, Trouble> {
        let generation = self.known.generation.saturating_add(1);
        if self.known.notepad {
            let label = Label::from_text(&self.known.id, generation);
            let noted = match label {
                Some(label) => notes::write(&mut self.session, label).await?,
                None => false,
            };
            if !noted {
                return Err(Trouble::Memory);
            }
        }
        self.known.generation = generation;
        Ok(generation)
    }

    /// What it can, as far as that is not known yet: asked once, remembered.
    async fn find_out(&mut self, used: &BTreeSet<u16>, alerts: &[Alert]) -> Result<(), Trouble> {
        if self.known.light.is_none() {
            self.known.light = Some(Light::find(&mut self.session, self.known.product.is_some()).await?);
        }
        if self.known.shift.is_none() {
            self.learn_shift(used.iter().copied()).await?;
        }
        if self.known.template.is_none() {
            if let Some(slot) = used.first() {
                self.session.code_or_silence(Ask::LoadChar { buffer: 1, page: *slot }).await?;
            }
            match self.session.upload(1).await? {
                Upload::Template(template) => self.known.template = Some(template.len()),
                Upload::Refused => {}
                Upload::Endless => {
                    // Remembered at once, because what follows may have to begin anew.
                    self.known.template = Some(0);
                    self.commit(alerts.to_vec()).await?;
                }
            }
        }
        self.choose_witness().await
    }

    /// Some models tell hits one page off (facts/readers.md C.2). How far is learned only by proof: a stored finger, looked for.
    pub async fn learn_shift(&mut self, stored: impl Iterator<Item = u16>) -> Result<(), Trouble> {
        let mut off = Vec::new();
        for slot in stored.take(PROOFS) {
            match self.session.code_or_silence(Ask::LoadChar { buffer: 1, page: slot }).await? {
                Some(Code::Ok) => {}
                Some(_) => continue,
                None => break,
            }
            if let Ok((hit, _)) = self.search(1).await? {
                off.push(i32::from(hit.page) - i32::from(slot));
            }
        }
        let agreed = off.first().copied().filter(|first| off.iter().all(|one| one == first) && first.abs() <= 1);
        // One finger that is stored twice is found in the other slot: that is no proof of anything.
        self.known.shift = if off.is_empty() { None } else { Some(agreed.unwrap_or(0)) };
        Ok(())
    }

    /// Looks for the finger in a buffer. A finger, or what the module says instead.
    pub async fn search(&mut self, buffer: u8) -> Result<Result<(Hit, Answer), Code>, Trouble> {
        let (start, count) = (0, self.known.searched());
        if self.known.fast_search != Some(false) {
            let ask = Ask::HighSpeedSearch { buffer, start, count };
            let answer = match self.known.fast_search {
                Some(_) => Some(self.session.ask(ask).await?),
                None => self.fast_search_is_there(ask).await?,
            };
            if let Some(answer) = answer {
                return Ok(found(answer));
            }
        }
        Ok(found(self.session.ask(Ask::Search { buffer, start, count }).await?))
    }

    /// The first fast search: its answer, unless the model does not have it.
    async fn fast_search_is_there(&mut self, ask: Ask) -> Result<Option<Answer>, Trouble> {
        let answer = self.session.ask_or_silence(ask, PATIENCE).await?;
        let there = answer.filter(|answer| matches!(answer.code, Code::Ok | Code::NotFound | Code::LibraryEmpty));
        self.known.fast_search = Some(there.is_some());
        Ok(there)
    }

    /// The slot that a hit means.
    pub fn slot_of(&self, hit: Hit) -> Option<u16> {
        u16::try_from(i32::from(hit.page) - self.shift_of(hit).unwrap_or(0)).ok()
    }

    /// How far the page of a hit is off. Where that could not be learned, because the model loads no stored finger, the hit itself may
    /// tell: what is found is in a slot that is used. `None`: it may be one as well as the other.
    pub fn shift_of(&self, hit: Hit) -> Option<i32> {
        if self.known.shift.is_some() {
            return self.known.shift;
        }
        let used = |shift: i32| self.known.slots().any(|slot| i32::from(slot) == i32::from(hit.page) - shift);
        match (used(0), used(1)) {
            (true, false) => Some(0),
            (false, true) => Some(1),
            _ => None,
        }
    }

    /// The template in a slot, read twice alike; `None` where the module does not give it away whole.
    pub async fn template_of(&mut self, slot: u16) -> Result<Option<Vec<u8>>, Trouble> {
        if self.known.template == Some(0)
            || self.session.code_or_silence(Ask::LoadChar { buffer: 1, page: slot }).await? != Some(Code::Ok)
        {
            return Ok(None);
        }
        self.template_in(1).await
    }

    /// The template in a buffer, read twice alike.
    pub async fn template_in(&mut self, buffer: u8) -> Result<Option<Vec<u8>>, Trouble> {
        let mut before = None;
        for _ in 0..3 {
            let Upload::Template(template) = self.session.upload(buffer).await? else { return Ok(None) };
            if !template.is_empty() && before.as_ref() == Some(&template) {
                return Ok(Some(template));
            }
            before = Some(template);
        }
        Ok(None)
    }

    /// One stored finger by which it will be known again, where its notepad cannot tell.
    pub async fn choose_witness(&mut self) -> Result<(), Trouble> {
        if self.known.notepad || self.known.witness.is_some() {
            return Ok(());
        }
        if let Some(slot) = self.known.slots().min() {
            self.known.witness = self.template_of(slot).await?.map(|template| Witness::of(slot, &template));
        }
        Ok(())
    }

    /// Commits what is known, with these alerts.
    pub async fn commit(&mut self, alerts: Vec<Alert>) -> Result<(), Trouble> {
        self.port.submit(self.as_known(alerts)).await?;
        Ok(())
    }

    /// What is known, as it is committed.
    pub fn as_known(&self, alerts: Vec<Alert>) -> Batch {
        let cursor = Some(self.memory.cursor_with(&self.known));
        Batch { cursor, alerts, fingers: Some(self.known.holds()), ..Batch::default() }
    }

    /// How it is while it works.
    pub fn health(&self) -> Health {
        let place = &self.settings.place;
        let (ours, foreign) = (self.known.ours.len(), self.known.foreign.len());
        if self.known.replaces {
            return Health::warning(Text::new(
                format!(
                    "another fingerprint module than before is at {place}: enrol the people in it, or put the old one back; its {foreign} stored fingers are unknown until they are mapped"
                ),
                format!(
                    "{place} 处换了另一块指纹模块：请在其上重新登记人员，或换回原模块；其中已有的 {foreign} 枚指纹在关联人员前均视为未知"
                ),
            ));
        }
        Health::working(Text::new(
            format!(
                "reading fingers at {place}: {ours} enrolled, {foreign} from elsewhere, {} slots",
                self.known.capacity
            ),
            format!("正在 {place} 读取指纹：已登记 {ours} 枚，外来 {foreign} 枚，共 {} 个存储位", self.known.capacity),
        ))
    }
}

fn found(answer: Answer) -> Result<(Hit, Answer), Code> {
    match (answer.code, Hit::parse(&answer.params)) {
        (Code::Ok, Some(hit)) => Ok((hit, answer)),
        (code, _) => Err(code),
    }
}
