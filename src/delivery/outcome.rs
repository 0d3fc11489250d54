//! What follows from the outcome of a sending call: for its records, and for the destination.

use super::retry::{Hindrance, stops};
use crate::wecom::{Answered, Class, Outcome, Refusal};

/// What happens to the records of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// They are accepted.
    Delivered,
    /// They provably were not processed.
    Unsent,
    /// They may have been stored.
    InDoubt,
    /// The batch was refused, of which a part may have been stored: read back, then halve.
    Refused(Refusal),
    /// The one record was refused.
    Parked(Refusal),
}

/// What is known of the call besides its outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// How many records it had.
    pub records: usize,
    /// Whether none of them was sent before.
    pub first_time: bool,
    /// The latest punch, seconds.
    pub newest_s: i64,
}

/// Refusals since the last call that was accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Streak {
    /// Of any records.
    refused: u32,
    /// With codes that are not in the table.
    unlisted: u32,
    /// Whether any call was ever accepted.
    accepted: bool,
}

/// So many refusals without a success are more than halving for one bad record makes: slow down.
const REFUSING: u32 = 10;
/// So many unlisted refusals without a success are not about a record (`wecom::errors`).
const UNLISTED_STOPS: u32 = 3;
/// "Later than now" is said with this code (facts/wecom-api.md 1.7).
const FUTURE: i64 = 301_083;

/// The one place where outcomes become decisions.
pub(super) fn judge(outcome: Outcome<()>, sent: Sent, streak: &mut Streak) -> (After, Option<Hindrance>) {
    let (refusal, date) = match outcome {
        Outcome::NotSent(why) => return (After::Unsent, Some(Hindrance::of_not_sent(why))),
        Outcome::Unknown(why) => return (After::InDoubt, Some(Hindrance::Broken(why))),
        Outcome::Answered(Answered { result: Ok(()), .. }) => return accepted(streak),
        Outcome::Answered(Answered { result: Err(refusal), date }) => (refusal, date),
    };
    match refusal.class() {
        Class::Stored => accepted(streak),
        // Nobody says that a busy server has stored nothing.
        Class::Transient => (After::InDoubt, Some(Hindrance::Busy(refusal))),
        Class::RateLimited | Class::Concurrency => (After::Unsent, Some(Hindrance::Limited(refusal))),
        Class::TokenExpired => (After::Unsent, Some(Hindrance::Token(refusal))),
        class if stops(class) => (After::Unsent, Some(Hindrance::Stopped(refusal))),
        Class::Unlisted => unlisted(refusal, sent, streak),
        _ => {
            streak.refused = streak.refused.saturating_add(1);
            let slow = (streak.refused >= REFUSING).then(|| Hindrance::Refusing(refusal.clone()));
            // A gateway whose clock is ahead has punches of the future; they become good by waiting.
            let future = date.is_some_and(|date| sent.newest_s >= date.time.get());
            let after = match sent.records {
                _ if refusal.code == FUTURE && future => After::InDoubt,
                1 => After::Parked(refusal),
                _ => After::Refused(refusal),
            };
            (after, slow)
        }
    }
}

fn accepted(streak: &mut Streak) -> (After, Option<Hindrance>) {
    *streak = Streak { accepted: true, ..Streak::default() };
    (After::Delivered, None)
}

