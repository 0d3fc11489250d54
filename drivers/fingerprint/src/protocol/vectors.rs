//! The vectors of facts/readers.md C.3, in both directions.

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    let digits: String = text.replace('…', "EF01FFFFFFFF").split_whitespace().collect();
    assert!(digits.len().is_multiple_of(2), "{text}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The only packet in these bytes.
fn packet(text: &str) -> Packet {
    let mut decoder = Decoder::default();
    decoder.push(&bytes(text));
    let packet = decoder.next_packet().unwrap().unwrap();
    assert_eq!(decoder.next_packet(), None);
    assert_eq!(packet.encode(), bytes(text), "{text}");
    packet
}

#[test]
fn what_is_asked() {
    let aura = Aura { control: Control::On, speed: 0x80, colour: 1, count: 0 };
    for (text, ask) in [
        ("EF 01 FF FF FF FF 01 00 07 13 00 00 00 00 00 1B", Ask::VfyPwd { password: 0 }),
        ("EF 01 FF FF FF FF 01 00 03 0F 00 13", Ask::ReadSysPara),
        ("… 01 00 03 01 00 05", Ask::GenImg),
        ("… 01 00 04 02 01 00 08", Ask::Img2Tz { buffer: 1 }),
        ("… 01 00 04 02 02 00 09", Ask::Img2Tz { buffer: 2 }),
        ("… 01 00 08 04 01 00 00 00 C8 00 D6", Ask::Search { buffer: 1, start: 0, count: 200 }),
        ("… 01 00 08 1B 01 00 00 00 C8 00 ED", Ask::HighSpeedSearch { buffer: 1, start: 0, count: 200 }),
        ("… 01 00 03 05 00 09", Ask::RegModel),
        ("… 01 00 06 06 01 00 07 00 15", Ask::Store { buffer: 1, page: 7 }),
        ("… 01 00 06 07 01 00 07 00 16", Ask::LoadChar { buffer: 1, page: 7 }),
        ("… 01 00 04 08 01 00 0E", Ask::UpChar { buffer: 1 }),
        ("… 01 00 04 09 02 00 10", Ask::DownChar { buffer: 2 }),
        ("… 01 00 03 1D 00 21", Ask::TempleteNum),
        ("… 01 00 04 1F 00 00 24", Ask::ReadIndexTable { page: 0 }),
        ("… 01 00 03 03 00 07", Ask::Match),
        ("… 01 00 07 0C 00 07 00 01 00 1C", Ask::DeletChar { page: 7, count: 1 }),
        ("… 01 00 03 0D 00 11", Ask::Empty),
        ("… 01 00 03 53 00 57", Ask::Echo),
        ("… 01 00 03 3D 00 41", Ask::SoftRst),
        ("… 01 00 07 35 03 80 01 00 00 C1", Ask::AuraLed(aura)),
    ] {
        let packet = packet(text);
        assert_eq!((packet.pid, packet.address), (Pid::Command, Address::default()));
        assert_eq!(Ask::parse(&packet.content), Some(ask), "{text}");
        assert_eq!(ask.packet(Address::default()).encode(), bytes(text), "{ask:?}");
    }
}

/// Code and what follows.
fn answered(text: &str, ask: Ask) -> (Code, Vec<u8>) {
    let packet = packet(text);
    assert_eq!(packet.pid, Pid::Answer);
    let (code, params) = packet.content.split_first().unwrap();
    assert!(ask.takes(Code::of(*code), params.len()), "{text}");
    (Code::of(*code), params.to_vec())
}

#[test]
fn what_is_answered() {
    let search = Ask::Search { buffer: 1, start: 0, count: 200 };
    assert_eq!(answered("… 07 00 03 00 00 0A", Ask::VfyPwd { password: 0 }), (Code::Ok, vec![]));
    assert_eq!(answered("… 07 00 03 02 00 0C", Ask::GenImg), (Code::NoFinger, vec![]));
    let (code, hit) = answered("… 07 00 07 00 00 07 00 D9 00 EE", search);
    assert_eq!((code, Hit::parse(&hit)), (Code::Ok, Some(Hit { page: 7, score: 217 })));
    assert_eq!(Hit { page: 7, score: 217 }.encode(), hit);
    let (code, nothing) = answered("… 07 00 07 09 00 00 00 00 00 17", search);
    assert_eq!((code, nothing), (Code::NotFound, vec![0; 4]));
    assert_eq!(answered("… 07 00 05 00 00 01 00 0D", Ask::TempleteNum), (Code::Ok, vec![0, 1]));
    assert_eq!(answered("… 07 00 05 00 01 2C 00 39", Ask::Match), (Code::Ok, 300_u16.to_be_bytes().to_vec()));
}

#[test]
fn the_parameters_of_an_old_module() {
    let text = "EF 01 FF FF FF FF 07 00 13 00 0000 0009 00C8 0003 FFFFFFFF 0002 0006 04 F2";
    let (code, params) = answered(text, Ask::ReadSysPara);
    let parameters = Parameters::parse(&params).unwrap();
    let expected = Parameters {
        status: 0,
        system: 9,
        capacity: 200,
        security: 3,
        address: Address::default(),
        packet_code: 2,
        baud: Baud(6),
    };
    assert_eq!((code, parameters), (Code::Ok, expected));
    assert_eq!((parameters.packet_bytes(), parameters.encode()), (128, params));
}

#[test]
fn the_index_with_slot_3_and_with_slot_7() {
    let zeros = "00".repeat(31);
    let (_, bits) = answered(&format!("… 07 00 23 00 08 {zeros} 00 32"), Ask::ReadIndexTable { page: 0 });
    assert_eq!(slots_of(0, &bits), [3]);
    assert_eq!(index_page(0, [3]).to_vec(), bits);
    assert_eq!(index_page(0, [7])[0], 0x80);
}

#[test]
fn an_optical_sensor_that_answers_twice() {
    // Seen on real hardware: "packet error", then the answer.
    let mut decoder = Decoder::default();
    decoder.push(&bytes("EF01 FFFFFFFF 07 0003 01 000B EF01 FFFFFFFF 07 0005 00 00FF 010B"));
    let said: Vec<_> = std::iter::from_fn(|| decoder.next_packet()).map(|packet| packet.unwrap().content).collect();
    assert_eq!(said, [vec![1], vec![0, 0x00, 0xFF]]);
}

#[test]
fn a_template_stream_of_packets_of_128_bytes() {
    for (pid, kind) in [(Pid::Data, "02"), (Pid::LastData, "08")] {
        let packet = Packet { address: Address::default(), pid, content: vec![0x5A; 128] };
        let bytes_of_it = packet.encode();
        assert_eq!(bytes_of_it.get(..9), Some(&bytes(&format!("… {kind} 0082"))[..]));
        assert_eq!(bytes_of_it.len(), 139);
    }
}
