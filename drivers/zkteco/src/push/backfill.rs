//! The comparison of counts: what a terminal says it has of a period against what is on disk, and the fetching of what is missing.
//!
//! A check counts first (`VERIFY SUM`). Equal: proven. Different: the period is fetched (`DATA QUERY`), which is harmless for what
//! is there already, and counted again. The records of a fetch were all receipted, so a fetch of as many distinct records
//! as the terminal counts is a proof too, whatever our own count says (facts/terminals.md B.4, G).

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use jiff::ToSpan;
use jiff::civil::Date;
use punchd_contract::{RecordKey, Request};

use super::memory::FIRST_DAY;
use super::protocol::command::Order;

/// How many days are compared one by one, today included.
const RECENT_DAYS: i32 = 7;

/// How often a period is fetched before the difference is reported.
const FETCHES: u8 = 2;

/// The most distinct records that are counted in one fetch; terminals hold fewer.
const MOST_FETCHED: usize = 500_000;

/// How many checks wait at most; more are refused.
const MOST_WAITING: usize = 32;

/// Days by the terminal's clock, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl Period {
    /// Everything that a terminal may hold.
    pub const EVERYTHING: Self = Self { from: FIRST_DAY, to: jiff::civil::date(2099, 12, 31) };

    fn send(self) -> Order {
        Order::SendPunches { from: self.from.at(0, 0, 0, 0), to: self.to.at(23, 59, 59, 0) }
    }

    fn count(self) -> Order {
        Order::CountPunches { from: self.from.at(0, 0, 0, 0), to: self.to.at(23, 59, 59, 0) }
    }

    /// Whether this day is in it.
    pub fn has(self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

/// One period to compare.
#[derive(Debug)]
pub struct Check {
    /// Which days.
    pub period: Period,
    /// Whether it is fetched even if the counts are equal.
    pub fetch_always: bool,
    /// Who asked, if the agent did.
    pub request: Option<Request>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Everything that the terminal counts is on disk.
    Complete {
        /// How many records that are.
        records: u64,
    },
    /// Everything that the terminal counts is on disk, and more: it lost or deleted some.
    Fewer {
        /// What it counts.
        theirs: u64,
        /// What is on disk.
        ours: u64,
    },
    /// The terminal counts more than it sends.
    Differs {
        /// What it counts.
        theirs: u64,
        /// What is on disk.
        ours: u64,
    },
    /// The terminal sent the period but cannot count: no proof.
    Uncounted {
        /// How many records it sent.
        records: u64,
    },
    /// The terminal did not answer.
    NoAnswer,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Give this command.
    Give(Order),
    /// This check is over.
    Over(Check, Finding),
}

/// What the terminal answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its count; `None` if it cannot count.
    Counted(Option<u64>),
    /// It has sent the period.
    Sent,
    /// Nothing.
    Nothing,
}

#[derive(Debug)]
struct Running {
    check: Check,
    fetching: bool,
    fetches: u8,
    /// The distinct records of the last fetch, by day.
    fetched: BTreeMap<Date, HashSet<u64>>,
    total: usize,
}

/// All checks of one terminal, one under way at a time.
#[derive(Debug, Default)]
pub struct Survey {
    waiting: VecDeque<Check>,
    running: Option<Running>,
}

impl Survey {
    /// Lines up the recent days one by one and, if wanted, everything before them; answers which days are the recent ones.
    pub fn plan(&mut self, today: Date, older: bool) -> Period {
        let day = |back: i32| today.checked_sub(back.days()).unwrap_or(today);
        let mut periods: Vec<Period> = (0..RECENT_DAYS).map(|back| Period { from: day(back), to: day(back) }).collect();
        if older {
            periods.push(Period { from: FIRST_DAY, to: day(RECENT_DAYS) });
        }
        for period in periods {
            if !self.waiting.iter().any(|check| check.period == period) {
                self.waiting.push_back(Check { period, fetch_always: false, request: None });
            }
        }
        Period { from: day(RECENT_DAYS - 1), to: today }
    }

