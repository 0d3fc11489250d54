//! Punches as they happen: events of many sizes, one or several in a packet (facts/terminals.md A.11).

use jiff::civil::DateTime;

use super::bytes::{field, looks_like_id, u8_at, u16_at, u32_at, until_nul};
use super::time::{civil_of_six, six_of_civil};

/// One punch of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LivePunch<'a> {
    /// Who.
    pub id: LiveId<'a>,
    /// How the person proved who they are.
    pub verify: u8,
    /// In or out.
    pub state: u8,
    /// When, by the terminal's clock.
    pub time: DateTime,
    /// Its bytes.
    pub raw: &'a [u8],
}

/// What names the person in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveId<'a> {
    /// A number.
    Number(u32),
    /// A user id as text.
    Text(&'a [u8]),
}

/// An event that cannot be read; the log still has the punch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of {0} bytes fits no known layout")]
pub struct EventError(pub usize);

#[derive(Clone, Copy)]
enum IdForm {
    Two,
    Four,
    Text,
}

/// The layouts, by size; of those that a packet's length allows, the first that makes sense throughout is taken.
const LAYOUTS: [(usize, IdForm); 7] = [
    (52, IdForm::Text),
    (37, IdForm::Text),
    (36, IdForm::Text),
    (32, IdForm::Text),
    (14, IdForm::Two),
    (12, IdForm::Four),
    (10, IdForm::Two),
];

/// Reads all punches of one event's data.
pub fn decode_punches(data: &[u8]) -> Result<Vec<LivePunch<'_>>, EventError> {
    let alone = LAYOUTS.iter().filter(|(size, _)| data.len() == *size);
    let several = LAYOUTS.iter().filter(|(size, _)| data.len() > *size && data.len().is_multiple_of(*size));
    for (size, form) in alone.chain(several) {
        let punches: Option<Vec<_>> = data.chunks_exact(*size).map(|one| decode_one(one, *form)).collect();
        if let Some(punches) = punches.filter(|punches| !punches.is_empty()) {
            return Ok(punches);
        }
    }
    // "52 and more": one punch with a tail that nobody knows.
    match decode_one(data, IdForm::Text) {
        Some(punch) if data.len() > 52 => Ok(vec![punch]),
        _ => Err(EventError(data.len())),
    }
}

fn decode_one(raw: &[u8], form: IdForm) -> Option<LivePunch<'_>> {
    let (id, rest) = match form {
        IdForm::Two => (LiveId::Number(u16_at(raw, 0)?.into()), 2),
        IdForm::Four => (LiveId::Number(u32_at(raw, 0)?), 4),
        IdForm::Text => {
            let text = raw.get(..24)?;
            // A real field is NULs behind the id; the rest of a wrong layout is not.
            let clean = looks_like_id(text) && text.iter().skip_while(|b| **b != 0).all(|b| *b == 0);
            (LiveId::Text(clean.then(|| until_nul(text))?), 24)
        }
    };
    if id == LiveId::Number(0) {
        return None;
    }
    let time = civil_of_six(raw.get(rest + 2..)?.first_chunk()?)?;
    Some(LivePunch { id, verify: u8_at(raw, rest)?, state: u8_at(raw, rest + 1)?, time, raw })
}

/// Writes an event's data of this size, as a terminal does; nothing if there is no such layout or the id does not fit it.
pub fn encode_punch(size: usize, user_id: &str, verify: u8, state: u8, time: DateTime) -> Option<Vec<u8>> {
    let mut data = match size {
        10 | 14 => user_id.parse::<u16>().ok()?.to_le_bytes().to_vec(),
        12 => user_id.parse::<u32>().ok()?.to_le_bytes().to_vec(),
        32 | 36 | 37 | 52.. => field::<24>(user_id.as_bytes()).to_vec(),
        _ => return None,
    };
    data.extend([verify, state]);
    data.extend(six_of_civil(time)?);
    data.resize(size, 0);
    Some(data)
}
