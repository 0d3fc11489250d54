use std::time::Duration;

use punchd_contract::{Command, NotRecorded, Tone};
use punchd_fingerprint::virtual_device::{Options, Shine, Touch};
use tokio::time::{sleep, timeout};

use crate::gate::{Gate, name_of, why};

#[tokio::test(start_paused = true)]
async fn two_touches_with_a_lift_between_them_store_a_finger_that_is_known_from_then_on() {
    let gate = Gate::with(Options::r503()).await;
    let module = gate.module();
    let mut steps = Vec::new();
    let done = gate.bench.command_with_steps(Command::EnrolFinger, |step| {
        if step.en.contains("lay") {
            module.touch("anna")
        } else {
            module.lift()
        }
        assert_ne!(step.en, step.zh);
        steps.push(step.en);
    });
    let stored = done.await.unwrap().finger.unwrap();
    assert_eq!(steps, ["lay the finger on the module", "lift the finger", "lay the same finger on once more"]);
    assert_eq!(gate.tones(), [Tone::Accepted]);
    assert_eq!(gate.holds().fingers.first(), Some(&stored.name));
    let template = stored.template.unwrap();
    assert_eq!((template.model, Some(template.bytes)), (gate.holds().model, gate.module().template(0)));
    // The finger that still lies is not a punch.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(gate.bench.readings(), []);
    module.lift();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(gate.touch("anna").await, Some(stored.name));
}

#[tokio::test(start_paused = true)]
async fn a_finger_that_is_stored_already_is_refused_by_its_name() {
    let gate = Gate::with(Options::r503()).await;
    let name = name_of(gate.enrol("anna").await);
    gate.tones();
    let why = why(gate.enrol("anna").await);
    assert!(why.contains(&name.0), "{why}");
    assert_eq!((gate.module().slots(), gate.tones()), (vec![0], vec![Tone::Refused]));
}

#[tokio::test(start_paused = true)]
async fn touches_of_two_fingers_are_told_and_taken_anew() {
    let gate = Gate::with(Options::zfm20()).await;
    let module = gate.module();
    let mut turn = ["anna", "bert", "anna", "anna"].iter();
    let mut steps = Vec::new();
    let done = gate.bench.command_with_steps(Command::EnrolFinger, |step| {
        if step.en.contains("lay") {
            module.touch(turn.next().unwrap())
        } else {
            module.lift()
        }
        steps.push(step.en);
    });
    let name = name_of(done.await);
    assert!(steps.iter().any(|step| step.contains("do not fit together")), "{steps:?}");
    module.lift();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(gate.touch("anna").await, Some(name));
}

