use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::attendance::UserIdRule;
use crate::clock::{AnchorSource, BootId, BootNanos, Quality, UnixMillis};

/// 2026-11-02 08:00:00 in Shanghai.
const EIGHT: i64 = 1_793_577_600;

fn rules(wrong_clock: WrongClock) -> DeviceRules {
    DeviceRules {
        zone: "Asia/Shanghai".into(),
        user_ids: UserIdRule::Userid,
        count_from: None,
        clock_tolerance: Duration::from_secs(60),
        wrong_clock,
        trusted_within: Duration::from_secs(30),
    }
}

fn stamp(wall_s: i64, bound: Option<Duration>) -> Stamp {
    Stamp {
        boot: BootId("a".into()),
        boottime: BootNanos(1_000_000_000_000),
        wall: UnixMillis(wall_s * 1000),
        quality: if bound.is_some() { Quality::Synchronised } else { Quality::Unknown },
        bound,
    }
}

struct Case {
    happened: Happened,
    origin: Origin,
    stamp: Stamp,
    rules: DeviceRules,
    zone: TimeZone,
    clock: ClockEvidence,
    anchor: Option<Anchor>,
    decision: Option<Decision>,
}

impl Case {
    /// Read from the log at nine, recorded at eight.
    fn log() -> Self {
        Self {
            happened: Happened::ByTerminal(date(2026, 11, 2).at(8, 0, 0, 0)),
            origin: Origin::Log,
            stamp: stamp(EIGHT + 3600, Some(Duration::from_millis(20))),
            rules: rules(WrongClock::Hold),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
            clock: ClockEvidence { offset_ms: Some(300), at_ms: at(EIGHT + 3600), before: None, shown: None },
            anchor: None,
            decision: None,
        }
    }

    fn date(&self) -> Result<Dated, Reason> {
        date_question(self)
    }
}

fn date_question(case: &Case) -> Result<Dated, Reason> {
    super::date(&Question {
        happened: case.happened,
        doubt: None,
        origin: case.origin,
        stamp: &case.stamp,
        rules: &case.rules,
        zone: &case.zone,
        clock: &case.clock,
        anchor: case.anchor.as_ref(),
        decision: case.decision.as_ref(),
    })
}

fn at(second: i64) -> Option<i64> {
    Some(second * 1000)
}

fn earlier(offset_ms: i64, at_s: i64) -> Option<EarlierContact> {
    Some(EarlierContact { offset_ms, at_ms: at_s * 1000 })
}

#[test]
fn a_right_terminal_is_believed_in_its_own_zone() {
    assert_eq!(Case::log().date(), Ok(Dated { time_s: EIGHT, basis: Basis::Terminal }));
    let urumqi = Case { zone: TimeZone::get("America/New_York").unwrap(), ..Case::log() };
    let later = Case { stamp: stamp(EIGHT + 86_400, Some(Duration::ZERO)), ..urumqi };
    assert_eq!(later.date().unwrap().time_s, EIGHT + 13 * 3600);
}

#[test]
fn a_log_read_from_a_terminal_whose_clock_is_off_is_held_because_nothing_says_since_when() {
    let case = Case {
        clock: ClockEvidence { offset_ms: Some(-600_000), at_ms: at(EIGHT + 3600), before: None, shown: None },
        ..Case::log()
    };
    assert_eq!(case.date(), Err(Reason::TerminalClock { offset_ms: -600_000 }));
}

#[test]
fn an_offset_that_was_the_same_before_and_after_the_reading_corrects_it() {
    let clock = ClockEvidence {
        offset_ms: Some(-600_000),
        at_ms: at(EIGHT + 3600),
        before: earlier(-601_000, EIGHT + 300),
        shown: None,
    };
    assert_eq!(
        Case { clock, ..Case::log() }.date(),
        Ok(Dated { time_s: EIGHT + 600, basis: Basis::TerminalCorrected })
    );
    let clock = ClockEvidence {
        offset_ms: Some(-600_000),
        at_ms: at(EIGHT + 3600),
        before: earlier(-601_000, EIGHT + 1200),
        shown: None,
    };
    assert!(
        Case { clock, ..Case::log() }.date().is_err(),
        "it happened before the earlier contact: not between the two"
    );
}

