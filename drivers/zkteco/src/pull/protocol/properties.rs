//! Properties that hold for all inputs: what is written is read again, cuts change nothing, hostile bytes are refused.

use jiff::civil::DateTime;
use proptest::collection::vec;
use proptest::prelude::*;

use super::bulk::{contents, slices};
use super::frame::{Packet, Reassembly, decode, encode, with_top};
use super::gathering::Gathering;
use super::layout::{Known, Log};
use super::live_event::{LiveId, decode_punches, encode_punch};
use super::names::Encoding;
use super::record::{RecordId, RecordSize, parse_log};
use super::sizes::Sizes;
use super::time::{RawTime, civil_of_six, six_of_civil};
use super::user::{User, UserForm, decode_users};

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let one = (any::<u16>(), any::<u16>(), any::<u16>(), vec(any::<u8>(), 0..200))
        .prop_map(|(command, session, reply, data)| Packet { command, session, reply, data, sound: true });
    vec(one, 0..12)
}

fn civil() -> impl Strategy<Value = DateTime> {
    (2005i16..2100, 1i8..=12, 1i8..=28, 0i8..24, 0i8..60, 0i8..60)
        .prop_map(|(y, m, d, h, min, s)| jiff::civil::date(y, m, d).at(h, min, s, 0))
}

