//! What holds for any bytes in any pieces at any times.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use punchd_contract::{Meaning, NumberFormat, PresentedText};

use super::decoder::{Decoder, Heard};
use super::lines::{End, Lines};
use super::{gm65, rdm6300};

const IDLE: Duration = Duration::from_millis(80);
const ENDS: [End; 7] = [End::Auto, End::Cr, End::Lf, End::CrLf, End::Tab, End::Etx, End::Silence];
const LONG: Duration = Duration::from_secs(100);

fn text(end: End) -> Decoder {
    Decoder::text(Lines::new(end, IDLE))
}

fn answering(end: End) -> Decoder {
    Decoder::answering(Lines::new(end, IDLE), IDLE)
}

fn decoders() -> impl Iterator<Item = Decoder> {
    ENDS.into_iter().map(text).chain(ENDS.into_iter().map(answering)).chain([Decoder::rdm6300()])
}

/// Everything heard when the bytes come in these pieces without pause and silence follows.
fn heard<'a>(mut decoder: Decoder, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Heard> {
    let mut heard = Vec::new();
    for piece in pieces {
        decoder.push(piece, Duration::ZERO, &mut heard);
    }
    settle(&mut decoder, &mut heard);
    heard
}

fn settle(decoder: &mut Decoder, heard: &mut Vec<Heard>) {
    for times in 1..=3 {
        decoder.pass(LONG * times, heard);
    }
    assert_eq!(decoder.due(), None, "silence settles everything");
}

fn lines(heard: &[Heard]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    for heard in heard {
        if let Heard::Line(line) = heard {
            lines.push(&line.bytes[..]);
        }
    }
    lines
}

/// Bytes that readers send, and others.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => vec(any::<u8>(), 0..8),
        2 => "[0-9A-Za-z]{1,12}(\r|\n|\r\n|\t|\x03|)".prop_map(String::into_bytes),
        1 => Just(gm65::ACK.to_vec()),
        1 => (any::<[u8; 5]>(), any::<bool>()).prop_map(|(card, cr_lf)| rdm6300::frame(card, cr_lf)),
        1 => vec(Just(b'x'), 4090..4100),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Noise that is no part of any text, and no terminator.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(0x00),
        0x01_u8..=0x01,
        0x04_u8..=0x08,
        0x0B_u8..=0x0C,
        0x0E_u8..=0x1F,
        0x80_u8..=0xBF,
        0xF8_u8..=0xFF
    ];
    vec(byte, 0..40)
}

/// The bytes of a terminator that ends lines like this.
fn mark(end: End) -> Option<&'static [u8]> {
    match end {
        End::Auto | End::Lf => Some(b"\n"),
        End::Cr => Some(b"\r"),
        End::CrLf => Some(b"\r\n"),
        End::Tab => Some(b"\t"),
        End::Etx => Some(b"\x03"),
        End::Silence => None,
    }
}

