//! One event as the device gave it.

use std::collections::HashMap;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::{Credential, Text};

/// One event as the device gave it; never changed afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was presented.
    pub credential: Credential,
    /// When it happened, by whose clock.
    pub happened: Happened,
    /// Whether it is a punch at all.
    pub event: Event,
    /// Why a person has to look at it before it counts, as far as the device's own evidence tells. The agent adds its own.
    pub doubt: Option<Doubt>,
    /// What else the same event names, such as the card beside the user id. Who is credited, `credential` tells; but where the people list
    /// gives this to somebody else, the reading is held.
    pub also: Option<Credential>,
    /// How it came to us.
    pub origin: Origin,
    /// How the person proved who they are, where the device says so.
    pub method: Method,
    /// In or out, where the device says so.
    pub direction: Direction,
    /// What makes a terminal's record the same record when it comes again. `None` for local readers, which say
    /// everything once.
    pub key: Option<RecordKey>,
    /// How the reader writes what it reads: its technology and number format, at most 40 characters, such as `iso14443a` or
    /// `8H10D`. One card is told differently by different readers (facts/readers.md B.3).
    pub profile: Option<String>,
    /// The bytes as they came (a record, a line), at most 4 KiB; the part of the evidence that no parser has touched.
    pub raw: Vec<u8>,
}

impl Reading {
    /// Something presented at a local reader just now.
    pub fn now(credential: Credential, method: Method, profile: impl Into<String>, raw: impl Into<Vec<u8>>) -> Self {
        Self {
            credential,
            happened: Happened::Now,
            event: Event::Punch,
            doubt: None,
            also: None,
            origin: Origin::Live,
            method,
            direction: Direction::Unsaid,
            key: None,
            profile: Some(profile.into()),
            raw: raw.into(),
        }
    }
}

/// When a reading happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Happened {
    /// By the terminal's own clock: local civil time to the second. The agent applies the device's zone.
    ByTerminal(DateTime),
    /// The same, where the record itself or its place in the terminal's log tells how far that clock is ahead of UTC.
    ByTerminalAt(DateTime, Offset),
    /// The terminal gave a date that does not exist (31 February, month 13): kept and held for a person.
    Impossible,
    /// Just now at a local reader, which has no clock: the agent stamps it when it is submitted.
    Now,
}

impl Happened {
    /// What the terminal's clock showed, where it is a date.
    pub fn civil(self) -> Option<DateTime> {
        match self {
            Self::ByTerminal(civil) | Self::ByTerminalAt(civil, _) => Some(civil),
            Self::Impossible | Self::Now => None,
        }
    }
}

/// What happened at the device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Somebody presented themselves and was let through.
    #[default]
    Punch,
    /// Something else that bears a name and a time, such as a refusal at a door: kept and shown, and no punch.
    NoPunch {
        /// The device's number for it.
        code: u16,
        /// What that number means.
        text: Text,
    },
}

/// Why a person has to look at a reading before it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "doubt", rename_all = "snake_case")]
pub enum Doubt {
    /// It is dated earlier than a record that the terminal wrote before it.
    Behind {
        /// That record's date.
        than: DateTime,
    },
    /// It is dated later than records that the terminal wrote after it.
    Ahead {
        /// The date of the first of them.
        than: DateTime,
    },
    /// It is dated later than the terminal's own clock showed when it handed the record over.
    AfterClock {
        /// What the clock showed.
        clock: DateTime,
    },
    /// In the hour that the end of summer time repeats, and nothing tells which pass.
    RepeatedHour,
    /// In the hour that the beginning of summer time leaves out: no clock of the zone shows it.
    SkippedHour,
    /// The terminal was in touch all the time since, and handed it over so much later.
    Late {
        /// Seconds.
        by_s: u32,
    },
    /// Anything else, in words: what is doubtful and what to look at.
    Said {
        /// The words.
        text: Text,
    },
}

/// How a reading came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// As it happened.
    Live,
    /// In a read of the terminal's log.
    Log,
    /// In answer to a question for a past period.
    Backfill,
}

/// How the person proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A typed password or PIN.
    Password,
    /// A finger.
    Finger,
    /// A card.
    Card,
    /// A face.
    Face,
    /// A palm.
    Palm,
    /// A QR code.
    Code,
    /// Came near with a badge: the weakest evidence, a badge can be carried for somebody (facts/readers.md D.1).
    Proximity,
    /// Several of these.
    Several,
    /// A number whose meaning the protocol's facts do not give; kept as it came.
    Other(u16),
    /// The device does not say.
    Unsaid,
}

/// Which way the person went, as the device says. WeCom has no field for it; it is kept for people to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Came.
    In,
    /// Went.
    Out,
    /// Went on a break.
    BreakOut,
    /// Came back from a break.
    BreakIn,
    /// Began overtime.
    OvertimeIn,
    /// Ended overtime.
    OvertimeOut,
    /// A number whose meaning is not given.
    Other(u16),
    /// The device does not say.
    Unsaid,
}

impl Direction {
    /// The attendance state of a ZKTeco-family record (facts/terminals.md A.10, B.7).
    pub fn from_state(state: u16) -> Self {
        match state {
            0 => Self::In,
            1 => Self::Out,
            2 => Self::BreakOut,
            3 => Self::BreakIn,
            4 => Self::OvertimeIn,
            5 => Self::OvertimeOut,
            255 => Self::Unsaid,
            other => Self::Other(other),
        }
    }
}

/// What makes a terminal's record the same record when it comes again: its content, and which one of several with the same
/// content it is. A terminal has no record id (facts/terminals.md A.10).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    content: String,
    occurrence: u32,
}

impl RecordKey {
    /// `content` must be built from what the record itself carries, and from the terminal's serial number: nothing that can
    /// change between two reads of the same record (such as the user list). `occurrence` counts from 1.
    pub fn new(content: impl Into<String>, occurrence: u32) -> Self {
        Self { content: content.into(), occurrence }
    }

    /// The content part.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// Which one of those with this content, from 1.
    pub fn occurrence(&self) -> u32 {
        self.occurrence
    }
}

/// Counts identical contents over one whole read of a log, so that the n-th gets occurrence n whichever way it came first.
#[derive(Debug, Default)]
pub struct Occurrences {
    seen: HashMap<String, u32>,
}

impl Occurrences {
    /// An empty count, for the start of a read.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key of the next record with this content.
    pub fn key(&mut self, content: String) -> RecordKey {
        let count = self.seen.entry(content.clone()).or_insert(0);
        *count = count.saturating_add(1);
        RecordKey { content, occurrence: *count }
    }
}
