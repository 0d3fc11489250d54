//! Logs with every layout, odd records among good ones, and counts that are right, missing and wrong.

use jiff::ToSpan;
use jiff::civil::{DateTime, date};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn raw(at: DateTime) -> RawTime {
    RawTime::from_civil(at).unwrap()
}

/// What a record can be instead of what it should.
#[derive(Clone, Copy, Debug)]
enum Odd {
    /// 31 February.
    NoDate,
    /// The clock began again.
    OfTheYear2000,
    /// Somebody who is not in the list.
    Stranger,
    /// A row of 0xFF.
    Erased,
    /// A row of zeros.
    Empty,
}

#[derive(Clone, Debug)]
struct Case {
    records: Vec<Vec<u8>>,
    clock: DateTime,
    users: Users,
}

const PEOPLE: u16 = 25;

/// A log of people 1 to 25 (rows 1 to 25, user ids from 1001) in order; `odd` says which records are something else.
fn log(size: usize, steps: &[(u32, u16)], odd: &[(usize, Odd)], flags: (u8, u8)) -> Case {
    let size = RecordSize::new(size).unwrap();
    let mut at = date(2026, 3, 2).at(7, 30, 0, 0);
    let mut records = Vec::new();
    for (step, person) in steps {
        at = at.checked_add(i64::from(*step).seconds()).unwrap();
        records.push(record(size, 1 + person % PEOPLE, raw(at), flags));
    }
    for (place, odd) in odd {
        let place = place % records.len();
        let time = raw(date(2000, 1, 1).at(0, 12, 7, 0));
        records[place] = match odd {
            Odd::NoDate => record(size, 3, RawTime((26 * 12 * 31 + 31 + 30) * 86_400 + 7), flags),
            Odd::OfTheYear2000 => record(size, 4, time, flags),
            Odd::Stranger => record(size, 900, raw(at), flags),
            Odd::Erased => vec![0xff; size.bytes()],
            Odd::Empty => vec![0; size.bytes()],
        };
    }
    let ids = (1..=PEOPLE).map(|row| (1000 + row).to_string()).collect();
    Case { records, clock: at, users: Users { rows: (1..=PEOPLE).collect(), ids } }
}

fn record(size: RecordSize, row: u16, time: RawTime, (verify, state): (u8, u8)) -> Vec<u8> {
    let id = (1000 + row).to_string();
    size.encode(row, RecordId::Text(id.as_bytes()), time, verify, state)
}

impl Case {
    fn open(&self, claimed: Option<u32>, listed: bool) -> Result<usize, LayoutError> {
        let known = Known {
            claimed,
            clock: Some(raw(self.clock)),
            now: Some(raw(self.clock)),
            users: listed.then_some(&self.users),
        };
        layout_of(&self.records.concat(), &known).map(RecordSize::bytes)
    }
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![Just(8usize), Just(16), Just(40), Just(49), Just(52), Just(64), Just(72)]
}

fn odds() -> impl Strategy<Value = Odd> {
    use Odd::*;
    prop_oneof![Just(NoDate), Just(OfTheYear2000), Just(Stranger), Just(Erased), Just(Empty)]
}

