//! What a terminal's own order tells of its dates: a record that does not fit between its neighbours was written while the clock
//! was wrong.
//!
//! A terminal appends to its log as things happen, so its order is evidence that its dates are not. Whoever reads several records in
//! that order (a whole log, the lines of one upload) asks here, once for all of them, and hands the answers over with the readings.
//!
//! The rules:
//!
//! 1. A record without a date, one that is dated after the terminal's own clock, and one from before [`EARLIEST`] say nothing of
//!    their neighbours. In an hour that is passed twice the order tells which pass a record belongs to, or nothing does
//!    ([`passes`]).
//! 2. A record that is earlier than one before it by more than [`TOLERANCE_S`] is *behind*, and with it the whole run that follows at
//!    that false time: until the dates jump forward by at least as much as they fell back. A clock that was reset and set right later
//!    shows exactly this.
//! 3. A clock that ran ahead for a while makes everything after it look behind. So the records that are contradicted are looked at
//!    as well: if what follows goes on smoothly from the record before them, is clearly more, and goes on to the terminal's clock as
//!    just read without a pause in which it could have been set right, then they are *ahead* and what follows is right
//!    ([`contradiction`]).
//! 4. Where neither is clear, both sides of a contradiction are doubtful.
//!
//! What order alone cannot show: a clock that was wrong without ever contradicting a neighbour (set back by less than the pause before
//! the next record, or wrong from the first record to the last). The comparison of clocks at every contact is for that.

mod contradiction;
mod passes;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::{Offset, TimeZone};

use crate::Doubt;

/// How far a record may be behind the one before it: clocks are adjusted by seconds every day.
pub const TOLERANCE_S: i64 = 60;

/// No punch of this gateway can be older. Clocks of terminals begin in 1970, 2000 or 2010 when their battery was empty; the oldest
/// record of a terminal with an 8-byte log that was published is of 2016 (facts: pyzk #99).
pub const EARLIEST: Date = date(2012, 1, 1);

/// The date of a record, in the terminal's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// What the clock showed; `None` where that is no date.
    pub civil: Option<DateTime>,
    /// How far the clock was ahead of UTC, where the record says so itself.
    pub offset: Option<Offset>,
}

/// What the order tells of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// How far the clock was ahead of UTC: as the record says, or, in an hour that is passed twice, as its neighbours prove.
    pub offset: Option<Offset>,
    /// Why its date does not fit.
    pub doubt: Option<Doubt>,
}

/// On which side of a contradiction a record stands, and the place of one on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Behind(usize),
    Ahead(usize),
}

/// A record that takes part in the order: its place, and its moment in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    index: usize,
    second: i64,
}

/// Places records among their neighbours. `records` are all of the terminal's order that is known, oldest first; `clock` is what the
/// terminal's clock showed when it handed them over; without it less is certain.
pub fn place(records: &[Written], zone: &TimeZone, clock: Option<DateTime>) -> Vec<Placed> {
    let mut placed: Vec<Placed> = records.iter().map(|record| Placed { offset: record.offset, doubt: None }).collect();
    let points = passes::moments(records, zone, clock, &mut placed);
    let civil = |place: usize| points.get(place).and_then(|point| records.get(point.index)?.civil);
    let now = clock.and_then(|clock| passes::latest_moment(clock, zone));
    for (place, found) in contradiction::doubts(&points, now) {
        let doubt = match found {
            Side::Behind(of) => civil(of).map(|than| Doubt::Behind { than }),
            Side::Ahead(of) => civil(of).map(|than| Doubt::Ahead { than }),
        };
        if let Some(one) = points.get(place).and_then(|point| placed.get_mut(point.index)) {
            one.doubt = doubt;
        }
    }
    placed
}

/// The same for records that came together, whichever end of the log they were sent from: those that go backwards all the way are a log
/// that begins with the newest. Where the terminal's `clock` is not known, what is dated later than `now`, as far as the gateway knows
/// the time, says nothing of the others: it is judged by that alone.
pub fn place_body(
    records: &[Written],
    zone: &TimeZone,
    clock: Option<DateTime>,
    now: Option<Timestamp>,
) -> Vec<Placed> {
    let latest = now.filter(|_| clock.is_none()).map(|now| now.as_second().saturating_add(TOLERANCE_S));
    let to_come = |record: &Written| {
        let moment = record.civil.and_then(|civil| match record.offset {
            Some(offset) => offset.to_timestamp(civil).ok(),
            None => zone.to_ambiguous_timestamp(civil).earlier().ok(),
        });
        moment.zip(latest).is_some_and(|(moment, latest)| moment.as_second() > latest)
    };
    let in_order = |record: &Written| if to_come(record) { Written { civil: None, ..*record } } else { *record };
    let mut records: Vec<Written> = records.iter().map(in_order).collect();
    let dated: Vec<DateTime> = records.iter().filter_map(|record| record.civil).collect();
    let backwards = dated.len() > 2 && dated.is_sorted_by(|one, next| one > next);
    if !backwards {
        return place(&records, zone, clock);
    }
    records.reverse();
    let mut placed = place(&records, zone, clock);
    placed.reverse();
    placed
}
