//! Orders as terminals write them, with clocks that were wrong for a while.

use jiff::civil::{DateTime, date};
use jiff::tz::{TimeZone, offset};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

fn written(times: impl IntoIterator<Item = DateTime>) -> Vec<Written> {
    times.into_iter().map(|civil| Written { civil: Some(civil), offset: None }).collect()
}

/// What became of each record: `.` fits, `<` behind, `>` ahead, `c` after the clock, `r` repeated hour, `s` skipped hour.
fn signs(records: &[Written], zone: &TimeZone, clock: Option<DateTime>) -> String {
    let sign = |placed: &Placed| match placed.doubt {
        None => '.',
        Some(Doubt::Behind { .. }) => '<',
        Some(Doubt::Ahead { .. }) => '>',
        Some(Doubt::AfterClock { .. }) => 'c',
        Some(Doubt::RepeatedHour) => 'r',
        Some(Doubt::SkippedHour) => 's',
        Some(_) => '?',
    };
    place(records, zone, clock).iter().map(sign).collect()
}

fn shanghai_signs(times: impl IntoIterator<Item = DateTime>) -> String {
    signs(&written(times), &shanghai(), None)
}

/// November 2026.
fn at(day: i8, hour: i8, minute: i8) -> DateTime {
    date(2026, 11, day).at(hour, minute, 0, 0)
}

fn days(days: std::ops::RangeInclusive<i8>) -> Vec<DateTime> {
    days.flat_map(|day| [at(day, 8, 0), at(day, 17, 0)]).collect()
}

#[test]
fn a_log_in_order_is_fine_and_so_are_small_steps_of_the_clock() {
    let mut log = days(1..=9);
    log.insert(4, at(2, 16, 59) + SignedDuration::from_secs(30));
    assert_eq!(shanghai_signs(log), ".".repeat(19));
    assert_eq!(shanghai_signs([]), "");
}

#[test]
fn a_date_of_half_a_year_ago_between_good_ones_is_behind_wherever_it_stands() {
    let false_time = date(2026, 5, 11).at(9, 0, 0, 0);
    assert_eq!(shanghai_signs([at(9, 8, 0), false_time, at(9, 17, 0)]), ".<.");
    let mut log = days(1..=9);
    log.extend([false_time, at(10, 8, 0)]);
    assert_eq!(shanghai_signs(log), ".".repeat(18) + "<.");
    assert_eq!(shanghai_signs([at(9, 8, 0), false_time]), ".<");
}

#[test]
fn dates_of_before_any_possible_one_say_nothing_of_their_neighbours() {
    let reset = date(2000, 1, 1).at(0, 12, 7, 0);
    assert_eq!(shanghai_signs([reset, at(1, 8, 0), reset, at(1, 7, 0), at(1, 17, 0)]), "...<.");
}

#[test]
fn a_run_after_a_reset_is_behind_to_its_end_although_it_is_longer_than_what_came_before() {
    // Three weeks at a clock that began in 2015, two days before and two days after.
    let mut log = days(1..=2);
    let false_start = date(2015, 1, 1).at(8, 0, 0, 0);
    log.extend((0..42).map(|half| false_start + SignedDuration::from_hours(half * 12)));
    log.extend(days(25..=26));
    assert_eq!(shanghai_signs(log), "....".to_owned() + &"<".repeat(42) + "....");
}

#[test]
fn a_run_goes_on_after_its_dates_have_caught_up_until_they_jump_forward() {
    // At noon of the 3rd the clock was set back by five hours; on the 4th it was set right.
    let log = [at(3, 8, 0), at(3, 11, 50), at(3, 7, 30), at(3, 10, 0), at(3, 12, 0), at(4, 8, 0), at(4, 17, 0)];
    assert_eq!(shanghai_signs(log), "..<<<..");
}

#[test]
fn a_clock_that_ran_ahead_for_an_hour_leaves_the_records_after_it_alone() {
    // On the 5th two punches a day ahead, among forty people a day.
    let day = |day: i8| (0..40).map(move |minute| at(day, 8, minute));
    let mut log: Vec<DateTime> = (1..=4).flat_map(day).collect();
    log.extend([at(6, 8, 0), at(6, 8, 1)]);
    log.extend(day(5).skip(2).chain(day(6)).chain(day(7)));
    let right = ".".repeat(160) + ">>" + &".".repeat(118);
    assert_eq!(signs(&written(log.clone()), &shanghai(), Some(at(7, 9, 0))), right);
    // Where it could have been set right after the last record, or nobody knows, both sides stay doubtful.
    let doubtful = ".".repeat(160) + ">>" + &"<".repeat(118);
    assert_eq!(signs(&written(log.clone()), &shanghai(), Some(at(9, 9, 0))), doubtful);
    assert_eq!(shanghai_signs(log), doubtful);
}

