//! Law 5: delivery is at least once, arrival is once, whatever WeCom does and whatever breaks.

use std::time::Duration;

use punchd_sim::standin::{Atomicity, Behaviour, Call, Disturbance, Duplicates, Errcode, Members, Reach, UnknownRead};
use tokio::task::JoinSet;

use crate::site::{Punch, Site, punches};

/// A way in which WeCom may behave.
#[derive(Clone, Copy, Debug)]
struct Ways {
    atomicity: Atomicity,
    duplicates: Duplicates,
    visible_after: Duration,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    StoredThenCut,
    CutBeforeStored,
    StoredThenHalfAnswer,
    AnswersTooLate,
    BadGateway { stored: bool },
    Garbage { stored: bool },
    Busy { stored: bool },
    TokenExpires,
    TokenRejected,
    NotCallable,
    UntrustedAddress,
    RefusedFor(i64),
    UnreachableForAWhile,
    ReadBackFailsToo,
    Killed { stored: bool },
    Strangers(usize, UnknownRead),
    TooOld(usize),
}

use Fault::*;

const FAULTS: &[Fault] = &[
    StoredThenCut,
    CutBeforeStored,
    StoredThenHalfAnswer,
    AnswersTooLate,
    BadGateway { stored: false },
    BadGateway { stored: true },
    Garbage { stored: false },
    Garbage { stored: true },
    Busy { stored: false },
    Busy { stored: true },
    TokenExpires,
    TokenRejected,
    NotCallable,
    UntrustedAddress,
    RefusedFor(301_021),
    RefusedFor(301_083),
    RefusedFor(987_654),
    UnreachableForAWhile,
    ReadBackFailsToo,
    Killed { stored: false },
    Killed { stored: true },
    Strangers(1, UnknownRead::Refused),
    Strangers(2, UnknownRead::LeftOut),
    TooOld(1),
    TooOld(2),
];

