//! `punchd status`: how everything is, worst first.

use punchd_contract::{Condition, Health, Text};

use super::exit::Exit;
use super::failure::Failure;
use super::moments;
use super::place::{Place, converse};
use super::screen::Screen;
use super::table::printable;
use crate::agent::{self, AlertStatus, Status, StrangerStatus};
use crate::clock::{AnchorSource, Known, SystemClock};
use crate::config::Mistakes;
use crate::console::{Client, ClientError};
use crate::health::{State, Subject};

/// What is to be shown.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Show {
    /// Also alerts that are over, and who has not knocked for days
    #[arg(long)]
    all: bool,
}

/// Shows it. The answer is no if something is wrong or wants a look, or nothing runs.
pub fn status(wanted: &Show, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    tell(ask(place)?, wanted, screen)
}

/// That of an agent whose configuration has mistakes now.
pub fn of_the_agent(agent: &Client, wanted: &Show, mistakes: &Mistakes, screen: &mut Screen) -> Result<Exit, Failure> {
    let mut status = converse(async { Ok(agent.get::<Status>("/v1/status").await?) })?;
    let health = broken(mistakes);
    let since_ms = status.now_ms;
    // The agent knows of a file that was wrong at its last reload; what is wrong with it now, it does not know.
    let known = status.health.get(&Subject::Configuration);
    if !mistakes.denied && known.is_none_or(|known| known.health.condition < Condition::Warning) {
        status.health.insert(Subject::Configuration, State { health, since_ms });
    }
    tell(status, wanted, screen)
}

/// The file cannot be used as it is now, and the agent that runs does not know it yet.
fn broken(mistakes: &Mistakes) -> Health {
    let count = mistakes.list.len() + mistakes.more;
    let first = mistakes.list.first().map_or_else(
        || Text::new("", ""),
        |first| {
            Text::new(
                format!(" The first: {}: {}", first.spot, first.text.en),
                format!("第一处：{}：{}", first.spot, first.text.zh),
            )
        },
    );
    Health::warning(Text::new(
        format!(
            "The file cannot be used as it is now ({}): punchd goes on with what it read before, and will not start with this. See `punchd check`.{}",
            if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") },
            first.en
        ),
        format!(
            "配置文件目前无法使用（{count} 处错误）：punchd 继续按之前读取的配置运行，但无法以此文件重新启动。请运行 `punchd check`。{}",
            first.zh
        ),
    ))
}

fn tell(mut status: Status, wanted: &Show, screen: &mut Screen) -> Result<Exit, Failure> {
    let exit = if status.wants_a_look() { Exit::Negative } else { Exit::Done };
    if !wanted.all {
        let now_ms = status.now_ms;
        status.alerts.retain(|alert| alert.is_live(now_ms));
        status.strangers.retain(|stranger| stranger.knocks(now_ms));
    }
    if screen.json {
        screen.value(&status)?;
    } else {
        show(&status, screen);
    }
    Ok(exit)
}

/// From the agent if one runs, else from what it last wrote down.
pub fn ask(place: &Place) -> Result<Status, Failure> {
    match converse(async { Ok(place.agent().get::<Status>("/v1/status").await) })? {
        Ok(status) => return Ok(status),
        // Also an agent that hangs, or whose socket is not ours to use, is told by what it wrote down, if that may be read.
        Err(error @ (ClientError::NoAgent(_) | ClientError::NotAllowed(_))) => {
            if let (Err(failure), ClientError::NotAllowed(_)) = (place.journal(), &error) {
                return Err(Failure { exit: failure.exit, ..error.into() });
            }
        }
        Err(error) => return Err(error.into()),
    }
    let clock = SystemClock::new().map_err(|error| Failure::plain(Exit::Unavailable, error))?;
    let journal = place.journal()?;
    agent::recall(&journal, &clock)?;
    Ok(agent::status(&journal, &place.config.gateway.name, &clock, None)?)
}

