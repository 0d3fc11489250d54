//! Text out of key events: with Enter or Tab at its end, or with silence.

use std::time::Duration;

use punchd_contract::text_in_time::Told;
use punchd_contract::{Ends, PresentedText, TextInTime};

use super::keys::{Key, key};

/// What ends a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Enter or Tab; silence, until one of them has come for the first time.
    Auto,
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Silence alone.
    Silence,
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// Pressed.
    Down,
    /// Let go.
    Up,
    /// Held so long that the kernel repeats it: no reader means that.
    Again,
}

/// Follows what is typed. Holds at most one text.
#[derive(Debug)]
pub struct Typing {
    end: End,
    texts: TextInTime,
    /// Shift, control and the others that are down.
    shift: [bool; 2],
    control: [bool; 2],
    other: [bool; 4],
    /// The number that is typed while Alt is held: how some scanners type any character under any layout.
    alt_code: Option<u32>,
    /// When the last key came.
    last: Duration,
}

impl End {
    /// The words in settings.
    pub const WORDS: &'static [&'static str] = &["auto", "enter", "tab", "none"];

    /// From the word in settings.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Auto),
            "enter" => Some(Self::Enter),
            "tab" => Some(Self::Tab),
            "none" => Some(Self::Silence),
            _ => None,
        }
    }
}

impl Stroke {
    /// From the value of a key event.
    pub fn from_value(value: i32) -> Option<Self> {
        match value {
            0 => Some(Self::Up),
            1 => Some(Self::Down),
            2 => Some(Self::Again),
            _ => None,
        }
    }
}

impl Typing {
    /// Texts that end like this; `idle` is the silence that ends one where nothing else does.
    pub fn new(end: End, idle: Duration) -> Self {
        let (shift, control, other) = Default::default();
        let ends = match end {
            End::Auto => Ends::Either,
            End::Enter | End::Tab => Ends::Terminator,
            End::Silence => Ends::Silence,
        };
        let texts = TextInTime::new(ends, idle);
        Self { end, texts, shift, control, other, alt_code: None, last: Duration::ZERO }
    }

    /// The same, of texts that mean this.
    pub fn meaning(mut self, means: &PresentedText) -> Self {
        self.texts = self.texts.meaning(means);
        self
    }

    /// The reader was pulled: no key is down, and what it had begun to type it does not go on with. What ends its texts is remembered.
    pub fn unplugged(&mut self, typed: &mut Vec<Told>) {
        self.texts.broken(false, typed);
        (self.shift, self.control, self.other) = Default::default();
        self.alt_code = None;
    }

    /// A key event, and when it happened by a clock that never goes back: who reads late must not join what was typed apart.
    pub fn key(&mut self, code: u16, stroke: Stroke, at: Duration, typed: &mut Vec<Told>) {
        self.texts.pass(at, typed);
        self.last = at;
        let down = stroke == Stroke::Down;
        let hold = |places: &mut [bool], place: usize| {
            if let Some(held) = places.get_mut(place)
                && stroke != Stroke::Again
            {
                *held = down;
            }
        };
        match key(code) {
            Key::Shift(place) => hold(&mut self.shift, place),
            Key::Control(place) => hold(&mut self.control, place),
            Key::Other(place) => {
                hold(&mut self.other, place);
                if stroke == Stroke::Up
                    && let Some(code) = self.alt_code.take()
                {
                    match u8::try_from(code).ok().filter(u8::is_ascii) {
                        // Scanners that type everything like this type their Enter so too.
                        Some(b'\r' | b'\n') if !matches!(self.end, End::Tab | End::Silence) => {
                            self.texts.end(at, typed)
                        }
                        Some(char) => self.char(char, typed),
                        None => self.texts.lost(at),
                    }
                }
            }
            _ if !down => {}
            Key::Enter if self.end != End::Tab && self.end != End::Silence => self.texts.end(at, typed),
            Key::Tab if matches!(self.end, End::Auto | End::Tab) => self.texts.end(at, typed),
            Key::Enter => self.char(b'\n', typed),
            Key::Tab => self.char(b'\t', typed),
            Key::Backspace => drop(self.texts.back()),
            Key::Char(digit @ b'0'..=b'9', shifted) if self.other == ALT && digit == shifted => {
                let code = self.alt_code.unwrap_or(0).saturating_mul(10).saturating_add(u32::from(digit - b'0'));
                self.alt_code = Some(code);
            }
            Key::Char(..) if self.other.contains(&true) => self.texts.lost(at),
            // Control codes in a barcode are typed with control: GS as control and ].
            Key::Char(plain, _) if self.control.contains(&true) => self.char(plain.to_ascii_uppercase() & 0x1F, typed),
            Key::Char(plain, shifted) => {
                let shift = self.shift.contains(&true);
                self.char(if shift { shifted } else { plain }, typed);
            }
            Key::Nothing => {}
        }
    }

