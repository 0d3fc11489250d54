//! When a reading really happened: the one place that decides which clock is believed.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use punchd_contract::{Doubt, Happened, Origin, order};

use super::rules::{DeviceRules, WrongClock};
use super::verdict::{Decision, Reason};
use crate::clock::{Anchor, AnchorSource, BootId, BootNanos, Stamp, UnixMillis};

/// How close a live reading's corrected time must be to its arrival to prove the offset.
const LIVE_WITHIN: Duration = Duration::from_secs(15);
/// Two offsets that differ by no more than this are one offset: a second of resolution on either side, and drift.
const SAME_OFFSET_MS: u64 = 5_000;

/// What the journal knows about a terminal's clock around a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClockEvidence {
    /// The offset of the contact that brought the reading, terminal minus true time.
    pub offset_ms: Option<i64>,
    /// The contact before that one that knew the offset.
    pub before: Option<EarlierContact>,
    /// What the terminal's clock showed last, where that was in the reading's boot of the gateway.
    pub shown: Option<Shown>,
}

/// What a terminal's clock showed, also where the gateway did not know the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// By the terminal's clock.
    pub at: UnixMillis,
    /// The moment of the gateway's boot.
    pub boottime: BootNanos,
    /// That boot.
    pub boot: BootId,
}

/// An earlier contact with a known offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierContact {
    /// Terminal minus true time.
    pub offset_ms: i64,
    /// When it was, in true time.
    pub at_ms: i64,
}

/// A reading with its true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    /// Seconds since 1970 UTC.
    pub time_s: i64,
    /// How it was found.
    pub basis: Basis,
}

/// How a time was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The terminal's clock was within its tolerance, or its offset is not known.
    Terminal,
    /// The terminal's clock, corrected by a proven offset.
    TerminalCorrected,
    /// The gateway's clock as read.
    Gateway,
    /// The gateway's boot time and an anchor of that boot.
    Anchor,
    /// A person decided.
    Decision,
}

impl Basis {
    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::TerminalCorrected => "terminal_corrected",
            Self::Gateway => "gateway",
            Self::Anchor => "anchor",
            Self::Decision => "decision",
        }
    }

    /// From the word in the journal.
    pub(super) fn from_word(word: &str) -> Self {
        let all = [Self::TerminalCorrected, Self::Gateway, Self::Anchor, Self::Decision];
        all.into_iter().find(|basis| basis.word() == word).unwrap_or(Self::Terminal)
    }
}

/// Everything that dating looks at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the device said.
    pub happened: Happened,
    /// What makes it doubtful by the device's own evidence.
    pub doubt: Option<&'a Doubt>,
    /// How it came.
    pub origin: Origin,
    /// When it reached the agent.
    pub stamp: &'a Stamp,
    /// The device's rules.
    pub rules: &'a DeviceRules,
    /// The device's zone.
    pub zone: &'a TimeZone,
    /// The terminal's clock around it.
    pub clock: &'a ClockEvidence,
    /// The best anchor of the reading's boot.
    pub anchor: Option<&'a Anchor>,
    /// What a person decided.
    pub decision: Option<&'a Decision>,
}

/// Dates a reading, or says why it cannot be dated.
pub fn date(question: &Question<'_>) -> Result<Dated, Reason> {
    if let Some(Decision::At { time_s }) = question.decision {
        return Ok(Dated { time_s: *time_s, basis: Basis::Decision });
    }
    match (question.doubt, question.decision) {
        // Its arrival may tell what its order could not.
        (None | Some(Doubt::RepeatedHour | Doubt::SkippedHour), _) | (_, Some(_)) => {}
        (Some(doubt), None) => return Err(Reason::Doubtful { doubt: doubt.clone() }),
    }
    match question.happened {
        Happened::Impossible => Err(Reason::ImpossibleDate),
        Happened::Now => by_gateway(question),
        Happened::ByTerminal(civil) => by_terminal(question, civil, in_zone(question, civil)?),
        Happened::ByTerminalAt(civil, offset) => {
            by_terminal(question, civil, offset.to_timestamp(civil).map_err(|_| Reason::ImpossibleDate)?)
        }
    }
}

