//! Signs of life: what systemd is told while the agent runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use punchd_contract::Condition;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::console::Running;
use crate::health::{State, Subject};
use crate::journal::{Failure, Journal};
use crate::telemetry::Systemd;

/// How many signs fit into the time that systemd waits.
const SIGNS: u32 = 4;
/// The line for `systemctl status` is made anew this often, and soon after a change.
const STATUS_EVERY: Duration = Duration::from_secs(60);
const STATUS_PAUSE: Duration = Duration::from_secs(2);
/// While something takes long, systemd is asked for so much more time, twice as often.
const MORE_TIME: Duration = Duration::from_secs(30);

/// Starts telling.
pub(super) fn start(tasks: &mut JoinSet<()>, systemd: &Arc<Systemd>, running: &Arc<Running>) {
    let (to, agent) = (systemd.clone(), running.clone());
    tasks.spawn(async move { tell_status(&to, &agent).await });
    if let Some(waits) = systemd.watchdog() {
        let (to, agent) = (systemd.clone(), running.clone());
        tasks.spawn(async move { show_life(&to, &agent, waits).await });
    }
}

/// Does `work` and keeps systemd waiting meanwhile: a damaged journal of years takes its time to salvage.
pub(super) async fn patiently<T>(systemd: &Systemd, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match timeout(MORE_TIME / 2, &mut work).await {
            Ok(done) => return done,
            Err(_) => {
                systemd.takes_longer(MORE_TIME);
                systemd.alive();
            }
        }
    }
}

/// A sign only after the journal's writer has answered. That this task runs shows that the runtime does.
async fn show_life(systemd: &Systemd, running: &Running, waits: Duration) {
    let pause = waits / SIGNS;
    let mut ticks = interval(pause.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let journal = running.operations().await.map(|operations| operations.journal);
        match journal {
            // An SD card may stall for a second and more: half the time is left for that.
            Ok(journal) => match timeout(waits / 2, answers(&journal)).await {
                Ok(()) => systemd.alive(),
                Err(_) => tracing::error!("the journal's writer does not answer: systemd will start punchd again"),
            },
            // Between two agents; the one who starts the next gives the signs.
            Err(_) => systemd.alive(),
        }
    }
}

/// Returns when the writer has answered, whatever it says: a full disk is told elsewhere and cured by no restart.
async fn answers(journal: &Journal) {
    let full = *journal.failure().borrow() == Some(Failure::DiskFull);
    let answered = journal
        .write(move |write| {
            // On a full disk only something that needs room can find out whether there is room again. An empty transaction
            // commits at any time and would take the alarm back.
            if full {
                write.sql().execute_batch(
                    "INSERT OR REPLACE INTO meta VALUES ('room', hex(zeroblob(8192))); DELETE FROM meta WHERE key = 'room';",
                )?;
            }
            Ok(())
        })
        .await;
    if let Err(error) = answered {
        tracing::debug!(%error, "the journal's writer answers, and refuses");
    }
}

async fn tell_status(systemd: &Systemd, running: &Running) {
    let mut told = String::new();
    loop {
        if let Ok(status) = running.status().await {
            let counts = status.journal.counts;
            let waiting = counts.waiting + counts.in_doubt;
            let line = line(&status.health, waiting, counts.parked);
            if line != told {
                systemd.status(&line);
                told = line;
            }
        }
        sleep(STATUS_PAUSE).await;
        let Ok(mut changes) = running.changes().await else { continue };
        // Ended by a reload, a change and an hour of calm all lead to the same: look again.
        let _ = timeout(STATUS_EVERY, changes.changed()).await;
    }
}

/// `5 devices, 1 in fault (gate-1); 120 punches wait`.
fn line(health: &BTreeMap<Subject, State>, waiting: i64, parked: i64) -> String {
    let devices = health.keys().filter(|subject| matches!(subject, Subject::Device(_))).count();
    let wrong = |condition: Condition| {
        let names = health.iter().filter(|(_, state)| state.health.condition == condition);
        names.map(|(subject, _)| subject.to_string()).collect::<Vec<_>>()
    };
    let mut parts = vec![format!("{devices} devices")];
    for (condition, word) in [(Condition::Fault, "in fault"), (Condition::Warning, "want a look")] {
        let names = wrong(condition);
        if !names.is_empty() {
            parts.push(format!("{word}: {}", names.join(" ")));
        }
    }
    parts.push(format!("{waiting} deliveries wait"));
    if parked > 0 {
        parts.push(format!("{parked} parked"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use punchd_contract::{Health, Text};

    #[test]
    fn the_line_for_systemctl_names_what_is_wrong() {
        let state = |health| State { health, since_ms: 0 };
        let health = BTreeMap::from([
            (Subject::Device("gate-1".into()), state(Health::fault(Text::new("gone", "无应答")))),
            (Subject::Device("gate-2".into()), state(Health::working(Text::new("well", "正常")))),
            (Subject::Clock, state(Health::warning(Text::new("?", "?")))),
        ]);
        assert_eq!(
            line(&health, 7, 1),
            "2 devices; in fault: device:gate-1; want a look: clock; 7 deliveries wait; 1 parked"
        );
    }
}
