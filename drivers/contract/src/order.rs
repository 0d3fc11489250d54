//! What a terminal's own order tells of its dates: a record that does not fit between its neighbours was written while the clock
//! was wrong.
//!
//! A terminal appends to its log as things happen, so its order is evidence that its dates are not. Whoever reads several records in
//! that order (a whole log, the lines of one upload) asks here, once for all of them, and hands the answers over with the readings.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::Doubt;

/// How far a record may be behind the one before it: clocks are adjusted by seconds every day.
const TOLERANCE_S: i64 = 60;

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

/// Places records among their neighbours. `records` are all of the terminal's order that is known, oldest first; `clock` is what the
/// terminal's clock showed when it handed them over.
pub fn place(records: &[Written], zone: &TimeZone, clock: Option<DateTime>) -> Vec<Placed> {
    let mut latest: Option<(Timestamp, DateTime)> = None;
    let mut placed = Vec::with_capacity(records.len());
    for record in records {
        let Some(civil) = record.civil else {
            placed.push(Placed::default());
            continue;
        };
        let after_clock = clock.filter(|clock| civil.duration_since(*clock).as_secs() > TOLERANCE_S);
        let at = match record.offset {
            Some(offset) => offset.to_timestamp(civil).ok(),
            None => zone.to_timestamp(civil).ok(),
        };
        let doubt = match (after_clock, at, latest) {
            (Some(clock), ..) => Some(Doubt::AfterClock { clock }),
            (None, Some(at), Some((last, than))) if last.as_second() - at.as_second() > TOLERANCE_S => {
                Some(Doubt::Behind { than })
            }
            _ => None,
        };
        if doubt.is_none() {
            latest = at.map(|at| (at, civil)).filter(|(at, _)| latest.is_none_or(|(last, _)| last < *at)).or(latest);
        }
        placed.push(Placed { offset: record.offset, doubt });
    }
    placed
}
