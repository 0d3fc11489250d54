//! One decoder over what a reader sends, whatever it was set to.

use std::time::Duration;

use punchd_contract::TextInTime;
use punchd_contract::text_in_time::{Text, Told};

use super::gm65::{Answers, Sorted};
use super::lines::Lines;
use super::rdm6300::Frames;

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A line of text, whole, without its terminator.
    Line(Text),
    /// A part of a line that was cut: nobody's.
    Part(Text),
    /// A card whose check was right.
    Card([u8; 5]),
    /// The scanner's answer to a command.
    Acknowledged,
    /// A frame that was spoilt on its way: half of one, a wrong check, no end. What was between its marks.
    Broken(Vec<u8>),
}

impl From<Told> for Heard {
    fn from(told: Told) -> Self {
        match told {
            Told::Whole(text) => Self::Line(text),
            Told::Part(text) => Self::Part(text),
        }
    }
}

/// Bytes and the times at which they arrived in, what they say out. Holds at most one line.
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
        /// When something arrived last.
        last: Duration,
    },
    /// Frames of an LF reader.
    Rdm6300(Frames),
}

impl Decoder {
    /// For lines of text.
    pub fn text(lines: Lines) -> Self {
        Self::Text(lines)
    }

    /// For a scanner that also answers commands; after `idle` without a byte, what looks like the beginning of an answer is none.
    pub fn answering(lines: Lines, idle: Duration) -> Self {
        Self::Answering { lines, answers: Answers::default(), idle, last: Duration::ZERO }
    }

    /// For an RDM6300 or ID-12.
    pub fn rdm6300() -> Self {
        Self::Rdm6300(Frames::default())
    }

    /// Takes what arrived at this time, in any pieces.
    pub fn push(&mut self, bytes: &[u8], at: Duration, heard: &mut Vec<Heard>) {
        self.pass(at, heard);
        for byte in bytes {
            match self {
                Self::Text(lines) => lines.push(*byte, at, heard),
                Self::Rdm6300(frames) => heard.extend(frames.push(*byte)),
                Self::Answering { lines, answers, last, .. } => {
                    *last = at;
                    answers.push(*byte, |sorted| sort(sorted, at, lines, heard));
                }
            }
        }
    }

    /// When silence means something, if nothing arrives before; `None`: none does.
    pub fn due(&self) -> Option<Duration> {
        match self {
            Self::Text(lines) => lines.due(),
            Self::Answering { answers, idle, last, .. } if answers.holds() => Some(*last + *idle),
            Self::Answering { lines, .. } => lines.due(),
            Self::Rdm6300(_) => None,
        }
    }

    /// Time has passed and nothing arrived.
    pub fn pass(&mut self, now: Duration, heard: &mut Vec<Heard>) {
        match self {
            Self::Answering { lines, answers, idle, last } => {
                if answers.holds() && now >= *last + *idle {
                    answers.quiet(|sorted| sort(sorted, *last, lines, heard));
                }
                lines.pass(now, heard);
            }
            Self::Text(lines) => lines.pass(now, heard),
            Self::Rdm6300(_) => {}
        }
    }

    /// The line was lost; where the other end may go on in the middle of a text, its tail is nobody's.
    pub fn broken(&mut self, goes_on: bool, heard: &mut Vec<Heard>) {
        match self {
            Self::Text(lines) => lines.broken(goes_on, heard),
            Self::Answering { lines, answers, .. } => {
                *answers = Answers::default();
                lines.broken(goes_on, heard);
            }
            Self::Rdm6300(frames) => *frames = Frames::default(),
        }
    }

    /// The line was opened in the middle of a text: something is held before anybody listened.
    pub fn begun_unheard(&mut self, at: Duration) {
        match self {
            Self::Text(lines) | Self::Answering { lines, .. } => lines.begun_unheard(at),
            Self::Rdm6300(_) => {}
        }
    }
}

fn sort(sorted: Sorted, at: Duration, lines: &mut Lines, heard: &mut Vec<Heard>) {
    match sorted {
        Sorted::Byte(byte) => lines.push(byte, at, heard),
        Sorted::Answer(_) => heard.push(Heard::Acknowledged),
    }
}

/// Runs what tells of texts and takes over what it told.
pub(super) fn tell(texts: &mut TextInTime, heard: &mut Vec<Heard>, run: impl FnOnce(&mut TextInTime, &mut Vec<Told>)) {
    let mut told = Vec::new();
    run(texts, &mut told);
    heard.extend(told.into_iter().map(Heard::from));
}
