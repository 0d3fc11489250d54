//! Lines of text out of a stream of bytes: with whatever terminator the reader was set to, or none.

use std::time::Duration;

use punchd_contract::presented_text::MAX_LINE;

use super::decoder::Heard;

/// After this much silence the beginning of a line that a terminator was to end is given up: its end was lost, and the next line must
/// not be joined to it. Bluetooth and serial servers pause less in the middle of a line, people more between two cards.
const STALE: Duration = Duration::from_millis(500);

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// CR, LF, Tab or ETX, whichever comes; silence, until one of them has come for the first time.
    Auto,
    /// CR.
    Cr,
    /// LF.
    Lf,
    /// CR LF.
    CrLf,
    /// Tab.
    Tab,
    /// ETX.
    Etx,
    /// Silence alone.
    Silence,
}

/// The words of [`End`] in settings.
pub const WORDS: &[&str] = &["auto", "cr", "lf", "crlf", "tab", "etx", "none"];

impl End {
    /// From the word in settings.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "auto" => Self::Auto,
            "cr" => Self::Cr,
            "lf" => Self::Lf,
            "crlf" => Self::CrLf,
            "tab" => Self::Tab,
            "etx" => Self::Etx,
            "none" => Self::Silence,
            _ => return None,
        })
    }
}

/// Collects lines. Holds at most [`MAX_LINE`] bytes.
#[derive(Debug)]
pub struct Lines {
    end: End,
    idle: Duration,
    held: Vec<u8>,
    /// The line is longer than any reader's; the rest of it is let go by.
    overlong: bool,
    /// A terminator has ended a line before: this reader has one.
    terminated: bool,
}

impl Lines {
    /// Lines that end like this; `idle` is the silence that ends one where nothing else does.
    pub fn new(end: End, idle: Duration) -> Self {
        let terminated = !matches!(end, End::Auto | End::Silence);
        Self { end, idle, held: Vec::new(), overlong: false, terminated }
    }

    /// Takes a byte; answers the line that it ends.
    pub fn push(&mut self, byte: u8) -> Option<Heard> {
        let ends = match self.end {
            End::Auto => matches!(byte, b'\r' | b'\n' | b'\t' | 0x03),
            End::Cr => byte == b'\r',
            End::Lf => byte == b'\n',
            End::CrLf => byte == b'\n' && self.held.last() == Some(&b'\r'),
            End::Tab => byte == b'\t',
            End::Etx => byte == 0x03,
            End::Silence => false,
        };
        if ends {
            self.terminated |= !self.held.is_empty();
            if self.end == End::CrLf {
                self.held.pop();
            }
            return self.take();
        }
        if self.held.len() == MAX_LINE {
            self.overlong = true;
            // What may be the first half of CR LF is kept track of all the same.
            self.held.clear();
        }
        self.held.push(byte);
        None
    }

    /// How much silence means something now; `None`: none does, there is nothing held.
    pub fn waits(&self) -> Option<Duration> {
        let open = self.overlong || !self.held.is_empty();
        open.then(|| if self.terminated { STALE.max(self.idle) } else { self.idle })
    }

    /// There was that much silence.
    pub fn quiet(&mut self) -> Option<Heard> {
        if self.terminated && !self.overlong {
            let lost = self.held.len();
            self.held.clear();
            return (lost > 0).then_some(Heard::Broken);
        }
        self.take()
    }

    fn take(&mut self) -> Option<Heard> {
        let line = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.overlong) {
            return Some(Heard::Broken);
        }
        (!line.is_empty()).then_some(Heard::Line(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_millis(80);

    fn lines(end: End, bytes: &[u8]) -> (Vec<Heard>, Lines) {
        let mut lines = Lines::new(end, IDLE);
        let heard = bytes.iter().filter_map(|byte| lines.push(*byte)).collect();
        (heard, lines)
    }

    fn line(text: &str) -> Heard {
        Heard::Line(text.into())
    }

    #[test]
    fn every_usual_terminator_ends_a_line_without_being_told_which() {
        for bytes in ["a\rb\r", "a\nb\n", "a\r\nb\r\n", "a\tb\t", "a\x03b\x03", "\r\n\r\na\r\n\r\nb\r\n"] {
            assert_eq!(lines(End::Auto, bytes.as_bytes()).0, [line("a"), line("b")], "{bytes:?}");
        }
    }

    #[test]
    fn a_chosen_terminator_leaves_the_others_in_the_line() {
        assert_eq!(lines(End::CrLf, b"a\tb\nc\rd\r\n").0, [line("a\tb\nc\rd")]);
        assert_eq!(lines(End::Cr, b"a\nb\r").0, [line("a\nb")]);
        assert_eq!(lines(End::Lf, b"a\tb\n").0, [line("a\tb")]);
        assert_eq!(lines(End::Tab, b"a\nb\t").0, [line("a\nb")]);
        assert_eq!(lines(End::Etx, b"a\nb\x03").0, [line("a\nb")]);
    }

    #[test]
    fn silence_ends_a_line_of_a_reader_that_has_no_terminator() {
        for end in [End::Auto, End::Silence] {
            let (heard, mut lines) = lines(end, b"abc");
            assert_eq!((heard, lines.waits()), (vec![], Some(IDLE)));
            assert_eq!((lines.quiet(), lines.waits()), (Some(line("abc")), None));
        }
    }

    #[test]
    fn half_a_line_of_a_reader_that_has_one_is_given_up_and_never_joined_to_the_next() {
        for end in [End::Auto, End::CrLf] {
            let (_, mut lines) = lines(end, b"whole\r\nhal");
            assert_eq!(lines.waits(), Some(STALE));
            assert_eq!((lines.quiet(), lines.waits()), (Some(Heard::Broken), None));
            let next: Vec<_> = b"next\r\n".iter().filter_map(|byte| lines.push(*byte)).collect();
            assert_eq!(next, [line("next")]);
        }
    }

    #[test]
    fn a_line_without_end_costs_bounded_memory_and_not_the_line_after_it() {
        for end in [End::Auto, End::CrLf] {
            let mut bytes = vec![b'x'; 3 * MAX_LINE + 7];
            bytes.extend(b"\r\nnext\r\n");
            let (heard, lines) = lines(end, &bytes);
            assert_eq!(heard, [Heard::Broken, line("next")]);
            assert!(lines.held.capacity() <= 2 * MAX_LINE);
        }
        let (_, mut endless) = lines(End::Silence, &[b'x'; MAX_LINE + 1]);
        assert_eq!((endless.quiet(), endless.waits()), (Some(Heard::Broken), None));
        let (heard, _) = lines(End::Auto, &[&[b'x'; MAX_LINE][..], b"\r"].concat());
        assert_eq!(heard, [Heard::Line(vec![b'x'; MAX_LINE])]);
    }
}
