use std::collections::HashSet;
use std::time::Duration;

use punchd_contract::{AlertKind, Condition, Credential, FingerName};
use punchd_fingerprint::virtual_device::{Options, Sends, VirtualModule};
use tokio::time::sleep;

use crate::gate::{Gate, name_of};

fn models() -> [Options; 3] {
    [Options::r503(), Options::zfm20(), Options::as608()]
}

#[tokio::test(start_paused = true)]
async fn names_outlive_restarts_and_replugs() {
    for options in models() {
        let mut gate = Gate::with(options.with([(3, "bert")])).await;
        let anna = name_of(gate.enrol("anna").await);
        let bert = gate.touch("bert").await.unwrap();
        assert_eq!((gate.holds().fingers, gate.holds().foreign), (vec![anna.clone()], vec![bert.clone()]));
        for _ in 0..2 {
            gate.restart().await;
            let module = gate.module();
            gate.exchange(module).await;
            assert_eq!((gate.touch("anna").await, gate.touch("bert").await), (Some(anna.clone()), Some(bert.clone())));
        }
        assert_eq!(gate.bench.alerts(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_finger_that_another_program_stored_is_foreign_at_once_and_after_a_restart() {
    for options in models() {
        let mut gate = Gate::with(options).await;
        gate.module().store(7, "carl");
        let name = gate.touch("carl").await.unwrap();
        assert_eq!((gate.holds().fingers, gate.holds().foreign), (vec![], vec![name.clone()]));
        gate.restart().await;
        assert_eq!(gate.touch("carl").await, Some(name.clone()));
        assert_eq!(gate.holds().foreign, [name]);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_cursor_no_name_is_given_that_was_given_before() {
    for options in models() {
        let mut gate = Gate::with(options).await;
        let mut given: HashSet<FingerName> = HashSet::new();
        for finger in ["anna", "bert", "carl"] {
            assert!(given.insert(name_of(gate.enrol(finger).await)));
            gate.stop().await;
            gate.bench.forget_cursor();
            gate.restart().await;
            let holds = gate.holds();
            assert_eq!(holds.fingers, []);
            for name in holds.foreign {
                assert!(given.insert(name.clone()), "{name:?} was given before");
            }
            let read = gate.touch(finger).await.unwrap();
            assert!(gate.holds().foreign.contains(&read));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_swapped_module_is_told_and_its_slots_are_nobody_elses() {
    for options in models() {
        let mut gate = Gate::with(options.clone()).await;
        let anna = name_of(gate.enrol("anna").await);
        // Bert is where Anna was, in a module of the same model.
        let old = gate.exchange(VirtualModule::new(options.clone().with([(0, "bert")]))).await;
        gate.says(Condition::Warning, "another fingerprint module").await;
        let alerts = gate.bench.alerts();
        assert_eq!(alerts.iter().map(|alert| alert.kind).collect::<Vec<_>>(), [AlertKind::WrongTerminal]);
        let bert = gate.touch("bert").await.unwrap();
        assert_ne!(bert, anna);
        assert_eq!((gate.holds().fingers, gate.holds().foreign), (vec![], vec![bert.clone()]));
        assert_eq!(gate.touch("anna").await, None);
        // It is still the other one after a restart.
        gate.restart().await;
        gate.says(Condition::Warning, "another fingerprint module").await;
        assert_eq!((gate.bench.alerts().len(), gate.touch("bert").await), (1, Some(bert.clone())));

        let new = gate.exchange(old).await;
        gate.says(Condition::Working, "reading fingers").await;
        assert_eq!((gate.bench.alerts().len(), gate.touch("anna").await), (2, Some(anna)));
        gate.exchange(new).await;
        assert_eq!(gate.touch("bert").await, Some(bert));
    }
}

#[tokio::test(start_paused = true)]
async fn a_swapped_module_is_in_use_as_soon_as_somebody_is_enrolled_in_it() {
    let gate = Gate::with(Options::r503()).await;
    name_of(gate.enrol("anna").await);
    gate.exchange(VirtualModule::new(Options::r503())).await;
    gate.says(Condition::Warning, "another fingerprint module").await;
    let again = name_of(gate.enrol("anna").await);
    gate.says(Condition::Working, "reading fingers").await;
    assert_eq!(gate.touch("anna").await, Some(again));
}

#[tokio::test(start_paused = true)]
async fn a_module_that_is_swapped_at_its_own_plug_is_noticed_before_a_finger_is_read() {
    for options in models() {
        let gate = Gate::with(options.clone()).await;
        let anna = name_of(gate.enrol("anna").await);
        // Nobody's hands are faster.
        gate.module().power(false);
        sleep(Duration::from_secs(3)).await;
        gate.module().exchange(options.with([(0, "bert")]));
        gate.module().touch("bert");
        gate.module().power(true);
        sleep(Duration::from_secs(10)).await;
        gate.module().lift();
        sleep(Duration::from_secs(1)).await;
        assert!(gate.bench.readings().iter().all(|reading| reading.credential != Credential::Finger(anna.clone())));
        let bert = gate.touch("bert").await;
        assert!(bert.is_some() && bert != Some(anna));
    }
}

#[tokio::test(start_paused = true)]
async fn modules_without_notepad_and_templates_are_told_apart_by_their_slots() {
    let options = Options { sends: Sends::Never, ..Options::as608() };
    let mut gate = Gate::with(options.clone()).await;
    let anna = name_of(gate.enrol("anna").await);
    gate.restart().await;
    assert_eq!(gate.touch("anna").await, Some(anna.clone()));
    gate.exchange(VirtualModule::new(options.with([(4, "bert"), (5, "carl")]))).await;
    assert_eq!(gate.bench.alerts().first().map(|alert| alert.kind), Some(AlertKind::WrongTerminal));
    assert!(!gate.holds().foreign.contains(&anna));
}

#[tokio::test(start_paused = true)]
async fn a_module_whose_notepad_was_wiped_is_another() {
    let mut gate = Gate::with(Options::zfm20()).await;
    let anna = name_of(gate.enrol("anna").await);
    gate.module().wipe_notes();
    gate.restart().await;
    let now = gate.touch("anna").await.unwrap();
    assert_ne!(now, anna);
    assert_eq!(gate.holds().foreign, [now]);
    assert_eq!(gate.bench.alerts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn fingers_that_something_else_deleted_are_dropped_and_told() {
    for options in models() {
        let mut gate = Gate::with(options).await;
        let anna = name_of(gate.enrol("anna").await);
        let bert = name_of(gate.enrol("bert").await);
        gate.module().remove(1);
        gate.restart().await;
        assert_eq!(gate.holds().fingers, [anna]);
        let alerts = gate.bench.alerts();
        assert!(matches!(&alerts[..], [alert] if alert.text.en.contains(&bert.0)), "{alerts:?}");
        // The slot is free again; its next finger has another name.
        assert_ne!(name_of(gate.enrol("carl").await), bert);
    }
}
