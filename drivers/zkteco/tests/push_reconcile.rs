//! Completeness: what the terminal has and what is here are compared, and what is missing is fetched.

mod push_site;

use jiff::civil::date;
use punchd_contract::{AlertKind, Command, CommandError, Condition, Origin, Value};
use punchd_zkteco::push::virtual_device::VirtualPushTerminal;
use push_site::{MINUTE, Site};

/// Counts are compared every two hours.
async fn site() -> Site {
    Site::with(|values| values.with("reconcile_every", Value::Duration(120 * MINUTE))).await
}

/// A terminal that told another server of its records and does not upload them by itself.
fn forgetful(site: &Site, days: i8) -> VirtualPushTerminal {
    let terminal = site.terminal();
    terminal.go_offline();
    for day in 1..=days {
        terminal.punch("1001", date(2025, 12, 28).at(8, 0, 0, 0) + jiff::Span::new().days(day), 1, 0);
        terminal.punch("1002", date(2025, 12, 28).at(18, 0, 0, 0) + jiff::Span::new().days(day), 1, 1);
    }
    terminal.punch("1001", date(2024, 5, 1).at(8, 0, 0, 0), 1, 0);
    terminal.count_as_uploaded();
    terminal.go_online();
    terminal
}

fn complete(bench: &punchd_contract::conformance::Bench) -> bool {
    bench
        .health_now()
        .is_some_and(|health| health.condition == Condition::Working && health.text.en.contains("; complete at"))
}

#[tokio::test(start_paused = true)]
async fn records_that_another_server_swallowed_are_fetched_at_first_contact() {
    let site = site().await;
    let terminal = forgetful(&site, 7);
    assert!(site.sees(|bench| bench.readings().len() == 15).await, "{}", site.bench.readings().len());
    assert!(site.sees(complete).await, "{:?}", site.bench.health_now());
    assert!(site.bench.readings().iter().all(|reading| reading.origin == Origin::Backfill));
    assert!(site.bench.alerts().is_empty(), "{:?}", site.bench.alerts());
    assert_eq!(terminal.unsent(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_called_complete_before_it_is_proven() {
    let site = site().await;
    let _terminal = forgetful(&site, 7);
    assert!(site.sees(complete).await);
    let history = site.bench.health_history();
    let first = history.iter().position(|health| health.text.en.contains("; complete at")).unwrap();
    assert!(first > 0);
    assert_eq!(site.bench.readings().len(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_gap_during_the_day_is_found_by_the_regular_comparison_and_after_a_silence() {
    let site = site().await;
    let terminal = site.terminal();
    assert!(site.sees(complete).await);
    terminal.go_offline();
    terminal.punch_now("1001");
    terminal.count_as_uploaded();
    tokio::time::sleep(10 * MINUTE).await;
    assert!(site.bench.readings().is_empty());
    terminal.go_online();
    assert!(site.sees(|bench| bench.readings().len() == 1).await);
    terminal.go_offline();
    terminal.punch_now("1002");
    terminal.count_as_uploaded();
    terminal.go_online();
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!(site.bench.readings().len(), 1);
    assert!(site.sees_within(3 * 60 * MINUTE, |bench| bench.readings().len() == 2).await);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_counts_what_it_does_not_have_is_reported_once() {
    let site = site().await;
    let terminal = site.terminal();
    terminal.punch("1001", date(2026, 1, 3).at(8, 0, 0, 0), 1, 0);
    terminal.count_phantoms(2);
    assert!(site.sees(|bench| bench.alerts().iter().any(|alert| alert.kind == AlertKind::CountsDiffer)).await);
    assert!(site.sees(|bench| bench.health_now().is_some_and(|health| health.condition == Condition::Warning)).await);
    tokio::time::sleep(5 * 60 * MINUTE).await;
    let differ = site.bench.alerts().iter().filter(|alert| alert.kind == AlertKind::CountsDiffer).count();
    assert_eq!(differ, 1);
    terminal.count_phantoms(0);
    assert!(site.sees_within(3 * 60 * MINUTE, complete).await, "{:?}", site.bench.health_now());
}

#[tokio::test(start_paused = true)]
async fn punches_deleted_on_the_terminal_stay_here_and_are_reported() {
    let site = site().await;
    let terminal = site.terminal();
    for hour in 8..12 {
        terminal.punch("1001", date(2026, 1, 3).at(hour, 0, 0, 0), 1, 0);
    }
    assert!(site.sees(|bench| bench.readings().len() == 4).await);
    terminal.delete_punches_by_hand();
    assert!(
        site.sees_within(3 * 60 * MINUTE, |bench| {
            let kinds: Vec<_> = bench.alerts().iter().map(|alert| alert.kind).collect();
            kinds.contains(&AlertKind::PunchesDeleted) && kinds.contains(&AlertKind::CountsDiffer)
        })
        .await
    );
    assert_eq!(site.bench.readings().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_agent_can_have_days_compared_and_the_whole_log_read() {
    let site = site().await;
    let terminal = forgetful(&site, 7);
    assert!(site.sees(complete).await);
    let done = site.bench.command(Command::Reconcile { from: date(2025, 12, 30), to: date(2026, 1, 1) }).await.unwrap();
    assert!(done.text.en.starts_with("complete: all 6 records"), "{}", done.text);
    let done = site.bench.command(Command::ReadLog).await.unwrap();
    assert!(done.text.en.starts_with("complete: all 15 records"), "{}", done.text);
    assert_eq!(site.bench.readings().len(), 15);
    terminal.go_offline();
    tokio::time::sleep(10 * MINUTE).await;
    assert!(matches!(site.bench.command(Command::ReadLog).await, Err(CommandError::Unreachable(_))));
}

#[tokio::test(start_paused = true)]
async fn a_lost_cursor_and_a_restart_cost_a_fetch_and_no_alert() {
    let mut site = site().await;
    let _terminal = forgetful(&site, 7);
    assert!(site.sees(complete).await);
    site.kill().await;
    site.bench.forget_cursor();
    site.start().await;
    tokio::time::sleep(MINUTE).await;
    assert!(site.sees(complete).await, "{:?}", site.bench.health_now());
    assert_eq!(site.bench.readings().len(), 15);
    assert!(site.bench.repeated() > 0);
    assert!(site.bench.alerts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_difference_of_long_ago_is_told_once_and_not_fetched_every_time() {
    let site = site().await;
    let terminal = site.terminal();
    terminal.punch("1001", date(2025, 6, 1).at(8, 0, 0, 0), 1, 0);
    terminal.count_phantoms(1);
    assert!(site.sees(|bench| bench.alerts().iter().any(|alert| alert.kind == AlertKind::CountsDiffer)).await);
    tokio::time::sleep(30 * MINUTE).await;
    let repeated = site.bench.repeated();
    tokio::time::sleep(5 * 60 * MINUTE).await;
    assert_eq!(site.bench.repeated(), repeated);
    assert_eq!(site.bench.alerts().len(), 1);
    assert_eq!(site.bench.health_now().unwrap().condition, Condition::Warning);
}
