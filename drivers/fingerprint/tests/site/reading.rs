use std::time::Duration;

use punchd_contract::{Command, Condition, Method, Secret, Tone, Value, Values};
use punchd_fingerprint::virtual_device::{Mischief, Options, Shine, Touch};
use tokio::time::sleep;

use crate::gate::{Gate, name_of};

#[tokio::test(start_paused = true)]
async fn a_finger_is_read_once_as_long_as_it_lies() {
    let gate = Gate::with(Options::r503().with([(9, "anna")])).await;
    gate.module().touch("anna");
    sleep(Duration::from_secs(20)).await;
    let readings = gate.bench.readings();
    assert_eq!(readings.len(), 1);
    assert!(matches!(&readings[..], [reading] if reading.method == Method::Finger));
    assert_eq!(gate.tones(), [Tone::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn a_finger_of_nobody_is_shown_and_leaves_no_reading() {
    let gate = Gate::with(Options::r503().with([(0, "anna")])).await;
    assert_eq!(gate.touch("mallory").await, None);
    assert_eq!(gate.tones(), [Tone::Unknown]);
    let empty = Gate::with(Options::r503()).await;
    assert_eq!((empty.touch("anna").await, empty.tones()), (None, vec![Tone::Unknown]));
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_refused_and_the_next_touch_is_read() {
    let gate = Gate::with(Options::r503().with([(0, "anna")])).await;
    for touch in [Touch::Messy, Touch::Little] {
        gate.module().touch_so("anna", touch);
        sleep(Duration::from_secs(2)).await;
        gate.module().lift();
        sleep(Duration::from_secs(1)).await;
        assert_eq!((gate.tones(), gate.bench.readings().len()), (vec![Tone::Refused], 0));
    }
    assert!(gate.touch("anna").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_finger_that_is_still_being_laid_on_is_read() {
    let gate = Gate::with(Options::r503().with([(0, "anna")])).await;
    gate.module().touch_so("anna", Touch::Little);
    sleep(Duration::from_millis(250)).await;
    assert!(gate.touch("anna").await.is_some());
    assert_eq!(gate.tones(), [Tone::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn a_dirty_glass_and_something_that_lies_on_it_are_told() {
    let gate = Gate::with(Options::r503().with([(0, "anna")])).await;
    for _ in 0..15 {
        gate.module().touch_so("anna", Touch::Messy);
        sleep(Duration::from_secs(2)).await;
        gate.module().lift();
        sleep(Duration::from_secs(1)).await;
    }
    gate.says(Condition::Warning, "only bad images").await;
    gate.module().touch("anna");
    gate.says(Condition::Warning, "something lies on").await;
    gate.module().lift();
    gate.says(Condition::Working, "reading fingers").await;
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_a_module_that_counts_otherwise_are_learnt_by_proof() {
    let gate = Gate::with(Options::r551().with([(4, "anna"), (5, "bert")])).await;
    let foreign = gate.holds().foreign;
    let read = [gate.touch("anna").await.unwrap(), gate.touch("bert").await.unwrap()];
    assert_eq!(read.to_vec(), foreign);
    // With nothing stored there is no proof; the first enrolment is one.
    let empty = Gate::with(Options::r551()).await;
    let names = [name_of(empty.enrol("anna").await), name_of(empty.enrol("bert").await)];
    assert_eq!([empty.touch("anna").await.unwrap(), empty.touch("bert").await.unwrap()], names);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_said_again_after_a_moment_without_power() {
    let values = || Values::new().with("password", Value::Secret(Secret::new("00000007")));
    let gate = Gate::set(Options { password: 7, ..Options::r503() }.with([(0, "anna")]), values()).await;
    assert!(gate.touch("anna").await.is_some());
    gate.module().brown_out();
    sleep(Duration::from_secs(10)).await;
    assert!(gate.touch("anna").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_said_with_what_to_do() {
    let mut gate = Gate::idle(Options { password: 7, ..Options::r503() }, Values::new());
    gate.start();
    gate.says(Condition::Fault, "`password`").await;
    let values = Values::new().with("module_address", Value::Text("00000001".into()));
    let mut gate = Gate::idle(Options::r503(), values);
    gate.start();
    gate.says(Condition::Fault, "`module_address`").await;
    let answer = gate.bench.command(Command::EnrolFinger).await;
    assert!(matches!(answer, Err(punchd_contract::CommandError::Unreachable(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn an_optical_module_answers_by_blinking_if_its_light_can_be_switched() {
    let gate = Gate::with(Options::as608().with([(0, "anna")])).await;
    gate.module().take_shone();
    gate.touch("anna").await.unwrap();
    assert_eq!(gate.module().take_shone(), [Shine::On, Shine::Off]);
    assert_eq!(gate.touch("mallory").await, None);
    assert_eq!(gate.module().take_shone(), [Shine::On, Shine::Off].repeat(3));
    gate.bench.command(Command::Identify).await.unwrap();
    assert_eq!(gate.module().take_shone(), [Shine::On, Shine::Off].repeat(6));
}

#[tokio::test(start_paused = true)]
async fn what_light_there_is_is_asked_once_and_remembered() {
    let mut gate = Gate::with(Options::as608()).await;
    gate.module().take_shone();
    gate.restart().await;
    assert_eq!(gate.module().take_shone(), []);
    let silent = Gate::with(Options::zfm20()).await;
    assert!(matches!(silent.bench.command(Command::Identify).await, Err(punchd_contract::CommandError::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn a_search_that_was_answered_late_is_not_the_answer_to_the_next_one() {
    let gate = Gate::with(Options::r503().with([(0, "anna"), (1, "bert")])).await;
    let foreign = gate.holds().foreign;
    gate.module().mischief(Some(0x1B), Mischief::Late(Duration::from_secs(4)));
    let first = gate.touch("anna").await;
    assert!(first.is_none() || first.as_ref() == foreign.first());
    sleep(Duration::from_secs(20)).await;
    assert_eq!(gate.touch("bert").await.as_ref(), foreign.last());
}
