//! Records among their neighbours: what their order and their arrival tell of their dates.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset};
use punchd_contract::order::{Placed, Written};
use punchd_contract::{Doubt, Happened, Occurrences, Origin, Reading};

use super::live_clock::Came;
use super::terminal::{Taken, Terminal};

/// A record at most this far from the gateway's time came as it happened.
const LIVE_S: i64 = 300;

/// How far in the future a pass of a repeated hour may lie and still be the one that is meant.
const FUTURE_S: i64 = 60;

/// A record before its neighbours were looked at.
pub(super) struct Draft {
    /// As its line says.
    pub reading: Reading,
    /// What makes it the same record when it comes again.
    pub content: String,
    /// Its date, for the order.
    pub written: Written,
}

impl Terminal {
    /// Looks at the records among their neighbours, and makes readings of them.
    pub(super) fn place(&self, drafts: Vec<Draft>, live: bool, doubt: Option<Doubt>, taken: &mut Taken) {
        let placed = self.in_order(&drafts);
        let now = self.port.now();
        let trusted = now.bound.map(|_| now.utc);
        let (alone, fetching) = (drafts.len() == 1, self.state().survey.fetching().is_some());
        self.backlog(&drafts, trusted);
        let mut occurrences = Occurrences::new();
        for (draft, placed) in drafts.into_iter().zip(placed) {
            let Draft { mut reading, mut content, written } = draft;
            let pass =
                written.civil.filter(|_| written.offset.is_none()).and_then(|civil| self.pass(civil, &placed, trusted));
            if let Some(pass) = &pass {
                match pass {
                    Pass::First(offset) => reading.happened = at(reading.happened, *offset),
                    Pass::Second(offset) => {
                        reading.happened = at(reading.happened, *offset);
                        content.push_str("|2");
                    }
                    Pass::Untold => reading.doubt = reading.doubt.or(Some(Doubt::RepeatedHour)),
                }
            }
            let by_order = placed.doubt.filter(|doubt| pass.is_none() || *doubt != Doubt::RepeatedHour);
            reading.doubt = reading.doubt.or(by_order).or_else(|| doubt.clone());
            let recorded = self.recorded(reading.happened);
            let told = match (recorded, trusted) {
                (Some(recorded), Some(now)) if alone && live && !fetching => {
                    Some(self.state().live_clock.came(Came::Alone, recorded, now))
                }
                _ => None,
            };
            let live = match (told, recorded, trusted) {
                (Some(told), ..) => told.live,
                (None, Some(recorded), Some(now)) => now.duration_since(recorded).as_secs().abs() <= LIVE_S,
                _ => false,
            };
            reading.origin = self.origin(&reading, live);
            if let Some(by_s) = told.and_then(|told| told.late_s) {
                reading.doubt = reading.doubt.or(Some(Doubt::Late { by_s }));
            }
            reading.key = Some(occurrences.key(content));
            taken.readings.push(reading);
        }
        if taken.clock.is_none()
            && let Some(now) = trusted
        {
            taken.clock = self.state().live_clock.shown(now);
        }
    }

    /// What the order of these records tells, and of those that came before them.
    fn in_order(&self, drafts: &[Draft]) -> Vec<Placed> {
        let mut state = self.state();
        // The answer to a question of ours is no part of what the terminal sends by itself.
        let asked = state.survey.fetching().is_some();
        if asked {
            state.trail.end();
        }
        let placed = state.trail.place(drafts, &self.zone);
        if asked {
            state.trail.end();
        }
        placed
    }

    /// Several records at once, some of them old, are a backlog: what comes with them and before says nothing of the clock.
    fn backlog(&self, drafts: &[Draft], trusted: Option<Timestamp>) {
        let Some(now) = trusted else { return };
        let old = |draft: &Draft| {
            self.recorded(draft.reading.happened).is_some_and(|at| now.duration_since(at).as_secs() > LIVE_S)
        };
        let fetching = self.state().survey.fetching().is_some();
        if fetching || (drafts.len() > 1 && drafts.iter().any(old)) {
            self.state().live_clock.begins_anew(now);
        }
    }

    /// Doors tell the terminal's time of that moment.
    pub(super) fn state_of_doors(&self, civil: jiff::civil::DateTime) -> Option<punchd_contract::ClockShown> {
        let now = self.port.now();
        now.bound?;
        let recorded = self.zone.to_timestamp(civil).ok()?;
        self.state().live_clock.came(Came::Now, recorded, now.utc).shown
    }

    /// When a record happened by its terminal's clock, taken in the device's zone.
    fn recorded(&self, happened: Happened) -> Option<Timestamp> {
        match happened {
            Happened::ByTerminal(civil) => self.zone.to_timestamp(civil).ok(),
            Happened::ByTerminalAt(civil, offset) => offset.to_timestamp(civil).ok(),
            Happened::Impossible | Happened::Now => None,
        }
    }

    fn origin(&self, reading: &Reading, live: bool) -> Origin {
        let Some(civil) = reading.happened.civil() else { return Origin::Log };
        if self.state().survey.fetching().is_some_and(|period| period.has(civil.date())) {
            return Origin::Backfill;
        }
        if live { Origin::Live } else { Origin::Log }
    }

    /// Which pass of an hour that the end of summer time repeats is meant. `None`: it is no such hour.
    fn pass(&self, civil: jiff::civil::DateTime, placed: &Placed, trusted: Option<Timestamp>) -> Option<Pass> {
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(civil).offset() else {
            return None;
        };
        if let Some(offset) = placed.offset {
            return Some(if offset == after { Pass::Second(offset) } else { Pass::First(offset) });
        }
        let now = trusted?;
        let (first, second) = (before.to_timestamp(civil).ok()?, after.to_timestamp(civil).ok()?);
        // What has not been yet cannot be meant.
        if second.as_second() > now.as_second() + FUTURE_S {
            return Some(Pass::First(before));
        }
        let just_now = now.duration_since(second).as_secs().abs() <= LIVE_S;
        let in_touch = self.state().live_clock.in_touch_since().is_some_and(|since| since <= first);
        Some(if just_now && in_touch { Pass::Second(after) } else { Pass::Untold })
    }
}

/// Which pass of a repeated hour.
enum Pass {
    First(Offset),
    Second(Offset),
    Untold,
}

fn at(happened: Happened, offset: Offset) -> Happened {
    happened.civil().map_or(happened, |civil| Happened::ByTerminalAt(civil, offset))
}
