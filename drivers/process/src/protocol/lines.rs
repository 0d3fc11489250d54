//! Cuts a stream of bytes into lines, however it arrives.

/// Bytes on their way to being lines.
#[derive(Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    /// So much of the buffer has no line end.
    searched: usize,
    /// How many lines have ended.
    number: u64,
    longest: usize,
    /// The rest of a line that was too long is thrown away.
    skipping: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The bytes of line `number` (from 1), without its end.
    Whole {
        /// Which.
        number: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Line `number` is longer than allowed; what there was of it is gone.
    TooLong {
        /// Which.
        number: u64,
    },
}

impl Lines {
    /// For lines of at most so many bytes.
    pub fn new(longest: usize) -> Self {
        Self { buffer: Vec::new(), searched: 0, number: 0, longest, skipping: false }
    }

    /// Takes what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line, if it has ended. A line may end in `\n` or `\r\n`; a byte order mark before the first is dropped.
    pub fn take(&mut self) -> Option<Line> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n').map(|at| at + self.searched) else {
                self.searched = self.buffer.len();
                return self.unfinished();
            };
            let mut bytes: Vec<u8> = self.buffer.drain(..=end).collect();
            (self.searched, self.number) = (0, self.number.saturating_add(1));
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.number == 1
                && let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF")
            {
                bytes = rest.to_vec();
            }
            let number = self.number;
            return Some(if bytes.len() > self.longest {
                Line::TooLong { number }
            } else {
                Line::Whole { number, bytes }
            });
        }
    }

    fn unfinished(&mut self) -> Option<Line> {
        // One more for the `\r` that may precede the end.
        if self.buffer.len() <= self.longest + 1 {
            return None;
        }
        (self.buffer, self.searched) = (Vec::new(), 0);
        let fresh = !std::mem::replace(&mut self.skipping, true);
        fresh.then(|| Line::TooLong { number: self.number.saturating_add(1) })
    }

    /// What came after the last line end.
    pub fn rest(&self) -> &[u8] {
        if self.skipping { &[] } else { &self.buffer }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(lines: &mut Lines) -> Vec<Line> {
        std::iter::from_fn(|| lines.take()).collect()
    }

    fn whole(number: u64, text: &str) -> Line {
        Line::Whole { number, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn both_line_ends_and_a_byte_order_mark_are_taken() {
        let mut lines = Lines::new(10);
        lines.push(b"\xEF\xBB\xBFa\r\nb\n\nc");
        assert_eq!(all(&mut lines), [whole(1, "a"), whole(2, "b"), whole(3, "")]);
        assert_eq!(lines.rest(), b"c");
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_the_next_one_is_read() {
        let mut lines = Lines::new(4);
        lines.push(b"1234\r\n12345\n12345678");
        assert_eq!(all(&mut lines), [whole(1, "1234"), Line::TooLong { number: 2 }, Line::TooLong { number: 3 }]);
        lines.push(b"90123456789012");
        assert_eq!(all(&mut lines), []);
        lines.push(b"\nok\n");
        assert_eq!(all(&mut lines), [whole(4, "ok")]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_are_cut(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), cut in 1usize..20) {
            let mut at_once = Lines::new(1000);
            at_once.push(&bytes);
            let mut in_pieces = Lines::new(1000);
            let mut found = Vec::new();
            for piece in bytes.chunks(cut) {
                in_pieces.push(piece);
                found.extend(all(&mut in_pieces));
            }
            prop_assert_eq!(all(&mut at_once), found);
        }
    }
}
