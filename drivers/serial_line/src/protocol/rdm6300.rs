//! Frames of RDM6300 and ID-12 readers of 125 kHz cards: STX, five bytes and their XOR in hexadecimal, ETX (facts/readers.md B.3).

use super::decoder::Heard;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
/// Ten digits, two of the check, and the CR LF of an ID-12.
const LONGEST: usize = 14;

/// Finds frames in a stream of bytes.
#[derive(Debug, Default)]
pub struct Frames {
    /// What came since STX; `None` outside a frame.
    held: Option<Vec<u8>>,
}

impl Frames {
    /// Takes a byte; answers the frame that it ends, or that a frame was spoilt.
    pub fn push(&mut self, byte: u8) -> Option<Heard> {
        if byte == STX {
            // Wherever it stands: no frame has one inside, so what was begun has lost its end.
            return self.held.replace(Vec::with_capacity(LONGEST)).map(Heard::Broken);
        }
        let held = self.held.as_mut()?;
        match byte {
            ETX => {
                let card = card(held);
                let held = self.held.take().unwrap_or_default();
                Some(card.map_or(Heard::Broken(held), Heard::Card))
            }
            _ if held.len() < LONGEST && (byte.is_ascii_hexdigit() || matches!(byte, b'\r' | b'\n')) => {
                held.push(byte);
                None
            }
            _ => self.held.take().map(Heard::Broken),
        }
    }
}

/// The card of what stands between STX and ETX, if its check is right.
fn card(body: &[u8]) -> Option<[u8; 5]> {
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    let digits: &[u8; 12] = body.try_into().ok()?;
    let mut bytes = [0_u8; 6];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let [a, b, c, d, e, check] = bytes;
    (a ^ b ^ c ^ d ^ e == check).then_some([a, b, c, d, e])
}

/// The frame of a card, as an RDM6300 sends it; an ID-12 adds CR LF.
pub fn frame(card: [u8; 5], cr_lf: bool) -> Vec<u8> {
    let check = card.iter().fold(0, |check, byte| check ^ byte);
    let mut frame = vec![STX];
    frame.extend(card.iter().chain([&check]).flat_map(|byte| format!("{byte:02X}").into_bytes()));
    if cr_lf {
        frame.extend(b"\r\n");
    }
    frame.push(ETX);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: [u8; 5] = [0x01, 0x00, 0x74, 0x5A, 0x70];

    fn heard(bytes: &[u8]) -> Vec<Heard> {
        let mut frames = Frames::default();
        bytes.iter().filter_map(|byte| frames.push(*byte)).collect()
    }

    #[test]
    fn the_known_card_is_read_and_written_as_both_readers_send_it() {
        assert_eq!(frame(CARD, false), b"\x020100745A705F\x03");
        assert_eq!(heard(b"\x020100745A705F\x03"), [Heard::Card(CARD)]);
        assert_eq!(frame(CARD, true), b"\x020100745A705F\r\n\x03");
        assert_eq!(heard(b"\x020100745A705F\r\n\x03"), [Heard::Card(CARD)]);
    }

    #[test]
    fn a_spoilt_frame_is_no_card_and_costs_no_other() {
        let good = frame(CARD, false);
        for spoilt in [
            &b"\x020100745A715F\x03"[..],
            b"\x020100745A70\x03",
            b"\x02\x03",
            b"\x020100745",
            b"\x0201x",
            b"\x02000000000000000000",
        ] {
            let heard = heard(&[spoilt, &good].concat());
            assert!(matches!(heard[..], [Heard::Broken(_), Heard::Card(CARD)]), "{spoilt:?}: {heard:?}");
        }
        assert_eq!(heard(&[b"5F\x03\xFF\r\n", &good[..]].concat()), [Heard::Card(CARD)]);
        assert_eq!(heard(b"\x020100745A705F\n\r\x03"), [Heard::Broken(b"0100745A705F\n\r".to_vec())]);
    }
}
