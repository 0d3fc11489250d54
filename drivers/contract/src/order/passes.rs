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
    /// Its place among those with a date.
    place: usize,
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
                folds.push(InFold { index, place: points.len(), civil, first: before, second: after, said });
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
    let falls = |pair: &[&InFold]| pair[0].civil.duration_since(pair[1].civil).as_secs() > TOLERANCE_S;
    let says = |record: &InFold, by: Offset| record.said.is_none_or(|said| said == by);
    // Something else was written between them: the clock was set, and their order proves nothing.
    let apart = |pair: &[&InFold]| pair[1].place != pair[0].place + 1;
    if records.windows(2).any(apart) {
        return vec![None; records.len()];
    }
    // So many from the front can be the first pass, and so many from the back the second one.
    let front = records.windows(2).position(falls).map_or(records.len(), |place| place + 1);
    let front = records.iter().take(front).take_while(|record| says(record, record.first)).count();
    let back = records.windows(2).rposition(falls).map_or(0, |place| place + 1);
    let back =
        records.iter().rposition(|record| !says(record, record.second)).map_or(back, |place| back.max(place + 1));
    records
        .iter()
        .enumerate()
        .map(|(place, record)| match place {
            _ if back > front => None,
            place if place < back => Some(record.first),
            place if place >= front => Some(record.second),
            _ => None,
        })
        .collect()
}