/// The reasons are in the first lines of `wecom::errors`.
fn unlisted(refusal: Refusal, sent: Sent, streak: &mut Streak) -> (After, Option<Hindrance>) {
    streak.unlisted = streak.unlisted.saturating_add(1);
    if streak.unlisted >= UNLISTED_STOPS {
        return (After::Refused(refusal.clone()), Some(Hindrance::Stopped(refusal)));
    }
    let compared = streak.accepted && streak.unlisted == 1;
    let after = match sent.records {
        _ if sent.first_time => After::InDoubt,
        1 if compared => return (After::Parked(refusal), None),
        _ => After::Refused(refusal.clone()),
    };
    (after, Some(Hindrance::Unlisted(refusal)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wecom::{NoToken, ServerDate, TokenFailure, UnixSeconds, Unknown, Unreachable};
    use std::time::Duration;

    const MANY: Sent = Sent { records: 200, first_time: true, newest_s: 1000 };
    const ONE: Sent = Sent { records: 1, first_time: false, newest_s: 1000 };

    fn refused(code: i64) -> Outcome<()> {
        Outcome::Answered(Answered { result: Err(Refusal { code, message: String::new() }), date: None })
    }

    fn word(after: &After) -> &'static str {
        match after {
            After::Delivered => "delivered",
            After::Unsent => "unsent",
            After::InDoubt => "in doubt",
            After::Refused(_) => "refused",
            After::Parked(_) => "parked",
        }
    }

    fn told(outcome: Outcome<()>, sent: Sent) -> (&'static str, &'static str) {
        let (after, hindrance) = judge(outcome, sent, &mut Streak::default());
        let hindrance = match hindrance {
            None => "",
            Some(Hindrance::Unreachable(_)) => "unreachable",
            Some(Hindrance::Broken(_)) => "broken",
            Some(Hindrance::Busy(_)) => "busy",
            Some(Hindrance::Limited(_)) => "limited",
            Some(Hindrance::Token(_)) => "token",
            Some(Hindrance::Unlisted(_)) => "unlisted",
            Some(Hindrance::Refusing(_)) => "refusing",
            Some(Hindrance::Stopped(_) | Hindrance::NoToken(_)) => "stopped",
        };
        (word(&after), hindrance)
    }

    #[test]
    fn the_table_of_outcomes_and_what_follows() {
        let no_token = |code| {
            let because = TokenFailure::Refused(Refusal { code, message: String::new() });
            Outcome::NotSent(NoToken { because, retry_in: Duration::ZERO }.into())
        };
        let ok = || Outcome::Answered(Answered { result: Ok(()), date: None });
        assert_eq!(told(ok(), MANY), ("delivered", ""));
        assert_eq!(told(Outcome::NotSent(Unreachable::Timeout.into()), MANY), ("unsent", "unreachable"));
        assert_eq!(told(no_token(40001), MANY), ("unsent", "stopped"));
        assert_eq!(told(no_token(-1), MANY), ("unsent", "unreachable"));
        assert_eq!(told(Outcome::Unknown(Unknown::Timeout), MANY), ("in doubt", "broken"));
        for (code, many, one) in [
            (-1, ("in doubt", "busy"), ("in doubt", "busy")),
            (301_022, ("in doubt", "busy"), ("in doubt", "busy")),
            (45009, ("unsent", "limited"), ("unsent", "limited")),
            (45033, ("unsent", "limited"), ("unsent", "limited")),
            (42001, ("unsent", "token"), ("unsent", "token")),
            (40001, ("unsent", "stopped"), ("unsent", "stopped")),
            (48002, ("unsent", "stopped"), ("unsent", "stopped")),
            (60020, ("unsent", "stopped"), ("unsent", "stopped")),
            (301_007, ("unsent", "stopped"), ("unsent", "stopped")),
            (301_021, ("refused", ""), ("parked", "")),
            (60111, ("refused", ""), ("parked", "")),
            (40058, ("refused", ""), ("parked", "")),
            (40206, ("refused", ""), ("parked", "")),
            (40007, ("refused", ""), ("parked", "")),
            (301_083, ("refused", ""), ("parked", "")),
            (999_999, ("in doubt", "unlisted"), ("refused", "unlisted")),
        ] {
            assert_eq!((told(refused(code), MANY), told(refused(code), ONE)), (many, one), "{code}");
        }
    }

    #[test]
    fn a_punch_of_the_future_is_not_a_bad_one() {
        let date = |s| ServerDate { time: UnixSeconds::new(s).unwrap(), round_trip: Duration::ZERO, proven: false };
        let refused = |s| {
            let refusal = Refusal { code: 301_083, message: String::new() };
            Outcome::Answered(Answered { result: Err(refusal), date: Some(date(s)) })
        };
        assert_eq!(told(refused(999), ONE).0, "in doubt");
        assert_eq!(told(refused(1001), ONE).0, "parked");
    }

    #[test]
    fn a_code_that_nobody_knows_stops_the_destination_unless_others_are_accepted() {
        let mut streak = Streak::default();
        let mut go = |sent, code: Option<i64>| {
            let outcome = code.map_or(Outcome::Answered(Answered { result: Ok(()), date: None }), refused);
            let (after, hindrance) = judge(outcome, sent, &mut streak);
            (word(&after), matches!(hindrance, Some(Hindrance::Stopped(_))))
        };
        let again = Sent { first_time: false, ..MANY };
        assert_eq!(go(MANY, Some(999_999)), ("in doubt", false));
        assert_eq!(go(again, Some(999_999)), ("refused", false));
        assert_eq!(go(again, Some(999_999)), ("refused", true), "alone with it: not about a record");
        assert_eq!(go(again, None), ("delivered", false));
        assert_eq!(go(ONE, Some(999_999)), ("parked", false), "others pass, this one does not");
    }

    #[test]
    fn when_every_record_is_refused_it_slows_down() {
        let mut streak = Streak::default();
        let slow: Vec<bool> = (0..12).map(|_| judge(refused(60111), ONE, &mut streak).1.is_some()).collect();
        assert_eq!(slow.iter().position(|slow| *slow), Some(9));
        let accepted = Outcome::Answered(Answered { result: Ok(()), date: None });
        let _ = judge(accepted, ONE, &mut streak);
        assert_eq!(judge(refused(60111), ONE, &mut streak).1, None);
    }
}
