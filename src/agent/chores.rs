//! What the agent does by itself: it keeps the time and watches the disk, cuts what is past its retention, verifies the chain,
//! and keeps the journal informed of how everything is.

use std::sync::Arc;
use std::time::Duration;

use punchd_contract::{Condition, Health, Text};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::operations::Operations;
use super::timekeeping::{self, Timekeeper};
use super::{arriving, status};
use crate::clock::Clock;
use crate::config::Config;
use crate::health::{Board, Subject};
use crate::journal::{self, Failure, JournalError, Removed};
use crate::wecom::App;

/// The pause between two portions that retention removes.
const CUT_PAUSE: Duration = Duration::from_millis(200);
/// Counts of what is open change with every reading; whoever asks for the status gets fresh ones.
const ARRIVAL_EVERY: Duration = Duration::from_secs(60);
const RETENTION_EVERY: Duration = Duration::from_secs(3600);
/// How far the journal has come is written down beside it.
const MARK_EVERY: Duration = Duration::from_secs(600);
/// The whole chain is verified soon after the start, and daily.
const FIRST_VERIFY: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Asks WeCom for the time as long as nothing else tells it.
pub(super) fn ask_for_the_time(
    tasks: &mut JoinSet<()>,
    apps: Vec<Arc<App>>,
    clock: &Arc<dyn Clock>,
    within: Duration,
    stop: &CancellationToken,
) {
    let (clock, stop) = (clock.clone(), stop.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = timekeeping::ask(&apps, clock.as_ref(), within) => {}
        }
    });
}

/// Starts all chores.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    operations: &Operations,
    board: &Arc<Board>,
    config: &Config,
    stop: &CancellationToken,
) {
    let until_stopped = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let stop = stop.clone();
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        }
    };
    let trusted_within = config.clock.trusted_within;
    let keep = journal::Retention { readings: config.retention.readings, uploads: config.retention.uploads };
    let (o, b) = (operations.clone(), board.clone());
    tasks.spawn(until_stopped(Box::pin(Timekeeper::new(o, b, trusted_within).run())));
    let (o, b) = (operations.clone(), board.clone());
    tasks.spawn(until_stopped(Box::pin(async move { watch_disk(&o, &b).await })));
    let (o, b) = (operations.clone(), board.clone());
    tasks.spawn(until_stopped(Box::pin(async move { watch_arrival(&o, &b).await })));
    let (o, b) = (operations.clone(), board.clone());
    tasks.spawn(until_stopped(Box::pin(async move { keep_health(&o, &b).await })));
    let o = operations.clone();
    tasks.spawn(until_stopped(Box::pin(async move { cut(&o, keep, trusted_within).await })));
    let (o, b) = (operations.clone(), board.clone());
    tasks.spawn(until_stopped(Box::pin(async move { verify_daily(&o, &b).await })));
    let o = operations.clone();
    tasks.spawn(until_stopped(Box::pin(async move { o.mind_starts(trusted_within).await })));
    let o = operations.clone();
    tasks.spawn(until_stopped(Box::pin(async move {
        loop {
            sleep(MARK_EVERY).await;
            o.journal.mark().await;
            credit_again(&o).await;
        }
    })));
    let o = operations.clone();
    tasks.spawn(until_stopped(Box::pin(async move {
        // Rules and people may have changed since the last run; what is open is asked about once, behind everything else.
        if let Err(error) = o.reopen().await {
            tracing::warn!(%error, "open readings could not be judged again");
        }
        credit_again(&o).await;
    })));
}

/// A punch that was on its way when the list was corrected, and was refused then, belongs to whom the list says.
async fn credit_again(operations: &Operations) {
    if let Err(error) = operations.credit_again(Vec::new()).await {
        tracing::warn!(%error, "what the list gives to other people by now could not be looked for");
    }
}

/// Looks whether what is recorded arrives, and says so on the board, which logs it, tells systemd and keeps it in the journal.
async fn watch_arrival(operations: &Operations, board: &Board) {
    let mut said: Vec<Subject> = Vec::new();
    let mut looks = interval(ARRIVAL_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let looked = operations.journal.read(|sql| arriving::health(sql, &status::counts(sql)?)).await;
        let states = match looked {
            Ok(states) => states,
            Err(error) => {
                tracing::debug!(%error, "nobody could look whether punches arrive");
                continue;
            }
        };
        for gone in said.iter().filter(|subject| !states.contains_key(subject)) {
            board.forget(gone);
        }
        said = states.keys().cloned().collect();
        for (subject, health) in states {
            board.say(subject, health, operations.clock.now().time);
        }
    }
}

