//! The vectors of facts/readers.md B.3 in both directions, and what holds for every text and every card.

use proptest::prelude::*;

use super::*;

const LF: [u8; 5] = [0x01, 0x02, 0x6F, 0x6C, 0x3A];
const MIFARE: [u8; 4] = [0x04, 0xA1, 0xB2, 0xC3];

#[test]
fn every_format_is_written_as_the_manuals_write_it() {
    use NumberFormat as F;
    for (format, raw, text) in [
        (F::H10, &LF[..], "01026F6C3A"),
        (F::H8D10, &LF, "0040856634"),
        (F::H6D8, &LF, "07302202"),
        (F::H2H4, &LF, "111,27706"),
        (F::H4H4, &LF, "00623,27706"),
        (F::H10D12, &LF, "004335823930"),
        (F::H10D13, &LF, "0004335823930"),
        (F::H8D10, &[0x00, 0x74, 0x5A, 0x70], "0007625328"),
        (F::H2H4, &[0x00, 0x74, 0x5A, 0x70], "116,23152"),
        (F::DecimalBe, &MIFARE, "77705923"),
        (F::DecimalLe, &MIFARE, "3283263748"),
        (F::H2H4, &MIFARE, "161,45763"),
        (F::H2H4Le, &MIFARE, "178,41220"),
        (F::HexReversed, &MIFARE, "C3B2A104"),
        (F::HexNibbles, &MIFARE, "401A2B3C"),
        (F::HexBits, &MIFARE, "20854DC3"),
    ] {
        assert_eq!(format.write(raw).as_deref(), Some(text), "{format:?}");
    }
}

#[test]
fn a_text_gives_the_bytes_that_it_tells_and_no_others() {
    use NumberFormat as F;
    for (format, text, raw) in [
        (F::Hex, "04:a1:b2:c3", &MIFARE[..]),
        (F::H10, "01026F6C3A", &LF),
        (F::H10D12, "004335823930", &LF),
        (F::H10D12, "1099511627775", &[0xFF; 5]),
        (F::H10D13, "0004335823930", &LF),
        (F::H8D10, "0040856634", &LF[1..]),
        (F::H6D8, "07302202", &LF[2..]),
        (F::H2H4, "111,27706", &LF[2..]),
        (F::H2H4, "11127706", &LF[2..]),
        (F::H4H4, "00623,27706", &LF[1..]),
        (F::DecimalBe, "0077705923", &MIFARE),
        (F::DecimalLe, "3283263748", &MIFARE),
        (F::H8D10Le, "3283263748", &MIFARE),
        (F::H2H4Le, "178,41220", &MIFARE[..3]),
    ] {
        assert_eq!(format.parse(text).as_deref(), Ok(raw), "{format:?} {text}");
    }
    assert!(is_partial(&F::H2H4.parse("111,27706").unwrap()));
    assert!(!is_partial(&F::H8D10.parse("0040856634").unwrap()));
}

#[test]
fn a_number_that_lost_a_digit_is_no_number() {
    use NumberFormat as F;
    for (format, text, why) in [
        (F::H8D10, "040856634", NoFit::Digits),
        (F::H8D10, "4294967296", NoFit::TooLarge),
        (F::H8D10, "00408566340", NoFit::Digits),
        (F::H8D10, "004085663A", NoFit::Characters),
        (F::H6D8, "16777216", NoFit::TooLarge),
        (F::H2H4, "11,27706", NoFit::Digits),
        (F::H2H4, "256,27706", NoFit::TooLarge),
        (F::H2H4, "111,65536", NoFit::TooLarge),
        (F::H10, "01026F6C", NoFit::Digits),
        (F::Hex, "04A1B2C", NoFit::Digits),
        (F::Hex, "04", NoFit::Digits),
        (F::Hex, "", NoFit::Digits),
        (F::DecimalBe, "", NoFit::Digits),
        (F::DecimalBe, "99999999999999999999", NoFit::TooLarge),
        (F::DecimalBe, "+5", NoFit::Characters),
    ] {
        assert_eq!(format.parse(text), Err(why), "{format:?} {text}");
    }
}

#[test]
fn a_known_number_is_told_with_the_formats_that_it_can_be() {
    let fits: Vec<_> = every_meaning("0007625328").into_iter().map(|(format, _)| format.word()).collect();
    assert!(fits.contains(&"8H10D") && fits.contains(&"hex") && fits.contains(&"decimal-le"), "{fits:?}");
    assert!(!fits.contains(&"6H8D") && !fits.contains(&"2H4H"), "{fits:?}");
}

#[test]
fn forms_that_leave_bytes_out_say_so() {
    for written in every_text(&LF) {
        let whole = matches!(written.text.len(), 12 | 13) || written.format.word().contains("hex");
        let whole = whole || written.format == NumberFormat::H10;
        assert_eq!(written.partial, !whole, "{written:?}");
    }
    assert!(every_text(&LF[2..]).iter().all(|written| written.partial));
    assert_eq!(every_text(&[1]), []);
}

#[test]
fn words_name_their_formats() {
    assert_eq!(NumberFormat::ALL.len(), NumberFormat::WORDS.len());
    for format in NumberFormat::ALL {
        assert_eq!(NumberFormat::from_word(format.word()), Some(*format));
    }
    assert_eq!(NumberFormat::H8D10.word(), "8H10D");
    assert_eq!(NumberFormat::DecimalLe.word(), "decimal-le");
    assert_eq!(NumberFormat::from_word("8h10d"), None);
}

proptest! {
    #[test]
    fn what_a_whole_form_writes_reads_as_the_same_card(raw in proptest::collection::vec(any::<u8>(), 0..20)) {
        for written in every_text(&raw) {
            let read = written.format.parse(&written.text);
            prop_assert!(read.is_ok(), "{:?}", written);
            let read = read.unwrap_or_default();
            prop_assert_eq!(written.partial, read != raw || raw.len() <= 3);
            // What is left out is at one end: the rest stands as it is.
            prop_assert!(raw.starts_with(&read) || raw.ends_with(&read));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}|[0-9A-F,:]{0,40}") {
        for (format, raw) in every_meaning(&text) {
            prop_assert!((2..=16).contains(&raw.len()), "{:?}", format);
        }
    }
}