    /// Events were lost between reader and us: what was typed is not whole.
    pub fn lost(&mut self) {
        self.texts.lost(self.last);
        // Whether they are still down is not known; readers hold nothing for long.
        (self.shift, self.control, self.other) = Default::default();
        self.alt_code = None;
    }

    /// After how much silence since the last key something is to be told; `None`: nothing is.
    pub fn waits(&self) -> Option<Duration> {
        self.texts.due().map(|due| due.saturating_sub(self.last))
    }

    /// There was that much silence.
    pub fn quiet(&mut self, typed: &mut Vec<Told>) {
        if let Some(due) = self.texts.due() {
            self.texts.pass(due, typed);
        }
    }

    /// When the last key came.
    pub fn last(&self) -> Duration {
        self.last
    }

    fn char(&mut self, char: u8, typed: &mut Vec<Told>) {
        self.texts.byte(char, self.last, typed);
    }
}

/// Alt of the left hand alone: with it, digits of the number pad spell a character's code.
const ALT: [bool; 4] = [true, false, false, false];

#[cfg(test)]
mod tests {
    use punchd_contract::text_in_time::{STALE, Text};

    use super::super::keys::{NUM_LOCK, SHIFT, stroke};
    use super::*;

    const IDLE: Duration = Duration::from_millis(80);

    fn type_text(typing: &mut Typing, text: &str, typed: &mut Vec<Told>) {
        type_after(typing, Duration::from_millis(2), text, typed);
    }

    fn type_after(typing: &mut Typing, mut pause: Duration, text: &str, typed: &mut Vec<Told>) {
        for char in text.bytes() {
            let (code, shift) = match char {
                b'\n' => (28, false),
                b'\t' => (15, false),
                char => stroke(char).unwrap(),
            };
            let at = typing.last + std::mem::replace(&mut pause, Duration::from_millis(2));
            if shift {
                typing.key(SHIFT, Stroke::Down, at, typed);
            }
            for stroke in [Stroke::Down, Stroke::Again, Stroke::Up] {
                typing.key(code, stroke, at, typed);
            }
            if shift {
                typing.key(SHIFT, Stroke::Up, at, typed);
            }
        }
    }

    fn typed(end: End, text: &str) -> (Vec<Told>, Typing) {
        let (mut typing, mut typed) = (Typing::new(end, IDLE), Vec::new());
        type_text(&mut typing, text, &mut typed);
        (typed, typing)
    }

    /// Whole texts as they are, parts in brackets.
    fn shown(told: &[Told]) -> Vec<String> {
        let show = |told: &Told| match told {
            Told::Whole(Text { bytes, .. }) => String::from_utf8(bytes.clone()).unwrap(),
            Told::Part(Text { bytes, .. }) => format!("[{}]", String::from_utf8(bytes.clone()).unwrap()),
        };
        told.iter().map(show).collect()
    }

    #[test]
    fn a_card_number_and_a_code_are_typed_with_enter_or_tab() {
        assert_eq!(shown(&typed(End::Auto, "0007625328\n").0), ["0007625328"]);
        assert_eq!(shown(&typed(End::Auto, "]Q1A1.Key_9/-?\t04A1b2C3\n").0), ["]Q1A1.Key_9/-?", "04A1b2C3"]);
        assert_eq!(shown(&typed(End::Enter, "a\tb\n").0), ["a\tb"]);
        assert_eq!(shown(&typed(End::Tab, "a\nb\t").0), ["a\nb"]);
        assert_eq!(shown(&typed(End::Auto, "\n\n\t").0), [""; 0]);
    }

    #[test]
    fn silence_ends_what_a_reader_without_enter_types() {
        for end in [End::Auto, End::Silence] {
            let (mut heard, mut typing) = typed(end, "0007625328");
            assert!(heard.is_empty() && typing.waits().is_some());
            typing.quiet(&mut heard);
            assert_eq!((shown(&heard), typing.waits()), (vec!["0007625328".to_owned()], None));
        }
    }

