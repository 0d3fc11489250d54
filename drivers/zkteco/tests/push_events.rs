//! Not every event is a punch: refusals, alarms, openings from afar and failed checks are readings that do not count.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod push_site;

use proptest::prelude::*;
use punchd_contract::{Credential, Doubt, Event, Method, Reading, Value};
use push_site::{SERIAL, Site, body, run};

fn line(minute: usize, who: &str, event: &str) -> String {
    format!(
        "time=2026-01-04 08:{minute:02}:00\t{who}\teventaddr=1\tevent={event}\tinoutstatus=0\tverifytype=15\tindex={minute}\n"
    )
}

fn code(reading: &Reading) -> Option<u16> {
    match &reading.event {
        Event::Punch => None,
        Event::NoPunch { code, .. } => Some(*code),
    }
}

async fn events(site: &Site, codes: &[&str]) -> Vec<Reading> {
    let text: String =
        codes.iter().enumerate().map(|(minute, code)| line(minute, "pin=1001\tcardno=0", code)).collect();
    assert!(body(&site.upload("rtlog", text.as_bytes()).await).starts_with("OK"));
    site.bench.readings()
}

#[tokio::test(start_paused = true)]
async fn only_a_passage_is_a_punch_and_everything_else_is_kept_in_words() {
    let site = Site::new().await;
    let readings = events(&site, &["0", "3", "203", "22", "23", "24", "27", "29", "41", "4", "8", "101", "206"]).await;
    let codes: Vec<Option<u16>> = readings.iter().map(code).collect();
    let no = [22, 23, 24, 27, 29, 41, 4, 8, 101, 206].map(Some);
    assert_eq!(codes, [vec![None; 3], no.to_vec()].concat());
    assert!(readings.iter().all(|reading| reading.credential == Credential::UserId("1001".into())));
    let Event::NoPunch { text, .. } = &readings[3].event else { panic!("{:?}", readings[3]) };
    assert!(text.en.contains("22") && text.en.contains("hours") && text.zh.contains("非法时间段"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_nobody_lists_is_no_punch_and_none_at_all_is_doubtful() {
    let site = Site::new().await;
    let readings = events(&site, &["3999", "99999", "x", ""]).await;
    assert_eq!(readings.iter().map(code).collect::<Vec<_>>(), [Some(3999), Some(u16::MAX), Some(u16::MAX), None]);
    assert!(matches!(readings[3].doubt, Some(Doubt::Said { .. })), "{:?}", readings[3].doubt);
}

#[tokio::test(start_paused = true)]
async fn the_site_may_count_events_that_do_not_count_elsewhere() {
    let site = Site::with(|values| values.with("count_events", Value::Integers(vec![8, 101]))).await;
    let readings = events(&site, &["8", "101", "22"]).await;
    assert_eq!(readings.iter().map(code).collect::<Vec<_>>(), [None, None, Some(22)]);
}

#[tokio::test(start_paused = true)]
async fn a_passage_of_somebody_who_is_not_named_is_kept_and_a_door_that_opens_by_itself_is_not_one() {
    let site = Site::new().await;
    let text = line(0, "pin=0\tcardno=0", "0") + &line(1, "pin=0\tcardno=0", "200") + &line(2, "pin=0\tcardno=7", "27");
    site.upload("rtlog", text.as_bytes()).await;
    let who: Vec<_> = site.bench.readings().iter().map(|reading| (reading.credential.clone(), code(reading))).collect();
    assert_eq!(who, [(Credential::Unreadable, None), (Credential::Card(vec![0, 0, 0, 7]), Some(27))]);
}

#[tokio::test(start_paused = true)]
async fn a_mask_of_sixteen_digits_says_how_somebody_was_recognised() {
    let site = Site::new().await;
    let text = line(0, "pin=1\tcardno=0", "0").replace("verifytype=15", "verifytype=0000000000010000");
    site.upload("rtlog", text.as_bytes()).await;
    assert_eq!(site.bench.readings()[0].method, Method::Finger);
}

/// Lines of an identity-card terminal: attendance, and checks that passed, failed or met the black list.
async fn checks(site: &Site) -> Vec<Option<u16>> {
    let hello = site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=2.4.0&DeviceType=pid")).await;
    assert!(body(&hello).starts_with("GET OPTION FROM"), "{hello}");
    let row = |minute: u8, status: u8, kind: u8| {
        format!("1001\t2026-01-04 08:{minute:02}:00\t{status}\t1\t0\t0\t0\t110101199003070000\t{kind}\n")
    };
    let text = row(0, 0, 0) + &row(1, 1, 0) + &row(2, 0, 1) + &row(3, 1, 1) + &row(4, 2, 1);
    assert_eq!(body(&site.upload("ATTLOG", text.as_bytes()).await), "OK: 5");
    site.bench.readings().iter().map(code).collect()
}

#[tokio::test(start_paused = true)]
async fn a_check_of_an_identity_card_is_no_punch_and_attendance_is() {
    assert_eq!(checks(&Site::new().await).await, [None, None, Some(0), Some(1), Some(2)]);
    let site = Site::with(|values| values.with("count_card_checks", Value::Boolean(true))).await;
    assert_eq!(checks(&site).await, [None, None, None, Some(1), Some(2)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_refusal_no_alarm_and_no_unknown_code_is_ever_a_punch(codes in prop::collection::vec(0_u16..7100, 1..20)) {
        run(async move {
            let site = Site::new().await;
            let texts: Vec<String> = codes.iter().map(u16::to_string).collect();
            let readings = events(&site, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
            assert_eq!(readings.len(), codes.len());
            for (reading, sent) in readings.iter().zip(&codes) {
                match code(reading) {
                    None => assert!(*sent <= 19 || (200..=253).contains(sent), "{sent} is a punch"),
                    Some(code) => assert_eq!(code, *sent),
                }
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn the_card_beside_a_user_id_is_kept_as_what_the_event_names_as_well() {
    let site = Site::new().await;
    let text = line(0, "pin=1001\tcardno=444412", "0")
        + &line(1, "pin=1001\tcardno=0", "0")
        + &line(2, "pin=0\tcardno=444412", "0");
    site.upload("rtlog", text.as_bytes()).await;
    let card = Credential::Card(vec![0, 6, 199, 252]);
    let named: Vec<_> = site.bench.readings().into_iter().map(|reading| (reading.credential, reading.also)).collect();
    let id = || Credential::UserId("1001".into());
    assert_eq!(named, [(id(), Some(card.clone())), (id(), None), (card, None)]);
}
