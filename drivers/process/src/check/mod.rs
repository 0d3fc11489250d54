//! Plays the agent's side for a program under development and says what is wrong with it: `punchd driver check`.
//!
//! The program is started three times: for a talk with everything that can happen in one, to be refused instead of welcomed, and to lose
//! the agent without a word. Nothing is asked that changes a device: of the commands that it says it can do, `identify` is tried alone.

mod player;
mod talk;

use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use punchd_contract::Text;
use tokio::time::Instant;

use crate::program::{Running, start};
use crate::protocol::{Hello, ToProgram, VERSION};
use crate::settings::Settings;
use player::{Heard, Player};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it was.
    pub grade: Grade,
    /// What was looked at; where it is wrong, what to do.
    pub text: Text,
}

/// How something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As it has to be.
    Right,
    /// Could not be tried.
    Untried,
    /// Not as it has to be.
    Wrong,
}

/// What to try.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The program.
    pub settings: Settings,
    /// So many readings are waited for.
    pub readings: usize,
    /// How long the talk lasts at most.
    pub lasts: Duration,
    /// What time it is.
    pub now: Timestamp,
}

/// How long an answer may take that needs no device.
const ANSWERS: Duration = Duration::from_secs(10);
/// How long a program may take to end when it is told to; the agent kills it then.
const ENDS: Duration = Duration::from_secs(2);

/// Gathers what was found and tells it as it comes.
struct Findings<'t> {
    tell: &'t mut (dyn FnMut(Finding) + Send),
    wrong: bool,
}

impl Findings<'_> {
    fn add(&mut self, grade: Grade, en: impl Into<String>, zh: impl Into<String>) {
        self.wrong |= grade == Grade::Wrong;
        (self.tell)(Finding { grade, text: Text::new(en, zh) });
    }

    /// Right, or what to do.
    fn judge(&mut self, good: bool, right: (&str, &str), wrong: (&str, &str)) {
        let (grade, (en, zh)) = if good { (Grade::Right, right) } else { (Grade::Wrong, wrong) };
        self.add(grade, en, zh);
    }
}

/// Tries everything; answers whether nothing is wrong, or why nothing could be tried.
pub async fn check(trial: &Trial, tell: &mut (dyn FnMut(Finding) + Send)) -> Result<bool, Text> {
    let mut findings = Findings { tell, wrong: false };
    if a_talk(trial, &mut findings).await? {
        instead_of_a_welcome(trial, &mut findings).await?;
        without_a_word(trial, &mut findings).await?;
    }
    Ok(!findings.wrong)
}

async fn a_talk(trial: &Trial, findings: &mut Findings<'_>) -> Result<bool, Text> {
    let (mut running, mut player) = begin(trial)?;
    let Some(hello) = hello(&mut running, &mut player, findings).await else {
        running.end(ended()).await;
        return Ok(false);
    };
    let alive = talk::talk(trial, &hello, &mut running, &mut player, findings).await;
    if alive {
        player.say(&mut running, &ToProgram::Stop(ended())).await;
        let stopped = ends(&mut running, &mut player).await;
        findings.judge(
            stopped,
            ("ends within 2 s when it is told to stop", "收到 stop 后 2 秒内退出"),
            (
                "does not end within 2 s after {\"type\":\"stop\"}: end there, or it will be killed in the middle of its work",
                "收到 {\"type\":\"stop\"} 后 2 秒内没有退出：请在此退出，否则会在工作中被强制结束",
            ),
        );
    }
    running.end(ended()).await;
    Ok(alive)
}

