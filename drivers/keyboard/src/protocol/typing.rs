//! Text out of key events: with Enter or Tab at its end, or with silence.

use std::time::Duration;

use punchd_contract::presented_text::MAX_LINE;

use super::keys::{Key, key};

/// After this much silence what was typed before an Enter that never came is given up. Longer where `idle` is, for people who type.
const STALE: Duration = Duration::from_millis(500);

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

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A text, without its end.
    Text(Vec<u8>),
    /// A text that is not whole: its end or a part of it was lost, or it is too long.
    Spoilt,
}

/// Follows what is typed. Holds at most [`MAX_LINE`] bytes.
#[derive(Debug)]
pub struct Typing {
    end: End,
    idle: Duration,
    held: Held,
    /// Shift, control and the others that are down.
    shift: [bool; 2],
    control: [bool; 2],
    other: [bool; 4],
    /// Enter or Tab has ended a text before: this reader types one.
    terminated: bool,
    /// When the last key came.
    last: Duration,
}

#[derive(Debug, Default)]
struct Held {
    text: Vec<u8>,
    spoilt: bool,
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
        let terminated = matches!(end, End::Enter | End::Tab);
        Self { end, idle, held: Held::default(), shift, control, other, terminated, last: Duration::ZERO }
    }

    /// The reader was plugged in again: no key is down, nothing is typed. What ends its texts is remembered.
    pub fn plugged_in(&mut self) {
        let terminated = self.terminated;
        *self = Self::new(self.end, self.idle);
        self.terminated |= terminated;
    }

    /// A key event, and when it happened by any clock: who reads late must not join what was typed apart.
    pub fn key(&mut self, code: u16, stroke: Stroke, at: Duration, typed: &mut Vec<Typed>) {
        if self.waits().is_some_and(|waits| at.saturating_sub(self.last) >= waits) {
            typed.extend(self.quiet());
        }
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
            Key::Other(place) => hold(&mut self.other, place),
            _ if !down => {}
            Key::Enter if self.end != End::Tab => typed.extend(self.ended()),
            Key::Tab if matches!(self.end, End::Auto | End::Tab) => typed.extend(self.ended()),
            Key::Enter => self.char(b'\n'),
            Key::Tab => self.char(b'\t'),
            Key::Backspace => {
                self.held.text.pop();
            }
            Key::Char(..) if self.other.contains(&true) => self.held.spoilt = true,
            // Control codes in a barcode are typed with control: GS as control and ].
            Key::Char(plain, _) if self.control.contains(&true) => self.char(plain.to_ascii_uppercase() & 0x1F),
            Key::Char(plain, shifted) => self.char(if self.shift.contains(&true) { shifted } else { plain }),
            Key::Nothing => {}
        }
    }

    /// Events were lost between reader and us.
    pub fn lost(&mut self) {
        self.held.spoilt = true;
        // Whether they are still down is not known; readers hold nothing for long.
        (self.shift, self.control, self.other) = Default::default();
    }

    /// How much silence means something now; `None`: none does.
    pub fn waits(&self) -> Option<Duration> {
        let open = self.held.spoilt || !self.held.text.is_empty();
        open.then(|| if self.terminated { STALE.max(self.idle) } else { self.idle })
    }

    /// There was that much silence.
    pub fn quiet(&mut self) -> Option<Typed> {
        let held = std::mem::take(&mut self.held);
        match held {
            Held { spoilt: false, text } if text.is_empty() => None,
            Held { spoilt: false, text } if !self.terminated => Some(Typed::Text(text)),
            _ => Some(Typed::Spoilt),
        }
    }

    fn ended(&mut self) -> Option<Typed> {
        if self.end == End::Silence {
            self.char(b'\n');
            return None;
        }
        let held = std::mem::take(&mut self.held);
        self.terminated |= !held.text.is_empty();
        match held {
            Held { spoilt: true, .. } => Some(Typed::Spoilt),
            Held { text, .. } => (!text.is_empty()).then_some(Typed::Text(text)),
        }
    }

    fn char(&mut self, char: u8) {
        if self.held.text.len() == MAX_LINE {
            self.held = Held { text: Vec::new(), spoilt: true };
        }
        self.held.text.push(char);
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{NUM_LOCK, SHIFT, stroke};
    use super::*;

    const IDLE: Duration = Duration::from_millis(80);

    fn type_text(typing: &mut Typing, text: &str, typed: &mut Vec<Typed>) {
        type_after(typing, Duration::from_millis(2), text, typed);
    }

    fn type_after(typing: &mut Typing, mut pause: Duration, text: &str, typed: &mut Vec<Typed>) {
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

    fn typed(end: End, text: &str) -> (Vec<Typed>, Typing) {
        let (mut typing, mut typed) = (Typing::new(end, IDLE), Vec::new());
        type_text(&mut typing, text, &mut typed);
        (typed, typing)
    }

    fn text(text: &str) -> Typed {
        Typed::Text(text.into())
    }

    #[test]
    fn a_card_number_and_a_code_are_typed_with_enter_or_tab() {
        assert_eq!(typed(End::Auto, "0007625328\n").0, [text("0007625328")]);
        assert_eq!(typed(End::Auto, "]Q1A1.Key_9/-?\t04A1b2C3\n").0, [text("]Q1A1.Key_9/-?"), text("04A1b2C3")]);
        assert_eq!(typed(End::Enter, "a\tb\n").0, [text("a\tb")]);
        assert_eq!(typed(End::Tab, "a\nb\t").0, [text("a\nb")]);
        assert_eq!(typed(End::Auto, "\n\n\t").0, []);
    }

    #[test]
    fn silence_ends_what_a_reader_without_enter_types() {
        for end in [End::Auto, End::Silence] {
            let (ended, mut typing) = typed(end, "0007625328");
            assert_eq!((ended, typing.waits()), (vec![], Some(IDLE)));
            assert_eq!((typing.quiet(), typing.waits()), (Some(text("0007625328")), None));
        }
    }

    #[test]
    fn what_was_typed_apart_is_not_joined_by_who_reads_late() {
        let (mut heard, mut typing) = typed(End::Silence, "111");
        type_after(&mut typing, IDLE, "222", &mut heard);
        assert_eq!(heard, [text("111")]);
        assert_eq!(typing.quiet(), Some(text("222")));
    }

    #[test]
    fn half_a_text_of_a_reader_with_enter_is_given_up_and_never_joined_to_the_next() {
        for end in [End::Auto, End::Enter] {
            let (mut heard, mut typing) = typed(end, "1111\n22");
            assert_eq!(typing.waits(), Some(STALE));
            type_after(&mut typing, STALE, "3333\n", &mut heard);
            assert_eq!(heard, [text("1111"), Typed::Spoilt, text("3333")]);
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
        assert_eq!(heard, [text("123")]);
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
        press(56, Stroke::Down);
        press(30, Stroke::Down);
        press(56, Stroke::Up);
        press(28, Stroke::Down);
        assert_eq!(heard, [text("a\x1Db"), Typed::Spoilt]);
    }

    #[test]
    fn what_the_kernel_lost_spoils_the_text_and_not_the_next() {
        let (mut heard, mut typing) = typed(End::Auto, "12");
        typing.lost();
        type_text(&mut typing, "45\n678\n", &mut heard);
        assert_eq!(heard, [Typed::Spoilt, text("678")]);
    }

    #[test]
    fn a_text_without_end_costs_bounded_memory_and_not_the_next() {
        let (mut heard, mut typing) = typed(End::Enter, &"x".repeat(2 * MAX_LINE + 9));
        type_text(&mut typing, "\nnext\n", &mut heard);
        assert_eq!(heard, [Typed::Spoilt, text("next")]);
        assert!(typing.held.text.capacity() <= 2 * MAX_LINE);
    }

    #[test]
    fn people_can_take_a_digit_back() {
        let (mut heard, mut typing) = typed(End::Enter, "12");
        typing.key(14, Stroke::Down, typing.last, &mut heard);
        type_text(&mut typing, "3\n", &mut heard);
        assert_eq!(heard, [text("13")]);
    }
}
