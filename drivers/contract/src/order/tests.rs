//! Dates around a clock that was wrong, and hours that are passed twice.

use jiff::Timestamp;
use jiff::civil::datetime;
use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400;
/// 2026-03-02 00:00 UTC.
const START: i64 = 1_772_409_600;

fn written(second: i64, zone: &TimeZone) -> Written {
    Written { civil: Some(zone.to_datetime(Timestamp::from_second(second).unwrap())), offset: None }
}

fn doubts(seconds: &[i64], end: Option<i64>) -> Vec<bool> {
    let records: Vec<Written> = seconds.iter().map(|second| written(*second, &TimeZone::UTC)).collect();
    let clock = end.and_then(|end| written(end, &TimeZone::UTC).civil);
    place(&records, &TimeZone::UTC, clock).iter().map(|placed| placed.doubt.is_some()).collect()
}

#[test]
fn a_false_record_between_near_ones_is_the_doubtful_one() {
    let now = START + 300 * DAY;
    let of = |seconds: &[i64]| doubts(seconds, Some(now));
    assert_eq!(of(&[now - DAY, now - 180 * DAY, now - DAY + 30_000]), [false, true, false]);
    let (month, far) = (now - 30 * DAY, now - 200 * DAY);
    assert_eq!(of(&[month, month + DAY, month + 2 * DAY, far, now - 3600]), [false, false, false, true, false]);
    // A terminal that stood still for long before.
    assert_eq!(of(&[now - 270 * DAY, now - DAY, now - 180 * DAY, now - DAY + 30_000]), [false, false, true, false]);
}

#[test]
fn a_spike_ahead_does_not_hold_those_that_follow() {
    let mut seconds: Vec<i64> = (0..400).map(|hour| START + hour * 3600).collect();
    seconds[100] += 9 * DAY;
    let doubtful = doubts(&seconds, seconds.last().map(|last| last + 60));
    assert!(doubtful[100]);
    assert_eq!(doubtful.iter().filter(|doubtful| **doubtful).count(), 1);
    // Also where it is the first of the log.
    seconds[100] -= 9 * DAY;
    seconds[0] += 9 * DAY;
    assert_eq!(doubts(&seconds, None).iter().filter(|doubtful| **doubtful).count(), 1);
}

#[test]
fn a_clock_that_was_set_twice_until_it_was_right_holds_both_runs() {
    let true_ones = [START, START + 600];
    let year_ago = [START + 1200 - 365 * DAY, START + 1800 - 365 * DAY];
    let hour_ago = [START + 2400 - 3600, START + 3000 - 3600];
    let right = [START + 3600, START + 4200];
    let all: Vec<i64> = true_ones.into_iter().chain(year_ago).chain(hour_ago).chain(right).collect();
    assert_eq!(doubts(&all, Some(START + 4300)), [false, false, true, true, true, true, false, false]);
}

#[test]
fn small_adjustments_and_dates_that_cannot_be_say_nothing() {
    assert_eq!(doubts(&[START, START - 60, START - 30, START + 5], None), [false; 4]);
    assert_eq!(doubts(&[START, 946_684_800, START + 5], None), [false; 3], "2000: judged by the agent");
    assert_eq!(doubts(&[START, START + DAY, START + 5], Some(START + 100)), [false, true, false]);
}

#[test]
fn the_second_pass_of_a_repeated_hour_is_told_by_its_order() {
    let new_york = TimeZone::get("America/New_York").unwrap();
    let at = |hour, minute| Written { civil: Some(datetime(2025, 11, 2, hour, minute, 0, 0)), offset: None };
    let all = [at(0, 50), at(1, 10), at(1, 50), at(1, 5), at(1, 35), at(1, 50), at(2, 10)];
    let placed = place(&all, &new_york, None);
    let hours: Vec<Option<i32>> = placed.iter().map(|one| one.offset.map(|offset| offset.seconds() / 3600)).collect();
    assert_eq!(hours, [None, Some(-4), Some(-4), Some(-5), Some(-5), Some(-5), None]);
    assert!(placed.iter().all(|one| one.doubt.is_none()));
    let alone = place(&[at(0, 50), at(1, 10), at(2, 10)], &new_york, None);
    assert_eq!(alone[1].doubt, Some(Doubt::RepeatedHour));
    let skipped = Written { civil: Some(datetime(2025, 3, 9, 2, 30, 0, 0)), offset: None };
    assert_eq!(place(&[skipped], &new_york, None)[0].doubt, Some(Doubt::SkippedHour));
}

