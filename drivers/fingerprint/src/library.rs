//! Which slots a module's library has, and which of them are used: by the commands for that, and by others where a model lacks them.
//!
//! An R308 is silent to `ReadSysPara` and does everything else (pyfingerprint #44, FPM #15). What the size of its library is, it tells
//! by what it says of slots: beyond the end that there is none, before it that the slot is empty or not.

use std::collections::BTreeSet;

use crate::memory::MOST_SLOTS;
use crate::protocol::{Ask, Code, slots_of};
use crate::session::{PATIENCE, Session};
use crate::trouble::Trouble;

/// Slots on one page of the index.
const INDEX_PAGE: u16 = 256;
/// Slots that every model has (the smallest known library holds 100).
const LEAST: u16 = 100;
/// What is said where it does not become known.
const WHICH: &str = "which slots are used";

/// How a module tells which slots are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Index {
    /// By its index.
    #[default]
    Table,
    /// Slot by slot: it has no index.
    Slots,
}

/// How many slots there are, of a module that does not say; the least of all models where it cannot be found out either.
pub async fn capacity(session: &mut Session) -> Result<u16, Trouble> {
    let (mut there, mut beyond) = (0, MOST_SLOTS);
    if !is_beyond(session, MOST_SLOTS - 1).await? || is_beyond(session, 0).await? {
        return Ok(LEAST);
    }
    while beyond - there > 1 {
        let middle = there + (beyond - there) / 2;
        if is_beyond(session, middle).await? { beyond = middle } else { there = middle }
    }
    Ok(beyond.max(LEAST))
}

async fn is_beyond(session: &mut Session, page: u16) -> Result<bool, Trouble> {
    let answer = session.ask_or_silence(Ask::LoadChar { buffer: 1, page }, PATIENCE).await?;
    Ok(answer.is_some_and(|answer| answer.code == Code::BadPage))
}

/// The slots that are used, and how that was told. Slots that are known are looked at first.
pub async fn used(
    session: &mut Session,
    capacity: u16,
    known: &BTreeSet<u16>,
) -> Result<(BTreeSet<u16>, Index), Trouble> {
    let pages = u8::try_from(capacity.div_ceil(INDEX_PAGE)).unwrap_or(4).min(4);
    let mut used = BTreeSet::new();
    for page in 0..pages {
        match session.ask_or_silence(Ask::ReadIndexTable { page }, PATIENCE).await? {
            Some(answer) if answer.code == Code::Ok => used.extend(slots_of(page, &answer.params)),
            Some(answer) if answer.code == Code::BadPage && page > 0 => break,
            _ if page == 0 => return Ok((slot_by_slot(session, capacity, known).await?, Index::Slots)),
            answer => return Err(Trouble::Mute { what: WHICH, code: answer.map(|answer| answer.code) }),
        }
    }
    Ok((used, Index::Table))
}

async fn slot_by_slot(session: &mut Session, capacity: u16, known: &BTreeSet<u16>) -> Result<BTreeSet<u16>, Trouble> {
    let count = session.probe(Ask::TempleteNum).await?;
    let count = count.and_then(|answer| Some(u16::from_be_bytes(answer.params.try_into().ok()?)));
    let others = (0..capacity.min(MOST_SLOTS)).filter(|slot| !known.contains(slot));
    let mut used = BTreeSet::new();
    for slot in known.iter().copied().chain(others) {
        if count.is_some_and(|count| used.len() >= usize::from(count)) {
            break;
        }
        if holds_by_loading(session, 1, slot).await? {
            used.insert(slot);
        }
    }
    Ok(used)
}

/// Whether a slot is used. The first buffer stays as it is.
pub async fn holds(session: &mut Session, index: Index, slot: u16) -> Result<bool, Trouble> {
    if index == Index::Slots {
        return holds_by_loading(session, 2, slot).await;
    }
    let page = u8::try_from(slot / INDEX_PAGE).unwrap_or(u8::MAX);
    match session.ask_or_silence(Ask::ReadIndexTable { page }, PATIENCE).await? {
        Some(answer) if answer.code == Code::Ok => Ok(slots_of(page, &answer.params).contains(&slot)),
        answer => Err(Trouble::Mute { what: WHICH, code: answer.map(|answer| answer.code) }),
    }
}

/// Anything but "it is there", "it is empty" and "there is no such slot" tells nothing: a finger must not be forgotten for that.
async fn holds_by_loading(session: &mut Session, buffer: u8, page: u16) -> Result<bool, Trouble> {
    match session.ask_or_silence(Ask::LoadChar { buffer, page }, PATIENCE).await?.map(|answer| answer.code) {
        Some(Code::Ok) => Ok(true),
        Some(Code::ReadTemplateFailed | Code::TemplateEmpty | Code::BadPage) => Ok(false),
        code => Err(Trouble::Mute { what: WHICH, code }),
    }
}
