use super::*;

/// 2026-11-02 20:00 in Shanghai.
const EVENING: i64 = 1_793_620_800_000;
const FLOOR: UnixMillis = UnixMillis(1_767_225_600_000);

fn trust(kept: bool) -> Trust {
    Trust::new(BootId("a".into()), FLOOR, kept)
}

fn read(boot_s: i64, wall_ms: i64, within: Option<u64>) -> Reading {
    Reading {
        boottime: BootNanos(boot_s * 1_000_000_000),
        wall: UnixMillis(wall_ms),
        synchronised_within: within.map(Duration::from_millis),
    }
}

fn anchor(boot_s: i64, true_ms: i64, bound_ms: u64, source: AnchorSource) -> Anchor {
    Anchor {
        boot: BootId("a".into()),
        boottime: BootNanos(boot_s * 1_000_000_000),
        true_time: UnixMillis(true_ms),
        bound: Duration::from_millis(bound_ms),
        source,
    }
}

fn judged(trust: &mut Trust, reading: &Reading) -> (Quality, Option<u64>) {
    let stamp = trust.stamp(reading);
    (stamp.quality, stamp.bound.map(|bound| bound.as_millis() as u64))
}

#[test]
fn nine_hours_after_the_last_contact_the_clock_is_still_good_and_two_weeks_after_it_is_not() {
    let mut trust = trust(false);
    judged(&mut trust, &read(100, EVENING, Some(50)));
    // The kernel's own worst case, just before it gives up.
    let hours = |hours: i64, within| read(100 + hours * 3600, EVENING + hours * 3_600_000, within);
    assert_eq!(judged(&mut trust, &hours(8, Some(15_000))), (Quality::Synchronised, Some(50 + 2304)));
    assert_eq!(judged(&mut trust, &hours(9, None)), (Quality::Holdover, Some(50 + 2592)));
    assert_eq!(judged(&mut trust, &hours(24 * 14, None)).1, Some(50 + 96_768));
}

#[test]
fn a_step_of_a_clock_in_holdover_is_in_the_bound_at_once_in_both_directions_and_true_time_goes_on() {
    for by_ms in [3_600_000, -3_600_000, -EVENING] {
        let mut trust = trust(false);
        judged(&mut trust, &read(100, EVENING, Some(50)));
        let stepped = read(110, EVENING + 10_000 + by_ms, None);
        let (quality, bound) = judged(&mut trust, &stepped);
        assert_eq!(quality, Quality::Holdover);
        assert!(bound.unwrap() >= by_ms.unsigned_abs(), "{by_ms}: {bound:?}");
        let now = trust.now(&stepped);
        assert_eq!((now.time, now.by), (UnixMillis(EVENING + 10_000), Known::By(AnchorSource::System)));
        assert!(now.trusted(Duration::from_secs(1)));
        // And back: nothing is left of it.
        assert_eq!(judged(&mut trust, &read(120, EVENING + 20_000, None)).1, Some(51));
    }
}

#[test]
fn a_step_of_a_clock_that_stays_synchronised_is_believed_and_replaces_what_was_known() {
    for by_ms in [7_200_000, -7_200_000] {
        let mut trust = trust(false);
        judged(&mut trust, &read(100, EVENING, Some(50)));
        let stepped = read(110, EVENING + 10_000 + by_ms, Some(900));
        assert_eq!(judged(&mut trust, &stepped), (Quality::Synchronised, Some(900)));
        assert_eq!(trust.anchor().unwrap().true_time, stepped.wall);
    }
}

#[test]
fn a_clock_set_by_hand_is_no_better_known_than_before() {
    let mut unknown = trust(false);
    assert_eq!(judged(&mut unknown, &read(100, 5_000, None)), (Quality::Unknown, None));
    assert_eq!(judged(&mut unknown, &read(110, EVENING, None)), (Quality::Unknown, None));
    let mut kept = trust(true);
    assert_eq!(judged(&mut kept, &read(100, EVENING, None)), (Quality::Kept, Some(20_000)));
    assert_eq!(judged(&mut kept, &read(110, EVENING + 310_000, None)), (Quality::Kept, Some(320_000)));
    assert_eq!(judged(&mut kept, &read(120, EVENING - 280_000, None)), (Quality::Kept, Some(320_000)));
    // Kept for weeks without a step: as good as on the first day.
    assert_eq!(
        judged(&mut kept, &read(100 + 30 * 86_400, EVENING + 30 * 86_400_000, None)),
        (Quality::Kept, Some(20_000))
    );
}

