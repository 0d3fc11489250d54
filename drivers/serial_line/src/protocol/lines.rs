//! Lines of text out of a stream of bytes: with whatever terminator the reader was set to, or none.

use std::time::Duration;

use punchd_contract::{Ends, PresentedText, TextInTime};

use super::decoder::{Heard, tell};

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

/// Collects lines. Holds at most one.
#[derive(Debug)]
pub struct Lines {
    end: End,
    texts: TextInTime,
    /// The last byte was CR: an LF after it ends a line, also where the line's text was given up meanwhile.
    cr: bool,
}

impl Lines {
    /// Lines that end like this; `idle` is the silence that ends one where nothing else does.
    pub fn new(end: End, idle: Duration) -> Self {
        let ends = match end {
            End::Auto => Ends::Either,
            End::Silence => Ends::Silence,
            End::Cr | End::Lf | End::CrLf | End::Tab | End::Etx => Ends::Terminator,
        };
        Self { end, texts: TextInTime::new(ends, idle), cr: false }
    }

    /// The same, of lines that mean this.
    pub fn meaning(mut self, means: &PresentedText) -> Self {
        self.texts = self.texts.meaning(means);
        self
    }

    /// Takes a byte that arrived at this time.
    pub fn push(&mut self, byte: u8, at: Duration, heard: &mut Vec<Heard>) {
        let after_cr = std::mem::replace(&mut self.cr, byte == b'\r');
        let ends = match self.end {
            End::Auto => matches!(byte, b'\r' | b'\n' | b'\t' | 0x03),
            End::Cr => byte == b'\r',
            End::Lf => byte == b'\n',
            End::CrLf => byte == b'\n' && after_cr,
            End::Tab => byte == b'\t',
            End::Etx => byte == 0x03,
            End::Silence => false,
        };
        tell(&mut self.texts, heard, |texts, told| {
            if !ends {
                return texts.byte(byte, at, told);
            }
            texts.pass(at, told);
            if self.end == End::CrLf && texts.held().last() == Some(&b'\r') {
                texts.back();
            }
            texts.end(at, told);
        });
    }

    /// When silence means something, if nothing arrives before; `None`: none does.
    pub fn due(&self) -> Option<Duration> {
        self.texts.due()
    }

    /// Time has passed and nothing arrived.
    pub fn pass(&mut self, now: Duration, heard: &mut Vec<Heard>) {
        tell(&mut self.texts, heard, |texts, told| texts.pass(now, told));
    }

    /// The line was lost.
    pub fn broken(&mut self, goes_on: bool, heard: &mut Vec<Heard>) {
        self.cr = false;
        tell(&mut self.texts, heard, |texts, told| texts.broken(goes_on, told));
    }

    /// What is held began before anybody listened.
    pub fn begun_unheard(&mut self, at: Duration) {
        if self.texts.held().iter().any(u8::is_ascii_graphic) {
            self.texts.lost(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use punchd_contract::presented_text::MAX_LINE;
    use punchd_contract::text_in_time::Text;

    use super::*;

    const IDLE: Duration = Duration::from_millis(80);

    /// Pieces with the milliseconds before each; silence follows.
    fn heard(end: End, pieces: &[(u64, &[u8])]) -> Vec<(bool, Vec<u8>)> {
        let (mut lines, mut heard, mut now) = (Lines::new(end, IDLE), Vec::new(), Duration::ZERO);
        for (pause, piece) in pieces {
            now += Duration::from_millis(*pause);
            piece.iter().for_each(|byte| lines.push(*byte, now, &mut heard));
        }
        lines.pass(now + Duration::from_secs(9), &mut heard);
        let show = |heard: Heard| match heard {
            Heard::Line(Text { bytes, .. }) => (true, bytes),
            Heard::Part(Text { bytes, .. }) => (false, bytes),
            other => panic!("{other:?}"),
        };
        heard.into_iter().map(show).collect()
    }

    fn lines(end: End, bytes: &[u8]) -> Vec<Vec<u8>> {
        heard(end, &[(0, bytes)]).into_iter().filter(|(whole, _)| *whole).map(|(_, line)| line).collect()
    }

    #[test]
    fn every_usual_terminator_ends_a_line_without_being_told_which() {
        for bytes in ["a\rb\r", "a\nb\n", "a\r\nb\r\n", "a\tb\t", "a\x03b\x03", "\r\n\r\na\r\n\r\nb\r\n"] {
            assert_eq!(lines(End::Auto, bytes.as_bytes()), [b"a", b"b"], "{bytes:?}");
        }
    }

    #[test]
    fn a_chosen_terminator_leaves_the_others_in_the_line() {
        assert_eq!(lines(End::CrLf, b"a\tb\nc\rd\r\n"), [b"a\tb\nc\rd"]);
        assert_eq!(lines(End::Cr, b"a\nb\r"), [b"a\nb"]);
        assert_eq!(lines(End::Lf, b"a\tb\n"), [b"a\tb"]);
        assert_eq!(lines(End::Tab, b"a\nb\t"), [b"a\nb"]);
        assert_eq!(lines(End::Etx, b"a\nb\x03"), [b"a\nb"]);
    }

    #[test]
    fn half_a_line_is_nobodys_and_so_is_its_tail_with_every_terminator() {
        for (end, mark) in
            [(End::Auto, "\n"), (End::CrLf, "\r\n"), (End::Cr, "\r"), (End::Tab, "\t"), (End::Etx, "\x03")]
        {
            let (first, tail, next) = (format!("777{mark}"), format!("34{mark}"), format!("100234{mark}"));
            for pause in [700, 30_000] {
                let pieces: [(u64, &[u8]); 4] =
                    [(0, first.as_bytes()), (0, b"1002"), (pause, tail.as_bytes()), (900, next.as_bytes())];
                let whole: Vec<_> = heard(end, &pieces).into_iter().filter(|(whole, _)| *whole).collect();
                assert_eq!(whole, [(true, b"777".to_vec()), (true, b"100234".to_vec())], "{end:?}");
            }
        }
        // Between CR and LF: the line was whole, and whether it was is not known in time.
        let pieces: [(u64, &[u8]); 3] = [(0, b"100234\r"), (700, b"\n"), (900, b"34\r\n")];
        assert_eq!(heard(End::CrLf, &pieces), [(false, b"100234\r".to_vec()), (true, b"34".to_vec())]);
    }

    #[test]
    fn a_line_without_end_costs_bounded_memory_and_not_the_line_after_it() {
        for end in [End::Auto, End::CrLf] {
            let mut bytes = vec![b'x'; 3 * MAX_LINE + 7];
            bytes.extend(b"\r\nnext\r\n");
            assert_eq!(lines(end, &bytes), [b"next"]);
        }
        assert_eq!(lines(End::Auto, &[&[b'x'; MAX_LINE][..], b"\r"].concat()), [vec![b'x'; MAX_LINE]]);
    }
}
