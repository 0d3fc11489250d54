//! Lists that are corrected when punches were made by them already: what has not left the house is credited again, what has is
//! listed for a correction, and what a person decided stays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/operations.rs"]
mod operations;

use std::collections::BTreeMap;

use common::{House, at, person, reading, registry};
use proptest::prelude::*;
use punchd::agent::{Decided, Import, Imported, Operations, corrections};
use punchd::attendance::people::{PersonEntry, Source};
use punchd::journal::{OrganisationEntry, OrganisationId};
use punchd_contract::{Credential, Reading, Verdict};

const REFUSED: &str = r#"UPDATE delivery SET state = 5, attempts = 1, code = 60111, reason = '{"refused":{"message":"userid not found"}}'"#;
const STRANGER: &str = r#"UPDATE delivery SET state = 5, attempts = 1, code = 60111, reason = '{"stranger":{"message":"userid not found"}}'"#;

async fn import_to(operations: &Operations, organisation: Option<&str>, people: Vec<PersonEntry>) -> Imported {
    let people = people.into_iter().map(|person| (organisation.map(str::to_owned), person)).collect();
    let import = Import { people, dry_run: false, source: Source::Spreadsheet, confirmed: true };
    operations.import(import).await.unwrap()
}

async fn import(house: &House, people: Vec<PersonEntry>) -> Imported {
    import_to(&house.operations(), None, people).await
}

/// Every delivery: reading, whose, state.
async fn deliveries(house: &House) -> Vec<(i64, String, i64)> {
    let all = |sql: &rusqlite::Connection| {
        let mut select = sql.prepare(
            "SELECT d.seq, p.userid, d.state FROM delivery d JOIN person p USING (person) ORDER BY d.seq, d.destination",
        )?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    };
    house.journal.read(all).await.unwrap()
}

/// What is listed: reading, who has it, whose it is.
async fn listed(house: &House) -> Vec<(i64, String, String)> {
    let all = house.journal.read(corrections).await.unwrap();
    all.into_iter().map(|one| (one.seq.0, one.credited, one.person)).collect()
}

fn is(seq: i64, userid: &str, state: i64) -> (i64, String, i64) {
    (seq, userid.into(), state)
}

/// 1001 is Zhang, and the card is Li's or nobody's.
#[tokio::test]
async fn an_event_that_names_two_people_is_neithers_until_somebody_says_whose_it_is() {
    let house = House::new().await;
    let card = |last: u8| Credential::Card(vec![0, 6, 199, last]);
    let mut li = person("lisi", &["1002"]);
    li.credentials.push(("card".into(), card(252).value()));
    import(&house, vec![li]).await;
    let with = |also, minute| Reading { also, ..reading("1001", at(minute), 1) };
    let verdicts = house.submit([with(Some(card(252)), 0), with(Some(card(9)), 30), with(None, 60)]).await;
    assert!(matches!(&verdicts[0], Verdict::Held { reason } if reason.en.contains("names two people")), "{verdicts:?}");
    assert!(matches!(&verdicts[1..], [Verdict::Punch { .. }, Verdict::Punch { .. }]), "{verdicts:?}");
    assert_eq!(deliveries(&house).await, [is(2, "zhangsan", 0), is(3, "zhangsan", 0)]);
    // The card was listed for the wrong one.
    import(&house, vec![PersonEntry { credentials: vec![("user_id".into(), "1002".into())], ..person("lisi", &[]) }])
        .await;
    assert_eq!(deliveries(&house).await, [is(1, "zhangsan", 0), is(2, "zhangsan", 0), is(3, "zhangsan", 0)]);
}

/// A house where 1009 is `anne`, whom WeCom does not know, and has punched twice within the window, and once later.
async fn mistyped() -> House {
    let house = House::new().await;
    import(&house, vec![person("anne", &["1009"])]).await;
    house.submit([reading("1009", at(0), 1), reading("1009", at(1), 1), reading("1009", at(30), 1)]).await;
    house
}

fn right() -> Vec<PersonEntry> {
    vec![person("anne", &[]), person("ann", &["1009"])]
}

