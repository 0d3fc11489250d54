//! Bytes that the clients of facts/readers.md A.8 exchanged, read and written, and bytes that nobody would send.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failure is to be seen")]

use proptest::prelude::*;
use punchd_pn532::protocol::apdu::{self, Answer};
use punchd_pn532::protocol::command::{Command, Dialect, Pins};
use punchd_pn532::protocol::frame::{Decoder, Frame, LONGEST_MESSAGE};
use punchd_pn532::protocol::status::{Firmware, Status};
use punchd_pn532::protocol::target::{Felica, Listing, Malformed, Target, Technology, TypeA, TypeB};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn decoded(bytes: &[u8]) -> Vec<Frame> {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.next_frame()).collect()
}

/// Both ways: these bytes are this frame.
fn is(bytes: &str, frame: Frame) {
    assert_eq!(frame.encode(), hex(bytes), "{frame:?}");
    assert_eq!(decoded(&hex(bytes)), [frame]);
}

fn sent(bytes: &str, command: Command) {
    is(bytes, Frame::Command(command.message()));
}

#[test]
fn the_commands_are_the_ones_that_clients_send() {
    let sam = Command::SamConfiguration;
    sent("00 00 FF 03 FD D4 14 01 17 00", sam(Dialect::Short));
    sent("00 00 FF 05 FB D4 14 01 14 01 02 00", sam(Dialect::WithInterrupt));
    sent("00 00 FF 05 FB D4 14 01 00 00 17 00", sam(Dialect::WithoutInterrupt));
    sent("00 00 FF 02 FE D4 02 2A 00", Command::GetFirmwareVersion);
    sent("00 00 FF 03 FD D4 12 14 06 00", Command::SetParameters);
    sent("00 00 FF 04 FC D4 32 01 00 F9 00", Command::FieldOff);
    sent("00 00 FF 06 FA D4 32 05 00 01 02 F2 00", Command::Retries { activation: 2 });
    sent("00 00 FF 03 FD D4 52 00 DA 00", Command::ReleaseAll);
    sent("00 00 FF 05 FB D4 40 01 30 04 B7 00", Command::Exchange { target: 1, data: hex("30 04") });
    let auth = Command::Exchange { target: 1, data: hex("60 3F FF FF FF FF FF FF 01 02 03 04") };
    sent("00 00 FF 0F F1 D4 40 01 60 3F FF FF FF FF FF FF 01 02 03 04 48 00", auth);
}

#[test]
fn lists_ask_as_clients_do_for_two_cards_instead_of_one() {
    for (technology, one) in [
        (Technology::A, "00 00 FF 04 FC D4 4A 01 00 E1 00"),
        (Technology::B, "00 00 FF 05 FB D4 4A 01 03 00 DE 00"),
        (Technology::Felica212, "00 00 FF 09 F7 D4 4A 01 01 00 FF FF 01 00 E1 00"),
    ] {
        let [Frame::Command(message)] = &decoded(&hex(one))[..] else { panic!("{one}") };
        let mut message = message.clone();
        is(one, Frame::Command(message.clone()));
        message[1] = 2;
        assert_eq!(Command::List(technology).message(), message);
    }
    assert_eq!(Command::List(Technology::Felica424).message(), hex("4A 02 02 00 FF FF 01 00"));
}

#[test]
fn frames_that_the_driver_never_sends_are_read_all_the_same() {
    for (bytes, message) in [
        ("00 00 FF 09 F7 D4 00 00 6C 69 62 6E 66 63 BE 00", "00 00 6C 69 62 6E 66 63"),
        ("00 00 FF 04 FC D4 32 01 01 F8 00", "32 01 01"),
        ("00 00 FF 06 FA D4 32 05 FF FF FF F8 00", "32 05 FF FF FF"),
        ("00 00 FF 0B F5 D4 60 14 02 20 10 03 11 12 04 03 59 00", "60 14 02 20 10 03 11 12 04 03"),
        (
            "00 00 FF 0F F1 D4 40 01 61 04 FF FF FF FF FF FF 01 02 03 04 82 00",
            "40 01 61 04 FF FF FF FF FF FF 01 02 03 04",
        ),
        ("00 00 FF 03 FD D4 42 60 8A 00", "42 60"),
        ("00 00 FF 05 FB D4 42 60 F8 32 60 00", "42 60 F8 32"),
        (
            "00 00 FF 10 F0 D4 42 02 00 A4 04 00 07 D2 76 00 00 85 01 01 00 6A 00",
            "42 02 00 A4 04 00 07 D2 76 00 00 85 01 01 00",
        ),
        ("00 00 FF 03 FD D4 44 00 E8 00", "44 00"),
        ("00 00 FF 03 FD D4 16 F0 26 00", "16 F0"),
    ] {
        is(bytes, Frame::Command(hex(message)));
    }
}