    #[test]
    fn what_was_typed_apart_is_not_joined_by_who_reads_late() {
        let (mut heard, mut typing) = typed(End::Silence, "111");
        type_after(&mut typing, Duration::from_secs(2), "222", &mut heard);
        typing.quiet(&mut heard);
        assert_eq!(shown(&heard), ["111", "222"]);
    }

    #[test]
    fn half_a_number_is_nobodys_and_so_is_its_tail() {
        for (end, idle, pause) in [
            (End::Auto, IDLE, STALE),
            (End::Enter, IDLE, STALE),
            (End::Enter, Duration::from_secs(5), Duration::from_secs(6)),
            (End::Enter, Duration::from_secs(5), Duration::from_secs(600)),
        ] {
            let (mut typing, mut heard) = (Typing::new(end, idle), Vec::new());
            type_text(&mut typing, "777\n1002", &mut heard);
            type_after(&mut typing, pause, "34\n", &mut heard);
            type_text(&mut typing, "100234\n", &mut heard);
            assert_eq!(shown(&heard), ["777", "[1002]", "[34]", "100234"], "{end:?} {pause:?}");
        }
    }

    #[test]
    fn lock_keys_around_every_digit_and_held_keys_change_nothing() {
        let (mut heard, mut typing) = typed(End::Auto, "");
        for code in [79, 80, 81, 96] {
            for around in [NUM_LOCK, code, NUM_LOCK] {
                for stroke in [Stroke::Down, Stroke::Up] {
                    typing.key(around, stroke, Duration::ZERO, &mut heard);
                }
            }
        }
        assert_eq!(shown(&heard), ["123"]);
    }

    #[test]
    fn control_codes_are_typed_with_control_and_nothing_with_alt() {
        let (mut heard, mut typing) = typed(End::Auto, "a");
        let mut press = |code, stroke| typing.key(code, stroke, Duration::from_millis(2), &mut heard);
        press(29, Stroke::Down);
        press(27, Stroke::Down);
        press(29, Stroke::Up);
        press(48, Stroke::Down);
        press(28, Stroke::Down);
        press(31, Stroke::Down);
        press(56, Stroke::Down);
        press(30, Stroke::Down);
        press(56, Stroke::Up);
        press(28, Stroke::Down);
        assert_eq!(shown(&heard), ["a\u{1D}b", "[s]"]);
    }

    #[test]
    fn characters_that_are_typed_as_alt_and_their_number_are_read() {
        // 0049 and 50 with the left Alt: 1 and 2. A number that no ASCII character has spoils the text.
        let pad = |digit: u8| match digit {
            b'0' => 82,
            b'4' => 75,
            b'1' => 79,
            b'2' => 80,
            b'3' => 81,
            b'5' => 76,
            b'9' => 73,
            _ => 71,
        };
        let (mut heard, mut typing) = typed(End::Enter, "");
        for (codes, wanted) in [(&["0049", "50", "013"][..], "12"), (&["0049", "200"][..], "[1]")] {
            for code in codes {
                typing.key(56, Stroke::Down, Duration::ZERO, &mut heard);
                for digit in code.bytes() {
                    typing.key(pad(digit), Stroke::Down, Duration::ZERO, &mut heard);
                    typing.key(pad(digit), Stroke::Up, Duration::ZERO, &mut heard);
                }
                typing.key(56, Stroke::Up, Duration::ZERO, &mut heard);
            }
            typing.key(28, Stroke::Down, Duration::ZERO, &mut heard);
            assert_eq!(shown(&heard), [wanted], "{codes:?}");
            heard.clear();
        }
    }

    #[test]
    fn what_the_kernel_lost_spoils_the_text_and_not_the_next() {
        let (mut heard, mut typing) = typed(End::Auto, "777\n12");
        typing.lost();
        type_after(&mut typing, Duration::from_secs(9), "45\n678\n", &mut heard);
        assert_eq!(shown(&heard), ["777", "[12]", "[45]", "678"]);
    }

    #[test]
    fn people_can_take_a_digit_back() {
        let (mut heard, mut typing) = typed(End::Enter, "12");
        typing.key(14, Stroke::Down, typing.last, &mut heard);
        type_text(&mut typing, "3\n", &mut heard);
        assert_eq!(shown(&heard), ["13"]);
    }
}