#[tokio::test]
async fn a_mistyped_userid_is_corrected_while_its_punches_wait() {
    let house = mistyped().await;
    assert_eq!(deliveries(&house).await, [is(1, "anne", 0), is(3, "anne", 0)]);
    let imported = import(&house, right()).await;
    assert_eq!((imported.credited_again, imported.to_correct), (3, 0));
    assert_eq!(deliveries(&house).await, [is(1, "ann", 0), is(3, "ann", 0)]);
    assert_eq!(listed(&house).await, []);
}

#[tokio::test]
async fn what_was_refused_and_parked_is_withdrawn_and_waits_for_the_right_one() {
    for why in [REFUSED, STRANGER] {
        let house = mistyped().await;
        house.sql(why).await;
        import(&house, right()).await;
        assert_eq!(deliveries(&house).await, [is(1, "ann", 0), is(3, "ann", 0)]);
        assert_eq!(house.count("SELECT count(*) FROM delivery WHERE attempts > 0 OR reason IS NOT NULL").await, 0);
    }
}

#[tokio::test]
async fn what_arrived_is_listed_and_nothing_of_it_is_sent_again() {
    for arrived in ["UPDATE delivery SET state = 3", "UPDATE delivery SET state = 4"] {
        let house = mistyped().await;
        house.sql(arrived).await;
        let before = deliveries(&house).await;
        let imported = import(&house, right()).await;
        assert_eq!((imported.credited_again, imported.to_correct), (0, 2));
        assert_eq!(deliveries(&house).await, before);
        let expected = [1, 3].map(|seq| (seq, "anne".to_owned(), "ann".to_owned()));
        assert_eq!(listed(&house).await, expected);
        // The same list again tells nothing new, and the list as it was takes it back.
        assert_eq!(import(&house, right()).await.to_correct, 0);
        import(&house, vec![person("ann", &[]), person("anne", &["1009"])]).await;
        assert_eq!(listed(&house).await, []);
        assert_eq!(deliveries(&house).await, before);
    }
}

#[tokio::test]
async fn what_was_on_its_way_when_the_list_was_corrected_and_was_refused_then_finds_the_right_one() {
    let house = mistyped().await;
    house.sql("UPDATE delivery SET state = 2, attempts = 1").await;
    assert_eq!(import(&house, right()).await.to_correct, 2);
    assert_eq!(listed(&house).await.len(), 2);
    house.sql(STRANGER).await;
    import(&house, right()).await;
    assert_eq!(deliveries(&house).await, [is(1, "ann", 0), is(3, "ann", 0)]);
    assert_eq!(listed(&house).await, [], "nothing of it is to be corrected anywhere");
}

#[tokio::test]
async fn what_was_dropped_stays_dropped() {
    let house = mistyped().await;
    house.sql("UPDATE delivery SET state = 6").await;
    let imported = import(&house, right()).await;
    assert_eq!((imported.credited_again, imported.to_correct), (1, 0), "the follower alone has no delivery");
    assert!(deliveries(&house).await.iter().filter(|one| one.2 == 6).count() == 2);
}

#[tokio::test]
async fn a_card_that_is_handed_on_stays_with_whoever_had_it_until_the_last_day() {
    let house = House::new().await;
    import(&house, vec![person("bob", &["1009"])]).await;
    let days = |days: i64| at(days * 24 * 60);
    house.submit([reading("1009", days(0), 1), reading("1009", days(5), 1)]).await;
    let mut bob = person("bob", &["1009"]);
    bob.left_on = Some(days(3).date());
    import(&house, vec![bob, person("cleo", &["1009"])]).await;
    house.submit([reading("1009", days(2), 1), reading("1009", days(6), 1)]).await;
    let expected = [is(1, "bob", 0), is(2, "cleo", 0), is(3, "bob", 0), is(4, "cleo", 0)];
    assert_eq!(deliveries(&house).await, expected);
}

