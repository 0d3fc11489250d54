//! What a virtual terminal answers to one packet.

use std::sync::atomic::Ordering;

use super::super::protocol::bulk::Table;
use super::super::protocol::comm_key::CommKey;
use super::super::protocol::frame::{Packet, encode};
use super::super::protocol::time::RawTime;
use super::super::protocol::user::UserForm;
use super::Core;

const OK: u16 = 2000;
const ERROR: u16 = 2001;
const UNAUTHORISED: u16 = 2005;
const UNKNOWN: u16 = 0xffff;
const PREPARE_DATA: u16 = 1500;
const DATA: u16 = 1501;

/// One client, as the terminal sees it.
#[derive(Debug, Default)]
pub(super) struct Client {
    session: u16,
    connected: bool,
    trusted: bool,
    /// Whether it has asked for events.
    pub listens: bool,
    /// Whether it has said goodbye.
    pub gone: bool,
    opened: Vec<u8>,
    /// Bytes of a block on this client's way.
    block: usize,
}

impl Client {
    /// A client whose transfers come in blocks of this size.
    pub fn new(block: usize) -> Self {
        Self { block, ..Self::default() }
    }
}

/// An answer under construction: packets that all carry the request's reply id.
struct Answer {
    reply: u16,
    session: u16,
    without_index: bool,
    packets: Vec<Vec<u8>>,
}

impl Answer {
    fn say(&mut self, command: u16, data: &[u8]) {
        self.packets.push(encode(command, self.session, self.reply, data));
    }

    fn yes_or_no(&mut self, yes: bool) {
        self.say(if yes { OK } else { ERROR }, &[]);
    }

