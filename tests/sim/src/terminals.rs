//! Virtual terminals with people and a past: what the simulator starts alone and the demo puts into its site.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::virtual_device as pull;
use punchd_zkteco::push::virtual_device as push;

use crate::clock::Clock;
use crate::history::past_punches;
use crate::people::Person;

/// A finger, as records of the pull protocol and as push lines say it (facts/terminals.md A.10, B.7).
const FINGER: u8 = 1;

/// The options of a pull terminal on which these people are enrolled and have made the last `records` punches.
pub fn pull_terminal(clock: Clock, zone: TimeZone, people: &[Person], records: usize) -> pull::Options {
    let past = past(&clock, &zone, people, records);
    pull::Options {
        users: enrolled(people),
        records: past
            .into_iter()
            .filter_map(|(user_id, at)| {
                let time = RawTime::from_civil(at)?;
                Some(pull::VirtualRecord { user_id, time, verify: FINGER, state: 0 })
            })
            .collect(),
        zone,
        ..pull::Options::new(clock)
    }
}

/// The options of a push terminal on which these people are enrolled and have made the last `records` punches.
pub fn push_terminal(
    server: &str,
    serial: &str,
    clock: Clock,
    zone: TimeZone,
    people: &[Person],
    records: usize,
) -> push::Options {
    let past = past(&clock, &zone, people, records);
    push::Options {
        users: people.iter().map(|person| (person.number.clone(), person.name.clone())).collect::<BTreeMap<_, _>>(),
        records: past
            .into_iter()
            .map(|(user_id, time)| push::Record { user_id, time, verify: FINGER.into(), status: 0 })
            .collect(),
        zone,
        ..push::Options::new(server, serial, clock)
    }
}

fn enrolled(people: &[Person]) -> Vec<pull::VirtualUser> {
    (1..).zip(people).map(|(uid, person)| pull::VirtualUser::new(uid, &person.number, &person.name)).collect()
}

fn past(clock: &Clock, zone: &TimeZone, people: &[Person], records: usize) -> Vec<(String, DateTime)> {
    let now: Timestamp = clock();
    past_punches(people.len(), records, now)
        .into_iter()
        .filter_map(|punch| Some((people.get(punch.person)?.number.clone(), zone.to_datetime(punch.at))))
        .collect()
}