#[test]
fn a_live_reading_proves_the_offset_by_its_arrival() {
    let clock = ClockEvidence { offset_ms: Some(3_600_000), at_ms: at(EIGHT), before: None, shown: None };
    let live =
        Case { origin: Origin::Live, stamp: stamp(EIGHT - 3600 + 1, Some(Duration::ZERO)), clock, ..Case::log() };
    assert_eq!(live.date(), Ok(Dated { time_s: EIGHT - 3600, basis: Basis::TerminalCorrected }));
    let stale = Case { stamp: stamp(EIGHT - 1800, Some(Duration::ZERO)), ..live };
    assert!(stale.date().is_err());
    let set_right = Case { stamp: stamp(EIGHT + 1, Some(Duration::ZERO)), ..stale };
    assert_eq!(set_right.date(), Ok(Dated { time_s: EIGHT, basis: Basis::Terminal }));
}

#[test]
fn a_clock_that_was_set_between_two_contacts_leaves_what_lies_between_to_a_person() {
    let clock = ClockEvidence {
        offset_ms: Some(0),
        at_ms: at(EIGHT + 3600),
        before: earlier(3_600_000, EIGHT - 60),
        shown: None,
    };
    assert_eq!(
        Case { clock, ..Case::log() }.date(),
        Err(Reason::TerminalClockChanged { before_ms: 3_600_000, now_ms: 0 })
    );
    let older = ClockEvidence {
        offset_ms: Some(0),
        at_ms: at(EIGHT + 3600),
        before: earlier(3_600_000, EIGHT + 60),
        shown: None,
    };
    assert!(Case { clock: older, ..Case::log() }.date().is_ok(), "it was recorded before the earlier contact");
}

#[test]
fn the_operator_may_choose_to_believe_or_to_correct() {
    let clock = ClockEvidence { offset_ms: Some(-600_000), at_ms: at(EIGHT + 3600), before: None, shown: None };
    let believe = Case { clock: clock.clone(), rules: rules(WrongClock::AsRecorded), ..Case::log() };
    assert_eq!(believe.date().unwrap().time_s, EIGHT);
    let correct = Case { clock: clock.clone(), rules: rules(WrongClock::Correct), ..Case::log() };
    assert_eq!(correct.date().unwrap().time_s, EIGHT + 600);
    let decided = Case { clock, decision: Some(Decision::AsRecorded), ..Case::log() };
    assert_eq!(decided.date().unwrap(), Dated { time_s: EIGHT, basis: Basis::Decision });
}

#[test]
fn a_date_in_the_future_is_held_as_long_as_the_gateway_knows_the_time() {
    let case = Case { stamp: stamp(EIGHT - 120, Some(Duration::ZERO)), ..Case::log() };
    assert_eq!(case.date(), Err(Reason::Future));
    let untrusted = Case { stamp: stamp(EIGHT - 120, None), ..Case::log() };
    assert!(untrusted.date().is_ok(), "a gateway in 1970 is no judge of the terminal's clock");
}

#[test]
fn a_date_that_does_not_exist_waits_for_a_person() {
    let case = Case { happened: Happened::Impossible, ..Case::log() };
    assert_eq!(case.date(), Err(Reason::ImpossibleDate));
    let decided = Case { decision: Some(Decision::At { time_s: 7 }), ..case };
    assert_eq!(decided.date(), Ok(Dated { time_s: 7, basis: Basis::Decision }));
}

