//! What the last frames tell about the wiring and the reader: several bad frames of a kind are a wrong wire or a wrong format, and how many
//! of the last ones were bad is not forgotten at the next good one.

use std::collections::VecDeque;

use punchd_contract::{Health, Text};

use crate::protocol::bits::Bits;
use crate::protocol::card::{Card, Wrong};
use crate::protocol::frames::{Spoilt, Wire};
use crate::settings::Wiring;

/// So many frames of a kind one after the other are evidence, and so many among the last ones are no accident.
const ENOUGH: usize = 3;
/// Frames that are remembered.
const LAST: usize = 20;
/// Readings of unreadable frames that are kept in a minute, in nanoseconds: no people hold up cards faster, noise would fill the disk.
const MOST_KEPT: usize = 60;
const MINUTE: u64 = 60_000_000_000;

/// What a frame was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A card of so many bits.
    Good(u8),
    /// It has a length that no format has, and is kept.
    Length(usize),
    /// It has the length of a format and other check bits, and is kept.
    Parity,
    /// It would be right with every bit the other way.
    Inverted,
    /// All of it came over one wire.
    OneWire(Wire),
    /// A bit short of what this reader sends: an edge was lost on the wire.
    Short,
    /// The kernel lost edges.
    Missing,
    /// Anything else.
    Noise,
}

/// The last frames of cards.
#[derive(Debug, Default)]
pub struct Evidence {
    last: VecDeque<Outcome>,
    short: Option<Bits>,
    /// When unreadable frames came, in nanoseconds of the clock of the edges; of the last minute.
    kept: VecDeque<u64>,
}

impl Evidence {
    /// A card.
    pub fn good(&mut self, frame: Bits) {
        self.note(Outcome::Good(frame.len()));
    }

    /// A frame of a card that is none that is understood. Answers what it is.
    pub fn wrong(&mut self, frame: Bits, wrong: Wrong) -> Outcome {
        let length = frame.len();
        let outcome = match wrong {
            _ if frame.ones() == 0 => Outcome::OneWire(Wire::Data0),
            _ if frame.inverted().ones() == 0 => Outcome::OneWire(Wire::Data1),
            Wrong::Parity(_) if Card::decode(frame.inverted()).is_ok() => Outcome::Inverted,
            Wrong::Parity(_) => Outcome::Parity,
            Wrong::Length(_) if self.is_short(frame) => Outcome::Short,
            Wrong::Length(_) => Outcome::Length(usize::from(length)),
        };
        self.note(outcome);
        outcome
    }

    /// A frame that is longer than any number.
    pub fn long(&mut self, length: usize) {
        self.note(Outcome::Length(length));
    }

    /// It is so late by the clock of the edges.
    pub fn pass(&mut self, at: u64) {
        self.kept.retain(|kept| at.saturating_sub(*kept) < MINUTE);
    }

    /// A frame that is to be kept as unreadable came then.
    pub fn kept(&mut self, at: u64) {
        self.pass(at);
        if self.kept.len() > MOST_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(at);
    }

    /// Whether more unreadable frames came within a minute than are kept.
    pub fn is_flood(&self) -> bool {
        self.kept.len() > MOST_KEPT
    }

    /// A frame that was spoilt on its way.
    pub fn spoilt(&mut self, why: Spoilt) {
        self.note(if why == Spoilt::Missing { Outcome::Missing } else { Outcome::Noise });
    }

    /// A burst that would be a key with every bit the other way.
    pub fn inverted(&mut self) {
        self.note(Outcome::Inverted);
    }

    /// A frame of so few bits that it is neither a card nor a key.
    pub fn scrap(&mut self, frame: Bits) {
        self.note(match frame.ones() {
            0 if frame.len() >= 4 => Outcome::OneWire(Wire::Data0),
            ones if frame.len() >= 4 && ones == u32::from(frame.len()) => Outcome::OneWire(Wire::Data1),
            _ => Outcome::Noise,
        });
    }

