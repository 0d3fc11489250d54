//! The packet that everything travels in, and its way out of a stream that may hold anything.

/// What every packet begins with.
const HEADER: [u8; 2] = [0xEF, 0x01];
/// Header, address, kind and length.
const HEAD: usize = 9;
/// The most content of a packet: data packets have up to 256 bytes (facts/readers.md C.1); a longer one is noise.
pub const MOST_CONTENT: usize = 256;

/// The address of a module. It answers nobody who uses another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub u32);

impl Default for Address {
    /// As modules are delivered.
    fn default() -> Self {
        Self(0xFFFF_FFFF)
    }
}

/// What kind of packet it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pid {
    /// A command, to the module.
    Command,
    /// Data, more follow.
    Data,
    /// An answer, from the module.
    Answer,
    /// The last data.
    LastData,
}

impl Pid {
    fn byte(self) -> u8 {
        match self {
            Self::Command => 0x01,
            Self::Data => 0x02,
            Self::Answer => 0x07,
            Self::LastData => 0x08,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Command, Self::Data, Self::Answer, Self::LastData].into_iter().find(|pid| pid.byte() == byte)
    }
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Of the module, in both directions.
    pub address: Address,
    /// What it is.
    pub pid: Pid,
    /// At most [`MOST_CONTENT`] bytes; what is beyond is cut off when it is written.
    pub content: Vec<u8>,
}

impl Packet {
    /// As it goes over the line.
    pub fn encode(&self) -> Vec<u8> {
        let content = self.content.get(..MOST_CONTENT).unwrap_or(&self.content);
        // At most 258, because the content was just cut.
        let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(HEAD + content.len() + 2);
        bytes.extend_from_slice(&HEADER);
        bytes.extend_from_slice(&self.address.0.to_be_bytes());
        bytes.push(self.pid.byte());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(&checksum(self.pid, length, content).to_be_bytes());
        bytes
    }
}

/// From the kind to the end of the content, modulo 2^16.
fn checksum(pid: Pid, length: u16, content: &[u8]) -> u16 {
    let [high, low] = length.to_be_bytes();
    let head = [pid.byte(), high, low];
    head.iter().chain(content).fold(0, |sum: u16, byte| sum.wrapping_add(u16::from(*byte)))
}

/// Something that looked like a packet and was damaged on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadChecksum;

/// Finds packets in a stream, whatever lies between and however it is cut.
#[derive(Debug, Default)]
pub struct Decoder {
    held: Vec<u8>,
}

enum Seen {
    /// Too little to say anything.
    More,
    /// So many bytes begin no packet.
    Noise(usize),
    /// A packet of so many bytes.
    Whole(Packet, usize),
    Bad,
}

impl Decoder {
    /// What came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Throws away what is held: the rest of a packet that was cut would swallow the next one.
    pub fn clear(&mut self) {
        self.held.clear();
    }

    /// Whether a packet has begun whose rest is missing.
    pub fn begun(&self) -> bool {
        self.held.starts_with(&[0xEF, 0x01])
    }

    /// The next packet. Of one with a wrong checksum only the first byte is thrown away: the next whole packet may have begun
    /// within it.
    pub fn next_packet(&mut self) -> Option<Result<Packet, BadChecksum>> {
        loop {
            let (seen, used) = match look(&self.held) {
                Seen::More => return None,
                Seen::Noise(length) => (None, length),
                Seen::Whole(packet, length) => (Some(Ok(packet)), length),
                Seen::Bad => (Some(Err(BadChecksum)), 1),
            };
            self.held.drain(..used.min(self.held.len()));
            if seen.is_some() {
                return seen;
            }
        }
    }
}

fn look(held: &[u8]) -> Seen {
    let Some(start) = held.windows(2).position(|two| two == HEADER) else {
        // The last byte may be the first of a header.
        let keep = usize::from(held.last() == Some(&HEADER[0]));
        let noise = held.len() - keep;
        return if noise == 0 { Seen::More } else { Seen::Noise(noise) };
    };
    if start > 0 {
        return Seen::Noise(start);
    }
    let Some((head, rest)) = held.split_first_chunk::<HEAD>() else { return Seen::More };
    let [_, _, a, b, c, d, pid, high, low] = *head;
    let length = u16::from_be_bytes([high, low]);
    let content_length = usize::from(length).checked_sub(2).filter(|content| *content <= MOST_CONTENT);
    let (Some(pid), Some(content_length)) = (Pid::of(pid), content_length) else { return Seen::Noise(1) };
    let Some((content, rest)) = rest.split_at_checked(content_length) else { return Seen::More };
    let Some((sum, _)) = rest.split_first_chunk::<2>() else { return Seen::More };
    if u16::from_be_bytes(*sum) != checksum(pid, length, content) {
        return Seen::Bad;
    }
    let address = Address(u32::from_be_bytes([a, b, c, d]));
    Seen::Whole(Packet { address, pid, content: content.to_vec() }, HEAD + content_length + 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(decoder: &mut Decoder) -> Vec<Result<Packet, BadChecksum>> {
        std::iter::from_fn(|| decoder.next_packet()).collect()
    }

    fn answer(content: &[u8]) -> Packet {
        Packet { address: Address::default(), pid: Pid::Answer, content: content.to_vec() }
    }

    #[test]
    fn a_packet_that_was_cut_does_not_swallow_the_next() {
        let mut decoder = Decoder::default();
        let long = answer(&[0x11; 33]).encode();
        decoder.push(&long[..20]);
        decoder.push(&answer(&[0]).encode());
        assert_eq!(all(&mut decoder), []);
        decoder.push(&answer(&[2]).encode());
        assert_eq!(all(&mut decoder), [Err(BadChecksum), Ok(answer(&[0])), Ok(answer(&[2]))]);
    }

    #[test]
    fn a_length_that_no_packet_has_is_noise() {
        let mut decoder = Decoder::default();
        decoder.push(&[0xEF, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0xFF, 0xFF]);
        decoder.push(&[0xEF, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00, 0x01]);
        decoder.push(&answer(&[0]).encode());
        assert_eq!(all(&mut decoder), [Ok(answer(&[0]))]);
    }

    fn any_packet() -> impl Strategy<Value = Packet> {
        let pid = prop_oneof![Just(Pid::Command), Just(Pid::Data), Just(Pid::Answer), Just(Pid::LastData)];
        let content = proptest::collection::vec(any::<u8>(), 0..=MOST_CONTENT);
        (any::<u32>(), pid, content).prop_map(|(address, pid, content)| Packet {
            address: Address(address),
            pid,
            content,
        })
    }

    proptest! {
        #[test]
        fn packets_come_out_as_they_went_in_however_the_stream_is_cut(
            packets in proptest::collection::vec(any_packet(), 1..6), size in 1..40_usize
        ) {
            let stream: Vec<u8> = packets.iter().flat_map(Packet::encode).collect();
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                decoder.push(piece);
                found.extend(all(&mut decoder));
            }
            prop_assert_eq!(found, packets.into_iter().map(Ok).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_make_the_decoder_panic_or_stick(
            noise in proptest::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(0xEF), 1 => Just(0x01)], 0..700)
        ) {
            let mut decoder = Decoder::default();
            decoder.push(&noise);
            all(&mut decoder);
            // Whatever a header in the noise has announced, it ends.
            decoder.push(&[0; MOST_CONTENT + HEAD + 2]);
            all(&mut decoder);
            decoder.push(&answer(&[0]).encode());
            prop_assert_eq!(all(&mut decoder).pop(), Some(Ok(answer(&[0]))));
        }
    }
}