    /// Lines up what the agent asked for, first. Gives the request back if too many wait.
    pub fn ask(&mut self, period: Period, fetch_always: bool, request: Request) -> Result<(), Request> {
        if self.waiting.len() >= MOST_WAITING {
            return Err(request);
        }
        self.waiting.push_front(Check { period, fetch_always, request: Some(request) });
        Ok(())
    }

    /// Begins the next check if none is under way.
    pub fn begin(&mut self) -> Option<Order> {
        if self.running.is_some() {
            return None;
        }
        let check = self.waiting.pop_front()?;
        let fetching = check.fetch_always;
        let order = if fetching { check.period.send() } else { check.period.count() };
        let fetches = u8::from(fetching);
        self.running = Some(Running { check, fetching, fetches, fetched: BTreeMap::new(), total: 0 });
        Some(order)
    }

    /// Whether nothing is under way or lined up.
    pub fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// The period that the terminal is sending now because we asked.
    pub fn fetching(&self) -> Option<Period> {
        self.running.as_ref().filter(|running| running.fetching).map(|running| running.check.period)
    }

    /// The period under way.
    pub fn under_way(&self) -> Option<Period> {
        self.running.as_ref().map(|running| running.check.period)
    }

    /// This record of this day came and is on disk.
    pub fn saw(&mut self, day: Date, key: &RecordKey) {
        let Some(running) = &mut self.running else { return };
        if running.fetching && running.check.period.has(day) && running.total < MOST_FETCHED {
            let mut hasher = DefaultHasher::new();
            key.hash(&mut hasher);
            running.total += usize::from(running.fetched.entry(day).or_default().insert(hasher.finish()));
        }
    }

