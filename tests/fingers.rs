//! Fingers in the journal: whose they are, which modules need them, and what becomes of templates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{House, person, registry};
use jiff::civil::date;
use punchd::clock::UnixMillis;
use punchd::journal::{
    DeviceEntry, DeviceId, Missing, OrganisationEntry, PersonId, fingers, leftover_fingers, missing_fingers,
};
use punchd_contract::{Batch, Credential, FingerModule, FingerName, Method, Reading, StoredFinger, Template, Verdict};

/// Three modules: two of one model, of which the second serves another organisation too; and one of another model.
async fn site() -> House {
    let mut registry = registry();
    registry.organisations.push(OrganisationEntry { name: "other".into(), merge_window_s: 300 });
    let module = |name: &str, organisations: &[&str]| DeviceEntry {
        name: name.into(),
        kind: "fingerprint".into(),
        organisations: organisations.iter().map(|name| (*name).to_owned()).collect(),
        ..registry.devices[0].clone()
    };
    registry.devices = vec![
        module("east", &["main"]),
        module("west", &["main", "other"]),
        module("north", &["main"]),
        module("guests", &["other"]),
    ];
    let (house, _) = House::with_registry(tempfile::tempdir().unwrap(), &registry).await;
    for (device, module, model) in
        [(EAST, "m1", "R503"), (WEST, "m2", "R503"), (NORTH, "m3", "ZFM-20"), (GUESTS, "m4", "R503")]
    {
        holds(&house, device, module, model, &[], &[]).await;
    }
    house
}

const EAST: DeviceId = DeviceId(1);
const WEST: DeviceId = DeviceId(2);
const NORTH: DeviceId = DeviceId(3);
const GUESTS: DeviceId = DeviceId(4);
const TODAY: &str = "2026-10-05";

async fn holds(house: &House, device: DeviceId, module: &str, model: &str, ours: &[&str], foreign: &[&str]) {
    let names = |list: &[&str]| list.iter().map(|name| FingerName((*name).to_owned())).collect();
    let fingers = FingerModule {
        module: module.into(),
        model: model.into(),
        capacity: 200,
        fingers: names(ours),
        foreign: names(foreign),
    };
    house.submit_from(device, Batch { fingers: Some(fingers), ..Batch::default() }).await;
}

const TEMPLATE: &[u8] = b"a template of 512 bytes that nobody is to find in a file";

async fn enrol(house: &House, name: &str) {
    let stored = StoredFinger {
        name: FingerName(name.into()),
        template: Some(Template { model: "R503".into(), bytes: TEMPLATE.to_vec() }),
    };
    house
        .journal
        .write(move |write| write.enrol_finger(EAST, PersonId(1), &stored, "operator", UnixMillis(1)))
        .await
        .unwrap();
    reload(house).await;
}

async fn reload(house: &House) {
    house.attendance.set_people(house.journal.read(punchd::attendance::people::People::load).await.unwrap());
}

async fn missing(house: &House) -> Vec<DeviceId> {
    let missing = house.journal.read(|sql| missing_fingers(sql, TODAY)).await.unwrap();
    missing.into_iter().map(|Missing { device, .. }| device).collect()
}

async fn touch(house: &House, name: &str) -> Verdict {
    let credential = Credential::Finger(FingerName(name.into()));
    let reading = Reading::now(credential, Method::Finger, "ef01", "slot 3");
    house.submit_from(EAST, Batch { readings: vec![reading], ..Batch::default() }).await.remove(0)
}

#[tokio::test]
async fn an_enrolled_finger_is_its_persons_and_survives_an_import_of_the_people_list() {
    let house = site().await;
    assert_eq!(touch(&house, "m1-3-1").await, Verdict::Unknown);
    enrol(&house, "m1-3-1").await;
    assert_eq!(house.reopen_verdicts().await, 1, "the touch before the enrolment found its person");
    house.people(vec![person("zhangsan", &["1001", "1002"])]).await;
    assert!(matches!(touch(&house, "m1-3-1").await, Verdict::Merged { .. }));
    assert_eq!(touch(&house, "m1-4-1").await, Verdict::Unknown);
}

#[tokio::test]
async fn modules_of_the_same_model_that_serve_the_person_miss_the_finger_and_no_others() {
    let house = site().await;
    enrol(&house, "m1-3-1").await;
    assert_eq!(missing(&house).await, [WEST]);
    let wanted = house.journal.read(|sql| missing_fingers(sql, TODAY)).await.unwrap().remove(0);
    let template = house.journal.write(move |write| write.template(wanted.enrolment)).await.unwrap().unwrap();
    assert_eq!(template.bytes, TEMPLATE);
    let name = FingerName("m2-9-1".into());
    house.journal.write(move |write| write.finger_of(WEST, wanted.enrolment, &name)).await.unwrap();
    reload(&house).await;
    assert_eq!(missing(&house).await, []);
    assert!(matches!(touch(&house, "m2-9-1").await, Verdict::Punch { .. }));
    // Another module is plugged in at the same place: it has nothing yet.
    holds(&house, WEST, "m5", "R503", &[], &[]).await;
    assert_eq!(missing(&house).await, [WEST]);
}

