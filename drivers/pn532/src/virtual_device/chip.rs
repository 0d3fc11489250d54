//! The chip's own mind: whether it is awake, what it was told to remember, and what it answers to a command (facts/readers.md A.2–A.5, A.9).

use std::collections::HashMap;
use std::time::Duration;

use super::cards::Shown;
use super::field::{Field, Way};
use crate::protocol::command::Pins;

/// How long an InAutoPoll period lasts.
const PERIOD: Duration = Duration::from_millis(150);
/// So many zeros wake it as well: they look like edges (nfcpy's dialect).
const ZEROS_THAT_WAKE: u8 = 10;
/// CIU_TxMode and CIU_RxMode; bit 7 is the checksum.
const TX_MODE: u16 = 0x6302;
const RX_MODE: u16 = 0x6303;

/// Whether it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    /// After power-on: hears nothing.
    LowVbat,
    /// Woken after power-on: hears SAMConfiguration, and who asks for its version.
    Woken,
    /// Works.
    Normal,
    /// Told to sleep.
    Down,
}

#[derive(Debug)]
pub(super) struct Chip {
    firmware: [u8; 4],
    power: Power,
    zeros: u8,
    pub(super) field: Field,
    /// MxRtyPassiveActivation; FF is for ever.
    retries: u8,
    parameters: u8,
    sam: u8,
    registers: HashMap<u16, u8>,
    pins: Pins,
}

/// What comes of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answer(Vec<u8>),
    Search(Search),
    NotUnderstood,
}

/// A search for cards that may take long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Search {
    /// The code of the answer.
    code: u8,
    most: u8,
    /// What is looked for, in turn; the type byte for InAutoPoll's answer.
    ways: Vec<(u8, Way)>,
    next: usize,
    /// Further steps; `None` is for ever.
    left: Option<u32>,
    /// How long a step takes, where it is not as long as one try.
    pub(super) step: Option<Duration>,
}

impl Chip {
    pub(super) fn powered(firmware: [u8; 4]) -> Self {
        Self {
            firmware,
            power: Power::LowVbat,
            zeros: 0,
            field: Field::new(),
            retries: 0xFF,
            parameters: 0x14,
            sam: 1,
            registers: HashMap::new(),
            pins: Pins::HIGH,
        }
    }

    /// Forgets everything; the cards keep lying there, without power for a moment.
    pub(super) fn brown_out(&mut self) {
        self.field.switch(false);
        let field = std::mem::replace(&mut self.field, Field::new());
        *self = Self { field, ..Self::powered(self.firmware) };
    }

    pub(super) fn pins(&self) -> Pins {
        self.pins
    }

    /// Whether it hears this byte, which may be what wakes it.
    pub(super) fn hears(&mut self, byte: u8) -> bool {
        if matches!(self.power, Power::Woken | Power::Normal) {
            return true;
        }
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        if byte == 0x55 || self.zeros >= ZEROS_THAT_WAKE {
            self.power = if self.power == Power::Down { Power::Normal } else { Power::Woken };
            self.zeros = 0;
        }
        false
    }

