use super::*;
use crate::clock::{Clock, UnixMillis, VirtualClock};
use crate::delivery::{confirm, doubt};
use crate::journal::{DestinationEntry, Journal, Options, OrganisationEntry, Registry};

const WECOM: DestinationId = DestinationId(1);
const NOW: i64 = 1_793_620_800;

async fn journal(folder: &tempfile::TempDir) -> Journal {
    let registry = Registry {
        organisations: vec![OrganisationEntry { name: "main".into(), merge_window_s: 300 }],
        devices: Vec::new(),
        destinations: vec![DestinationEntry {
            name: "wecom".into(),
            kind: "wecom".into(),
            organisation: "main".into(),
            identity: "ww1".into(),
            history: crate::journal::History::default(),
        }],
    };
    let clock = VirtualClock::at(UnixMillis(NOW * 1000));
    let (journal, _) = Journal::open(Options::in_folder(folder.path()), &registry, &clock.stamp()).unwrap();
    journal
        .write(|write| {
            Ok(write.sql().execute_batch(
                "INSERT INTO person (organisation, userid, userid_folded, name) VALUES
                   (1, 'a', 'a', 'A'), (1, 'b', 'b', 'B'), (1, 'c', 'c', 'C'), (1, '有空格 x', '有空格 x', 'D')",
            )?)
        })
        .await
        .unwrap();
    journal
}

/// Deliveries as (person, time, state).
async fn given(journal: &Journal, rows: &'static [(i64, i64, i64)]) {
    journal
        .write(move |write| {
            for (seq, (person, time_s, state)) in (1..).zip(rows) {
                write.sql().execute(
                    "INSERT INTO delivery (destination, seq, person, time_s, state, changed_ms) VALUES (1, ?1, ?2, ?3, ?4, 0)",
                    (seq, person, time_s, state),
                )?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

async fn picked(journal: &Journal, limit: usize) -> Vec<(String, i64)> {
    let picked = journal
        .write(move |write| {
            let wanted = Wanted { from: Position::START, until_s: 100, limit, batch: 7, now_ms: NOW * 1000 };
            pick(write, WECOM, wanted, &Places::default())
        })
        .await
        .unwrap();
    let records = picked.load.map(|load| load.records).unwrap_or_default();
    records.into_iter().map(|record| (record.userid.to_string(), record.checkin_time.get())).collect()
}

async fn states(journal: &Journal) -> Vec<i64> {
    journal
        .read(|sql| {
            let mut select = sql.prepare("SELECT state FROM delivery ORDER BY delivery")?;
            Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn the_oldest_leave_first_and_nobody_overtakes_himself() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder).await;
    given(&journal, &[(1, 50, 0), (2, 40, 2), (2, 60, 0), (3, 20, 0), (1, 30, 0), (3, 101, 0), (3, 10, 5)]).await;
    let expected = [("c".to_owned(), 20), ("a".to_owned(), 30), ("a".to_owned(), 50)];
    assert_eq!(picked(&journal, 200).await, expected);
    assert_eq!(states(&journal).await, [1, 2, 0, 1, 1, 0, 5]);
    assert_eq!(picked(&journal, 200).await, [], "what is being sent holds up the rest of its persons");
}

#[tokio::test]
async fn what_cannot_be_made_a_record_is_parked_and_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder).await;
    given(&journal, &[(4, 10, 0), (1, -5, 0), (2, 20, 0)]).await;
    assert_eq!(picked(&journal, 200).await, [("b".to_owned(), 20)]);
    assert_eq!(states(&journal).await, [5, 5, 1]);
}

#[tokio::test]
async fn a_look_that_ends_at_its_limit_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder).await;
    journal
        .write(|write| {
            // One person in doubt with more waiting punches than one look covers, and another behind them.
            Ok(write.sql().execute_batch(
                "INSERT INTO delivery (destination, seq, person, time_s, state, changed_ms) VALUES (1, 0, 1, 0, 2, 0);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO delivery (destination, seq, person, time_s, state, changed_ms) SELECT 1, i, 1, i, 0, 0 FROM n;
                 INSERT INTO delivery (destination, seq, person, time_s, state, changed_ms) VALUES (1, 4000, 2, 4000, 0, 0)",
            )?)
        })
        .await
        .unwrap();
    let mut from = Some(Position::START);
    let mut looks = 0;
    while let Some(position) = from {
        looks += 1;
        let picked = journal
            .write(move |write| {
                let wanted = Wanted { from: position, until_s: 9000, limit: 200, batch: 7, now_ms: NOW * 1000 };
                pick(write, WECOM, wanted, &Places::default())
            })
            .await
            .unwrap();
        if let Some(load) = picked.load {
            assert_eq!((load.records.len(), looks), (1, 2));
            return;
        }
        from = picked.next;
    }
    panic!("the other person's punch was not found");
}

#[tokio::test]
async fn what_was_being_sent_is_in_doubt_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder).await;
    given(&journal, &[(1, 10, 1), (2, 20, 0), (3, 30, 3)]).await;
    let (doubtful, _) = journal.write(|write| recover(write, WECOM, NOW * 1000)).await.unwrap();
    assert_eq!((doubtful, states(&journal).await), (1, vec![2, 0, 3]));
    let looked = journal.read(|sql| outlook(sql, WECOM)).await.unwrap();
    assert_eq!((looked.doubt_ms, looked.waiting_s), (Some(NOW * 1000), Some(20)));
}