/// The moment that a civil time means. One that comes twice, or not at all, means the moment that its arrival proves; a person who
/// decides means the reading of the clock before the change.
fn in_zone(question: &Question<'_>, civil: DateTime) -> Result<Timestamp, Reason> {
    let Question { stamp, rules, clock, .. } = question;
    let moments = question.zone.to_ambiguous_timestamp(civil);
    let compatible = || moments.compatible().map_err(|_| Reason::ImpossibleDate);
    let (one, other, doubt) = match moments.offset() {
        AmbiguousOffset::Unambiguous { .. } => return compatible(),
        AmbiguousOffset::Fold { before, after } => (before, after, Doubt::RepeatedHour),
        AmbiguousOffset::Gap { before, after } => (before, after, Doubt::SkippedHour),
    };
    if question.decision.is_some() {
        return compatible();
    }
    let doubtful = Reason::Doubtful { doubt };
    let tolerance_ms = rules.clock_tolerance.as_millis() as u64;
    let right = clock.offset_ms.is_none_or(|offset| offset.unsigned_abs() <= tolerance_ms);
    if !(stamp.trusted(rules.trusted_within) && right) {
        return Err(doubtful);
    }
    let both = [one, other].map(|offset| offset.to_timestamp(civil).map_err(|_| Reason::ImpossibleDate));
    let [one, other] = both;
    let (one, other) = (one?, other?);
    let possible = |moment: &Timestamp| match question.origin {
        Origin::Live => moment.as_millisecond().abs_diff(stamp.wall.0) <= tolerance_ms,
        // Nothing is read before it was written.
        Origin::Log | Origin::Backfill => {
            doubtful == (Reason::Doubtful { doubt: Doubt::RepeatedHour })
                && moment.as_millisecond() <= stamp.wall.0.saturating_add_unsigned(tolerance_ms)
        }
    };
    match (possible(&one), possible(&other)) {
        (true, false) => Ok(one),
        (false, true) => Ok(other),
        _ => Err(doubtful),
    }
}

fn by_gateway(question: &Question<'_>) -> Result<Dated, Reason> {
    let Question { stamp, rules, anchor, .. } = question;
    let basis = |found| if question.decision.is_some() { Basis::Decision } else { found };
    if stamp.trusted(rules.trusted_within) {
        return Ok(Dated { time_s: stamp.wall.seconds(), basis: basis(Basis::Gateway) });
    }
    match anchor.and_then(|anchor| anchor.date(stamp)) {
        // What a person said counts however exactly they knew it: somebody had to decide.
        Some((time, _)) if anchor.is_some_and(|anchor| anchor.source == AnchorSource::Person) => {
            Ok(Dated { time_s: time.seconds(), basis: Basis::Decision })
        }
        Some((time, bound)) if bound <= rules.trusted_within => {
            Ok(Dated { time_s: time.seconds(), basis: basis(Basis::Anchor) })
        }
        _ => Err(Reason::ClockUntrusted),
    }
}

fn by_terminal(question: &Question<'_>, civil: DateTime, recorded: Timestamp) -> Result<Dated, Reason> {
    let Question { clock, .. } = question;
    let recorded_ms = recorded.as_millisecond();
    let as_recorded = Dated { time_s: recorded.as_second(), basis: Basis::Terminal };
    let corrected =
        |offset_ms: i64| Dated { time_s: (recorded_ms - offset_ms).div_euclid(1000), basis: Basis::TerminalCorrected };
    match question.decision {
        Some(Decision::AsRecorded) => return Ok(Dated { basis: Basis::Decision, ..as_recorded }),
        Some(Decision::Corrected) => {
            return Ok(Dated { basis: Basis::Decision, ..corrected(clock.offset_ms.unwrap_or(0)) });
        }
        Some(Decision::Shifted { offset_ms }) => {
            return Ok(Dated { basis: Basis::Decision, ..corrected(offset_ms.saturating_neg()) });
        }
        _ => {}
    }
    if let Some(clock) = later_than_its_clock(question, recorded_ms) {
        return Err(Reason::Doubtful { doubt: Doubt::AfterClock { clock } });
    }
    let dated = by_its_offset(question, recorded_ms, as_recorded, corrected)?;
    // A clock that lost its time shows a date like any other. What is corrected is measured by what it is corrected to.
    let day = if dated.basis == Basis::Terminal {
        civil.date()
    } else {
        TimeZone::UTC.to_datetime(UnixMillis(dated.time_s.saturating_mul(1000)).timestamp()).date()
    };
    if day < order::EARLIEST {
        Err(Reason::TooEarly { before: order::EARLIEST })
    } else {
        not_in_the_future(dated, question)
    }
}

