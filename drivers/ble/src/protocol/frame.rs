//! Where one frame ends and the next begins in what a device notifies, and when.
//!
//! Notifications split and join frames as they like (facts/readers.md D.2), so they are taken as a stream of bytes with the times at
//! which they arrived. A frame that stops in its middle is a part: half a number is another person's number, and so is its other half.

use std::time::Duration;

use punchd_contract::text_in_time::{Text, Told};
use punchd_contract::{Ends, PresentedText, TextInTime};

/// The longest frame: what a reading may keep of it.
pub const LONGEST: usize = punchd_contract::presented_text::MAX_LINE;

/// The rest of a message has come two to three seconds after its beginning (adafruit/Adafruit_BluefruitLE_nRF51 #5): where a pause
/// alone ends messages, so much of it does.
const STALLS: Duration = Duration::from_secs(3);

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
    pause: Duration,
    texts: TextInTime,
    counted: Counted,
    /// Between STX and ETX.
    open: bool,
}

/// Frames that are told by their length. After one stopped in its middle, nothing tells where the next begins: from then on what comes
/// between two pauses is frames only if it is so to its last byte.
#[derive(Debug, Default)]
struct Counted {
    held: Vec<u8>,
    last: Duration,
    /// A frame was given up.
    astray: bool,
    overlong: bool,
}

impl Decoder {
    /// Nothing has come yet. `pause`: the silence after which a frame under way is given up, or ended where that is what ends it.
    pub fn new(framing: Framing, pause: Duration) -> Self {
        let ends = if framing == Framing::Pause { Ends::Silence } else { Ends::Terminator };
        let (texts, counted) = (TextInTime::new(ends, pause).stalling(STALLS), Counted::default());
        Self { framing, pause, texts, counted, open: false }
    }

    /// The same, of texts that mean this.
    pub fn meaning(mut self, means: &PresentedText) -> Self {
        self.texts = self.texts.meaning(means);
        self
    }

    /// Takes what has come at this time and tells the frames that are whole now, without their marks. Empty ones are left out.
    pub fn push(&mut self, bytes: &[u8], at: Duration, told: &mut Vec<Told>) {
        self.pass(at, told);
        for byte in bytes {
            match (self.framing, *byte) {
                (Framing::Line, b'\r' | b'\n' | 0) => self.texts.end(at, told),
                (Framing::Line | Framing::Pause, other) => self.texts.byte(other, at, told),
                (Framing::StxEtx, STX) => {
                    // What was begun has lost its end.
                    self.texts.broken(false, told);
                    self.open = true;
                }
                (Framing::StxEtx, ETX) if self.open => {
                    self.open = false;
                    self.texts.end(at, told);
                }
                (Framing::StxEtx, other) if self.open => self.texts.byte(other, at, told),
                (Framing::StxEtx, _) => {}
                (Framing::Fixed(_) | Framing::Length8 | Framing::Length16Le | Framing::Length16Be, other) => {
                    self.counted.last = at;
                    if self.counted.held.len() < LONGEST + 2 {
                        self.counted.held.push(other);
                    } else {
                        self.counted.overlong = true;
                    }
                    if !self.counted.astray {
                        self.take_counted(told);
                    }
                }
            }
        }
    }

    /// When silence means something, if nothing comes before; `None`: none does.
    pub fn due(&self) -> Option<Duration> {
        let counted = (!self.counted.held.is_empty()).then(|| self.counted.last + self.pause);
        counted.or_else(|| self.texts.due())
    }

    /// Time has passed and nothing has come.
    pub fn pass(&mut self, now: Duration, told: &mut Vec<Told>) {
        let open = self.texts.due();
        self.texts.pass(now, told);
        if self.framing == Framing::StxEtx && open.is_some_and(|due| now >= due) {
            // Up to the next STX nothing is a frame, so there is nothing to wait for.
            self.open = false;
            self.texts.broken(false, told);
        }
        if !self.counted.held.is_empty() && now >= self.counted.last + self.pause {
            self.counted_pause(told);
        }
    }

    /// The link was lost: what is held is given up, and its tail may come over the next one.
    pub fn broken(&mut self, told: &mut Vec<Told>) {
        let goes_on = self.framing != Framing::StxEtx;
        self.texts.broken(goes_on, told);
        self.open = false;
        if !self.counted.held.is_empty() {
            self.give_up_counted(told);
        }
    }

    /// Takes frames off as long as their counted bytes are there.
    fn take_counted(&mut self, told: &mut Vec<Told>) {
        while let Some((head, length)) = self.next_length() {
            if length > LONGEST {
                // No such frame exists: the length is noise.
                self.counted.astray = true;
                return;
            }
            if self.counted.held.len() < head + length {
                return;
            }
            let rest = self.counted.held.split_off(head + length);
            let mut frame = std::mem::replace(&mut self.counted.held, rest);
            frame.drain(..head);
            if !frame.is_empty() {
                told.push(Told::Whole(Text { bytes: frame, at: self.counted.last }));
            }
        }
    }

