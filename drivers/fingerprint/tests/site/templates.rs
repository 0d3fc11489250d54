use punchd_contract::{Command, Template};
use punchd_fingerprint::virtual_device::{Options, Sends};

use crate::gate::{Gate, name_of, why};

fn models() -> [Options; 4] {
    [Options::r503(), Options::zfm20(), Options::as608(), Options::r551()]
}

#[tokio::test(start_paused = true)]
async fn one_enrolment_serves_equal_modules() {
    for options in models() {
        let (here, there) = (Gate::with(options.clone()).await, Gate::with(options.with([(0, "bert")])).await);
        let stored = here.enrol("anna").await.unwrap().finger.unwrap();
        let store = Command::StoreFinger { template: stored.template.unwrap() };
        let name = name_of(there.bench.command(store.clone()).await);
        assert_ne!(name, stored.name);
        assert_eq!((there.holds().fingers, there.touch("anna").await), (vec![name.clone()], Some(name.clone())));
        assert_eq!(there.module().template(1), here.module().template(0));
        // Sent again, because the answer was lost: nothing more is stored.
        assert_eq!(name_of(there.bench.command(store).await), name);
        assert_eq!(there.module().slots(), [0, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_was_stored_and_not_recorded_is_ours_when_it_is_sent_again() {
    let (here, mut there) = (Gate::with(Options::r503()).await, Gate::with(Options::r503()).await);
    let template = here.enrol("anna").await.unwrap().finger.unwrap().template.unwrap();
    let cursor_before = there.bench.cursor_now();
    let store = Command::StoreFinger { template };
    name_of(there.bench.command(store.clone()).await);
    // As if it had died before the commit.
    there.stop().await;
    there.bench.forget_cursor();
    assert!(cursor_before.is_some());
    there.restart().await;
    let foreign = there.holds().foreign;
    assert_eq!((there.holds().fingers.len(), foreign.len()), (0, 1));
    assert_eq!(vec![name_of(there.bench.command(store).await)], foreign);
    assert_eq!((there.holds().fingers, there.holds().foreign), (foreign, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_template_of_another_model_is_refused() {
    let (here, there) = (Gate::with(Options::zfm20()).await, Gate::with(Options::r503()).await);
    let template = here.enrol("anna").await.unwrap().finger.unwrap().template.unwrap();
    assert!(why(there.bench.command(Command::StoreFinger { template }).await).contains("enrol the person here"));
    assert_eq!(there.module().slots(), Vec::<u16>::new());
}

#[tokio::test(start_paused = true)]
async fn a_template_that_the_module_does_not_take_is_not_stored() {
    let gate = Gate::with(Options::zfm20()).await;
    let model = gate.holds().model;
    for bytes in [vec![], vec![0xFF; 512], vec![1; 600], vec![1; 5000]] {
        let template = Template { model: model.clone(), bytes };
        why(gate.bench.command(Command::StoreFinger { template }).await);
    }
    assert_eq!((gate.module().slots(), gate.holds().fingers), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_finger_that_somebody_enrolled_at_both_is_not_stored_twice() {
    let (here, there) = (Gate::with(Options::r503()).await, Gate::with(Options::r503()).await);
    let template = here.enrol("anna").await.unwrap().finger.unwrap().template.unwrap();
    // No touch is like another.
    there.touch("anna").await;
    let name = name_of(there.enrol("anna").await);
    assert!(why(there.bench.command(Command::StoreFinger { template }).await).contains(&name.0));
    assert_eq!(there.module().slots(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_finger_is_unknown_and_its_name_is_not_used_again() {
    for options in models() {
        let gate = Gate::with(options).await;
        let anna = name_of(gate.enrol("anna").await);
        let delete = Command::DeleteFinger { finger: anna.clone() };
        gate.bench.command(delete.clone()).await.unwrap();
        assert_eq!((gate.module().slots(), gate.holds().fingers), (vec![], vec![]));
        assert_eq!(gate.touch("anna").await, None);
        let again = name_of(gate.enrol("anna").await);
        assert_ne!(again, anna);
        // Told again, because the answer was lost: the new one stays.
        gate.bench.command(delete).await.unwrap();
        assert_eq!(gate.holds().fingers, [again]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_finger_of_another_module_cannot_be_deleted_here() {
    let (here, there) = (Gate::with(Options::r503()).await, Gate::with(Options::r503()).await);
    let anna = name_of(here.enrol("anna").await);
    name_of(there.enrol("bert").await);
    assert!(why(there.bench.command(Command::DeleteFinger { finger: anna }).await).contains("another module"));
    assert_eq!(there.module().slots(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_module_that_gives_no_template_away_enrols_all_the_same() {
    for sends in [Sends::Never, Sends::ForEver] {
        let mut gate = Gate::with(Options { sends, ..Options::zfm20() }).await;
        let stored = gate.enrol("anna").await.unwrap().finger.unwrap();
        assert_eq!(stored.template, None);
        gate.restart().await;
        assert_eq!(gate.touch("anna").await, Some(stored.name));
    }
}
