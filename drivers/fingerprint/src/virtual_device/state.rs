//! What a module knows and does, without the line: one command in, the answer out.

use std::collections::BTreeMap;

use super::finger::{Touch, features, same};
use super::options::{Options, Sends, Unknown};
use crate::protocol::{Ask, Aura, Baud, Code, Hit, NOTEPAD_BYTES, Parameters, index_page};

/// Pages of a notepad.
const NOTEPAD_PAGES: usize = 16;
/// An image of 256 × 288 pixels, two in a byte.
const IMAGE_BYTES: usize = 256 * 288 / 2;
/// What a bad module sends for ever ends here, so that nothing runs away.
const FOR_EVER: usize = 1000;

/// What its light was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shine {
    /// The ring.
    Ring(Aura),
    /// The backlight is on.
    On,
    /// The backlight is off.
    Off,
}

/// What follows a command.
pub(super) enum Reply {
    /// Nothing.
    Silence,
    /// An answer.
    Answer(Code, Vec<u8>),
    /// "Done", then data.
    Data(Vec<u8>),
    /// "Done", then data without an end.
    EndlessData(usize),
    /// "Done"; data for this buffer is awaited.
    Receive(u8),
    /// "Done", then it starts anew.
    Restart,
}

pub(super) struct State {
    pub options: Options,
    pub library: BTreeMap<u16, Vec<u8>>,
    notepad: [[u8; NOTEPAD_BYTES]; NOTEPAD_PAGES],
    security: u8,
    baud: u8,
    /// What lies on the glass.
    pub lying: Option<(String, Touch)>,
    pub touches: u64,
    image: Option<(String, Touch)>,
    buffers: Vec<Vec<u8>>,
    verified: bool,
    matched: bool,
    pub shone: Vec<Shine>,
}

impl State {
    pub fn new(options: Options) -> Self {
        let taken = |(slot, name): &(u16, String)| (*slot, features(name, u64::from(*slot) << 32, options.template));
        let library = options.fingers.iter().map(taken).collect();
        let mut state = Self {
            options,
            library,
            notepad: [[0; NOTEPAD_BYTES]; NOTEPAD_PAGES],
            security: 3,
            baud: 6,
            lying: None,
            touches: 0,
            image: None,
            buffers: Vec::new(),
            verified: false,
            matched: false,
            shone: Vec::new(),
        };
        state.power_on();
        state
    }

    /// What a power cut leaves: flash memory, and what lies on the glass.
    pub fn power_on(&mut self) {
        self.image = None;
        self.buffers = vec![Vec::new(); usize::from(self.options.buffers)];
        self.verified = self.options.password == 0;
        self.matched = false;
    }

    /// A template into a buffer, as it came.
    pub fn received(&mut self, buffer: u8, template: Vec<u8>) {
        if let Some(place) = self.buffer(buffer) {
            *place = template;
        }
    }

