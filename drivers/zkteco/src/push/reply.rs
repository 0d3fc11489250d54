//! One request as the dialects see it, and what it is answered.

use std::net::IpAddr;

use bytes::Bytes;
use jiff::Timestamp;
use punchd_contract::{NotRecorded, SerialNumber};

use super::protocol::path::Door;
use super::protocol::query::Query;

/// One request of a terminal that may talk to us.
#[derive(Debug)]
pub struct Ask {
    /// Where it knocks; `None` where there is no such door.
    pub door: Option<Door>,
    /// Its path as sent.
    pub path: String,
    /// What it wants.
    pub verb: Verb,
    /// What stands in its address.
    pub query: Query,
    /// What it brings.
    pub body: Bytes,
    /// Whether it said how long the body is.
    pub has_length: bool,
    /// Who asks.
    pub peer: IpAddr,
}

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET.
    Get,
    /// POST, or PUT, which some firmware uses for it.
    Post,
    /// Anything else.
    Other,
}

impl Ask {
    /// What it calls itself, if that could be a serial number.
    pub fn serial(&self) -> Option<SerialNumber> {
        SerialNumber::new(self.query.get("SN")?.trim()).ok()
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Plain text, kept short (facts/terminals.md B.1).
    pub body: Vec<u8>,
    /// The `Date` header; it sets the terminal's clock, so only a time that is trusted may stand there.
    pub date: Option<Timestamp>,
}

impl Reply {
    /// Taken, or done.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), date: None }
    }

    /// `OK: n`; the terminal forgets its copy.
    pub fn taken(lines: usize) -> Self {
        Self::ok(format!("OK: {lines}"))
    }

    /// Anything but 200: the terminal keeps what it sent.
    pub fn refused(status: u16, why: &str) -> Self {
        Self { status, body: why.into(), date: None }
    }

    /// The disk did not take it; the terminal sends it again.
    pub fn not_recorded(error: &NotRecorded) -> Self {
        Self::refused(503, &format!("not recorded: {error}"))
    }
}
