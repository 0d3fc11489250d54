//! A terminal's date is a claim: its own distance from UTC, its order, its clock as live uploads show it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod push_site;

use std::time::Duration;

use jiff::tz::Offset;
use jiff::{SignedDuration, ToSpan, civil::date};
use proptest::prelude::*;
use punchd_contract::{Condition, Doubt, Happened, Origin, Reading};
use push_site::{MINUTE, SERIAL, Site, run};

fn row(time: &str, offset: &str) -> String {
    format!("1001\t{time}\t0\t15\t0\t0\t0\t0\t36.2\t36.2\t{offset}\t\n")
}

async fn poll(site: &Site) {
    site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await;
}

/// One punch as it happens, by a clock that is so much behind.
async fn live(site: &Site, id: &str, behind: SignedDuration) -> Reading {
    let shown = site.local_now().saturating_sub(behind).strftime("%Y-%m-%d %H:%M:%S").to_string();
    site.upload("ATTLOG", format!("{id}\t{shown}\t0\t1\t0\n").as_bytes()).await;
    site.bench.readings().pop().unwrap()
}

/// Polls every half minute for so long.
async fn goes_on(site: &Site, length: Duration) {
    let end = tokio::time::Instant::now() + length;
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(MINUTE / 2).await;
        poll(site).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_says_its_distance_from_utc_is_dated_by_it_and_the_difference_is_said() {
    let site = Site::new().await;
    for (time, offset) in
        [("2026-01-04 08:00:00", "+28800"), ("2026-01-04 09:00:00", "+25200"), ("2026-01-04 09:00:00", "+28800")]
    {
        site.upload("ATTLOG", row(time, offset).as_bytes()).await;
        let warned = site.bench.health_now().unwrap().text.en.contains("zone");
        assert_eq!(warned, offset == "+25200");
    }
    let happened: Vec<Happened> = site.bench.readings().into_iter().map(|reading| reading.happened).collect();
    let at = |hour, offset| Happened::ByTerminalAt(date(2026, 1, 4).at(hour, 0, 0, 0), Offset::constant(offset));
    assert_eq!(happened, [at(8, 8), at(9, 7), at(9, 8)]);
    site.upload("ATTLOG", row("2026-01-04 09:00:00", "+25200").as_bytes()).await;
    assert_eq!((site.bench.readings().len(), site.bench.repeated()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_distance_that_no_place_has_is_doubtful() {
    for offset in ["+99999", "28801", "abc", "0"] {
        let site = Site::new().await;
        site.upload("ATTLOG", row("2026-01-04 08:00:00", offset).as_bytes()).await;
        let reading = site.bench.readings().remove(0);
        assert!(matches!(reading.doubt, Some(Doubt::Said { .. })), "{offset}: {reading:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_from_long_ago_between_two_good_ones_is_doubtful() {
    let site = Site::new().await;
    let text = "1002\t2026-01-04 08:00:00\t0\t1\n1001\t2025-07-05 09:00:00\t0\t1\n1002\t2026-01-04 17:00:00\t0\t1\n";
    site.upload("ATTLOG", text.as_bytes()).await;
    let doubts: Vec<bool> = site.bench.readings().iter().map(|reading| reading.doubt.is_some()).collect();
    assert_eq!(doubts, [false, true, false]);
    // A log that is sent from its newest end is no disorder.
    let site = Site::new().await;
    site.upload(
        "ATTLOG",
        b"1\t2026-01-04 10:00:00\t0\t1\n1\t2026-01-04 09:00:00\t0\t1\n1\t2026-01-03 08:00:00\t0\t1\n",
    )
    .await;
    assert!(site.bench.readings().iter().all(|reading| reading.doubt.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_at_every_live_punch_is_said_and_told_to_the_agent() {
    let site = Site::new().await;
    poll(&site).await;
    let two_hours = SignedDuration::from_hours(2);
    for _ in 0..5 {
        goes_on(&site, 3 * MINUTE).await;
        live(&site, "1001", two_hours).await;
    }
    let health = site.bench.health_now().unwrap();
    assert_eq!(health.condition, Condition::Warning);
    assert!(health.text.en.contains("2 h behind") && health.text.zh.contains("2 小时"), "{}", health.text);
    let offset = site.bench.offsets().pop().expect("told");
    assert!((offset + 7_200_000).abs() < 5_000, "{offset}");
    assert_eq!(site.bench.readings().pop().unwrap().origin, Origin::Live);
    // Set right, it is right at once.
    goes_on(&site, 3 * MINUTE).await;
    live(&site, "1001", SignedDuration::ZERO).await;
    let health = site.bench.health_now().unwrap();
    assert!(!health.text.en.contains("its clock is"), "{}", health.text);
    assert_eq!(site.bench.offsets().pop().map(|offset| offset.abs() < 5_000), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_backlog_after_an_outage_is_neither_doubtful_nor_a_finding() {
    for alone in [false, true] {
        let site = Site::new().await;
        site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=2.4.1")).await;
        live(&site, "1001", SignedDuration::ZERO).await;
        let start = date(2026, 1, 2).at(8, 0, 0, 0);
        let lines: Vec<String> = (0..40_i64)
            .map(|number| {
                format!(
                    "1001\t{}\t0\t1\t0\n",
                    start.saturating_add((number * 71).minutes()).strftime("%Y-%m-%d %H:%M:%S")
                )
            })
            .collect();
        if alone {
            for line in &lines {
                site.upload("ATTLOG", line.as_bytes()).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        } else {
            site.upload("ATTLOG", lines[..25].concat().as_bytes()).await;
            site.upload("ATTLOG", lines.concat().as_bytes()).await;
        }
        assert!(site.bench.readings().iter().all(|reading| reading.doubt.is_none()));
        assert!(site.bench.contacts().iter().all(|contact| contact.clock.is_none()));
        poll(&site).await;
        let health = site.bench.health_now().unwrap();
        assert!(!health.text.en.contains("clock"), "{}", health.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_punch_from_within_an_unbroken_contact_that_comes_an_hour_later_is_doubtful() {
    let site = Site::new().await;
    poll(&site).await;
    goes_on(&site, 120 * MINUTE).await;
    let late = live(&site, "1001", SignedDuration::from_hours(1)).await;
    assert!(matches!(late.doubt, Some(Doubt::Late { by_s: 3590..=3610 })), "{:?}", late.doubt);
    // After a refusal of ours it is no wonder.
    let site = Site::new().await;
    poll(&site).await;
    goes_on(&site, 120 * MINUTE).await;
    site.bench.refuse(Some(punchd_contract::NotRecorded::DiskFull));
    site.upload("ATTLOG", b"1001\t2026-01-05 09:00:00\t0\t1\t0\n").await;
    goes_on(&site, 60 * MINUTE).await;
    site.bench.refuse(None);
    assert_eq!(live(&site, "1001", SignedDuration::from_mins(70)).await.doubt, None);
}

#[tokio::test(start_paused = true)]
async fn door_states_tell_the_clock_of_a_controller() {
    let site = Site::new().await;
    for _ in 0..4 {
        let shown = site.local_now().saturating_add(40.minutes()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        site.upload("rtstate", format!("time={shown}\tsensor=00\trelay=00\talarm=0000000000000000").as_bytes()).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert!(
        site.sees(|bench| bench.health_now().unwrap().text.en.contains("40 min ahead")).await,
        "{:?}",
        site.bench.health_now()
    );
}

/// A site in Berlin at half past midnight UTC of the night in which summer time ends: 02:30, the first of two.
async fn berlin() -> Site {
    Site::at("2026-10-24T23:30:00Z", "Europe/Berlin").await
}

#[tokio::test(start_paused = true)]
async fn the_same_line_an_hour_later_in_the_repeated_hour_is_another_punch() {
    let site = berlin().await;
    poll(&site).await;
    goes_on(&site, 60 * MINUTE).await;
    let first = live(&site, "1001", SignedDuration::ZERO).await;
    goes_on(&site, 60 * MINUTE).await;
    let now = site.local_now();
    let line = format!("1001\t{}\t0\t1\t0\n", first.happened.civil().unwrap().strftime("%Y-%m-%d %H:%M:%S"));
    site.upload("ATTLOG", line.as_bytes()).await;
    let readings = site.bench.readings();
    let offsets: Vec<Happened> = readings.iter().map(|reading| reading.happened).collect();
    let civil = first.happened.civil().unwrap();
    assert!(now.duration_since(civil).abs() < SignedDuration::from_mins(2), "{now}");
    assert_eq!(
        offsets,
        [Happened::ByTerminalAt(civil, Offset::constant(2)), Happened::ByTerminalAt(civil, Offset::constant(1))]
    );
    assert!(readings.iter().all(|reading| reading.doubt.is_none()), "{readings:?}");
    // Sent again, it is what was there.
    site.upload("ATTLOG", line.as_bytes()).await;
    assert_eq!(site.bench.readings().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn which_pass_of_the_repeated_hour_is_doubtful_where_nothing_tells() {
    let site = Site::at("2026-10-26T08:00:00Z", "Europe/Berlin").await;
    site.upload("ATTLOG", b"1001\t2026-10-25 02:30:00\t0\t1\t0\n").await;
    assert_eq!(site.bench.readings()[0].doubt, Some(Doubt::RepeatedHour));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Dates around a reset: what is far behind its predecessor in one body is doubtful, and what goes on in order is not.
    #[test]
    fn whatever_falls_behind_in_a_body_is_doubtful(
        good in prop::collection::vec(1_i64..5000, 2..8), at in 1_usize..7, back in 3600_i64..20_000_000,
    ) {
        run(async move {
            let site = Site::new().await;
            let at = at.min(good.len() - 1);
            let (mut time, mut text) = (date(2025, 12, 1).at(8, 0, 0, 0), String::new());
            for (number, gap) in good.iter().enumerate() {
                time = time.saturating_add(gap.seconds());
                let shown = if number == at { time.saturating_sub(back.seconds()) } else { time };
                text.push_str(&format!("1{number}\t{}\t0\t1\n", shown.strftime("%Y-%m-%d %H:%M:%S")));
            }
            site.upload("ATTLOG", text.as_bytes()).await;
            let doubts: Vec<bool> = site.bench.readings().iter().map(|reading| reading.doubt.is_some()).collect();
            assert_doubts(&doubts, at, good[at], back);
        });
    }

    /// A log that was kept back comes in several bodies: a run at a false time is doubtful to its end wherever the bodies are cut, what comes
    /// after it is not, and what is sent again changes nothing.
    #[test]
    fn a_run_at_a_false_time_is_doubtful_across_bodies(
        cuts in prop::collection::vec(2_usize..15, 1..20), from in 1_usize..30, length in 1_usize..30, back in 10_000_000_i64..300_000_000,
        again in any::<bool>(),
    ) {
        run(async move {
            let site = Site::new().await;
            let end = (from + length).min(39);
            let line = |number: usize| {
                let time = date(2025, 10, 1).at(8, 0, 0, 0).saturating_add((number as i64 * 9).hours());
                let shown = if (from..end).contains(&number) { time.saturating_sub(back.seconds()) } else { time };
                format!("1{number}\t{}\t0\t1\n", shown.strftime("%Y-%m-%d %H:%M:%S"))
            };
            // As it happens, before what was kept back.
            site.upload("ATTLOG", format!("1001\t{}\t0\t1\n", site.local_now().strftime("%Y-%m-%d %H:%M:%S")).as_bytes()).await;
            let (mut sent, mut cut) = (0, cuts.iter().cycle());
            while sent < 40 {
                let until = (sent + cut.next().unwrap()).min(40);
                let until = if until == 39 { 40 } else { until };
                site.upload("ATTLOG", (sent..until).map(line).collect::<String>().as_bytes()).await;
                sent = until;
            }
            let doubtful = |site: &Site| -> Vec<usize> {
                let readings = site.bench.readings();
                readings.iter().skip(1).take(40).enumerate().filter(|(_, one)| one.doubt.is_some()).map(|(n, _)| n).collect()
            };
            let impossible = |number: &usize| {
                let readings = site.bench.readings();
                readings[number + 1].happened.civil().is_some_and(|civil| civil.date() < punchd_contract::order::EARLIEST)
            };
            let expected: Vec<usize> = (from..end).filter(|number| !impossible(number)).collect();
            // A body that ends in the middle of a long run tells nothing yet of which side is right: then both are doubtful.
            let found = doubtful(&site);
            assert!(expected.iter().all(|number| found.contains(number)), "{found:?} of {from}..{end} back {back}");
            assert!(found.iter().all(|number| *number < end), "{found:?} of {from}..{end} back {back}");
            if again {
                site.upload("ATTLOG", (0..40).map(line).collect::<String>().as_bytes()).await;
                assert_eq!(doubtful(&site), found, "sent again");
            }
        });
    }

    /// Any zone's distance that a line may say, any time: taken as said.
    #[test]
    fn every_distance_that_a_place_can_have_is_taken_as_said(quarters in -56_i32..=56, minute in 0_i64..400_000) {
        prop_assume!(quarters != 0);
        run(async move {
            let site = Site::new().await;
            let civil = date(2025, 1, 1).at(0, 0, 0, 0).saturating_add(minute.minutes());
            let offset = Offset::from_seconds(quarters * 900).unwrap();
            let text = row(&civil.strftime("%Y-%m-%d %H:%M:%S").to_string(), &format!("{:+}", quarters * 900));
            site.upload("ATTLOG", text.as_bytes()).await;
            assert_eq!(site.bench.readings()[0].happened, Happened::ByTerminalAt(civil, offset));
        });
    }
}

/// Behind its predecessor by more than clocks are adjusted daily, it is doubtful; and it alone.
fn assert_doubts(doubts: &[bool], at: usize, gap: i64, back: i64) {
    assert!(doubts[at] || back - gap <= 61, "{doubts:?} at {at}");
    assert!(doubts.iter().enumerate().all(|(number, doubt)| number == at || !doubt), "{doubts:?}");
}
