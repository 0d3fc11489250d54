//! Records that contradict each other: which side is doubtful.
//!
//! At the first record that is behind, two groups stand against each other: those that follow and are behind (`behind`), and those
//! before them that are later than the first of these (`ahead`). One group was written at a false time, and three things tell which:
//! how many records each has, whether `behind` goes on smoothly from the record before `ahead`, and whether the order goes on from
//! `ahead` or from `behind` afterwards.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Point, Side, TOLERANCE_S};

/// The order goes on smoothly where it pauses for no longer than this: a week-end with holidays around it.
const SMOOTH_S: i64 = 10 * 86_400;
/// So many times more records than the other side has are clearly more.
const CLEARLY: usize = 2;
/// Clocks that ran ahead, in one log. A log with more of them is no evidence of which side is right; and each costs another look.
const MOST_AHEAD: usize = 64;

/// The doubtful points by their places, each with one that it contradicts. `now` is the terminal's clock.
pub(super) fn doubts(points: &[Point], now: Option<i64>) -> BTreeMap<usize, Side> {
    let mut found = BTreeMap::new();
    let mut latest: Option<usize> = None;
    let (mut place, mut clear) = (0, 0);
    while let Some(point) = points.get(place) {
        let Some(of) = latest.filter(|latest| points[*latest].second - point.second > TOLERANCE_S) else {
            latest = latest.filter(|latest| points[*latest].second > point.second).or(Some(place));
            place += 1;
            continue;
        };
        let contradiction = Contradiction::at(points, place, of, &found);
        match contradiction.judge(points, now) {
            Doubtful::Ahead if clear < MOST_AHEAD => {
                clear += 1;
                found.extend(contradiction.ahead.iter().map(|ahead| (*ahead, Side::Ahead(place))));
                // What follows is looked at again, as if these were not there.
                latest = contradiction.before;
                continue;
            }
            Doubtful::Behind => {}
            Doubtful::Ahead | Doubtful::Both => {
                found.extend(contradiction.ahead.iter().map(|ahead| (*ahead, Side::Ahead(place))));
            }
        }
        found.extend(contradiction.behind.clone().map(|behind| (behind, Side::Behind(of))));
        place = contradiction.behind.end;
    }
    found
}

/// Two groups of points that cannot both be right.
struct Contradiction {
    behind: Range<usize>,
    /// How many of them come before the dates have reached the time of those ahead again.
    until_reached: usize,
    /// By how much the dates fell back at most.
    fell: i64,
    /// At most one more than [`CLEARLY`] times as many as are behind; then there are clearly more of them.
    ahead: Vec<usize>,
    /// The last point before those that are ahead.
    before: Option<usize>,
}

enum Doubtful {
    Behind,
    Ahead,
    Both,
}

impl Contradiction {
    /// From the first point that is behind, and the one that it is behind of.
    fn at(points: &[Point], first: usize, of: usize, known: &BTreeMap<usize, Side>) -> Self {
        let latest = points[of].second;
        let (mut end, mut fell, mut last) = (first, 0, points[first].second);
        let mut reached = None;
        for point in &points[first..] {
            let jumped = point.second.saturating_sub(last) >= fell - TOLERANCE_S;
            if latest - point.second <= TOLERANCE_S {
                reached = reached.or(Some(end));
                if jumped {
                    break;
                }
            }
            fell = fell.max(latest - point.second);
            last = point.second;
            end += 1;
        }
        let behind = first..end;
        let lowest = points[first].second;
        let most = CLEARLY * behind.len() + 1;
        let mut earlier = (0..first).rev().filter(|place| !known.contains_key(place)).peekable();
        let mut ahead = Vec::new();
        while ahead.len() < most
            && let Some(place) = earlier.next_if(|place| points[*place].second > lowest + TOLERANCE_S)
        {
            ahead.push(place);
        }
        let until_reached = reached.unwrap_or(end) - first;
        Self { behind, until_reached, fell, before: earlier.next().filter(|_| ahead.len() < most), ahead }
    }

    /// Whether nobody can have set the clock forward since by as much as the dates fell back, up to `now`: then, if the clock is right
    /// now, it was right ever since the dates fell back.
    fn never_set_right(&self, points: &[Point], now: Option<i64>) -> bool {
        let since = points[self.behind.start..].iter().map(|point| point.second);
        let moments: Vec<i64> = since.chain(now).collect();
        now.is_some() && moments.windows(2).all(|pair| pair[1] - pair[0] < self.fell - TOLERANCE_S)
    }

    fn judge(&self, points: &[Point], now: Option<i64>) -> Doubtful {
        let second = |place: usize| points[place].second;
        let (behind, ahead) = (self.behind.len(), self.ahead.len());
        let highest = self.ahead.iter().map(|place| second(*place)).max().unwrap_or(i64::MIN);
        let after = points.get(self.behind.end).map(|point| point.second);
        let goes_on_from_before =
            self.before.is_some_and(|before| second(self.behind.start) - second(before) <= SMOOTH_S);
        if goes_on_from_before {
            return match () {
                () if self.until_reached > CLEARLY * ahead && self.never_set_right(points, now) => Doubtful::Ahead,
                () if ahead <= CLEARLY * behind => Doubtful::Both,
                () => Doubtful::Behind,
            };
        }
        let last = second(self.behind.end - 1);
        // The time that those behind took, has passed between the two as well.
        let took = last - second(self.behind.start);
        let goes_on_from_ahead = after.is_some_and(|next| {
            next - last >= self.fell - TOLERANCE_S && (-TOLERANCE_S..=SMOOTH_S).contains(&(next - highest - took))
        });
        if behind > ahead && !goes_on_from_ahead { Doubtful::Both } else { Doubtful::Behind }
    }
}