#[tokio::test]
async fn a_set_clock_lets_doubt_settle_anew() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder).await;
    given(&journal, &[(1, 10, 2), (2, 20, 2)]).await;
    let changed = "UPDATE delivery SET changed_ms = 5000, not_before_ms = 6000 WHERE delivery = 1;
         UPDATE delivery SET changed_ms = 2000, not_before_ms = -1, code = 60111 WHERE delivery = 2";
    journal.write(move |write| Ok(write.sql().execute_batch(changed)?)).await.unwrap();
    let anew = |now_ms, step| journal.write(move |write| settle_anew(write, WECOM, now_ms, step));
    assert_eq!(anew(7000, Step::Back).await.unwrap(), 0, "nothing lies in the future");
    assert_eq!(anew(4000, Step::Back).await.unwrap(), 1);
    assert_eq!(anew(9000, Step::Forward).await.unwrap(), 1, "what is ready has settled");
}

/// How SQLite goes about a statement.
async fn plan(journal: &Journal, statement: &'static str) -> String {
    journal
        .read(move |sql| {
            let mut explain = sql.prepare(&format!("EXPLAIN QUERY PLAN {statement}"))?;
            let parameters = explain.parameter_count();
            let lines = explain
                .query_map(rusqlite::params_from_iter((0..parameters).map(|_| 1)), |row| row.get::<_, String>(3))?;
            Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn no_statement_looks_at_more_than_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder).await;
    for (statement, index) in [
        (PICK, "delivery_waiting (destination=? AND time_s>? AND time_s<?)"),
        (UNDER_WAY, "delivery_under_way (destination=? AND state=? AND person=?)"),
        (OLDEST_WAITING, "delivery_waiting (destination=?)"),
        (NEXT_CONFIRM, "delivery_unconfirmed (destination=? AND not_before_ms>?)"),
        (NEXT_DOUBT, "delivery_doubtful (destination=? AND not_before_ms>?)"),
        (NEW_DOUBT, "delivery_doubtful (destination=? AND not_before_ms=?)"),
        (bisect::READY_BATCHES, "delivery_doubtful (destination=? AND not_before_ms=?)"),
        (bisect::HELD_UP, "delivery_under_way (destination=? AND state=? AND person=? AND time_s<?)"),
        (bisect::HELD_UP, "delivery_doubtful_batch (destination=? AND batch=?)"),
        (confirm::DUE, "delivery_unconfirmed (destination=? AND not_before_ms>? AND not_before_ms<?)"),
        (doubt::INVISIBLE, "delivery_invisible (destination=? AND person=?)"),
    ] {
        let plan = plan(&journal, statement).await;
        assert!(plan.contains(index), "{statement}\n{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
    }
}
