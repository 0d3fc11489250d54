//! Models lack commands, each another one: they are lived with, or what is said of them is true.

use std::time::Duration;

use punchd_contract::{Command, CommandError, Condition, Values};
use punchd_fingerprint::virtual_device::{Options, Unknown};
use tokio::time::sleep;

use crate::gate::Gate;

/// Without these no finger is ever read.
const NEEDED: [u8; 3] = [0x01, 0x02, 0x04];
/// All that the driver ever asks.
const ALL: [u8; 20] = [
    0x01, 0x02, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0C, 0x0F, 0x13, 0x18, 0x19, 0x1B, 0x1D, 0x1F, 0x35, 0x3C, 0x50,
    0x51,
];

fn models() -> [Options; 4] {
    [Options::r503(), Options::zfm20(), Options::as608(), Options::r551()]
}

fn lacking(model: &Options, lacks: &[u8], unknown: Unknown) -> Options {
    Options { lacks: lacks.to_vec(), unknown, ..model.clone() }.with([(3, "anna"), (17, "bert")])
}

#[tokio::test(start_paused = true)]
async fn whichever_command_a_module_lacks_it_works_or_what_is_said_is_true() {
    for model in models() {
        for op in ALL {
            for unknown in [Unknown::IsSilent, Unknown::Refuses] {
                let case = format!("{op:02X} {unknown:?} of {model:?}");
                let mut gate = Gate::idle(lacking(&model, &[op], unknown), Values::new());
                gate.start();
                sleep(Duration::from_secs(90)).await;
                // What it lacks for a search is found out with the first finger, whose answer may take a while.
                gate.touch("bert").await;
                sleep(Duration::from_secs(60)).await;
                let read = gate.touch("bert").await;
                assert!(gate.bench.readings().iter().all(|reading| reading.doubt.is_none()), "{case}");
                sleep(Duration::from_secs(60)).await;
                let health = gate.bench.health_now().unwrap();
                assert!(!health.text.en.contains("no fingerprint module answers"), "{case}: {}", health.text);
                // A model without the fast search that has lost the plain one, too, has none at all.
                let searches = op != 0x04 || model.fast_search;
                if read.is_some() {
                    assert_eq!(health.condition, Condition::Working, "{case}: {}", health.text);
                    assert_eq!(read, gate.holds().foreign.get(1).cloned(), "{case}");
                } else {
                    assert!(NEEDED.contains(&op) && !(op == 0x04 && searches), "{case}: {}", health.text);
                    assert!(health.condition >= Condition::Warning, "{case}: {}", health.text);
                    assert!(health.text.en.contains("there is a fingerprint module"), "{case}: {}", health.text);
                }
            }
        }
    }
}

/// Hits may be one off, no stored finger can be loaded to find out, and the fingers lie side by side.
#[tokio::test(start_paused = true)]
async fn who_of_two_neighbours_it_was_is_held_until_a_hit_has_shown_it() {
    for page_shift in [0, 1] {
        let model = Options { page_shift, lacks: vec![0x07], ..Options::zfm20() };
        let gate = Gate::with(model.with([(3, "anna"), (4, "bert"), (5, "carl")])).await;
        let names = gate.holds().foreign;
        sleep(Duration::from_secs(60)).await;
        assert!(gate.touch("bert").await.is_some());
        assert!(gate.bench.readings().pop().unwrap().doubt.is_some());
        // The first and the last have a neighbour on one side alone.
        let shows = if page_shift == 0 { ("anna", 0) } else { ("carl", 2) };
        for (finger, at) in [shows, ("bert", 1), ("anna", 0), ("carl", 2)] {
            assert_eq!(gate.touch(finger).await.as_ref(), names.get(at), "{finger} {page_shift}");
            assert_eq!(gate.bench.readings().pop().unwrap().doubt, None);
        }
    }
}

/// An R308: it tells neither its parameters nor anything of itself, and has no notepad (pyfingerprint #44, FPM #15).
#[tokio::test(start_paused = true)]
async fn a_module_that_tells_nothing_of_itself_keeps_its_names_over_restarts_and_enrols() {
    let model = Options { capacity: 500, notepad: false, ..Options::zfm20() };
    let mut gate = Gate::with(lacking(&model, &[0x0F], Unknown::IsSilent)).await;
    let before = gate.holds();
    assert_eq!((before.capacity, before.foreign.len()), (500, 2));
    let carl = gate.enrol("carl").await.unwrap().finger.unwrap().name;
    gate.restart().await;
    let after = gate.holds();
    assert_eq!((&after.module, &after.foreign, after.fingers), (&before.module, &before.foreign, vec![carl.clone()]));
    assert_eq!(gate.touch("carl").await, Some(carl));
    assert_eq!(gate.bench.alerts(), []);
}

/// Without an index, slots are told by loading them; no finger is forgotten for a question that was not answered.
#[tokio::test(start_paused = true)]
async fn a_module_without_an_index_enrols_and_deletes() {
    for lacks in [&[0x1F][..], &[0x1F, 0x1D]] {
        for unknown in [Unknown::IsSilent, Unknown::Refuses] {
            let mut gate = Gate::with(lacking(&Options::zfm20(), lacks, unknown)).await;
            assert_eq!(gate.holds().foreign.len(), 2);
            let name = gate.enrol("carl").await.unwrap().finger.unwrap().name;
            assert_eq!(gate.touch("carl").await, Some(name.clone()));
            gate.restart().await;
            assert_eq!(gate.holds().fingers, std::slice::from_ref(&name));
            gate.bench.command(Command::DeleteFinger { finger: name }).await.unwrap();
            assert_eq!(gate.touch("carl").await, None);
            assert_eq!(gate.bench.alerts(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_enrolment_that_needs_a_command_that_is_not_there_says_so() {
    for op in [0x05, 0x06] {
        for unknown in [Unknown::IsSilent, Unknown::Refuses] {
            let gate = Gate::with(lacking(&Options::r503(), &[op], unknown)).await;
            let said = match gate.enrol("carl").await {
                Err(CommandError::Failed(text) | CommandError::Unreachable(text)) => text.en,
                other => panic!("{other:?}"),
            };
            assert!(!said.contains("no fingerprint module answers"), "{said}");
            sleep(Duration::from_secs(60)).await;
            assert_eq!(gate.touch("bert").await, gate.holds().foreign.get(1).cloned());
        }
    }
}
