//! The driver of one program: one run, which ends with a sentence; the agent starts the next one.

use std::convert::Infallible;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{Condition, Declaration, DriverError, Health, Kind, Member, Mistake, Text, Values};
use tokio::time::timeout;

use crate::conversation::converse;
use crate::ended::Ended;
use crate::program::{start, turn};
use crate::settings::{self, Settings};
use crate::stderr::Stderr;

/// How long a program that has closed its stdout may take to end and to say why.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Any program that speaks JSON Lines on stdin and stdout.
#[derive(Debug)]
pub struct Process;

impl Kind for Process {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        if members.is_empty() {
            return Ok(());
        }
        let served = members.iter().map(|member| Box::pin(serve(member)));
        let text = select_all(served).await.0;
        Err(DriverError(text))
    }
}

/// One run of the program. Answers what ended it, having said so.
async fn serve(member: &Member<Settings>) -> Text {
    let program = name(&member.settings.program);
    let starting = Text::new(format!("starting {program}"), format!("正在启动 {program}"));
    member.port.health(Health { condition: Condition::Starting, text: starting });
    let text = match run(member, &program).await {
        Ok(never) => match never {},
        Err(text) => text,
    };
    tracing::warn!(device = %member.device, "{text}");
    member.port.health(Health::fault(text.clone()));
    text
}

/// The last part of its path.
fn name(program: &str) -> String {
    program.rsplit('/').next().unwrap_or(program).to_owned()
}

async fn run(member: &Member<Settings>, program: &str) -> Result<Infallible, Text> {
    let turn = turn(&member.device).await.ok_or_else(|| {
        Text::new(
            format!(
                "the last run of {program} does not end, though it was killed: the machine may have to be restarted"
            ),
            format!("{program} 的上一个进程被结束后仍未退出：可能需要重启本机"),
        )
    })?;
    let (mut running, pipes) = start(&member.settings, Stdio::piped(), Some(turn))?;
    let mut stderr = Stderr::new(pipes.stderr, member);
    let ended = match running.outbox() {
        Some(outbox) => tokio::select! {
            ended = converse(member, program, pipes.stdout, outbox) => ended,
            never = stderr.listen() => match never {},
        },
        None => Ended::Closed,
    };
    let mut status = None;
    if matches!(ended, Ended::Closed | Ended::StdinClosed) {
        let (by_itself, _) = tokio::join!(running.ends_within(LAST_WORDS), timeout(LAST_WORDS, stderr.drain()));
        status = by_itself;
    }
    let said = stderr.last().map(str::to_owned);
    let text = match (ended, status) {
        (Ended::Closed | Ended::StdinClosed, Some(status)) => exited(program, status, said.as_deref()),
        (Ended::Closed, None) => Text::new(
            format!("{program} closed its stdout without ending; keep it open, for that is where readings come from"),
            format!("{program} 关闭了标准输出却没有退出；请保持打开，打卡由此送出"),
        ),
        (ended, _) => ended.text(program),
    };
    running.end(text.clone()).await;
    Err(text)
}

fn exited(program: &str, status: ExitStatus, said: Option<&str>) -> Text {
    use std::os::unix::process::ExitStatusExt;
    let (en, zh) = match (status.code(), status.signal()) {
        (Some(0), _) => ("ended by itself".to_owned(), "自行退出".to_owned()),
        (Some(code), _) => (format!("ended with exit code {code}"), format!("以退出码 {code} 结束")),
        (None, Some(signal)) => (format!("was killed by signal {signal}"), format!("被信号 {signal} 终止")),
        (None, None) => ("ended".to_owned(), "已结束".to_owned()),
    };
    match said {
        Some(said) => Text::new(
            format!("{program} {en} and is started again; the last it said: {said}"),
            format!("{program} {zh}，正在重新启动；最后的输出：{said}"),
        ),
        None => Text::new(
            format!("{program} {en} and is started again; it said nothing on stderr"),
            format!("{program} {zh}，正在重新启动；stderr 没有输出"),
        ),
    }
}
