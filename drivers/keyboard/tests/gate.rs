//! What people and operators see of a reader that types.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, EPOCH};
use punchd_contract::{Condition, Credential, DeviceName, Kind, Member, NotRecorded, Tone, Value, Values};
use punchd_keyboard::Wedge;
use punchd_keyboard::virtual_device::{Ending, Habits, InMemory, VirtualKeyboard};
use tokio::task::JoinSet;
use tokio::time::sleep;

const SOON: Duration = Duration::from_secs(10);

fn start(keyboard: &VirtualKeyboard, settings: &[(&str, &str)]) -> (Bench, JoinSet<()>) {
    let (bench, port) = Bench::new(EPOCH);
    let values = Values::new().with("device", Value::Text(keyboard.name().into()));
    let values = settings.iter().fold(values, |values, (key, word)| values.with(key, Value::Text((*word).into())));
    let settings = Arc::new(Wedge::<InMemory>::settings(&values).unwrap());
    let member = Member { device: DeviceName::new("gate").unwrap(), zone: TimeZone::UTC, settings, port };
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        let _ = Wedge::<InMemory>::run(vec![member]).await;
    });
    (bench, driver)
}

async fn is(bench: &Bench, condition: Condition) -> bool {
    bench.until(SOON, |bench| bench.health_now().is_some_and(|health| health.condition == condition)).await
}

fn cards(bench: &Bench) -> Vec<Credential> {
    bench.readings().into_iter().map(|reading| reading.credential).collect()
}

fn card(number: u32) -> Credential {
    Credential::Card(number.to_be_bytes().to_vec())
}

#[tokio::test(start_paused = true)]
async fn several_people_present_while_the_first_is_being_recorded_and_nobody_is_lost_or_joined() {
    for ending in [Ending::Enter, Ending::Nothing] {
        let (keyboard, habits) = (VirtualKeyboard::new(false), Habits { ending, num_lock: true });
        let (bench, _driver) = start(&keyboard, &[]);
        assert!(is(&bench, Condition::Working).await);
        bench.delay(Duration::from_millis(1900));
        for number in 1..=4 {
            keyboard.type_text(&format!("{number:010}"), habits).await;
        }
        assert!(bench.until(SOON, |bench| bench.readings().len() == 4).await, "{:?}", cards(&bench));
        assert_eq!(cards(&bench), [card(1), card(2), card(3), card(4)]);
    }
}