/// What the terminal's clock showed when the reading came, where that is earlier than what the reading says.
fn later_than_its_clock(question: &Question<'_>, recorded_ms: i64) -> Option<DateTime> {
    let shown = question.clock.shown.as_ref().filter(|shown| shown.boot == question.stamp.boot)?;
    let since_ms = question.stamp.boottime.0.saturating_sub(shown.boottime.0).max(0).div_euclid(1_000_000);
    let showed_ms = shown.at.0.saturating_add(since_ms);
    let tolerance_ms = question.rules.clock_tolerance.as_millis() as i64;
    let later = recorded_ms > showed_ms.saturating_add(tolerance_ms);
    later.then(|| question.zone.to_datetime(UnixMillis(showed_ms.div_euclid(1000).saturating_mul(1000)).timestamp()))
}

fn by_its_offset(
    question: &Question<'_>,
    recorded_ms: i64,
    as_recorded: Dated,
    corrected: impl Fn(i64) -> Dated,
) -> Result<Dated, Reason> {
    let Question { stamp, rules, clock, .. } = question;
    let trusted = stamp.trusted(rules.trusted_within);
    let tolerance_ms = rules.clock_tolerance.as_millis() as u64;
    let Some(offset_ms) = clock.offset_ms else { return Ok(as_recorded) };
    if offset_ms.unsigned_abs() <= tolerance_ms {
        // Right now; but if it was wrong at the contact before, somebody set it since, and a reading from between may be from
        // either side of that.
        if let Some(before) = clock.before
            && rules.wrong_clock == WrongClock::Hold
            && before.offset_ms.unsigned_abs() > tolerance_ms
            && question.origin != Origin::Live
            && recorded_ms > before.at_ms.min(before.at_ms + before.offset_ms)
        {
            return Err(Reason::TerminalClockChanged { before_ms: before.offset_ms, now_ms: offset_ms });
        }
        return Ok(as_recorded);
    }
    match rules.wrong_clock {
        WrongClock::AsRecorded => Ok(as_recorded),
        WrongClock::Correct => Ok(corrected(offset_ms)),
        WrongClock::Hold => {
            let arrived_then = (recorded_ms - offset_ms).abs_diff(stamp.wall.0) <= LIVE_WITHIN.as_millis() as u64;
            let live = question.origin == Origin::Live && trusted && arrived_then;
            let steady = clock.before.is_some_and(|before| {
                before.offset_ms.abs_diff(offset_ms) <= SAME_OFFSET_MS && recorded_ms - offset_ms >= before.at_ms
            });
            if live || steady { Ok(corrected(offset_ms)) } else { Err(Reason::TerminalClock { offset_ms }) }
        }
    }
}

/// A reading cannot be from later than its arrival, as far as the gateway knows the time.
fn not_in_the_future(dated: Dated, question: &Question<'_>) -> Result<Dated, Reason> {
    let trusted = question.stamp.trusted(question.rules.trusted_within);
    let latest_ms = question.stamp.wall.0.saturating_add(question.rules.clock_tolerance.as_millis() as i64);
    if trusted && dated.time_s.saturating_mul(1000) > latest_ms { Err(Reason::Future) } else { Ok(dated) }
}

#[cfg(test)]
mod tests;
