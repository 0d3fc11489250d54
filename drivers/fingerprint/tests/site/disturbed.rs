//! Every kind of damage to every step of a punch: whoever touches is read as themselves or not at all, and the next one is read.

use std::time::Duration;

use punchd_fingerprint::virtual_device::{Mischief, Options};
use tokio::time::sleep;

use crate::gate::Gate;

const MISCHIEF: [Mischief; 7] = [
    Mischief::Cut,
    Mischief::CutAndBreak,
    Mischief::Twice,
    Mischief::ErrorFirst,
    Mischief::Damaged,
    Mischief::Lost,
    Mischief::Late(Duration::from_millis(2500)),
];

#[tokio::test(start_paused = true)]
async fn nobody_is_taken_for_somebody_else_whatever_happens_to_an_answer() {
    for options in [Options::r503(), Options::zfm20(), Options::r551()] {
        let gate = Gate::with(options.with([(0, "anna"), (1, "bert")])).await;
        let names = gate.holds().foreign;
        let name = |finger: &str| names.get(usize::from(finger == "bert")).cloned();
        for op in [0x01, 0x02, 0x1B, 0x04, 0x35] {
            for mischief in MISCHIEF {
                for finger in ["anna", "bert"] {
                    gate.module().mischief(Some(op), mischief);
                    let read = gate.touch(finger).await;
                    assert!(read.is_none() || read == name(finger), "{mischief:?} of {op:02X}: {finger} is {read:?}");
                    sleep(Duration::from_secs(60)).await;
                    gate.module().mischief(Some(0xEE), Mischief::Lost);
                    assert_eq!(gate.touch(finger).await, name(finger), "after {mischief:?} of {op:02X}");
                }
            }
        }
        assert_eq!(gate.bench.alerts(), []);
        assert_eq!(gate.holds().foreign, names);
    }
}

/// A touch lasts a second; one broken answer to anything that it takes is asked for again within it.
#[tokio::test(start_paused = true)]
async fn one_broken_answer_costs_no_punch() {
    for options in [Options::r503(), Options::zfm20(), Options::as608()] {
        let gate = Gate::with(options.with([(0, "anna"), (1, "bert")])).await;
        let name = gate.holds().foreign.get(1).cloned();
        // What the first search finds out is known from then on.
        gate.touch("bert").await;
        for op in [0x01, 0x02, 0x1B] {
            for mischief in [Mischief::Cut, Mischief::Damaged, Mischief::ErrorFirst, Mischief::Twice] {
                gate.module().mischief(Some(op), mischief);
                assert_eq!(gate.touch("bert").await, name, "{mischief:?} of {op:02X}");
                sleep(Duration::from_secs(30)).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn damage_at_the_start_makes_no_other_module_of_it() {
    for options in [Options::r503(), Options::zfm20(), Options::as608()] {
        let mut gate = Gate::with(options.with([(0, "anna"), (1, "bert")])).await;
        let before = gate.holds();
        for op in [0x13, 0x0F, 0x3C, 0x1F, 0x19, 0x07, 0x08] {
            for mischief in MISCHIEF {
                gate.stop().await;
                gate.module().mischief(Some(op), mischief);
                gate.restart().await;
                gate.module().mischief(Some(0xEE), Mischief::Lost);
                assert_eq!(gate.holds(), before, "after {mischief:?} of {op:02X}");
            }
        }
        assert_eq!(gate.bench.alerts(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn an_enrolment_that_is_damaged_anywhere_ends_with_what_it_says() {
    for options in [Options::r503(), Options::as608()] {
        for op in [0x01, 0x02, 0x04, 0x1B, 0x05, 0x18, 0x19, 0x06, 0x1F, 0x07, 0x08, 0x35] {
            for mischief in MISCHIEF {
                let gate = Gate::with(options.clone().with([(0, "bert")])).await;
                gate.module().mischief(Some(op), mischief);
                let done = gate.enrol("anna").await;
                gate.module().mischief(Some(0xEE), Mischief::Lost);
                sleep(Duration::from_secs(60)).await;
                gate.works().await;
                let (holds, read) = (gate.holds(), gate.touch("anna").await);
                assert_eq!(holds.fingers.len() + holds.foreign.len(), gate.module().slots().len());
                match done {
                    Ok(done) => assert_eq!(read, done.finger.map(|finger| finger.name), "{mischief:?} of {op:02X}"),
                    // What was stored and not answered is nobody's.
                    Err(_) => {
                        assert!(read.is_none_or(|name| holds.foreign.contains(&name)), "{mischief:?} of {op:02X}")
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn noise_between_punches_is_passed_over() {
    let gate = Gate::with(Options::r503().with([(0, "anna")])).await;
    let name = gate.holds().foreign.first().cloned();
    for length in [1, 2, 3, 9, 12, 60, 300] {
        for _ in 0..10 {
            let noise: Vec<u8> = (0..length).map(|_| if fastrand::bool() { 0xEF } else { fastrand::u8(..) }).collect();
            gate.module().noise(&noise);
            sleep(Duration::from_millis(37)).await;
        }
        sleep(Duration::from_secs(10)).await;
        assert_eq!(gate.touch("anna").await, name);
    }
}
