//! The disk is full, once or until somebody makes room.

use std::sync::Arc;

use punchd::journal::{Failure, JournalError};

use crate::disk::{Disk, Fault, Kept, Kind, Lasting};
use crate::gateway::Gateway;
use crate::scenario::{Expected, STEPS, step};

#[tokio::test]
async fn a_full_disk_refuses_loses_nothing_and_works_again_by_itself_once_there_is_room() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let expected = Expected::on_a_good_disk(&folder).await;
    for lasting in [Lasting::Once, Lasting::ForEver] {
        let mut refused = 0;
        for at in 1.. {
            let when = format!("full {lasting:?} from write {at}");
            let disk = Disk::new();
            disk.plan(Fault::new(Kind::Full, at, lasting));
            let mut gateway = Gateway::with(&folder, &disk);
            for number in 0..STEPS {
                // A start that finds no room is tried again by systemd; everything else by whoever submitted it.
                for attempt in 1.. {
                    let was_started = gateway.is_started() && number != 7;
                    match step(&mut gateway, number).await {
                        Ok(()) => break,
                        Err(JournalError::DiskFull) if was_started => {
                            refused += 1;
                            gateway.says(|failure| *failure == Some(Failure::DiskFull)).await;
                        }
                        Err(JournalError::DiskFull | JournalError::Sqlite(_) | JournalError::CannotOpen { .. })
                            if !was_started => {}
                        Err(error) => panic!("{when}, step {number}: {error:?}"),
                    }
                    if attempt == 3 {
                        disk.repair();
                    }
                    assert!(attempt < 5, "{when}, step {number}: still refused although there is room");
                }
                if number != 7 {
                    gateway.says(Option::is_none).await;
                }
            }
            expected.check_end(&gateway.holds().await, &when);
            gateway.stop().await;
            let hit = disk.was_hit();
            // What was answered after the refusals is as durable as ever.
            let mut gateway = Gateway::with(&folder, &disk.after_power_cut(Kept::Nothing));
            gateway.start().await.unwrap();
            expected.check_end(&gateway.holds().await, &when);
            gateway.stop().await;
            assert_eq!(gateway.suspicion().raised(), None, "{when}: a full disk is no damage");
            if !hit {
                break;
            }
        }
        assert!(refused > 50, "the writer refused {refused} times only");
    }
}

#[tokio::test]
async fn only_a_transaction_that_wrote_something_ends_the_alarm_of_a_full_disk() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let disk = Disk::new();
    let mut gateway = Gateway::with(&folder, &disk);
    gateway.start().await.unwrap();
    disk.plan(Fault::new(Kind::Full, 1, Lasting::ForEver));
    let refused = gateway.sql("INSERT INTO meta VALUES ('a', '1')").await;
    assert!(matches!(refused, Err(JournalError::DiskFull)), "{refused:?}");
    gateway.says(|failure| *failure == Some(Failure::DiskFull)).await;
    // The second is begun when the first is over.
    gateway.sql("SELECT 1").await.unwrap();
    gateway.sql("SELECT 1").await.unwrap();
    assert_eq!(*gateway.journal().failure().borrow(), Some(Failure::DiskFull));
    disk.repair();
    gateway.sql("INSERT INTO meta VALUES ('a', '1')").await.unwrap();
    gateway.says(Option::is_none).await;
    gateway.stop().await;
}