#[test]
fn a_local_reading_is_held_while_the_clock_is_untrusted_and_dated_to_the_second_by_an_anchor_of_its_boot() {
    let held = Case { happened: Happened::Now, origin: Origin::Live, stamp: stamp(1000, None), ..Case::log() };
    assert_eq!(held.date(), Err(Reason::ClockUntrusted));
    let anchor = |boot: &str| Anchor {
        boot: BootId(boot.into()),
        boottime: BootNanos(1_090_000_000_000),
        true_time: UnixMillis(EIGHT * 1000),
        bound: Duration::from_millis(40),
        source: AnchorSource::System,
    };
    let dated = Case { anchor: Some(anchor("a")), ..held };
    assert_eq!(dated.date(), Ok(Dated { time_s: EIGHT - 90, basis: Basis::Anchor }));
    let other = Case { anchor: Some(anchor("b")), ..dated };
    assert_eq!(other.date(), Err(Reason::ClockUntrusted));
}

#[test]
fn the_skipped_and_the_repeated_hour_of_a_zone_are_doubtful_unless_their_arrival_proves_them() {
    let new_york = |civil, origin, arrived| Case {
        happened: Happened::ByTerminal(civil),
        zone: TimeZone::get("America/New_York").unwrap(),
        origin,
        stamp: stamp(arrived, Some(Duration::ZERO)),
        ..Case::log()
    };
    let doubtful = |doubt| Err(Reason::Doubtful { doubt });
    // 2026-11-01 01:30 exists twice, 2026-03-08 02:30 does not exist there.
    let (first, second) = (1_793_511_000, 1_793_514_600);
    let twice = date(2026, 11, 1).at(1, 30, 0, 0);
    assert_eq!(new_york(twice, Origin::Log, second + 90_000).date(), doubtful(Doubt::RepeatedHour));
    assert_eq!(new_york(twice, Origin::Live, first + 2).date().unwrap().time_s, first);
    assert_eq!(new_york(twice, Origin::Live, second + 2).date().unwrap().time_s, second);
    assert_eq!(new_york(twice, Origin::Live, second + 900).date(), doubtful(Doubt::RepeatedHour));
    assert_eq!(new_york(twice, Origin::Log, first + 600).date().unwrap().time_s, first, "the second pass was not yet");
    let never = date(2026, 3, 8).at(2, 30, 0, 0);
    assert_eq!(new_york(never, Origin::Log, second).date(), doubtful(Doubt::SkippedHour));
    assert_eq!(new_york(never, Origin::Live, 1_772_955_001).date().unwrap().time_s, 1_772_955_000);
    let untrusted = Case { stamp: stamp(first + 2, None), ..new_york(twice, Origin::Live, 0) };
    assert_eq!(untrusted.date(), doubtful(Doubt::RepeatedHour));
}

const SETTINGS: [WrongClock; 3] = [WrongClock::Hold, WrongClock::AsRecorded, WrongClock::Correct];

fn log_at(civil: jiff::civil::DateTime, origin: Origin, wrong_clock: WrongClock) -> Case {
    Case { happened: Happened::ByTerminal(civil), origin, rules: rules(wrong_clock), ..Case::log() }
}

#[test]
fn a_date_from_before_anything_is_held_under_every_setting() {
    for wrong_clock in SETTINGS {
        for origin in [Origin::Live, Origin::Log, Origin::Backfill] {
            for year in [1970, 2000, 2010] {
                let case = log_at(date(year, 1, 1).at(0, 12, 7, 0), origin, wrong_clock);
                assert_eq!(case.date(), Err(Reason::TooEarly { before: order::EARLIEST }), "{year}, {wrong_clock:?}");
            }
            let old = log_at(date(2016, 5, 4).at(8, 0, 0, 0), origin, wrong_clock).date();
            // What says to be live and is years old, speaks against its clock; a log may be old.
            let live = origin == Origin::Live && wrong_clock == WrongClock::Hold;
            assert_eq!(matches!(old, Err(Reason::TerminalClock { .. })), live, "{old:?}");
            assert_eq!(old.is_ok(), !live, "{old:?}");
        }
    }
}

