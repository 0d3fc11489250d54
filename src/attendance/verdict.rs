//! What became of a reading, and why, in words.

use std::time::Duration;

use jiff::civil::Date;
use punchd_contract::{Doubt, Text};
use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;

/// What became of a reading for one organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It counts.
    Punch,
    /// It belongs to an earlier punch.
    Merged,
    /// Nobody is known by its credential.
    Unknown,
    /// It waits for something.
    Held,
    /// It does not count.
    Refused,
}

impl Outcome {
    /// The number in the journal.
    pub fn code(self) -> i64 {
        self as i64
    }

    /// From the number in the journal.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Punch, Self::Merged, Self::Unknown, Self::Held, Self::Refused].get(usize::try_from(code).ok()?).copied()
    }
}

/// Why a reading is held or refused. Stored as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// The terminal gave a date that does not exist.
    ImpossibleDate,
    /// It is dated earlier than any punch can be: the terminal's clock had lost its time.
    TooEarly {
        /// The first possible day.
        before: Date,
    },
    /// The record could not be read.
    Unreadable,
    /// The gateway's clock was not trusted when a local reader read it.
    ClockUntrusted,
    /// The terminal's clock was off, and nothing proves by how much at the moment of the reading.
    TerminalClock {
        /// Terminal minus true time.
        offset_ms: i64,
    },
    /// The terminal's clock was changed since the contact before; the reading lies between.
    TerminalClockChanged {
        /// Terminal minus true time before.
        before_ms: i64,
        /// And now.
        now_ms: i64,
    },
    /// It is dated later than now.
    Future,
    /// The device's own evidence contradicts it.
    Doubtful {
        /// How.
        doubt: Doubt,
    },
    /// What happened is no punch.
    NoPunch {
        /// The device's number for it.
        code: u16,
        /// What that number means.
        text: Text,
    },
    /// The person had left by then.
    Left {
        /// Their last day.
        on: Date,
    },
    /// It is dated before its credential was given to another person, and came afterwards.
    HandedOn {
        /// The name of whose it was.
        former: String,
        /// When the people list said so.
        since_ms: i64,
    },
    /// The event names two people.
    TwoPeople {
        /// The name of whose its credential is.
        one: String,
        /// The name of whose the other one is.
        other: String,
    },
    /// Before the day from which this device counts.
    BeforeStart {
        /// That day.
        from: Date,
    },
    /// It is not known yet on which day the device was first seen.
    StartUnknown,
    /// A person decided so.
    Decided {
        /// Their words.
        words: String,
    },
}

impl Reason {
    /// For people: what is the matter and what to do.
    pub fn text(&self) -> Text {
        match self {
            Self::ImpossibleDate => Text::new(
                "The terminal gave a date that does not exist; decide its time with `punchd punches decide`.",
                "终端给出的日期不存在；请用 `punchd punches decide` 确定时间。",
            ),
            Self::TooEarly { before } => Text::new(
                format!(
                    "It is dated before {before}: the terminal's clock had lost its time. Set its clock, then decide with `punchd punches decide`."
                ),
                format!("日期早于 {before}：终端时钟曾丢失时间。请先校准终端时钟，再用 `punchd punches decide` 处理。"),
            ),
            Self::Unreadable => Text::new(
                "The record could not be read; its raw bytes are kept. Decide with `punchd punches decide`.",
                "记录无法解析，原始数据已保留；请用 `punchd punches decide` 处理。",
            ),
            Self::ClockUntrusted => Text::new(
                "The gateway did not know the time yet; the punch is dated as soon as it does.",
                "网关当时还没有可信时间；校时后会自动补上准确时间。",
            ),
            Self::TerminalClock { offset_ms } => {
                let off = offset(*offset_ms);
                Text::new(
                    format!(
                        "The terminal's clock was off by {off} and nothing proves since when. Set its clock (`punchd devices set-clock`), then decide with `punchd punches decide`."
                    ),
                    format!(
                        "终端时钟偏差 {off}，无法确认从何时开始。请先校准终端时钟（`punchd devices set-clock`），再用 `punchd punches decide` 处理。"
                    ),
                )
            }
            Self::TerminalClockChanged { before_ms, now_ms } => {
                let (before, now) = (offset(*before_ms), offset(*now_ms));
                Text::new(
                    format!(
                        "The terminal's clock was changed (off by {before} before, {now} after) and the punch lies between. Decide with `punchd punches decide`."
                    ),
                    format!(
                        "终端时钟被调整过（之前偏差 {before}，之后 {now}），该打卡在两次之间。请用 `punchd punches decide` 处理。"
                    ),
                )
            }
            Self::Future => Text::new(
                "It is dated later than now: the terminal's clock is fast. Decide with `punchd punches decide`.",
                "打卡时间晚于当前时间：终端时钟偏快。请用 `punchd punches decide` 处理。",
            ),
            Self::Doubtful { doubt } => doubtful(doubt),
            Self::NoPunch { code, text } => Text::new(
                format!("The device says that this was no punch: {} (event {code}).", text.en),
                format!("设备说明这不是打卡：{}（事件 {code}）。", text.zh),
            ),
            Self::Left { on } => Text::new(
                format!("The person left on {on}. Correct the people list, or decide with `punchd punches decide`."),
                format!("该人员已于 {on} 离职。请更正人员名单，或用 `punchd punches decide` 处理。"),
            ),
            Self::HandedOn { former, since_ms } => {
                let since = UnixMillis(*since_ms).timestamp().strftime("%Y-%m-%d %H:%M UTC");
                Text::new(
                    format!(
                        "It happened before the people list gave this credential to another person ({since}); it was {former}'s until then, and on which day it changed hands is not said. Enter the last day of {former} (left_on), or say whose it is: `punchd punches decide --person`."
                    ),
                    format!(
                        "打卡时间早于人员名单将该凭据改给他人的时间（{since}），此前属于 {former}，未说明何日转交。请填写 {former} 的离职日期（left_on），或用 `punchd punches decide --person` 指明归属。"
                    ),
                )
            }
            Self::TwoPeople { one, other } => Text::new(
                format!(
                    "The terminal's event names two people: its user id is {one}'s, its card {other}'s. Correct the card on the terminal or in the people list, and say whose it is: `punchd punches decide --person`."
                ),
                format!(
                    "终端的这条事件同时指向两人：编号属于 {one}，卡号属于 {other}。请更正终端或人员名单中的卡号，并用 `punchd punches decide --person` 指明归属。"
                ),
            ),
            Self::BeforeStart { from } => Text::new(
                format!(
                    "It is from before {from}, the day from which this device counts. If it is to count all the same: `punchd punches let-through`, or an earlier `count_from`."
                ),
                format!(
                    "早于 {from}，即该设备开始计入考勤的日期。如需计入：`punchd punches let-through`，或将 `count_from` 设为更早的日期。"
                ),
            ),
            Self::StartUnknown => Text::new(
                "The gateway does not know the date yet, so it cannot say whether this is older than the day from which the device counts. It is judged as soon as it does; or set `count_from`.",
                "网关尚不知道当前日期，无法判断该记录是否早于设备开始计入考勤的日期；校时后会自动判断，也可设置 `count_from`。",
            ),
            Self::Decided { words } => Text::new(format!("Decided: {words}"), format!("人工处理：{words}")),
        }
    }
}

