//! One session with a terminal: a request and its answer, whatever else arrives meanwhile.
//!
//! Answers are told by their reply id: a late answer to an earlier request is dropped, an event is put aside and lost to
//! nobody. A question that is not answered is one question less, not the end ([`silence`](super::silence)). Leaving is always said, even when the driver is stopped in the middle (facts/terminals.md A.3).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::protocol::code::{ACK_OK, Ask, Reply};
use super::protocol::comm_key::CommKey;
use super::protocol::frame::{Packet, encode};
use super::protocol::sizes::Sizes;
use super::protocol::time::RawTime;
use super::silence::{Question, Silences};
use super::transport::{Link, Wire};
use super::trouble::Trouble;

/// Events put aside while an answer is awaited. More than these are dropped and noted: the log still has them.
const EVENTS: usize = 4096;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// An open session.
#[derive(Debug)]
pub struct Session {
    pub(super) link: Link,
    id: u16,
    reply: u16,
    pub(super) limit: Duration,
    pub(super) silences: Silences,
    events: VecDeque<Packet>,
    events_dropped: bool,
    ended: bool,
}

impl Session {
    /// Connects and, where the terminal wants it, proves the comm key.
    pub async fn open(link: Link, key: Option<CommKey>, limit: Duration, silences: Silences) -> Result<Self, Trouble> {
        silences.begin();
        let mut session = Self {
            link,
            id: 0,
            reply: u16::MAX,
            limit,
            silences,
            events: VecDeque::new(),
            events_dropped: false,
            ended: true,
        };
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

    /// Asks something that may stay unanswered; nothing if it does, or did lately.
    pub async fn ask_aside(&mut self, question: Question, ask: Ask<'_>) -> Result<Option<Packet>, Trouble> {
        if !self.silences.worth_asking(question) {
            return Ok(None);
        }
        match self.ask(ask).await {
            Ok(answer) => {
                self.silences.answered(question);
                Ok(Some(answer))
            }
            Err(trouble) => self.may_be_silent(question, trouble).map(|()| None),
        }
    }

    /// Goes on after a question without an answer, as long as the terminal may still be there.
    pub(super) fn may_be_silent(&mut self, question: Question, trouble: Trouble) -> Result<(), Trouble> {
        match trouble {
            Trouble::NoAnswer(_) if self.silences.unanswered(question) => {
                tracing::info!(?question, "no answer; going on without");
                Ok(())
            }
            trouble => Err(trouble),
        }
    }

    /// The value of an option; nothing if this firmware does not have it.
    pub async fn option(&mut self, name: &'static str) -> Result<Option<String>, Trouble> {
        let answer = self.ask_aside(Question::Option(name), Ask::ReadOption(name)).await?;
        Ok(answer.filter(|answer| matches!(Reply::of(answer.command), Reply::Ok | Reply::Data)).and_then(|answer| {
            let text = text_of(&answer.data);
            text.split_once('=').map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        }))
    }

    /// The firmware's name.
    pub async fn version(&mut self) -> Result<Option<String>, Trouble> {
        let answer = self.ask_aside(Question::Version, Ask::Version).await?;
        let said = answer.filter(|answer| matches!(Reply::of(answer.command), Reply::Ok | Reply::Data));
        Ok(said.map(|answer| text_of(&answer.data)).filter(|text| !text.is_empty()))
    }

    /// What it says it holds; nothing if it does not say.
    pub async fn sizes(&mut self) -> Result<Option<Sizes>, Trouble> {
        let answer = self.ask_aside(Question::Sizes, Ask::FreeSizes).await?;
        Ok(answer.and_then(|answer| Sizes::decode(&answer.data)))
    }

    /// Its clock; nothing if it does not say.
    pub async fn clock(&mut self) -> Result<Option<RawTime>, Trouble> {
        let answer = self.ask_aside(Question::Clock, Ask::GetTime).await?;
        let said = answer.filter(|answer| matches!(Reply::of(answer.command), Reply::Ok | Reply::Data));
        Ok(said.and_then(|answer| answer.data.first_chunk().map(|time| RawTime(u32::from_le_bytes(*time)))))
    }

    /// Asks for events from now on; tells whether it agreed.
    pub async fn register_events(&mut self) -> Result<bool, Trouble> {
        let answer = self.ask_aside(Question::Events, Ask::RegisterEvents).await?;
        Ok(answer.is_some_and(|answer| Reply::of(answer.command) == Reply::Ok))
    }

    /// What it leaves unanswered.
    pub fn left_out(&self) -> Vec<Question> {
        self.silences.left_out()
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

    pub(super) fn next_request(&mut self, ask: Ask<'_>) -> (u16, Vec<u8>) {
        self.reply = self.reply.wrapping_add(1);
        (self.reply, encode(ask.command(), self.id, self.reply, &ask.data()))
    }

    /// The next packet that answers this request.
    pub(super) async fn answer_to(&mut self, reply: u16) -> Result<Packet, Trouble> {
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
