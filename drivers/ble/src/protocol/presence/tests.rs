//! Badges that come, jitter, stay and go.

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    near: -70,
    slack: 8,
    seen_in: 3,
    window: 5,
    dwell: Duration::from_secs(2),
    away: Duration::from_secs(600),
    most: 4,
};

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// When it came, of (second, dBm).
fn came(heard: &[(f64, i16)]) -> Vec<f64> {
    let mut presence = Presence::new(RULES);
    heard.iter().filter(|(when, rssi)| presence.heard("b", *rssi, at(*when))).map(|(when, _)| *when).collect()
}

fn steady(from: u32, to: u32, rssi: i16) -> Vec<(f64, i16)> {
    (from * 5..to * 5).map(|tick| (f64::from(tick) / 5.0, rssi)).collect()
}

#[test]
fn a_badge_that_stays_near_comes_once() {
    // Three different seconds, then two more of staying.
    assert_eq!(came(&steady(0, 3600, -60)), [4.0]);
}

#[test]
fn one_strong_moment_is_nobody() {
    assert!(came(&steady(0, 2, -30)).is_empty());
    assert!(came(&[(0.0, -30), (10.0, -30), (20.0, -30), (30.0, -30)]).is_empty());
}

#[test]
fn far_is_not_near_however_often() {
    assert!(came(&steady(0, 600, -79)).is_empty());
    // Within the slack: kept, but never near in the first place.
    assert!(came(&steady(0, 600, -75)).is_empty());
}

#[test]
fn a_body_in_between_does_not_send_a_badge_away() {
    let mut heard = steady(0, 3, -60);
    heard.extend(steady(3, 20, -77));
    assert_eq!(came(&heard), [4.0]);
}

#[test]
fn who_was_away_comes_again_and_who_was_not_does_not() {
    let mut heard = steady(0, 10, -60);
    heard.extend(steady(600, 610, -60));
    assert_eq!(came(&heard), [4.0]);
    heard.extend(steady(1210, 1220, -60));
    assert_eq!(came(&heard), [4.0, 1214.0]);
    // A weak voice from the car park is no being here.
    let mut heard = steady(0, 10, -60);
    heard.extend(steady(10, 700, -90));
    heard.extend(steady(700, 710, -60));
    assert_eq!(came(&heard), [4.0, 704.0]);
}

#[test]
fn who_could_not_be_heard_was_not_away() {
    let mut presence = Presence::new(RULES);
    let come = |presence: &mut Presence, from, to| {
        steady(from, to, -60).iter().filter(|(when, rssi)| presence.heard("b", *rssi, at(*when))).count()
    };
    assert_eq!(come(&mut presence, 0, 10), 1);
    presence.deaf_for(at(700.0));
    assert_eq!(come(&mut presence, 710, 720), 0);
    assert_eq!(come(&mut presence, 1330, 1340), 1);
}

#[test]
fn what_could_not_be_recorded_comes_again_while_it_is_near() {
    let mut presence = Presence::new(RULES);
    let mut comes = Vec::new();
    for (when, rssi) in steady(0, 12, -60) {
        if presence.heard("b", rssi, at(when)) {
            presence.not_recorded("b");
            comes.push(when);
        }
    }
    assert!(comes.len() > 1, "{comes:?}");
}

#[test]
fn a_crowd_costs_no_more_memory_than_allowed_and_that_is_told() {
    let mut presence = Presence::new(RULES);
    for number in 0..1000_u32 {
        presence.heard(&format!("b{number}"), -50, at(f64::from(number)));
        assert!(presence.followed() <= RULES.most);
    }
    assert_eq!(presence.dropped(), 996);
    assert_eq!(presence.dropped(), 0);
    // Those that are away make room without a word.
    presence.heard("new", -50, at(5000.0));
    assert_eq!((presence.dropped(), presence.followed()), (0, 1));
}

proptest! {
    #[test]
    fn nobody_comes_twice_without_having_been_away(
        steps in proptest::collection::vec((0_u64..400_000, -95_i16..-40, 0..3_u8), 1..600)
    ) {
        let mut presence = Presence::new(RULES);
        let mut now = Duration::ZERO;
        // When each came, and when it was heard near since.
        let mut last_near: HashMap<u8, Duration> = HashMap::new();
        let mut is_here: HashMap<u8, bool> = HashMap::new();
        for (millis, rssi, who) in steps {
            // Mostly short steps, sometimes long ones.
            now += Duration::from_millis(if millis < 380_000 { millis / 500 } else { millis * 2 });
            let was_away = last_near.get(&who).is_none_or(|last| now - *last >= RULES.away);
            if was_away {
                is_here.insert(who, false);
            }
            let comes = presence.heard(&who.to_string(), rssi, now);
            if comes {
                prop_assert!(!is_here[&who]);
                is_here.insert(who, true);
            }
            if rssi >= RULES.near - 8 {
                last_near.insert(who, now);
            }
        }
    }

    #[test]
    fn no_time_and_no_strength_are_too_strange(heard in proptest::collection::vec((any::<u32>(), any::<i16>()), 0..50), window in 0..100_u32) {
        let mut presence = Presence::new(Rules { window, slack: u16::MAX, ..RULES });
        for (seconds, rssi) in heard {
            presence.heard("b", rssi, Duration::from_secs(seconds.into()));
        }
    }
}