async fn watch_disk(operations: &Operations, board: &Board) {
    let mut failure = operations.journal.failure();
    loop {
        let health = match failure.borrow_and_update().clone() {
            None => Health::working(Text::new("Readings are kept.", "记录正常保存。")),
            Some(Failure::DiskFull) => Health::fault(Text::new(
                "The disk is full: no punch is accepted until there is room. Free some space; punchd goes on by itself.",
                "磁盘已满：腾出空间之前不接受任何打卡。清理后会自动恢复。",
            )),
            Some(Failure::Fatal(why)) => Health::fault(Text::new(
                format!(
                    "The journal cannot be written ({why}): punchd stops and verifies it at its next start. Check the card or disk."
                ),
                format!("日志无法写入（{why}）：punchd 将停止并在下次启动时校验。请检查存储卡或磁盘。"),
            )),
        };
        board.say(Subject::Journal, health, operations.clock.now().time);
        if failure.changed().await.is_err() {
            return;
        }
    }
}

/// Writes changes of health down, so that the journal tells how everything was when the agent ended.
async fn keep_health(operations: &Operations, board: &Board) {
    let mut changes = board.changes();
    loop {
        write_health(operations, board).await;
        // Sentences with changing numbers must not wear the disk.
        sleep(Duration::from_secs(5)).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Writes down what stands on the board.
pub(super) async fn write_health(operations: &Operations, board: &Board) {
    let states = board.states();
    let written = operations.journal.write(move |write| {
        let mut put = write.sql().prepare_cached(
            "INSERT INTO health VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET condition = ?2, en = ?3, zh = ?4, since_ms = ?5
               WHERE condition <> ?2 OR since_ms <> ?5",
        )?;
        for (subject, state) in &states {
            let condition = serde_json::to_value(state.health.condition).ok();
            let condition = condition.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
            let Text { en, zh } = &state.health.text;
            put.execute((subject.to_string(), condition, en, zh, state.since_ms))?;
            if state.health.condition == Condition::Working {
                write.end_alerts(&subject.to_string(), state.since_ms)?;
            }
        }
        Ok(())
    });
    if let Err(error) = written.await {
        tracing::debug!(%error, "the state of health could not be written down");
    }
}

async fn cut(operations: &Operations, keep: journal::Retention, trusted_within: Duration) {
    let mut ticks = interval(RETENTION_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        loop {
            let now = operations.clock.now();
            // A clock that is years ahead would make everything look old.
            if !now.trusted(trusted_within) {
                break;
            }
            match operations.journal.write(move |write| journal::cut(write, now.time, &keep)).await {
                Ok(Removed { readings: 0, uploads: 0, blocked_by }) => {
                    if let Some(seq) = blocked_by {
                        tracing::info!(seq, "retention waits for this reading: it is not delivered yet, or open");
                    }
                    break;
                }
                Ok(Removed { readings, uploads, .. }) => {
                    tracing::info!(readings, uploads, "removed what is past its retention")
                }
                Err(error) => {
                    tracing::warn!(%error, "retention could not remove anything");
                    break;
                }
            }
            sleep(CUT_PAUSE).await;
        }
    }
}

/// Verifies the chain and tells its head, which somebody may keep elsewhere.
async fn verify_daily(operations: &Operations, board: &Board) {
    sleep(FIRST_VERIFY).await;
    loop {
        match operations.journal.read(|sql| journal::verify(sql, None)).await {
            Ok(finding) => match finding.broken {
                None => tracing::info!(seq = finding.head_seq, head = %finding.head_digest, "the chain verifies; keep its head elsewhere"),
                Some(broken) => board.say(
                    Subject::Journal,
                    Health::warning(Text::new(
                        format!("The chain of readings is broken ({broken:?}): somebody changed the file. Run `punchd verify`."),
                        format!("记录的哈希链已断（{broken:?}）：文件被人改动。请运行 `punchd verify`。"),
                    )),
                    operations.clock.now().time,
                ),
            },
            Err(error @ JournalError::Damaged(_)) => {
                tracing::error!(%error, "the journal is damaged");
                operations.suspect(&error.to_string());
                board.say(
                    Subject::Journal,
                    Health::fault(Text::new(
                        "The journal is damaged: restart punchd, it salvages what can be read (systemctl restart punchd).",
                        "日志文件损坏：请重启 punchd，它会转存可读取的内容（systemctl restart punchd）。",
                    )),
                    operations.clock.now().time,
                );
            }
            Err(error) => tracing::warn!(%error, "the chain could not be verified"),
        }
        sleep(DAY).await;
    }
}
