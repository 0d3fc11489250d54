//! The account of a site: what its terminals hold against what arrived at the stand-in, worked out without asking the agent.
//!
//! Which of several readings within the merge window counts depends on the order in which they reached the agent, so
//! the account does not say which records must be there. It says what no order of arrival may break: every reading of a known
//! person is covered by a record of that person from within the window before it; no record came from nowhere; none came twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::standin::HeldRecord;

/// A record of a terminal, or something that was presented at a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Whose, if somebody of the roster.
    pub userid: Option<String>,
    /// True time, seconds: not before this second …
    pub from_s: i64,
    /// … and not after this one. A terminal's record has one second.
    pub until_s: i64,
    /// Whether it has to arrive: a terminal's record, or a person saw it taken. Otherwise it may.
    pub owed: bool,
}

impl Reading {
    /// A terminal's record.
    pub fn recorded(userid: Option<String>, time_s: i64) -> Self {
        Self { userid, from_s: time_s, until_s: time_s, owed: true }
    }
}

/// What became of a site's readings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Records of known people on the terminals.
    pub known: usize,
    /// Records of people on no list.
    pub unknown: usize,
    /// Records that the stand-in holds.
    pub held: usize,
    /// Readings that no held record covers.
    pub lost: Vec<(String, i64)>,
    /// Members and seconds that arrived more than once.
    pub twice: Vec<(String, i64)>,
    /// Held records that no terminal made.
    pub invented: Vec<(String, i64)>,
}

impl Account {
    /// Draws the account.
    pub fn of(readings: &[Reading], held: &[HeldRecord], window: i64) -> Self {
        let mut account = Self { held: held.len(), ..Self::default() };
        let mut records: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for HeldRecord { record, arrived, .. } in held {
            let userid = record.userid.to_ascii_lowercase();
            let fresh = records.entry(userid.clone()).or_default().insert(record.checkin_time);
            if !fresh || *arrived > 1 {
                account.twice.push((userid, record.checkin_time));
            }
        }
        let mut made: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for reading in readings {
            let Some(userid) = &reading.userid else {
                account.unknown += 1;
                continue;
            };
            account.known += 1;
            let userid = userid.to_ascii_lowercase();
            let covered = records.get(&userid).is_some_and(|times| {
                times.range((reading.from_s - window.max(1) + 1)..=reading.until_s).next().is_some()
            });
            if reading.owed && !covered {
                account.lost.push((userid.clone(), reading.from_s));
            }
            made.entry(userid).or_default().extend(reading.from_s..=reading.until_s);
        }
        for (userid, times) in records {
            let mine = made.get(&userid);
            let nowhere = times.into_iter().filter(|time| !mine.is_some_and(|mine| mine.contains(time)));
            account.invented.extend(nowhere.map(|time| (userid.clone(), time)));
        }
        account
    }

    /// Whether everything is there, once.
    pub fn is_right(&self) -> bool {
        self.lost.is_empty() && self.twice.is_empty() && self.invented.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::standin::CheckinRecord;

    fn reading(userid: &str, time_s: i64) -> Reading {
        Reading::recorded(Some(userid.to_owned()), time_s)
    }

    fn held(userid: &str, checkin_time: i64, arrived: u32) -> HeldRecord {
        let record = CheckinRecord { userid: userid.to_owned(), checkin_time, ..CheckinRecord::default() };
        HeldRecord { arrival: 1, stored_at: Timestamp::UNIX_EPOCH, arrived, record }
    }

    #[test]
    fn a_reading_is_covered_by_a_record_of_the_same_person_in_the_window_before_it() {
        let readings = [reading("a", 1000), reading("a", 1200), reading("a", 1300)];
        let account = Account::of(&readings, &[held("A", 1000, 1)], 300);
        assert_eq!(account.lost, [("a".to_owned(), 1300)]);
        assert!(Account::of(&readings, &[held("a", 1000, 1), held("a", 1300, 1)], 300).is_right());
    }

    #[test]
    fn what_nobody_saw_taken_may_arrive_and_need_not() {
        let presented = |owed| Reading { userid: Some("a".to_owned()), from_s: 1000, until_s: 1002, owed };
        assert!(Account::of(&[presented(false)], &[], 300).is_right());
        assert!(Account::of(&[presented(false)], &[held("a", 1001, 1)], 300).is_right());
        assert_eq!(Account::of(&[presented(true)], &[], 300).lost, [("a".to_owned(), 1000)]);
        assert_eq!(Account::of(&[presented(true)], &[held("a", 1003, 1)], 300).invented, [("a".to_owned(), 1003)]);
    }

    #[test]
    fn a_record_that_came_twice_or_from_nowhere_is_named() {
        let readings = [reading("a", 1000), Reading::recorded(None, 5)];
        let account = Account::of(&readings, &[held("a", 1000, 2), held("b", 7, 1)], 300);
        assert_eq!(account.twice, [("a".to_owned(), 1000)]);
        assert_eq!(account.invented, [("b".to_owned(), 7)]);
        assert_eq!((account.known, account.unknown), (1, 1));
    }
}
