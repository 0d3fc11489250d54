//! The sentences for a terminal that answers: what it is doing, and what wants a look.

use punchd_contract::{Alert, AlertKind, DeviceName, Health, Text};

use super::log_read::Continuation;
use super::protocol::layout::LayoutError;
use super::silence::Question;

/// From how many seconds on a clock is worth a word.
const WORTH_A_WORD: i64 = 10;
/// From how many seconds on it is worth a look.
const WORTH_A_LOOK: i64 = 60;

/// What is known of a terminal that answers.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Serial number and address.
    pub name: String,
    /// How many records the last whole read had.
    pub read: u64,
    /// How many it said it had then.
    pub claimed: Option<u64>,
    /// Whether the two were counted at rest, so that a difference means something.
    pub differ: bool,
    /// Whether it tells punches as they happen.
    pub live: bool,
    /// Its clock minus true time in seconds, as last said; small changes are not said.
    pub clock_off: Option<i64>,
    /// Whether its user list could not be read.
    pub without_people: bool,
    /// The code with which it refused its log the last time, if it did.
    pub refused: Option<u16>,
    /// New records that name a row of the list, and nothing tells whose it was.
    pub unsure_rows: u64,
    /// Other devices that show its serial number.
    pub shared_with: Vec<DeviceName>,
    /// What it does not answer.
    pub left_out: Vec<Question>,
}

impl Report {
    /// Takes a newly measured offset.
    pub fn measured(&mut self, offset_ms: Option<i64>) {
        let seconds = offset_ms.map(|ms| ms.div_euclid(1000) + i64::from(ms.rem_euclid(1000) >= 500));
        let steady = matches!((self.clock_off, seconds), (Some(said), Some(now)) if said.abs_diff(now) < 2);
        if !steady {
            self.clock_off = seconds;
        }
    }

    /// How the terminal is.
    pub fn health(&self) -> Health {
        let (read, name) = (self.read, &self.name);
        let mut warn = self.refused.is_some();
        let (mut en, mut zh) = match (read, self.live) {
            _ if self.refused.is_some() => self.refusal(),
            (0, true) => (
                format!(
                    "terminal {name} answers; its log was empty at the last read, new punches arrive as they happen"
                ),
                format!("考勤机 {name} 正常；上次读取时记录为空，新打卡实时到达"),
            ),
            (0, false) => (
                format!(
                    "terminal {name} answers; its log was empty at the last read, new punches are looked for at every poll"
                ),
                format!("考勤机 {name} 正常；上次读取时记录为空，定时查看新打卡"),
            ),
            (_, true) => (
                format!("terminal {name} answers; {read} records at the last read, new punches arrive as they happen"),
                format!("考勤机 {name} 正常；上次读取 {read} 条记录，新打卡实时到达"),
            ),
            (_, false) => (
                format!(
                    "terminal {name} answers; {read} records at the last read, new punches are looked for at every poll"
                ),
                format!("考勤机 {name} 正常；上次读取 {read} 条记录，定时查看新打卡"),
            ),
        };
        if let (true, Some(claimed), None) = (self.differ, self.claimed, self.refused) {
            warn = true;
            en +=
                &format!("; it says that it has {claimed} records, and {read} were read: compare with its own display");
            zh += &format!("；它自称有 {claimed} 条记录，实际读到 {read} 条：请与考勤机屏幕核对");
        }
        if self.without_people {
            warn = true;
            en += "; its user list could not be read, punches arrive all the same: please report its model";
            zh += "；无法读取人员名单，打卡不受影响：请反馈型号";
        }
        if let Some(off) = self.clock_off.filter(|off| off.abs() >= WORTH_A_WORD) {
            warn |= off.abs() >= WORTH_A_LOOK;
            let (way, direction) = if off > 0 { ("fast", "快") } else { ("slow", "慢") };
            let off = off.unsigned_abs();
            en += &format!(
                "; its clock is {off} s {way}: set it on the terminal, or with `punchd devices set-clock NAME` (NAME as in `punchd devices`)"
            );
            zh += &format!(
                "；它的时钟{direction}了 {off} 秒：请在考勤机上校准，或运行 `punchd devices set-clock 设备名`（名称见 `punchd devices`）"
            );
        }
        if self.unsure_rows > 0 {
            warn = true;
            let unsure = self.unsure_rows;
            en += &format!(
                "; {unsure} new records name only a row of its user list, and nothing tells whose row it was: give them to a person with `punchd punches decide`"
            );
            zh += &format!("；{unsure} 条新记录只有内部行号，无法确定属于谁：请用 punchd punches decide 指定人员");
        }
        if !self.shared_with.is_empty() {
            warn = true;
            let others = self.shared_with.iter().map(DeviceName::as_str).collect::<Vec<_>>().join(", ");
            en += &format!(
                "; it shows the same serial number as {others}: if that is one terminal, remove one of the blocks; if these are several, nothing is lost, and their serial numbers should be set right"
            );
            zh += &format!(
                "；序列号与 {others} 相同：若是同一台请删除重复的设备，若是不同的机器则不会丢失记录，但应更正序列号"
            );
        }
        if !self.left_out.is_empty() {
            let left_out: Vec<Text> = self.left_out.iter().map(|question| question.text()).collect();
            let list = |part: fn(&Text) -> &str, comma| left_out.iter().map(part).collect::<Vec<_>>().join(comma);
            en += &format!("; asked for {}, it does not answer: left out", list(|text| &text.en, ", "));
            zh += &format!("；以下询问没有应答，已跳过：{}", list(|text| &text.zh, "、"));
        }
        let text = Text { en, zh };
        match (self.refused, self.claimed) {
            (Some(_), claimed) if claimed != Some(0) => Health::fault(text),
            _ if warn => Health::warning(text),
            _ => Health::working(text),
        }
    }

