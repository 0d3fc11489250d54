//! Boots that ended without the time: what the journal proves of them, and what a person says.

use punchd::agent::{BootDecided, BootSettled, Decided, OperationError};
use punchd::attendance::Decision;
use punchd_contract::Verdict;

use crate::site::{EVENING, Site};

/// Two taps, ten minutes apart, in a boot that never knew the time; it is over, and the one after it knows the time.
async fn undated() -> Site {
    let mut site = Site::new().await;
    site.start().await;
    site.until("SELECT count(*) FROM anchor", 1).await;
    site.passes(600);
    assert!(matches!(site.tap().await, Verdict::Punch { .. }));
    site.delivered(1).await;
    site.stop().await;
    site.passes(3600);
    site.boots_in_1970("b");
    site.start().await;
    site.passes(100);
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.passes(600);
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.stop().await;
    site.passes(1800);
    site.boots_in_1970("c");
    site.start().await;
    site.passes(60);
    site.is_synchronised();
    site.until("SELECT count(*) FROM anchor", 2).await;
    site
}

/// When the first of the two was.
const FIRST: i64 = EVENING + 600 + 3600 + 100;

fn word(seq: i64, time_s: i64, forced: bool) -> BootDecided {
    let (by, reason) = ("Wang".to_owned(), "the guard wrote it down".to_owned());
    BootDecided { seq, time_s, by, reason, forced }
}

#[tokio::test]
async fn the_journal_bounds_a_boot_without_time_by_its_neighbours_and_by_how_long_it_ran() {
    let site = undated().await;
    let bounds = site.agent().operations.bounds(vec![1, 2, 3]).await.unwrap();
    let seconds: Vec<_> = bounds
        .iter()
        .map(|(seq, bounds)| (*seq, (bounds.not_before_ms + 500) / 1000, (bounds.not_after_ms.unwrap() + 500) / 1000))
        .collect();
    // The boot began after the tap before it, and ended before the next one began; its taps are where they are in it.
    let (after, before) = (EVENING + 600, FIRST + 600 + 1800 - 1);
    assert_eq!(seconds, [(2, after + 101, before - 600), (3, after + 701, before)]);
}

#[tokio::test]
async fn a_person_s_word_about_one_reading_dates_the_whole_boot_and_is_kept_with_name_and_reason() {
    let site = undated().await;
    let operations = &site.agent().operations;
    let settled = operations.decide_boot(word(3, FIRST + 600, false)).await.unwrap();
    assert_eq!(settled, BootSettled { open: 2, settled: 2 });
    assert_eq!(site.delivered(3).await, [EVENING + 600, FIRST, FIRST + 600]);
    let kept: String =
        site.ask("SELECT said_by || ': ' || reason FROM anchor WHERE source = 'person' AND boot = 2").await;
    assert_eq!(kept, "Wang: the guard wrote it down");
    assert_eq!(site.ask::<i64>("SELECT count(*) FROM verdict WHERE basis = 'decision'").await, 2);
    let again = operations.decide_boot(word(3, FIRST, false)).await;
    assert!(matches!(&again, Err(OperationError::Journal(error)) if error.to_string().contains("nothing to decide")));
}

#[tokio::test]
async fn a_word_against_what_the_journal_proves_is_refused_unless_somebody_insists() {
    let site = undated().await;
    let operations = &site.agent().operations;
    for time_s in [EVENING, FIRST + 86_400] {
        let refused = operations.decide_boot(word(2, time_s, false)).await.unwrap_err().to_string();
        assert!(
            refused.contains("reading 2 was not before 2026-11-02 12:11:4") && refused.contains("--force"),
            "{refused}"
        );
        let one = Decided {
            seqs: vec![2],
            decision: Some(Decision::At { time_s }),
            person: None,
            by: "Wang".into(),
            reason: "seen".into(),
            forced: false,
        };
        assert!(operations.decide(one).await.unwrap_err().to_string().contains("was not before"));
    }
    assert_eq!(site.ask::<i64>("SELECT count(*) FROM anchor WHERE source = 'person'").await, 0);
    assert!(operations.decide_boot(BootDecided { reason: " ".into(), ..word(2, FIRST, false) }).await.is_err());
    assert!(operations.decide_boot(word(99, FIRST, true)).await.is_err(), "there is no such reading");
    let settled = operations.decide_boot(word(2, EVENING, true)).await.unwrap();
    assert_eq!(settled, BootSettled { open: 2, settled: 2 });
}

#[tokio::test]
async fn one_reading_alone_may_be_decided_and_the_other_stays_held() {
    let site = undated().await;
    let one = Decided {
        seqs: vec![2],
        decision: Some(Decision::At { time_s: FIRST }),
        person: None,
        by: "Wang".into(),
        reason: "seen".into(),
        forced: false,
    };
    assert_eq!(site.agent().operations.decide(one).await.unwrap().settled, 1);
    assert_eq!(site.delivered(2).await, [EVENING + 600, FIRST]);
    assert_eq!(site.ask::<i64>("SELECT seq FROM verdict WHERE outcome = 3").await, 3);
}

#[tokio::test]
async fn somebody_may_tell_the_time_of_the_running_boot_too() {
    let mut site = Site::new().await;
    site.boots_in_1970("b");
    site.start().await;
    assert!(matches!(site.tap().await, Verdict::Held { .. }));
    site.passes(600);
    let settled = site.agent().operations.decide_boot(word(1, EVENING, false)).await.unwrap();
    assert_eq!(settled, BootSettled { open: 1, settled: 1 });
    // What comes later in this boot follows from it.
    let Verdict::Punch { time, .. } = site.tap().await else { panic!("dated by what was said") };
    assert_eq!(time.as_second(), EVENING + 600);
    // And nobody needs to say it again after a restart.
    site.stop().await;
    site.start().await;
    site.passes(600);
    assert!(matches!(site.tap().await, Verdict::Punch { .. }));
    assert_eq!(site.ask::<i64>("SELECT count(*) FROM anchor").await, 1);
}
