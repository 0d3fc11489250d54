//! Texts out of what arrives in time: a text whose head was given up is nobody's, and its tail is nobody's either.
//!
//! Half a number is often another person's number (`1002` and `34` of `100234`). So a text is whole, or it is a [`Told::Part`] that
//! credits nobody and is kept for a person to decide. What is known for sure depends on what ends a reader's texts:
//!
//! * **A terminator.** Pieces join while they come without a pause. After a pause ([`STALE`]) or a loss the head is given up, and
//!   everything up to the next terminator is a part, however late it comes: it may be the tail.
//! * **Silence.** A text whose width is known is whole as soon as it is complete and silence follows; after a part, only what stands alone
//!   between two of [`QUIET`]. Any other is judged only after
//!   [`QUIET`], because a stalled line pauses too: pieces that come closer to each other than that are parts of each other.
//! * **Either** ([`Ends::Either`]): silence, until a terminator has come for the first time. A text that it ends soon after silence
//!   had ended another may be the tail of that one, and is a part.
//!
//! Times are those at which the bytes arrived, by one clock that never goes back. Nothing here reads a clock.

use std::time::Duration;

use crate::PresentedText;
use crate::presented_text::MAX_LINE;

/// After this much silence the beginning of a text that a terminator was to end is given up: its end was lost, and the next text must
/// not be joined to it. Bluetooth and serial servers pause less in the middle of a text, people more between two cards.
pub const STALE: Duration = Duration::from_millis(500);
/// A text that silence alone ends is judged after this much of it. A retransmission stalls a line for 200 to 800 ms; people come more
/// than a second apart.
pub const QUIET: Duration = Duration::from_secs(1);
/// So long after silence has ended a text, the first terminator may still end that text's tail: a line that stalls longer is closed.
pub const TAIL_WITHIN: Duration = Duration::from_secs(60);

/// What ends a reader's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// A terminator, always.
    Terminator,
    /// Silence alone.
    Silence,
    /// Silence, until a terminator has come for the first time; from then on terminators.
    Either,
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A text, whole, without its terminator.
    Whole(Text),
    /// A part of a text that was cut: nobody's.
    Part(Text),
}

/// Bytes, never none, and when they arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// At most [`MAX_LINE`].
    pub bytes: Vec<u8>,
    /// When the last of them arrived.
    pub at: Duration,
}

/// Follows one reader's texts. Holds at most [`MAX_LINE`] bytes.
#[derive(Clone, Debug)]
pub struct TextInTime {
    ends: Ends,
    idle: Duration,
    /// The silence after which a text that it ends is judged.
    quiet: Duration,
    /// Tells of a text whether it is complete by its width.
    widths: Option<PresentedText>,
    held: Vec<u8>,
    /// Something before or within what is held was lost or given up.
    cut: bool,
    /// The last text of a known width was a part: what comes next may begin with its tail, and be as wide as a whole one by chance.
    after_part: bool,
    /// When something arrived last.
    last: Duration,
    /// A terminator has ended a text before: this reader has one.
    terminated: bool,
    /// When silence ended a text last, before any terminator.
    by_silence: Option<Duration>,
}

impl TextInTime {
    /// Texts that end like this; `idle` is the silence that ends one where nothing else does, and the longest pause of somebody who
    /// types.
    pub fn new(ends: Ends, idle: Duration) -> Self {
        let terminated = ends == Ends::Terminator;
        let (held, last) = (Vec::new(), Duration::ZERO);
        Self {
            ends,
            idle,
            quiet: QUIET.max(idle),
            widths: None,
            held,
            cut: false,
            after_part: false,
            last,
            terminated,
            by_silence: None,
        }
    }

    /// The same, of texts that mean this: where their width is fixed, it tells a whole one.
    pub fn meaning(mut self, means: &PresentedText) -> Self {
        self.widths = means.has_width().then(|| means.clone());
        self
    }

    /// The same over a line that stalls longer than most: a text that silence ends is judged after this much of it.
    pub fn stalling(mut self, quiet: Duration) -> Self {
        self.quiet = quiet.max(self.quiet);
        self
    }

    /// A byte of text arrives.
    pub fn byte(&mut self, byte: u8, at: Duration, told: &mut Vec<Told>) {
        self.pass(at, told);
        if !self.terminated && !self.held.is_empty() && at.saturating_sub(self.last) >= self.idle {
            // Two pieces, or two texts: each is told as it is.
            self.take(false, told);
            self.cut = true;
        }
        self.last = at;
        if self.held.len() < MAX_LINE {
            self.held.push(byte);
        } else {
            self.cut = true;
        }
    }

    /// A terminator arrives. Where silence alone ends texts, there is none.
    pub fn end(&mut self, at: Duration, told: &mut Vec<Told>) {
        self.pass(at, told);
        self.last = at;
        let first = !self.terminated && !self.held.is_empty();
        let tail = first && self.by_silence.is_some_and(|ended| at.saturating_sub(ended) < TAIL_WITHIN);
        self.terminated |= first && self.ends != Ends::Silence;
        let whole = !self.cut && !tail;
        self.take(whole, told);
        self.cut = false;
    }

    /// The last byte is taken back, as people at keypads do.
    pub fn back(&mut self) -> Option<u8> {
        self.held.pop()
    }

    /// What is held of the text that has not ended yet.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// Something between what arrived and what arrives next was lost.
    pub fn lost(&mut self, at: Duration) {
        self.last = at;
        self.cut = true;
    }

    /// The line was lost. What is held is given up; where the other end may go on in the middle of a text, its tail is a part too.
    pub fn broken(&mut self, goes_on: bool, told: &mut Vec<Told>) {
        let open = self.cut || !self.held.is_empty();
        self.take(false, told);
        self.cut = open && goes_on;
    }

    /// When silence means something, if nothing arrives before; `None`: none does.
    pub fn due(&self) -> Option<Duration> {
        self.waits().map(|waits| self.last + waits)
    }

    /// Time has passed and nothing arrived.
    pub fn pass(&mut self, now: Duration, told: &mut Vec<Told>) {
        if self.due().is_none_or(|due| now < due) {
            return;
        }
        if self.terminated {
            self.take(false, told);
            self.cut = true;
            return;
        }
        let whole = !self.cut && self.widths.as_ref().is_none_or(|means| means.is_complete(&self.held));
        if whole && self.ends == Ends::Either {
            self.by_silence = Some(self.last);
        }
        self.after_part = !whole && self.widths.is_some();
        self.take(whole, told);
        self.cut = false;
    }

    fn waits(&self) -> Option<Duration> {
        match (self.terminated, self.held.is_empty()) {
            (true, true) => None,
            (true, false) => Some(STALE.max(self.idle)),
            (false, true) => self.cut.then_some(self.quiet),
            (false, false) => {
                let complete = !self.cut
                    && !self.after_part
                    && self.widths.as_ref().is_some_and(|means| means.is_complete(&self.held));
                Some(if complete { self.idle } else { self.quiet })
            }
        }
    }

    fn take(&mut self, whole: bool, told: &mut Vec<Told>) {
        let bytes = std::mem::take(&mut self.held);
        if bytes.is_empty() {
            return;
        }
        let text = Text { bytes, at: self.last };
        told.push(if whole { Told::Whole(text) } else { Told::Part(text) });
    }
}

#[cfg(test)]
mod tests;