#[tokio::test]
async fn a_finger_that_was_in_the_module_already_is_nobodys_until_it_is_assigned() {
    let house = site().await;
    holds(&house, EAST, "m1", "R503", &[], &["m1-7-0"]).await;
    assert_eq!(touch(&house, "m1-7-0").await, Verdict::Unknown);
    let rows = house.journal.read(fingers).await.unwrap();
    assert_eq!((rows[0].name.as_str(), rows[0].present, rows[0].userid.as_deref()), ("m1-7-0", true, None));
    house.journal.write(|write| write.assign_finger(&FingerName("m1-7-0".into()), PersonId(1))).await.unwrap();
    reload(&house).await;
    assert_eq!(house.reopen_verdicts().await, 1);
    assert_eq!(house.journal.read(fingers).await.unwrap()[0].userid.as_deref(), Some("zhangsan"));
}

#[tokio::test]
async fn what_a_person_leaves_behind_is_taken_out_of_modules_and_the_template_is_emptied() {
    let house = site().await;
    enrol(&house, "m1-3-1").await;
    let mut left = person("zhangsan", &["1001"]);
    left.left_on = Some(date(2026, 10, 4));
    house.people(vec![left]).await;
    assert_eq!(missing(&house).await, []);
    let leftover = house.journal.read(|sql| leftover_fingers(sql, TODAY)).await.unwrap();
    assert_eq!(leftover.len(), 1);
    assert_eq!((leftover[0].device, leftover[0].finger.0.as_str()), (EAST, "m1-3-1"));
    // On the last day the finger still serves.
    assert!(house.journal.read(|sql| leftover_fingers(sql, "2026-10-04")).await.unwrap().is_empty());
    assert_eq!(house.journal.write(|write| write.empty_templates("2026-10-04")).await.unwrap(), 0);
    assert_eq!(house.journal.write(|write| write.empty_templates(TODAY)).await.unwrap(), 1);
    assert_eq!(house.count("SELECT count(*) FROM enrolment WHERE template IS NOT NULL").await, 0);
    house.journal.write(|write| write.finger_removed(&FingerName("m1-3-1".into()))).await.unwrap();
    assert!(house.journal.read(|sql| leftover_fingers(sql, TODAY)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_withdrawn_finger_stands_for_nobody_in_any_module() {
    let house = site().await;
    enrol(&house, "m1-3-1").await;
    let wanted = house.journal.read(|sql| missing_fingers(sql, TODAY)).await.unwrap().remove(0);
    let other = FingerName("m2-9-1".into());
    house.journal.write(move |write| write.finger_of(WEST, wanted.enrolment, &other)).await.unwrap();
    assert!(house.journal.write(|write| write.withdraw_finger(&FingerName("m2-9-1".into()))).await.unwrap());
    reload(&house).await;
    for name in ["m1-3-1", "m2-9-1"] {
        assert_eq!(touch(&house, name).await, Verdict::Unknown, "{name}");
    }
    assert_eq!(missing(&house).await, []);
    assert_eq!(house.journal.read(|sql| leftover_fingers(sql, TODAY)).await.unwrap().len(), 2);
    assert_eq!(house.count("SELECT count(*) FROM enrolment WHERE template IS NOT NULL").await, 0);
    assert!(!house.journal.write(|write| write.withdraw_finger(&FingerName("m9-9-9".into()))).await.unwrap());
}

#[tokio::test]
async fn a_template_is_nowhere_in_the_clear() {
    let house = site().await;
    enrol(&house, "m1-3-1").await;
    let folder = house.close().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(TEMPLATE.len()).any(|window| window == TEMPLATE);
        assert!(!found, "{}", path.display());
    }
}

#[tokio::test]
async fn a_spreadsheet_changes_ids_and_cards_and_leaves_codes_and_badges_to_the_configuration() {
    let house = site().await;
    let badge = ("badge".to_owned(), "ibeacon:2F234454-CF6D-4A0F-ADF2-F4911BA9FFA6/1/2".to_owned());
    let mut listed = person("zhangsan", &["1001"]);
    listed.credentials.push(badge.clone());
    listed.contains = punchd::attendance::people::Contains::all();
    house.people(vec![listed.clone()]).await;
    let near = || async {
        let reading = Reading::now(Credential::Badge(badge.1.clone()), Method::Proximity, "ibeacon", "advertisement");
        house.submit_from(EAST, Batch { readings: vec![reading], ..Batch::default() }).await.remove(0)
    };
    assert!(matches!(near().await, Verdict::Punch { .. }));
    house.people(vec![person("zhangsan", &["1002"])]).await;
    assert!(matches!(near().await, Verdict::Merged { .. }), "a list that cannot hold badges took one away");
    listed.credentials.retain(|(kind, _)| kind != "badge");
    house.people(vec![listed]).await;
    assert_eq!(near().await, Verdict::Unknown, "a badge that was taken away still counts");
}
