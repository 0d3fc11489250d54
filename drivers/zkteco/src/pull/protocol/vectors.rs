//! Every vector of facts/terminals.md A.13, read and written.

use jiff::civil::{DateTime, date};

use super::bulk::{Table, announced, contents};
use super::checksum::checksum;
use super::code::{Ask, Reply};
use super::comm_key::CommKey;
use super::frame::{Packet, Reassembly, decode, encode, with_top};
use super::gathering::Gathering;
use super::layout::{Known, Log, layout_of};
use super::live_event::{LiveId, decode_punches, encode_punch};
use super::names::Encoding;
use super::record::{RecordId, RecordSize, parse_log};
use super::sizes::Sizes;
use super::time::RawTime;
use super::user::{User, UserForm, decode_users};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

/// Reads a full TCP frame and proves that writing it again gives the same bytes.
fn frame(hex: &str) -> Packet {
    let raw = bytes(hex);
    let mut stream = Reassembly::default();
    stream.push(&raw);
    let packet = stream.next_packet().unwrap().unwrap();
    assert!(packet.sound, "checksum of {hex}");
    assert_eq!(with_top(&encode(packet.command, packet.session, packet.reply, &packet.data)), raw);
    packet
}

/// Proves that this request of this session and reply is written as it was on the wire.
fn asks(ask: Ask<'_>, session: u16, reply: u16, hex: &str) {
    frame(hex);
    assert_eq!(with_top(&encode(ask.command(), session, reply, &ask.data())), bytes(hex), "{ask:?}");
}

#[test]
fn sessions_open_authenticate_and_end_as_on_the_wire() {
    asks(Ask::Connect, 0, 0, "5050827d08000000e80317fc00000000");
    let ack = frame("5050827d08000000d007fffc2ffb0000");
    assert_eq!((Reply::of(ack.command), ack.session), (Reply::Ok, 0xfb2f));
    asks(Ask::Exit, 0xfb2f, 1, "5050827d08000000e903e6002ffb0100");
    let refused = frame("5050827d08000000d5075bb2cf450000");
    assert_eq!((Reply::of(refused.command), refused.session), (Reply::Unauthorised, 0x45cf));
    let key = |digits| CommKey::parse(digits).unwrap().scrambled(0x45cf);
    asks(Ask::Auth(key("12")), 0x45cf, 1, "5050827d0c0000004e044e2ccf450100614d323c");
    asks(Ask::Auth(key("45")), 0x45cf, 1, "5050827d0c0000004e044db0cf45010061c9323c");
    assert_eq!(Reply::of(frame("5050827d08000000d0075fb2cf450100").command), Reply::Ok);
    assert_eq!(frame("5050827d09000000d007babb5c3c100009").data, [9]);
}

#[test]
fn comm_keys_are_scrambled_as_others_do() {
    let rows = [
        ("0", 0x45cf, "617d323c"),
        ("12", 0x45cf, "614d323c"),
        ("45", 0x45cf, "61c9323c"),
        ("1234", 0x1f2e, "41363266"),
        ("1234", 0x1f99, "41363266"),
        ("5678", 0x1f2e, "09093266"),
        ("999999", 0xffff, "22813296"),
    ];
    for (key, session, wire) in rows {
        assert_eq!(CommKey::parse(key).unwrap().scrambled(session).to_vec(), bytes(wire), "{key} {session:x}");
    }
    for wrong in ["", "1234567", "12a", "-1"] {
        assert_eq!(CommKey::parse(wrong), None);
    }
}

#[test]
fn checksums_of_header_and_data_are_right() {
    for (without, sum) in [("0b00f38d03005a4b4661636556657273696f6e00", 0x175a), ("d007f38d0a0009", 0x6a29)] {
        let mut raw = bytes(without);
        raw.splice(2..2, [0, 0]);
        assert_eq!(checksum(&raw), sum);
        raw.splice(2..4, [0xaa, 0x55]);
        assert_eq!(checksum(&raw), sum, "the checksum's own place does not count");
        raw.splice(2..4, u16::to_le_bytes(sum));
        let packet = decode(&raw).unwrap();
        assert!(packet.sound);
        assert_eq!(encode(packet.command, packet.session, packet.reply, &packet.data), raw);
    }
}

