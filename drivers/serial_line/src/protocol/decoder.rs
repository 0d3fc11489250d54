//! One decoder over what a reader sends, whatever it was set to.

use std::time::Duration;

use super::gm65::{Answers, Sorted};
use super::lines::{End, Lines};
use super::rdm6300::Frames;

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A line of text, without its terminator.
    Line(Vec<u8>),
    /// A card whose check was right.
    Card([u8; 5]),
    /// The scanner's answer to a command.
    Acknowledged,
    /// Something that was spoilt on its way: half a line, a wrong check, no end.
    Broken,
}

/// Bytes in, what they say out. Holds at most one line.
#[derive(Debug)]
pub enum Decoder {
    /// Lines of text.
    Text(Lines),
    /// Lines of text with the scanner's answers among them.
    Answering {
        /// What the answers are taken out of.
        lines: Lines,
        /// The answers.
        answers: Answers,
        /// After how much silence what looks like the beginning of an answer is none.
        idle: Duration,
    },
    /// Frames of an LF reader.
    Rdm6300(Frames),
}

impl Decoder {
    /// For lines that end like this.
    pub fn text(end: End, idle: Duration) -> Self {
        Self::Text(Lines::new(end, idle))
    }

    /// For a scanner that also answers commands.
    pub fn answering(end: End, idle: Duration) -> Self {
        Self::Answering { lines: Lines::new(end, idle), answers: Answers::default(), idle }
    }

    /// For an RDM6300 or ID-12.
    pub fn rdm6300() -> Self {
        Self::Rdm6300(Frames::default())
    }

    /// Takes what arrived, in any pieces.
    pub fn push(&mut self, bytes: &[u8], heard: &mut Vec<Heard>) {
        for byte in bytes {
            match self {
                Self::Text(lines) => heard.extend(lines.push(*byte)),
                Self::Rdm6300(frames) => heard.extend(frames.push(*byte)),
                Self::Answering { lines, answers, .. } => answers.push(*byte, |sorted| sort(sorted, lines, heard)),
            }
        }
    }

    /// How much silence after the last byte means something; `None`: none does.
    pub fn waits(&self) -> Option<Duration> {
        match self {
            Self::Text(lines) => lines.waits(),
            Self::Answering { answers, idle, .. } if answers.holds() => Some(*idle),
            Self::Answering { lines, .. } => lines.waits(),
            Self::Rdm6300(_) => None,
        }
    }

    /// There was as much silence as [`waits`](Self::waits) told.
    pub fn quiet(&mut self, heard: &mut Vec<Heard>) {
        match self {
            Self::Answering { lines, answers, .. } if answers.holds() => {
                answers.quiet(|sorted| sort(sorted, lines, heard));
            }
            Self::Text(lines) | Self::Answering { lines, .. } => heard.extend(lines.quiet()),
            Self::Rdm6300(_) => {}
        }
    }
}

fn sort(sorted: Sorted, lines: &mut Lines, heard: &mut Vec<Heard>) {
    match sorted {
        Sorted::Byte(byte) => heard.extend(lines.push(byte)),
        Sorted::Answer(_) => heard.push(Heard::Acknowledged),
    }
}