fn all_ways() -> Vec<Ways> {
    let mut ways = Vec::new();
    for atomicity in [Atomicity::Atomic, Atomicity::Partial] {
        for duplicates in [Duplicates::Drop, Duplicates::Keep] {
            for visible_after in [Duration::ZERO, Duration::from_millis(700)] {
                ways.push(Ways { atomicity, duplicates, visible_after });
            }
        }
    }
    ways
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn law_5_every_good_punch_arrives_exactly_once_whatever_wecom_does_and_whatever_breaks() {
    let mut cases: Vec<(Ways, Fault)> =
        all_ways().into_iter().flat_map(|ways| FAULTS.iter().map(move |fault| (ways, *fault))).collect();
    let mut running = JoinSet::new();
    // Those that wait longest begin first; what is bounded is memory and threads, not time.
    cases.sort_by_key(|(_, fault)| matches!(fault, TooOld(_) | Strangers(..)));
    while let Some((ways, fault)) = cases.pop() {
        running.spawn(play(ways, fault));
        if running.len() >= 60 {
            running.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

async fn play(ways: Ways, fault: Fault) {
    let what = format!("{ways:?} {fault:?}");
    let members: Vec<String> = (0..150).map(|n| format!("User{n:03}")).collect();
    let mut site = Site::with(|options| {
        options.members = Members::Listed(members);
        options.behaviour = Behaviour {
            atomicity: ways.atomicity,
            duplicates: ways.duplicates,
            visible_after: ways.visible_after,
            oldest: Some(Duration::from_secs(86_400)),
            ..Behaviour::default()
        };
    })
    .await;
    let now_s = site.now_s();
    let first: Vec<Punch> = vec![("User000".into(), now_s - 9000)];
    let bad = bad(fault, now_s);
    // A whole batch and half of another around what is bad; else one that is not full.
    let mut good = punches(now_s, if bad.is_empty() { 60 } else { 150 }, 2);
    site.punch(first.clone()).await;
    site.start();
    site.until_settled("the first").await;

    begin(&site, fault);
    let mut all = good.clone();
    // In the middle, so that they share a batch with others.
    for (n, punch) in bad.iter().enumerate() {
        all.insert(40 + 97 * n, punch.clone());
    }
    site.punch(all).await;
    end(&mut site, fault).await;

    site.until_settled(&what).await;
    good.extend(first);
    site.arrived_once(&what, &good);
    let mut expected: Vec<String> = bad.into_iter().map(|(userid, _)| userid).collect();
    let mut parked = site.parked().await;
    expected.sort();
    parked.sort();
    assert_eq!(parked, expected, "{what}");
    let calls = site.standin.calls();
    let (writes, reads) = bounds(fault);
    assert!(calls.add_checkin_record <= writes, "{what}: {} writing calls", calls.add_checkin_record);
    assert!(calls.getcheckindata <= reads, "{what}: {} reading calls", calls.getcheckindata);
    site.delivery.take().unwrap().stop().await;
}

fn bad(fault: Fault, now_s: i64) -> Vec<Punch> {
    match fault {
        Strangers(n, _) => (0..n).map(|n| (format!("stranger{n}"), now_s - 7000 + n as i64 * 1500)).collect(),
        // Members like others; it is the record that is bad.
        TooOld(n) => (0..n).map(|n| (format!("User{:03}", 20 + n * 50), now_s - 100_000)).collect(),
        _ => Vec::new(),
    }
}

/// Calls without a fault: a batch for the first, two or three for the rest, and a few looks to confirm them.
fn bounds(fault: Fault) -> (u64, u64) {
    match fault {
        // Eight levels, two calls a level; looks while each level settles, in two calls.
        Strangers(n, _) | TooOld(n) => (5 + 18 * n as u64, 150 + 90 * n as u64),
        RefusedFor(_) => (12, 110),
        NotCallable | UntrustedAddress => (14, 80),
        _ => (14, 100),
    }
}

fn begin(site: &Site, fault: Fault) {
    let standin = &site.standin;
    let writes = |disturbance: Disturbance| disturbance.on(Call::AddCheckinRecord);
    let effect =
        |disturbance: Disturbance, stored: bool| if stored { disturbance.taking_effect() } else { disturbance };
    match fault {
        StoredThenCut => standin.disturb(Disturbance::store_then_cut().times(2)),
        CutBeforeStored => standin.disturb(Disturbance::cut_before_store().times(2)),
        StoredThenHalfAnswer => standin.disturb(Disturbance::store_then_half_answer().times(1)),
        AnswersTooLate | Killed { stored: true } => {
            standin.behaviour(|behaviour| behaviour.delay_answer = Duration::from_secs(3));
        }
        Killed { stored: false } => standin.behaviour(|behaviour| behaviour.delay_before = Duration::from_secs(3)),
        BadGateway { stored } => standin.disturb(effect(writes(Disturbance::bad_gateway()), stored).times(2)),
        Garbage { stored } => standin.disturb(effect(writes(Disturbance::garbage()), stored).times(2)),
        Busy { stored } => standin.disturb(effect(writes(Disturbance::errcode(Errcode::BUSY)), stored).times(2)),
        TokenExpires => standin.expire_tokens(),
        TokenRejected => standin.disturb(writes(Disturbance::errcode(Errcode::TOKEN_EXPIRED)).times(1)),
        NotCallable => standin.behaviour(|behaviour| behaviour.callable = false),
        UntrustedAddress => standin.behaviour(|behaviour| behaviour.trusted_ip = false),
        RefusedFor(code) => standin.disturb(writes(Disturbance::errcode(Errcode(code))).times(2)),
        UnreachableForAWhile => {
            standin.behaviour(|behaviour| behaviour.reach = Reach::Refuses(Some(Duration::from_secs(2))));
        }
        ReadBackFailsToo => {
            standin.disturb(Disturbance::store_then_cut().times(1));
            standin.disturb(Disturbance::bad_gateway().on(Call::Getcheckindata).times(3));
        }
        Strangers(_, read) => standin.behaviour(|behaviour| behaviour.unknown_read = read),
        TooOld(_) => {}
    }
}

async fn end(site: &mut Site, fault: Fault) {
    let heal = |behaviour: &mut Behaviour| {
        (behaviour.delay_answer, behaviour.delay_before) = (Duration::ZERO, Duration::ZERO);
        (behaviour.callable, behaviour.trusted_ip) = (true, true);
    };
    match fault {
        AnswersTooLate => {
            site.until("a call was given up", |states| states.contains_key(&2)).await;
            site.standin.behaviour(heal);
        }
        NotCallable | UntrustedAddress => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            site.standin.behaviour(heal);
        }
        Killed { stored } => {
            site.until("a call is under way", |states| states.contains_key(&1)).await;
            if stored {
                site.standin.until_held(100).await;
            }
            site.kill();
            site.standin.behaviour(heal);
            site.start();
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_bad_record_holds_up_nobody_but_its_batch() {
    let mut site = Site::with(|options| options.behaviour.oldest = Some(Duration::from_secs(86_400))).await;
    site.change = |spec| spec.settle = Duration::from_secs(3600);
    let now_s = site.now_s();
    let mut batch = punches(now_s, 199, 1);
    batch.push(("old".into(), now_s - 100_000));
    site.punch(batch).await;
    site.start();
    site.until("the batch is refused", |states| states.get(&2) == Some(&200)).await;
    let others: Vec<Punch> = (0..50).map(|n| (format!("other{n}"), now_s - 60 + n)).collect();
    site.punch(others.clone()).await;
    site.until("others arrive", |states| states.get(&4) == Some(&50)).await;
    site.arrived_once("others", &others);
}

#[tokio::test]
async fn the_punches_of_a_person_arrive_in_their_order_whatever_happens_to_batches() {
    let mut site = Site::with(|options| {
        options.behaviour.atomicity = Atomicity::Partial;
        options.behaviour.oldest = Some(Duration::from_secs(86_400));
    })
    .await;
    let now_s = site.now_s();
    let good = punches(now_s, 40, 4);
    let mut all = good.clone();
    all.push(("User007".into(), now_s - 100_000));
    site.standin.disturb(Disturbance::cut_before_store().times(1));
    site.standin.disturb(Disturbance::store_then_cut().after(1).times(1));
    site.punch(all).await;
    site.start();
    site.until_settled("order").await;
    site.arrived_once("order", &good);
    let held = site.standin.held();
    let mut last = std::collections::HashMap::new();
    for row in held {
        let before = last.insert(row.record.userid.to_ascii_lowercase(), row.record.checkin_time);
        assert!(before < Some(row.record.checkin_time), "{} at {}", row.record.userid, row.record.checkin_time);
    }
}

#[tokio::test]
async fn what_a_salvage_left_in_doubt_is_read_back_before_anything_is_sent() {
    let mut site = Site::new().await;
    site.standin.behaviour(|behaviour| behaviour.duplicates = Duplicates::Keep);
    let now_s = site.now_s();
    let all = punches(now_s, 130, 2);
    let (there, lost) = all.split_at(170);
    site.punch(there.to_vec()).await;
    site.start();
    site.until_settled("before").await;
    site.kill();
    let statement = "UPDATE delivery SET attempts = 0; DELETE FROM delivery WHERE true;";
    site.journal.write(move |write| Ok(write.sql().execute_batch(statement)?)).await.unwrap();
    site.punch(there.to_vec()).await;
    site.punch(lost.to_vec()).await;
    // As attendance inserts them after a salvage: without a batch, without a time to look.
    let doubt = "DROP TRIGGER steps; UPDATE delivery SET state = 2";
    site.journal.write(move |write| Ok(write.sql().execute_batch(doubt)?)).await.unwrap();
    site.start();
    site.until_settled("after").await;
    site.arrived_once("salvage", &all);
}

#[tokio::test]
async fn punches_of_the_future_wait_for_their_time() {
    let mut site = Site::new().await;
    let now_s = site.now_s();
    let punch: Punch = ("zhangsan".into(), now_s + 3);
    site.punch(vec![punch.clone()]).await;
    site.start();
    site.until_settled("future").await;
    site.arrived_once("future", &[punch]);
    assert_eq!(site.standin.calls().refused_in_all(), 0);
}

#[tokio::test]
async fn a_record_says_where_it_was_made() {
    let mut site = Site::new().await;
    let now_s = site.now_s();
    let reading = format!(
        "INSERT INTO boot VALUES (1, 'b', 0, 0);
         INSERT INTO reading VALUES (1, 1, 'user_id', '7', 0, NULL, 'log', 'finger', 'in', NULL, NULL, x'', NULL, NULL, 1, 0, {}, 0, NULL, NULL, x'')",
        now_s * 1000
    );
    site.journal.write(move |write| Ok(write.sql().execute_batch(&reading)?)).await.unwrap();
    site.punch(vec![("zhangsan".into(), now_s - 60)]).await;
    site.start();
    site.until_settled("place").await;
    let record = site.standin.held().remove(0).record;
    assert_eq!((record.location_title.as_str(), record.location_detail.as_str()), ("一号门", "北门"));
    assert_eq!((record.lat, record.lng), (Some(31_230_400), Some(121_473_700)));
}

#[tokio::test]
async fn what_becomes_visible_late_is_not_sent_twice() {
    for refused in [false, true] {
        let mut site = Site::with(|options| {
            options.behaviour.atomicity = Atomicity::Partial;
            options.behaviour.duplicates = Duplicates::Keep;
            options.behaviour.visible_after = Duration::from_millis(2000);
            options.behaviour.oldest = Some(Duration::from_secs(86_400));
        })
        .await;
        site.change = |spec| spec.settle = Duration::from_millis(4000);
        let now_s = site.now_s();
        let good = punches(now_s, 100, 2);
        let mut all = good.clone();
        if refused {
            // Stored but for one, and none of it to be seen for a while.
            all.push(("old".into(), now_s - 100_000));
        } else {
            site.standin.disturb(Disturbance::store_then_cut().times(1));
        }
        site.punch(all).await;
        site.start();
        site.until_settled("late").await;
        site.arrived_once(if refused { "late, refused" } else { "late, cut" }, &good);
    }
}
