//! Why the talk with a program came to its end.

use std::time::Duration;

use punchd_contract::Text;

use crate::outbox::STUCK;
use crate::protocol::{VERSION, Wrong};

/// What ended it. Each is a fault of the program, which is then ended and started again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It closed its stdout or ended.
    #[error("it ended")]
    Closed,
    /// It closed its stdin.
    #[error("it closed its stdin; keep it open and read it, for that is where receipts arrive")]
    StdinClosed,
    /// No hello in time.
    #[error("it said no hello within {} s; its first line has to be {{\"type\":\"hello\",\"protocol\":1,\"name\":…}}, written out at once (flush)", .0.as_secs())]
    NoHello(Duration),
    /// The first line was something else.
    #[error("its first line has to be {{\"type\":\"hello\",\"protocol\":1,\"name\":…}}, and {0}")]
    FirstLine(Wrong),
    /// The first message was another one.
    #[error("its first line has to be {{\"type\":\"hello\",\"protocol\":1,\"name\":…}}, and it is another message")]
    OtherFirst,
    /// Another version.
    #[error(
        "it speaks version {0} of the protocol, and this punchd speaks {VERSION}; install the program's release for that version"
    )]
    Version(u64),
    /// Nothing came for too long.
    #[error("it has written nothing for {} s; a program says at least once a minute how its device is", .0.as_secs())]
    Silent(Duration),
    /// It takes nothing.
    #[error("it does not read its stdin (for {} s); read it beside the device, for that is where receipts arrive", STUCK.as_secs())]
    DoesNotRead,
    /// A line beyond the limit: whatever comes now, it is not lines.
    #[error("line {0} is longer than 1 MiB; end every message with a line end, and send at most 1000 readings a batch")]
    TooLong(u64),
    /// Too many lines that are not understood.
    #[error("{count} lines within a minute were not understood; the last one, line {line}: {wrong}")]
    Nonsense {
        /// How many.
        count: usize,
        /// The last one.
        line: u64,
        /// What was wrong with it.
        wrong: Wrong,
    },
}

impl Ended {
    /// The sentence for people.
    pub fn text(&self, program: &str) -> Text {
        let zh = match self {
            Self::Closed => "程序已退出".to_owned(),
            Self::StdinClosed => "程序关闭了标准输入；请保持打开并读取，回执由此送达".to_owned(),
            Self::NoHello(wait) => format!(
                "{} 秒内没有 hello；第一行必须是 {{\"type\":\"hello\",\"protocol\":1,\"name\":…}}，并立即输出（flush）",
                wait.as_secs()
            ),
            Self::FirstLine(wrong) => format!("第一行必须是 hello：{wrong}"),
            Self::OtherFirst => "第一行必须是 hello，而不是其他消息".to_owned(),
            Self::Version(version) => {
                format!("程序使用协议版本 {version}，本 punchd 使用 {VERSION}；请安装对应版本的程序")
            }
            Self::Silent(wait) => format!("{} 秒没有任何输出；程序应至少每分钟报告一次设备状态", wait.as_secs()),
            Self::DoesNotRead => {
                format!("{} 秒没有读取标准输入；请在读设备的同时读取，回执由此送达", STUCK.as_secs())
            }
            Self::TooLong(line) => format!("第 {line} 行超过 1 MiB；每条消息须以换行结束，每批最多 1000 条记录"),
            Self::Nonsense { count, line, wrong } => {
                format!("一分钟内有 {count} 行无法理解；最后是第 {line} 行：{wrong}")
            }
        };
        Text::new(format!("{program}: {self}"), format!("{program}：{zh}"))
    }
}