#[test]
fn where_neither_side_is_clear_both_are_doubtful() {
    // One false date a day ahead, or one a day behind: two records and two stories.
    let log = [at(2, 8, 0), at(2, 17, 0), at(4, 8, 0), at(3, 17, 0), at(4, 8, 0), at(4, 17, 0)];
    assert_eq!(shanghai_signs(log), "..><..");
}

#[test]
fn a_log_that_is_sent_from_its_end_is_no_disorder() {
    let now = at(4, 9, 0).to_zoned(shanghai()).unwrap().timestamp();
    let doubtful = |times: &[DateTime]| {
        let placed = place_body(&written(times.iter().copied()), &shanghai(), None, Some(now));
        placed.iter().map(|placed| placed.doubt.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(doubtful(&[at(3, 8, 0), at(2, 8, 0), at(1, 8, 0)]), [false; 3]);
    assert_eq!(doubtful(&[at(3, 8, 0), at(1, 8, 0), at(4, 8, 0)]), [false, true, false]);
    // What has not been yet is nobody's neighbour.
    assert_eq!(doubtful(&[at(3, 8, 0), at(5, 8, 0), at(4, 8, 0)]), [false; 3]);
    assert_eq!(doubtful(&[at(3, 8, 0), at(4, 8, 59), at(4, 8, 0)]), [false, true, true]);
}

#[test]
fn what_is_dated_after_the_terminals_own_clock_is_doubtful_and_says_nothing_of_the_others() {
    let records = written([at(1, 8, 0), at(2, 9, 0), at(1, 9, 0)]);
    assert_eq!(signs(&records, &shanghai(), Some(at(1, 10, 0))), ".c.");
}

fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

#[test]
fn the_second_pass_of_a_repeated_hour_begins_where_the_dates_fall_back() {
    let night = |hour, minute| date(2025, 11, 2).at(hour, minute, 0, 0);
    let times = [night(0, 30), night(1, 10), night(1, 50), night(1, 5), night(1, 35), night(1, 50), night(6, 0)];
    let placed = place(&written(times), &new_york(), None);
    let offsets: Vec<_> = placed.iter().map(|placed| placed.offset).collect();
    let (first, second) = (Some(offset(-4)), Some(offset(-5)));
    assert_eq!(offsets, [None, first, first, second, second, second, None]);
    assert!(placed.iter().all(|placed| placed.doubt.is_none()), "{placed:?}");
}

#[test]
fn without_a_fall_nothing_tells_which_pass_unless_a_record_says_so_itself() {
    let night = |hour, minute| date(2025, 11, 2).at(hour, minute, 0, 0);
    let mut records = written([night(0, 30), night(1, 10), night(1, 50), night(6, 0)]);
    assert_eq!(signs(&records, &new_york(), None), ".rr.");
    records[1].offset = Some(offset(-5));
    let placed = place(&records, &new_york(), None);
    assert_eq!(placed[2].offset, Some(offset(-5)), "after the second pass there is no first");
    records[1].offset = Some(offset(-4));
    assert_eq!(signs(&records, &new_york(), None), "..r.");
}

#[test]
fn the_hour_that_spring_leaves_out_is_doubtful() {
    let records =
        written([date(2026, 3, 8).at(1, 30, 0, 0), date(2026, 3, 8).at(2, 30, 0, 0), date(2026, 3, 8).at(3, 30, 0, 0)]);
    assert_eq!(signs(&records, &new_york(), None), ".s.");
}

/// True moments of a log: so many seconds after each other.
fn moments(pauses: &[i64]) -> Vec<i64> {
    let mut now = 1_780_000_000;
    pauses
        .iter()
        .map(|pause| {
            now += pause;
            now
        })
        .collect()
}

fn civil(second: i64, zone: &TimeZone) -> DateTime {
    zone.to_datetime(Timestamp::from_second(second).unwrap())
}

fn pauses() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(prop_oneof![3 => 1..600_i64, 1 => 3_600..60_000_i64, 1 => Just(0_i64)], 3..120)
}

proptest! {
    /// A clock that fell back between two records and was set right between two others: however far, however long.
    #[test]
    fn no_record_of_a_run_that_fell_back_is_left_without_doubt(
        pauses in pauses(), from in 1..119_usize, length in 1..119_usize, back in prop_oneof![300..90_000_i64, 90_000..400_000_000_i64],
    ) {
        let zone = shanghai();
        let true_times = moments(&pauses);
        let from = 1 + from % (true_times.len() - 1);
        let end = (from + length).min(true_times.len());
        let shown = |(place, second): (usize, &i64)| if (from..end).contains(&place) { second - back } else { *second };
        let log: Vec<i64> = true_times.iter().enumerate().map(shown).collect();
        // A fall that the pause before it hides is none in the log.
        prop_assume!(log[from - 1] - log[from] > TOLERANCE_S);
        let records = written(log.iter().map(|second| civil(*second, &zone)));
        // A clock that was set right shows the time after the last record; one that was not shows how far it is off.
        let clock = (end < log.len()).then(|| civil(log[log.len() - 1] + 60, &zone));
        let placed = place(&records, &zone, clock);
        let fell = log[from - 1] - log[from];
        for place in from..end {
            let impossible = records[place].civil.is_some_and(|civil| civil.date() < EARLIEST);
            // Whoever pauses inside the run for longer than the dates fell back has hidden its end.
            let hidden = (from..place).any(|earlier| log[earlier + 1] - log[earlier] >= fell - TOLERANCE_S);
            prop_assert!(placed[place].doubt.is_some() || impossible || hidden, "{place} of {from}..{end} back {back}: {log:?}");
        }
        // What came after it is not held for it, once the dates have jumped forward.
        for (place, placed) in placed.iter().enumerate().skip(end) {
            let doubt = &placed.doubt;
            prop_assert!(doubt.is_none(), "{place} after {from}..{end} back {back}: {doubt:?} {log:?}");
        }
    }

    /// A clock that ran ahead: where a later record shows it, no false date passes.
    #[test]
    fn no_record_of_a_run_that_was_ahead_and_is_contradicted_is_left_without_doubt(
        pauses in pauses(), from in 0..119_usize, length in 1..8_usize, ahead in 300..9_000_000_i64,
    ) {
        let zone = shanghai();
        let true_times = moments(&pauses);
        let from = 1 + from % (true_times.len() - 1);
        let end = (from + length).min(true_times.len());
        let shown = |(place, second): (usize, &i64)| if (from..end).contains(&place) { second + ahead } else { *second };
        let log: Vec<i64> = true_times.iter().enumerate().map(shown).collect();
        let records = written(log.iter().map(|second| civil(*second, &zone)));
        let placed = place(&records, &zone, None);
        let behind = (end..log.len()).filter(|place| log[*place] + TOLERANCE_S < log[from]).count();
        // With fewer contradicting records than false ones by far, the false ones are the story that the log tells.
        prop_assume!(behind > 0 && 2 * behind >= end - from);
        for (place, placed) in placed.iter().enumerate().take(end).skip(from) {
            prop_assert!(placed.doubt.is_some(), "{place} of {from}..{end} ahead {ahead}, {behind} behind: {log:?}");
        }
    }

    /// Whatever the order: nothing panics, an ordered log has no doubt, and every answer belongs to its record.
    #[test]
    fn any_dates_in_any_order_are_placed(seconds in proptest::collection::vec(1_000_000_000..2_000_000_000_i64, 0..80), clock in any::<bool>()) {
        for zone in ["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Europe/London"] {
            let zone = TimeZone::get(zone).unwrap();
            let records = written(seconds.iter().map(|second| civil(*second, &zone)));
            let shows = clock.then(|| at(1, 8, 0));
            prop_assert_eq!(place(&records, &zone, shows).len(), records.len());
            let mut sorted = seconds.clone();
            sorted.sort_unstable();
            let records = written(sorted.iter().map(|second| civil(*second, &zone)));
            let doubts = place(&records, &zone, None);
            let wrong = doubts.iter().any(|placed| matches!(placed.doubt, Some(Doubt::Behind { .. } | Doubt::Ahead { .. })));
            prop_assert!(!wrong, "{:?}", doubts);
        }
    }

    /// A night in which summer time ends, in any zone: each record has its true pass, or is doubtful.
    #[test]
    fn a_repeated_hour_is_passed_truly_or_doubtful(
        zone in prop_oneof![
            Just(("America/New_York", 1_762_063_200_i64)), Just(("Europe/London", 1_761_440_400)), Just(("Australia/Lord_Howe", 1_775_314_800)),
            Just(("Africa/Cairo", 1_761_858_000)), Just(("America/Havana", 1_762_059_600)),
        ],
        pauses in proptest::collection::vec(0..2_400_i64, 1..30),
    ) {
        let (name, change) = zone;
        let zone = TimeZone::get(name).unwrap();
        let mut now = change - 7_200;
        let true_times: Vec<i64> = pauses.iter().map(|pause| { now += pause; now }).collect();
        let records = written(true_times.iter().map(|second| civil(*second, &zone)));
        for ((record, placed), second) in records.iter().zip(place(&records, &zone, None)).zip(true_times) {
            let civil = record.civil.unwrap();
            let moment = match placed.offset {
                Some(offset) => offset.to_timestamp(civil).unwrap(),
                None => zone.to_timestamp(civil).unwrap(),
            };
            prop_assert!(placed.doubt.is_some() || moment.as_second() == second, "{civil} {placed:?} is {second}");
        }
    }
}