#[tokio::test(start_paused = true)]
async fn touches_that_never_fit_together_end() {
    let gate = Gate::with(Options::r503()).await;
    let module = gate.module();
    let mut turn = ["anna", "bert"].iter().cycle();
    let done = gate.bench.command_with_steps(Command::EnrolFinger, |step| {
        if step.en.contains("lay") { module.touch(turn.next().unwrap()) } else { module.lift() }
    });
    assert!(why(done.await).contains("do not fit together"));
    assert_eq!(gate.module().slots(), Vec::<u16>::new());
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_told_once_a_touch_in_words() {
    let gate = Gate::with(Options::r503()).await;
    let module = gate.module();
    let mut steps = Vec::new();
    let mut first = true;
    let done = gate.bench.command_with_steps(Command::EnrolFinger, |step| {
        if step.en.contains("wipe") {
            module.touch("anna");
        } else if step.en.contains("lay") {
            module.touch_so("anna", if first { Touch::Messy } else { Touch::Well });
            first = false;
        } else {
            module.lift();
        }
        steps.push(step.en);
    });
    name_of(done.await);
    assert_eq!(steps.iter().filter(|step| step.contains("wipe the finger")).count(), 1, "{steps:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_at_any_step_stores_nothing_and_the_gate_goes_on() {
    for millis in [0, 10, 60, 150, 250, 400, 600, 800, 1000, 1200, 1500, 1700, 2000] {
        let gate = Gate::with(Options::r503().with([(5, "bert")])).await;
        let module = gate.module();
        let work = gate.bench.command_with_steps(Command::EnrolFinger, |step| {
            if step.en.contains("lay") { module.touch("anna") } else { module.lift() }
        });
        if timeout(Duration::from_millis(millis), work).await.is_ok() {
            // It was faster.
            assert_eq!(module.slots(), [0, 5], "after {millis} ms");
            continue;
        }
        module.lift();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(module.slots(), [5], "after {millis} ms");
        assert_eq!(gate.holds().fingers, []);
        let last = module.take_shone().pop();
        assert!(last.is_none_or(
            |shine| matches!(shine, Shine::Ring(aura) if aura.control == punchd_fingerprint::protocol::Control::Off)
        ));
        assert_eq!(gate.touch("bert").await, gate.holds().foreign.first().cloned());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_who_comes_is_told_after_half_a_minute() {
    let gate = Gate::with(Options::r503()).await;
    assert!(why(gate.bench.command(Command::EnrolFinger).await).contains("no finger came"));
    let module = gate.module();
    let done = gate.bench.command_with_steps(Command::EnrolFinger, |_| module.touch("anna"));
    assert!(why(done.await).contains("was not lifted"));
    assert_eq!(gate.module().slots(), Vec::<u16>::new());
}

#[tokio::test(start_paused = true)]
async fn a_full_library_is_told_before_anybody_touches() {
    let options = Options { capacity: 2, ..Options::r503() };
    let gate = Gate::with(options.with([(0, "anna"), (1, "bert")])).await;
    assert!(why(gate.bench.command(Command::EnrolFinger).await).contains("full"));
}

#[tokio::test(start_paused = true)]
async fn the_finger_of_whoever_punched_last_is_not_enrolled() {
    let gate = Gate::with(Options::r503().with([(0, "bert")])).await;
    let module = gate.module();
    module.touch("bert");
    sleep(Duration::from_secs(2)).await;
    let mut steps = Vec::new();
    let done = gate.bench.command_with_steps(Command::EnrolFinger, |step| {
        if step.en.contains("lay") {
            module.touch("anna")
        } else {
            module.lift()
        }
        steps.push(step.en);
    });
    name_of(done.await);
    assert_eq!(steps.first().map(String::as_str), Some("lift the finger"));
    assert_eq!(gate.bench.readings().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_finger_that_cannot_be_recorded_is_taken_out_again() {
    let gate = Gate::with(Options::r503()).await;
    let (module, bench) = (gate.module(), gate.bench.clone());
    let done = gate.bench.command_with_steps(Command::EnrolFinger, |step| {
        if step.en.contains("once more") {
            bench.refuse(Some(NotRecorded::DiskFull));
        }
        if step.en.contains("lay") { module.touch("anna") } else { module.lift() }
    });
    assert!(why(done.await).contains("could not be recorded"));
    assert_eq!(module.slots(), Vec::<u16>::new());
    gate.bench.refuse(None);
    module.lift();
    sleep(Duration::from_secs(1)).await;
    name_of(gate.enrol("anna").await);
}

#[tokio::test(start_paused = true)]
async fn what_a_driver_that_dies_between_storing_and_recording_leaves_is_nobodys() {
    for millis in (0..2500).step_by(20) {
        let mut gate = Gate::with(Options::r503()).await;
        let (module, bench) = (gate.module(), gate.bench.clone());
        let mut enrolling = tokio::spawn(async move {
            let module = module.clone();
            bench
                .command_with_steps(Command::EnrolFinger, |step| {
                    if step.en.contains("lay") { module.touch("anna") } else { module.lift() }
                })
                .await
        });
        sleep(Duration::from_millis(millis)).await;
        gate.stop().await;
        gate.module().lift();
        // A request that the driver had not taken yet is given up.
        let answered = timeout(Duration::from_secs(1), &mut enrolling).await;
        enrolling.abort();
        gate.restart().await;
        let (holds, stored) = (gate.holds(), gate.module().slots().len());
        assert_eq!(holds.fingers.len() + holds.foreign.len(), stored, "after {millis} ms");
        // Whoever got the answer has the name that the finger has now.
        if let Ok(Ok(Ok(done))) = answered {
            assert_eq!(holds.fingers, [done.finger.unwrap().name], "after {millis} ms");
            return;
        }
    }
    panic!("it never came to the end");
}