#[test]
fn a_record_from_after_its_terminals_own_clock_is_held_under_every_setting() {
    // Shown a hundred seconds before the reading came: eight o'clock.
    let shown = |boot: &str, shift_s: i64| {
        Some(Shown {
            at: UnixMillis((EIGHT + shift_s) * 1000),
            boottime: BootNanos(900_000_000_000),
            boot: BootId(boot.into()),
        })
    };
    for wrong_clock in SETTINGS {
        for offset_ms in [None, Some(0), Some(-7_200_000)] {
            let of = |shown| ClockEvidence { offset_ms, at_ms: at(EIGHT), before: None, shown };
            let case = Case {
                clock: of(shown("a", -7200)),
                ..log_at(date(2026, 11, 2).at(8, 0, 0, 0), Origin::Log, wrong_clock)
            };
            let clock = date(2026, 11, 2).at(6, 1, 40, 0);
            assert_eq!(case.date(), Err(Reason::Doubtful { doubt: Doubt::AfterClock { clock } }), "{wrong_clock:?}");
            let decided = Case { decision: Some(Decision::AsRecorded), ..case };
            assert_eq!(decided.date().unwrap().time_s, EIGHT);
        }
        let right =
            ClockEvidence { offset_ms: Some(0), at_ms: at(EIGHT + 3600), before: None, shown: shown("a", -100) };
        let case = log_at(date(2026, 11, 2).at(8, 0, 0, 0), Origin::Live, wrong_clock);
        assert!(Case { clock: right, ..case }.date().is_ok(), "the clock has run on since");
    }
}

#[test]
fn a_person_may_move_a_time_by_an_offset() {
    let lost = log_at(date(2000, 1, 1).at(0, 12, 7, 0), Origin::Log, WrongClock::Hold);
    let recorded = 946_656_727;
    let moved = Case { decision: Some(Decision::Shifted { offset_ms: (EIGHT - recorded) * 1000 }), ..lost };
    assert_eq!(moved.date(), Ok(Dated { time_s: EIGHT, basis: Basis::Decision }));
}

/// What the clock showed so many seconds before the reading of [`stamp`], a reading that came at `arrival_s`.
fn shown_before(arrival_s: i64, age_s: i64, offset_ms: i64) -> Option<Shown> {
    Some(Shown {
        at: UnixMillis((arrival_s - age_s) * 1000 + offset_ms),
        boottime: BootNanos(1_000_000_000_000 - age_s * 1_000_000_000),
        boot: BootId("a".into()),
    })
}

/// A live reading, dated at eight, that comes so many seconds later; so long after a contact that saw this offset.
fn live_after(contact_age_s: i64, offset_ms: i64, late_s: i64) -> Case {
    let arrival_s = EIGHT + late_s;
    let clock = ClockEvidence {
        offset_ms: Some(offset_ms),
        at_ms: at(arrival_s - contact_age_s),
        before: earlier(offset_ms, arrival_s - contact_age_s - 3600),
        shown: shown_before(arrival_s, contact_age_s, offset_ms),
    };
    Case { origin: Origin::Live, stamp: stamp(arrival_s, Some(Duration::ZERO)), clock, ..Case::log() }
}

#[test]
fn a_slow_clock_that_was_set_right_by_hand_holds_no_live_reading_until_the_next_contact() {
    for age_s in [1, 60, 3600, 86_400] {
        for offset_ms in [-7_200_000, 7_200_000, -90_000] {
            let dated = live_after(age_s, offset_ms, 1).date();
            assert_eq!(dated, Ok(Dated { time_s: EIGHT, basis: Basis::Terminal }), "{age_s} s, {offset_ms} ms");
        }
    }
    // Where its arrival proves nothing, a fresh look at the clock still speaks against it, and an old one does not.
    let untrusted = |age_s| Case { stamp: stamp(EIGHT, None), ..live_after(age_s, -7_200_000, 0) };
    assert!(matches!(untrusted(100).date(), Err(Reason::Doubtful { doubt: Doubt::AfterClock { .. } })));
    assert_eq!(untrusted(200).date(), Err(Reason::TerminalClock { offset_ms: -7_200_000 }));
}

