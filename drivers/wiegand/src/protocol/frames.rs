//! Edges into frames: what is a bit, where a frame ends, and what spoils one (facts/readers.md B.4).
//!
//! Kernel timestamps and sequence numbers decide, not the moment at which an edge is read: a burst that waited in the kernel's buffer is cut
//! as it was on the wire. Only the end of the last frame needs a clock of ours, and whoever has that calls [`Frames::silence`].

use std::time::Duration;

use super::bits::Bits;

/// Silence that ends a frame: bits come every 1 to 2 ms.
pub const SILENCE: Duration = Duration::from_millis(50);
/// Closer than this are no two bits: the fastest heads take 200 µs for one. It is bouncing, or noise on the wires.
const CLOSEST: u64 = 100_000;
/// The longest frame that is kept: the longest of those that are told of, a card holder's identifier, has 200 bits. Mains hum on an open
/// wire has no end.
pub const LONGEST: usize = 256;

/// Which wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// A pulse is a 0.
    Data0,
    /// A pulse is a 1.
    Data1,
}

/// The start of a pulse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where.
    pub wire: Wire,
    /// When, in nanoseconds of a clock that nobody sets.
    pub at: u64,
    /// The kernel's count of edges of both wires since they were opened; one is missing where it leaps.
    pub seq: u32,
}

/// What came between two silences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    /// What it is.
    pub frame: Frame,
    /// How many edges came, as far as they are known.
    pub edges: usize,
    /// When its first edge came, in nanoseconds of the clock of the edges.
    pub began: u64,
    /// When its last one came.
    pub ended: u64,
}

/// A frame that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// As it came.
    Whole(Bits),
    /// As it came, and longer than any number that is understood here: its bits as `0` and `1`.
    Long(String),
    /// Something was wrong with it.
    Spoilt(Spoilt),
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Spoilt {
    /// The kernel's buffer overflowed, or an interrupt came twice before it was served.
    #[error("edges are missing: the machine was too busy")]
    Missing,
    /// Two edges too close to each other.
    #[error("pulses are too close to each other: noise on the wires")]
    TooClose,
    /// The clock went backwards.
    #[error("the times of the edges go backwards")]
    Backwards,
    /// More bits than any frame has.
    #[error("more than {LONGEST} pulses without a pause")]
    Endless,
}

/// What has come since the last silence, from lines that were opened once; those that are opened again count anew.
#[derive(Debug, Default)]
pub struct Frames {
    edges: Vec<Edge>,
    /// With those that are not kept.
    count: usize,
    began: u64,
    latest: u64,
    /// The highest count of an edge so far.
    newest: Option<u32>,
    /// With which count this frame has to begin.
    expected: Option<u32>,
    /// An edge before or after it is missing.
    torn: bool,
}

impl Frames {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether silence would end a frame.
    pub fn is_open(&self) -> bool {
        self.count > 0
    }

    /// The head of the frame that begins now is gone.
    pub fn tear(&mut self) {
        self.torn = true;
    }

    /// Takes an edge. Answers the frame before it, where there was silence between the two.
    pub fn push(&mut self, edge: Edge) -> Option<Burst> {
        let silence = u64::try_from(SILENCE.as_nanos()).unwrap_or(u64::MAX);
        let before = if self.count > 0 && edge.at.saturating_sub(self.latest) >= silence {
            // Where the count leaps over the silence, the end of the one frame or the start of the other is gone, and what is left
            // of either could be a card of fewer bits.
            self.torn = self.newest.is_some_and(|newest| edge.seq != newest.wrapping_add(1));
            self.silence()
        } else {
            None
        };
        if self.count == 0 {
            (self.began, self.latest) = (edge.at, edge.at);
        }
        self.count += 1;
        self.latest = self.latest.max(edge.at);
        if self.newest.is_none_or(|newest| is_after(edge.seq, newest)) {
            self.newest = Some(edge.seq);
        }
        if self.edges.len() < LONGEST {
            self.edges.push(edge);
        }
        before
    }

