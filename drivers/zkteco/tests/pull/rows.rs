//! Records that name only a row: credited by a list that was the same before and after, else nobody's.

use std::time::Duration;

use punchd_contract::{Condition, Credential, Reading};
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::protocol::user::UserForm;
use punchd_zkteco::pull::virtual_device::{Asked, Options, VirtualRecord, VirtualUser};
use tokio::time::sleep;

use super::{Site, minutes_later, terminal};

/// A record of this row; no user id of these lists reads like a row number.
fn of_row(row: u16, minute: i64) -> VirtualRecord {
    let time = RawTime::from_civil(minutes_later(minute)).unwrap();
    VirtualRecord { user_id: row.to_string(), time, verify: 1, state: 0 }
}

fn people(rows: &[(u16, &str)]) -> Vec<VirtualUser> {
    rows.iter().map(|(row, id)| VirtualUser::new(*row, id, "Ann")).collect()
}

const ANN_AND_BOB: [(u16, &str); 2] = [(1, "101"), (2, "102")];
const ANN_AND_CYD: [(u16, &str); 2] = [(1, "101"), (2, "103")];

type Layout = fn(&mut Options);

/// Both kinds of terminals whose records name only rows.
const LAYOUTS: [Layout; 2] = [
    |options| (options.record_size, options.user_form, options.event_size) = (8, UserForm::Short, 10),
    |options| (options.record_size, options.odd.names_rows) = (49, true),
];

fn site(layout: Layout, records: Vec<VirtualRecord>, change: impl FnOnce(&mut Options)) -> Site {
    Site::quiet(terminal(|options| {
        layout(options);
        (options.users, options.records) = (people(&ANN_AND_BOB), records);
        options.odd.tells_nothing = true;
        change(options);
    }))
}

fn who(readings: &[Reading]) -> Vec<Credential> {
    readings.iter().map(|reading| reading.credential.clone()).collect()
}

fn user(id: &str) -> Credential {
    Credential::UserId(id.into())
}

