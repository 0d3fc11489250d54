//! Every road by which a time enters, with every kind of false date that can come along it: what is false is held with its reason and
//! never delivered, what is true arrives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod gateway;
mod kinds;
mod local;
mod roads;

use gateway::at;
use kinds::{Kind, NEIGHBOURS};
use roads::Road;

/// Walks a road with each of these kinds, one gateway after the other.
async fn walk(road: Road, kinds: &[Kind]) {
    for kind in kinds {
        let (before, after) = kind.neighbours();
        let (gateway, more) = road.brings(before, kind.date(), after).await;
        let true_ones: Vec<&str> = before.iter().chain(after).copied().collect();
        gateway.settles(&format!("{road:?} with {kind:?}"), true_ones.len() + more.len() + 1).await;
        let what = format!("{road:?} with {kind:?}: {:?}", gateway.verdicts());
        let held = gateway.held();
        assert_eq!(held.len(), 1, "{what}");
        assert!(kind.reasons().iter().any(|reason| held[0].contains(reason)), "{what}");
        let mut wanted: Vec<i64> = true_ones.iter().map(|time| at(time)).chain(more).collect();
        wanted.sort_unstable();
        assert_eq!(gateway.arrives(wanted.len()).await, wanted, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_terminal_that_is_asked() {
    walk(Road::PullLog, &Kind::ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_such_a_terminal_tells_as_it_happens() {
    // An event has no date that does not exist, and its arrival tells the pass of an hour.
    walk(Road::PullEvent, &[Kind::TooEarly, Kind::Behind, Kind::AfterNow, Kind::NextYear]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attendance_that_a_terminal_uploads() {
    walk(Road::Attlog, &Kind::ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attendance_that_a_terminal_uploads_line_by_line() {
    walk(Road::AttlogLineByLine, &[Kind::TooEarly, Kind::AfterNow, Kind::NextYear, Kind::Impossible]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_doors() {
    walk(Road::Rtlog, &Kind::ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_of_doors() {
    walk(Road::Transaction, &Kind::ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_terminal_answers_when_it_is_asked_for_a_past_period() {
    // Asked by dates, a terminal answers by dates: there is no order that one of them could contradict, and nobody asks for next year.
    walk(Road::Backfill, &[Kind::TooEarly, Kind::AfterNow, Kind::RepeatedHour]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_terminal_behind_a_program() {
    walk(Road::Program, &Kind::ALL).await;
}

#[test]
fn every_kind_stands_between_true_neighbours() {
    for kind in Kind::ALL {
        let (before, after) = kind.neighbours();
        assert!(!before.is_empty() && !after.is_empty() && !NEIGHBOURS.contains(&kind.date()), "{kind:?}");
    }
}
