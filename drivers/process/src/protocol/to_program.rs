//! What the agent says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use punchd_contract::{Command, GatewayTime, NotRecorded, Receipt, Sign, Text, Verdict};
use serde::Serialize;
use serde_json::Value;

use super::from_program::CommandWord;
use super::hex::to_hex;
use super::{Id, MAX_LINE, Wrong};

/// One message of the agent.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToProgram {
    /// The answer to hello.
    Welcome(Box<Welcome>),
    /// What time it is; every minute.
    Now(Time),
    /// The reading `id` is on disk.
    Receipt {
        /// Of which reading.
        id: Id,
        /// What became of it.
        #[serde(flatten)]
        answer: Answer,
    },
    /// All of the batch `id` is on disk.
    Receipts {
        /// Of which batch.
        id: Id,
        /// What became of each reading, in order.
        receipts: Vec<Answer>,
    },
    /// Nothing of `id` is recorded.
    NotRecorded {
        /// Of which reading or batch.
        id: Id,
        /// The word for programs.
        reason: &'static str,
        /// What a reader shows.
        tone: &'static str,
        /// What it means.
        #[serde(flatten)]
        text: Text,
    },
    /// A line that waits for no answer was not understood.
    Wrong {
        /// Which, from 1.
        line: u64,
        /// What would be right.
        en: String,
    },
    /// Something to do.
    Command {
        /// The answer carries it.
        id: u64,
        /// What.
        #[serde(flatten)]
        order: Order,
    },
    /// Nobody waits for the command any more: give it up.
    Cancel {
        /// Which.
        id: u64,
    },
    /// End now.
    Stop(Text),
}

/// What a program has to know to begin.
#[derive(Clone, Debug, Serialize)]
pub struct Welcome {
    /// The version of the protocol that is spoken.
    pub protocol: u64,
    /// What the operator calls the device.
    pub device: String,
    /// Where its local time holds, by its name.
    pub zone: Option<String>,
    /// What is configured.
    pub settings: BTreeMap<String, String>,
    /// The secret that is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// As given with the last batch that had one.
    pub cursor: Value,
    /// What time it is.
    pub time: Time,
}

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Time {
    /// In UTC.
    pub utc: Timestamp,
    /// In the device's zone, to the second.
    pub local: DateTime,
    /// How far off it can be; `null`: use it for nothing that lasts.
    pub bound_ms: Option<u64>,
}

impl Time {
    /// The gateway's time for a device in this zone.
    pub fn of(now: GatewayTime, zone: &TimeZone) -> Self {
        let second = Timestamp::from_second(now.utc.as_second()).unwrap_or(now.utc);
        let bound_ms = now.bound.map(|bound| u64::try_from(bound.as_millis()).unwrap_or(u64::MAX));
        Self { utc: now.utc, local: zone.to_datetime(second), bound_ms }
    }
}

/// What became of a reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// Its number in the journal; 0 for what was there already.
    pub seq: u64,
    /// The verdict's word.
    pub verdict: &'static str,
    /// What a light or a sound shows.
    pub tone: &'static str,
    /// The person, where the verdict tells one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the punch counts, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// One line for a display.
    #[serde(flatten)]
    pub text: Text,
}