    /// How many bytes the length itself has, and how many it announces.
    fn next_length(&self) -> Option<(usize, usize)> {
        match (self.framing, self.counted.held.as_slice()) {
            (_, []) => None,
            (Framing::Fixed(length), _) => Some((0, length.clamp(1, LONGEST))),
            (Framing::Length8, [length, ..]) => Some((1, usize::from(*length))),
            (Framing::Length16Le, [low, high, ..]) => Some((2, usize::from(u16::from_le_bytes([*low, *high])))),
            (Framing::Length16Be, [high, low, ..]) => Some((2, usize::from(u16::from_be_bytes([*high, *low])))),
            _ => None,
        }
    }

    /// A pause among counted frames: what is held stopped in its middle, or was waited for to see whether it is frames to its last byte.
    fn counted_pause(&mut self, told: &mut Vec<Told>) {
        if self.counted.astray && !self.counted.overlong {
            let (before, mut frames) = (self.counted.held.clone(), Vec::new());
            self.take_counted(&mut frames);
            if self.counted.held.is_empty() {
                self.counted.astray = false;
                told.append(&mut frames);
                return;
            }
            self.counted.held = before;
        }
        self.give_up_counted(told);
    }

    fn give_up_counted(&mut self, told: &mut Vec<Told>) {
        let mut bytes = std::mem::take(&mut self.counted.held);
        bytes.truncate(LONGEST);
        told.push(Told::Part(Text { bytes, at: self.counted.last }));
        (self.counted.astray, self.counted.overlong) = (true, false);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAUSE: Duration = Duration::from_millis(300);

    /// Whole frames as they are, parts in brackets; pieces with the milliseconds before each, silence at the end.
    fn frames(framing: Framing, pieces: &[(u64, &[u8])]) -> Vec<String> {
        let (mut decoder, mut told, mut now) = (Decoder::new(framing, PAUSE), Vec::new(), Duration::ZERO);
        for (pause, piece) in pieces {
            now += Duration::from_millis(*pause);
            decoder.push(piece, now, &mut told);
        }
        decoder.pass(now + Duration::from_secs(9), &mut told);
        assert_eq!(decoder.due(), None);
        let show = |told: &Told| match told {
            Told::Whole(text) => text.bytes.escape_ascii().to_string(),
            Told::Part(text) => format!("[{}]", text.bytes.escape_ascii()),
        };
        told.iter().map(show).collect()
    }

    #[test]
    fn a_line_that_notifications_split_and_join_is_whole() {
        let pieces: [(u64, &[u8]); 3] = [(0, b"us"), (30, b"er 7\r"), (400, b"\nuser 8\n")];
        assert_eq!(frames(Framing::Line, &pieces), ["user 7", "user 8"]);
    }

    #[test]
    fn half_a_line_is_nobodys_and_so_is_its_tail() {
        for pause in [600, 5000, 120_000] {
            let pieces: [(u64, &[u8]); 3] = [(0, b"1002"), (pause, b"34\n"), (0, b"100234\n")];
            assert_eq!(frames(Framing::Line, &pieces), ["[1002]", "[34]", "100234"]);
        }
    }

    #[test]
    fn a_line_over_two_links_is_nobodys() {
        let (mut decoder, mut told) = (Decoder::new(Framing::Line, PAUSE), Vec::new());
        decoder.push(b"1002", Duration::ZERO, &mut told);
        decoder.broken(&mut told);
        decoder.push(b"34\n56\n", Duration::from_secs(3), &mut told);
        let whole: Vec<_> = told.iter().filter(|told| matches!(told, Told::Whole(_))).collect();
        assert!(matches!(whole[..], [Told::Whole(text)] if text.bytes == b"56"), "{told:?}");
    }

    #[test]
    fn a_pause_ends_a_frame_where_the_device_marks_none() {
        let pieces: [(u64, &[u8]); 4] = [(0, b"04A1"), (30, b"B2C3"), (3000, b"1002"), (2500, b"34")];
        assert_eq!(frames(Framing::Pause, &pieces), ["04A1B2C3", "[1002]", "[34]"]);
    }

    #[test]
    fn counted_frames_come_whole() {
        assert_eq!(frames(Framing::Fixed(3), &[(0, b"ab"), (9, b"cdef")]), ["abc", "def"]);
        assert_eq!(frames(Framing::Length8, &[(0, &[2, b'9']), (9, &[b'8', 0, 1, b'7'])]), ["98", "7"]);
        assert_eq!(frames(Framing::Length16Le, &[(0, &[2, 0, b'9', b'8'])]), ["98"]);
        assert_eq!(frames(Framing::Length16Be, &[(0, &[0, 2, b'9', b'8'])]), ["98"]);
        // A length that no frame has is noise.
        assert_eq!(frames(Framing::Length16Be, &[(0, &[0xFF, 0xFF])]), ["[\\xff\\xff]"]);
    }

    #[test]
    fn counted_frames_find_their_beginning_again_after_one_stopped_in_its_middle() {
        let pieces: [(u64, &[u8]); 5] = [(0, b"10"), (500, b"02345"), (500, b"1003"), (10, b"1004"), (10, b"1005")];
        assert_eq!(frames(Framing::Fixed(4), &pieces), ["[10]", "[02345]", "1003", "1004", "1005"]);
    }

    #[test]
    fn a_new_beginning_drops_what_was_begun_and_nothing_outside_of_marks_is_a_frame() {
        let pieces: [(u64, &[u8]); 2] = [(0, b"xx\x02ab\x02cd"), (9, b"e\x03yy\x03\x02f\x03")];
        assert_eq!(frames(Framing::StxEtx, &pieces), ["[ab]", "cde", "f"]);
        let pieces: [(u64, &[u8]); 2] = [(0, b"\x021002"), (900, b"34\x03\x0256\x03")];
        assert_eq!(frames(Framing::StxEtx, &pieces), ["[1002]", "56"]);
    }

    #[test]
    fn a_frame_that_never_ends_costs_no_memory_and_is_not_taken() {
        for framing in [Framing::Line, Framing::Pause, Framing::StxEtx, Framing::Length16Be] {
            let (mut decoder, mut told) = (Decoder::new(framing, PAUSE), Vec::new());
            if framing == Framing::StxEtx {
                decoder.push(&[STX], Duration::ZERO, &mut told);
            }
            for _ in 0..100 {
                decoder.push(&[0xFF; 1000], Duration::ZERO, &mut told);
                assert!(told.is_empty() && decoder.counted.held.len() <= LONGEST + 2);
            }
            decoder.pass(Duration::from_secs(9), &mut told);
            assert!(matches!(&told[..], [Told::Part(text)] if text.bytes.len() <= LONGEST), "{framing:?}");
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
            let cut: Vec<(u64, &[u8])> = bytes.chunks(cut).map(|piece| (0, piece)).collect();
            prop_assert_eq!(frames(framing, &[(0, &bytes)]), frames(framing, &cut));
        }

        #[test]
        fn no_frame_is_empty_or_too_long(framing in framing(), bytes in proptest::collection::vec(any::<u8>(), 0..10_000)) {
            let (mut decoder, mut told) = (Decoder::new(framing, PAUSE), Vec::new());
            decoder.push(&bytes, Duration::ZERO, &mut told);
            decoder.pass(Duration::from_secs(9), &mut told);
            for Told::Whole(text) | Told::Part(text) in told {
                prop_assert!((1..=LONGEST).contains(&text.bytes.len()));
            }
        }

        /// Whatever marks the frames and wherever in them the device stalls once: each is whole or nobody's.
        #[test]
        fn a_frame_is_whole_or_nobodys_however_it_is_split_in_time(
            numbers in proptest::collection::vec("[0-9]{4}", 1..8),
            at: prop::sample::Index,
            stall in prop_oneof![0_u64..900, 900_u64..400_000],
            between in prop_oneof![Just(0_u64), 1500_u64..5000],
        ) {
            for framing in [Framing::Line, Framing::Fixed(4), Framing::Length8, Framing::Length16Le, Framing::Length16Be, Framing::StxEtx] {
                let framed = |number: &String| -> Vec<u8> {
                    let number = number.as_bytes();
                    match framing {
                        Framing::Length8 => [&[4], number].concat(),
                        Framing::Length16Le => [&[4, 0], number].concat(),
                        Framing::Length16Be => [&[0, 4], number].concat(),
                        Framing::StxEtx => [&[STX], number, &[ETX]].concat(),
                        Framing::Line => [number, b"\n"].concat(),
                        Framing::Fixed(_) | Framing::Pause => number.to_vec(),
                    }
                };
                let bytes: Vec<(u64, u8)> = numbers.iter().flat_map(|number| {
                    framed(number).into_iter().enumerate().map(|(at, byte)| (if at == 0 { between } else { 1 }, byte))
                }).collect();
                let stalls = at.index(bytes.len());
                let bytes: Vec<(u64, [u8; 1])> = bytes.into_iter().enumerate().map(|(at, (pause, byte))| {
                    (if at == stalls { stall } else { pause }, [byte])
                }).collect();
                let pieces: Vec<(u64, &[u8])> = bytes.iter().map(|(pause, byte)| (*pause, &byte[..])).collect();
                let told = frames(framing, &pieces);
                let mut wanted = numbers.iter();
                for told in told.iter().filter(|told| !told.starts_with('[')) {
                    prop_assert!(wanted.any(|wanted| wanted == told), "{framing:?}: {} is a part of {:?}", told, numbers);
                }
            }
        }
    }
}
