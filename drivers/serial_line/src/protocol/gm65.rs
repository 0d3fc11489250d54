//! Commands and answers of GM65 scanners: `7E 00 type length address data crc` and `02 00 00 length data crc` (facts/readers.md E.4).

/// Reads the code in front of the scanner once, in its command mode.
pub const TRIGGER: &[u8] = &[0x7E, 0x00, 0x08, 0x01, 0x00, 0x02, 0x01, 0xAB, 0xCD];
/// Stops reading.
pub const STOP: &[u8] = &[0x7E, 0x00, 0x08, 0x01, 0x00, 0x02, 0x00, 0xAB, 0xCD];
/// Asks how fast it speaks: changes nothing, so it may be sent to a device that is not known.
pub const ASK_BAUD: &[u8] = &[0x7E, 0x00, 0x07, 0x01, 0x00, 0x2A, 0x02, 0xD8, 0x0F];
/// Done.
pub const ACK: &[u8] = &[0x02, 0x00, 0x00, 0x01, 0x00, 0x33, 0x31];

/// The longest data of an answer that is looked for; those to single registers have one or two bytes.
const MOST_DATA: usize = 16;
const HEAD: &[u8] = &[0x02, 0x00, 0x00];

/// What was told from the scanned text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// Not of an answer.
    Byte(u8),
    /// The data of an answer whose checksum is right.
    Answer(Vec<u8>),
}

/// Takes answers out of the stream that they share with the scanned text, without any delimiter between the two.
#[derive(Debug, Default)]
pub struct Answers {
    /// What may still become an answer: at most head, length, data and checksum.
    held: Vec<u8>,
}

enum Looks {
    /// Like the beginning of one.
    Begun,
    Whole(Vec<u8>),
    Other,
}

impl Answers {
    /// Takes a byte and tells what is certain by now.
    pub fn push(&mut self, byte: u8, mut tell: impl FnMut(Sorted)) {
        self.held.push(byte);
        self.sort(&mut tell);
    }

    fn sort(&mut self, tell: &mut impl FnMut(Sorted)) {
        while !self.held.is_empty() {
            match looks(&self.held) {
                Looks::Begun => return,
                Looks::Whole(data) => {
                    self.held.drain(..(HEAD.len() + 1 + data.len() + 2).min(self.held.len()));
                    tell(Sorted::Answer(data));
                }
                // Another answer may begin further on in what is held.
                Looks::Other => tell(Sorted::Byte(self.held.remove(0))),
            }
        }
    }

    /// Whether something is held back.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// There was silence: what is held back was no answer, though one may stand in it.
    pub fn quiet(&mut self, mut tell: impl FnMut(Sorted)) {
        while !self.held.is_empty() {
            tell(Sorted::Byte(self.held.remove(0)));
            self.sort(&mut tell);
        }
    }
}

fn looks(held: &[u8]) -> Looks {
    let (head, rest) = held.split_at(held.len().min(HEAD.len()));
    if !HEAD.starts_with(head) {
        return Looks::Other;
    }
    let Some((length, rest)) = rest.split_first() else { return Looks::Begun };
    let length = usize::from(*length);
    if !(1..=MOST_DATA).contains(&length) {
        return Looks::Other;
    }
    let Some((data, [high, low, ..])) = rest.split_at_checked(length) else { return Looks::Begun };
    let checked = [&[0x00, length as u8], data].concat();
    if crc(&checked) == u16::from_be_bytes([*high, *low]) { Looks::Whole(data.to_vec()) } else { Looks::Other }
}

/// An answer with this data, at most 255 bytes of it.
pub fn answer(data: &[u8]) -> Vec<u8> {
    let data = data.get(..255).unwrap_or(data);
    let mut checked = vec![0x00, data.len() as u8];
    checked.extend(data);
    let crc = crc(&checked);
    [&[0x02, 0x00], &checked[..], &crc.to_be_bytes()].concat()
}

/// CRC-16, polynomial 1021, from 0: over what stands between the two head bytes and the checksum itself.
pub fn crc(bytes: &[u8]) -> u16 {
    let step = |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ u16::from(*byte) << 8, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut text, mut told, mut answers) = (Vec::new(), Vec::new(), Answers::default());
        let mut tell = |sorted| match sorted {
            Sorted::Byte(byte) => text.push(byte),
            Sorted::Answer(data) => told.push(data),
        };
        for byte in bytes {
            answers.push(*byte, &mut tell);
        }
        answers.quiet(&mut tell);
        assert!(!answers.holds());
        (text, told)
    }

    #[test]
    fn the_checksums_are_those_of_the_known_commands() {
        assert_eq!(answer(&[0x00]), ACK);
        for known in [
            ASK_BAUD,
            &[0x7E, 0x00, 0x09, 0x01, 0x00, 0x00, 0x00, 0xDE, 0xC8],
            &[0x7E, 0x00, 0x08, 0x02, 0x00, 0x2A, 0x39, 0x01, 0xA7, 0xEA],
        ] {
            let (body, check) = known.split_at(known.len() - 2);
            assert_eq!(crc(&body[2..]).to_be_bytes(), check, "{known:X?}");
        }
    }

    #[test]
    fn answers_are_taken_out_wherever_they_stand() {
        assert_eq!(sorted(&[ACK, b"A1.key\r\n"].concat()), (b"A1.key\r\n".to_vec(), vec![vec![0]]));
        assert_eq!(sorted(&[b"A1.", ACK, ACK, b"key"].concat()), (b"A1.key".to_vec(), vec![vec![0], vec![0]]));
        assert_eq!(sorted(&answer(&[0x39, 0x01])), (vec![], vec![vec![0x39, 0x01]]));
    }

    #[test]
    fn what_only_begins_like_an_answer_is_given_back() {
        for bytes in [
            &ACK[..5],
            b"\x02",
            b"\x02\x00\x00\x01\x00\x33\x32",
            b"\x02\x00\x00\x00",
            b"\x02\x00\x00\xFFabc",
            b"\x02\x02\x00a",
        ] {
            assert_eq!(sorted(bytes), (bytes.to_vec(), vec![]), "{bytes:X?}");
        }
        assert_eq!(sorted(&[b"\x02\x00", ACK].concat()), (vec![0x02, 0x00], vec![vec![0]]));
        assert_eq!(sorted(&[b"\x02\x00\x00\x10", ACK, b"0123456789A"].concat()).1, [vec![0]]);
        assert_eq!(sorted(&[b"\x02\x00\x00\x10", ACK].concat()).1, [vec![0]]);
    }
}