impl Answer {
    /// What a receipt says.
    pub fn of(receipt: Receipt) -> Self {
        let seq = receipt.seq;
        let (verdict, time) = match &receipt.verdict {
            Verdict::Punch { time, .. } => ("punch", Some(*time)),
            Verdict::Merged { into, .. } => ("merged", Some(*into)),
            Verdict::Unknown => ("unknown", None),
            Verdict::Held { .. } => ("held", None),
            Verdict::Refused { .. } => ("refused", None),
            Verdict::Repeated => ("repeated", None),
        };
        let sign = Sign::of(&Ok(receipt));
        Self { seq, verdict, tone: sign.tone.word(), name: sign.name, time, text: sign.text }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the contract's command of its name")]
pub enum Order {
    Identify,
    SetClock(Time),
    ReadLog,
    Reconcile { from: jiff::civil::Date, to: jiff::civil::Date },
    Unlock,
    EnrolPerson { user_id: String, name: String, card: Option<u32> },
    DeletePerson { user_id: String },
    SetFace { user_id: String, jpeg: String },
    EnrolFinger,
    StoreFinger { model: String, template: String },
    DeleteFinger { finger: String },
}

impl Order {
    /// The command as it is written, and the word by which a program says that it can do it.
    pub fn of(command: Command, now: Time) -> (Self, CommandWord) {
        match command {
            Command::Identify => (Self::Identify, CommandWord::Identify),
            Command::SetClock => (Self::SetClock(now), CommandWord::SetClock),
            Command::ReadLog => (Self::ReadLog, CommandWord::ReadLog),
            Command::Reconcile { from, to } => (Self::Reconcile { from, to }, CommandWord::Reconcile),
            Command::Unlock => (Self::Unlock, CommandWord::Unlock),
            Command::EnrolPerson { user_id, name, card } => {
                (Self::EnrolPerson { user_id, name, card }, CommandWord::EnrolPerson)
            }
            Command::DeletePerson { user_id } => (Self::DeletePerson { user_id }, CommandWord::DeletePerson),
            Command::SetFace { user_id, jpeg } => {
                (Self::SetFace { user_id, jpeg: to_hex(&jpeg) }, CommandWord::SetFace)
            }
            Command::EnrolFinger => (Self::EnrolFinger, CommandWord::EnrolFinger),
            Command::StoreFinger { template } => {
                let order = Self::StoreFinger { model: template.model, template: to_hex(&template.bytes) };
                (order, CommandWord::StoreFinger)
            }
            Command::DeleteFinger { finger } => (Self::DeleteFinger { finger: finger.0 }, CommandWord::DeleteFinger),
        }
    }
}

impl ToProgram {
    /// The answer to a reading that is not recorded.
    pub fn not_recorded(id: Id, why: &NotRecorded) -> Self {
        let (reason, zh) = match why {
            NotRecorded::Busy => ("busy", "存储繁忙，请重试"),
            NotRecorded::DiskFull => ("disk_full", "磁盘已满，请清理空间后重试"),
            NotRecorded::Failed(_) => ("failed", "无法写入，请查看 punchd 日志"),
            NotRecorded::Malformed(_) => ("malformed", "内容有误，请修改程序"),
            NotRecorded::Stopping => ("stopping", "punchd 正在停止"),
        };
        let tone = Sign::of(&Err(why.clone())).tone.word();
        Self::NotRecorded { id, reason, tone, text: Text::new(why.to_string(), zh) }
    }

    /// The answer to a line that was not understood.
    pub fn wrong(line: u64, waits_as: Option<Id>, wrong: &Wrong) -> Self {
        match waits_as {
            Some(id) => Self::not_recorded(id, &NotRecorded::Malformed(wrong.to_string())),
            None => Self::Wrong { line, en: wrong.to_string() },
        }
    }

    /// As a line with its end; `None` if it would be longer than a line may be.
    pub fn line(&self) -> Option<Vec<u8>> {
        let mut line = serde_json::to_vec(self).ok().filter(|line| line.len() <= MAX_LINE)?;
        line.push(b'\n');
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use punchd_contract::{FingerName, Template};
    use serde_json::json;

    use super::*;

    fn said(message: &ToProgram) -> Value {
        let line = message.line().unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&line).unwrap()
    }

    fn at_eight() -> Time {
        let now = GatewayTime {
            utc: "2026-11-02T00:00:00.5Z".parse().unwrap(),
            bound: Some(std::time::Duration::from_millis(10)),
        };
        Time::of(now, &TimeZone::get("Asia/Shanghai").unwrap())
    }

    #[test]
    fn a_receipt_is_told_with_everything_that_a_device_can_show() {
        let punch = Verdict::Punch { name: "张三".into(), time: "2026-11-02T00:00:00Z".parse().unwrap() };
        let receipt = ToProgram::Receipt { id: Id::Number(7), answer: Answer::of(Receipt { seq: 12, verdict: punch }) };
        assert_eq!(
            said(&receipt),
            json!({"type": "receipt", "id": 7, "seq": 12, "verdict": "punch", "tone": "accepted", "name": "张三",
                   "time": "2026-11-02T00:00:00Z", "en": "OK 张三", "zh": "张三 打卡成功"})
        );
        let unknown = Answer::of(Receipt { seq: 13, verdict: Verdict::Unknown });
        let receipts = said(&ToProgram::Receipts { id: Id::Text("b".into()), receipts: vec![unknown] });
        assert_eq!(receipts["receipts"][0]["tone"], "unknown");
        assert!(receipts["receipts"][0].get("name").is_none());
    }

    #[test]
    fn what_is_not_recorded_says_why() {
        let answer = said(&ToProgram::not_recorded(Id::Number(1), &NotRecorded::DiskFull));
        assert_eq!((&answer["type"], &answer["reason"]), (&json!("not_recorded"), &json!("disk_full")));
        assert_eq!(answer["tone"], "out_of_order");
        let answer = said(&ToProgram::wrong(3, Some(Id::Number(1)), &Wrong::NoType));
        assert_eq!((&answer["type"], &answer["reason"]), (&json!("not_recorded"), &json!("malformed")));
        let answer = said(&ToProgram::wrong(3, None, &Wrong::NoType));
        assert_eq!((&answer["type"], &answer["line"]), (&json!("wrong"), &json!(3)));
    }

    #[test]
    fn commands_carry_their_arguments() {
        let order = |command| said(&ToProgram::Command { id: 4, order: Order::of(command, at_eight()).0 });
        assert_eq!(order(Command::Unlock), json!({"type": "command", "id": 4, "command": "unlock"}));
        assert_eq!(
            order(Command::SetClock),
            json!({"type": "command", "id": 4, "command": "set_clock", "utc": "2026-11-02T00:00:00.5Z",
                   "local": "2026-11-02T08:00:00", "bound_ms": 10})
        );
        let enrol = Command::EnrolPerson { user_id: "7".into(), name: "李\n四".into(), card: None };
        assert_eq!(order(enrol)["name"], "李\n四");
        let face = Command::SetFace { user_id: "7".into(), jpeg: vec![0xFF, 0xD8] };
        assert_eq!(order(face)["jpeg"], "FFD8");
        let store = Command::StoreFinger { template: Template { model: "m".into(), bytes: vec![1] } };
        assert_eq!(order(store)["template"], "01");
        assert_eq!(order(Command::DeleteFinger { finger: FingerName("f".into()) })["finger"], "f");
    }

    #[test]
    fn what_is_longer_than_a_line_is_not_said() {
        let jpeg = vec![0; MAX_LINE / 2];
        let order = Order::of(Command::SetFace { user_id: "7".into(), jpeg }, at_eight()).0;
        assert_eq!(ToProgram::Command { id: 1, order }.line(), None);
    }
}
