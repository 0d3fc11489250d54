//! What a terminal's own order tells of its dates: a record that does not fit between its neighbours was written while the clock
//! was wrong.
//!
//! A terminal appends to its log as things happen, so its order is evidence that its dates are not. Whoever reads several records in
//! that order (a whole log, the lines of one upload) asks here, once for all of them, and hands the answers over with the readings.
//!
//! The rules:
//!
//! 1. A record without a date, one that is dated after the terminal's own clock, and one from before [`EARLIEST`] say nothing of
//!    their neighbours. In an hour that is passed twice the order tells which pass a record belongs to, or nothing does ([`passes`]).
//! 2. Where a record is earlier than the latest one before it by more than [`TOLERANCE_S`], the clock was set back by at least that
//!    much, the *depth*. There are two explanations: what follows is false, until the clock is set right again; or the clock had been
//!    set ahead before, and now it is right.
//! 3. Either leaves a trace: a step forward about as large as the depth, after the fall where what follows is false, before it where
//!    the clock had been ahead. Without its trace an explanation is ruled out, and the other one holds: *behind* are then the records
//!    from the fall up to where the dates have caught up, *ahead* those before the fall that are later than it.
//! 4. With both traces the one is taken that leaves a much shorter pause where the false records are taken out. Where the trace cannot
//!    be seen (the log begins after the date, or ends before the dates have caught up), the many count against the few. Else both
//!    sides are doubtful.
//!
//! What order alone cannot show: a clock that was wrong without ever contradicting a neighbour (set back by less than the pause before
//! the next record, wrong from the first record to the last), and where in a long pause a false time ended. The comparison of clocks
//! at every contact is for that.

mod passes;
#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime, date};
use jiff::tz::{Offset, TimeZone};

use crate::Doubt;

/// How far a record may be behind the one before it: clocks are adjusted by seconds every day.
pub const TOLERANCE_S: i64 = 60;

/// No terminal that is read here has a true record from before this day. Clocks begin in 1970, 2000 or 2010 when their battery was
/// empty, and run on from there for months; the oldest log of a terminal that was published is of 2016 (pyzk #99).
pub const EARLIEST: Date = date(2012, 1, 1);

/// Records that are looked at twice, for each record: a log that needs more is in no order at all.
const LOOKS: usize = 64;
/// The side with so many times more records is believed where no trace can be seen.
const MANY: usize = 3;
/// A pause counts as much shorter if it is so many times shorter.
const SHORTER: i64 = 4;

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

/// A record that takes part in the order: its place, and its moment in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    index: usize,
    second: i64,
}

/// Places records among their neighbours. `records` are all of the terminal's order that is known, oldest first; `clock` is what the
/// terminal's clock showed when it handed them over.
pub fn place(records: &[Written], zone: &TimeZone, clock: Option<DateTime>) -> Vec<Placed> {
    let mut placed: Vec<Placed> = records.iter().map(|record| Placed { offset: record.offset, doubt: None }).collect();
    let points = passes::moments(records, zone, clock, &mut placed);
    if in_order(&points) {
        return placed;
    }
    let end = clock.and_then(|clock| passes::latest_moment(clock, zone));
    for (point, contradiction) in contradictions(&points, end) {
        let civil = |point: Point| records.get(point.index).and_then(|record| record.civil);
        let doubt = match contradiction {
            Contradiction::Behind(than) => civil(than).map(|than| Doubt::Behind { than }),
            Contradiction::Ahead(than) => civil(than).map(|than| Doubt::Ahead { than }),
        };
        if let Some(one) = placed.get_mut(point.index) {
            one.doubt = one.doubt.take().or(doubt);
        }
    }
    placed
}

fn in_order(points: &[Point]) -> bool {
    let mut latest = i64::MIN;
    points.iter().all(|point| {
        latest = latest.max(point.second);
        point.second.saturating_add(TOLERANCE_S) >= latest
    })
}

/// How a record contradicts another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contradiction {
    Behind(Point),
    Ahead(Point),
}

/// What is known of the trace that an explanation of a fall must have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    Seen,
    Absent,
    Unknown,
}

