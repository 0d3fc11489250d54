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

/// A frame that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// As it came.
    Whole(Bits),
    /// Something was wrong with it.
    Spoilt(Spoilt),
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Spoilt {
    /// The kernel's buffer overflowed.
    #[error("edges are missing: the machine was too busy")]
    Missing,
    /// Two edges too close to each other.
    #[error("pulses are too close to each other: noise on the wires")]
    TooClose,
    /// The clock went backwards.
    #[error("the times of the edges go backwards")]
    Backwards,
    /// More bits than any frame has.
    #[error("more than 64 bits without a pause")]
    TooLong,
}

/// What has come since the last silence, from lines that were opened once; those that are opened again count anew.
#[derive(Debug, Default)]
pub struct Frames {
    bits: Bits,
    spoilt: Option<Spoilt>,
    last: Option<Edge>,
    /// A frame is under way.
    open: bool,
}

impl Frames {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether silence would end a frame.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Takes an edge. Answers the frame before it, where there was silence between the two.
    pub fn push(&mut self, edge: Edge) -> Option<Frame> {
        let silence = u64::try_from(SILENCE.as_nanos()).unwrap_or(u64::MAX);
        let before = self.last.filter(|last| edge.at.saturating_sub(last.at) >= silence).and_then(|_| self.silence());
        if let Some(last) = self.last.replace(edge) {
            // The kernel's buffer has overflowed and the oldest edges are gone. Between two frames, too: what is left of the second one
            // could be a frame of another length.
            if edge.seq != last.seq.wrapping_add(1) {
                self.spoil(Spoilt::Missing);
            } else if edge.at < last.at {
                self.spoil(Spoilt::Backwards);
            } else if edge.at - last.at < CLOSEST {
                // Noise may begin a moment before the first bit: it spoils what follows all the same.
                self.spoil(Spoilt::TooClose);
            }
        }
        self.open = true;
        if !self.bits.push(edge.wire == Wire::Data1) {
            self.spoil(Spoilt::TooLong);
        }
        before
    }

    /// Nothing has come for [`SILENCE`]. Answers the frame that this ends.
    pub fn silence(&mut self) -> Option<Frame> {
        if !std::mem::take(&mut self.open) {
            return None;
        }
        let bits = std::mem::take(&mut self.bits);
        Some(self.spoilt.take().map_or(Frame::Whole(bits), Frame::Spoilt))
    }

    fn spoil(&mut self, why: Spoilt) {
        self.spoilt.get_or_insert(why);
    }
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
        found
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
        let endless = (0..65).map(|n| Edge { wire: Wire::Data1, at: u64::from(n) * 2 * MS, seq: n });
        assert_eq!(all(endless), [Frame::Spoilt(Spoilt::TooLong)]);
    }

    #[test]
    fn the_count_wraps_and_a_leap_before_a_frame_spoils_it() {
        let first = edges(bits(CARD), MS, 2 * MS, u32::MAX - 3);
        assert_eq!(all(first.clone()), [Frame::Whole(bits(CARD))]);
        let second = edges(bits(CARD), 900 * MS, 2 * MS, 100);
        let third = edges(bits(CARD), 1900 * MS, 2 * MS, 126);
        let found = all(first.into_iter().chain(second).chain(third));
        assert_eq!(found, [Frame::Whole(bits(CARD)), Frame::Spoilt(Spoilt::Missing), Frame::Whole(bits(CARD))]);
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
            noise in proptest::collection::vec((any::<bool>(), 0u64..80 * MS, any::<u32>()), 0..200),
        ) {
            let mut at = 0u64;
            let mut pushed: Vec<_> = noise
                .into_iter()
                .map(|(one, gap, seq)| {
                    at += gap;
                    Edge { wire: if one { Wire::Data1 } else { Wire::Data0 }, at, seq }
                })
                .collect();
            let seq = pushed.last().map_or(0, |last| last.seq.wrapping_add(1));
            pushed.extend(edges(bits(CARD), at + 60 * MS, 2 * MS, seq));
            let found = all(pushed);
            prop_assert_eq!(found.last(), Some(&Frame::Whole(bits(CARD))));
        }

        #[test]
        fn no_edges_panic(edges in proptest::collection::vec((any::<bool>(), any::<u64>(), any::<u32>()), 0..100)) {
            let edge = |(one, at, seq)| Edge { wire: if one { Wire::Data1 } else { Wire::Data0 }, at, seq };
            all(edges.into_iter().map(edge));
        }
    }
}
