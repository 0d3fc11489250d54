//! One session with a terminal: a request and its answer, whatever else arrives meanwhile.
//!
//! Answers are told by their reply id: a late answer to an earlier request is dropped, an event is put aside and lost to
//! nobody. Leaving is always said, even when the driver is stopped in the middle (facts/terminals.md A.3).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::protocol::bulk::{self, Gathering, Table, announced, contents, slices};
use super::protocol::code::{ACK_OK, Ask, Reply};
use super::protocol::comm_key::CommKey;
use super::protocol::frame::{Packet, encode};
use super::protocol::sizes::Sizes;
use super::protocol::time::RawTime;
use super::transport::{Link, Wire};
use super::trouble::Trouble;

/// Events put aside while an answer is awaited. More than these are dropped and noted: the log still has them.
const EVENTS: usize = 4096;
/// A table that takes longer than this is not coming: the slowest known terminals need a second for 1000 records.
const TABLE_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// How often a slice is asked for before the read is given up.
const SLICE_TRIES: u32 = 3;

/// An open session.
#[derive(Debug)]
pub struct Session {
    link: Link,
    id: u16,
    reply: u16,
    limit: Duration,
    events: VecDeque<Packet>,
    events_dropped: bool,
    ended: bool,
}

impl Session {
    /// Connects and, where the terminal wants it, proves the comm key.
    pub async fn open(link: Link, key: Option<CommKey>, limit: Duration) -> Result<Self, Trouble> {
        let mut session =
            Self { link, id: 0, reply: u16::MAX, limit, events: VecDeque::new(), events_dropped: false, ended: true };
        let silent = match session.link.wire() {
            Wire::Tcp => Trouble::Busy,
            Wire::Udp => Trouble::Unreachable,
        };
        let answer = match session.ask(Ask::Connect).await {
            Err(Trouble::NoAnswer(_)) => return Err(silent),
            answer => answer?,
        };
        session.id = answer.session;
        // From here on the terminal holds a session that must be ended.
        session.ended = false;
        match Reply::of(answer.command) {
            Reply::Ok => return Ok(session),
            Reply::Unauthorised => {}
            _ => return Err(Trouble::Rejected("CONNECT")),
        }
        let Some(key) = key else { return Err(Trouble::KeyMissing) };
        let answer = session.ask(Ask::Auth(key.scrambled(session.id))).await?;
        match Reply::of(answer.command) {
            Reply::Ok => Ok(session),
            _ => Err(Trouble::KeyWrong),
        }
    }

    /// Over what it goes.
    pub fn wire(&self) -> Wire {
        self.link.wire()
    }

    /// Asks and waits for the answer to just this.
    pub async fn ask(&mut self, ask: Ask<'_>) -> Result<Packet, Trouble> {
        let (reply, packet) = self.next_request(ask);
        self.link.send(&packet, self.limit).await?;
        let end = Instant::now() + self.limit;
        let patience = match self.link.wire() {
            Wire::Udp if ask.may_be_repeated() => self.limit / 3,
            _ => self.limit,
        };
        loop {
            let until = end.min(Instant::now() + patience);
            match timeout_at(until, self.answer_to(reply)).await {
                Ok(answer) => return answer,
                Err(_) if Instant::now() >= end => return Err(Trouble::NoAnswer(self.limit)),
                // A datagram was lost, on its way there or back.
                Err(_) => self.link.send(&packet, self.limit).await?,
            }
        }
    }

    /// Asks for something that needs only a yes.
    pub async fn ask_for_yes(&mut self, ask: Ask<'_>, what: &'static str) -> Result<(), Trouble> {
        match Reply::of(self.ask(ask).await?.command) {
            Reply::Ok => Ok(()),
            Reply::Unauthorised => Err(Trouble::KeyMissing),
            _ => Err(Trouble::Rejected(what)),
        }
    }

    /// The value of an option; nothing if this firmware does not have it.
    pub async fn option(&mut self, name: &str) -> Result<Option<String>, Trouble> {
        let answer = self.ask(Ask::ReadOption(name)).await?;
        Ok(match Reply::of(answer.command) {
            Reply::Ok | Reply::Data => {
                let text = text_of(&answer.data);
                text.split_once('=').map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
            }
            _ => None,
        })
    }

    /// The firmware's name.
    pub async fn version(&mut self) -> Result<Option<String>, Trouble> {
        let answer = self.ask(Ask::Version).await?;
        let said = matches!(Reply::of(answer.command), Reply::Ok | Reply::Data);
        Ok(said.then(|| text_of(&answer.data)).filter(|text| !text.is_empty()))
    }

    /// What it says it holds; nothing if it does not say.
    pub async fn sizes(&mut self) -> Result<Option<Sizes>, Trouble> {
        let answer = self.ask(Ask::FreeSizes).await?;
        Ok(Sizes::decode(&answer.data))
    }

    /// Its clock; nothing if it does not say.
    pub async fn clock(&mut self) -> Result<Option<RawTime>, Trouble> {
        let answer = self.ask(Ask::GetTime).await?;
        Ok(match (Reply::of(answer.command), answer.data.first_chunk()) {
            (Reply::Ok | Reply::Data, Some(time)) => Some(RawTime(u32::from_le_bytes(*time))),
            _ => None,
        })
    }

    /// Reads a whole table, without its leading length. All of it arrived, or this is an error.
    pub async fn read_table(&mut self, table: Table) -> Result<Vec<u8>, Trouble> {
        let read = async {
            let body = match self.read_buffered(table).await? {
                Some(body) => body,
                None => self.read_plain(table).await?,
            };
            Ok(contents(body)?)
        };
        timeout(TABLE_LIMIT, read).await.unwrap_or(Err(Trouble::NoAnswer(TABLE_LIMIT)))
    }