#[tokio::test(start_paused = true)]
async fn two_readers_of_a_kind_are_two_devices() {
    let (one, other) = (VirtualKeyboard::new(false), VirtualKeyboard::new(false));
    let ((bench_one, _first), (bench_other, _second)) = (start(&one, &[]), start(&other, &[("credential", "user_id")]));
    assert!(is(&bench_one, Condition::Working).await && is(&bench_other, Condition::Working).await);
    let both = (one.type_text("0000000001", Habits::USUAL), other.type_text("0000000002", Habits::USUAL));
    tokio::join!(both.0, both.1);
    sleep(SOON).await;
    assert_eq!(cards(&bench_one), [card(1)]);
    assert_eq!(cards(&bench_other), [Credential::UserId("0000000002".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_keyboard_that_somebody_else_has_is_a_fault_until_it_is_free() {
    let keyboard = VirtualKeyboard::new(false);
    keyboard.take_elsewhere(true);
    let (bench, _driver) = start(&keyboard, &[]);
    assert!(is(&bench, Condition::Fault).await);
    assert!(bench.health_now().unwrap().text.en.contains("taken by another program"));
    keyboard.take_elsewhere(false);
    assert!(is(&bench, Condition::Working).await);
}

#[tokio::test(start_paused = true)]
async fn the_lights_tell_what_became_of_it_and_a_second_try_is_taken() {
    let keyboard = VirtualKeyboard::new(true);
    let (bench, _driver) = start(&keyboard, &[]);
    assert!(is(&bench, Condition::Working).await);
    bench.refuse(Some(NotRecorded::DiskFull));
    keyboard.type_text("0007625328", Habits::USUAL).await;
    sleep(SOON).await;
    assert_eq!(keyboard.shown(), Some(Tone::OutOfOrder));
    bench.refuse(None);
    keyboard.type_text("0007625328", Habits::USUAL).await;
    sleep(SOON).await;
    assert_eq!(keyboard.shown(), Some(Tone::Accepted));
    assert_eq!(cards(&bench), [Credential::Card(vec![0x00, 0x74, 0x5A, 0x70])]);
}

#[tokio::test(start_paused = true)]
async fn what_the_kernel_lost_is_no_reading_and_the_next_is() {
    let (keyboard, none) = (VirtualKeyboard::new(false), Habits { ending: Ending::Nothing, num_lock: false });
    let (bench, _driver) = start(&keyboard, &[("credential", "user_id"), ("terminator", "enter")]);
    assert!(is(&bench, Condition::Working).await);
    keyboard.type_text("12", none).await;
    keyboard.lose();
    keyboard.type_text("34", Habits::USUAL).await;
    keyboard.type_text("56", Habits::USUAL).await;
    sleep(SOON).await;
    assert_eq!(cards(&bench), [Credential::Unreadable, Credential::UserId("56".into())]);
}

#[tokio::test(start_paused = true)]
async fn half_a_number_is_kept_and_credits_nobody_and_the_losses_are_told_until_enough_good_ones_have_come() {
    let (keyboard, none) = (VirtualKeyboard::new(true), Habits { ending: Ending::Nothing, num_lock: false });
    let (bench, _driver) = start(&keyboard, &[("credential", "user_id"), ("terminator", "enter")]);
    assert!(is(&bench, Condition::Working).await);
    keyboard.type_text("1002", none).await;
    sleep(Duration::from_secs(6)).await;
    assert_eq!(keyboard.shown(), Some(Tone::OutOfOrder));
    keyboard.type_text("34", Habits::USUAL).await;
    sleep(SOON).await;
    keyboard.type_text("100234", Habits::USUAL).await;
    sleep(SOON).await;
    assert_eq!(cards(&bench), [Credential::Unreadable, Credential::Unreadable, Credential::UserId("100234".into())]);
    let raw: Vec<_> = bench.readings().into_iter().map(|reading| reading.raw).collect();
    assert_eq!(raw, [&b"1002"[..], b"34", b"100234"]);
    let health = bench.health_now().unwrap();
    assert!(health.condition == Condition::Warning && health.text.en.starts_with("2 of the last 3 "), "{health:?}");
    for user in 1..=20 {
        keyboard.type_text(&format!("{user}"), Habits::USUAL).await;
    }
    assert!(is(&bench, Condition::Working).await);
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_another_layout_is_named_and_no_text_becomes_an_identity() {
    for credential in ["card", "token", "user_id"] {
        let keyboard = VirtualKeyboard::new(false);
        let (bench, _driver) = start(&keyboard, &[("credential", credential)]);
        assert!(is(&bench, Condition::Working).await);
        keyboard.type_text("))!#&$*(!!", Habits::USUAL).await;
        assert!(is(&bench, Condition::Warning).await);
        assert_eq!(cards(&bench), [Credential::Unreadable]);
        let text = bench.health_now().unwrap().text;
        assert!(text.en.contains("AZERTY") && text.en.contains("US") && !text.en.contains("token"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_number_of_another_form_is_kept_and_the_setting_is_named() {
    let keyboard = VirtualKeyboard::new(false);
    let (bench, _driver) = start(&keyboard, &[]);
    assert!(is(&bench, Condition::Working).await);
    keyboard.type_text("116,23152", Habits::USUAL).await;
    assert!(is(&bench, Condition::Warning).await);
    assert_eq!(cards(&bench), [Credential::Unreadable]);
    assert!(bench.health_now().unwrap().text.en.contains("\"2H4H\""));
}