#[test]
fn sizes_tell_users_fingers_and_punches() {
    asks(Ask::FreeSizes, 0x45cf, 2, "5050827d080000003200fcb9cf450200");
    let k20 = frame(
        "5050827d58000000d0074c49582013000000000000000000000000000000000002000000000000000000000000000000000000000000000007000000000000000000000000000000f4010000f401000050c30000f4010000f201000050c30000",
    );
    let sizes = Sizes::decode(&k20.data).unwrap();
    assert_eq!((sizes.users, sizes.fingers, sizes.punches, sizes.punch_capacity), (2, 0, 0, 50_000));
    let busy = frame(
        "5050827d58000000d007292c5c3c13000000000000000000000000000000000046000000000000004600000000000000990c0000000000001a010000000000000600000006000000f4010000f401000050c30000ae010000ae010000b7b60000",
    );
    let sizes = Sizes::decode(&busy.data).unwrap();
    assert_eq!((sizes.users, sizes.fingers, sizes.punches), (70, 70, 3225));
    let f18 = bytes(
        "00000000000000000000000000000000030000000000000003000000000000003a000000000000005a000000000000000200000002000000b80b000088130000a0860100b50b00008513000066860100000000000000000000000000",
    );
    let sizes = Sizes::decode(&f18).unwrap();
    assert_eq!((sizes.users, sizes.fingers, sizes.punches, sizes.punch_capacity), (3, 3, 58, 100_000));
    assert_eq!(Sizes::decode(&sizes.encode(5000)), Some(sizes));
    assert_eq!(Sizes::decode(&f18[..79]), None);
}

fn long_users(body: &[u8]) -> Vec<User> {
    let (form, users) = decode_users(body, None).unwrap();
    assert_eq!(form, Some(UserForm::Long));
    for (user, raw) in users.iter().zip(body.chunks(72)) {
        assert_eq!(UserForm::Long.encode(user).unwrap(), raw);
    }
    users
}

#[test]
fn two_users_come_in_one_small_answer() {
    asks(Ask::OpenTable(Table::Users), 0x45cf, 0x14, "5050827d13000000df053ca6cf4514000109000500000000000000");
    let small = frame(
        "5050827d9c000000dd053c87582015009000000001000000000000000000006366756c616e6f0000000000000000000000000000000000000000000000000000000000003130303030316c70000000000000000000000000000000000200000000000000000000726d656e67616e6f0000000000000000000000000000000000000000000000000000000000323232323232636200000000000000000000000000000000",
    );
    let body = Gathering::table(false).take(small).unwrap().unwrap().bytes;
    let users = long_users(&contents(body).unwrap());
    let seen: Vec<_> = users.iter().map(|u| (u.uid, u.user_id.as_str(), Encoding::Utf8.decode(&u.name))).collect();
    assert_eq!(seen, [(1, "100001lp", "cfulano".to_owned()), (2, "222222cb", "rmengano".to_owned())]);
}

#[test]
fn seven_users_in_504_bytes_are_not_taken_for_eighteen() {
    let mut data = bytes("f8010000");
    let rows = [(1, "808"), (2, "821"), (3, "835"), (4, "831"), (5, "832"), (6, "86"), (12, "842")];
    for (uid, id) in rows {
        let mut record = vec![0; 72];
        record[0] = uid;
        record[2] = if uid == 1 { 0x0e } else { 0 };
        record[48..48 + id.len()].copy_from_slice(id.as_bytes());
        data.extend(record);
    }
    let raw = [bytes("5050827d04020000dd05942c96631500"), data].concat();
    let mut stream = Reassembly::default();
    stream.push(&raw);
    let packet = stream.next_packet().unwrap().unwrap();
    assert!(packet.sound);
    assert_eq!(with_top(&encode(packet.command, packet.session, packet.reply, &packet.data)), raw);
    let users = long_users(&contents(Gathering::table(false).take(packet).unwrap().unwrap().bytes).unwrap());
    assert_eq!(users.iter().map(|u| (u.uid as u8, u.user_id.as_str())).collect::<Vec<_>>(), rows);
    assert_eq!(users[0].privilege, 14);
}

