//! What real terminals do that the protocol does not say: questions without an answer, refusals, counts that stand still, datagrams in
//! another order, a log that is none.

use super::super::protocol::bulk::Table;
use super::super::protocol::frame::Packet;

/// What is odd about a terminal; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Oddities {
    /// What it leaves without an answer.
    pub silent: Vec<Asked>,
    /// What it refuses, and with which code.
    pub refuses: Vec<(Asked, u16)>,
    /// Its count of records stands at this, whatever happens.
    pub count_stands_at: Option<u32>,
    /// Whether it agrees to tell of punches and tells of none.
    pub tells_nothing: bool,
    /// Whether its records leave the user id empty and name the row alone.
    pub names_rows: bool,
    /// Sent instead of its log.
    pub log_body: Option<Vec<u8>>,
    /// What becomes of the datagrams that it sends.
    pub datagrams: Datagrams,
}

/// A question, as far as firmware tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// This command, whatever it carries.
    Command(u16),
    /// The buffered read of this table.
    Buffered(Table),
}

/// What becomes of the datagrams of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// Of a hundred, so many are lost.
    pub lost: u8,
    /// Of a hundred, so many come twice.
    pub twice: u8,
    /// Whether those of one answer come in any order.
    pub shuffled: bool,
    /// Whether the blocks of a transfer carry no index.
    pub without_index: bool,
}

impl Asked {
    fn is(self, packet: &Packet) -> bool {
        match self {
            Self::Command(command) => packet.command == command,
            Self::Buffered(table) => {
                packet.command == 1503 && packet.data.get(1..3) == Some(&table.command().to_le_bytes())
            }
        }
    }
}

impl Oddities {
    /// Whether this gets no answer.
    pub(super) fn ignores(&self, packet: &Packet) -> bool {
        self.silent.iter().any(|asked| asked.is(packet))
    }

    /// The code with which this is refused.
    pub(super) fn refuses(&self, packet: &Packet) -> Option<u16> {
        self.refuses.iter().find(|(asked, _)| asked.is(packet)).map(|(_, code)| *code)
    }
}

impl Datagrams {
    /// The datagrams of one answer as they arrive.
    pub(super) fn arrive(self, sent: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut arriving = Vec::with_capacity(sent.len());
        for datagram in sent {
            if fastrand::u8(..100) < self.lost {
                continue;
            }
            if fastrand::u8(..100) < self.twice {
                arriving.push(datagram.clone());
            }
            arriving.push(datagram);
        }
        if self.shuffled {
            fastrand::shuffle(&mut arriving);
        }
        arriving
    }
}
