//! The talk that tries everything that can happen in one.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::{GatewayTime, NotRecorded, Reading, Receipt, RecordKey, Text, Verdict};
use serde_json::json;
use tokio::time::Instant;

use super::player::{Heard, Player};
use super::{ANSWERS, Findings, Grade, Trial};
use crate::order;
use crate::program::Running;
use crate::protocol::{
    Answer, CommandWord, Failure, FromProgram, Hello, Id, MAX_WAITING, Order, SentBatch, SentReading, Time, ToProgram,
    VERSION, Welcome,
};

/// How long the first receipt is kept back: as long as a person waits on a slow disk, nearly.
const SLOW: Duration = Duration::from_millis(1500);
/// Lines that are shown one by one.
const SHOWN: usize = 10;
/// How often a program has to say something.
const MINUTE: Duration = Duration::from_secs(60);

/// The numbers of the commands.
const UNKNOWN: u64 = 1;
const CANCELLED: u64 = 2;
const IDENTIFY: u64 = 3;
const AFTER_GARBAGE: u64 = 4;

struct Talk<'a, 'f, 't> {
    trial: &'a Trial,
    findings: &'f mut Findings<'t>,
    /// Answers that are kept back.
    later: VecDeque<(Instant, ToProgram)>,
    open: HashMap<Id, bool>,
    readings: usize,
    submissions: usize,
    /// Records that were refused and have to come again.
    owed: Vec<RecordKey>,
    refused: bool,
    healthy: bool,
    wrong_lines: usize,
    answers: HashMap<u64, Result<(), Failure>>,
    last: Instant,
    longest_gap: Duration,
}

/// Plays it. Answers whether the program still runs.
pub(super) async fn talk(
    trial: &Trial,
    hello: &Hello,
    running: &mut Running,
    player: &mut Player,
    findings: &mut Findings<'_>,
) -> bool {
    player.log.clone_from(&hello.log);
    // What a later punchd might say: another message, another field.
    player.say_line(running, b"{\"type\":\"weather\",\"degrees\":21}\n".to_vec()).await;
    let mut line = serde_json::to_value(welcome(trial)).unwrap_or_default();
    if let Some(object) = line.as_object_mut() {
        object.insert("weather".into(), json!({ "degrees": 21 }));
    }
    player.say_line(running, format!("{line}\n").into_bytes()).await;
    let started = Instant::now();
    let mut talk = Talk {
        trial,
        findings,
        later: VecDeque::new(),
        open: HashMap::new(),
        readings: 0,
        submissions: 0,
        owed: Vec::new(),
        refused: false,
        healthy: false,
        wrong_lines: 0,
        answers: HashMap::new(),
        last: started,
        longest_gap: Duration::ZERO,
    };
    let commands = hello.can.contains(&CommandWord::Identify);
    let alive = talk.go_on(started + trial.lasts, commands, running, player).await;
    talk.sum_up(hello, started.elapsed(), alive);
    alive
}