/// A pause between two bytes.
fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0_u64..20, 2 => 80_u64..900, 1 => 900_u64..400_000]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(bytes in stream(), size in 1_usize..9) {
        for (whole, pieces) in decoders().zip(decoders()) {
            let name = format!("{whole:?}");
            prop_assert_eq!(heard(whole, [&bytes[..]].into_iter()), heard(pieces, bytes.chunks(size)), "{}", name);
        }
    }

    /// Every text, with a pause before every one of its bytes and between the bytes of its terminator.
    #[test]
    fn a_text_is_whole_or_nobodys_however_it_is_split_in_time(
        texts in vec(vec((b'0'..=b'9', pause()), 1..10), 1..6),
        late in vec(pause(), 12),
    ) {
        for end in ENDS {
            for mut decoder in [text(end), answering(end)] {
                let Some(mark) = mark(end) else { continue };
                let (mut told, mut now) = (Vec::new(), Duration::ZERO);
                decoder.push(&[b"0", mark].concat(), now, &mut told);
                let mut late = late.iter().cycle();
                for text in &texts {
                    let ends = mark.iter().map(|byte| (*byte, *late.next().unwrap_or(&0)));
                    for (byte, pause) in text.iter().copied().chain(ends) {
                        now += Duration::from_millis(pause);
                        decoder.push(&[byte], now, &mut told);
                    }
                }
                decoder.push(&[b"whole", mark].concat(), now + LONG, &mut told);
                let whole: Vec<Vec<u8>> = texts.iter().map(|text| text.iter().map(|(byte, _)| *byte).collect()).collect();
                let mut wanted = whole.iter();
                let told = lines(&told);
                prop_assert_eq!(told.last(), Some(&&b"whole"[..]), "the text after a terminator is read");
                for told in &told[1..told.len() - 1] {
                    prop_assert!(wanted.any(|wanted| wanted == told), "{end:?}: {} is a part", String::from_utf8_lossy(told));
                }
            }
        }
    }

    /// Of a reader without terminators, as long as it pauses less than people do; of one whose numbers have a width, also if it stalls
    /// once for any time.
    #[test]
    fn what_silence_ends_is_whole_or_nobodys(texts in vec(vec((b'0'..=b'9', 0_u64..900), 1..10), 1..6), cards in vec((any::<u32>(), vec(0_u64..900, 10)), 1..6), stall in (any::<prop::sample::Index>(), 900_u64..400_000)) {
        for end in [End::Auto, End::Silence] {
            let (mut decoder, mut told, mut now) = (text(end), Vec::new(), Duration::ZERO);
            for text in &texts {
                now += Duration::from_secs(2);
                for (byte, pause) in text {
                    now += Duration::from_millis(*pause);
                    decoder.push(&[*byte], now, &mut told);
                }
            }
            decoder.pass(now + LONG, &mut told);
            let whole: Vec<Vec<u8>> = texts.iter().map(|text| text.iter().map(|(byte, _)| *byte).collect()).collect();
            for told in lines(&told) {
                prop_assert!(whole.iter().any(|whole| whole == told), "{end:?}: {} is a part", String::from_utf8_lossy(told));
            }

            let means = PresentedText { means: Meaning::Card(NumberFormat::H8D10), prefix: String::new(), suffix: String::new() };
            let mut decoder = Decoder::text(Lines::new(end, IDLE).meaning(&means));
            let (mut told, mut now) = (Vec::new(), Duration::ZERO);
            let numbers: Vec<String> = cards.iter().map(|(number, _)| format!("{number:010}")).collect();
            let mut at = 0;
            for (number, (_, pauses)) in numbers.iter().zip(&cards) {
                for (byte, pause) in number.bytes().zip(pauses) {
                    let stalls = at == stall.0.index(10 * cards.len());
                    now += Duration::from_millis(if stalls { stall.1 } else { *pause });
                    decoder.push(&[byte], now, &mut told);
                    at += 1;
                }
            }
            decoder.pass(now + LONG, &mut told);
            for told in lines(&told) {
                prop_assert!(numbers.iter().any(|number| number.as_bytes() == told), "{} is nobody's", String::from_utf8_lossy(told));
            }
        }
    }

    #[test]
    fn no_line_is_longer_than_a_reading_may_be(bytes in stream()) {
        for decoder in decoders() {
            for heard in heard(decoder, [&bytes[..]].into_iter()) {
                if let Heard::Line(line) | Heard::Part(line) = heard {
                    prop_assert!((1..=4096).contains(&line.bytes.len()));
                }
            }
        }
    }

    #[test]
    fn noise_between_lines_loses_no_line(noises in vec(noise(), 1..6), texts in vec("[!-~]{1,40}", 6)) {
        let bytes: Vec<u8> = noises.iter().zip(&texts).flat_map(|(noise, line)| [noise, line.as_bytes(), b"\r\n"].concat()).collect();
        for decoder in [text(End::Auto), text(End::CrLf), answering(End::Auto)] {
            let heard = heard(decoder, [&bytes[..]].into_iter());
            let told = lines(&heard);
            prop_assert_eq!(told.len(), noises.len());
            prop_assert!(told.iter().zip(&texts).all(|(heard, line)| heard.ends_with(line.as_bytes())));
        }
    }

    /// What noise leaves open may be a head: the text that follows it is not credited, the one after that is.
    #[test]
    fn after_any_noise_the_second_line_is_read(noise in vec(any::<u8>(), 0..200), line in "[!-~]{1,40}") {
        for mut decoder in [text(End::CrLf), text(End::Silence), answering(End::CrLf)] {
            let silence = matches!(&decoder, Decoder::Text(lines) if lines.due().is_none()) && format!("{decoder:?}").contains("Silence");
            let mut told = Vec::new();
            decoder.push(&noise, Duration::ZERO, &mut told);
            settle(&mut decoder, &mut told);
            let bytes = if silence { line.clone().into_bytes() } else { [line.as_bytes(), b"\r\n"].concat() };
            decoder.push(&bytes, LONG * 4, &mut told);
            told.clear();
            decoder.push(&bytes, LONG * 5, &mut told);
            decoder.pass(LONG * 6, &mut told);
            let told = lines(&told);
            prop_assert_eq!(told.last(), Some(&line.as_bytes()));
        }
    }

    #[test]
    fn any_noise_loses_no_card(noise in vec(any::<u8>(), 0..200), card in any::<[u8; 5]>(), cr_lf in any::<bool>()) {
        let bytes = [&noise[..], &rdm6300::frame(card, cr_lf)].concat();
        let heard = heard(Decoder::rdm6300(), [&bytes[..]].into_iter());
        prop_assert_eq!(heard.last(), Some(&Heard::Card(card)));
    }

    /// A frame that is cut anywhere, then a whole one: the whole one, and no other card.
    #[test]
    fn a_cut_frame_is_no_card(cut in any::<[u8; 5]>(), card in any::<[u8; 5]>(), at in 0_usize..14, from in 0_usize..14, cr_lf in any::<bool>()) {
        let whole = rdm6300::frame(cut, cr_lf);
        for piece in [&whole[..at], &whole[from.max(1)..]] {
            let bytes = [piece, &rdm6300::frame(card, cr_lf)].concat();
            let heard = heard(Decoder::rdm6300(), [&bytes[..]].into_iter());
            let cards: Vec<_> = heard.iter().filter(|heard| matches!(heard, Heard::Card(_))).collect();
            prop_assert!(cards == [&Heard::Card(card)] || cards == [&Heard::Card(cut), &Heard::Card(card)] && at == whole.len(), "{heard:?}");
        }
    }

    #[test]
    fn a_frame_with_a_changed_digit_is_another_cards_never(card in any::<[u8; 5]>(), at in 1_usize..13, digit in "[0-9A-F]") {
        let mut bytes = rdm6300::frame(card, false);
        let before = std::mem::replace(&mut bytes[at], digit.as_bytes()[0]);
        let same = before == bytes[at];
        let heard = heard(Decoder::rdm6300(), [&bytes[..]].into_iter());
        let right = if same { heard == [Heard::Card(card)] } else { matches!(heard[..], [Heard::Broken(_)]) };
        prop_assert!(right, "{:?}", heard);
    }

    #[test]
    fn acknowledgements_never_reach_the_text(text in "[!-~]{1,40}", at in 0_usize..40) {
        let at = at.min(text.len());
        let bytes = [&text.as_bytes()[..at], gm65::ACK, &text.as_bytes()[at..], b"\r"].concat();
        let heard = heard(answering(End::Auto), bytes.chunks(1));
        prop_assert_eq!(heard[0].clone(), Heard::Acknowledged);
        prop_assert_eq!(lines(&heard), [text.as_bytes()]);
    }
}