    /// Whether an edge of a frame was lost on the wire, where neither the kernel nor the parity can tell. This reader sends frames that
    /// are one bit longer; and the same bits did not come before, as they would from a card of another make.
    fn is_short(&mut self, frame: Bits) -> bool {
        let sent = |length: u8| self.last.iter().any(|outcome| *outcome == Outcome::Good(length));
        let kept = self.last.contains(&Outcome::Length(usize::from(frame.len())));
        let since_good = self.last.iter().rev().take_while(|outcome| !matches!(outcome, Outcome::Good(_)));
        let often = since_good.filter(|outcome| **outcome == Outcome::Short).count() + 1 >= ENOUGH;
        let short = sent(frame.len().saturating_add(1)) && !kept && !often && self.short != Some(frame);
        self.short = Some(frame);
        short
    }

    fn note(&mut self, outcome: Outcome) {
        self.last.push_back(outcome);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
    }

    /// How the reader is, and what to do where something is wrong.
    pub fn health(&self, wiring: &Wiring) -> Health {
        let spoilt =
            self.last.iter().filter(|outcome| !matches!(outcome, Outcome::Good(_) | Outcome::Length(_))).count();
        let frames = self.last.len();
        let (chip, data0, data1) = (&wiring.chip, wiring.data0, wiring.data1);
        if let Some(text) = self.finding(wiring) {
            return Health::warning(text);
        }
        if spoilt >= ENOUGH {
            let Text { en, zh } = self.cause();
            // A head shows its own light for every card, and knows nothing of what arrives.
            let wired = wiring.green.or(wiring.red).or(wiring.buzzer).is_some();
            let (unseen, unseen_zh) = match wired {
                true => ("", ""),
                false => (
                    "; nobody is told at the reader: wire its light or buzzer and set `red` or `buzzer`",
                    "；读头处无提示：请接指示灯或蜂鸣器并设置 `red` 或 `buzzer`",
                ),
            };
            return Health::warning(Text::new(
                format!(
                    "{spoilt} of the last {frames} frames were spoilt, their people have to try again: {en}{unseen}"
                ),
                format!("最近 {frames} 帧中有 {spoilt} 帧损坏，相应人员须重新刷卡：{zh}{unseen_zh}"),
            ));
        }
        let (mut en, mut zh) = (
            format!("waits for cards at {chip}, lines {data0} and {data1}"),
            format!("在 {chip} 的线 {data0}、{data1} 等待刷卡"),
        );
        if spoilt > 0 {
            en.push_str(&format!("; {spoilt} of the last {frames} frames spoilt"));
            zh.push_str(&format!("；最近 {frames} 帧中有 {spoilt} 帧损坏"));
        }
        Health::working(Text::new(en, zh))
    }

    /// Why most frames were spoilt.
    fn cause(&self) -> Text {
        let missing = self.last.iter().filter(|outcome| **outcome == Outcome::Missing).count();
        let others = self.last.iter().filter(|outcome| matches!(outcome, Outcome::Noise | Outcome::Short)).count();
        if missing > others {
            return Text::new(
                "edges were lost before the kernel could hand them over: see what else keeps this machine busy",
                "内核交付前丢失了边沿：请检查本机是否过于繁忙",
            );
        }
        Text::new(
            "check the ground wire, the level shifter (the lines take 3.3 V), the shield and the cable's length",
            "请检查地线、电平转换（引脚为 3.3 V）、屏蔽和线缆长度",
        )
    }

