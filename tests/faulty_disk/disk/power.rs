//! What is on the disk when the power comes back.
//!
//! Unsynced writes may have reached the disk in any order and in part, in units of a sector. For sectors that do not overlap,
//! every order and every tear is the same as keeping any subset of the sectors, so that is what is chosen; sectors that do overlap
//! stay in their order, because a page cache holds one copy of them. Where a file grew over sectors that were not kept, the hole
//! holds zeros or rubbish.

use std::sync::Arc;

use super::model::{Change, Disk, Inode, State};

const SECTOR: usize = 512;

/// What of the unsynced writes is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Nothing,
    Everything,
    /// A choice that this number stands for.
    Some(u64),
}

impl Disk {
    /// The disk after its power was cut now. This one stays as it is, so that one cut can be looked at in several ways.
    pub fn after_power_cut(&self, kept: Kept) -> Arc<Disk> {
        let state = self.lock();
        let mut choice = Choice::new(kept);
        let mut names = state.durable_names.clone();
        // Changes of one name keep their order; how far each name got is open.
        let mut stuck = Vec::new();
        for (name, inode) in &state.pending_names {
            if stuck.contains(&name) || !choice.keeps() {
                stuck.push(name);
                continue;
            }
            match inode {
                Some(inode) => names.insert(name.clone(), *inode),
                None => names.remove(name),
            };
        }
        let mut after = State { last_number: state.last_number, ..State::default() };
        for number in names.values() {
            let content = content(&state.inodes[number], &mut choice);
            after.inodes.insert(*number, Inode { now: content.clone(), durable: content, ..Inode::default() });
        }
        (after.names, after.durable_names) = (names.clone(), names);
        Disk::with(after)
    }
}

fn content(file: &Inode, choice: &mut Choice) -> Vec<u8> {
    let mut content = file.durable.clone();
    for change in &file.pending {
        match change {
            Change::Truncate(_) if choice.keeps() => change.apply(&mut content),
            Change::Truncate(_) => {}
            Change::Write { at, bytes } => {
                let mut from = *at;
                for sector in sectors(*at, bytes) {
                    if choice.keeps() {
                        choice.fill(&mut content, from);
                        Change::Write { at: from, bytes: sector.to_vec() }.apply(&mut content);
                    }
                    from += sector.len();
                }
            }
        }
    }
    content
}

/// The parts of a write, cut where sectors of the disk begin.
fn sectors(at: usize, mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut first = SECTOR - at % SECTOR;
    while !bytes.is_empty() {
        let (part, rest) = bytes.split_at(first.min(bytes.len()));
        parts.push(part);
        (bytes, first) = (rest, SECTOR);
    }
    parts
}

struct Choice {
    kept: Kept,
    random: fastrand::Rng,
    /// Of 256: how likely a sector is kept; differs from cut to cut, so that nearly all and nearly none happen, too.
    likely: u8,
}

impl Choice {
    fn new(kept: Kept) -> Self {
        let mut random = fastrand::Rng::with_seed(if let Kept::Some(seed) = kept { seed } else { 0 });
        let likely = random.u8(20..=250);
        Self { kept, random, likely }
    }

    fn keeps(&mut self) -> bool {
        match self.kept {
            Kept::Nothing => false,
            Kept::Everything => true,
            Kept::Some(_) => self.random.u8(..) < self.likely,
        }
    }

    fn fill(&mut self, content: &mut Vec<u8>, until: usize) {
        if content.len() < until {
            let rubbish = if self.random.bool() { 0 } else { 0xA5 };
            content.resize(until, rubbish);
        }
    }
}