    pub fn do_it(&mut self, content: &[u8]) -> Reply {
        if content.first().is_some_and(|op| self.options.lacks.contains(op)) {
            return self.unknown();
        }
        let Some(ask) = Ask::parse(content) else { return self.unknown() };
        if !self.verified && !matches!(ask, Ask::VfyPwd { .. } | Ask::HandShake | Ask::Echo) {
            return code(Code::MustVerify);
        }
        match ask {
            Ask::GenImg => self.gen_img(),
            Ask::Img2Tz { buffer } => self.img_to_features(buffer),
            Ask::Match => self.compare(),
            Ask::HighSpeedSearch { .. } if !self.options.fast_search => self.unknown(),
            Ask::Search { buffer, start, count } | Ask::HighSpeedSearch { buffer, start, count } => {
                self.search(buffer, start, count)
            }
            Ask::RegModel => self.merge(),
            Ask::Store { buffer, page } => self.store(buffer, page),
            Ask::LoadChar { buffer, page } => self.load(buffer, page),
            Ask::UpChar { buffer } => self.send(buffer),
            Ask::DownChar { buffer } if self.buffer(buffer).is_some() => Reply::Receive(buffer),
            Ask::DownChar { .. } => code(Code::CannotReceive),
            Ask::UpImage if self.image.is_none() => code(Code::ImageUploadFailed),
            Ask::UpImage => {
                Reply::Data((0..IMAGE_BYTES).map(|at| if at / 1024 % 2 == 0 { 0x0F } else { 0xF0 }).collect())
            }
            Ask::DeletChar { page, count } => self.delete(page, count),
            Ask::Empty => {
                self.library.clear();
                code(Code::Ok)
            }
            Ask::SetSysPara { number, value } => self.set(number, value),
            Ask::ReadSysPara => Reply::Answer(Code::Ok, self.parameters().encode()),
            Ask::SetPwd { password } => {
                self.options.password = password;
                code(Code::Ok)
            }
            Ask::VfyPwd { password } => {
                self.verified = password == self.options.password;
                code(if self.verified { Code::Ok } else { Code::WrongPassword })
            }
            Ask::SetAdder { address } => {
                self.options.address = address;
                code(Code::Ok)
            }
            Ask::GetRandom => Reply::Answer(Code::Ok, fastrand::u32(..).to_be_bytes().to_vec()),
            Ask::WriteNotepad { page, content } => self.write_note(page, content),
            Ask::ReadNotepad { page } => self.read_note(page),
            Ask::TempleteNum => {
                let stored = u16::try_from(self.library.len()).unwrap_or(u16::MAX);
                Reply::Answer(Code::Ok, stored.to_be_bytes().to_vec())
            }
            Ask::ReadIndexTable { page } if page > 3 => code(Code::BadPage),
            Ask::ReadIndexTable { page } => {
                Reply::Answer(Code::Ok, index_page(page, self.library.keys().copied()).to_vec())
            }
            Ask::AuraLed(aura) if self.options.ring => {
                self.shone.push(Shine::Ring(aura));
                code(Code::Ok)
            }
            Ask::LedOn if self.options.backlight => {
                self.shone.push(Shine::On);
                code(Code::Ok)
            }
            Ask::LedOff if self.options.backlight => {
                self.shone.push(Shine::Off);
                code(Code::Ok)
            }
            Ask::ReadProductInfo => match &self.options.product {
                Some(product) => Reply::Answer(Code::Ok, product.encode()),
                None => self.unknown(),
            },
            Ask::SoftRst => Reply::Restart,
            Ask::CheckSensor | Ask::HandShake => code(Code::Ok),
            Ask::Echo => code(Code::Ready),
            Ask::AuraLed(_) | Ask::LedOn | Ask::LedOff => self.unknown(),
        }
    }

    fn unknown(&self) -> Reply {
        match self.options.unknown {
            Unknown::Refuses => code(Code::PacketError),
            Unknown::IsSilent => Reply::Silence,
        }
    }

    fn buffer(&mut self, buffer: u8) -> Option<&mut Vec<u8>> {
        self.buffers.get_mut(usize::from(buffer).checked_sub(1)?)
    }

    fn parameters(&self) -> Parameters {
        let bit = |is: bool, place: u16| u16::from(is) << place;
        Parameters {
            status: bit(self.matched, 1) | bit(self.verified, 2) | bit(self.image.is_some(), 3),
            system: self.options.system,
            capacity: self.options.capacity,
            security: u16::from(self.security),
            address: self.options.address,
            packet_code: u16::from(self.options.packet_code),
            baud: Baud(u16::from(self.baud)),
        }
    }

    fn gen_img(&mut self) -> Reply {
        match &self.lying {
            None => code(Code::NoFinger),
            Some((_, Touch::Moving)) => code(Code::ImageFailed),
            Some(lying) => {
                self.image = Some(lying.clone());
                code(Code::Ok)
            }
        }
    }

    fn img_to_features(&mut self, buffer: u8) -> Reply {
        let length = self.options.template;
        let Some((finger, touch)) = self.image.clone() else { return code(Code::NoValidImage) };
        match touch {
            Touch::Messy => return code(Code::TooMessy),
            Touch::Little => return code(Code::TooFewPoints),
            Touch::Moving => return code(Code::NoValidImage),
            Touch::Well => {}
        }
        self.touches += 1;
        let taken = features(&finger, self.touches, length);
        let Some(place) = self.buffer(buffer) else { return code(Code::BadRegister) };
        *place = taken;
        code(Code::Ok)
    }

    fn compare(&mut self) -> Reply {
        self.matched = matches!(&self.buffers[..], [one, other, ..] if same(one, other));
        let score: u16 = if self.matched { 300 } else { 0 };
        Reply::Answer(if self.matched { Code::Ok } else { Code::NoMatch }, score.to_be_bytes().to_vec())
    }