#[test]
fn a_long_message_goes_in_an_extended_frame() {
    let mut message = vec![0x00, 0x00];
    message.extend((0..=255).chain(0..6));
    let frame = Frame::Command(message.clone());
    let bytes = frame.encode();
    assert_eq!(bytes[..10], hex("00 00 FF FF FF 01 09 F6 D4 00"));
    assert_eq!(bytes[bytes.len() - 3..], hex("05 9D 00"));
    assert_eq!(decoded(&bytes), [frame]);
}

#[test]
fn short_frames_are_what_the_manual_says() {
    is("00 00 FF 00 FF 00", Frame::Ack);
    is("00 00 FF FF 00 00", Frame::Nack);
    is("00 00 FF 01 FF 7F 81 00", Frame::NotUnderstood);
}

#[test]
fn answers_are_the_ones_that_clients_accept() {
    for (bytes, message) in [
        ("00 00 FF 02 FE D5 15 16 00", "15"),
        ("00 00 FF 06 FA D5 03 32 01 06 07 E8 00", "03 32 01 06 07"),
        ("00 00 FF 03 FD D5 4B 00 E0 00", "4B 00"),
        ("00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 01 02 03 04 C4 00", "4B 01 01 00 04 08 04 01 02 03 04"),
        ("00 00 FF 03 FD D5 41 00 EA 00", "41 00"),
        ("00 00 FF 0B F5 D5 43 00 00 04 04 02 01 00 11 03 C9 00", "43 00 00 04 04 02 01 00 11 03"),
        (
            "00 00 FF 13 ED D5 41 00 03 10 D1 01 0C 55 02 65 78 61 6D 70 6C 65 2E 63 25 00",
            "41 00 03 10 D1 01 0C 55 02 65 78 61 6D 70 6C 65 2E 63",
        ),
    ] {
        is(bytes, Frame::Answer(hex(message)));
    }
    let firmware = Firmware::parse(&hex("32 01 06 07")).unwrap();
    assert!(firmware.is_pn532());
    assert_eq!(firmware.to_string(), "PN532 firmware 1.6");
    assert_eq!(Firmware::parse(&hex("32 01 06")), None);
}

/// What a list of this technology found, from the whole frame as it came.
fn found(technology: Technology, bytes: &str) -> Result<Listing, Malformed> {
    let [Frame::Answer(message)] = &decoded(&hex(bytes))[..] else { panic!("{bytes}") };
    assert_eq!(message[0], 0x4B);
    Listing::parse(technology, &message[1..])
}

#[test]
fn cards_are_read_from_the_answers_that_clients_accept() {
    let a = |atqa, sak, uid, ats: Option<&str>| {
        Ok(Listing::One(1, Target::A(TypeA { atqa, sak, uid: hex(uid), ats: ats.map(hex) })))
    };
    assert_eq!(found(Technology::A, "00 00 FF 03 FD D5 4B 00 E0 00"), Ok(Listing::Nothing));
    assert_eq!(
        found(Technology::A, "00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 01 02 03 04 C4 00"),
        a([0, 4], 0x08, "01020304", None)
    );
    assert_eq!(
        found(Technology::A, "00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 A1 B2 C3 D4 E5 80 40 00"),
        a([0, 0x44], 0x00, "04A1B2C3D4E580", None)
    );
    // With one surplus byte behind the ATS.
    assert_eq!(
        found(Technology::A, "00 00 FF 16 EA D5 4B 01 01 03 44 20 07 04 A1 B2 C3 D4 E5 80 06 75 77 81 02 80 00 28 00"),
        a([3, 0x44], 0x20, "04A1B2C3D4E580", Some("75 77 81 02 80"))
    );
    let b = TypeB { pupi: [0x11, 0x22, 0x33, 0x44], application: [0; 4], protocol: [0, 0x81, 0x85] };
    assert_eq!(
        found(Technology::B, "00 00 FF 12 EE D5 4B 01 01 50 11 22 33 44 00 00 00 00 00 81 85 01 00 DD 00"),
        Ok(Listing::One(1, Target::B(b)))
    );
    let felica = Felica {
        idm: [1, 2, 3, 4, 5, 6, 7, 8],
        pmm: [0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11],
        system: Some([0x88, 0xB4]),
    };
    assert_eq!(
        found(Technology::Felica212, "00 00 FF 18 E8 D5 4B 01 01 14 01 0102030405060708 0A0B0C0D0E0F1011 88B4 FD 00"),
        Ok(Listing::One(1, Target::Felica(felica)))
    );
}