    /// The buffered read; nothing where this firmware does not have it.
    async fn read_buffered(&mut self, table: Table) -> Result<Option<Vec<u8>>, Trouble> {
        let opened = self.ask(Ask::OpenTable(table)).await?;
        let body = match Reply::of(opened.command) {
            Reply::Data | Reply::PrepareData => {
                let (reply, mut gathering) = (opened.reply, Gathering::table());
                match gathering.take(opened)? {
                    Some(body) => return Ok(Some(body)),
                    None => self.gather(reply, gathering).await?,
                }
            }
            Reply::Ok if !opened.data.is_empty() => {
                let size = announced(&opened.data)?;
                let slice = match self.link.wire() {
                    Wire::Tcp => bulk::TCP_SLICE,
                    Wire::Udp => bulk::UDP_SLICE,
                };
                let mut body = Vec::new();
                for (start, length) in slices(size, slice) {
                    body.extend(self.read_slice(start, length).await?);
                }
                body
            }
            Reply::Unauthorised => return Err(Trouble::KeyMissing),
            _ => return Ok(None),
        };
        self.ask(Ask::FreeData).await?;
        Ok(Some(body))
    }

    async fn read_slice(&mut self, start: u32, length: u32) -> Result<Vec<u8>, Trouble> {
        let mut tries = 1;
        loop {
            let (reply, packet) = self.next_request(Ask::ReadSlice { start, length });
            self.link.send(&packet, self.limit).await?;
            match self.gather(reply, Gathering::slice(length)).await {
                Err(Trouble::Transfer(_) | Trouble::NoAnswer(_)) if tries < SLICE_TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// The old read, for firmware without buffers.
    async fn read_plain(&mut self, table: Table) -> Result<Vec<u8>, Trouble> {
        let (reply, packet) = self.next_request(Ask::PlainTable(table));
        self.link.send(&packet, self.limit).await?;
        let first = timeout(self.limit, self.answer_to(reply)).await.unwrap_or(Err(Trouble::NoAnswer(self.limit)))?;
        let mut gathering = Gathering::table();
        let body = match Reply::of(first.command) {
            Reply::Data | Reply::PrepareData => match gathering.take(first)? {
                Some(body) => body,
                None => self.gather(reply, gathering).await?,
            },
            Reply::Unauthorised => return Err(Trouble::KeyMissing),
            _ => return Err(Trouble::NotHandedOver(table)),
        };
        self.ask(Ask::FreeData).await?;
        Ok(body)
    }

    /// Takes packets of this answer until it is complete; the closing acknowledgement is dropped later, by its reply id.
    async fn gather(&mut self, reply: u16, mut gathering: Gathering) -> Result<Vec<u8>, Trouble> {
        loop {
            let next = timeout(self.limit, self.answer_to(reply)).await;
            if let Some(body) = gathering.take(next.unwrap_or(Err(Trouble::NoAnswer(self.limit)))?)? {
                return Ok(body);
            }
        }
    }

    /// The next event, whenever it comes; safe to drop.
    pub async fn next_event(&mut self) -> Result<Packet, Trouble> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let packet = self.link.receive().await?;
            self.sort(packet);
        }
    }

    /// An event that has arrived already.
    pub fn waiting_event(&mut self) -> Option<Packet> {
        self.events.pop_front()
    }

    /// Whether events were dropped since this was asked last, because too many came at once.
    pub fn events_were_dropped(&mut self) -> bool {
        std::mem::take(&mut self.events_dropped)
    }

    /// Tells the terminal that an event was taken.
    pub async fn acknowledge_event(&mut self) -> Result<(), Trouble> {
        let packet = encode(ACK_OK, self.id, 0, &[]);
        self.link.send(&packet, self.limit).await
    }

    /// Says goodbye and waits shortly for the answer.
    pub async fn end(mut self) {
        // Whatever the outcome, the connection is closed next; if the goodbye failed, the terminal notices by itself.
        if timeout(GOODBYE, self.ask(Ask::Exit)).await.is_ok() {
            self.ended = true;
        }
    }

    fn next_request(&mut self, ask: Ask<'_>) -> (u16, Vec<u8>) {
        self.reply = self.reply.wrapping_add(1);
        (self.reply, encode(ask.command(), self.id, self.reply, &ask.data()))
    }

    /// The next packet that answers this request.
    async fn answer_to(&mut self, reply: u16) -> Result<Packet, Trouble> {
        loop {
            let packet = self.link.receive().await?;
            if packet.reply == reply && Reply::of(packet.command) != Reply::Event {
                self.note_checksum(&packet);
                return Ok(packet);
            }
            self.sort(packet);
        }
    }

    /// Puts an event aside; anything else is a late answer that nobody waits for any more.
    fn sort(&mut self, packet: Packet) {
        self.note_checksum(&packet);
        match Reply::of(packet.command) {
            Reply::Event if self.events.len() < EVENTS => self.events.push_back(packet),
            Reply::Event => self.events_dropped = true,
            _ => tracing::debug!(command = packet.command, reply = packet.reply, "dropped a late answer"),
        }
    }

    fn note_checksum(&self, packet: &Packet) {
        // Nobody else checks them, so that some firmware may well send wrong ones (facts/terminals.md A.2).
        if !packet.sound {
            tracing::debug!(command = packet.command, "a packet with a wrong checksum was taken");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended {
            let (_, goodbye) = self.next_request(Ask::Exit);
            self.link.send_now(&goodbye);
        }
    }
}

fn text_of(data: &[u8]) -> String {
    let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim().to_owned()
}