fn show(status: &Status, screen: &mut Screen) {
    let (name, version) = (&status.gateway, &status.version);
    if status.running {
        screen.say(
            format!("Gateway {name}: running, punchd {version}."),
            format!("网关 {name}：运行中，punchd {version}。"),
        );
    } else {
        screen.say(
            format!("Gateway {name}: NOT RUNNING. No device is read. Start it: systemctl start punchd. This is how things were:"),
            format!("网关 {name}：未运行，没有读取任何设备。请启动：systemctl start punchd。以下为停止前的状态："),
        );
    }
    let mut states: Vec<(&Subject, &State)> = status.health.iter().collect();
    states.sort_by_key(|(_, state)| std::cmp::Reverse(state.health.condition));
    for (subject, state) in states {
        let since = moments::ago(state.since_ms, status.now_ms);
        let (name, condition) = (subject_name(subject), condition(state.health.condition));
        let Text { en, zh } = &state.health.text;
        screen.say(
            format!("{:<8} {}, for {}: {en}", condition.en, name.en, since.en),
            format!("{} {}（{}）：{zh}", condition.zh, name.zh, since.zh),
        );
    }
    journal(status, screen);
    clock(status, screen);
    for Text { en, zh } in &status.remarks {
        screen.say(en, zh);
    }
    for stranger in &status.strangers {
        show_stranger(stranger, status.now_ms, screen);
    }
    for alert in &status.alerts {
        show_alert(alert, status.now_ms, screen);
    }
    if status.alerts.iter().any(|alert| alert.is_live(status.now_ms)) {
        screen.say(
            format!(
                "An alert that was not repeated for {} days is over; all of them: punchd status --all",
                agent::ALERT_LIVES_DAYS
            ),
            format!("{} 天内未再出现的提醒视为结束；查看全部：punchd status --all", agent::ALERT_LIVES_DAYS),
        );
    }
}

fn journal(status: &Status, screen: &mut Screen) {
    let counts = &status.journal.counts;
    screen.say(
        format!(
            "Readings {}; unknown credentials {}, held {}. Deliveries waiting {}, in doubt {}, parked {}.",
            counts.readings, counts.unknown, counts.held, counts.waiting, counts.in_doubt, counts.parked
        ),
        format!(
            "记录 {}；未知凭证 {}，待定 {}。待上传 {}，结果不明 {}，搁置 {}。",
            counts.readings, counts.unknown, counts.held, counts.waiting, counts.in_doubt, counts.parked
        ),
    );
    if let Some(oldest) = counts.oldest_undelivered_s {
        let age = moments::ago(oldest.saturating_mul(1000), status.now_ms);
        screen.say(
            format!("The oldest punch that is not delivered is {} old.", age.en),
            format!("最早一条未送达的打卡距今 {}。", age.zh),
        );
    }
    if status.journal.head_seq > 0 {
        screen.say("Head of the journal, to be kept elsewhere:", "日志链首，请另行保存：");
        screen.line(&format!("  {}:{}", status.journal.head_seq, status.journal.head_digest));
    }
}

fn clock(status: &Status, screen: &mut Screen) {
    // Where nothing is known, the clock's own sentence above says so and what to do.
    if let Some(bound) = status.clock_bound_ms {
        let seconds = bound as f64 / 1000.0;
        let known = known(status);
        screen.say(
            format!("The time is known to within {seconds:.1} s, {}.", known.en),
            format!("时间误差不超过 {seconds:.1} 秒，{}。", known.zh),
        );
    }
    if let Some((by_ms, ago_ms)) = status.clock.last_step.and_then(|step| Some((step.by_ms, step.ago_ms?))) {
        let (by, ago) = (moments::offset(by_ms), moments::ago(0, ago_ms));
        screen.say(
            format!("The system clock was set {} ago, by {by}.", ago.en),
            format!("系统时钟在{}前被调整了 {by}。", ago.zh),
        );
    }
}

