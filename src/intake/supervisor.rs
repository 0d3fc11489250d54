//! Starting drivers, and starting them again: each group of devices is one task that nothing but its own fault can end.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::{Condition, Driver, DriverError, Health, Member, Port, Prepared, Text};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;

/// How long what is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A driver that has not said for so long how a device is, from its start on, is a fault of that device.
    pub first_word: Duration,
    /// A driver that has not used its port for so long has hung. An idle driver says now and then how its device is.
    pub silence: Duration,
    /// The first pause before a driver is started again; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// A driver that has run for so long gets the first pause again.
    pub ran_well: Duration,
    /// How long a stopped driver may take to let go.
    pub let_go: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_word: Duration::from_secs(60),
            silence: Duration::from_secs(600),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(120),
            ran_well: Duration::from_secs(600),
            let_go: Duration::from_secs(10),
        }
    }
}

/// One device to serve.
pub struct Served {
    /// Its driver.
    pub driver: &'static dyn Driver,
    /// Its settings.
    pub prepared: Prepared,
    /// Its zone.
    pub zone: TimeZone,
    /// Its desk.
    pub desk: Arc<Desk>,
}

/// All devices under supervision. Dropping it stops them.
pub struct Intake {
    desks: BTreeMap<String, Arc<Desk>>,
    stop: CancellationToken,
    groups: JoinSet<()>,
    patience: Patience,
}

impl Intake {
    /// Starts all devices, each group in a task of its own.
    pub fn start(devices: Vec<Served>, patience: Patience) -> Self {
        for device in &devices {
            let text = Text::new("Just started; nothing is known yet.", "刚刚启动，尚无状态。");
            device.desk.say(Health { condition: Condition::Starting, text });
        }
        let desks = devices.iter().map(|device| (device.desk.name().to_string(), device.desk.clone())).collect();
        let mut groups: HashMap<(&'static str, String), Vec<Served>> = HashMap::new();
        for device in devices {
            let kind = device.driver.declaration().kind;
            let group = device.prepared.group.clone().unwrap_or_else(|| format!("device {}", device.desk.name()));
            groups.entry((kind, group)).or_default().push(device);
        }
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for members in groups.into_values() {
            tasks.spawn(supervise(members, patience, stop.clone()));
        }
        Self { desks, stop, groups: tasks, patience }
    }

    /// All desks.
    pub fn desks(&self) -> impl Iterator<Item = &Arc<Desk>> {
        self.desks.values()
    }

    /// The desk of a device, for commands.
    pub fn desk(&self, name: &str) -> Option<&Arc<Desk>> {
        self.desks.get(name)
    }

    /// Stops all drivers and waits until they have let go, bounded.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let all = async { while self.groups.join_next().await.is_some() {} };
        if tokio::time::timeout(self.patience.let_go, all).await.is_err() {
            tracing::warn!("a driver did not stop in time and is left behind");
        }
    }
}

enum End {
    Stopped,
    Returned(Result<(), DriverError>),
    Panicked(JoinError),
    Silent,
}

async fn supervise(members: Vec<Served>, patience: Patience, stop: CancellationToken) {
    let mut pause = patience.first_pause;
    loop {
        let started = Instant::now();
        let end = run(&members, &patience, &stop).await;
        if started.elapsed() >= patience.ran_well {
            pause = patience.first_pause;
        }
        let Some(text) = explain(end) else { return };
        for member in &members {
            member.desk.say(Health::fault(text.clone()));
        }
        // Spread out, so that a site whose switch was restarted does not come back all at once.
        let spread = Duration::from_millis(fastrand::u64(0..=pause.as_millis() as u64 / 4));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause + spread) => {}
        }
        pause = (pause * 2).min(patience.longest_pause);
    }
}

/// Runs the driver once, until it ends or has to be ended.
async fn run(members: &[Served], patience: &Patience, stop: &CancellationToken) -> End {
    let Some(first) = members.first() else { return End::Stopped };
    let driven = members
        .iter()
        .map(|member| Member {
            device: member.desk.name().clone(),
            zone: member.zone.clone(),
            settings: Arc::new(member.prepared.clone()),
            port: Port::new(member.desk.clone(), member.desk.open_commands()),
        })
        .collect();
    let mut task = JoinSet::new();
    // Called inside the task: a driver may panic before its first await.
    let driver = first.driver;
    task.spawn(async move { driver.run(driven).await });
    let end = tokio::select! {
        () = stop.cancelled() => End::Stopped,
        () = silent(members, patience.silence) => End::Silent,
        never = expect_a_word(members, patience.first_word) => match never {},
        joined = task.join_next() => match joined {
            Some(Ok(returned)) => End::Returned(returned),
            Some(Err(error)) => End::Panicked(error),
            None => End::Stopped,
        },
    };
    task.abort_all();
    // A driver that blocks its thread cannot be aborted; then a second one must not be started beside it.
    while tokio::time::timeout(patience.let_go, task.join_next()).await.is_err() {
        for member in members {
            member.desk.say(Health::fault(Text::new(
                "The driver is stuck and does not let go: restart punchd (systemctl restart punchd).",
                "驱动卡死无法停止：请重启 punchd（systemctl restart punchd）。",
            )));
        }
        if stop.is_cancelled() {
            break;
        }
    }
    end
}

/// After so long, everyone who has not been spoken of is a fault (DESIGN §2 law 7).
async fn expect_a_word(members: &[Served], within: Duration) -> Infallible {
    tokio::time::sleep(within).await;
    for member in members {
        member.desk.say_if_mute(Health::fault(Text::new(
            "The driver runs and has not said how the device is; if this lasts, look into the log.",
            "驱动已运行，但尚未报告设备状态；如持续如此，请查看日志。",
        )));
    }
    std::future::pending().await
}

/// Returns when no member of the group has used its port for this long.
async fn silent(members: &[Served], silence: Duration) {
    loop {
        let last = members.iter().map(|member| member.desk.last_touch()).max().unwrap_or_else(Instant::now);
        if last.elapsed() >= silence {
            return;
        }
        tokio::time::sleep_until(last + silence).await;
    }
}

fn explain(end: End) -> Option<Text> {
    match end {
        End::Stopped => None,
        End::Returned(Ok(())) => {
            Some(Text::new("The driver ended by itself and is started again.", "驱动自行结束，正在重新启动。"))
        }
        End::Returned(Err(DriverError(text))) => Some(text),
        End::Panicked(error) => {
            tracing::error!(%error, "a driver panicked");
            Some(Text::new(
                "The driver crashed and is started again; please report this with the log.",
                "驱动崩溃，正在重新启动；请附日志反馈此问题。",
            ))
        }
        End::Silent => Some(Text::new(
            "The driver has said nothing for ten minutes and is started again.",
            "驱动十分钟没有动静，正在重新启动。",
        )),
    }
}