    /// The terminal refuses its log: whether anybody has punched, it does not tell.
    fn refusal(&self) -> (String, String) {
        let (name, code) = (&self.name, self.refused.unwrap_or_default());
        let counts = |en: &str, zh: &str| match self.claimed {
            Some(count) => (format!(" and counts {count} records"), format!("，自称有 {count} 条记录")),
            None => (en.to_owned(), zh.to_owned()),
        };
        let (en, zh) = counts("", "");
        (
            format!(
                "terminal {name} refuses to hand over its log (code {code}){en}: its punches are not read; see whether its menu allows PC or pull access, or use push instead, and please report its model"
            ),
            format!(
                "考勤机 {name} 拒绝提供考勤记录（代码 {code}）{zh}：无法读取打卡；请检查菜单是否允许电脑连接，或改用 push，并反馈型号"
            ),
        )
    }
}

/// The alert for a log that does not read as one.
pub fn log_not_understood(name: &str, model: &str, error: &LayoutError, kept: usize) -> Alert {
    let seen = error.text();
    let text = Text::new(
        format!(
            "what terminal {name} ({model}) hands over as its log does not read as one ({}): nothing of it was used, {kept} bytes of it are kept; please report the model with this sentence",
            seen.en
        ),
        format!(
            "考勤机 {name}（{model}）交出的内容无法作为考勤记录读取（{}）：未采用任何部分，已保留 {kept} 字节；请把型号和这句话一起反馈",
            seen.zh
        ),
    );
    Alert { kind: AlertKind::NotUnderstood, text }
}

/// What a change in the beginning of the log means to a person.
pub fn alert_of(continuation: Continuation, name: &str) -> Option<Alert> {
    let (kind, text) = match continuation {
        Continuation::Continued | Continuation::First => return None,
        Continuation::Overwritten => (
            AlertKind::Other,
            Text::new(
                format!(
                    "the log of terminal {name} no longer begins as before: it is full and overwrites its oldest records, or it was replaced; everything in it was taken again, nothing is counted twice"
                ),
                format!(
                    "考勤机 {name} 的记录开头与之前不同：记录已满并覆盖最旧的，或已被更换；已重新读取全部记录，不会重复计算"
                ),
            ),
        ),
        Continuation::Shrunk => (
            AlertKind::PunchesDeleted,
            Text::new(
                format!(
                    "terminal {name} has fewer records than before: somebody deleted records on it; what was read before is kept here"
                ),
                format!("考勤机 {name} 的记录比之前少：有人在考勤机上删除了记录；之前读到的记录仍保留在这里"),
            ),
        ),
    };
    Some(Alert { kind, text })
}

/// The alert for a count that differs.
pub fn counts_differ(name: &str, claimed: u64, read: u64) -> Alert {
    let text = Text::new(
        format!(
            "terminal {name} says that it has {claimed} records, and {read} were read: compare with its own display"
        ),
        format!("考勤机 {name} 自称有 {claimed} 条记录，实际读到 {read} 条：请与考勤机屏幕核对"),
    );
    Alert { kind: AlertKind::CountsDiffer, text }
}

/// The alert for a clock that jumped.
pub fn clock_set(name: &str, by_ms: i64) -> Alert {
    let seconds = by_ms / 1000;
    let text = Text::new(
        format!("somebody set the clock of terminal {name}: it moved by {seconds} s between two looks"),
        format!("有人调整了考勤机 {name} 的时钟：两次查看之间变化了 {seconds} 秒"),
    );
    Alert { kind: AlertKind::ClockSet, text }
}

/// The alert for an event that cannot be read.
pub fn event_not_understood(name: &str, bytes: usize) -> Alert {
    let text = Text::new(
        format!(
            "terminal {name} sent an event of {bytes} bytes that is not understood; its punches are taken from the log: please report the model"
        ),
        format!("考勤机 {name} 发来无法识别的 {bytes} 字节实时事件；打卡仍从记录中读取：请反馈型号"),
    );
    Alert { kind: AlertKind::NotUnderstood, text }
}