    /// What is wrong and what to do, where the last frames all say the same.
    fn finding(&self, wiring: &Wiring) -> Option<Text> {
        if self.is_flood() {
            return Some(Text::new(
                format!(
                    "more than {MOST_KEPT} frames a minute are unreadable, and no more of them are kept: take the reader off the wires, then check ground, shield and its format"
                ),
                format!("每分钟超过 {MOST_KEPT} 帧无法识别，其余不再留存：请先断开读头，再检查地线、屏蔽及其格式"),
            ));
        }
        let (data0, data1) = (wiring.data0, wiring.data1);
        let alike = self.last.back().filter(|newest| {
            self.last.len() >= ENOUGH && self.last.iter().rev().take(ENOUGH).all(|outcome| outcome == *newest)
        });
        match alike {
            Some(Outcome::Inverted) => Some(Text::new(
                format!(
                    "the two data wires are swapped: exchange them, or set data0 = {data1} and data1 = {data0}; until then cards are kept as unreadable"
                ),
                format!(
                    "两根数据线接反了：请对调，或设置 data0 = {data1}、data1 = {data0}；在此之前的刷卡记为无法识别"
                ),
            )),
            Some(Outcome::OneWire(Wire::Data0)) => Some(Text::new(
                format!(
                    "pulses come over data0 (line {data0}) alone: the wire at line {data1} (data1, often white) is off or broken"
                ),
                format!("只有 data0（线 {data0}）有脉冲：线 {data1}（data1，多为白色）未接好或断线"),
            )),
            Some(Outcome::OneWire(Wire::Data1)) => Some(Text::new(
                format!(
                    "pulses come over data1 (line {data1}) alone: the wire at line {data0} (data0, often green) is off or broken"
                ),
                format!("只有 data1（线 {data1}）有脉冲：线 {data0}（data0，多为绿色）未接好或断线"),
            )),
            Some(Outcome::Parity) => Some(Text::new(
                "the check bits of the last frames are not those of 26, 34 or 37 bits as usual: the cards or the reader use a maker's own format; set the reader to plain Wiegand 26 or 34. They are kept as unreadable",
                "最近各帧的校验位不符合常见的韦根 26、34、37：卡或读头使用厂商专有格式；请将读头设为标准韦根 26 或 34。这些刷卡记为无法识别",
            )),
            _ => self.lengths(),
        }
    }

