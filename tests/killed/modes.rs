//! Every way in which the stand-in can behave, each for some kills.

use std::time::Duration;

use punchd_sim::standin::{Atomicity, Behaviour, Call, Disturbance, Duplicates, Errcode, Reach};

pub struct Mode {
    pub name: String,
    pub behaviour: Behaviour,
}

/// Atomic and partial, dropping and keeping duplicates, visible at once and later, each with its own kind of trouble.
pub fn all() -> Vec<Mode> {
    let store = Call::AddCheckinRecord;
    let troubles: Vec<(&str, Vec<Disturbance>, Reach)> = vec![
        ("well behaved", vec![], Reach::Answers),
        ("stores and cuts", vec![Disturbance::store_then_cut().on(store)], Reach::Answers),
        ("cuts before it stores", vec![Disturbance::cut_before_store().on(store).times(2)], Reach::Answers),
        ("bad gateway", vec![Disturbance::bad_gateway().on(store).taking_effect().times(2)], Reach::Answers),
        ("garbage", vec![Disturbance::garbage().on(store).taking_effect().times(1)], Reach::Answers),
        ("busy", vec![Disturbance::errcode(Errcode::BUSY).on(store).times(2)], Reach::Answers),
        (
            "busy after it stored",
            vec![Disturbance::errcode(Errcode::BUSY).on(store).taking_effect().times(1)],
            Reach::Answers,
        ),
        ("resets connections", vec![], Reach::Resets),
        ("unreachable", vec![], Reach::Refuses(None)),
    ];
    let mut modes = Vec::new();
    for (n, (trouble, disturbances, reach)) in troubles.into_iter().enumerate() {
        for (m, (atomicity, duplicates)) in
            [(Atomicity::Atomic, Duplicates::Drop), (Atomicity::Partial, Duplicates::Keep)].into_iter().enumerate()
        {
            let late = (n + m) % 2 == 0;
            modes.push(Mode {
                name: format!(
                    "{trouble}, {atomicity:?}, {duplicates:?}, visible {}",
                    if late { "later" } else { "at once" }
                ),
                behaviour: Behaviour {
                    atomicity,
                    duplicates,
                    visible_after: if late { Duration::from_millis(700) } else { Duration::ZERO },
                    // Slow enough that many a kill falls between storing and answering.
                    delay_answer: Duration::from_millis(120),
                    disturbances: disturbances.clone(),
                    reach,
                    ..Behaviour::default()
                },
            });
        }
    }
    modes
}