    /// Nothing has come for [`SILENCE`], and nothing waits in the kernel. Answers the frame that this ends.
    pub fn silence(&mut self) -> Option<Burst> {
        let count = std::mem::take(&mut self.count);
        let mut edges = std::mem::take(&mut self.edges);
        let torn = std::mem::take(&mut self.torn);
        let first = edges.first()?.seq;
        // Each line's interrupt has a thread of its own in the kernel: on a busy machine two edges of different lines can be written
        // in the wrong order. Their count tells the right one.
        edges.sort_by_key(|edge| edge.seq.wrapping_sub(first).cast_signed());
        let expected = std::mem::replace(&mut self.expected, self.newest.map(|newest| newest.wrapping_add(1)));
        let begins_late = expected.is_some_and(|expected| edges.first().is_some_and(|edge| edge.seq != expected));
        let spoilt = if count > edges.len() {
            Some(Spoilt::Endless)
        } else if torn || begins_late {
            Some(Spoilt::Missing)
        } else {
            edges.iter().zip(edges.iter().skip(1)).find_map(|(one, next)| between(*one, *next))
        };
        let frame = spoilt.map_or_else(|| written(&edges), Frame::Spoilt);
        Some(Burst { frame, edges: count, began: self.began, ended: self.latest })
    }
}

/// Whether a count comes after another; both wrap.
fn is_after(count: u32, than: u32) -> bool {
    count.wrapping_sub(than).cast_signed() > 0
}

/// What is wrong between two edges that follow each other.
fn between(one: Edge, next: Edge) -> Option<Spoilt> {
    if next.seq != one.seq.wrapping_add(1) {
        Some(Spoilt::Missing)
    } else if next.at < one.at {
        Some(Spoilt::Backwards)
    } else if next.at - one.at < CLOSEST {
        Some(Spoilt::TooClose)
    } else {
        None
    }
}

fn written(edges: &[Edge]) -> Frame {
    let text: String = edges.iter().map(|edge| if edge.wire == Wire::Data1 { '1' } else { '0' }).collect();
    Bits::parse(&text).map_or(Frame::Long(text), Frame::Whole)
}