fn doubtful(doubt: &Doubt) -> Text {
    let (en, zh) = match doubt {
        Doubt::Behind { than } => (
            format!("It is dated earlier than the record before it ({than}): the terminal's clock was wrong."),
            format!("日期早于它之前的记录（{than}）：终端时钟当时有误。"),
        ),
        Doubt::Ahead { than } => (
            format!("It is dated later than records that came after it ({than}): the terminal's clock was wrong."),
            format!("日期晚于它之后的记录（{than}）：终端时钟当时有误。"),
        ),
        Doubt::AfterClock { clock } => (
            format!("It is dated later than the terminal's own clock showed ({clock}): that clock was set back since."),
            format!("日期晚于终端自身时钟（{clock}）：终端时钟后来被调回过。"),
        ),
        Doubt::RepeatedHour => (
            "It lies in the hour that the end of summer time repeats, and nothing tells which pass.".to_owned(),
            "时间处于夏令时结束时重复的一小时内，无法判断是第几次。".to_owned(),
        ),
        Doubt::SkippedHour => (
            "It lies in the hour that the beginning of summer time leaves out: the terminal's clock did not follow."
                .to_owned(),
            "时间处于夏令时开始时跳过的一小时内：终端时钟没有随之调整。".to_owned(),
        ),
        Doubt::Late { by_s } => (
            format!("The terminal was in touch all the time and handed it over {} min late.", by_s / 60),
            format!("终端一直在线，却晚了 {} 分钟才上传。", by_s / 60),
        ),
        Doubt::Said { text } => (text.en.clone(), text.zh.clone()),
    };
    Text::new(format!("{en} Decide with `punchd punches decide`."), format!("{zh}请用 `punchd punches decide` 处理。"))
}

/// `+1 h 2 min`, `-95 s`.
fn offset(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "+" };
    let seconds = Duration::from_millis(ms.unsigned_abs()).as_secs();
    match seconds {
        0..=119 => format!("{sign}{seconds} s"),
        120..=7199 => format!("{sign}{} min", seconds / 60),
        _ => format!("{sign}{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What a person decided about a reading that could not be judged. Stored as JSON, never overwritten; the last one holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decide", rename_all = "snake_case")]
pub enum Decision {
    /// It happened at this second of true time.
    At {
        /// Seconds since 1970 UTC.
        time_s: i64,
    },
    /// The terminal's own time is right.
    AsRecorded,
    /// The terminal's time is to be corrected by the offset of the contact that brought it.
    Corrected,
    /// It counts although it is older than the day from which its device counts.
    LetThrough,
    /// The terminal's time is to be moved by so much, later if positive.
    Shifted {
        /// Milliseconds that are added to what the terminal recorded.
        offset_ms: i64,
    },
    /// It does not count.
    Refuse,
    /// It was this person. Stands beside what is decided about its time; refusing it undoes both.
    Given {
        /// Their userid.
        userid: String,
    },
}
