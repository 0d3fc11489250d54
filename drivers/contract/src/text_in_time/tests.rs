use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Meaning, NumberFormat};

const IDLE: Duration = Duration::from_millis(80);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Texts and terminators (`\n`) at their times; silence follows.
fn told(mut texts: TextInTime, pieces: &[(u64, &str)]) -> Vec<(bool, String)> {
    let (mut told, mut now) = (Vec::new(), Duration::ZERO);
    for (pause, piece) in pieces {
        now += millis(*pause);
        for byte in piece.bytes() {
            match byte {
                b'\n' if texts.ends != Ends::Silence => texts.end(now, &mut told),
                other => texts.byte(other, now, &mut told),
            }
        }
    }
    texts.pass(now + millis(10_000), &mut told);
    let show = |told: Told| match told {
        Told::Whole(text) => (true, String::from_utf8(text.bytes).unwrap()),
        Told::Part(text) => (false, String::from_utf8(text.bytes).unwrap()),
    };
    told.into_iter().map(show).collect()
}

fn whole(texts: TextInTime, pieces: &[(u64, &str)]) -> Vec<String> {
    told(texts, pieces).into_iter().filter(|(whole, _)| *whole).map(|(_, text)| text).collect()
}

fn of(ends: Ends) -> TextInTime {
    TextInTime::new(ends, IDLE)
}

fn ten_digits(ends: Ends) -> TextInTime {
    let means = Meaning::Card(NumberFormat::H8D10);
    of(ends).meaning(&PresentedText { means, prefix: String::new(), suffix: String::new() })
}

#[test]
fn the_tail_of_a_text_whose_head_was_given_up_is_nobodys_however_late_it_comes() {
    for pause in [700, 6000, 10_500, 90_000, 3_600_000] {
        for ends in [Ends::Terminator, Ends::Either] {
            let pieces = [(0, "777\n"), (1000, "1002"), (pause, "34\n"), (1000, "100234\n")];
            assert_eq!(whole(of(ends), &pieces), ["777", "100234"], "{ends:?} {pause}");
        }
    }
    let pieces = [(0, "1002"), (700, "34\n"), (1000, "100234\n")];
    assert_eq!(
        told(of(Ends::Terminator), &pieces),
        [(false, "1002".into()), (false, "34".into()), (true, "100234".into())]
    );
}

#[test]
fn a_pause_shorter_than_a_stall_joins_and_a_late_terminator_ends() {
    assert_eq!(
        whole(of(Ends::Terminator), &[(0, "EMP-00000000"), (30, "00100234"), (400, "\n")]),
        ["EMP-0000000000100234"]
    );
    assert_eq!(whole(of(Ends::Either), &[(0, "100234"), (300, "\n"), (2000, "34\n")]), ["100234", "34"]);
}

#[test]
fn where_silence_ends_texts_whole_ones_come_a_second_apart_and_pieces_closer_are_nobodys() {
    for ends in [Ends::Silence, Ends::Either] {
        assert_eq!(whole(of(ends), &[(0, "100234"), (2000, "34"), (2000, "777")]), ["100234", "34", "777"]);
        let pieces = [(0, "1002"), (400, "34"), (2000, "777")];
        assert_eq!(told(of(ends), &pieces), [(false, "1002".into()), (false, "34".into()), (true, "777".into())]);
        assert_eq!(whole(of(ends), &[(0, "1002"), (30, "34")]), ["100234"]);
    }
}

#[test]
fn a_known_width_tells_texts_apart_that_come_quickly() {
    for ends in [Ends::Silence, Ends::Either] {
        let cards = ["0007625328", "0007625329", "0007625330"];
        let pieces = [(0, cards[0]), (350, cards[1]), (350, cards[2])];
        assert_eq!(whole(ten_digits(ends), &pieces), cards);
        // The tail of one and the head of the next are ten digits too.
        let pieces = [(0, "00076"), (350, "2532800076"), (350, "25329"), (2000, cards[2])];
        assert_eq!(whole(ten_digits(ends), &pieces), [cards[2]]);
    }
}

#[test]
fn the_first_terminator_soon_after_a_silence_ends_a_tail() {
    assert_eq!(whole(of(Ends::Either), &[(0, "1002"), (400, "34\n"), (2000, "777\n")]), ["777"]);
    assert!(!whole(of(Ends::Either), &[(0, "1002"), (5000, "34\n"), (2000, "777\n")]).contains(&"34".to_owned()));
    // Long after, it is the first text of a reader that has been set to one.
    assert_eq!(whole(of(Ends::Either), &[(0, "1002"), (61_000, "34\n")]), ["1002", "34"]);
}

#[test]
fn what_was_lost_spoils_the_text_and_not_the_one_after_its_end() {
    for (ends, next) in [(Ends::Terminator, "678\n"), (Ends::Silence, "678")] {
        let (mut texts, mut told) = (of(ends), Vec::new());
        texts.byte(b'1', millis(0), &mut told);
        texts.lost(millis(1));
        texts.byte(b'2', millis(2), &mut told);
        match ends {
            Ends::Silence => texts.pass(millis(2000), &mut told),
            _ => texts.end(millis(3), &mut told),
        }
        assert_eq!(told, [Told::Part(Text { bytes: b"12".to_vec(), at: told_at(&told) })]);
        assert_eq!(whole(texts, &[(3000, next)]), ["678"]);
    }
    // Lost before anything was held: the rest is a tail all the same.
    let mut texts = of(Ends::Terminator);
    texts.lost(millis(0));
    assert_eq!(whole(texts, &[(5000, "34\n"), (10, "56\n")]), ["56"]);
}

fn told_at(told: &[Told]) -> Duration {
    match told {
        [Told::Part(text) | Told::Whole(text)] => text.at,
        _ => Duration::MAX,
    }
}

