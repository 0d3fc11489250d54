//! What the people of a site have punched until now: fills the logs of virtual terminals.
//!
//! Everybody comes between 08:20 and 09:10 and leaves between 17:50 and 19:20 Beijing time, Sundays excepted. The same
//! question gets the same answer, so that a log can be compared with what arrived from it.

use jiff::Timestamp;

const SHANGHAI: i64 = 8 * 3600;
const DAY: i64 = 86_400;
const MINUTE: i64 = 60;
/// When people begin to come, and for how long they keep coming.
const COMING: (i64, i64) = (500 * MINUTE, 50 * MINUTE);
/// When they begin to leave, and for how long.
const LEAVING: (i64, i64) = (1070 * MINUTE, 90 * MINUTE);

/// A punch of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastPunch {
    /// Whose: an index into the roster.
    pub person: usize,
    /// When, to the second.
    pub at: Timestamp,
}

/// The last `records` punches that `people` people made before a time, oldest first. Nobody punches nothing.
pub fn past_punches(people: usize, records: usize, before: Timestamp) -> Vec<PastPunch> {
    let mut punches: Vec<(i64, usize)> = Vec::new();
    if people == 0 {
        return Vec::new();
    }
    let before = before.as_second();
    let mut day = before.saturating_add(SHANGHAI).div_euclid(DAY);
    // The first day of the calendar ends the walk, however many records were asked for.
    let oldest = Timestamp::MIN.as_second().div_euclid(DAY) + 1;
    while punches.len() < records && day > oldest {
        // Day 0 was a Thursday.
        let sunday = (day + 4).rem_euclid(7) == 0;
        let midnight = day * DAY - SHANGHAI;
        for person in (0..people).filter(|_| !sunday) {
            let coming = midnight + COMING.0 + scattered(day, person, 0, COMING.1);
            let leaving = midnight + LEAVING.0 + scattered(day, person, 1, LEAVING.1);
            punches.extend([coming, leaving].into_iter().filter(|at| *at < before).map(|at| (at, person)));
        }
        day -= 1;
    }
    punches.sort_unstable();
    let surplus = punches.len().saturating_sub(records);
    let last = punches.into_iter().skip(surplus);
    last.filter_map(|(at, person)| Some(PastPunch { person, at: Timestamp::from_second(at).ok()? })).collect()
}

/// A number below `width` that looks random and is always the same (SplitMix64's finaliser).
fn scattered(day: i64, person: usize, which: u64, width: i64) -> i64 {
    let mut x = (day as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((person as u64) << 1 | which);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) % width.unsigned_abs().max(1)) as i64
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::Weekday;
    use jiff::tz::{Offset, TimeZone};

    use super::past_punches;

    fn monday_noon() -> Timestamp {
        "2026-03-02T12:00:00+08:00".parse().unwrap()
    }

    #[test]
    fn a_log_has_as_many_records_as_were_asked_for_the_last_ones_oldest_first() {
        let log = past_punches(7, 1000, monday_noon());
        assert_eq!(log.len(), 1000);
        assert!(log.is_sorted_by_key(|punch| punch.at));
        assert!(log.iter().all(|punch| punch.at < monday_noon()));
        assert_eq!(past_punches(7, 10, monday_noon()), log[990..]);
    }

    #[test]
    fn everybody_comes_and_leaves_once_a_workday() {
        // Monday morning's seven, and both of each from Saturday and Friday.
        let log = past_punches(7, 7 + 14 + 14, monday_noon());
        let zone = TimeZone::fixed(Offset::constant(8));
        for person in 0..7 {
            let mine = log.iter().filter(|punch| punch.person == person).map(|punch| punch.at.to_zoned(zone.clone()));
            let mine: Vec<_> = mine.map(|at| (at.weekday(), at.hour() < 12)).collect();
            let expected = [
                (Weekday::Friday, true),
                (Weekday::Friday, false),
                (Weekday::Saturday, true),
                (Weekday::Saturday, false),
                (Weekday::Monday, true),
            ];
            assert_eq!(mine, expected);
        }
    }

    #[test]
    fn questions_without_an_answer_are_answered_with_nothing() {
        assert_eq!(past_punches(0, 10, monday_noon()), []);
        assert_eq!(past_punches(10, 0, monday_noon()), []);
        assert_eq!(past_punches(1, 10, Timestamp::MIN), []);
        assert!(past_punches(1, 3, Timestamp::MAX).len() == 3);
    }
}