#[tokio::test(start_paused = true)]
async fn a_row_is_credited_by_the_list_of_the_same_session() {
    for layout in LAYOUTS {
        let log = vec![of_row(1, 0), of_row(2, 1), of_row(7, 2), of_row(1, 3)];
        let site = site(layout, log, |_| {}).start();
        let readings = site.arrive(4).await;
        assert_eq!(who(&readings), [user("101"), user("102"), Credential::Row(7), user("101")]);
        site.says(Condition::Warning, &["1 new records name only a row", "punches decide", "行号"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_changed_hands_credits_neither_though_the_count_of_people_stayed() {
    for layout in LAYOUTS {
        let site = site(layout, vec![of_row(1, 0), of_row(2, 1)], |_| {}).start();
        site.arrive(2).await;
        site.works().await;
        site.terminal.set_users(people(&ANN_AND_CYD));
        site.terminal.record(of_row(2, 100));
        site.terminal.record(of_row(1, 101));
        let readings = site.arrive(4).await;
        assert_eq!(who(&readings)[2..], [Credential::Row(2), user("101")]);
        // From the next read on, both lists say Cyd.
        sleep(Duration::from_secs(120)).await;
        site.terminal.record(of_row(2, 200));
        assert_eq!(who(&site.arrive(5).await)[4], user("103"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_the_gateway_was_away_is_told_by_what_it_remembers() {
    for layout in LAYOUTS {
        let mut site = site(layout, vec![of_row(1, 0), of_row(2, 1)], |_| {}).start();
        site.arrive(2).await;
        site.works().await;
        site.stop().await;
        site.terminal.record(of_row(2, 100));
        site.terminal.set_users(people(&ANN_AND_CYD));
        site.go_on();
        assert_eq!(who(&site.arrive(3).await)[2], Credential::Row(2));
        site.stop().await;
        site.terminal.set_users(people(&[(1, "101"), (2, "103"), (3, "104")]));
        site.terminal.record(of_row(3, 200));
        site.terminal.record(of_row(2, 201));
        site.go_on();
        assert_eq!(who(&site.arrive(5).await)[3..], [user("104"), user("103")], "a row that was free before");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_list_rows_are_nobodys_and_are_kept() {
    for layout in LAYOUTS {
        for refused in [true, false] {
            let log = (0..12).map(|n| of_row(1 + (n % 2) as u16, n)).collect();
            let ways = [Asked::Command(9), Asked::Buffered(punchd_zkteco::pull::protocol::bulk::Table::Users)];
            let site = site(layout, log, |options| {
                if refused {
                    options.odd.refuses = ways.map(|way| (way, 2001)).to_vec();
                } else {
                    options.odd.silent = ways.to_vec();
                }
            })
            .start();
            let readings = site.arrive(12).await;
            assert!(readings.iter().all(|reading| matches!(reading.credential, Credential::Row(1 | 2))));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_event_of_the_oldest_terminals_is_credited_by_the_list_after_it() {
    let site = Site::quiet(terminal(|options| {
        LAYOUTS[0](options);
        (options.users, options.records) = (people(&ANN_AND_BOB), vec![of_row(1, 0), of_row(2, 1)]);
    }))
    .start();
    site.arrive(2).await;
    site.works().await;
    site.terminal.punch_now("2");
    assert_eq!(who(&site.arrive(3).await)[2], user("102"));
    // Nobody has looked at the list since Cyd was enrolled in Bob's row: the log, and a person, tell.
    site.terminal.set_users(people(&ANN_AND_CYD));
    site.terminal.punch_now("2");
    let readings = site.arrive(4).await;
    assert_eq!(readings[3].credential, Credential::Row(2));
}

#[tokio::test(start_paused = true)]
async fn people_who_change_at_every_read_never_get_each_others_punches() {
    // Rows 1 to 4 are given anew at random; whoever punches does so under the row that is theirs at that moment.
    let mut random = fastrand::Rng::with_seed(11);
    for layout in LAYOUTS {
        let site = site(layout, vec![of_row(1, 0), of_row(2, 1)], |_| {}).start();
        site.arrive(2).await;
        site.works().await;
        let (mut rows, mut truth, mut next) = (ANN_AND_BOB.map(|(row, id)| (row, id.to_owned())).to_vec(), vec![], 200);
        truth.extend(rows.iter().map(|(_, id)| id.clone()));
        for minute in 1..60 {
            match random.u8(..4) {
                0 => {
                    let row = random.u16(1..5);
                    rows.retain(|(known, _)| *known != row);
                    next += 1;
                    rows.push((row, next.to_string()));
                    let users: Vec<(u16, &str)> = rows.iter().map(|(row, id)| (*row, id.as_str())).collect();
                    site.terminal.set_users(people(&users));
                }
                1 => sleep(Duration::from_secs(61)).await,
                _ => {
                    let (row, id) = rows[random.usize(..rows.len())].clone();
                    site.terminal.record(of_row(row, 100 + minute));
                    truth.push(id);
                }
            }
        }
        let readings = site.arrive(truth.len()).await;
        for (reading, id) in readings.iter().zip(&truth) {
            let right = reading.credential == user(id) || matches!(reading.credential, Credential::Row(_));
            assert!(right, "{:?} for {id}", reading.credential);
        }
        assert!(readings.iter().filter(|reading| matches!(reading.credential, Credential::UserId(_))).count() > 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_counts_records_is_nobodys_row() {
    let log = (0..20).map(|n| of_row(1 + n as u16, n)).collect();
    let everybody: Vec<(u16, String)> = (1..=20).map(|row| (row, (100 + row).to_string())).collect();
    let everybody: Vec<(u16, &str)> = everybody.iter().map(|(row, id)| (*row, id.as_str())).collect();
    let site = site(LAYOUTS[1], log, |options| options.users = people(&everybody)).start();
    assert!(site.arrive(20).await.iter().all(|reading| matches!(reading.credential, Credential::Row(_))));
}