/// What the time is known by.
fn known(status: &Status) -> Text {
    let learned = status.clock.learned_ms.map(|learned_ms| moments::ago(learned_ms, status.now_ms));
    let ago = |en: &str, zh: &str| match &learned {
        Some(ago) => Text::new(format!("{en} {} ago", ago.en), format!("{}前{zh}", ago.zh)),
        None => Text::new(en, zh),
    };
    match status.clock.known {
        Known::Synchronised => Text::new("kept so by a time server", "由时间服务器保持同步"),
        Known::By(AnchorSource::System) => ago("last synchronised", "最后一次同步"),
        Known::By(AnchorSource::Wecom) => ago("by WeCom's answer", "由企业微信的应答得知"),
        Known::By(AnchorSource::Terminal) => ago("by a checked terminal", "由校验过的终端得知"),
        Known::By(AnchorSource::Person) => ago("as a person said", "由人员告知"),
        Known::By(AnchorSource::Kept) | Known::Kept => {
            Text::new("as the machine's own clock keeps it", "由机器自带时钟维持")
        }
        Known::Nothing => Text::new("by nothing", "没有来源"),
    }
}

/// A terminal that knocked, with the command that lets it in.
pub fn show_stranger(stranger: &StrangerStatus, now_ms: i64, screen: &mut Screen) {
    let StrangerStatus { serial, kind, address, detail, last_ms, trouble } = stranger;
    let ago = moments::ago(*last_ms, now_ms);
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    let trouble = trouble.clone().unwrap_or_else(|| Text::new("", ""));
    let Some(serial) = serial else {
        screen.say(
            format!("Somebody at {address} wants in at {kind} without a serial number, {} ago: {}", ago.en, trouble.en),
            format!("{address} 连接了 {kind}，但没有给出序列号（{}前）：{}", ago.zh, trouble.zh),
        );
        return;
    };
    if !trouble.en.is_empty() {
        screen.say(
            format!("Terminal {serial} at {address}: {}", trouble.en),
            format!("终端 {serial}（{address}）：{}", trouble.zh),
        );
    }
    screen.say(
        format!("A terminal that is not configured wants in: {serial}{detail}, {kind}, from {address}, {} ago. To let it in:", ago.en),
        format!("有未配置的终端请求接入：{serial}{detail}，{kind}，来自 {address}，{}前。允许接入请执行：", ago.zh),
    );
    screen.line(&format!("  punchd devices approve {} --name NAME", printable(serial)));
}

fn show_alert(alert: &AlertStatus, now_ms: i64, screen: &mut Screen) {
    let ago = moments::ago(alert.last_ms, now_ms);
    let device = alert.device.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
    let (mut times, mut word) = (Text::new("", ""), Text::new("Look at", "请留意"));
    if alert.times > 1 {
        let first = moments::ago(alert.at_ms, now_ms);
        times = Text::new(
            format!(", {} times since {} ago", alert.times, first.en),
            format!("，{}前起共 {} 次", first.zh, alert.times),
        );
    }
    if !alert.is_live(now_ms) {
        word = Text::new("Over", "已结束");
    }
    screen.say(
        format!("{} ({} ago{}) {device}{}", word.en, ago.en, times.en, alert.en),
        format!("{}（{}前{}）{device}{}", word.zh, ago.zh, times.zh, alert.zh),
    );
}

fn subject_name(subject: &Subject) -> Text {
    match subject {
        Subject::Journal => Text::new("journal", "日志库"),
        Subject::Clock => Text::new("clock", "时钟"),
        Subject::Configuration => Text::new("configuration", "配置"),
        Subject::People => Text::new("people", "人员"),
        Subject::Disk => Text::new("disk", "磁盘"),
        Subject::Punches => Text::new("punches", "打卡"),
        Subject::Organisation(name) => Text::new(format!("organisation {name}"), format!("企业 {name}")),
        Subject::Device(name) => Text::new(format!("device {name}"), format!("设备 {name}")),
        Subject::Destination(name) => Text::new(format!("destination {name}"), format!("去向 {name}")),
    }
}

/// A condition in a word.
pub fn condition(condition: Condition) -> Text {
    match condition {
        Condition::Working => Text::new("working", "正常"),
        Condition::Starting => Text::new("starting", "启动中"),
        Condition::Warning => Text::new("WARNING", "注意"),
        Condition::Fault => Text::new("FAULT", "故障"),
    }
}