    /// What comes of a command; `None`: it is not taken, in this state.
    pub(super) fn execute(&mut self, message: &[u8]) -> Option<Outcome> {
        let (code, data) = message.split_first()?;
        if self.power != Power::Normal && !matches!(code, 0x02 | 0x14) {
            return None;
        }
        let answer = match (code, data) {
            (0x00, [0x00, ..]) => data.to_vec(),
            (0x00, [0x01 | 0x02]) => vec![0x00],
            (0x00, [0x06]) => vec![u8::from(self.field.selected().is_empty())],
            (0x02, []) => self.firmware.to_vec(),
            (0x04, []) => self.general_status(),
            (0x06, _) if data.len() % 2 == 0 => self.read_registers(data),
            (0x08, _) if data.len() % 3 == 0 => {
                for register in data.chunks_exact(3) {
                    if let [high, low, value] = *register {
                        self.registers.insert(u16::from_be_bytes([high, low]), value);
                    }
                }
                Vec::new()
            }
            (0x0C, []) => vec![self.pins.p3, self.pins.p7, 0x00],
            (0x0E, [p3, p7]) => {
                // A port without its validation bit keeps its levels.
                self.pins.p3 = if p3 & 0x80 != 0 { p3 & 0x3F } else { self.pins.p3 };
                self.pins.p7 = if p7 & 0x80 != 0 { p7 & 0x06 } else { self.pins.p7 };
                Vec::new()
            }
            (0x10, [0x00..=0x08]) => Vec::new(),
            (0x12, [parameters]) => {
                self.parameters = *parameters;
                Vec::new()
            }
            (0x14, [mode @ 1..=4] | [mode @ 1..=4, _] | [mode @ 1..=4, _, _]) => {
                (self.sam, self.power) = (*mode, Power::Normal);
                Vec::new()
            }
            (0x16, [_] | [_, _]) => {
                self.field.switch(false);
                self.power = Power::Down;
                vec![0x00]
            }
            (0x32, [item, values @ ..]) => {
                match (item, values) {
                    (0x01, [field]) => self.field.switch(field & 1 != 0),
                    (0x05, [.., activation]) => self.retries = *activation,
                    _ => {}
                }
                Vec::new()
            }
            (0x40, [target, data @ ..]) => self.exchange(*target & 0x3F, data),
            (0x42, _) => self.through(data),
            (0x44 | 0x52, [target]) => {
                self.field.release(*target);
                vec![0x00]
            }
            (0x54, [target]) => vec![if self.field.selected().contains(target) { 0x00 } else { 0x27 }],
            (0x4A, [most @ 1..=2, way, initiator @ ..]) => {
                let Some(way) = way_of(*way, initiator) else { return Some(Outcome::NotUnderstood) };
                let left = (self.retries != 0xFF).then(|| u32::from(self.retries));
                let search = Search { code: 0x4B, most: *most, ways: vec![(0, way)], next: 0, left, step: None };
                return Some(Outcome::Search(search));
            }
            (0x60, [rounds @ 1..=0xFF, period @ 1..=15, types @ ..]) if (1..=15).contains(&types.len()) => {
                let ways: Option<Vec<_>> = types.iter().map(|byte| Some((*byte, way_of(byte & 0x0F, &[])?))).collect();
                let Some(ways) = ways else { return Some(Outcome::NotUnderstood) };
                let left = (*rounds != 0xFF).then(|| (u32::from(*rounds) * ways.len() as u32).saturating_sub(1));
                let step = Some(PERIOD * u32::from(*period));
                return Some(Outcome::Search(Search { code: 0x61, most: 2, ways, next: 0, left, step }));
            }
            // A peer-to-peer device is looked for and not there.
            (0x50 | 0x56, [_, ..]) => vec![0x01],
            _ => return Some(Outcome::NotUnderstood),
        };
        Some(Outcome::Answer([&[code.wrapping_add(1)], &answer[..]].concat()))
    }

    /// One step of a search: the answer, if it is over.
    pub(super) fn step(&mut self, search: &mut Search) -> Option<Vec<u8>> {
        let at = search.next % search.ways.len().max(1);
        let (kind, way) = search.ways.get(at)?;
        let found = self.field.select(way, search.most);
        search.next = search.next.wrapping_add(1);
        if found.is_empty() {
            return match &mut search.left {
                Some(0) => Some(vec![search.code, 0x00]),
                Some(left) => {
                    *left -= 1;
                    None
                }
                None => None,
            };
        }
        for register in [TX_MODE, RX_MODE] {
            self.registers.insert(register, 0x80);
        }
        let mut answer = vec![search.code, found.len() as u8];
        for (number, shown) in &found {
            let data = self.target(*number, shown);
            if search.code == 0x61 {
                answer.extend([*kind, data.len() as u8]);
            }
            answer.extend(data);
        }
        Some(answer)
    }

    /// A target as InListPassiveTarget tells it.
    fn target(&self, number: u8, shown: &Shown) -> Vec<u8> {
        let mut data = vec![number];
        match shown {
            Shown::A { atqa, sak, uid, ats } => {
                data.extend(atqa);
                data.extend([*sak, uid.len() as u8]);
                data.extend(uid);
                // Only where the chip was told to ask for it.
                if let Some(ats) = ats.filter(|_| self.parameters & 0x10 != 0) {
                    data.push(ats.len() as u8 + 1);
                    data.extend(ats);
                }
            }
            Shown::B { pupi } => {
                data.push(0x50);
                data.extend(pupi);
                data.extend([0x00, 0x00, 0x00, 0x00, 0x00, 0x81, 0x85, 0x01, 0x00]);
            }
            Shown::Felica { idm } => {
                data.extend([0x14, 0x01]);
                data.extend(idm);
                data.extend([0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x88, 0xB4]);
            }
        }
        data
    }

    fn exchange(&mut self, target: u8, data: &[u8]) -> Vec<u8> {
        if !(1..=2).contains(&target) {
            return vec![0x27];
        }
        match self.field.exchange(target, data) {
            Ok(answer) => [&[0x00], &answer[..]].concat(),
            Err(code) => vec![code],
        }
    }

