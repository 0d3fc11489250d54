//! Frames: eight bytes of header and the data; over TCP eight more in front (facts/terminals.md A.1).

use super::bytes::{u16_at, u32_at};
use super::checksum::checksum;

/// The first four bytes of every TCP frame.
pub const MAGIC: [u8; 4] = [0x50, 0x50, 0x82, 0x7d];
/// Header bytes of a packet.
pub const HEADER: usize = 8;
/// No frame of a real device is near this; a larger length means that the stream is broken.
pub const LARGEST: usize = 1024 * 1024;

/// One packet, as it is in a datagram or behind the top of a TCP frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Command or reply code.
    pub command: u16,
    /// Session id; also event code, block index or state.
    pub session: u16,
    /// Which request it belongs to.
    pub reply: u16,
    /// What follows the header.
    pub data: Vec<u8>,
    /// Whether the checksum was right. A wrong one is counted, not refused (A.2).
    pub sound: bool,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The stream is broken: reconnect, do not search.
    #[error("the stream does not begin with the frame mark")]
    NoMark,
    /// Shorter than a header or longer than any frame.
    #[error("a frame of {0} bytes")]
    Length(usize),
}

/// A packet's bytes, with its checksum, without the TCP top.
pub fn encode(command: u16, session: u16, reply: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + data.len());
    for word in [command, 0, session, reply] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(data);
    let sum = checksum(&bytes).to_le_bytes();
    for (to, from) in bytes.iter_mut().skip(2).zip(sum) {
        *to = from;
    }
    bytes
}

/// The same with the TCP top.
pub fn with_top(packet: &[u8]) -> Vec<u8> {
    // A packet that we build is far below 4 GiB.
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    [&MAGIC[..], &length.to_le_bytes(), packet].concat()
}

/// Reads one packet, all of the bytes being its own.
pub fn decode(bytes: &[u8]) -> Result<Packet, FrameError> {
    let (Some(command), Some(sum), Some(session), Some(reply), Some(data)) =
        (u16_at(bytes, 0), u16_at(bytes, 2), u16_at(bytes, 4), u16_at(bytes, 6), bytes.get(HEADER..))
    else {
        return Err(FrameError::Length(bytes.len()));
    };
    if bytes.len() > LARGEST {
        return Err(FrameError::Length(bytes.len()));
    }
    Ok(Packet { command, session, reply, data: data.to_vec(), sound: sum == checksum(bytes) })
}

/// Puts packets together from a byte stream, however it is cut: by the length field alone.
#[derive(Debug, Default)]
pub struct Reassembly {
    bytes: Vec<u8>,
    /// How much of the front was handed out already.
    taken: usize,
}

impl Reassembly {
    /// Takes what one read gave.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Where the next read may put its bytes.
    pub fn room(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The next packet, if it is complete.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, FrameError> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        if rest.iter().zip(MAGIC).any(|(found, wanted)| *found != wanted) {
            return Err(FrameError::NoMark);
        }
        let Some(length) = u32_at(rest, MAGIC.len()) else {
            self.forget_taken();
            return Ok(None);
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(HEADER..=LARGEST).contains(&length) {
            return Err(FrameError::Length(length));
        }
        let top = MAGIC.len() + 4;
        let Some(inner) = rest.get(top..top + length) else {
            self.forget_taken();
            return Ok(None);
        };
        let packet = decode(inner)?;
        self.taken += top + length;
        Ok(Some(packet))
    }

    /// Moves what is left to the front, once a read's worth of packets was handed out.
    fn forget_taken(&mut self) {
        self.bytes.drain(..self.taken.min(self.bytes.len()));
        self.taken = 0;
    }
}
