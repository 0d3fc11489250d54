//! The power is cut at every operation in turn.

use std::sync::Arc;

use punchd::journal::DeviceId;
use punchd_contract::{Batch, Cursor, Verdict};
use rusqlite::OptionalExtension;

use crate::common::{at, person, reading};
use crate::disk::{Disk, Fault, Kept, Kind, Lasting};
use crate::gateway::Gateway;
use crate::scenario::{Expected, STEPS, go_on, step};

fn ways(at: u64) -> [Kept; 5] {
    [Kept::Nothing, Kept::Everything, Kept::Some(at), Kept::Some(at + 1_000_000), Kept::Some(at + 2_000_000)]
}

#[tokio::test]
async fn whatever_a_power_cut_leaves_every_answered_step_is_there_whole_and_the_journal_goes_on() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let expected = Expected::on_a_good_disk(&folder).await;
    let mut cuts = 0;
    for at in 1.. {
        let disk = Disk::new();
        disk.plan(Fault::new(Kind::PowerCut, at, Lasting::ForEver));
        let mut gateway = Gateway::with(&folder, &disk);
        let (answered, _) = go_on(&mut gateway, 0).await;
        gateway.stop().await;
        if !disk.was_hit() {
            assert_eq!(answered, STEPS);
            break;
        }
        cuts += 1;
        for kept in ways(at) {
            let when = format!("cut at operation {at}, {kept:?} kept");
            // A machine without power leaves no note.
            gateway.suspicion().clear().unwrap();
            let mut gateway = Gateway::with(&folder, &disk.after_power_cut(kept));
            gateway.start().await.unwrap_or_else(|error| panic!("{when}: {error}"));
            expected.check(answered, &gateway.holds().await, &when);
            // What was not answered comes again. Once is enough for most cuts.
            if kept == ways(at)[(at % 5) as usize] {
                for number in answered.max(1)..STEPS {
                    step(&mut gateway, number).await.unwrap_or_else(|error| panic!("{when}: {error}"));
                }
                expected.check_end(&gateway.holds().await, &when);
            }
            gateway.stop().await;
        }
    }
    assert!(cuts > 200, "the loop went through {cuts} cuts only");
}

#[tokio::test]
async fn in_a_burst_of_several_devices_every_receipt_outlives_a_power_cut() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let ready = Disk::new();
    let mut gateway = Gateway::with(&folder, &ready);
    gateway.start().await.unwrap();
    gateway.people(vec![person("zhangsan", &["1001"]), person("lisi", &["1002"])]).await.unwrap();
    gateway.stop().await;
    for cut in 1.. {
        let disk = ready.after_power_cut(Kept::Everything);
        let mut gateway = Gateway::with(&folder, &disk);
        gateway.start().await.unwrap();
        disk.plan(Fault::new(Kind::PowerCut, cut, Lasting::ForEver));
        let mut receipts = Vec::new();
        for round in 1..=4_i64 {
            let submissions = (1..=3).map(|device| {
                let user = ["1001", "1002", "9999"][device as usize - 1];
                let readings = vec![reading(user, at(round * 10 + device), 1)];
                let raw = readings[0].raw.clone();
                let batch = Batch { readings, cursor: Some(Cursor(round.to_string())), ..Batch::default() };
                let submitted = gateway.submit(DeviceId(device), batch);
                async move { submitted.await.ok().map(|verdicts| (raw, verdicts)) }
            });
            receipts.extend(futures_util::future::join_all(submissions).await.into_iter().flatten());
        }
        gateway.stop().await;
        let hit = disk.was_hit();
        for kept in ways(cut) {
            gateway.suspicion().clear().unwrap();
            let mut gateway = Gateway::with(&folder, &disk.after_power_cut(kept));
            gateway.start().await.unwrap();
            gateway.holds().await;
            for (raw, verdicts) in receipts.clone() {
                let outcome = if verdicts == [Verdict::Unknown] { 2 } else { 0 };
                let found: Option<i64> = gateway
                    .journal()
                    .read(move |sql| {
                        let query = "SELECT outcome FROM reading JOIN verdict USING (seq) WHERE raw = ?1";
                        Ok(sql.query_row(query, [raw], |row| row.get(0)).optional()?)
                    })
                    .await
                    .unwrap();
                assert_eq!(found, Some(outcome), "cut at operation {cut}, {kept:?} kept: {verdicts:?}");
            }
            gateway.stop().await;
        }
        if !hit {
            assert_eq!(receipts.len(), 12);
            break;
        }
    }
}
