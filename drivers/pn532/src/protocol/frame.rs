//! Frames on the line, in both directions (facts/readers.md A.1).
//!
//! The decoder takes a stream: what came before a frame, between two frames and in the middle of a broken one is skipped, so that one read
//! is never taken for one frame (A.7).

use std::collections::VecDeque;

/// Marks what the host says.
const TO_CHIP: u8 = 0xD4;
/// Marks what the chip says.
const TO_HOST: u8 = 0xD5;
/// Stands alone in the frame with which the chip says that it did not understand.
const ERROR: u8 = 0x7F;

/// The most that follows the mark: a command code and 265 bytes.
pub const LONGEST_MESSAGE: usize = 266;
/// The longest frame, from the start code to the checksum.
const LONGEST_FRAME: usize = 8 + 1 + LONGEST_MESSAGE + 1;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Taken. From the host, while a command runs: give it up.
    Ack,
    /// From the host: say the last answer again.
    Nack,
    /// From the chip: this is no command, or its data are wrong.
    NotUnderstood,
    /// From the host: command code and data.
    Command(Vec<u8>),
    /// From the chip: the command's code and one, and data.
    Answer(Vec<u8>),
}

impl Frame {
    /// The bytes. A message longer than [`LONGEST_MESSAGE`] is cut: nothing takes longer ones.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ack => vec![0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00],
            Self::Nack => vec![0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00],
            Self::NotUnderstood => vec![0x00, 0x00, 0xFF, 0x01, 0xFF, ERROR, 0x81, 0x00],
            Self::Command(message) => information(TO_CHIP, message),
            Self::Answer(message) => information(TO_HOST, message),
        }
    }
}

fn information(mark: u8, message: &[u8]) -> Vec<u8> {
    let message = message.get(..LONGEST_MESSAGE).unwrap_or(message);
    let length = message.len() + 1;
    let mut frame = vec![0x00, 0x00, 0xFF];
    match u8::try_from(length) {
        Ok(length) => frame.extend([length, length.wrapping_neg()]),
        Err(_) => {
            let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            frame.extend([0xFF, 0xFF, high, low, high.wrapping_add(low).wrapping_neg()]);
        }
    }
    frame.push(mark);
    frame.extend_from_slice(message);
    frame.extend([sum(message).wrapping_add(mark).wrapping_neg(), 0x00]);
    frame
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// Finds the frames in a stream of bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What may still become a frame: with every frame taken, no more than the longest one.
    waiting: VecDeque<u8>,
    /// Bytes that belonged to no frame, since the start.
    skipped: u64,
}

/// What stands at the beginning of the waiting bytes.
enum Start {
    /// A whole frame of so many bytes.
    Frame(Frame, usize),
    /// Perhaps a frame; the rest is missing.
    Incomplete,
    /// Nothing.
    Noise,
}

impl Decoder {
    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend(bytes);
    }

    /// The next whole frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            match start(self.waiting.make_contiguous()) {
                Start::Frame(frame, length) => {
                    self.waiting.drain(..length.min(self.waiting.len()));
                    return Some(frame);
                }
                Start::Incomplete => return None,
                Start::Noise => {
                    // Pre- and postambles are zeros, as many as one likes, and no noise.
                    let byte = self.waiting.pop_front();
                    self.skipped = self.skipped.saturating_add(u64::from(byte.is_some_and(|byte| byte != 0)));
                }
            }
        }
    }

    /// Forgets the beginning of a frame whose rest will not come.
    pub fn reset(&mut self) {
        self.skipped = self.skipped.saturating_add(self.waiting.iter().filter(|byte| **byte != 0).count() as u64);
        self.waiting.clear();
    }

    /// How many bytes wait for the rest of their frame.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes belonged to no frame. Tells a line on which something else speaks from a silent one.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// Reads what begins with the start code `00 FF`; a leading 00 before it is not demanded.
fn start(bytes: &[u8]) -> Start {
    match bytes {
        [0x00, 0xFF, 0x00, 0xFF, ..] => Start::Frame(Frame::Ack, 4),
        [0x00, 0xFF, 0xFF, 0x00, ..] => Start::Frame(Frame::Nack, 4),
        [0x00, 0xFF, 0xFF, 0xFF, high, low, check, rest @ ..] => {
            let right = high.wrapping_add(*low).wrapping_add(*check) == 0;
            body(rest, usize::from(u16::from_be_bytes([*high, *low])), right, 7)
        }
        [0x00, 0xFF, 0xFF, 0xFF, ..] => Start::Incomplete,
        [0x00, 0xFF, length, check, rest @ ..] => body(rest, usize::from(*length), length.wrapping_add(*check) == 0, 4),
        [] | [0x00] | [0x00, 0xFF] | [0x00, 0xFF, _] => Start::Incomplete,
        _ => Start::Noise,
    }
}

/// The mark, the message and the checksum, behind a header of so many bytes.
fn body(rest: &[u8], length: usize, header_right: bool, header: usize) -> Start {
    // Bounded before anything waits: a header of noise must not hold up what follows it for long.
    if !header_right || length == 0 || header + length + 1 > LONGEST_FRAME {
        return Start::Noise;
    }
    let Some((content, [check, ..])) = rest.split_at_checked(length) else { return Start::Incomplete };
    if sum(content).wrapping_add(*check) != 0 {
        return Start::Noise;
    }
    let whole = header + length + 1;
    match content {
        [ERROR] => Start::Frame(Frame::NotUnderstood, whole),
        [TO_CHIP, message @ ..] => Start::Frame(Frame::Command(message.to_vec()), whole),
        [TO_HOST, message @ ..] => Start::Frame(Frame::Answer(message.to_vec()), whole),
        _ => Start::Noise,
    }
}