/// Every record that contradicts another one. `end` is what the clock showed after all of them.
fn contradictions(points: &[Point], end: Option<i64>) -> Vec<(Point, Contradiction)> {
    let mut found = Vec::new();
    // Those that are in order so far; their seconds never fall by more than the tolerance.
    let mut kept: Vec<Point> = Vec::new();
    let mut looks = points.len().saturating_mul(LOOKS);
    let mut next = 0;
    while let Some(point) = points.get(next).copied() {
        let latest = kept.last().copied().filter(|latest| latest.second - TOLERANCE_S > point.second);
        let Some(latest) = latest else {
            // A little behind is in order, and does not lower what the next one is compared with.
            if kept.last().is_none_or(|last| last.second <= point.second) {
                kept.push(point);
            }
            next += 1;
            continue;
        };
        let rest = points.get(next..).unwrap_or_default();
        if looks == 0 {
            found.extend(rest.iter().map(|point| (*point, Contradiction::Behind(latest))));
            break;
        }
        let fall = Fall::look(&kept, latest, point, rest, end);
        looks = looks.saturating_sub(fall.run);
        let (ahead, behind) = fall.false_sides();
        if ahead {
            let later = kept.split_off(fall.right);
            found.extend(later.into_iter().map(|later| (later, Contradiction::Ahead(point))));
        }
        if behind {
            found.extend(rest.iter().take(fall.run).map(|point| (*point, Contradiction::Behind(latest))));
            next += fall.run;
        } else {
            kept.push(point);
            next += 1;
        }
    }
    found
}

/// A place where the dates fall back.
#[derive(Debug)]
struct Fall {
    /// So many of those that were in order are not later than it.
    right: usize,
    /// So many that were in order are later than it.
    later: usize,
    /// So many records follow until the dates have caught up.
    run: usize,
    set_ahead: Trace,
    set_right: Trace,
    /// The pause that is left when those before it are taken out, and when those after it are.
    pauses: (Option<i64>, Option<i64>),
}

impl Fall {
    fn look(kept: &[Point], latest: Point, fallen: Point, rest: &[Point], end: Option<i64>) -> Self {
        let depth = latest.second - fallen.second;
        let step = depth / 4 * 3 - TOLERANCE_S;
        let right = kept.partition_point(|point| point.second <= fallen.second + TOLERANCE_S);
        let last_right = right.checked_sub(1).and_then(|place| kept.get(place)).copied();
        let (before, after) = (kept.get(right.saturating_sub(1)..).unwrap_or_default(), rest);
        let large = |points: &[Point]| points.windows(2).any(|pair| pair[1].second - pair[0].second >= step);
        let set_ahead = match (large(before), last_right) {
            (true, _) => Trace::Seen,
            (false, Some(_)) => Trace::Absent,
            (false, None) => Trace::Unknown,
        };
        // A clock that is set right shows at least as much more than when it was set back.
        let caught_up = |pair: &[Point]| {
            pair[1].second >= latest.second - TOLERANCE_S
                || (pair[1].second - pair[0].second >= depth - TOLERANCE_S && pair[1].second >= latest.second)
        };
        let run = after.windows(2).position(caught_up).map_or(after.len(), |place| place + 1);
        let next = after.get(run).copied();
        let set_right = match (large(after.get(..=run).unwrap_or(after)), next, after.last(), end) {
            (true, ..) => Trace::Seen,
            (false, Some(_), ..) => Trace::Absent,
            (false, None, Some(last), Some(end)) if end - last.second < step => Trace::Absent,
            _ => Trace::Unknown,
        };
        let pauses =
            (last_right.map(|right| fallen.second - right.second), next.map(|next| next.second - latest.second));
        Self { right, later: kept.len() - right, run, set_ahead, set_right, pauses }
    }

    /// Whether those before it are doubtful, and whether those after it are.
    fn false_sides(&self) -> (bool, bool) {
        use Trace::{Absent, Seen, Unknown};
        let (ahead, behind) = ((true, false), (false, true));
        match (self.set_ahead, self.set_right) {
            (Absent, Absent) => (true, true),
            (_, Absent) => ahead,
            (Absent, _) | (Unknown, Seen) => behind,
            (Seen, Seen) => match self.pauses {
                (Some(without), Some(with)) if with.saturating_mul(SHORTER) <= without => behind,
                (Some(without), Some(with)) if without.saturating_mul(SHORTER) <= with => ahead,
                _ => (true, true),
            },
            _ if self.later >= MANY * self.run => behind,
            _ if self.run >= MANY * self.later && self.set_ahead == Seen => ahead,
            _ => (true, true),
        }
    }
}