#[tokio::test]
async fn a_reading_that_a_person_gave_to_somebody_is_never_moved_by_a_list() {
    let house = House::new().await;
    let wrong = vec![person("bob", &["1009"]), person("cleo", &[]), person("ann", &[])];
    house.submit([reading("1009", at(0), 1)]).await;
    import(&house, vec![person("cleo", &[]), person("bob", &[]), person("ann", &[])]).await;
    let given = Decided {
        seqs: vec![1],
        decision: None,
        person: Some("cleo".into()),
        by: "Wang".into(),
        reason: "she lent her card".into(),
        forced: false,
    };
    assert_eq!(house.operations().decide(given).await.unwrap().settled, 1);
    assert_eq!(deliveries(&house).await, [is(1, "cleo", 0)]);
    for list in [wrong, vec![person("bob", &[]), person("ann", &["1009"])]] {
        import(&house, list).await;
        assert_eq!(deliveries(&house).await, [is(1, "cleo", 0)]);
        assert_eq!(listed(&house).await, []);
    }
    // So it is of one that arrived, and of one that was refused.
    for state in ["UPDATE delivery SET state = 4", REFUSED] {
        house.sql(state).await;
        let before = deliveries(&house).await;
        import(&house, vec![person("ann", &[]), person("bob", &["1009"])]).await;
        assert_eq!((deliveries(&house).await, listed(&house).await), (before, vec![]));
        import(&house, vec![person("bob", &[]), person("ann", &["1009"])]).await;
    }
}

/// A house with a second organisation, whom the device serves as well.
async fn shared() -> House {
    let mut all = registry();
    all.organisations.push(OrganisationEntry { name: "other".into(), merge_window_s: 300 });
    all.devices[0].organisations.push("other".into());
    House::with_registry(tempfile::tempdir().unwrap(), &all).await.0
}

async fn credited(house: &House) -> Vec<(i64, i64, String)> {
    let all = |sql: &rusqlite::Connection| {
        let mut select = sql.prepare(
            "SELECT v.seq, v.organisation, p.userid FROM verdict v JOIN person p USING (person)
              WHERE v.outcome <= 1 ORDER BY v.seq, v.organisation",
        )?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    };
    house.journal.read(all).await.unwrap()
}

#[tokio::test]
async fn a_reading_that_only_one_organisation_knew_counts_for_the_other_when_its_list_knows_the_person() {
    let house = shared().await;
    house.submit([reading("1001", at(0), 1)]).await;
    assert_eq!(credited(&house).await, [(1, 1, "zhangsan".into())]);
    assert_eq!(house.count("SELECT count(*) FROM verdict").await, 1, "it is none of the other's business");
    import_to(&house.operations(), Some("other"), vec![person("zhang.san", &["1001"])]).await;
    assert_eq!(credited(&house).await, [(1, 1, "zhangsan".into()), (1, 2, "zhang.san".into())]);
    let again = import_to(&house.operations(), Some("other"), vec![person("zhang.san", &["1001"])]).await;
    assert_eq!((again.settled, credited(&house).await.len()), (0, 2));
}

#[tokio::test]
async fn a_card_that_went_from_one_organisation_to_the_other_takes_no_past_along() {
    for leaves in [true, false] {
        let house = shared().await;
        house.submit([reading("1001", at(0), 1)]).await;
        let mut gone = person("zhangsan", if leaves { &["1001"] } else { &[] });
        gone.left_on = leaves.then(|| at(60).date());
        import_to(&house.operations(), Some("main"), vec![gone]).await;
        import_to(&house.operations(), Some("other"), vec![person("wang", &["1001"])]).await;
        assert_eq!(credited(&house).await, [(1, OrganisationId(1).0, "zhangsan".into())], "left: {leaves}");
    }
}