#[test]
fn a_step_of_a_kept_clock_while_the_agent_was_down_shows_by_how_it_was_first_seen_in_the_boot() {
    let mut kept = trust(true);
    kept.learn(&anchor(50, EVENING, 20_000, AnchorSource::Kept), &read(200, EVENING + 150_000 + 600_000, None));
    assert_eq!(judged(&mut kept, &read(200, EVENING + 150_000 + 600_000, None)), (Quality::Kept, Some(620_000)));
}

#[test]
fn nothing_worse_replaces_anything_better_and_nothing_of_another_boot_or_before_the_build_counts() {
    let mut trust = trust(false);
    let at = read(100, 60_000, None);
    assert!(trust.learn(&anchor(100, EVENING, 5_000, AnchorSource::Terminal), &at));
    assert!(trust.learn(&anchor(100, EVENING + 700, 1_040, AnchorSource::Wecom), &at));
    assert!(!trust.learn(&anchor(100, EVENING + 3_000, 6_000, AnchorSource::Terminal), &at));
    assert!(!trust.learn(&Anchor { boot: BootId("b".into()), ..anchor(100, EVENING, 1, AnchorSource::System) }, &at));
    assert!(!trust.learn(&anchor(100, FLOOR.0 - 1, 1, AnchorSource::Wecom), &at));
    assert_eq!(trust.anchor().unwrap().source, AnchorSource::Wecom);
    // After three weeks the old one has drifted more than the new one is off.
    let later = read(100 + 21 * 86_400, 60_000, None);
    assert!(trust.learn(&anchor(100 + 21 * 86_400, EVENING, 6_000, AnchorSource::Terminal), &later));
}

#[test]
fn a_clock_of_1970_with_an_anchor_is_not_trusted_itself_but_the_time_is_known() {
    let mut trust = trust(false);
    let reading = read(100, 100_000, None);
    trust.learn(&anchor(90, EVENING, 1_000, AnchorSource::Wecom), &reading);
    let stamp = trust.stamp(&reading);
    assert!(!stamp.trusted(Duration::from_secs(3600)));
    let now = trust.now(&reading);
    assert_eq!((now.time, now.by), (UnixMillis(EVENING + 10_000), Known::By(AnchorSource::Wecom)));
    assert!(now.trusted(Duration::from_secs(30)));
}

#[test]
fn a_synchronised_clock_before_the_build_of_the_program_is_wrong_all_the_same() {
    let mut trust = trust(true);
    let reading = read(100, FLOOR.0 - 1, Some(10));
    assert_eq!(judged(&mut trust, &reading), (Quality::Unknown, None));
    assert_eq!(trust.now(&reading).by, Known::Nothing);
}

#[test]
fn certificates_are_judged_by_the_best_that_is_known_and_by_a_hint_only_while_nothing_is() {
    let mut trust = trust(false);
    let reading = read(100, 100_000, None);
    assert_eq!(trust.certificate_time(&reading), FLOOR, "a clock of 1970 without any hint");
    let hint = |time| Hint { boottime: BootNanos(90_000_000_000), time: UnixMillis(time), from: "here".into() };
    trust.hint(hint(FLOOR.0 - 1));
    assert_eq!(trust.hinted(), None, "nobody can make old certificates good");
    trust.hint(hint(EVENING));
    assert_eq!(trust.certificate_time(&reading), UnixMillis(EVENING + 10_000));
    assert_eq!((trust.now(&reading).bound, trust.stamp(&reading).bound), (None, None), "a hint dates nothing");
    trust.learn(&anchor(100, EVENING + 60_000, 1_000, AnchorSource::Wecom), &reading);
    assert_eq!(trust.certificate_time(&reading), UnixMillis(EVENING + 60_000));
}

#[test]
fn a_time_server_that_contradicts_wecom_is_believed_and_the_contradiction_is_told() {
    let mut trust = trust(false);
    let at = read(100, EVENING, Some(50));
    trust.learn(&anchor(100, EVENING - 900, 1_100, AnchorSource::Wecom), &at);
    assert_eq!(trust.disputed(), None);
    assert!(trust.learn(&anchor(100, EVENING - 3_600_000, 20, AnchorSource::Wecom), &at), "news, but no anchor");
    assert_eq!(trust.anchor().unwrap().source, AnchorSource::System);
    assert_eq!(trust.disputed(), Some(Disputed { source: AnchorSource::Wecom, by_ms: 3_600_000 }));
    assert_eq!(trust.now(&at).time, UnixMillis(EVENING));
    trust.learn(&anchor(100, EVENING, 1_100, AnchorSource::Wecom), &at);
    assert_eq!(trust.disputed(), None);
}