/// Verify and state as terminals write them.
fn codes() -> impl Strategy<Value = (u8, u8)> {
    (prop_oneof![Just(0u8), Just(1), Just(2), Just(15)], 0u8..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_long_log_is_read_with_its_own_layout_or_not_at_all(
        size in sizes(), n in 500usize..6000, person in any::<u16>(), codes in codes(), listed in any::<bool>(),
        odd in vec((any::<usize>(), odds()), 0..80), round in any::<bool>(),
    ) {
        // Round numbers have the most divisors.
        let n = if round { n.next_multiple_of(450) } else { n };
        let steps: Vec<(u32, u16)> = (0..n).map(|n| (97, person.wrapping_add(n as u16 * 7))).collect();
        let case = log(size, &steps, &odd, codes);
        prop_assert_eq!(case.open(Some(n as u32), listed), Ok(size));
        for claimed in [None, Some(0), Some(n as u32 - 1), Some(n as u32 / 2), Some(n as u32 * 2)] {
            let read = case.open(claimed, listed);
            prop_assert!(read.as_ref().map_or(true, |read| *read == size), "{claimed:?} of {n}: {read:?}");
            prop_assert!(read.is_ok() || !matches!(size, 40 | 49), "{claimed:?} of {n}: {read:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_read_with_its_own_layout_or_not_at_all(
        size in sizes(),
        steps in vec((1u32..200_000, any::<u16>()), 1..70),
        odd in vec((any::<usize>(), odds()), 0..12),
        codes in codes(),
        listed in any::<bool>(),
        count in prop_oneof![
            Just(None), Just(Some(0)), Just(Some(1)), Just(Some(2)), Just(Some(3)), (0u32..200).prop_map(Some)
        ],
    ) {
        let odd = &odd[..odd.len().min(steps.len() / 3)];
        let case = log(size, &steps, odd, codes);
        let n = steps.len() as u32;
        let stale = [Some(n), Some(n - 1), Some(n + 1), Some(n / 2), Some(n * 2), count];
        for claimed in stale {
            let read = case.open(claimed, listed);
            prop_assert!(read.as_ref().map_or(true, |read| *read == size), "{claimed:?} of {n}: {read:?}");
        }
    }

    #[test]
    fn the_right_count_decides_whatever_few_records_say(
        size in prop_oneof![Just(8usize), Just(16), Just(40), Just(49)],
        steps in vec((1u32..200_000, any::<u16>()), 1..70),
        odd in vec((any::<usize>(), odds()), 0..6),
        codes in codes(),
        listed in any::<bool>(),
    ) {
        let odd = &odd[..odd.len().min(steps.len() / 6)];
        let case = log(size, &steps, odd, codes);
        prop_assert_eq!(case.open(Some(steps.len() as u32), listed), Ok(size));
    }

    #[test]
    fn text_tells_the_layout_even_without_a_count_and_despite_a_wrong_one(
        size in prop_oneof![Just(40usize), Just(49)],
        steps in vec((1u32..200_000, any::<u16>()), 1..70),
        odd in vec((any::<usize>(), odds()), 0..6),
        count in any::<Option<u32>>(),
    ) {
        let odd = &odd[..odd.len().min(steps.len() / 6)];
        let case = log(size, &steps, odd, (1, 0));
        let n = steps.len() as u32;
        for claimed in [None, Some(0), Some(n - 1), Some(n + 1), count] {
            prop_assert_eq!(case.open(claimed, true), Ok(size));
        }
    }

    #[test]
    fn a_table_of_numbers_is_no_log(
        numbers in prop_oneof![
            vec(0u32..400_000, 2..200),
            vec(any::<u32>(), 2..200),
            vec(prop_oneof![0u32..100, 0u32..5_000_000], 2..200),
        ],
        count in prop_oneof![Just(None), (0u32..200).prop_map(Some)],
    ) {
        let case = log(40, &[(1, 1)], &[], (1, 0));
        let body: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let bytes = body.len();
        for claimed in [count, Some((bytes / 8) as u32), Some((bytes / 16) as u32), Some((bytes / 40) as u32)] {
            for users in [None, Some(&case.users)] {
                let now = Some(raw(case.clock));
                let read = layout_of(&body, &Known { claimed, clock: now, now, users });
                prop_assert!(read.is_err(), "{read:?}");
            }
        }
    }
}

#[test]
fn a_body_that_is_no_log_is_refused_and_the_sentence_tells_the_sizes() {
    // js_zklib #53, a K40: 120 bytes of something else for a count of 15.
    let words: [u32; 30] = [
        0x8035_d840,
        0x0001_332f,
        0x0001_dcd5,
        0x0001_23df,
        0x0001_01c9 << 1,
        0x0001_14cb,
        0x0001_26d1,
        0x0001_09e5,
        0x0002_4d4b,
        0x0000_fec3,
        0x0002_73b1,
        0x0000_f185,
        0x0002_996d,
        0x0000_e447,
        0x0002_bf29,
        0x0000_d861,
        0x0002_e5a3,
        0x0000_d119,
        0x0003_0cc7,
        0x0000_cc01,
        0x0003_2c5f,
        0x0000_02d8,
        0x0000_0018,
        0x0000_0016,
        0x0000_000a,
        0x0000_199a,
        0x0000_3401,
        0x0000_02f0,
        0x0000_0048,
        0x0003_2800,
    ];
    let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let users = Users { rows: HashSet::from([24, 10, 72]), ids: HashSet::from(["24", "10", "72"].map(str::to_owned)) };
    for claimed in [Some(15), None, Some(3), Some(0)] {
        let now = Some(raw(date(2018, 11, 4).at(22, 0, 0, 0)));
        let error = layout_of(&body, &Known { claimed, clock: now, now, users: Some(&users) }).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("120 bytes") && said.contains("not a log when read as records of 8, 40"), "{said}");
    }
    let error = layout_of(&body, &Known { claimed: Some(15), ..Known::default() }).unwrap_err();
    assert!(error.to_string().contains("15 records counted of 8 bytes"), "{error}");
}

#[test]
fn a_count_beats_a_guess_where_one_date_of_a_short_log_is_false() {
    for place in 0..6 {
        let case = log(40, &[(86_400, 1); 6], &[(place, Odd::OfTheYear2000)], (1, 0));
        for listed in [false, true] {
            assert_eq!(case.open(Some(6), listed), Ok(40));
        }
    }
}

#[test]
fn a_log_of_a_terminal_whose_clock_always_begins_at_2000_is_read_and_one_with_a_clock_set_back_too() {
    let size = RecordSize::new(40).unwrap();
    let at = |minute: i8| date(2000, 1, 1).at(0, minute, 0, 0);
    let body: Vec<u8> = (0..20).flat_map(|minute| record(size, 1, raw(at(minute)), (1, 0))).collect();
    let now = Some(raw(date(2026, 3, 2).at(8, 0, 0, 0)));
    let known = Known { claimed: Some(20), clock: Some(raw(at(30))), now, users: None };
    assert_eq!(layout_of(&body, &known), Ok(size));
    let case = log(40, &[(86_400, 1); 20], &[], (1, 0));
    let known = Known { claimed: Some(20), clock: Some(raw(at(0))), now: Some(raw(case.clock)), users: None };
    assert_eq!(layout_of(&case.records.concat(), &known), Ok(size));
}

#[test]
fn a_layout_that_nobody_has_documented_needs_more() {
    let case = log(64, &[(3600, 1), (3600, 2), (3600, 3)], &[], (1, 0));
    assert_eq!(case.open(Some(3), true), Ok(64));
    assert!(case.open(None, true).is_err(), "three records and no count");
    let odd = [(0, Odd::OfTheYear2000), (1, Odd::NoDate)];
    let case = log(64, &[(3600, 1), (3600, 2), (3600, 3)], &odd, (1, 0));
    assert!(case.open(Some(3), true).is_err(), "of forty bytes they would be taken");
}

#[test]
fn records_whose_user_id_is_empty_name_their_row() {
    let size = RecordSize::new(49).unwrap();
    let at = |day: i8| raw(date(2026, 3, day).at(8, 0, 0, 0));
    let body: Vec<u8> =
        (1..7).flat_map(|day| size.encode(1 + day as u16 % 3, RecordId::Row(0), at(day), 15, 0)).collect();
    let known = Known { claimed: Some(6), clock: Some(at(8)), now: Some(at(8)), users: None };
    assert_eq!(layout_of(&body, &known), Ok(size));
    assert_eq!(size.decode(&body[..49]).unwrap().id, RecordId::Row(2));
}

#[test]
fn a_log_of_which_half_was_erased_is_read_with_its_layout() {
    let odd: Vec<_> = (0..50).map(|n| (n * 2, if n % 3 == 0 { Odd::Erased } else { Odd::Empty })).collect();
    let case = log(40, &[(600, 3); 100], &odd, (1, 0));
    for claimed in [Some(100), None, Some(50)] {
        assert_eq!(case.open(claimed, true), Ok(40));
    }
}