#[test]
fn a_clock_that_was_set_wrong_since_an_old_contact_dates_no_live_reading() {
    assert_eq!(live_after(3600, 0, 7200).date(), Err(Reason::TerminalClock { offset_ms: -7_200_000 }));
    // With a look at the clock just now, the reading itself was late.
    assert_eq!(live_after(10, 0, 7200).date().map(|dated| dated.time_s), Ok(EIGHT));
    // By the offset of an hour ago it would be of two hours before its arrival; nothing was seen since.
    assert!(live_after(3600, -1_800_000, 7200).date().is_err());
}

/// A clock that was set once, and what two contacts saw of it.
#[derive(Clone, Debug)]
struct Life {
    before_ms: i64,
    after_ms: i64,
    /// Seconds before the arrival.
    set_s: i64,
    happened_s: i64,
    contacts_s: [i64; 2],
    origin: Origin,
}

impl Life {
    fn offset_at(&self, before_arrival_s: i64) -> i64 {
        if before_arrival_s > self.set_s { self.before_ms } else { self.after_ms }
    }

    /// The question that the agent asks, with the true second.
    fn case(&self) -> (Case, i64) {
        let arrival_s = EIGHT + 86_400;
        let [latest_s, earlier_s] = self.contacts_s;
        let true_s = arrival_s - self.happened_s;
        let recorded_ms = true_s * 1000 + self.offset_at(self.happened_s);
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let civil = zone.to_datetime(UnixMillis(recorded_ms.div_euclid(1000) * 1000).timestamp());
        let offset_ms = self.offset_at(latest_s);
        let clock = ClockEvidence {
            offset_ms: Some(offset_ms),
            at_ms: at(arrival_s - latest_s),
            before: earlier(self.offset_at(earlier_s), arrival_s - earlier_s),
            shown: shown_before(arrival_s, latest_s, offset_ms),
        };
        let case = Case {
            happened: Happened::ByTerminal(civil),
            origin: self.origin,
            stamp: stamp(arrival_s, Some(Duration::ZERO)),
            clock,
            ..Case::log()
        };
        (case, true_s)
    }
}

fn life() -> impl Strategy<Value = Life> {
    let offset = || {
        prop_oneof![
            Just(0_i64),
            -60_000..60_000_i64,
            -10_000_000..10_000_000_i64,
            Just(-830_000_000_000),
            Just(31_536_000_000)
        ]
    };
    let origin = prop_oneof![Just(Origin::Live), Just(Origin::Log), Just(Origin::Backfill)];
    (offset(), offset(), 0..100_000_i64, 0..80_000_i64, 0..7200_i64, 1..90_000_i64, origin).prop_map(
        |(before_ms, after_ms, set_s, ago_s, latest_s, gap_s, origin)| {
            // What is live comes at once, at most with the delay of a network; what is read is read at the contact.
            let live = origin == Origin::Live;
            // And what was there at the earlier contact was read then.
            let latest_s = if live { latest_s } else { latest_s % 5 };
            let happened_s = if live { ago_s % 10 } else { latest_s + ago_s % gap_s };
            Life { before_ms, after_ms, set_s, happened_s, contacts_s: [latest_s, latest_s + gap_s], origin }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// What no contact has seen (set and set back between two of them) is beyond what the journal knows; a clock that was set
    /// once is not.
    #[test]
    fn no_clock_that_was_set_once_gives_a_false_date(life in life()) {
        let (case, true_s) = life.case();
        let within_s = if life.origin == Origin::Live { LIVE_LATE.as_secs() } else { 120 };
        if let Ok(dated) = case.date() {
            prop_assert!(dated.time_s.abs_diff(true_s) <= within_s, "{} s off", dated.time_s - true_s);
        }
    }

    /// And nothing that is plainly right waits for anybody.
    #[test]
    fn a_clock_that_was_always_right_holds_nothing(mut life in life(), offset_ms in -50_000..50_000_i64) {
        (life.before_ms, life.after_ms) = (offset_ms, offset_ms);
        let (case, true_s) = life.case();
        let dated = case.date();
        prop_assert!(dated.as_ref().is_ok_and(|dated| dated.time_s.abs_diff(true_s) <= 60), "{dated:?}");
    }
}
