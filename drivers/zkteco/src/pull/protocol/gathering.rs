//! The packets that answer one request for a table or a slice, put together: whole, or not at all (facts/terminals.md A.7).
//!
//! A stream keeps order, so that a closing word before the last byte means that something is missing. Datagrams overtake each other,
//! come twice or not at all: the closing word is no end before the announced bytes are there, a block that came already is dropped,
//! and the blocks are put in the order of the index that they carry. Where they carry none, [`Gathered::sure_of_order`] says so, and
//! whoever reads has to read twice.

use super::bulk::{BulkError, LARGEST};
use super::bytes::u32_at;
use super::code::Reply;
use super::frame::Packet;

/// Gathers the packets that answer one request for a table or a slice.
#[derive(Debug)]
pub struct Gathering {
    datagrams: bool,
    /// The bytes that must come; unknown until announced.
    wanted: Option<u32>,
    /// Block index and bytes, as they came.
    pieces: Vec<(u16, Vec<u8>)>,
    received: usize,
}

/// All bytes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Gathered {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether their order is proven: by the stream, by the index of the blocks, or because there was but one block.
    pub sure_of_order: bool,
}

impl Gathering {
    /// For a slice, whose size the request has named.
    pub fn slice(length: u32, datagrams: bool) -> Self {
        Self { datagrams, wanted: Some(length), pieces: Vec::new(), received: 0 }
    }

    /// For a whole table, whose size the terminal will say.
    pub fn table(datagrams: bool) -> Self {
        Self { datagrams, wanted: None, pieces: Vec::new(), received: 0 }
    }

    /// Takes the next packet of the answer; gives the bytes once they are complete.
    pub fn take(&mut self, packet: Packet) -> Result<Option<Gathered>, BulkError> {
        match Reply::of(packet.command) {
            Reply::PrepareData => {
                let size = u32_at(&packet.data, 0).ok_or(BulkError::Announcement)?;
                match self.wanted {
                    Some(wanted) if wanted != size => {
                        return Err(BulkError::Incomplete { announced: size, received: self.received });
                    }
                    _ if size > LARGEST => return Err(BulkError::TooLarge(size)),
                    _ => self.wanted = Some(size),
                }
            }
            // A block of nothing would let a transfer go on for ever.
            Reply::Data if packet.data.is_empty() && self.wanted.is_some_and(|wanted| wanted > 0) => {
                return Err(BulkError::BrokenOff);
            }
            Reply::Data => self.add(packet.session, packet.data)?,
            // What it closes may still be on its way; if it is not, nothing more comes and the wait has an end.
            Reply::Ok if self.datagrams => {}
            Reply::Ok => return Err(self.incomplete()),
            _ => return Err(BulkError::BrokenOff),
        }
        let Some(wanted) = self.wanted else { return Ok(None) };
        match self.received.cmp(&usize::try_from(wanted).unwrap_or(usize::MAX)) {
            std::cmp::Ordering::Less => Ok(None),
            std::cmp::Ordering::Equal => Ok(Some(self.joined()?)),
            std::cmp::Ordering::Greater => Err(self.incomplete()),
        }
    }

    fn add(&mut self, index: u16, data: Vec<u8>) -> Result<(), BulkError> {
        if self.datagrams && self.pieces.iter().any(|(known, piece)| *known == index && *piece == data) {
            return Ok(());
        }
        self.received += data.len();
        if self.received > LARGEST as usize {
            return Err(self.incomplete());
        }
        // Without an announcement, one DATA packet is all there is; among datagrams only if it says so itself, because the
        // announcement may come behind it.
        let alone = u32_at(&data, 0).is_some_and(|inside| usize::try_from(inside).ok() == data.len().checked_sub(4));
        if self.wanted.is_none() && self.pieces.is_empty() && (!self.datagrams || alone) {
            self.wanted = Some(u32::try_from(self.received).unwrap_or(u32::MAX));
        }
        self.pieces.push((index, data));
        Ok(())
    }

    /// The bytes, of datagrams in the order of their block index.
    fn joined(&mut self) -> Result<Gathered, BulkError> {
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut sure_of_order = !self.datagrams || pieces.len() < 2;
        if !sure_of_order && pieces.iter().any(|(index, _)| Some(*index) != pieces.first().map(|(first, _)| *first)) {
            pieces.sort_by_key(|(index, _)| *index);
            let counts = pieces.windows(2).all(|two| matches!(two, [(a, _), (b, _)] if a.checked_add(1) == Some(*b)));
            if !counts {
                // As many bytes as announced, and a hole among them: not what the terminal sent.
                return Err(self.incomplete());
            }
            sure_of_order = true;
        }
        let mut bytes = Vec::with_capacity(self.received);
        for (_, piece) in pieces {
            bytes.extend(piece);
        }
        Ok(Gathered { bytes, sure_of_order })
    }

    fn incomplete(&self) -> BulkError {
        BulkError::Incomplete { announced: self.wanted.unwrap_or(0), received: self.received }
    }
}

#[cfg(test)]
mod tests;
