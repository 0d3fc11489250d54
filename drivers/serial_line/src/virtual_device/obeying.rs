//! What a virtual reader understands of what is written to it: its maker's commands, and lines for its display.

use tokio::time::Instant;

use super::Obeys;
use super::queue::Queue;
use crate::protocol::gm65;

/// The longest line of a display.
const LONGEST: usize = 4096;
/// Where a GM65 keeps whether it is to read now, and how fast it speaks.
const TRIGGER: [u8; 2] = [0x00, 0x02];
const BAUD: [u8; 2] = [0x00, 0x2A];

/// Collects what is written.
#[derive(Debug)]
pub(super) struct Listening {
    obeys: Obeys,
    held: Vec<u8>,
}

impl Listening {
    pub(super) fn new(obeys: Obeys) -> Self {
        Self { obeys, held: Vec::new() }
    }

    /// Takes a byte; obeys the command or answers the line that it ends.
    pub(super) fn push(&mut self, byte: u8, queue: &mut Queue) -> Option<String> {
        self.held.push(byte);
        let obeyed = match self.obeys {
            Obeys::Nothing => false,
            Obeys::Gm65 => self.gm65(queue),
            Obeys::Honeywell => self.honeywell(queue),
        };
        if obeyed || self.held.len() > LONGEST {
            self.held.clear();
        }
        (self.held.last() == Some(&b'\n')).then(|| {
            let line = std::mem::take(&mut self.held);
            String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()
        })
    }

    /// `7E 00 type length address data crc`, with AB CD for "do not check" (facts/readers.md E.4).
    fn gm65(&mut self, queue: &mut Queue) -> bool {
        let [0x7E, 0x00, kind, length, high, low, rest @ ..] = &self.held[..] else { return false };
        let Some((data, &[check_high, check_low])) = rest.split_at_checked(usize::from(*length)) else {
            return false;
        };
        let checked = self.held.get(2..self.held.len() - 2).unwrap_or_default();
        let check = u16::from_be_bytes([check_high, check_low]);
        if check != 0xABCD && check != gm65::crc(checked) {
            return true;
        }
        let address = [*high, *low];
        let answer = match (*kind, data) {
            (0x08, [on]) if address == TRIGGER => {
                queue.read(on & 1 == 1, Instant::now());
                gm65::ACK.to_vec()
            }
            (0x07, _) if address == BAUD => gm65::answer(&[0x39, 0x01]),
            (0x07, [count]) => gm65::answer(&vec![0; usize::from(*count).max(1)]),
            _ => gm65::ACK.to_vec(),
        };
        queue.answer(answer);
        true
    }

    fn honeywell(&mut self, queue: &mut Queue) -> bool {
        let on = match &self.held[..] {
            [0x16, 0x54, 0x0D] => true,
            [0x16, 0x55, 0x0D] => false,
            _ => return false,
        };
        queue.read(on, Instant::now());
        true
    }
}