#[test]
fn lengths_that_do_not_fit_make_no_card() {
    for (technology, data) in [
        (Technology::A, ""),
        (Technology::A, "03"),
        (Technology::A, "01"),
        (Technology::A, "01 01 00 04 08"),
        (Technology::A, "01 01 00 04 08 05 01 02 03 04 05"),
        (Technology::A, "01 01 00 04 08 07 01 02 03 04"),
        (Technology::A, "01 01 00 04 20 04 01 02 03 04 00"),
        (Technology::A, "01 01 00 04 20 04 01 02 03 04 06 75"),
        (Technology::B, "01 01 50 11 22 33 44 00 00 00 00 00 81"),
        (Technology::B, "01 01 51 11 22 33 44 00 00 00 00 00 81 85 00"),
        (Technology::B, "01 01 50 11 22 33 44 00 00 00 00 00 81 85 02 00"),
        (Technology::Felica212, "01 01 14 01 01 02"),
        (Technology::Felica212, "01 01 00"),
        (Technology::Felica424, "01 01 13 01 0102030405060708 0A0B0C0D0E0F1011 88"),
        (Technology::Felica424, "01 01 12 02 0102030405060708 0A0B0C0D0E0F1011"),
    ] {
        assert_eq!(Listing::parse(technology, &hex(data)), Err(Malformed), "{technology:?} {data}");
    }
}

#[test]
fn cards_of_ten_bytes_two_cards_and_made_up_numbers_are_recognised() {
    let Ok(Listing::One(1, Target::A(ten))) =
        Listing::parse(Technology::A, &hex("01 01 00 04 00 0A 01 02 03 04 05 06 07 08 09 0A"))
    else {
        panic!("no card")
    };
    assert_eq!((ten.uid.len(), ten.is_iso_dep(), ten.is_random()), (10, false, false));
    assert_eq!(
        Listing::parse(Technology::A, &hex("02 01 00 04 08 04 01 02 03 04 02 00 04 08 04 05 06 07 08")),
        Ok(Listing::Several)
    );
    let Ok(Listing::One(_, Target::A(phone))) =
        Listing::parse(Technology::A, &hex("01 01 00 04 20 04 08 02 03 04 06 75 77 81 02 80"))
    else {
        panic!("no phone")
    };
    assert!(phone.is_random() && phone.is_iso_dep());
    let Ok(Listing::One(_, Target::Felica(peer))) =
        Listing::parse(Technology::Felica212, &hex("01 01 12 01 01FE030405060708 0A0B0C0D0E0F1011"))
    else {
        panic!("no peer")
    };
    assert!(peer.is_random() && peer.system.is_none());
}

#[test]
fn applications_are_selected_and_answer() {
    assert_eq!(apdu::select(&hex("D2760000850101")), hex("00 A4 04 00 07 D2760000850101 00"));
    assert_eq!(Answer::parse(&hex("01 02 90 00")), Some(Answer { data: vec![1, 2], status: 0x9000 }));
    assert!(!Answer::parse(&hex("6A 82")).unwrap().is_ok());
    assert_eq!(Answer::parse(&[0x90]), None);
}

#[test]
fn pins_are_written_with_their_validation_bits() {
    assert_eq!(Command::WriteGpio(Pins::HIGH).message(), hex("0E BF 86"));
    assert_eq!(Command::WriteGpio(Pins { p3: 0xFF, p7: 0x00 }).message(), hex("0E BF 80"));
}

