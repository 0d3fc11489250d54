//! Learning the time from a terminal whose clock was checked: the rule, and what it needs of the journal.
//!
//! A gateway that boots without time and network still meets its terminals, whose clocks a battery keeps. At every contact while
//! the gateway knew the time, the terminal's offset was written down; its clock minus that offset is true time, as far as the
//! clock went on undisturbed. So:
//!
//! * It is the same terminal: the serial number is the one of those contacts.
//! * Its clock was steady: the last offset and every one back to the newest that is at least [`STEADY_FOR`] older agree to within
//!   two seconds of resolution and [`TERMINAL_PPM`] of the time between them. A clock that was set in between proves nothing.
//! * It did not fall back: it shows no less than it did at the last of those contacts. (A dead battery starts at the beginning.)
//! * The bound is that of the offset, a second of resolution at either end, and [`TERMINAL_PPM`] of the time since; so a bound of
//!   30 seconds lasts for three days.
//!
//! What this cannot see is somebody setting the terminal forward between the last contact and this one. Everything else that
//! knows the time therefore has a smaller bound and takes its place as soon as it is there.

use std::time::Duration;

use punchd_contract::SerialNumber;
use rusqlite::Connection;

use crate::clock::{Anchor, AnchorSource, BootId, UnixMillis};
use crate::journal::{ClockCompared, DeviceId, JournalError};

/// How long a terminal's clock must have been seen to go steadily.
const STEADY_FOR: Duration = Duration::from_secs(3600);
/// How fast a terminal's clock may drift, in parts per million: nine seconds a day.
const TERMINAL_PPM: u64 = 100;
/// Terminals count whole seconds.
const RESOLUTION: Duration = Duration::from_secs(1);
/// Offsets that are looked at; a terminal that needs more to show an hour of steadiness is not one to learn from.
const LOOKED_AT: i64 = 500;

/// A contact at which both clocks were known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Checked {
    shown_ms: i64,
    offset_ms: i64,
    bound: Duration,
}

impl Checked {
    fn true_ms(&self) -> i64 {
        self.shown_ms.saturating_sub(self.offset_ms)
    }
}

/// True time by this terminal, if the rule lets it tell.
pub(super) fn anchor(
    sql: &Connection,
    device: DeviceId,
    serial: &SerialNumber,
    boot: BootId,
    compared: ClockCompared,
) -> Result<Option<Anchor>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT shown_ms, clock_offset_ms, offset_bound_ms FROM contact
          WHERE device = ?1 AND serial = ?2 AND clock_offset_ms IS NOT NULL AND shown_ms IS NOT NULL AND offset_bound_ms IS NOT NULL
          ORDER BY contact DESC LIMIT ?3",
    )?;
    let checked = select.query_map((device, serial.as_str(), LOOKED_AT), |row| {
        let bound = Duration::from_millis(row.get::<_, i64>(2)?.unsigned_abs());
        Ok(Checked { shown_ms: row.get(0)?, offset_ms: row.get(1)?, bound })
    })?;
    let checked: Vec<Checked> = checked.collect::<Result<_, _>>()?;
    Ok(true_time(&checked, compared.shown).map(|(true_time, bound)| Anchor {
        boot,
        boottime: compared.boottime,
        true_time,
        bound,
        source: AnchorSource::Terminal,
    }))
}

/// The rule over the checked contacts, newest first.
fn true_time(checked: &[Checked], shown: UnixMillis) -> Option<(UnixMillis, Duration)> {
    let newest = checked.first()?;
    let steady_ms = STEADY_FOR.as_millis() as i64;
    let old_enough = |one: &&Checked| newest.true_ms().saturating_sub(one.true_ms()) >= steady_ms;
    let oldest = checked.iter().find(old_enough)?;
    let until = checked.iter().position(|one| one == oldest)?;
    let agrees = |one: &Checked| {
        let apart = Duration::from_millis(one.offset_ms.abs_diff(newest.offset_ms));
        let between = Duration::from_millis(one.true_ms().abs_diff(newest.true_ms()));
        apart <= (2 * RESOLUTION).saturating_add(drift(between)).saturating_add(one.bound).saturating_add(newest.bound)
    };
    if !checked.get(..=until)?.iter().all(agrees) {
        return None;
    }
    let since = u64::try_from(shown.0.saturating_sub(newest.shown_ms)).ok()?;
    let bound = newest.bound.saturating_add(2 * RESOLUTION).saturating_add(drift(Duration::from_millis(since)));
    // Both clocks were cut to the second, the terminal's alike both times: nothing to add in the middle.
    Some((UnixMillis(shown.0.saturating_sub(newest.offset_ms)), bound))
}

fn drift(over: Duration) -> Duration {
    Duration::from_micros((u64::try_from(over.as_millis()).unwrap_or(u64::MAX) / 1000).saturating_mul(TERMINAL_PPM))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-02 20:00 in Shanghai.
    const EVENING_MS: i64 = 1_793_620_800_000;
    const HOUR_MS: i64 = 3_600_000;

    /// A terminal that is so much ahead, so many hours before the evening.
    fn checked(hours_before: i64, offset_ms: i64) -> Checked {
        let true_ms = EVENING_MS - hours_before * HOUR_MS;
        Checked { shown_ms: true_ms + offset_ms, offset_ms, bound: Duration::from_millis(10) }
    }

    #[test]
    fn a_steady_terminal_tells_true_time_within_its_resolution_and_drift() {
        let known = [checked(0, 90_000), checked(1, 90_600), checked(9, 88_000)];
        let (time, bound) = true_time(&known, UnixMillis(EVENING_MS + 90_000 + 10 * HOUR_MS)).unwrap();
        assert_eq!(time, UnixMillis(EVENING_MS + 10 * HOUR_MS));
        assert_eq!(bound, Duration::from_millis(10 + 2000 + 3600));
    }

    #[test]
    fn a_terminal_that_was_set_between_its_last_checks_tells_nothing() {
        let shown = UnixMillis(EVENING_MS + HOUR_MS);
        assert_eq!(true_time(&[checked(0, 0), checked(2, 90_000)], shown), None);
        // Set there and back: one in the middle shows it.
        assert_eq!(true_time(&[checked(0, 0), checked(0, 90_000), checked(2, 0)], shown), None);
        // It was set long ago and has been steady since.
        assert!(true_time(&[checked(0, 0), checked(1, 0), checked(2, 90_000)], shown).is_some());
    }

    #[test]
    fn a_terminal_that_was_not_seen_steady_for_an_hour_or_fell_back_tells_nothing() {
        let shown = UnixMillis(EVENING_MS + HOUR_MS);
        assert_eq!(true_time(&[], shown), None);
        assert_eq!(true_time(&[checked(0, 0)], shown), None);
        let known = [checked(0, 0), checked(3, 0)];
        assert!(true_time(&known, UnixMillis(EVENING_MS)).is_some());
        assert_eq!(true_time(&known, UnixMillis(946_684_800_000)), None, "a dead battery starts in 2000");
    }

    #[test]
    fn after_three_days_without_a_check_the_bound_is_wider_than_is_trusted() {
        let known = [checked(0, 0), checked(3, 0)];
        let after = |days: i64| true_time(&known, UnixMillis(EVENING_MS + days * 24 * HOUR_MS)).unwrap().1;
        assert!(after(3) < Duration::from_secs(30) && after(4) > Duration::from_secs(30));
    }
}
