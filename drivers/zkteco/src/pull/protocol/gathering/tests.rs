//! Every way in which datagrams can arrive: overtaking each other, twice, not at all, with and without an index.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const BLOCK: usize = 1008;

fn packet(command: u16, index: u16, data: Vec<u8>) -> Packet {
    Packet { command, session: index, reply: 9, data, sound: true }
}

/// The packets of an answer: the announcement, the blocks, the closing word.
fn answer(body: &[u8], indexed: bool) -> Vec<Packet> {
    let sizes = [(body.len() as u32).to_le_bytes(), (BLOCK as u32).to_le_bytes()].concat();
    let mut packets = vec![packet(1500, 0x4141, sizes)];
    for (n, block) in body.chunks(BLOCK).enumerate() {
        packets.push(packet(1501, if indexed { n as u16 } else { 0x4141 }, block.to_vec()));
    }
    packets.push(packet(2000, 0x4141, vec![]));
    packets
}

fn table() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u32>(), 1..2000).prop_map(|words| {
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        [(body.len() as u32).to_le_bytes().to_vec(), body].concat()
    })
}

fn gather(mut gathering: Gathering, packets: impl IntoIterator<Item = Packet>) -> Option<Gathered> {
    for packet in packets {
        match gathering.take(packet) {
            Ok(None) => {}
            Ok(Some(whole)) => return Some(whole),
            Err(_) => return None,
        }
    }
    None
}

proptest! {
    #[test]
    fn datagrams_in_any_order_and_any_number_are_the_whole_or_nothing(
        body in table(), order in any::<u64>(), lost in vec(any::<usize>(), 0..3), twice in vec(any::<usize>(), 0..5),
        slice in any::<bool>(),
    ) {
        let all = answer(&body, true);
        let blocks = all.len() - 2;
        let gone: Vec<usize> = lost.iter().map(|place| place % all.len()).collect();
        let doubled: Vec<Packet> = twice.iter().map(|place| all[place % all.len()].clone()).filter(|copy| {
            !gone.iter().any(|gone| all[*gone] == *copy)
        }).collect();
        let mut sent: Vec<Packet> =
            all.iter().enumerate().filter(|(place, _)| !gone.contains(place)).map(|(_, packet)| packet.clone()).collect();
        sent.extend(doubled);
        fastrand::Rng::with_seed(order).shuffle(&mut sent);
        let gathering =
            if slice { Gathering::slice(body.len() as u32, true) } else { Gathering::table(true) };
        let read = gather(gathering, sent);
        // The announcement and the closing word may get lost where the length is known; a block never.
        let whole = gone.iter().all(|gone| *gone == blocks + 1 || *gone == 0 && slice);
        match read {
            Some(read) => prop_assert_eq!((&read.bytes, read.sure_of_order), (&body, true)),
            None => prop_assert!(!whole, "all of it came"),
        }
    }

    #[test]
    fn blocks_without_an_index_are_not_believed_to_be_in_order(
        body in vec(any::<u8>(), 2 * BLOCK..6 * BLOCK), order in any::<u64>(), twice in any::<usize>(),
    ) {
        let mut sent = answer(&body, false);
        let again = sent[1 + twice % (sent.len() - 2)].clone();
        sent.insert(sent.len() - 1, again);
        fastrand::Rng::with_seed(order).shuffle(&mut sent[1..]);
        let read = gather(Gathering::slice(body.len() as u32, true), sent).unwrap();
        prop_assert!(!read.sure_of_order);
        prop_assert_eq!(read.bytes.len(), body.len());
    }

    #[test]
    fn a_stream_that_is_closed_before_its_end_is_not_whole(body in table(), cut in any::<usize>()) {
        let mut sent = answer(&body, true);
        let last = sent.pop().unwrap();
        sent.truncate(1 + cut % (sent.len() - 1));
        sent.push(last);
        prop_assert_eq!(gather(Gathering::table(false), sent), None);
    }
}

#[test]
fn a_closing_word_that_overtakes_the_last_block_is_waited_out_among_datagrams_alone() {
    let body = [vec![7; 1500], vec![8; 500]].concat();
    let mut sent = answer(&body, true);
    let close = sent.pop().unwrap();
    sent.insert(sent.len() - 1, close);
    assert_eq!(gather(Gathering::table(true), sent.clone()).unwrap().bytes, body);
    assert_eq!(gather(Gathering::table(false), sent), None);
}

#[test]
fn a_small_table_in_one_packet_needs_no_announcement_and_the_first_block_of_a_large_one_is_not_taken_for_it() {
    let small = [4u32.to_le_bytes(), [1, 2, 3, 4]].concat();
    for datagrams in [true, false] {
        assert_eq!(gather(Gathering::table(datagrams), [packet(1501, 1, small.clone())]).unwrap().bytes, small);
    }
    let body = [2000u32.to_le_bytes().to_vec(), (0..2000u32).map(|n| n as u8).collect()].concat();
    let mut sent = answer(&body, true);
    sent.swap(0, 1);
    assert_eq!(gather(Gathering::table(true), sent).unwrap().bytes, body);
}
