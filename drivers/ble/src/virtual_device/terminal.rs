//! A terminal in memory that sends `user N` lines over Nordic UART and understands the answers that are written by default.

use punchd_contract::Tone;

use super::VirtualAir;
use crate::protocol::address::Address;
use crate::protocol::uuid::NUS;

/// How much one notification and one write carry without a larger MTU (facts/readers.md D.2).
const ROOM: usize = 20;

/// A terminal that people present something to.
#[derive(Debug)]
pub struct VirtualTerminal {
    air: VirtualAir,
    address: Address,
    line: Vec<u8>,
    presented: usize,
    answers: Vec<u8>,
}

impl VirtualTerminal {
    /// Its address.
    pub const ADDRESS: Address = Address([0xC0, 0x11, 0x22, 0x33, 0x44, 0x55]);

    /// In range of this adapter.
    pub fn near(air: &VirtualAir) -> Self {
        air.add(Self::ADDRESS, "Virtual gate", NUS, ROOM);
        Self { air: air.clone(), address: Self::ADDRESS, line: Vec::new(), presented: 0, answers: Vec::new() }
    }

    /// Somebody presents what this user is known by.
    pub fn present(&mut self, user_id: &str) {
        self.line = format!("user {user_id}\n").into_bytes();
        self.presented += 1;
        self.air.notify(self.address, &self.line);
    }

    /// The last line is sent once more.
    pub fn repeat(&self) {
        self.air.notify(self.address, &self.line);
    }

    /// Bytes that are none of its lines.
    pub fn noise(&self) {
        self.air.notify(self.address, &[0xFF, 0x00, b'\n', 0x80, b'u', b's', 0xFE, b'\r', 0xC3]);
    }

    /// Half of a line, and the link breaks.
    pub fn cut(&self) {
        self.air.notify(self.address, b"user 9");
        self.air.disconnect(self.address);
    }

    /// How often something was presented.
    pub fn presented(&self) -> usize {
        self.presented
    }

    /// What it showed last, of the answers that are written by default.
    pub fn shown(&mut self) -> Option<Tone> {
        self.answers.extend(self.air.written(self.address).0);
        let end = self.answers.iter().rposition(|byte| *byte == b'\n')?;
        let lines: Vec<u8> = self.answers.drain(..=end).collect();
        let text = String::from_utf8_lossy(&lines);
        let word = text.lines().last()?.split(' ').next()?;
        match word {
            "OK" => Some(Tone::Accepted),
            "ALREADY" => Some(Tone::Already),
            "UNKNOWN" => Some(Tone::Unknown),
            "REFUSED" => Some(Tone::Refused),
            "ERROR" => Some(Tone::OutOfOrder),
            _ => None,
        }
    }
}
