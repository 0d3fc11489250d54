//! Writes that the device refuses, and syncs that fail.

use std::sync::Arc;

use punchd::journal::{Failure, JournalError};
use punchd_contract::Batch;

use crate::common::{House, at, person, reading};
use crate::disk::{Disk, Fault, Kept, Kind, Lasting, Operation};
use crate::gateway::Gateway;
use crate::scenario::{Expected, STEPS, go_on, step};

#[tokio::test]
async fn after_a_refused_write_the_writer_stops_and_the_next_start_has_everything_that_was_answered() {
    after_an_error(Kind::WriteError, 200).await;
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_tried_again_and_nothing_answered_is_lost_even_if_the_power_goes_later() {
    after_an_error(Kind::SyncError, 15).await;
}

/// Once or for ever makes no difference to what is left: the writer does not try a second time.
async fn after_an_error(kind: Kind, at_least: u64) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let expected = Expected::on_a_good_disk(&folder).await;
    let mut hits = 0;
    for at in 1.. {
        let lasting = if at % 2 == 0 { Lasting::Once } else { Lasting::ForEver };
        let when = format!("{kind:?} {lasting:?} at {at}");
        let disk = Disk::new();
        let mut gateway = Gateway::with(&folder, &disk);
        gateway.suspicion().clear().unwrap();
        disk.plan(Fault::new(kind, at, lasting));
        let (answered, stopped) = go_on(&mut gateway, 0).await;
        if gateway.is_started() && matches!(stopped, Some(JournalError::Broken(_))) {
            assert!(gateway.suspicion().raised().is_some(), "{when}: the refusal came before the note");
            gateway.says(|failure| matches!(failure, Some(Failure::Fatal(_)))).await;
            let more = gateway.sql("UPDATE meta SET value = 0").await;
            assert!(matches!(more, Err(JournalError::Closed | JournalError::Broken(_))), "{when}: {more:?}");
            assert_eq!(disk.tried_after_the_fault(), 0, "{when}: the writer went on");
        }
        let in_writer = gateway.is_started() && stopped.is_some();
        let before_the_end = disk.was_hit();
        gateway.stop().await;
        if !disk.was_hit() {
            assert_eq!(answered, STEPS);
            break;
        }
        hits += 1;
        // A fault in the restart in the middle was found and dealt with by the start that followed.
        // An empty log that cannot be removed at the end is no harm.
        let at_the_end = !before_the_end && disk.first_hit() != Some(Operation::Delete);
        if in_writer || at_the_end {
            assert_eq!(disk.tried_after_the_fault(), 0, "{when}: something was tried again while closing");
        }
        if at_the_end || matches!(stopped, Some(JournalError::Broken(_))) {
            assert!(gateway.suspicion().raised().is_some(), "{when}: no note for the next start, {stopped:?}");
        }
        // The process starts again; the machine kept its power, so the kernel still shows what it could not write.
        disk.repair();
        gateway.start().await.unwrap_or_else(|error| panic!("{when}: {error}"));
        assert_eq!(gateway.suspicion().raised(), None, "{when}: the note stays although all is well");
        expected.check(answered, &gateway.holds().await, &when);
        for number in answered.max(1)..STEPS {
            step(&mut gateway, number).await.unwrap_or_else(|error| panic!("{when}: {error}"));
        }
        expected.check_end(&gateway.holds().await, &when);
        let cut = [Kept::Nothing, Kept::Some(at)].map(|kept| (kept, disk.after_power_cut(kept)));
        gateway.stop().await;
        for (kept, left) in cut {
            let mut after = Gateway::with(&folder, &left);
            after.start().await.unwrap_or_else(|error| panic!("{when}, then a power cut: {error}"));
            expected.check_end(&after.holds().await, &format!("{when}, then a power cut, {kept:?} kept"));
            after.stop().await;
        }
    }
    assert!(hits >= at_least, "the loop went through {hits} faults only");
}

#[tokio::test]
async fn a_failed_sync_while_the_log_is_folded_in_stops_the_writer_too() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    for at_sync in 1..=2 {
        let disk = Disk::new();
        let mut gateway = Gateway::with(&folder, &disk);
        gateway.start().await.unwrap();
        gateway.people(vec![person("zhangsan", &["1001"])]).await.unwrap();
        disk.plan(Fault { file: "journal.db", ..Fault::new(Kind::SyncError, at_sync, Lasting::Once) });
        let mut answered = 0;
        let mut stopped = None;
        for batch in 0..40 {
            let readings = (0..500).map(|n| reading("1001", at(batch * 500 + n - 20_000), 1)).collect();
            match gateway.submit(House::GATE, Batch { readings, ..Batch::default() }).await {
                Ok(verdicts) => answered += verdicts.len() as i64,
                Err(error) => {
                    stopped = Some(error);
                    break;
                }
            }
        }
        assert!(disk.was_hit(), "the log was never folded in");
        assert!(matches!(stopped, Some(JournalError::Broken(_) | JournalError::Closed)), "{stopped:?}");
        gateway.says(|failure| matches!(failure, Some(Failure::Fatal(_)))).await;
        gateway.stop().await;
        assert_eq!(disk.tried_after_the_fault(), 0);
        assert!(gateway.suspicion().raised().is_some());
        let mut after = Gateway::with(&folder, &disk.after_power_cut(Kept::Nothing));
        after.start().await.unwrap();
        after.holds().await;
        let there: i64 = after
            .journal()
            .read(|sql| Ok(sql.query_row("SELECT count(*) FROM reading", [], |row| row.get(0))?))
            .await
            .unwrap();
        assert!(there >= answered, "{there} of {answered} answered readings are there");
        after.stop().await;
    }
}