#[test]
fn a_line_that_breaks_in_a_text_goes_on_with_its_tail_or_anew() {
    for (goes_on, left) in [(true, vec!["777"]), (false, vec!["34", "777"])] {
        let (mut texts, mut told) = (of(Ends::Terminator), Vec::new());
        texts.byte(b'1', millis(0), &mut told);
        texts.broken(goes_on, &mut told);
        assert_eq!(told.len(), 1);
        assert_eq!(whole(texts, &[(2000, "34\n"), (10, "777\n")]), left);
    }
}

#[test]
fn a_text_without_end_costs_bounded_memory_and_not_the_text_after_it() {
    let endless = "x".repeat(3 * MAX_LINE);
    for ends in [Ends::Terminator, Ends::Either] {
        let got = told(of(ends), &[(0, &endless), (0, "\nnext\n")]);
        assert_eq!(
            got.iter().map(|(whole, text)| (*whole, text.len())).collect::<Vec<_>>(),
            [(false, MAX_LINE), (true, 4)]
        );
    }
    assert_eq!(whole(of(Ends::Silence), &[(0, &endless), (2000, "next")]), ["next"]);
}

/// A text, cut into pieces with pauses between them.
fn split() -> impl Strategy<Value = (String, Vec<(u64, String)>)> {
    let pause = prop_oneof![3 => 0_u64..60, 2 => 80_u64..900, 1 => 900_u64..200_000];
    ("[0-9]{1,12}", vec((any::<prop::sample::Index>(), pause), 0..4)).prop_map(|(text, cuts)| {
        let mut at: Vec<(usize, u64)> = cuts.iter().map(|(cut, pause)| (cut.index(text.len()), *pause)).collect();
        at.sort_unstable();
        at.dedup_by_key(|(cut, _)| *cut);
        at.retain(|(cut, _)| *cut > 0);
        let (mut pieces, mut from, mut pause) = (Vec::new(), 0, 2500);
        for (cut, next) in at {
            pieces.push((pause, text[from..cut].to_owned()));
            (from, pause) = (cut, next);
        }
        pieces.push((pause, text[from..].to_owned()));
        (text, pieces)
    })
}

proptest! {
    /// Every split of texts in time: each text is told whole or not at all.
    #[test]
    fn a_text_with_a_terminator_is_whole_or_nobodys(texts in vec(split(), 1..6), late in 0_u64..5000) {
        for first in [of(Ends::Terminator), of(Ends::Either)] {
            let terminates = first.ends == Ends::Either;
            let mut pieces: Vec<(u64, String)> = Vec::new();
            if terminates {
                // It has shown its terminator.
                pieces.push((0, "0\n".to_owned()));
            }
            for (_, split) in &texts {
                pieces.extend(split.clone());
                pieces.push((late, "\n".to_owned()));
            }
            pieces.push((3000, "whole\n".to_owned()));
            let pieces: Vec<(u64, &str)> = pieces.iter().map(|(pause, piece)| (*pause, piece.as_str())).collect();
            let mut got = whole(first, &pieces);
            let last = got.pop();
            prop_assert_eq!(last.as_deref(), Some("whole"), "the text after a terminator is read");
            if terminates {
                got.remove(0);
            }
            let mut wanted = texts.iter().map(|(text, _)| text);
            for text in &got {
                prop_assert!(wanted.any(|wanted| wanted == text), "{} is a part", text);
            }
        }
    }

    /// Without terminators: as long as no pause is as long as that between people.
    #[test]
    fn a_text_that_silence_ends_is_whole_or_nobodys(texts in vec(split(), 1..6)) {
        for first in [of(Ends::Silence), of(Ends::Either)] {
            let pieces: Vec<(u64, &str)> = texts.iter().flat_map(|(_, split)| {
                split.iter().enumerate().map(|(at, (pause, piece))| {
                    (if at == 0 { *pause } else { (*pause).min(900) }, piece.as_str())
                })
            }).collect();
            let got = whole(first, &pieces);
            let mut wanted = texts.iter().map(|(text, _)| text);
            for text in &got {
                prop_assert!(wanted.any(|wanted| wanted == text), "{} is a part", text);
            }
        }
    }

    /// Numbers of a known width: with any pauses between their digits, and one stall of any length.
    #[test]
    fn a_number_of_known_width_is_whole_or_nobodys(
        cards in vec((any::<u32>(), vec(prop_oneof![5 => 0_u64..60, 1 => 80_u64..900], 10)), 1..6),
        stall in (any::<prop::sample::Index>(), 900_u64..400_000),
    ) {
        let numbers: Vec<String> = cards.iter().map(|(number, _)| format!("{number:010}")).collect();
        let mut pieces: Vec<(u64, &str)> = Vec::new();
        for (number, (_, pauses)) in numbers.iter().zip(&cards) {
            pieces.extend(pauses.iter().enumerate().map(|(at, pause)| (*pause, &number[at..=at])));
        }
        let stalls = stall.0.index(pieces.len());
        pieces[stalls].0 = stall.1;
        for ends in [Ends::Silence, Ends::Either] {
            for text in whole(ten_digits(ends), &pieces) {
                prop_assert!(numbers.contains(&text), "{} is nobody's", text);
            }
        }
    }

    #[test]
    fn how_bytes_are_cut_without_pauses_does_not_matter(text in "[0-9\n]{0,60}", size in 1_usize..9) {
        for ends in [Ends::Terminator, Ends::Silence, Ends::Either] {
            let cut: Vec<(u64, &str)> = text.as_bytes().chunks(size).map(|piece| (1, std::str::from_utf8(piece).unwrap())).collect();
            prop_assert_eq!(told(of(ends), &[(0, &text)]), told(of(ends), &cut));
        }
    }
}