async fn instead_of_a_welcome(trial: &Trial, findings: &mut Findings<'_>) -> Result<(), Text> {
    let (mut running, mut player) = begin(trial)?;
    let greeted = matches!(player.next(&mut running, Instant::now() + ANSWERS).await, Some(Heard::Message(_)));
    player.say(&mut running, &ToProgram::Stop(Text::new("this version is not spoken", "不支持此版本"))).await;
    let stopped = greeted && ends(&mut running, &mut player).await;
    findings.judge(
        stopped,
        ("ends when it is told to stop instead of welcome", "未收到 welcome 而收到 stop 时退出"),
        (
            "does not end when `stop` comes instead of `welcome`, as from a punchd of another version: look for it there too",
            "在 welcome 之前收到 stop（例如版本不符）时没有退出：请在那里也处理 stop",
        ),
    );
    running.end(ended()).await;
    Ok(())
}

async fn without_a_word(trial: &Trial, findings: &mut Findings<'_>) -> Result<(), Text> {
    let (mut running, mut player) = begin(trial)?;
    let greeted = matches!(player.next(&mut running, Instant::now() + ANSWERS).await, Some(Heard::Message(_)));
    player.say(&mut running, &talk::welcome(trial)).await;
    running.close_stdin();
    let stopped = greeted && ends(&mut running, &mut player).await;
    findings.judge(
        stopped,
        ("ends when its stdin is closed", "标准输入关闭时退出"),
        (
            "goes on when its stdin is closed, and would hold the device although punchd is gone: end at the end of stdin",
            "标准输入关闭后仍继续运行，punchd 不在时会一直占用设备：请在标准输入结束时退出",
        ),
    );
    running.end(ended()).await;
    Ok(())
}

fn begin(trial: &Trial) -> Result<(Running, Player), Text> {
    let (running, pipes) = start(&trial.settings, Stdio::inherit(), None)?;
    Ok((running, Player::new(pipes.stdout)))
}

async fn hello(running: &mut Running, player: &mut Player, findings: &mut Findings<'_>) -> Option<Hello> {
    use crate::protocol::FromProgram;
    const RIGHT: &str = "{\"type\":\"hello\",\"protocol\":1,\"name\":…}";
    let wrong = |findings: &mut Findings<'_>, en: String, zh: String| {
        findings.add(
            Grade::Wrong,
            format!("{en}; its first line has to be {RIGHT}"),
            format!("{zh}；第一行必须是 {RIGHT}"),
        );
    };
    match player.next(running, Instant::now() + ANSWERS).await {
        Some(Heard::Message(FromProgram::Hello(hello))) if hello.protocol == VERSION => {
            let name = &hello.name;
            findings.add(Grade::Right, format!("says hello as {name:?}"), format!("以 {name:?} 的名义问候（hello）"));
            return Some(hello);
        }
        Some(Heard::Message(FromProgram::Hello(hello))) => {
            let version = hello.protocol;
            wrong(
                findings,
                format!("speaks version {version}, this punchd speaks {VERSION}"),
                format!("使用协议版本 {version}，本 punchd 使用 {VERSION}"),
            );
        }
        Some(Heard::Message(_)) => {
            wrong(findings, "says something before hello".into(), "在 hello 之前发送了其他消息".into())
        }
        Some(Heard::Wrong(refused, _)) => wrong(findings, refused.wrong.to_string(), refused.wrong.to_string()),
        Some(Heard::Closed) => wrong(
            findings,
            "ended or closed its stdout without hello".into(),
            "没有 hello 就退出或关闭了标准输出".into(),
        ),
        None => wrong(
            findings,
            "says nothing for 10 s (does it write its lines out at once, with flush?)".into(),
            "10 秒没有输出（每行是否立即 flush？）".into(),
        ),
    }
    None
}

/// Whether it ends in time; what it still says is read meanwhile, or it could wait for that.
async fn ends(running: &mut Running, player: &mut Player) -> bool {
    let until = Instant::now() + ENDS;
    let ended = async {
        tokio::select! {
            status = running.ends_within(ENDS) => status.is_some(),
            () = player.drain() => false,
        }
    };
    if ended.await {
        return true;
    }
    running.ends_within(until.saturating_duration_since(Instant::now())).await.is_some()
}

fn ended() -> Text {
    Text::new("the check is over", "检查结束")
}