#[test]
fn a_large_transfer_is_announced_gathered_and_freed() {
    let opened = frame("5050827d15000000d007a7625c3c150000b4130000b4130000cdef2300");
    assert_eq!(announced(&opened.data).unwrap(), 5044);
    let prepared = frame("5050827d10000000dc050da65c3c1600b4130000f0030000");
    let mut gathering = Gathering::slice(5044, false);
    assert_eq!(gathering.take(prepared).unwrap(), None);
    // Seventy invented users in the shape of the capture: five blocks of 1008 bytes and one of 4.
    let table: Vec<u8> = [5040u32.to_le_bytes().to_vec(), vec![0; 5036], vec![0; 4]].concat();
    for (index, block) in table.chunks(1008).enumerate() {
        let packet = if index == 5 {
            frame("5050827d0c000000dd0507fa0500160000000000")
        } else {
            Packet { command: 1501, session: index as u16, reply: 0x16, data: block.to_vec(), sound: true }
        };
        assert_eq!(packet.session, index as u16, "the block's index stands in the session field");
        let done = gathering.take(packet).unwrap();
        assert_eq!(done.is_some(), index == 5);
        if let Some(done) = done {
            assert_eq!(contents(done.bytes).unwrap().len(), 70 * 72);
        }
    }
    asks(Ask::FreeData, 0x3c5c, 0x17, "5050827d08000000de05aebd5c3c1700");
    let mut template = Gathering::table(false);
    assert_eq!(template.take(frame("5050827d10000000dc055558d0983200dc040000f0030000")).unwrap(), None);
    let early = template.take(frame("5050827d08000000d007fcf701003200"));
    assert!(early.is_err(), "the closing acknowledgement came before the bytes");
    let one_block = frame("5050827d15000000d007acf93064160000941d0000941d0000b400be00");
    assert_eq!(announced(&one_block.data).unwrap(), 7572);
    let mut one = Gathering::slice(7572, false);
    assert_eq!(one.take(frame("5050827d10000000dc05477830641700941d000000000100")).unwrap(), None);
    let block = Packet { command: 1501, session: 0, reply: 0x17, data: vec![7; 7572], sound: true };
    assert_eq!(one.take(block).unwrap().unwrap().bytes.len(), 7572);
}

#[test]
fn options_are_asked_and_answered() {
    asks(Ask::ReadOption("~Platform"), 0x8df3, 12, "5050827d120000000b00b9e6f38d0c007e506c6174666f726d00");
    let answer = frame("5050827d1d000000d007714cf38d0c007e506c6174666f726d3d5a454d3736305f54465400");
    assert_eq!(answer.data, b"~Platform=ZEM760_TFT\0");
    asks(Ask::ReadOption("~OS"), 0xc0c5, 5, "5050827d0c0000000b0058efc5c005007e4f5300");
    asks(Ask::ReadOption("WorkCode"), 0x8df3, 11, "5050827d110000000b0084c2f38d0b00576f726b436f646500");
    assert_eq!(frame("5050827d13000000d007828af38d0b00576f726b436f64653d3000").data, b"WorkCode=0\0");
    assert_eq!(frame("5050827d110000000c00ebbb84c547004c6f636b4f6e3d3500").data, b"LockOn=5\0");
    assert_eq!(frame("5050827d08000000d007f6f702003700").session, 2);
    assert_eq!(frame("5050827d200000004f00ea79e78445000d008d000000000000000000000000000000000000000000").command, 79);
}

