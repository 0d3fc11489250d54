//! Where one frame ends and the next begins in what a device notifies.
//!
//! Notifications split and join frames as they like (facts/readers.md D.2), so they are taken as a stream of bytes. A frame that
//! stops in its middle is thrown away after a pause: half a number is another person's number.

/// The longest frame: what a reading may keep of it.
pub const LONGEST: usize = 4096;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;

/// How a device marks its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Ends with CR, LF, NUL, or any row of them.
    Line,
    /// Ends when nothing more comes for a while.
    Pause,
    /// Always so many bytes, 1 to [`LONGEST`].
    Fixed(usize),
    /// One byte of length before it.
    Length8,
    /// Two bytes of length before it, the low one first.
    Length16Le,
    /// Two bytes of length before it, the high one first.
    Length16Be,
    /// Between STX (02) and ETX (03).
    StxEtx,
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    held: Vec<u8>,
    /// The frame under way is longer than allowed: everything up to its end is thrown away.
    lost: bool,
}

impl Decoder {
    /// Nothing has come yet.
    pub fn new(framing: Framing) -> Self {
        Self { framing, held: Vec::new(), lost: false }
    }

    /// Takes what has come and answers the frames that are whole now, without their marks. Empty ones are left out.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        match self.framing {
            Framing::Line => {
                for byte in bytes {
                    match byte {
                        b'\r' | b'\n' | 0 => self.end(&mut frames),
                        other => self.keep(*other),
                    }
                }
            }
            Framing::Pause => bytes.iter().for_each(|byte| self.keep(*byte)),
            Framing::StxEtx => {
                for byte in bytes {
                    match *byte {
                        STX => {
                            self.held.clear();
                            self.held.push(STX);
                            self.lost = false;
                        }
                        ETX if !self.held.is_empty() => {
                            self.held.remove(0);
                            self.end(&mut frames);
                        }
                        other if !self.held.is_empty() => self.keep(other),
                        _ => {}
                    }
                }
            }
            Framing::Fixed(_) | Framing::Length8 | Framing::Length16Le | Framing::Length16Be => {
                for byte in bytes {
                    self.held.push(*byte);
                    self.counted(&mut frames);
                }
            }
        }
        frames
    }

    /// Nothing has come for a while. What is held is a frame where a pause ends one, and waste otherwise.
    pub fn pause(&mut self) -> Option<Vec<u8>> {
        let held = std::mem::take(&mut self.held);
        let lost = std::mem::take(&mut self.lost);
        let whole = self.framing == Framing::Pause && !lost && (1..=LONGEST).contains(&held.len());
        whole.then_some(held)
    }

    /// Whether a frame is under way.
    pub fn waits(&self) -> bool {
        self.lost || !self.held.is_empty()
    }

    fn keep(&mut self, byte: u8) {
        // One more than the longest: the STX of its framing is held too.
        if self.held.len() > LONGEST {
            self.lost = true;
        } else {
            self.held.push(byte);
        }
    }

    fn end(&mut self, frames: &mut Vec<Vec<u8>>) {
        let frame = std::mem::take(&mut self.held);
        let lost = std::mem::take(&mut self.lost) || frame.len() > LONGEST;
        if !lost && !frame.is_empty() {
            frames.push(frame);
        }
    }

    /// Takes a frame off if its counted bytes are there.
    fn counted(&mut self, frames: &mut Vec<Vec<u8>>) {
        let head = match self.framing {
            Framing::Length8 => 1,
            Framing::Length16Le | Framing::Length16Be => 2,
            _ => 0,
        };
        let length = match (self.framing, self.held.as_slice()) {
            (Framing::Fixed(length), _) => length.clamp(1, LONGEST),
            (Framing::Length8, [length, ..]) => usize::from(*length),
            (Framing::Length16Le, [low, high, ..]) => usize::from(u16::from_le_bytes([*low, *high])),
            (Framing::Length16Be, [high, low, ..]) => usize::from(u16::from_be_bytes([*high, *low])),
            _ => return,
        };
        if length > LONGEST {
            // No such frame exists: the length is noise. The next pause starts anew.
            self.held.clear();
        } else if self.held.len() >= head + length {
            let frame = self.held.split_off(head);
            self.held.clear();
            if !frame.is_empty() {
                frames.push(frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(framing: Framing, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut decoder = Decoder::new(framing);
        pieces.iter().flat_map(|piece| decoder.push(piece)).collect()
    }

    #[test]
    fn a_line_that_notifications_split_and_join_is_whole() {
        assert_eq!(
            frames(Framing::Line, &[b"us", b"er 7\r", b"\nuser 8\nuse"]),
            [b"user 7".to_vec(), b"user 8".to_vec()]
        );
    }

    #[test]
    fn half_a_line_is_never_taken() {
        let mut decoder = Decoder::new(Framing::Line);
        assert!(decoder.push(b"user 1").is_empty());
        assert!(decoder.waits());
        assert_eq!(decoder.pause(), None);
        assert!(!decoder.waits());
        assert_eq!(decoder.push(b"2\nuser 3\n"), [b"2".to_vec(), b"user 3".to_vec()]);
    }

    #[test]
    fn a_pause_ends_a_frame_where_the_device_marks_none() {
        let mut decoder = Decoder::new(Framing::Pause);
        assert!(decoder.push(b"04A1").is_empty());
        assert!(decoder.push(b"B2C3").is_empty());
        assert_eq!(decoder.pause().unwrap(), b"04A1B2C3");
        assert_eq!(decoder.pause(), None);
    }

    #[test]
    fn counted_frames_come_whole() {
        assert_eq!(frames(Framing::Fixed(3), &[b"ab", b"cdefg"]), [b"abc".to_vec(), b"def".to_vec()]);
        assert_eq!(frames(Framing::Length8, &[&[2, 9], &[8, 0, 1, 7]]), [vec![9, 8], vec![7]]);
        assert_eq!(frames(Framing::Length16Le, &[&[2, 0, 9, 8]]), [vec![9, 8]]);
        assert_eq!(frames(Framing::Length16Be, &[&[0, 2, 9, 8]]), [vec![9, 8]]);
        // A length that no frame has is noise.
        assert!(frames(Framing::Length16Be, &[&[0xFF, 0xFF]]).is_empty());
    }

    #[test]
    fn a_new_beginning_drops_what_was_begun() {
        assert_eq!(
            frames(Framing::StxEtx, &[b"xx\x02ab\x02cd", b"e\x03yy\x03\x02f\x03"]),
            [b"cde".to_vec(), b"f".to_vec()]
        );
    }

    #[test]
    fn a_frame_that_never_ends_costs_no_memory_and_is_not_taken() {
        for framing in [Framing::Line, Framing::Pause, Framing::StxEtx] {
            let mut decoder = Decoder::new(framing);
            decoder.push(&[STX]);
            for _ in 0..100 {
                assert!(decoder.push(&[b'x'; 1000]).is_empty());
                assert!(decoder.held.len() <= LONGEST + 1);
            }
            assert_eq!(decoder.pause(), None);
            decoder.push(&[STX]);
            decoder.push(&[b'x'; LONGEST + 10]);
            assert!(decoder.push(b"\n\x03").is_empty());
        }
    }

    fn framing() -> impl Strategy<Value = Framing> {
        prop_oneof![
            Just(Framing::Line),
            Just(Framing::Pause),
            (1..5000_usize).prop_map(Framing::Fixed),
            Just(Framing::Length8),
            Just(Framing::Length16Le),
            Just(Framing::Length16Be),
            Just(Framing::StxEtx),
        ]
    }

    proptest! {
        #[test]
        fn how_bytes_are_cut_into_notifications_does_not_matter(framing in framing(), bytes: Vec<u8>, cut in 1..40_usize) {
            let mut whole = Decoder::new(framing);
            let mut cuts = Decoder::new(framing);
            let cut: Vec<_> = bytes.chunks(cut).flat_map(|piece| cuts.push(piece)).collect();
            prop_assert_eq!(whole.push(&bytes), cut);
            prop_assert_eq!(whole.pause(), cuts.pause());
        }

        #[test]
        fn no_frame_is_empty_or_too_long(framing in framing(), bytes in proptest::collection::vec(any::<u8>(), 0..10_000)) {
            let mut decoder = Decoder::new(framing);
            for frame in decoder.push(&bytes).into_iter().chain(decoder.pause()) {
                prop_assert!((1..=LONGEST).contains(&frame.len()));
            }
        }
    }
}
