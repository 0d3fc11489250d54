//! What the driver remembers of a terminal across restarts: the cursor. Losing it costs a second read, never a punch.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;
use punchd_contract::Cursor;
use serde::{Deserialize, Serialize};

/// How many days are counted one by one; what is before them is one number.
const DAYS: usize = 62;

/// How many things are remembered as told, so that a body that is sent again raises no second alert.
const TOLD: usize = 160;

/// No terminal has punches before this day.
pub const FIRST_DAY: Date = jiff::civil::date(2000, 1, 1);

/// How the terminal speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// ATTLOG lines (facts/terminals.md B.3).
    Attendance,
    /// rtlog lines (facts/terminals.md B.5).
    Security,
}

/// The cursor's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Attendance or security, once known.
    pub dialect: Option<Dialect>,
    /// The last stamp of each table, to be echoed.
    pub stamps: BTreeMap<String, String>,
    /// Whether its last handshake said that it reads identity cards.
    pub identity_cards: bool,
    /// The language number of the handshake.
    pub language: Option<String>,
    /// The code under which an access controller is registered.
    pub registry_code: Option<String>,
    /// The address from which the right comm key came last.
    pub key_came_from: Option<String>,
    /// Whether all that was on the terminal before the counted days was proven to be here.
    pub older_complete: bool,
    days: BTreeMap<Date, u64>,
    /// Records before `older_before`.
    older: u64,
    older_before: Option<Date>,
    told: VecDeque<String>,
}

impl Memory {
    /// What a cursor holds; one that cannot be read is an empty one.
    pub fn read(cursor: Option<Cursor>) -> Self {
        cursor.and_then(|cursor| serde_json::from_str(&cursor.0).ok()).unwrap_or_default()
    }

    /// As a cursor.
    pub fn cursor(&self) -> Option<Cursor> {
        serde_json::to_string(self).ok().map(Cursor)
    }

    /// One more distinct record of this day is on disk.
    pub fn count(&mut self, day: Date) {
        if self.older_before.is_some_and(|before| day < before) {
            self.older = self.older.saturating_add(1);
        } else {
            let count = self.days.entry(day).or_insert(0);
            *count = count.saturating_add(1);
            self.fold();
        }
    }

    /// So many distinct records of this day were just seen to be on disk.
    pub fn at_least(&mut self, day: Date, records: u64) {
        if self.older_before.is_none_or(|before| day >= before) {
            let count = self.days.entry(day).or_insert(0);
            *count = records.max(*count);
            self.fold();
        }
    }

    /// So many distinct records before the counted days were just seen to be on disk.
    pub fn at_least_older(&mut self, records: u64) {
        self.older = self.older.max(records);
    }

    /// The first day that is counted by itself.
    pub fn counted_from(&self) -> Date {
        self.older_before.unwrap_or(FIRST_DAY)
    }

    /// How many records of these days are on disk; `None` where the days are not counted one by one.
    pub fn records(&self, from: Date, to: Date) -> Option<u64> {
        if from > to {
            return Some(0);
        }
        let days: u64 = self.days.range(from..=to).map(|(_, count)| count).sum();
        match self.older_before {
            Some(before) if from < before => (from <= FIRST_DAY && to >= before).then_some(days + self.older),
            _ => Some(days),
        }
    }

    fn fold(&mut self) {
        while self.days.len() > DAYS {
            let Some((_, count)) = self.days.pop_first() else { return };
            self.older = self.older.saturating_add(count);
            self.older_before = self.days.first_key_value().map(|(day, _)| *day);
        }
    }

    /// Whether this is told for the first time; from now on it is not.
    pub fn first_time(&mut self, what: &str) -> bool {
        let what: String = what.chars().take(120).collect();
        if self.told.contains(&what) {
            return false;
        }
        if self.told.len() >= TOLD {
            self.told.pop_front();
        }
        self.told.push_back(what);
        true
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_beyond_the_counted_ones_stay_in_the_sum() {
        let mut memory = Memory::default();
        let first = date(2026, 1, 1);
        for day in 0..100 {
            memory.count(first + day.days());
        }
        assert_eq!(memory.records(FIRST_DAY, date(2026, 12, 31)), Some(100));
        assert_eq!(memory.records(date(2026, 4, 1), date(2026, 4, 2)), Some(2));
        assert_eq!(memory.records(date(2026, 1, 5), date(2026, 1, 6)), None);
    }

    #[test]
    fn the_cursor_comes_back_as_it_was_and_stays_small() {
        let mut memory = Memory::default();
        for number in 0..1000 {
            memory.count(date(2026, 1, 1) + (number % 365).days());
            memory.first_time(&format!("{number} {}", "x".repeat(300)));
        }
        let cursor = memory.cursor().unwrap();
        assert!(cursor.0.len() < 64 * 1024, "{}", cursor.0.len());
        assert_eq!(Memory::read(Some(cursor)), memory);
        assert_eq!(Memory::read(Some(Cursor("garbage".into()))), Memory::default());
    }
}