    /// Lengths that no format has are told as long as they are seen, whatever comes between them.
    fn lengths(&self) -> Option<Text> {
        let lengths = || {
            self.last
                .iter()
                .filter_map(|outcome| if let Outcome::Length(length) = outcome { Some(*length) } else { None })
        };
        let length = lengths().next_back().filter(|_| lengths().count() >= ENOUGH)?;
        let (count, frames) = (lengths().filter(|other| *other == length).count(), self.last.len());
        Some(Text::new(
            format!(
                "{count} of the last {frames} cards had {length} bits, which are no number that is understood: they are kept as unreadable and can be given to people. Set the reader to Wiegand 26, 34 or 37 (jumper, wire or its menu); where the cards themselves have such a format, another reader or other cards are needed"
            ),
            format!(
                "最近 {frames} 次刷卡中有 {count} 次为 {length} 位，无法识别其卡号：已留存为无法识别，可指定给人员。请将读头设为韦根 26、34 或 37（跳线、接线或菜单）；若卡片本身为此格式，则须更换读头或卡片"
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use punchd_contract::Condition;

    use super::*;
    use crate::protocol::card::Format;

    fn card(data: u64) -> Bits {
        Card { format: Format::W34, data }.encode()
    }

    fn wiring() -> Wiring {
        Wiring { data0: 17, data1: 18, ..Wiring::NONE }
    }

    fn judged(evidence: &mut Evidence, frame: Bits) -> Outcome {
        match Card::decode(frame) {
            Ok(_) => {
                evidence.good(frame);
                Outcome::Good(frame.len())
            }
            Err(wrong) => evidence.wrong(frame, wrong),
        }
    }

    fn after(frames: impl IntoIterator<Item = Bits>) -> Health {
        let mut evidence = Evidence::default();
        for frame in frames {
            judged(&mut evidence, frame);
        }
        evidence.health(&wiring())
    }

    fn warns(frames: impl IntoIterator<Item = Bits>, words: &str) {
        let health = after(frames);
        assert_eq!(health.condition, Condition::Warning);
        assert!(health.text.en.contains(words), "{}", health.text);
        assert_ne!(health.text.en, health.text.zh);
    }

    #[test]
    fn swapped_wires_are_told_after_several_frames() {
        let swapped = |data| card(data).inverted();
        assert_eq!(after([swapped(1), swapped(2)]).condition, Condition::Working);
        warns([swapped(1), swapped(2), swapped(3)], "swapped: exchange them, or set data0 = 18 and data1 = 17");
        warns([swapped(1), swapped(2), swapped(3), card(4)], "3 of the last 4 frames were spoilt");
        let repaired = (0..3).map(swapped).chain((0..18).map(card));
        assert_eq!(after(repaired).condition, Condition::Working);
    }

    #[test]
    fn a_wire_that_is_off_and_a_reader_that_speaks_another_format_are_told() {
        warns([Bits::new(0, 19); 3], "line 18 (data1");
        warns([Bits::new(u64::MAX, 19); 3], "line 17 (data0");
        warns([Bits::new(0b1011, 32); 3], "3 of the last 3 cards had 32 bits");
        warns(
            [Bits::new(0b1011, 35), card(1), Bits::new(0b1010, 35), card(2), Bits::new(1, 35)],
            "3 of the last 5 cards had 35 bits",
        );
        warns([0b10, 0b111, 0b1].map(|wrong| Bits::new(card(5).value() ^ wrong << 4, 34)), "a maker's own format");
        warns(
            [Bits::new(0, 19), Bits::new(card(7).value() ^ 2, 34), card(7).inverted()],
            "3 of the last 3 frames were spoilt",
        );
    }

    #[test]
    fn what_was_spoilt_is_not_forgotten_at_the_next_good_card() {
        let mut evidence = Evidence::default();
        for n in 0..15 {
            if n % 3 == 1 {
                evidence.spoilt(Spoilt::Missing)
            } else {
                evidence.good(card(n))
            }
            let (health, bad) = (evidence.health(&wiring()), n.div_ceil(3));
            assert_eq!(health.condition, if bad < 3 { Condition::Working } else { Condition::Warning });
            assert_eq!(health.text.en.contains(&format!("{bad} of the last {}", n + 1)), bad > 0, "{}", health.text);
        }
        assert!(evidence.health(&wiring()).text.en.contains("keeps this machine busy"));
        assert!(evidence.health(&wiring()).text.en.contains("nobody is told at the reader"));
        let wired = Wiring { buzzer: Some(4), ..wiring() };
        assert!(!evidence.health(&wired).text.en.contains("nobody is told"));
    }

    #[test]
    fn a_lost_edge_is_told_from_a_length_of_its_own() {
        let cut = |data| Bits::new(card(data).value() >> 1, 33);
        let mut evidence = Evidence::default();
        // Nobody knows yet what this reader sends.
        assert_eq!(judged(&mut evidence, cut(1)), Outcome::Length(33));
        let mut evidence = Evidence::default();
        judged(&mut evidence, card(1));
        assert_eq!(judged(&mut evidence, cut(2)), Outcome::Short);
        assert_eq!(judged(&mut evidence, Bits::new(0x2_DEAD_BEEF, 35)), Outcome::Length(35));
        judged(&mut evidence, card(2));
        // The same bits again, as a card gives them and an accident does not.
        assert_eq!(judged(&mut evidence, cut(3)), Outcome::Short);
        assert_eq!(judged(&mut evidence, cut(3)), Outcome::Length(33));
        assert_eq!(judged(&mut evidence, cut(4)), Outcome::Length(33));
        // Or several one after the other.
        let mut evidence = Evidence::default();
        judged(&mut evidence, card(1));
        assert_eq!(
            [2, 3, 4].map(|n| judged(&mut evidence, cut(n))),
            [Outcome::Short, Outcome::Short, Outcome::Length(33)]
        );
    }

    #[test]
    fn no_more_unreadable_frames_are_kept_than_people_could_hold_up() {
        let mut evidence = Evidence::default();
        for n in 0..60 {
            evidence.kept(n * 500_000_000);
            assert!(!evidence.is_flood());
        }
        evidence.kept(30_000_000_000);
        assert!(evidence.is_flood() && evidence.health(&wiring()).text.en.contains("no more of them are kept"));
        evidence.pass(95_000_000_000);
        assert!(!evidence.is_flood());
    }

    proptest! {
        /// Whatever came: a warning from the third bad frame on, and never more frames than are remembered.
        #[test]
        fn the_count_is_right(frames in proptest::collection::vec(any::<bool>(), 1..60)) {
            let mut evidence = Evidence::default();
            for good in &frames {
                if *good { evidence.good(card(1)) } else { evidence.spoilt(Spoilt::TooClose) }
            }
            let bad = frames.iter().rev().take(LAST).filter(|good| !**good).count();
            let health = evidence.health(&wiring());
            prop_assert_eq!(health.condition == Condition::Warning, bad >= ENOUGH);
            let said = format!("{bad} of the last {}", frames.len().min(LAST));
            prop_assert_eq!(health.text.en.contains(&said), bad > 0);
        }
    }
}