#[test]
fn a_user_is_written_as_on_the_wire() {
    let written = frame(
        "5050827d500000000800fc579d8a5c000e0006313233343536007c4e7565766f000000000000000000000000000000000000008f190000010000000000000000313132323434383800000000000000000000000000000000",
    );
    assert_eq!(Ask::WriteUser(&written.data).command(), written.command);
    let users = long_users(&written.data);
    let user = &users[0];
    assert_eq!((user.uid, user.privilege, user.card, user.user_id.as_str()), (14, 6, 6543, "11224488"));
    assert_eq!(user.name, b"Nuevo");
    let listed = bytes(
        "0d000034343400c69a807c4e6564000000000000000000000000000000000000000000de000000020100010002000000353535000000000000000000000000000000000000000000",
    );
    let user = &long_users(&listed)[0];
    assert_eq!((user.uid, user.card, user.user_id.as_str(), user.name.as_slice()), (13, 222, "555", b"Ned".as_slice()));
}

fn at(text: &str) -> DateTime {
    text.parse().unwrap()
}

#[test]
fn live_punches_of_three_captures_are_read_and_written() {
    let event =
        frame("5050827d28000000f401ac12010000003939393131313333330000000000000000000000000000000100120619112905");
    assert_eq!((Reply::of(event.command), event.session, event.reply), (Reply::Event, 1, 0));
    let score = frame("5050827d09000000f401a7fc0001000064");
    assert_eq!((Reply::of(score.command), score.session, score.data), (Reply::Event, 0x100, vec![100]));
    let face = bytes("3131343030363400000000000000000000000000000000000f00120b1d0c3703");
    let twelve = bytes("f19449000000120c07130906");
    let rows = [
        (event.data, LiveId::Text(b"999111333"), 1, "2018-06-25T17:41:05"),
        (face, LiveId::Text(b"1140064"), 15, "2018-11-29T12:55:03"),
        (twelve, LiveId::Number(4_822_257), 0, "2018-12-07T19:09:06"),
    ];
    for (data, id, verify, time) in rows {
        let punches = decode_punches(&data).unwrap();
        let [punch] = punches.as_slice() else { panic!("{punches:?}") };
        assert_eq!((punch.id, punch.verify, punch.state, punch.time), (id, verify, 0, at(time)));
        let text = match id {
            LiveId::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            LiveId::Number(number) => number.to_string(),
        };
        assert_eq!(encode_punch(data.len(), &text, verify, 0, at(time)), Some(data));
    }
}

#[test]
fn log_records_of_captures_are_read_and_written() {
    let forty = bytes("0d00393939313131333333000000000000000000000000000000016bb368230000000000ff000000");
    let size = layout_of(&forty, &Known::default()).unwrap();
    assert_eq!(size.bytes(), 40);
    let record = size.decode(&forty).unwrap();
    assert_eq!((record.id, record.verify, record.state), (RecordId::Text(b"999111333"), 1, 0));
    assert_eq!(record.time.civil(), Some(at("2018-06-25T17:50:35")));
    assert_eq!(size.encode(13, record.id, record.time, 1, 0), forty);

    let sixteen = bytes("15000000ec154f2300000000000000001000000095164f230000000000000000");
    let log = Log::open(&sixteen, &Known { claimed: Some(2), ..Known::default() }).unwrap().unwrap();
    assert_eq!(log.size().bytes(), 16);
    let seen: Vec<_> = log.records().map(|r| (r.id, r.time.civil())).collect();
    assert_eq!(
        seen,
        [
            (RecordId::Number(21), Some(at("2018-06-06T07:31:56"))),
            (RecordId::Number(16), Some(at("2018-06-06T07:34:45")))
        ]
    );
    let again: Vec<u8> = log.records().flat_map(|r| log.size().encode(0, r.id, r.time, r.verify, r.state)).collect();
    assert_eq!(again, sixteen);
    // A UDP datagram begins at the inner header.
    let header = decode(&bytes("dd05b4e67b000200")).unwrap();
    assert_eq!((Reply::of(header.command), header.session, header.reply), (Reply::Data, 0x7b, 2));
    // The operation log is not read by this driver; its times are of the same kind.
    let oplog = bytes("0000062ac29b68230300000007000205");
    let time = RawTime(u32::from_le_bytes(*oplog[4..].first_chunk().unwrap()));
    assert_eq!(time.civil(), Some(at("2018-06-25T16:09:38")));
}

