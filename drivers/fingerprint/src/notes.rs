//! A module's notepad: where the id by which it is told from others stands, twice, so that a power cut in a write leaves one.

use std::hash::{BuildHasher, Hasher};

use crate::protocol::{Ask, Code, Label, NOTEPAD_BYTES};
use crate::session::{PATIENCE, Session};
use crate::trouble::Trouble;

/// The last two of 16: other programs begin with the first.
const PAGES: [u8; 2] = [15, 14];
/// How often one is written before the memory counts as broken.
const TRIES: usize = 2;

/// What stands in the notepad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// This module was labelled before.
    Label(Label),
    /// Nothing; it can be labelled.
    Blank,
    /// It has none, or another program uses it.
    None,
}

/// Reads it.
pub async fn read(session: &mut Session) -> Result<Notes, Trouble> {
    let mut newest: Option<Label> = None;
    for page in PAGES {
        let Some(answer) = session.probe(Ask::ReadNotepad { page }).await? else { return Ok(Notes::None) };
        let Ok(content) = <[u8; NOTEPAD_BYTES]>::try_from(answer.params) else { return Ok(Notes::None) };
        match Label::parse(&content) {
            // Both pages are of one module; the first that was written is the newer one.
            Some(label) => newest = newest.filter(|other| other.generation >= label.generation).or(Some(label)),
            None if Label::is_free(&content) => {}
            None if newest.is_none() => return Ok(Notes::None),
            None => {}
        }
    }
    Ok(newest.map_or(Notes::Blank, Notes::Label))
}

/// Writes it, one page after the other, and reads each again: `false` where it does not keep what is written.
pub async fn write(session: &mut Session, label: Label) -> Result<bool, Trouble> {
    for page in PAGES {
        let mut kept = false;
        for _ in 0..TRIES {
            let code = session.code_or_silence(Ask::WriteNotepad { page, content: label.page() }).await?;
            let read = session.ask_or_silence(Ask::ReadNotepad { page }, PATIENCE).await?;
            kept = code == Some(Code::Ok) && read.is_some_and(|read| read.params == label.page());
            if kept {
                break;
            }
        }
        if !kept {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An id that no other module has: from the system's randomness, with which hash tables are seeded.
pub fn new_id() -> [u8; 6] {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u64(fastrand::u64(..));
    let [a, b, c, d, e, f, ..] = hasher.finish().to_be_bytes();
    [a, b, c, d, e, f]
}