#[tokio::test]
async fn a_device_that_comes_to_serve_another_organisation_has_no_past_there() {
    let house = House::new().await;
    house.submit([reading("1001", at(0), 1)]).await;
    let mut all = registry();
    all.organisations.push(OrganisationEntry { name: "other".into(), merge_window_s: 300 });
    all.devices[0].organisations.push("other".into());
    let house = House::with_registry(house.close().await, &all).await.0;
    house.submit([reading("1001", at(30), 1)]).await;
    import_to(&house.operations(), Some("other"), vec![person("zhang.san", &["1001"])]).await;
    let of_other: Vec<_> = credited(&house).await.into_iter().filter(|one| one.1 == 2).collect();
    assert_eq!(of_other, [(2, 2, "zhang.san".into())]);
}

const IDS: [&str; 3] = ["1001", "1002", "1003"];
const PEOPLE: [&str; 3] = ["ann", "bob", "cleo"];

#[derive(Clone, Debug)]
enum Step {
    Punch(usize),
    /// By number of the person: which ids they have. An id that two would have goes to the first.
    List([usize; 3]),
    Arrive(usize),
    Refuse(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..IDS.len()).prop_map(Step::Punch),
        2 => [0..PEOPLE.len(), 0..PEOPLE.len(), 0..PEOPLE.len()].prop_map(Step::List),
        2 => (0..20usize).prop_map(Step::Arrive),
        1 => (0..20usize).prop_map(Step::Refuse),
    ]
}

/// Everybody with their ids; `owners` by id.
fn list(owners: [usize; 3]) -> Vec<PersonEntry> {
    let ids = |one: usize| -> Vec<&str> { (0..3).filter(|id| owners[*id] == one).map(|id| IDS[id]).collect() };
    (0..3).map(|one| person(PEOPLE[one], &ids(one))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_lists_say_one_after_the_other_what_waits_is_of_the_last_and_what_arrived_is_compared_with_it(
        steps in prop::collection::vec(step(), 1..30), last in [0..3usize, 0..3usize, 0..3usize]
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::new().await;
            import(&house, list([0, 1, 2])).await;
            let mut punches: Vec<usize> = Vec::new();
            let mut arrived: BTreeMap<i64, String> = BTreeMap::new();
            for step in steps.into_iter().chain([Step::List(last)]) {
                match step {
                    Step::Punch(id) => {
                        punches.push(id);
                        let n = punches.len();
                        house.submit([reading(IDS[id], at(n as i64 * 11), n as u32)]).await;
                    }
                    Step::List(owners) => { import(&house, list(owners)).await; }
                    Step::Arrive(n) | Step::Refuse(n) if punches.len() <= n => {}
                    Step::Arrive(n) => {
                        let seq = n as i64 + 1;
                        let all = deliveries(&house).await;
                        let one = all.iter().find(|(of, _, _)| *of == seq).unwrap();
                        arrived.entry(seq).or_insert_with(|| one.1.clone());
                        set(&house, seq, "state = 4, attempts = 1, code = NULL, reason = NULL").await;
                    }
                    Step::Refuse(n) if arrived.contains_key(&(n as i64 + 1)) => {}
                    Step::Refuse(n) => set(&house, n as i64 + 1, r#"state = 5, attempts = 1, code = 60111, reason = '{"refused":{"message":""}}'"#).await,
                }
            }
            let all = deliveries(&house).await;
            prop_assert_eq!(all.len(), punches.len());
            let mut expected = Vec::new();
            for (n, id) in punches.iter().enumerate() {
                let (seq, owner) = (n as i64 + 1, PEOPLE[last[*id]]);
                let (_, userid, state) = &all[n];
                match arrived.get(&seq) {
                    Some(then) => {
                        prop_assert_eq!((userid.as_str(), *state), (then.as_str(), 4));
                        if then != owner {
                            expected.push((seq, then.clone(), owner.to_owned()));
                        }
                    }
                    None => prop_assert_eq!(userid.as_str(), owner, "punch {}", seq),
                }
            }
            prop_assert_eq!(listed(&house).await, expected);
            Ok(())
        })?;
    }
}

async fn set(house: &House, seq: i64, what: &'static str) {
    let statement = format!("UPDATE delivery SET {what} WHERE seq = ?1");
    house.journal.write(move |write| Ok(write.sql().execute(&statement, [seq])?)).await.unwrap();
}
