//! What holds for any bytes in any pieces.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::decoder::{Decoder, Heard};
use super::lines::End;
use super::{gm65, rdm6300};

const IDLE: Duration = Duration::from_millis(80);
const ENDS: [End; 7] = [End::Auto, End::Cr, End::Lf, End::CrLf, End::Tab, End::Etx, End::Silence];

fn decoders() -> impl Iterator<Item = Decoder> {
    let texts = ENDS.into_iter().map(|end| Decoder::text(end, IDLE));
    let answering = ENDS.into_iter().map(|end| Decoder::answering(end, IDLE));
    texts.chain(answering).chain([Decoder::rdm6300()])
}

/// Everything heard when the bytes come in these pieces and silence follows.
fn heard<'a>(mut decoder: Decoder, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Heard> {
    let mut heard = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut heard);
    }
    settle(&mut decoder, &mut heard);
    heard
}

fn settle(decoder: &mut Decoder, heard: &mut Vec<Heard>) {
    for _ in 0..3 {
        if decoder.waits().is_some() {
            decoder.quiet(heard);
        }
    }
    assert_eq!(decoder.waits(), None, "silence settles everything");
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

proptest! {
    #[test]
    fn any_split_gives_the_same(bytes in stream(), size in 1_usize..9) {
        for (whole, pieces) in decoders().zip(decoders()) {
            let name = format!("{whole:?}");
            prop_assert_eq!(heard(whole, [&bytes[..]].into_iter()), heard(pieces, bytes.chunks(size)), "{}", name);
        }
    }

    #[test]
    fn no_line_is_longer_than_a_reading_may_be(bytes in stream()) {
        for decoder in decoders() {
            for heard in heard(decoder, [&bytes[..]].into_iter()) {
                if let Heard::Line(line) = heard {
                    prop_assert!((1..=4096).contains(&line.len()));
                }
            }
        }
    }

    #[test]
    fn noise_between_lines_loses_no_line(noises in vec(noise(), 1..6), lines in vec("[!-~]{1,40}", 6)) {
        let bytes: Vec<u8> = noises.iter().zip(&lines).flat_map(|(noise, line)| [noise, line.as_bytes(), b"\r\n"].concat()).collect();
        for decoder in [Decoder::text(End::Auto, IDLE), Decoder::text(End::CrLf, IDLE), Decoder::answering(End::Auto, IDLE)] {
            let heard = heard(decoder, [&bytes[..]].into_iter());
            let texts: Vec<_> = heard.iter().filter_map(|heard| match heard {
                Heard::Line(line) => Some(&line[..]),
                _ => None,
            }).collect();
            prop_assert_eq!(texts.len(), noises.len());
            prop_assert!(texts.iter().zip(&lines).all(|(heard, line)| heard.ends_with(line.as_bytes())));
        }
    }

    #[test]
    fn after_silence_any_noise_loses_no_line(noise in vec(any::<u8>(), 0..200), line in "[!-~]{1,40}") {
        for mut decoder in [Decoder::text(End::CrLf, IDLE), Decoder::text(End::Silence, IDLE), Decoder::answering(End::CrLf, IDLE)] {
            let mut before = Vec::new();
            decoder.push(&noise, &mut before);
            settle(&mut decoder, &mut before);
            let after = heard(decoder, [line.as_bytes(), b"\r\n"].into_iter());
            let Some(Heard::Line(read)) = after.first() else { return Err(TestCaseError::fail("no line")) };
            prop_assert_eq!(read.strip_suffix(b"\r\n").unwrap_or(read), line.as_bytes());
        }
    }

    #[test]
    fn any_noise_loses_no_card(noise in vec(any::<u8>(), 0..200), card in any::<[u8; 5]>(), cr_lf in any::<bool>()) {
        let bytes = [&noise[..], &rdm6300::frame(card, cr_lf)].concat();
        let heard = heard(Decoder::rdm6300(), [&bytes[..]].into_iter());
        prop_assert_eq!(heard.last(), Some(&Heard::Card(card)));
    }

    #[test]
    fn a_frame_with_a_changed_digit_is_another_cards_never(card in any::<[u8; 5]>(), at in 1_usize..13, digit in "[0-9A-F]") {
        let mut bytes = rdm6300::frame(card, false);
        let before = std::mem::replace(&mut bytes[at], digit.as_bytes()[0]);
        let wanted = if before == bytes[at] { Heard::Card(card) } else { Heard::Broken };
        prop_assert_eq!(heard(Decoder::rdm6300(), [&bytes[..]].into_iter()), [wanted]);
    }

    #[test]
    fn acknowledgements_never_reach_the_text(text in "[!-~]{1,40}", at in 0_usize..40) {
        let at = at.min(text.len());
        let bytes = [&text.as_bytes()[..at], gm65::ACK, &text.as_bytes()[at..], b"\r"].concat();
        let heard = heard(Decoder::answering(End::Auto, IDLE), bytes.chunks(1));
        prop_assert_eq!(heard, [Heard::Acknowledged, Heard::Line(text.into_bytes())]);
    }
}