impl Talk<'_, '_, '_> {
    async fn go_on(&mut self, until: Instant, identify: bool, running: &mut Running, player: &mut Player) -> bool {
        let command =
            |id, name: &str| format!("{}\n", json!({"type": "command", "id": id, "command": name})).into_bytes();
        player.say_line(running, command(UNKNOWN, "dance")).await;
        player.say_line(running, command(CANCELLED, "dance")).await;
        player.say(running, &ToProgram::Cancel { id: CANCELLED }).await;
        // Nobody knows this one.
        player.say(running, &ToProgram::Cancel { id: 999 }).await;
        if identify {
            player.say(running, &ToProgram::Command { id: IDENTIFY, order: Order::Identify }).await;
        }
        player.say_line(running, b"\nthis is no JSON\n[1,2]\n{\"type\":5}\n{}\n".to_vec()).await;
        player.say_line(running, command(AFTER_GARBAGE, "dance")).await;
        // Commands have their own patience; readings may need a person who presents something.
        let until = until.max(Instant::now() + Duration::from_secs(1));
        while Instant::now() < until && !self.has_seen_everything(identify) {
            if self.later.front().is_some_and(|(due, _)| *due <= Instant::now())
                && let Some((_, answer)) = self.later.pop_front()
            {
                if let ToProgram::Receipt { id, .. }
                | ToProgram::Receipts { id, .. }
                | ToProgram::NotRecorded { id, .. } = &answer
                {
                    self.open.remove(id);
                }
                player.say(running, &answer).await;
                continue;
            }
            let wake = self.later.front().map_or(until, |(due, _)| (*due).min(until));
            match player.next(running, wake).await {
                Some(Heard::Closed) => return false,
                Some(heard) => self.take(heard),
                None => {}
            }
        }
        // A program that cannot stand its last answer shows it now.
        !matches!(player.next(running, Instant::now() + Duration::from_millis(300)).await, Some(Heard::Closed))
    }

    fn has_seen_everything(&self, identify: bool) -> bool {
        let due = [Some(UNKNOWN), Some(AFTER_GARBAGE), identify.then_some(IDENTIFY)];
        let answered = due.into_iter().flatten().all(|id| self.answers.contains_key(&id));
        // Who is to wait for several readings sees that one is refused, too.
        let refused = self.refused || self.trial.readings < 2;
        self.healthy
            && answered
            && refused
            && self.readings >= self.trial.readings
            && self.later.is_empty()
            && self.owed.is_empty()
    }

    fn take(&mut self, heard: Heard) {
        self.longest_gap = self.longest_gap.max(self.last.elapsed());
        self.last = Instant::now();
        match heard {
            Heard::Message(FromProgram::Health(_)) => self.healthy = true,
            Heard::Message(FromProgram::Reading(sent)) => self.reading(*sent),
            Heard::Message(FromProgram::Batch(sent)) => self.batch(*sent),
            Heard::Message(FromProgram::Done { id, .. }) => {
                self.answers.insert(id, Ok(()));
            }
            Heard::Message(FromProgram::Failed { id, failure }) => {
                self.answers.insert(id, Err(failure));
            }
            Heard::Message(FromProgram::Step { .. }) | Heard::Closed => {}
            Heard::Message(FromProgram::Hello(_)) => {
                self.findings.add(Grade::Wrong, "says hello again; once is enough", "重复发送 hello；一次即可");
            }
            Heard::Wrong(refused, line) => {
                self.wrong_lines += 1;
                if self.wrong_lines <= SHOWN {
                    let wrong = refused.wrong;
                    self.findings.add(Grade::Wrong, format!("line {line}: {wrong}"), format!("第 {line} 行：{wrong}"));
                }
            }
        }
    }

    fn reading(&mut self, sent: SentReading) {
        let SentReading { id, reading } = sent;
        self.opens(&id, false);
        let verdict = self.verdict();
        self.note(std::slice::from_ref(&reading), verdict.is_some());
        let answer = match verdict {
            Some(verdict) => ToProgram::Receipt { id, answer: self.answer(verdict) },
            None => ToProgram::not_recorded(id, &NotRecorded::Busy),
        };
        self.answer_later(answer);
    }

    fn batch(&mut self, sent: SentBatch) {
        let SentBatch { id, mut batch, clock } = sent;
        let of = batch.readings.len();
        let doubtful = order::place(&mut batch.readings, &TimeZone::UTC, clock, Some(self.trial.now));
        if doubtful > 0 {
            self.findings.add(
                Grade::Wrong,
                format!(
                    "{doubtful} of the {of} readings of a batch are dated before or after what their neighbours and the terminal's `clock` allow, and would be held: send them in the order in which the terminal wrote them, or its clock was wrong"
                ),
                format!(
                    "一批 {of} 条记录中有 {doubtful} 条的日期与前后记录或终端 `clock` 矛盾，将被搁置待定：请按终端写入的顺序发送，或终端时钟曾有误"
                ),
            );
        }
        if self.open.values().any(|batch| *batch) {
            self.findings.add(
                Grade::Wrong,
                "sends a batch before the one before is answered: wait for `receipts` or `not_recorded`, or the cursor could pass what is not recorded",
                "上一批尚未答复就发送下一批：请等待 `receipts` 或 `not_recorded`，否则游标可能越过未记录的内容",
            );
        }
        self.opens(&id, true);
        let verdict = if batch.readings.is_empty() { Some(Verdict::Repeated) } else { self.verdict() };
        self.note(&batch.readings, verdict.is_some());
        let answer = match verdict {
            Some(verdict) => {
                let receipts = batch.readings.iter().map(|_| self.answer(verdict.clone())).collect();
                ToProgram::Receipts { id, receipts }
            }
            None => ToProgram::not_recorded(id, &NotRecorded::Busy),
        };
        self.answer_later(answer);
    }

    fn opens(&mut self, id: &Id, batch: bool) {
        if self.open.insert(id.clone(), batch).is_some() {
            self.findings.add(
                Grade::Wrong,
                format!("gives the id {id:?} to two messages at once: no one can tell whose the answer is"),
                format!("两条未答复的消息使用同一 id {id:?}：无法区分答复属于哪一条"),
            );
        }
        if self.open.len() == MAX_WAITING + 1 {
            self.findings.add(
                Grade::Wrong,
                format!(
                    "sends more than {MAX_WAITING} messages without waiting for an answer: punchd would read no further"
                ),
                format!("未等答复就发送了超过 {MAX_WAITING} 条消息：punchd 将暂停读取"),
            );
        }
    }

    fn note(&mut self, readings: &[Reading], recorded: bool) {
        for key in readings.iter().filter_map(|reading| reading.key.as_ref()) {
            if recorded {
                self.owed.retain(|owed| owed != key);
            } else {
                self.owed.push(key.clone());
            }
        }
        if recorded {
            self.readings += readings.len();
        }
    }

    /// Each submission with readings meets another fate; the second one is not recorded.
    fn verdict(&mut self) -> Option<Verdict> {
        let reason = || Text::new("a trial", "测试");
        let name = || "张三".to_owned();
        let at = self.submissions;
        self.submissions += 1;
        Some(match at {
            1 => {
                self.refused = true;
                return None;
            }
            2 => Verdict::Unknown,
            3 => Verdict::Refused { reason: reason() },
            4 => Verdict::Held { reason: reason() },
            5 => Verdict::Merged { name: name(), into: self.trial.now },
            6 => Verdict::Repeated,
            _ => Verdict::Punch { name: name(), time: self.trial.now },
        })
    }

    fn answer(&self, verdict: Verdict) -> Answer {
        Answer::of(Receipt { seq: self.readings as u64, verdict })
    }

    fn answer_later(&mut self, answer: ToProgram) {
        let wait = if self.submissions <= 1 { SLOW } else { Duration::ZERO };
        let after = self.later.back().map_or_else(Instant::now, |(due, _)| *due);
        self.later.push_back((after.max(Instant::now() + wait), answer));
    }

    fn sum_up(&mut self, hello: &Hello, lasted: Duration, alive: bool) {
        self.findings.judge(
            alive,
            ("goes on after unknown messages and fields, unknown commands and lines that are no JSON", "遇到未知消息、未知字段、未知命令和非 JSON 行时继续运行"),
            (
                "ended or closed its stdout during the talk: catch what its parser throws, ignore what it does not know; its stderr above says more",
                "在对话中退出或关闭了标准输出：请捕获解析错误，忽略未知内容；详见上方 stderr",
            ),
        );
        self.findings.judge(
            self.healthy,
            ("says how its device is", "报告了设备状态"),
            (
                "does not say how its device is: send {\"type\":\"health\",\"condition\":\"working\",\"en\":…,\"zh\":…} at the start, at every change and once a minute",
                "没有报告设备状态：请在启动时、每次变化时和每分钟发送 {\"type\":\"health\",\"condition\":\"working\",\"en\":…,\"zh\":…}",
            ),
        );
        if !alive {
            return;
        }
        let unsupported = |id| matches!(self.answers.get(&id), Some(Err(Failure::Unsupported)));
        let (known, after) = (unsupported(UNKNOWN), unsupported(AFTER_GARBAGE));
        self.findings.judge(
            known && after,
            ("answers a command that it does not know", "对未知命令作出答复"),
            (
                "does not answer a command that it does not know: send {\"type\":\"failed\",\"id\":…,\"reason\":\"unsupported\"}",
                "没有答复未知命令：请发送 {\"type\":\"failed\",\"id\":…,\"reason\":\"unsupported\"}",
            ),
        );
        if hello.can.contains(&CommandWord::Identify) {
            let answered = self.answers.contains_key(&IDENTIFY);
            self.findings.judge(
                answered,
                ("answers `identify`", "答复 `identify`"),
                (
                    "does not answer `identify`, which it says it can do: send `done` or `failed` with its id",
                    "声明支持 `identify` 却没有答复：请发送带其 id 的 `done` 或 `failed`",
                ),
            );
        }
        self.about_readings();
        if lasted > MINUTE + ANSWERS {
            let gap = self.longest_gap.max(self.last.elapsed());
            self.findings.judge(
                gap <= MINUTE + Duration::from_secs(5),
                ("says something at least once a minute", "至少每分钟有一次输出"),
                (
                    "says nothing for more than a minute: repeat `health` every minute, or it will be taken for dead",
                    "超过一分钟没有输出：请每分钟重复 `health`，否则会被视为卡死",
                ),
            );
        }
    }

    fn about_readings(&mut self) {
        let (got, wanted) = (self.readings, self.trial.readings);
        if got < wanted {
            let text =
                format!("{got} of {wanted} readings came in time: present something, or give more time with --for");
            self.findings.add(
                Grade::Wrong,
                text,
                format!("在时限内收到 {got}/{wanted} 条记录：请刷卡，或用 --for 延长时间"),
            );
        } else if got == 0 {
            let (en, zh) = ("no reading came; --readings N waits for some", "没有收到记录；--readings N 可等待记录");
            self.findings.add(Grade::Untried, en, zh);
        } else {
            self.findings.add(
                Grade::Right,
                format!("sends readings ({got}), and takes their receipts"),
                format!("发送了记录（{got} 条）并接受回执"),
            );
        }
        if !self.refused {
            let (en, zh) =
                ("`not_recorded` was not tried; that takes two readings", "没有试到 `not_recorded`；至少需要两条记录");
            self.findings.add(Grade::Untried, en, zh);
        } else {
            let owed = !self.owed.is_empty();
            self.findings.judge(
                !owed,
                ("goes on after `not_recorded`", "收到 `not_recorded` 后继续"),
                (
                    "does not send a record again that was answered `not_recorded`: keep it in the device, and send it again after a few seconds",
                    "收到 `not_recorded` 的记录没有重发：请保留在设备中，几秒后重发",
                ),
            );
        }
    }
}

/// A welcome as the agent's.
pub(super) fn welcome(trial: &Trial) -> ToProgram {
    let now = GatewayTime { utc: trial.now, bound: Some(Duration::from_millis(10)) };
    ToProgram::Welcome(Box::new(Welcome {
        protocol: VERSION,
        device: "under-check".to_owned(),
        zone: Some("Asia/Shanghai".to_owned()),
        settings: trial.settings.settings.clone(),
        secret: trial.settings.secret.as_ref().map(|secret| secret.reveal().to_owned()),
        cursor: serde_json::Value::Null,
        time: Time::of(now, &TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC)),
    }))
}