/// True seconds in order, as a site with nights and week-ends writes them.
fn true_ones() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![8 => 1..5400i64, 2 => 30_000..60_000i64, 1 => 100_000..250_000i64], 20..120)
        .prop_map(|pauses| {
            let mut at = START;
            pauses
                .into_iter()
                .map(|pause| {
                    at += pause;
                    at
                })
                .collect()
        })
}

proptest! {
    #[test]
    fn a_true_log_has_no_doubt(seconds in true_ones()) {
        prop_assert!(doubts(&seconds, None).iter().all(|doubtful| !doubtful));
    }

    /// The clock is set back (a minute is tolerated; here by more than any pause, so that it shows) and right again.
    #[test]
    fn every_record_of_a_false_time_is_doubtful_and_the_others_are_not(
        seconds in true_ones(), from in 1..100usize, length in 1..60usize, back in 20..4000i64
    ) {
        let (from, to) = (from.min(seconds.len() - 1), (from + length).min(seconds.len() - 1));
        let clock = seconds[seconds.len() - 1] + 10;
        let all: Vec<i64> = seconds.iter().enumerate()
            .map(|(place, second)| if (from..to).contains(&place) { second - back * DAY } else { *second }).collect();
        let doubtful = doubts(&all, Some(clock));
        for (place, second) in all.iter().enumerate() {
            let false_time = (from..to).contains(&place);
            let possible = *second >= 1_325_376_000;
            if false_time && possible { prop_assert!(doubtful[place], "{place} of {from}..{to} is delivered"); }
        }
        let wrongly = (0..all.len()).filter(|place| !(from..to).contains(place) && doubtful[*place]).count();
        prop_assert!(wrongly <= to - from, "{wrongly} true ones are doubtful for {} false ones", to - from);
    }

    #[test]
    fn every_record_of_a_clock_that_ran_ahead_is_doubtful(
        seconds in true_ones(), from in 1..100usize, length in 1..20usize, ahead in 20..300i64
    ) {
        let (from, to) = (from.min(seconds.len() - 2), (from + length).min(seconds.len() - 1));
        let clock = seconds[seconds.len() - 1] + 10;
        let all: Vec<i64> = seconds.iter().enumerate()
            .map(|(place, second)| if (from..to).contains(&place) { second + ahead * DAY } else { *second }).collect();
        let doubtful = doubts(&all, Some(clock));
        for place in from..to { prop_assert!(doubtful[place], "{place} of {from}..{to} is delivered"); }
        let wrongly = (0..all.len()).filter(|place| !(from..to).contains(place) && doubtful[*place]).count();
        prop_assert!(wrongly == 0, "{wrongly} true ones are doubtful");
    }

    /// However often and however far the clock was set, nothing false is left between two true ones without a doubt.
    #[test]
    fn several_false_times_are_all_doubtful(
        seconds in true_ones(), sets in prop::collection::vec((2..10usize, 1..4usize, 20..600i64), 1..4)
    ) {
        let mut all = seconds.clone();
        let mut at = 0;
        let mut false_ones = Vec::new();
        for (skip, length, back) in sets {
            at += skip + 6;
            for place in at..(at + length).min(all.len() - 1) { all[place] -= back * DAY; false_ones.push(place); }
            at += length;
        }
        let doubtful = doubts(&all, Some(seconds[seconds.len() - 1] + 10));
        for place in false_ones { prop_assert!(doubtful[place], "{place} is delivered"); }
    }

    /// A night in which the clocks go back, in zones that do it at other hours and by other amounts.
    #[test]
    fn in_a_night_that_repeats_an_hour_each_is_at_its_true_time_or_doubtful(
        zone in prop::sample::select(vec![
            ("America/New_York", 1_762_066_800i64), ("Europe/Berlin", 1_761_440_400), ("Australia/Lord_Howe", 1_775_314_800),
            ("America/Santiago", 1_775_358_000), ("Africa/Casablanca", 1_739_671_200), ("America/Havana", 1_762_059_600),
        ]),
        pauses in prop::collection::vec(61..2400i64, 1..20), begin in -7200..3600i64,
    ) {
        let (name, change) = zone;
        let zone = TimeZone::get(name).unwrap();
        let mut at = change + begin;
        let seconds: Vec<i64> = pauses.into_iter().map(|pause| { at += pause; at }).collect();
        let records: Vec<Written> = seconds.iter().map(|second| written(*second, &zone)).collect();
        for ((placed, record), second) in place(&records, &zone, None).iter().zip(&records).zip(&seconds) {
            let civil = record.civil.unwrap();
            let read = match placed.offset {
                Some(offset) => offset.to_timestamp(civil).unwrap(),
                None => zone.to_ambiguous_timestamp(civil).compatible().unwrap(),
            };
            prop_assert!(placed.doubt.is_some() || read.as_second() == *second, "{civil} in {name}");
        }
    }
}
