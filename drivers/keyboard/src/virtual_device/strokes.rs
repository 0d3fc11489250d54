//! The keys that a reader presses for a text.

use crate::protocol::keys::{ENTER, NUM_LOCK, SHIFT, TAB, stroke};
use crate::protocol::typing::Stroke;

/// How a reader types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// What it types at the end.
    pub ending: Ending,
    /// It presses NumLock around every character, as some keypads do (facts/readers.md B.2).
    pub num_lock: bool,
}

/// What a reader types at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Enter.
    Enter,
    /// Enter of the number pad.
    PadEnter,
    /// Tab.
    Tab,
    /// Nothing.
    Nothing,
}

impl Habits {
    /// As most readers: Enter and nothing besides.
    pub const USUAL: Self = Self { ending: Ending::Enter, num_lock: false };

    /// The keys for a text and its end. Characters that no key has are left out.
    pub fn strokes(self, text: &str) -> Vec<(u16, Stroke)> {
        let mut strokes = Vec::new();
        for (code, shift) in text.bytes().filter_map(stroke) {
            if self.num_lock {
                press(NUM_LOCK, &mut strokes);
            }
            if shift {
                strokes.push((SHIFT, Stroke::Down));
            }
            press(code, &mut strokes);
            if shift {
                strokes.push((SHIFT, Stroke::Up));
            }
            if self.num_lock {
                press(NUM_LOCK, &mut strokes);
            }
        }
        let [enter, pad_enter] = ENTER;
        match self.ending {
            Ending::Enter => press(enter, &mut strokes),
            Ending::PadEnter => press(pad_enter, &mut strokes),
            Ending::Tab => press(TAB, &mut strokes),
            Ending::Nothing => {}
        }
        strokes
    }
}

fn press(code: u16, strokes: &mut Vec<(u16, Stroke)>) {
    strokes.extend([(code, Stroke::Down), (code, Stroke::Up)]);
}
