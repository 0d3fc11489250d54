//! Telling a reader that types as a keyboard of another layout, by what its digits come out as.
//!
//! Keys are read as those of a US keyboard. A reader that was set to a French layout presses Shift and the key of every digit, and `0013`
//! comes out as `))!#`. Nothing is credited by a guess of what was meant: it is kept, and the layout is named.

use punchd_contract::{Meaning, PresentedText, Text};

/// What the digits' keys are with Shift, from 0 to 9: where layouts have the digits on Shift, they come out as these.
const SHIFTED: &[u8; 10] = b")!@#$%^&*(";

/// A layout that is not the US one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Digits are typed with Shift, and A and Q, Z and W have changed places: French, Belgian; digits alone also Czech, Slovak, Lithuanian.
    Azerty,
    /// Y and Z and the punctuation have changed places: German, Swiss, and others.
    Qwertz,
}

impl Layout {
    /// The layout that this text tells of, if it can be no text of a US keyboard.
    pub fn of(text: &[u8], means: &PresentedText) -> Option<Self> {
        let count = |wanted: fn(&u8) -> bool| text.iter().filter(|byte| wanted(byte)).count();
        let (shifted, digits) = (count(|byte| SHIFTED.contains(byte)), count(u8::is_ascii_digit));
        let others = text.len() - shifted;
        // A star or number sign alone is a key of a keypad.
        let keys = text.iter().all(|byte| matches!(byte, b'*' | b'#'));
        if digits == 0 && !keys && shifted > 0 && (others == 0 || shifted >= 3 && shifted >= others) {
            return Some(Self::Azerty);
        }
        // Of a card's number it can be tried what it would be.
        let is_card = matches!(means.means, Meaning::Card(_)) && !matches!(means.read(text), Some(Ok(_)));
        let fits = |layout: &Self| matches!(means.read(&layout.meant(text)), Some(Ok(_)));
        [Self::Azerty, Self::Qwertz].into_iter().filter(|_| is_card).find(fits)
    }

    /// What a reader with this layout meant.
    fn meant(self, text: &[u8]) -> Vec<u8> {
        let digit = |byte: &u8| SHIFTED.iter().position(|shifted| shifted == byte).and_then(|at| u8::try_from(at).ok());
        let meant = |byte: &u8| match (self, byte) {
            (Self::Azerty, b'q') => b'a',
            (Self::Azerty, b'Q') => b'A',
            (Self::Azerty, b'm') => b',',
            (Self::Azerty, b'.') | (Self::Qwertz, b'>') => b':',
            (Self::Qwertz, b'/') => b'-',
            (Self::Azerty, byte) => digit(byte).map_or(*byte, |digit| b'0' + digit),
            (Self::Qwertz, byte) => *byte,
        };
        text.iter().map(meant).collect()
    }

    /// What is wrong and what to do.
    pub fn text(self) -> Text {
        let (en, zh) = match self {
            Self::Azerty => (
                "French or Belgian (AZERTY), Czech, Slovak or Lithuanian: its digits arrive as ! @ # $ % ^ & * ( )",
                "法语或比利时（AZERTY）、捷克、斯洛伐克或立陶宛布局：数字变成了 ! @ # $ % ^ & * ( )",
            ),
            Self::Qwertz => (
                "German or Swiss (QWERTZ): its punctuation arrives as other characters",
                "德语或瑞士（QWERTZ）布局：标点变成了其他字符",
            ),
        };
        Text::new(
            format!(
                "the reader types as a keyboard of another layout, {en}; set the reader itself to the US (English) layout, with the code in its manual; what it typed is kept as unreadable"
            ),
            format!(
                "读头使用了其他键盘布局，{zh}；请按读头说明书将其设为美式（US English）键盘布局；已输入的内容作为无法识别的记录留存"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use punchd_contract::NumberFormat;

    use super::*;

    fn means(means: Meaning) -> PresentedText {
        PresentedText { means, prefix: String::new(), suffix: String::new() }
    }

    fn card(format: NumberFormat) -> PresentedText {
        means(Meaning::Card(format))
    }

    #[test]
    fn digits_with_shift_are_named_whatever_the_text_is_to_mean() {
        for means in [card(NumberFormat::H8D10), means(Meaning::Token), means(Meaning::UserId)] {
            assert_eq!(Layout::of(b"))!#&$*(!!", &means), Some(Layout::Azerty));
            assert_eq!(Layout::of(b"#$", &means), Some(Layout::Azerty));
            for plain in [&b"0013748911"[..], b"*", b"#", b"*123#", b"abc"] {
                assert_eq!(Layout::of(plain, &means), None, "{plain:?}");
            }
        }
        assert_eq!(Layout::of(b"A1.k!@", &means(Meaning::Token)), None);
    }

    #[test]
    fn card_numbers_with_letters_and_commas_tell_the_layout_too() {
        assert_eq!(Layout::of(b")$Q!B@C#", &card(NumberFormat::Hex)), Some(Layout::Azerty));
        assert_eq!(Layout::of(b"QBCDEFQB", &card(NumberFormat::Hex)), Some(Layout::Azerty));
        assert_eq!(Layout::of(b"!!^m@#!%@", &card(NumberFormat::H2H4)), Some(Layout::Azerty));
        assert_eq!(Layout::of(b"04>A1>B2>C3", &card(NumberFormat::Hex)), Some(Layout::Qwertz));
        assert_eq!(Layout::of(b"04/A1/B2/C3", &card(NumberFormat::Hex)), Some(Layout::Qwertz));
        assert_eq!(Layout::of(b"04A1B2C3", &card(NumberFormat::Hex)), None);
        assert_eq!(Layout::of(b"116,23152", &card(NumberFormat::H8D10)), None);
    }

    #[test]
    fn the_advice_names_the_layout_and_never_another_meaning() {
        for layout in [Layout::Azerty, Layout::Qwertz] {
            let text = layout.text();
            assert!(text.en.contains("US (English) layout") && text.zh.contains("美式"));
            assert!(!text.en.contains("token") && !text.en.contains("user_id"));
        }
    }

    proptest! {
        /// Every number of every form that is typed with a French layout: it is no card, and the layout is named.
        #[test]
        fn every_card_typed_with_shift_is_named(raw in any::<[u8; 5]>()) {
            for format in NumberFormat::ALL {
                let means = card(*format);
                let Some(number) = format.write(&raw) else { continue };
                let typed: Vec<u8> = number.bytes().map(|byte| match byte {
                    b'0'..=b'9' => SHIFTED[usize::from(byte - b'0')],
                    b'A' => b'Q',
                    b',' => b'm',
                    other => other,
                }).collect();
                if typed != number.as_bytes() {
                    prop_assert_eq!(Layout::of(&typed, &means), Some(Layout::Azerty), "{} as {}", number, String::from_utf8_lossy(&typed));
                }
                prop_assert_eq!(Layout::of(number.as_bytes(), &means), None);
            }
        }

        #[test]
        fn no_text_is_too_strange(text: Vec<u8>) {
            let _ = Layout::of(&text, &means(Meaning::Token));
            let _ = Layout::of(&text, &card(NumberFormat::Hex));
        }
    }
}