    /// An announcement, the blocks with their index in the session field, the closing word.
    fn blocks(&mut self, bytes: &[u8], block: usize) {
        let sizes = [bytes.len(), block].map(|n| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
        self.say(PREPARE_DATA, &sizes.concat());
        let mut index = 0;
        for (n, part) in bytes.chunks(block.max(1)).enumerate() {
            // The field has 16 bits and wraps.
            index = if self.without_index { self.session } else { (n & 0xffff) as u16 };
            self.packets.push(encode(DATA, index, self.reply, part));
        }
        self.packets.push(encode(OK, index, self.reply, &[]));
    }
}

fn u32_of(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u16_of(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

impl Core {
    /// The packets that answer this one, without the TCP top.
    pub(super) fn answer(&self, client: &mut Client, asked: &Packet) -> Vec<Vec<u8>> {
        let odd = &self.options.odd;
        let without_index = odd.datagrams.without_index;
        let mut answer = Answer { reply: asked.reply, session: client.session, without_index, packets: Vec::new() };
        if odd.ignores(asked) {
            return answer.packets;
        }
        if let Some(code) = odd.refuses(asked) {
            answer.say(code, &[]);
            return answer.packets;
        }
        match asked.command {
            // An acknowledged event.
            OK => {}
            1000 => self.connect(client, &mut answer),
            _ if !client.connected => answer.say(UNAUTHORISED, &[]),
            1001 => {
                answer.say(OK, &[]);
                client.gone = true;
            }
            1102 => {
                let key = CommKey::from_number(self.options.comm_key).scrambled(client.session);
                client.trusted = asked.data == key;
                answer.say(if client.trusted { OK } else { UNAUTHORISED }, &[]);
            }
            _ if !client.trusted => answer.say(UNAUTHORISED, &[]),
            _ => self.answer_trusted(client, asked, &mut answer),
        }
        answer.packets
    }

    fn connect(&self, client: &mut Client, answer: &mut Answer) {
        let trusted = self.options.comm_key == 0;
        *client = Client { session: fastrand::u16(1..), connected: true, trusted, ..Client::new(client.block) };
        answer.session = client.session;
        answer.say(if trusted { OK } else { UNAUTHORISED }, &[]);
    }

    fn answer_trusted(&self, client: &mut Client, asked: &Packet, answer: &mut Answer) {
        let data = asked.data.as_slice();
        match asked.command {
            8 => answer.yes_or_no(self.held().write_user(data, &self.options)),
            9 => self.plain(Table::Users, client.block, answer),
            13 => self.plain(Table::Punches, client.block, answer),
            11 => match self.option(data) {
                Some(text) => answer.say(OK, text.as_bytes()),
                None => answer.say(ERROR, &[]),
            },
            14 | 15 | 20 | 33 => self.clear(asked.command, data.first().copied(), answer),
            18 => answer.yes_or_no(u16_of(data, 0).is_some_and(|uid| self.held().delete_user(uid))),
            31 => {
                self.unlocks.fetch_add(1, Ordering::Relaxed);
                answer.say(OK, &[]);
            }
            50 => answer.say(OK, &self.held().sizes(&self.options).encode(10_000)),
            64 => {
                answer.session = 2;
                answer.say(OK, &[]);
            }
            201 => {
                let now = RawTime::from_civil(self.held().civil_now(&self.options)).unwrap_or(RawTime(0));
                answer.say(OK, &now.0.to_le_bytes());
            }
            202 => {
                let set = u32_of(data, 0).is_some_and(|to| self.held().set_clock(RawTime(to), &self.options));
                answer.yes_or_no(set);
            }
            500 => {
                client.listens = self.options.live && u32_of(data, 0).is_some_and(|mask| mask & 1 == 1);
                answer.yes_or_no(self.options.live);
            }
            1003 => {
                self.disables.fetch_add(1, Ordering::Relaxed);
                answer.say(OK, &[]);
            }
            1100 => answer.say(OK, format!("{}\0", self.options.firmware).as_bytes()),
            1502 => {
                client.opened = Vec::new();
                answer.say(OK, &[]);
            }
            1503 if self.options.buffered => self.open_table(client, data, answer),
            1504 if self.options.buffered => self.slice(client, data, answer),
            // Options written, sounds, display, verification started and stopped, refreshes, enabled.
            12 | 57 | 60 | 61 | 62 | 66 | 67 | 1002 | 1013 | 1014 | 1017 => answer.say(OK, &[]),
            // These two do not answer.
            1004 | 1005 => client.gone = true,
            7 => answer.say(ERROR, &[]),
            _ => answer.say(UNKNOWN, &[]),
        }
    }

    fn table(&self, table: Table) -> Vec<u8> {
        let held = self.held();
        match table {
            Table::Users => held.user_table(),
            Table::Punches => held.log_table(self.size, &self.options.odd),
        }
    }

    fn plain(&self, table: Table, block: usize, answer: &mut Answer) {
        let bytes = self.table(table);
        if bytes.len() <= self.options.small_read {
            answer.say(DATA, &bytes);
        } else {
            answer.blocks(&bytes, block);
        }
    }

    fn open_table(&self, client: &mut Client, data: &[u8], answer: &mut Answer) {
        let table = match u16_of(data, 1) {
            Some(9) => Table::Users,
            Some(13) => Table::Punches,
            _ => return answer.say(ERROR, &[]),
        };
        let bytes = self.table(table);
        if bytes.len() <= self.options.small_read {
            return answer.say(DATA, &bytes);
        }
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        let likeness = bytes.iter().fold(0u32, |sum, byte| sum.wrapping_add(u32::from(*byte))).to_le_bytes();
        client.opened = bytes;
        answer.say(OK, &[&[0][..], &size, &size, &likeness].concat());
    }

    fn slice(&self, client: &Client, data: &[u8], answer: &mut Answer) {
        let index = |at| u32_of(data, at).and_then(|n| usize::try_from(n).ok());
        let slice = (|| {
            let (start, length) = (index(0)?, index(4)?);
            client.opened.get(start..start.checked_add(length)?)
        })();
        match slice {
            Some(bytes) if self.options.slices_at_once => answer.say(DATA, bytes),
            Some(bytes) => answer.blocks(bytes, client.block),
            None => answer.say(ERROR, &[]),
        }
    }

    fn option(&self, asked: &[u8]) -> Option<String> {
        // Some clients leave the closing NUL out.
        let name = asked.split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok())?;
        let form = matches!(self.options.user_form, UserForm::Long);
        let value = match name {
            "~SerialNumber" => self.options.serial.clone()?,
            "~DeviceName" => self.options.model.clone(),
            "~Platform" => "ZMM220_TFT".to_owned(),
            "~OS" => "1".to_owned(),
            "~ZKFPVersion" => "10".to_owned(),
            "~PIN2Width" => "9".to_owned(),
            "MAC" => "00:17:61:00:00:01".to_owned(),
            "~ExtendFmt" | "~UserExtFmt" => u8::from(form).to_string(),
            _ => self.options.options.iter().find(|(key, _)| key == name)?.1.clone(),
        };
        Some(format!("{name}={value}\0"))
    }

    fn clear(&self, command: u16, what: Option<u8>, answer: &mut Answer) {
        self.clears.fetch_add(1, Ordering::Relaxed);
        let mut held = self.held();
        let everything = command == 14 && what.is_none();
        if command == 15 || everything || (command == 14 && what == Some(1)) {
            held.records.clear();
        }
        if everything || (command == 14 && what == Some(5)) {
            held.users.clear();
            held.user_bytes.clear();
        }
        answer.say(OK, &[]);
    }
}