#[test]
fn the_oldest_records_are_read_as_the_machines_that_wrote_them_meant() {
    // A ZEM500 (pyzk #99), with the times that its owner knew.
    let body = bytes("07002800a8eba71e7b0028004beca71e7b0028004eeca71e");
    let size = layout_of(&body, &Known { claimed: Some(3), ..Known::default() }).unwrap();
    let seen: Vec<_> =
        parse_log(&body, size).iter().map(|r| (r.id, r.verify, r.state, r.time.civil().unwrap())).collect();
    let expected = [(7, "2016-01-01T19:02:00"), (123, "2016-01-01T19:04:43"), (123, "2016-01-01T19:04:46")];
    assert_eq!(seen, expected.map(|(row, time)| (RecordId::Row(row), 8, 2, at(time))));
    let again: Vec<u8> = parse_log(&body, size)
        .iter()
        .flat_map(|r| {
            let RecordId::Row(row) = r.id else { panic!("{r:?}") };
            size.encode(row, r.id, r.time, r.verify, r.state)
        })
        .collect();
    assert_eq!(again, body);
}

#[test]
fn dates_that_were_read_one_byte_early_come_out_as_their_owners_knew_them() {
    // What pyzk printed of two machines (#56, #92): row, date, status byte and last byte; and what it was.
    let rows = [
        (5, "2110-08-21T16:27:44", 37, "2019-09-30T11:01:51"),
        (5, "2110-08-25T16:23:28", 37, "2019-09-30T11:24:20"),
        (38, "2026-06-06T12:35:12", 39, "2020-06-17T10:58:21"),
        (38, "2026-06-07T15:06:40", 39, "2020-06-17T11:04:34"),
    ];
    for (row, printed, last, was) in rows {
        let printed = at(printed);
        let years = u32::try_from(printed.year() - 2000).unwrap();
        // Years beyond 2099 are not written by a terminal, so that the number is made here.
        let within = RawTime::from_civil(printed.with().year(2000).build().unwrap()).unwrap().0;
        let early = (within + years * 12 * 31 * 86_400).to_le_bytes();
        let record = [&[row, 0, 8][..], &early, &[last]].concat();
        let read = RecordSize::new(8).unwrap().decode(&record).unwrap();
        assert_eq!((read.id, read.verify, read.time.civil()), (RecordId::Row(row.into()), 8, Some(at(was))));
    }
}

#[test]
fn a_record_whose_tail_is_zeros_is_one_of_forty_bytes() {
    // pyzk #139.
    let record = bytes("01003130303336000000000000000000000000000000000000000fb8ebc929000000000000000000");
    let size = layout_of(&record, &Known { claimed: Some(1), ..Known::default() }).unwrap();
    let read = size.decode(&record).unwrap();
    assert_eq!((size.bytes(), read.id, read.verify, read.state), (40, RecordId::Text(b"10036"), 15, 0));
    assert_eq!(read.time.civil(), Some(at("2021-10-24T13:42:16")));
}

#[test]
fn times_are_the_known_numbers() {
    let rows = [
        (0x2368_b36b, "2018-06-25T17:50:35"),
        (0x234f_15ec, "2018-06-06T07:31:56"),
        (862_560_000, "2026-11-02T08:00:00"),
        (776_563_199, "2024-02-29T23:59:59"),
    ];
    for (raw, civil) in rows {
        assert_eq!(RawTime(raw).civil(), Some(at(civil)));
        assert_eq!(RawTime::from_civil(at(civil)), Some(RawTime(raw)));
    }
    assert_eq!(862_560_000u32.to_le_bytes().to_vec(), bytes("009f6933"));
    assert_eq!(RawTime(u32::MAX).civil().map(DateTime::date), Some(date(2133, 8, 18)));
    // 31 February 2024.
    assert_eq!(RawTime((24 * 12 * 31 + 31 + 30) * 86_400).civil(), None);
}
