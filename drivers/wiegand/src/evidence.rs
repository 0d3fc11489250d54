//! What the last frames tell about the wiring: one bad frame is nothing, several of a kind are a wrong wire.

use std::collections::VecDeque;

use punchd_contract::Text;

use crate::protocol::bits::Bits;
use crate::protocol::card::{Card, Wrong};
use crate::protocol::frames::Wire;
use crate::settings::Wiring;

/// So many frames of a kind without a good one between them are evidence.
const ENOUGH: usize = 3;

/// What a frame was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It would be right with every bit the other way.
    Inverted,
    /// All of it came over one wire.
    OneWire(Wire),
    /// It has a length that no format has.
    Length(u8),
    /// Anything else.
    Noise,
}

/// The frames since the last good one.
#[derive(Debug, Default)]
pub struct Evidence {
    bad: VecDeque<Outcome>,
}

impl Evidence {
    /// A card or a key.
    pub fn good(&mut self) {
        self.bad.clear();
    }

    /// A frame that is neither.
    pub fn wrong(&mut self, frame: Bits, wrong: Wrong) {
        let one = |wire| if frame.len() >= 4 { Outcome::OneWire(wire) } else { Outcome::Noise };
        self.note(match wrong {
            _ if frame.ones() == 0 => one(Wire::Data0),
            _ if frame.inverted().ones() == 0 => one(Wire::Data1),
            Wrong::Parity(_) if Card::decode(frame.inverted()).is_ok() => Outcome::Inverted,
            Wrong::Length(length) if length >= 16 => Outcome::Length(length),
            Wrong::Length(_) | Wrong::Parity(_) => Outcome::Noise,
        });
    }

    /// A frame that was spoilt on its way.
    pub fn spoilt(&mut self) {
        self.note(Outcome::Noise);
    }

    fn note(&mut self, outcome: Outcome) {
        self.bad.push_back(outcome);
        if self.bad.len() > ENOUGH {
            self.bad.pop_front();
        }
    }

    /// What is wrong and what to do, where that is known.
    pub fn finding(&self, wiring: &Wiring) -> Option<Text> {
        if self.bad.len() < ENOUGH {
            return None;
        }
        let first = self.bad.front().copied().filter(|first| self.bad.iter().all(|outcome| outcome == first));
        let (data0, data1) = (wiring.data0, wiring.data1);
        Some(match first {
            Some(Outcome::Inverted) => Text::new(
                format!("the two data wires are swapped: exchange them, or set data0 = {data1} and data1 = {data0}"),
                format!("两根数据线接反了：请对调，或设置 data0 = {data1}、data1 = {data0}"),
            ),
            Some(Outcome::OneWire(Wire::Data0)) => Text::new(
                format!(
                    "pulses come over data0 (line {data0}) alone: the wire at line {data1} (data1, often white) is off or broken"
                ),
                format!("只有 data0（线 {data0}）有脉冲：线 {data1}（data1，多为白色）未接好或断线"),
            ),
            Some(Outcome::OneWire(Wire::Data1)) => Text::new(
                format!(
                    "pulses come over data1 (line {data1}) alone: the wire at line {data0} (data0, often green) is off or broken"
                ),
                format!("只有 data1（线 {data1}）有脉冲：线 {data0}（data0，多为绿色）未接好或断线"),
            ),
            Some(Outcome::Length(length)) => Text::new(
                format!("the reader sends {length} bits: set it to Wiegand 26, 34 or 37 (jumper, wire or its menu)"),
                format!("读头发送 {length} 位：请将其设为韦根 26、34 或 37（跳线、接线或菜单）"),
            ),
            Some(Outcome::Noise) | None => Text::new(
                "what arrives is spoilt: check the ground wire, the level shifter (the lines take 3.3 V), the shield and the cable's length",
                "收到的信号有误：请检查地线、电平转换（引脚为 3.3 V）、屏蔽和线缆长度",
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::card::Format;

    fn card(data: u64) -> Bits {
        Card { format: Format::W34, data }.encode()
    }

    fn after(frames: impl IntoIterator<Item = Bits>) -> Option<Text> {
        let mut evidence = Evidence::default();
        for frame in frames {
            match Card::decode(frame) {
                Ok(_) => evidence.good(),
                Err(wrong) => evidence.wrong(frame, wrong),
            }
        }
        evidence.finding(&Wiring { data0: 17, data1: 18, ..Wiring::NONE })
    }

    fn says(frames: impl IntoIterator<Item = Bits>, words: &str) {
        let text = after(frames).unwrap();
        assert!(text.en.contains(words), "{text}");
        assert_ne!(text.en, text.zh);
    }

    #[test]
    fn swapped_wires_are_told_after_several_frames() {
        let swapped = |data| card(data).inverted();
        assert_eq!(after([swapped(1), swapped(2)]), None);
        says([swapped(1), swapped(2), swapped(3)], "swapped: exchange them, or set data0 = 18 and data1 = 17");
        assert_eq!(after([swapped(1), swapped(2), swapped(3), card(4)]), None);
    }

    #[test]
    fn a_wire_that_is_off_and_a_reader_that_speaks_another_format_are_told() {
        says([Bits::new(0, 19); 3], "line 18 (data1");
        says([Bits::new(u64::MAX, 11); 3], "line 17 (data0");
        says([Bits::new(0b1011, 32); 3], "sends 32 bits");
        says([Bits::new(0b10, 5), Bits::new(0b1011, 32), card(7).inverted()], "spoilt");
    }
}