    /// Whether a fetch brought nothing yet.
    pub fn fetched_nothing(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.total == 0)
    }

    /// How many distinct records of each day the last fetch brought.
    pub fn fetched(&self) -> BTreeMap<Date, u64> {
        let days = self.running.iter().flat_map(|running| &running.fetched);
        days.map(|(day, keys)| (*day, keys.len() as u64)).collect()
    }

    /// Takes the terminal's answer. `ours` is what is on disk of the period under way, where that is counted.
    pub fn step(&mut self, answer: Answer, ours: Option<u64>) -> Option<Step> {
        let mut running = self.running.take()?;
        let fetched = running.total as u64;
        let finding = match (answer, running.fetching) {
            (Answer::Nothing, _) => Finding::NoAnswer,
            (Answer::Sent, _) => {
                running.fetching = false;
                let order = running.check.period.count();
                self.running = Some(running);
                return Some(Step::Give(order));
            }
            // A count while the period is being sent belongs to nothing.
            (Answer::Counted(_), true) => {
                self.running = Some(running);
                return None;
            }
            (Answer::Counted(None), false) if running.fetches > 0 => Finding::Uncounted { records: fetched },
            (Answer::Counted(Some(theirs)), false) if ours == Some(theirs) => Finding::Complete { records: theirs },
            (Answer::Counted(Some(theirs)), false) if running.fetches > 0 && fetched >= theirs => match ours {
                Some(ours) if ours > theirs => Finding::Fewer { theirs, ours },
                _ => Finding::Complete { records: theirs },
            },
            (Answer::Counted(Some(theirs)), false) if running.fetches >= FETCHES => {
                Finding::Differs { theirs, ours: ours.unwrap_or(fetched).max(fetched) }
            }
            (Answer::Counted(_), false) => {
                running.fetching = true;
                running.fetches += 1;
                running.fetched.clear();
                running.total = 0;
                let order = running.check.period.send();
                self.running = Some(running);
                return Some(Step::Give(order));
            }
        };
        Some(Step::Over(running.check, finding))
    }

    /// Forgets the background checks, as when the terminal is gone; returns the agent's requests.
    pub fn drop_all(&mut self) -> Vec<Request> {
        let running = self.running.take().map(|running| running.check);
        running.into_iter().chain(self.waiting.drain(..)).filter_map(|check| check.request).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn begun() -> Survey {
        let mut survey = Survey::default();
        survey.plan(date(2026, 1, 5), false);
        assert!(matches!(survey.begin(), Some(Order::CountPunches { .. })));
        survey
    }

    fn fetch(survey: &mut Survey, records: u32) {
        for number in 0..records {
            survey.saw(date(2026, 1, 5), &RecordKey::new(format!("{number}"), 1));
        }
    }

    fn over(step: Option<Step>) -> Finding {
        match step {
            Some(Step::Over(_, finding)) => finding,
            other => panic!("{other:?}"),
        }
    }

    fn given(step: Option<Step>) -> Order {
        match step {
            Some(Step::Give(order)) => order,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn equal_counts_are_a_proof_without_a_fetch() {
        let mut survey = begun();
        assert_eq!(over(survey.step(Answer::Counted(Some(3)), Some(3))), Finding::Complete { records: 3 });
        assert!(!survey.is_idle());
    }

    #[test]
    fn a_missing_record_is_fetched_and_then_counted_again() {
        let mut survey = begun();
        assert!(matches!(given(survey.step(Answer::Counted(Some(3)), Some(2))), Order::SendPunches { .. }));
        fetch(&mut survey, 3);
        assert!(matches!(given(survey.step(Answer::Sent, None)), Order::CountPunches { .. }));
        assert_eq!(over(survey.step(Answer::Counted(Some(3)), Some(3))), Finding::Complete { records: 3 });
    }

    #[test]
    fn a_fetch_of_all_is_a_proof_even_if_our_own_count_was_lost() {
        let mut survey = begun();
        given(survey.step(Answer::Counted(Some(3)), None));
        fetch(&mut survey, 3);
        fetch(&mut survey, 3);
        given(survey.step(Answer::Sent, None));
        assert_eq!(over(survey.step(Answer::Counted(Some(3)), None)), Finding::Complete { records: 3 });
    }

    #[test]
    fn a_terminal_that_counts_more_than_it_sends_is_asked_twice_and_then_reported() {
        let mut survey = begun();
        for _ in 0..2 {
            assert!(matches!(given(survey.step(Answer::Counted(Some(3)), Some(2))), Order::SendPunches { .. }));
            fetch(&mut survey, 2);
            given(survey.step(Answer::Sent, None));
        }
        assert_eq!(over(survey.step(Answer::Counted(Some(3)), Some(2))), Finding::Differs { theirs: 3, ours: 2 });
    }

    #[test]
    fn a_terminal_that_lost_records_is_told_apart_from_one_that_hides_some() {
        let mut survey = begun();
        given(survey.step(Answer::Counted(Some(1)), Some(4)));
        fetch(&mut survey, 1);
        given(survey.step(Answer::Sent, None));
        assert_eq!(over(survey.step(Answer::Counted(Some(1)), Some(4))), Finding::Fewer { theirs: 1, ours: 4 });
    }

    #[test]
    fn a_terminal_that_cannot_count_is_read_once_and_never_called_complete() {
        let mut survey = begun();
        given(survey.step(Answer::Counted(None), Some(4)));
        fetch(&mut survey, 4);
        given(survey.step(Answer::Sent, None));
        assert_eq!(over(survey.step(Answer::Counted(None), Some(4))), Finding::Uncounted { records: 4 });
    }

    #[test]
    fn the_recent_days_are_lined_up_once() {
        let mut survey = Survey::default();
        survey.plan(date(2026, 1, 5), true);
        survey.plan(date(2026, 1, 5), true);
        assert_eq!(survey.waiting.len(), 8);
    }
}