    /// InCommunicateThru: raw bytes; a checksum where the chip's own is switched off.
    fn through(&mut self, data: &[u8]) -> Vec<u8> {
        let bare = |register| self.registers.get(&register).is_some_and(|mode| mode & 0x80 == 0);
        let (sends_bare, receives_bare) = (bare(TX_MODE), bare(RX_MODE));
        let data = if sends_bare { data.get(..data.len().saturating_sub(2)).unwrap_or_default() } else { data };
        match self.field.raw(data) {
            Ok(answer) if receives_bare => [&[0x00], &answer[..], &crc_a(&answer)].concat(),
            Ok(answer) => [&[0x00], &answer[..]].concat(),
            Err(code) => vec![code],
        }
    }

    fn general_status(&self) -> Vec<u8> {
        let selected = self.field.selected();
        let mut status = vec![0x00, u8::from(self.field.is_on()), selected.len() as u8];
        for number in selected {
            // 106 kbit/s in both directions, MIFARE or ISO 14443.
            status.extend([number, 0x00, 0x00, 0x00]);
        }
        status.push(if self.sam == 1 { 0x00 } else { 0x01 });
        status
    }

    fn read_registers(&self, data: &[u8]) -> Vec<u8> {
        let value = |pair: &[u8]| match *pair {
            [high, low] => self.registers.get(&u16::from_be_bytes([high, low])).copied().unwrap_or(0),
            _ => 0,
        };
        data.chunks_exact(2).map(value).collect()
    }
}

/// What is looked for, by the byte that names speed and modulation.
fn way_of(byte: u8, initiator: &[u8]) -> Option<Way> {
    Some(match (byte, initiator) {
        (0x00, []) => Way::A(None),
        // A double-size UID comes with the cascade tag (A.4).
        (0x00, [0x88, uid @ ..]) if uid.len() == 7 => Way::A(Some(uid.to_vec())),
        (0x00, [0x88, a, b, c, 0x88, uid @ ..]) if uid.len() == 7 => Way::A(Some([&[*a, *b, *c], uid].concat())),
        (0x00, uid) => Way::A(Some(uid.to_vec())),
        (0x01 | 0x02, _) => Way::Felica,
        (0x03, _) => Way::B,
        (0x04, _) => Way::None,
        _ => return None,
    })
}

/// CRC_A: polynomial reflected, initial 6363, low byte first.
fn crc_a(bytes: &[u8]) -> [u8; 2] {
    let crc = bytes.iter().fold(0x6363_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x8408 } else { crc >> 1 })
    });
    crc.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_air_is_the_one_of_the_vectors() {
        assert_eq!(crc_a(&[0x60, 0x00]), [0xF5, 0x7B]);
        assert_eq!(crc_a(&[0x60]), [0xF8, 0x32]);
    }

    #[test]
    fn nothing_but_its_waking_is_heard_after_power_on() {
        let mut chip = Chip::powered([0x32, 1, 6, 7]);
        assert!(!chip.hears(0x00) && !chip.hears(0xFF) && !chip.hears(0x55));
        assert!(chip.hears(0x00));
        assert_eq!(chip.execute(&[0x4A, 1, 0]), None);
        assert_eq!(chip.execute(&[0x14, 1]), Some(Outcome::Answer(vec![0x15])));
        assert!(matches!(chip.execute(&[0x4A, 1, 0]), Some(Outcome::Search(_))));
        chip.brown_out();
        assert!(!chip.hears(0x00));
        assert_eq!(chip.execute(&[0x4A, 1, 0]), None);
    }

    #[test]
    fn a_search_without_limit_goes_on_until_a_card_comes() {
        let mut chip = Chip::powered([0x32, 1, 6, 7]);
        chip.execute(&[0x14, 1]);
        let Some(Outcome::Search(mut search)) = chip.execute(&[0x4A, 1, 0]) else { panic!("no search") };
        assert!((0..1000).all(|_| chip.step(&mut search).is_none()));
        chip.field.add(super::super::cards::Card::Classic(vec![1, 2, 3, 4]));
        assert_eq!(chip.step(&mut search), Some(vec![0x4B, 1, 1, 0, 4, 8, 4, 1, 2, 3, 4]));
        chip.execute(&[0x32, 5, 0, 1, 2]);
        chip.field.clear();
        let Some(Outcome::Search(mut search)) = chip.execute(&[0x4A, 1, 0]) else { panic!("no search") };
        assert!(chip.step(&mut search).is_none() && chip.step(&mut search).is_none());
        assert_eq!(chip.step(&mut search), Some(vec![0x4B, 0]));
    }
}