#[test]
fn every_status_has_its_words() {
    assert!(Status(0x40).is_ok() && Status(0x40).more());
    assert!(!Status(0x14).is_ok() && !Status(0x14).more());
    for code in 0..=255 {
        let words = Status(code).words();
        assert!(!words.en.is_empty() && !words.zh.is_empty());
    }
}

#[test]
fn a_stream_is_read_whatever_stands_before_between_and_inside_frames() {
    let ack = Frame::Ack;
    let answer = Frame::Answer(hex("4B 00"));
    // No leading zero, no postamble, and zeros as one likes.
    assert_eq!(decoded(&hex("00 FF 00 FF 00 FF 03 FD D5 4B 00 E0")), [ack.clone(), answer.clone()]);
    assert_eq!(
        decoded(&hex("00 00 00 00 FF 00 FF 00 00 00 00 00 00 FF 03 FD D5 4B 00 E0 00 00")),
        [ack, answer.clone()]
    );
    // A frame that was cut, one whose checksum is wrong, one of nobody, a header of noise, and then the whole one.
    for before in [
        "00 00 FF 03 FD D5",
        "00 00 FF 03 FD D5 4B 01 E0 00",
        "00 00 FF 02 FE 33 44 89 00",
        "00 FF 03 03",
        "00 FF FF FF 10 00 F0",
        "00 FF FF FF FF FF 02",
        "55 AA FF 00 FF",
    ] {
        let mut bytes = hex(before);
        bytes.extend(answer.encode());
        assert_eq!(decoded(&bytes).last(), Some(&answer), "{before}");
    }
}

#[test]
fn a_reset_forgets_half_a_frame() {
    let mut decoder = Decoder::default();
    decoder.push(&hex("00 00 FF 20 E0 D5 4B"));
    assert_eq!(decoder.next_frame(), None);
    decoder.reset();
    assert_eq!((decoder.waiting(), decoder.skipped() > 0), (0, true));
    decoder.push(&hex("00 00 FF 03 FD D5 4B 00 E0 00"));
    assert_eq!(decoder.next_frame(), Some(Frame::Answer(hex("4B 00"))));
}

fn frame() -> impl Strategy<Value = Frame> {
    let message = || proptest::collection::vec(any::<u8>(), 1..=LONGEST_MESSAGE);
    prop_oneof![
        Just(Frame::Ack),
        Just(Frame::Nack),
        Just(Frame::NotUnderstood),
        message().prop_map(Frame::Command),
        message().prop_map(Frame::Answer),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself_however_it_is_cut(
        frames in proptest::collection::vec(frame(), 1..6),
        piece in 1_usize..40,
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        let mut decoder = Decoder::default();
        let mut read = Vec::new();
        for part in bytes.chunks(piece) {
            decoder.push(part);
            read.extend(std::iter::from_fn(|| decoder.next_frame()));
        }
        prop_assert_eq!(read, frames);
        prop_assert_eq!(decoder.skipped(), 0);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic_or_keep_more_than_a_frame(bytes in proptest::collection::vec(
        prop_oneof![Just(0x00), Just(0xFF), Just(0xD5), any::<u8>()], 0..2000)
    ) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        while decoder.next_frame().is_some() {}
        prop_assert!(decoder.waiting() < 300);
        // A whole frame behind a pause is always read.
        decoder.reset();
        decoder.push(&Frame::Ack.encode());
        prop_assert_eq!(decoder.next_frame(), Some(Frame::Ack));
    }

    #[test]
    fn no_answer_makes_the_readers_of_answers_panic(data in proptest::collection::vec(any::<u8>(), 0..64), first in 0_u8..4) {
        let mut counted = data.clone();
        if let Some(byte) = counted.first_mut() {
            *byte = first;
        }
        for technology in [Technology::A, Technology::B, Technology::Felica212, Technology::Felica424] {
            let _ = Listing::parse(technology, &data);
            if let Ok(Listing::One(_, Target::A(card))) = Listing::parse(technology, &counted) {
                prop_assert!(matches!(card.uid.len(), 4 | 7 | 10));
            }
        }
        let _ = (Firmware::parse(&data), Answer::parse(&data), apdu::select(&data));
    }
}
