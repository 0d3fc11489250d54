//! Lights and a buzzer at the chip's own pins: which pattern says what.
//!
//! Boards have none; the pins can carry them. Which pins are free at a serial line (P30, P31, P33, P35, P71, P72), and that they are high
//! after power-on, is general knowledge of the chip and not in the facts.

use std::time::Duration;

use punchd_contract::Tone;

use crate::protocol::command::Pins;

/// The length of a short flash, and of the pause behind it.
const SHORT: Duration = Duration::from_millis(120);
const LONG: Duration = Duration::from_millis(600);
const VERY_LONG: Duration = Duration::from_millis(2000);

/// One of the chip's pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin(Pins);

impl Pin {
    /// From its word in the settings.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let (p3, p7) = match word {
            "p30" => (0x01, 0),
            "p31" => (0x02, 0),
            "p33" => (0x08, 0),
            "p35" => (0x20, 0),
            "p71" => (0, 0x02),
            "p72" => (0, 0x04),
            _ => return None,
        };
        Some(Self(Pins { p3, p7 }))
    }
}

/// Which level switches a light on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lit {
    Low,
    High,
}

/// What is wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lights {
    pub(crate) green: Option<Pin>,
    pub(crate) red: Option<Pin>,
    pub(crate) buzzer: Option<Pin>,
    pub(crate) lit: Lit,
}

/// A piece of a pattern: these levels for this long.
pub(crate) type Step = (Pins, Duration);

impl Lights {
    /// Everything off.
    pub(crate) fn dark(&self) -> Pins {
        self.levels(&[])
    }

    /// What says this, step by step; dark in the end.
    pub(crate) fn pattern(&self, tone: Tone) -> Vec<Step> {
        let (colours, length, times): (&[Option<Pin>], _, _) = match tone {
            Tone::Accepted => (&[self.green], LONG, 1),
            Tone::Already => (&[self.green], SHORT, 2),
            // Both together are yellow, where they are one lamp.
            Tone::Unknown => (&[self.green, self.red], SHORT, 3),
            Tone::Refused => (&[self.red], SHORT, 3),
            Tone::OutOfOrder => (&[self.red], VERY_LONG, 1),
        };
        self.flashes(colours, length, times)
    }

    /// What says "here I am".
    pub(crate) fn identify(&self) -> Vec<Step> {
        self.flashes(&[self.green, self.red], LONG, 3)
    }

    fn flashes(&self, colours: &[Option<Pin>], length: Duration, times: usize) -> Vec<Step> {
        let lit = self.levels(&[colours, &[self.buzzer]].concat());
        [(lit, length), (self.dark(), SHORT)].repeat(times)
    }

    /// These on, the other lights off, every other pin as after power-on.
    fn levels(&self, on: &[Option<Pin>]) -> Pins {
        let bits = |pins: &[Option<Pin>]| {
            pins.iter().flatten().fold((0, 0), |(p3, p7), Pin(pins)| (p3 | pins.p3, p7 | pins.p7))
        };
        let (on3, on7) = bits(on);
        let (low3, low7) = match self.lit {
            Lit::Low => (on3, on7),
            Lit::High => {
                let (all3, all7) = bits(&[self.green, self.red, self.buzzer]);
                (all3 & !on3, all7 & !on7)
            }
        };
        Pins { p3: Pins::HIGH.p3 & !low3, p7: Pins::HIGH.p7 & !low7 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lights(lit: Lit) -> Lights {
        let pin = Pin::from_word;
        Lights { green: pin("p30"), red: pin("p31"), buzzer: pin("p72"), lit }
    }

    #[test]
    fn no_two_signs_look_alike() {
        let all: Vec<_> = Tone::ALL.map(|tone| lights(Lit::Low).pattern(tone)).into();
        for (at, pattern) in all.iter().enumerate() {
            assert!(!all[..at].contains(pattern), "{:?}", Tone::ALL[at]);
            assert_eq!(pattern.last().unwrap().0, lights(Lit::Low).dark());
        }
    }

    #[test]
    fn a_buzzer_alone_tells_all_but_unknown_from_refused() {
        let only = Lights { green: None, red: None, ..lights(Lit::Low) };
        let patterns = Tone::ALL.map(|tone| only.pattern(tone));
        let different = patterns.iter().enumerate().filter(|(at, pattern)| !patterns[..*at].contains(pattern));
        assert_eq!(different.count(), 4);
    }

    #[test]
    fn the_level_that_lights_can_be_either() {
        assert_eq!(lights(Lit::Low).dark(), Pins::HIGH);
        assert_eq!(lights(Lit::Low).pattern(Tone::Accepted)[0].0, Pins { p3: 0x3E, p7: 0x02 });
        assert_eq!(lights(Lit::High).dark(), Pins { p3: 0x3C, p7: 0x02 });
        assert_eq!(lights(Lit::High).pattern(Tone::Accepted)[0].0, Pins { p3: 0x3D, p7: 0x06 });
    }
}