    fn search(&mut self, buffer: u8, start: u16, count: u16) -> Reply {
        let shift = self.options.page_shift;
        let wanted = self.buffer(buffer).map(std::mem::take).unwrap_or_default();
        let end = start.saturating_add(count);
        let found = self.library.range(start..end.max(start)).find(|(_, stored)| same(stored, &wanted));
        let hit = found.map(|(slot, _)| Hit { page: slot + shift, score: 217 });
        self.received(buffer, wanted);
        self.matched = hit.is_some();
        match hit {
            Some(hit) => Reply::Answer(Code::Ok, hit.encode()),
            None => Reply::Answer(Code::NotFound, vec![0; 4]),
        }
    }

    fn merge(&mut self) -> Reply {
        let [one, other, ..] = &mut self.buffers[..] else { return code(Code::CannotMerge) };
        if !same(one, other) {
            return code(Code::CannotMerge);
        }
        other.clone_from(one);
        code(Code::Ok)
    }

    fn store(&mut self, buffer: u8, page: u16) -> Reply {
        let capacity = self.options.capacity;
        let Some(template) = self.buffer(buffer).filter(|template| !template.is_empty()).cloned() else {
            return code(Code::TemplateEmpty);
        };
        if page >= capacity {
            return code(Code::BadPage);
        }
        // Seen: a template of nothing but FF is refused.
        if template.iter().all(|byte| *byte == 0xFF) {
            return code(Code::Failed);
        }
        self.library.insert(page, template);
        code(Code::Ok)
    }

    fn load(&mut self, buffer: u8, page: u16) -> Reply {
        if page >= self.options.capacity {
            return code(Code::BadPage);
        }
        let Some(template) = self.library.get(&page).cloned() else { return code(Code::ReadTemplateFailed) };
        let Some(place) = self.buffer(buffer) else { return code(Code::BadRegister) };
        *place = template;
        code(Code::Ok)
    }

    fn send(&mut self, buffer: u8) -> Reply {
        let length = self.options.template;
        match self.options.sends {
            Sends::Never => return code(Code::UploadFailed),
            Sends::ForEver => return Reply::EndlessData(FOR_EVER),
            Sends::Plainly | Sends::ShortAtTheEnd => {}
        }
        let Some(held) = self.buffer(buffer) else { return code(Code::UploadFailed) };
        // Whatever lies in the memory: zeros, if nothing was put there.
        let mut held = held.clone();
        if held.is_empty() {
            held.resize(length, 0);
        }
        Reply::Data(held)
    }

    fn delete(&mut self, page: u16, count: u16) -> Reply {
        let end = page.saturating_add(count);
        if page >= self.options.capacity || end > self.options.capacity {
            return code(Code::BadPage);
        }
        self.library.retain(|slot, _| !(page..end).contains(slot));
        code(Code::Ok)
    }

    fn set(&mut self, number: u8, value: u8) -> Reply {
        match (number, value) {
            (4, 1..=12) => self.baud = value,
            (5, 1..=5) => self.security = value,
            (6, 0..=3) => self.options.packet_code = value,
            (4..=6, _) => return code(Code::BadRegisterValue),
            _ => return code(Code::BadRegister),
        }
        code(Code::Ok)
    }

    fn write_note(&mut self, page: u8, content: [u8; NOTEPAD_BYTES]) -> Reply {
        if !self.options.notepad {
            return self.unknown();
        }
        let Some(place) = self.notepad.get_mut(usize::from(page)) else { return code(Code::BadNotepadPage) };
        *place = content;
        code(Code::Ok)
    }

    fn read_note(&self, page: u8) -> Reply {
        if !self.options.notepad {
            return self.unknown();
        }
        match self.notepad.get(usize::from(page)) {
            Some(content) => Reply::Answer(Code::Ok, content.to_vec()),
            None => code(Code::BadNotepadPage),
        }
    }

    /// Forgets what was noted in it, as another program may do.
    pub fn wipe_notes(&mut self) {
        self.notepad = [[0; NOTEPAD_BYTES]; NOTEPAD_PAGES];
    }
}

fn code(code: Code) -> Reply {
    Reply::Answer(code, Vec::new())
}