proptest! {
    #[test]
    fn a_stream_gives_the_same_packets_however_it_is_cut(sent in packets(), cuts in vec(1usize..64, 1..40)) {
        let wire: Vec<u8> =
            sent.iter().flat_map(|p| with_top(&encode(p.command, p.session, p.reply, &p.data))).collect();
        let mut stream = Reassembly::default();
        let (mut rest, mut received) = (wire.as_slice(), Vec::new());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*cut).min(rest.len()));
            rest = behind;
            stream.push(piece);
            while let Some(packet) = stream.next_packet().unwrap() {
                received.push(packet);
            }
        }
        prop_assert_eq!(received, sent);
    }

    #[test]
    fn a_cut_stream_gives_only_whole_packets(sent in packets(), keep in 0.0f64..1.0) {
        let frames: Vec<Vec<u8>> =
            sent.iter().map(|p| with_top(&encode(p.command, p.session, p.reply, &p.data))).collect();
        let wire = frames.concat();
        let kept = (wire.len() as f64 * keep) as usize;
        let mut stream = Reassembly::default();
        stream.push(&wire[..kept]);
        let mut received = Vec::new();
        while let Some(packet) = stream.next_packet().unwrap() {
            received.push(packet);
        }
        let whole = frames.iter().scan(0, |end, f| { *end += f.len(); Some(*end) }).filter(|end| *end <= kept).count();
        prop_assert_eq!(received.as_slice(), &sent[..whole]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600), claimed in any::<Option<u32>>()) {
        let _ = decode(&bytes);
        let mut stream = Reassembly::default();
        stream.push(&bytes);
        while let Ok(Some(_)) = stream.next_packet() {}
        let _ = Sizes::decode(&bytes);
        let _ = decode_users(&bytes, claimed);
        let _ = decode_punches(&bytes);
        let _ = contents(bytes.clone());
        let _ = super::bulk::announced(&bytes);
        let _ = Encoding::Gbk.decode(&bytes);
        let _ = Encoding::Utf8.decode(&bytes);
        if let Ok(Some(log)) = Log::open(&bytes, &Known { claimed, ..Known::default() }) {
            prop_assert_eq!(log.count() * log.size().bytes(), bytes.len());
            prop_assert_eq!(log.records().count(), log.count());
        }
        for size in [8, 16, 40, 49, 512] {
            let size = RecordSize::new(size).unwrap();
            for record in parse_log(&bytes, size) {
                let _ = record.time.civil();
            }
        }
    }

    #[test]
    fn a_hostile_length_is_refused_or_waited_for_but_never_believed(length in any::<u32>(), tail in vec(any::<u8>(), 0..64)) {
        let mut stream = Reassembly::default();
        stream.push(&[&[0x50, 0x50, 0x82, 0x7d][..], &length.to_le_bytes(), &tail].concat());
        match stream.next_packet() {
            Err(_) => prop_assert!(!(8..=1024 * 1024).contains(&length)),
            Ok(None) => prop_assert!(length as usize > tail.len()),
            Ok(Some(packet)) => prop_assert_eq!(packet.data.len() + 8, length as usize),
        }
    }

    #[test]
    fn arbitrary_answers_never_complete_a_transfer_of_another_length(
        wanted in 0u32..4000,
        datagrams in any::<bool>(),
        answers in vec((prop_oneof![Just(1500u16), Just(1501), Just(2000), any::<u16>()], any::<u16>(), vec(any::<u8>(), 0..900)), 0..12),
    ) {
        let mut gathering = Gathering::slice(wanted, datagrams);
        for (command, session, data) in answers {
            match gathering.take(Packet { command, session, reply: 1, data, sound: true }) {
                Ok(None) => {}
                Ok(Some(whole)) => { prop_assert_eq!(whole.bytes.len(), wanted as usize); break; }
                Err(_) => break,
            }
        }
    }

    #[test]
    fn slices_cover_a_table_exactly(size in 0u32..300_000, slice in 1u32..70_000) {
        let mut next = 0;
        for (start, length) in slices(size, slice) {
            prop_assert_eq!(start, next);
            prop_assert!(length > 0 && length <= slice);
            next = start + length;
        }
        prop_assert_eq!(next, size);
    }

    #[test]
    fn records_are_read_as_they_were_written(
        size in prop_oneof![Just(8usize), Just(16), Just(40), Just(49), 41usize..120],
        rows in vec((1u16..60_000, civil(), any::<u8>(), any::<u8>()), 1..60),
    ) {
        let size = RecordSize::new(size).unwrap();
        let ids: Vec<String> = rows.iter().map(|row| row.0.to_string()).collect();
        let body: Vec<u8> = rows.iter().zip(&ids).flat_map(|((uid, at, verify, state), id)| {
            size.encode(*uid, RecordId::Text(id.as_bytes()), RawTime::from_civil(*at).unwrap(), *verify, *state)
        }).collect();
        for (record, ((uid, at, verify, state), id)) in parse_log(&body, size).iter().zip(rows.iter().zip(&ids)) {
            let who = match record.id {
                RecordId::Row(row) => row.to_string(),
                RecordId::Number(number) => number.to_string(),
                RecordId::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            };
            let (verify, state) = if size.bytes() == 8 { (verify & 0x0f, state & 0x0f) } else { (*verify, *state) };
            prop_assert_eq!((who, record.time.civil(), record.verify, record.state), (id.clone(), Some(*at), verify, state));
            prop_assert_eq!(uid.to_string(), id.clone());
        }
    }

    #[test]
    fn events_are_read_as_they_were_written(
        size in prop_oneof![Just(10usize), Just(12), Just(14), Just(32), Just(36), Just(37), Just(52), 53usize..63],
        id in 1u16..60_000, at in civil(), verify in any::<u8>(), state in any::<u8>(),
    ) {
        let data = encode_punch(size, &id.to_string(), verify, state, at).unwrap();
        let punches = decode_punches(&data).unwrap();
        prop_assert_eq!(punches.len(), 1);
        let read = match punches[0].id {
            LiveId::Number(number) => number.to_string(),
            LiveId::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        };
        prop_assert_eq!((read, punches[0].verify, punches[0].state, punches[0].time), (id.to_string(), verify, state, at));
    }

    #[test]
    fn several_text_events_in_one_packet_are_all_read(ids in vec(1u16..60_000, 1..9), at in civil()) {
        let data: Vec<u8> = ids.iter().flat_map(|id| encode_punch(32, &id.to_string(), 1, 0, at).unwrap()).collect();
        prop_assert_eq!(decode_punches(&data).unwrap().len(), ids.len());
    }

    #[test]
    fn users_are_read_as_they_were_written(
        long in any::<bool>(), uid in 1u16..60_000, privilege in any::<u8>(), id in 1u32..999_999_999,
        name in "[a-z]{0,8}", card in any::<u32>(),
    ) {
        let form = if long { UserForm::Long } else { UserForm::Short };
        let user = User { uid, privilege, user_id: id.to_string(), name: name.into_bytes(), card, raw: Vec::new() };
        let raw = form.encode(&user).unwrap();
        let (found, users) = decode_users(&raw, Some(1)).unwrap();
        prop_assert_eq!(found, Some(form));
        prop_assert_eq!(users, vec![User { raw, ..user }]);
    }

    #[test]
    fn times_are_read_as_they_were_written(at in civil(), raw in any::<u32>()) {
        prop_assert_eq!(RawTime::from_civil(at).and_then(RawTime::civil), Some(at));
        prop_assert_eq!(six_of_civil(at).and_then(|six| civil_of_six(&six)), Some(at));
        if let Some(read) = RawTime(raw).civil().filter(|at| at.year() < 2100) {
            prop_assert_eq!(RawTime::from_civil(read), Some(RawTime(raw)));
        }
    }

    #[test]
    fn names_are_read_as_they_were_written(name in "[一-龥a-z]{0,12}") {
        for encoding in [Encoding::Gbk, Encoding::Utf8] {
            let bytes = encoding.encode(&name, 64);
            prop_assert_eq!(encoding.decode(&bytes), name.clone());
            let cut = encoding.encode(&name, 9);
            prop_assert!(cut.len() <= 9 && name.starts_with(&encoding.decode(&cut)));
        }
    }
}