/// The edges of a frame, its first at `from`, one bit every `period` nanoseconds; the way back.
pub fn edges(frame: Bits, from: u64, period: u64, seq: u32) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(usize::from(frame.len()));
    let (mut at, mut seq) = (from, seq);
    for bit in frame.iter() {
        edges.push(Edge { wire: if bit { Wire::Data1 } else { Wire::Data0 }, at, seq });
        (at, seq) = (at.saturating_add(period), seq.wrapping_add(1));
    }
    edges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    fn all(pushed: impl IntoIterator<Item = Edge>) -> Vec<Frame> {
        let mut frames = Frames::new();
        let mut found: Vec<_> = pushed.into_iter().filter_map(|edge| frames.push(edge)).collect();
        found.extend(frames.silence());
        assert_eq!(frames.silence(), None);
        found.into_iter().map(|burst| burst.frame).collect()
    }

    fn bits(text: &str) -> Bits {
        Bits::parse(text).unwrap()
    }

    const CARD: &str = "00111010001011010011100000";

    #[test]
    fn silence_ends_a_frame_whenever_its_edges_are_read() {
        // 160 µs and 880 µs, 50 µs and 2 ms (facts/readers.md B.4): from edge to edge 1.04 and 2 ms.
        for period in [1_040_000, 2 * MS, 200_000, 20 * MS] {
            let first = edges(bits(CARD), MS, period, 7);
            let last = first.last().unwrap();
            let second = edges(bits("0101"), last.at + 50 * MS, period, last.seq + 1);
            let found = all(first.into_iter().chain(second));
            assert_eq!(found, [Frame::Whole(bits(CARD)), Frame::Whole(bits("0101"))], "{period}");
        }
    }

    #[test]
    fn a_missing_edge_spoils_its_frame_alone() {
        for lost in 1..25 {
            let mut pushed = edges(bits(CARD), MS, 2 * MS, 7);
            pushed.remove(lost);
            pushed.extend(edges(bits(CARD), 500 * MS, 2 * MS, 33));
            assert_eq!(all(pushed), [Frame::Spoilt(Spoilt::Missing), Frame::Whole(bits(CARD))], "{lost}");
        }
    }

    #[test]
    fn bouncing_clocks_that_go_back_and_endless_bits_spoil_a_frame() {
        let mut bouncing = edges(bits("0101"), MS, 2 * MS, 0);
        let last = *bouncing.last().unwrap();
        bouncing.push(Edge { at: last.at + 30_000, seq: 4, ..last });
        assert_eq!(all(bouncing), [Frame::Spoilt(Spoilt::TooClose)]);
        let back = [Edge { wire: Wire::Data0, at: 9, seq: 0 }, Edge { wire: Wire::Data0, at: 8, seq: 1 }];
        assert_eq!(all(back), [Frame::Spoilt(Spoilt::Backwards)]);
        let hum = |count| (0..count).map(|n| Edge { wire: Wire::Data1, at: u64::from(n) * 2 * MS, seq: n });
        assert_eq!(all(hum(256)), [Frame::Long("1".repeat(256))]);
        let after = edges(bits(CARD), 9_000 * MS, 2 * MS, 2_000);
        assert_eq!(all(hum(2_000).chain(after)), [Frame::Spoilt(Spoilt::Endless), Frame::Whole(bits(CARD))]);
    }

    /// 58 and 66 bits are in use for cards of 7 and 8 bytes.
    #[test]
    fn a_frame_of_more_than_64_bits_is_kept_as_it_came() {
        for count in [65, 66, 75, 200] {
            let wire = |n| if n % 3 == 0 { Wire::Data1 } else { Wire::Data0 };
            let long = (0..count).map(|n| Edge { wire: wire(n), at: u64::from(n) * 2 * MS, seq: n });
            let text: String = (0..count).map(|n| if n % 3 == 0 { '1' } else { '0' }).collect();
            assert_eq!(all(long), [Frame::Long(text)]);
        }
    }

    /// The first 26 of 34 bits were read, then the kernel's buffer ran over: the head of the next card is gone, too.
    #[test]
    fn a_leap_over_a_silence_spoils_both_sides_unless_the_first_was_seen_to_end() {
        let (head, tail) = (edges(bits(CARD), MS, 2 * MS, 1), edges(bits(CARD), 900 * MS, 2 * MS, 43));
        let missing = Frame::Spoilt(Spoilt::Missing);
        assert_eq!(all(head.iter().chain(&tail).copied()), [missing.clone(), missing.clone()]);
        let mut frames = Frames::new();
        assert!(head.iter().all(|edge| frames.push(*edge).is_none()));
        assert_eq!(frames.silence().unwrap().frame, Frame::Whole(bits(CARD)));
        assert!(tail.iter().all(|edge| frames.push(*edge).is_none()));
        assert_eq!(frames.silence().unwrap().frame, missing);
    }

    #[test]
    fn a_burst_tells_when_it_began_and_ended_by_the_clock_of_its_edges() {
        let mut frames = Frames::new();
        for edge in edges(bits("0101"), 7 * MS, 2 * MS, 5) {
            assert_eq!(frames.push(edge), None);
        }
        let burst = frames.silence().unwrap();
        assert_eq!((burst.edges, burst.began, burst.ended), (4, 7 * MS, 13 * MS));
    }

    #[test]
    fn the_count_wraps() {
        let first = edges(bits(CARD), MS, 2 * MS, u32::MAX - 3);
        let second = edges(bits(CARD), 900 * MS, 2 * MS, 22);
        assert_eq!(all(first.into_iter().chain(second)), [Frame::Whole(bits(CARD)), Frame::Whole(bits(CARD))]);
    }

    proptest! {
        #[test]
        fn frames_come_back(texts in proptest::collection::vec("[01]{1,64}", 1..5), period in 200_000u64..20_000_000) {
            let (mut at, mut seq, mut pushed) = (0, 0, Vec::new());
            for text in &texts {
                pushed.extend(edges(bits(text), at, period, seq));
                let last = pushed.last().unwrap();
                (at, seq) = (last.at + 60 * MS, last.seq + 1);
            }
            let wanted: Vec<_> = texts.iter().map(|text| Frame::Whole(bits(text))).collect();
            prop_assert_eq!(all(pushed), wanted);
        }

        #[test]
        fn whatever_noise_comes_the_frame_after_a_silence_is_whole(
            noise in proptest::collection::vec((any::<bool>(), 0u64..80 * MS, 1u32..4), 0..400),
        ) {
            let (mut at, mut seq) = (0u64, u32::MAX - 50);
            let mut pushed: Vec<_> = noise
                .into_iter()
                .map(|(one, gap, step)| {
                    at += gap;
                    seq = seq.wrapping_add(step);
                    Edge { wire: if one { Wire::Data1 } else { Wire::Data0 }, at, seq }
                })
                .collect();
            let seq = pushed.last().map_or(0, |last| last.seq.wrapping_add(1));
            pushed.extend(edges(bits(CARD), at + 60 * MS, 2 * MS, seq));
            let found = all(pushed);
            prop_assert_eq!(found.last(), Some(&Frame::Whole(bits(CARD))));
        }

        /// Whichever edges the kernel loses of several frames: what is whole is one of the frames that were sent.
        #[test]
        fn lost_edges_never_make_a_frame_of_fewer_bits(
            texts in proptest::collection::vec("[01]{26,37}", 2..5),
            lost in proptest::collection::btree_set(0usize..100, 1..40),
            from in 0usize..100,
        ) {
            let (mut at, mut seq, mut pushed) = (0, 0, Vec::new());
            for text in &texts {
                pushed.extend(edges(bits(text), at, MS, seq));
                let last = *pushed.last().unwrap();
                (at, seq) = (last.at + 60 * MS, last.seq + 1);
            }
            // One at a time and a run of them; never the very last, which nothing follows.
            let gone = |at: usize| at + 1 < pushed.len() && (lost.contains(&at) || (from..from + lost.len()).contains(&at));
            let left = pushed.iter().enumerate().filter(|(at, _)| !gone(*at) && *at >= 1).map(|(_, edge)| *edge);
            // That the first of all is known keeps a loss at the very start from hiding.
            let found = all(pushed.first().copied().into_iter().chain(left));
            for frame in found {
                if let Frame::Whole(whole) = frame {
                    prop_assert!(texts.iter().any(|text| bits(text) == whole), "{whole}");
                }
            }
        }

        /// Two edges that the kernel's threads wrote in the wrong order.
        #[test]
        fn edges_of_two_wires_may_change_places(text in "[01]{8,64}", swaps in proptest::collection::vec(0usize..63, 0..20)) {
            let mut pushed = edges(bits(&text), MS, MS, u32::MAX - 20);
            let mut at = 0;
            for swap in swaps {
                at += 2 + swap % 5;
                if at + 1 < pushed.len() {
                    pushed.swap(at, at + 1);
                }
            }
            prop_assert_eq!(all(pushed), [Frame::Whole(bits(&text))]);
        }

        #[test]
        fn no_edges_panic(edges in proptest::collection::vec((any::<bool>(), any::<u64>(), any::<u32>()), 0..100)) {
            let edge = |(one, at, seq)| Edge { wire: if one { Wire::Data1 } else { Wire::Data0 }, at, seq };
            all(edges.into_iter().map(edge));
        }
    }
}
