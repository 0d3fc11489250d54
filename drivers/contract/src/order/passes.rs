//! From civil times to moments, also in an hour that the end of summer time repeats.
//!
//! The records of one such hour are passed in order: first those of the first pass, then those of the second. Where the dates fall back
//! inside the hour, the second pass began. If nothing tells where it began, every record that could belong to either is doubtful.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::{EARLIEST, Placed, Point, TOLERANCE_S, Written};
use crate::Doubt;

/// A record inside an hour that is passed twice.
#[derive(Clone, Copy, Debug)]
struct InFold {
    index: usize,
    civil: DateTime,
    first: Offset,
    second: Offset,
    /// What the record itself says.
    said: Option<Offset>,
}

/// The moments of all records that take part in the order, in its order. Writes down the offsets that are proven, and the doubts of
/// those that take no part.
pub(super) fn moments(
    records: &[Written],
    zone: &TimeZone,
    clock: Option<DateTime>,
    placed: &mut [Placed],
) -> Vec<Point> {
    let latest = clock.and_then(|clock| Some((clock, latest_moment(clock, zone)?)));
    let mut points = Vec::with_capacity(records.len());
    let mut folds: Vec<InFold> = Vec::new();
    for (index, (record, place)) in records.iter().zip(placed.iter_mut()).enumerate() {
        let Some(civil) = record.civil.filter(|civil| civil.date() >= EARLIEST) else { continue };
        let within = match (record.offset, zone.to_ambiguous_timestamp(civil).offset()) {
            (said, AmbiguousOffset::Fold { before, after }) => {
                folds.push(InFold { index, civil, first: before, second: after, said });
                said.unwrap_or(before)
            }
            (Some(said), _) => said,
            (None, AmbiguousOffset::Unambiguous { offset }) => offset,
            (None, AmbiguousOffset::Gap { before, .. }) => {
                place.doubt = Some(Doubt::SkippedHour);
                before
            }
        };
        let Some(second) = moment(civil, within) else { continue };
        if let Some((clock, _)) = latest.filter(|(_, latest)| second > latest + TOLERANCE_S) {
            place.doubt = Some(Doubt::AfterClock { clock });
            folds.pop_if(|fold| fold.index == index);
        } else if place.doubt.is_none() {
            points.push(Point { index, second });
        }
    }
    if !folds.is_empty() {
        settle(&folds, placed);
        points.retain_mut(|point| match folds.binary_search_by_key(&point.index, |fold| fold.index) {
            Err(_) => true,
            Ok(found) => {
                let offset = placed.get(point.index).and_then(|place| place.offset);
                let second = offset.and_then(|offset| moment(folds[found].civil, offset));
                point.second = second.unwrap_or(point.second);
                second.is_some()
            }
        });
    }
    points
}

fn moment(civil: DateTime, offset: Offset) -> Option<i64> {
    offset.to_timestamp(civil).ok().map(|moment| moment.as_second())
}

/// The latest moment that a clock which shows this can mean.
pub(super) fn latest_moment(clock: DateTime, zone: &TimeZone) -> Option<i64> {
    zone.to_ambiguous_timestamp(clock).later().ok().map(|moment| moment.as_second())
}

/// Tells the passes apart, one hour after the other.
fn settle(folds: &[InFold], placed: &mut [Placed]) {
    let hour = |fold: &InFold| -> (Date, Offset, Offset) { (fold.civil.date(), fold.first, fold.second) };
    let mut hours: Vec<_> = folds.iter().map(hour).collect();
    hours.sort_unstable();
    hours.dedup();
    for this in hours {
        let records: Vec<&InFold> = folds.iter().filter(|fold| hour(fold) == this).collect();
        for (record, pass) in records.iter().zip(passes(&records)) {
            let Some(place) = placed.get_mut(record.index) else { continue };
            match pass.or(record.said) {
                Some(offset) => place.offset = Some(offset),
                None => place.doubt = Some(Doubt::RepeatedHour),
            }
        }
    }
}

/// The offset of each record of one hour, where every place at which the second pass can have begun gives it the same.
fn passes(records: &[&InFold]) -> Vec<Option<Offset>> {
    // So many records belong to the first pass.
    let possible: Vec<usize> = (0..=records.len()).filter(|first| fits(records, *first)).collect();
    let (Some(least), Some(most)) = (possible.first(), possible.last()) else { return vec![None; records.len()] };
    let of = |(place, record): (usize, &&InFold)| match place {
        place if place < *least => Some(record.first),
        place if place >= *most => Some(record.second),
        _ => None,
    };
    records.iter().enumerate().map(of).collect()
}

/// Whether so many records can belong to the first pass and the others to the second.
fn fits(records: &[&InFold], first: usize) -> bool {
    let (one, two) = records.split_at(first);
    let rises = |part: &[&InFold]| {
        let falls = |pair: &[&InFold]| pair[0].civil.duration_since(pair[1].civil).as_secs() > TOLERANCE_S;
        !part.windows(2).any(falls)
    };
    let said = |part: &[&InFold], by: fn(&InFold) -> Offset| {
        part.iter().all(|record| record.said.is_none_or(|said| said == by(record)))
    };
    rises(one) && rises(two) && said(one, |record| record.first) && said(two, |record| record.second)
}
