//! Reading a whole table: by the buffered read, or by the plain command where that is refused or gets no answer.

use std::time::Duration;

use tokio::time::timeout;

use super::protocol::bulk::{self, Table, announced, contents, slices};
use super::protocol::code::{Ask, Reply};
use super::protocol::frame::Packet;
use super::protocol::gathering::{Gathered, Gathering};
use super::session::Session;
use super::silence::Question;
use super::transport::Wire;
use super::trouble::Trouble;

/// A table that takes longer than this is not coming: the slowest known terminals need a second for 1000 records.
const TABLE_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How often a transfer is asked for before the read is given up; datagrams get lost.
const TRIES: u32 = 3;

/// What one way to a table led to.
enum Way {
    /// Here it is.
    Whole(Gathered),
    /// This firmware does not have that way: it answered with this code, or not at all.
    Closed(Option<u16>),
}

impl Session {
    /// Reads a whole table, without its leading length. All of it arrived, or this is an error.
    pub async fn read_table(&mut self, table: Table) -> Result<Vec<u8>, Trouble> {
        let read = async {
            let first = self.read_once(table).await?;
            if first.sure_of_order {
                return Ok(contents(first.bytes)?);
            }
            // Datagrams overtake each other, and these blocks do not say which is which: two reads that agree are believed.
            let mut before = first.bytes;
            for _ in 1..TRIES {
                let again = self.read_once(table).await?.bytes;
                if again == before {
                    return Ok(contents(again)?);
                }
                before = again;
            }
            Err(Trouble::OutOfOrder)
        };
        timeout(TABLE_LIMIT, read).await.unwrap_or(Err(Trouble::NoAnswer(TABLE_LIMIT)))
    }

    async fn read_once(&mut self, table: Table) -> Result<Gathered, Trouble> {
        let buffered = match self.read_buffered(table).await? {
            Way::Whole(gathered) => return Ok(gathered),
            Way::Closed(code) => code,
        };
        match self.read_plain(table).await {
            Ok(Way::Whole(gathered)) => Ok(gathered),
            Ok(Way::Closed(code)) => {
                // Nothing is more wanted than the log: both ways are tried the next time.
                if table == Table::Punches {
                    self.silences.forget(Question::Buffered(table));
                    self.silences.forget(Question::Plain(table));
                }
                Err(match code.or(buffered) {
                    Some(code) => Trouble::NotHandedOver(table, code),
                    None => Trouble::NoAnswer(self.limit),
                })
            }
            Err(trouble) => {
                self.silences.forget(Question::Buffered(table));
                Err(trouble)
            }
        }
    }

    fn datagrams(&self) -> bool {
        self.link.wire() == Wire::Udp
    }

    async fn read_buffered(&mut self, table: Table) -> Result<Way, Trouble> {
        let Some(opened) = self.ask_aside(Question::Buffered(table), Ask::OpenTable(table)).await? else {
            return Ok(Way::Closed(None));
        };
        let whole = match Reply::of(opened.command) {
            Reply::Data | Reply::PrepareData => {
                let (reply, mut gathering) = (opened.reply, Gathering::table(self.datagrams()));
                match gathering.take(opened)? {
                    Some(whole) => return Ok(Way::Whole(whole)),
                    None => self.gather(reply, gathering).await?,
                }
            }
            Reply::Ok if !opened.data.is_empty() => {
                let size = announced(&opened.data)?;
                let slice = if self.datagrams() { bulk::UDP_SLICE } else { bulk::TCP_SLICE };
                let mut whole = Gathered { bytes: Vec::new(), sure_of_order: true };
                for (start, length) in slices(size, slice) {
                    let next = self.read_slice(start, length).await?;
                    whole.bytes.extend(next.bytes);
                    whole.sure_of_order &= next.sure_of_order;
                }
                whole
            }
            Reply::Unauthorised => return Err(Trouble::KeyMissing),
            _ => return Ok(Way::Closed(Some(opened.command))),
        };
        self.ask_aside(Question::FreeData, Ask::FreeData).await?;
        Ok(Way::Whole(whole))
    }

    async fn read_slice(&mut self, start: u32, length: u32) -> Result<Gathered, Trouble> {
        let mut tries = 1;
        loop {
            let (reply, packet) = self.next_request(Ask::ReadSlice { start, length });
            self.link.send(&packet, self.limit).await?;
            match self.gather(reply, Gathering::slice(length, self.datagrams())).await {
                Err(Trouble::Transfer(_) | Trouble::NoAnswer(_)) if tries < TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    /// The old read, for firmware without buffers.
    async fn read_plain(&mut self, table: Table) -> Result<Way, Trouble> {
        let question = Question::Plain(table);
        if !self.silences.worth_asking(question) {
            return Ok(Way::Closed(None));
        }
        let mut tries = 1;
        let whole = loop {
            let (reply, packet) = self.next_request(Ask::PlainTable(table));
            self.link.send(&packet, self.limit).await?;
            let first = match timeout(self.limit, self.answer_to(reply)).await {
                Ok(first) => first?,
                Err(_) if self.datagrams() && tries < TRIES => {
                    tries += 1;
                    continue;
                }
                Err(_) => {
                    self.may_be_silent(question, Trouble::NoAnswer(self.limit))?;
                    return Ok(Way::Closed(None));
                }
            };
            self.silences.answered(question);
            let code = first.command;
            let gathered = match Reply::of(code) {
                Reply::Data | Reply::PrepareData => self.gather_from(first, reply).await,
                // The closing word may have overtaken everything else, or there is nothing else.
                Reply::Ok if self.datagrams() => match self.gather_from(first, reply).await {
                    Err(Trouble::NoAnswer(_)) if tries == TRIES => return Ok(Way::Closed(Some(code))),
                    outcome => outcome,
                },
                Reply::Unauthorised => return Err(Trouble::KeyMissing),
                _ => return Ok(Way::Closed(Some(code))),
            };
            match gathered {
                Err(Trouble::Transfer(_) | Trouble::NoAnswer(_)) if self.datagrams() && tries < TRIES => tries += 1,
                outcome => break outcome?,
            }
        };
        self.ask_aside(Question::FreeData, Ask::FreeData).await?;
        Ok(Way::Whole(whole))
    }

    async fn gather_from(&mut self, first: Packet, reply: u16) -> Result<Gathered, Trouble> {
        let mut gathering = Gathering::table(self.datagrams());
        match gathering.take(first)? {
            Some(whole) => Ok(whole),
            None => self.gather(reply, gathering).await,
        }
    }

    /// Takes packets of this answer until it is complete; the closing acknowledgement is dropped later, by its reply id.
    async fn gather(&mut self, reply: u16, mut gathering: Gathering) -> Result<Gathered, Trouble> {
        loop {
            let next = timeout(self.limit, self.answer_to(reply)).await;
            if let Some(whole) = gathering.take(next.unwrap_or(Err(Trouble::NoAnswer(self.limit)))?)? {
                self.silences.is_there();
                return Ok(whole);
            }
        }
    }
}
