//! What can go wrong with a module, and what a person should do about it.

use punchd_contract::{LineError, NotRecorded, Place, Text};

use crate::protocol::Code;

/// Why a module cannot be used just now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The line.
    #[error("{0}")]
    Line(#[from] LineError),
    /// Nothing answers, or nothing that can be understood.
    #[error("nothing answers")]
    Silent,
    /// It answers other commands, and this one never.
    #[error("the module does not answer the command {command}")]
    Unanswered {
        /// Its name in the manuals.
        command: String,
    },
    /// It has not this command, without which nothing can be read.
    #[error("the module refuses the command {command}: {code:?}")]
    Refuses {
        /// Its name in the manuals.
        command: String,
        /// What it said.
        code: Code,
    },
    /// The password is another.
    #[error("the module refuses the password")]
    WrongPassword,
    /// It wants its password again: it was without power.
    #[error("the module was without power")]
    Restarted,
    /// It does not tell what punchd has to know.
    #[error("the module does not tell {what}: {code:?}")]
    Mute {
        /// What.
        what: &'static str,
        /// What it said instead; `None`: nothing.
        code: Option<Code>,
    },
    /// Its memory cannot be written.
    #[error("the module's memory cannot be written")]
    Memory,
    /// Its sensor is broken.
    #[error("the module says that its sensor is broken")]
    Broken,
    /// What was learned of it cannot be kept.
    #[error("what the module holds cannot be recorded: {0}")]
    NotRecorded(#[from] NotRecorded),
}

impl Trouble {
    /// The sentence for people.
    pub fn text(&self, place: &Place) -> Text {
        match self {
            Self::Line(error) => error.text(),
            Self::Silent => Text::new(
                format!(
                    "no fingerprint module answers at {place}: check its power, that its TX and RX are crossed, and the settings `baud` and `module_address`"
                ),
                format!(
                    "{place} 处没有指纹模块应答：请检查供电、TX 与 RX 是否交叉连接，以及 `baud` 和 `module_address` 设置"
                ),
            ),
            Self::WrongPassword => Text::new(
                format!(
                    "the fingerprint module at {place} refuses the password: set `password` (some models, such as the R311, are delivered with FFFFFFFF)"
                ),
                format!("{place} 处的指纹模块拒绝了密码：请设置 `password`（部分型号如 R311 出厂为 FFFFFFFF）"),
            ),
            Self::Restarted => Text::new(
                format!(
                    "the fingerprint module at {place} has lost power for a moment: if this comes again, check its supply"
                ),
                format!("{place} 处的指纹模块曾短暂断电：如反复出现，请检查供电"),
            ),
            Self::Unanswered { command } => Text::new(
                format!(
                    "there is a fingerprint module at {place}, and it does not answer the command {command}: if this stays, punchd cannot use this model"
                ),
                format!("{place} 处有指纹模块，但不应答命令 {command}：如持续如此，punchd 无法使用该型号"),
            ),
            Self::Refuses { command, code } => Text::new(
                format!(
                    "there is a fingerprint module at {place}, and it refuses the command {command} (it says {code:?}): if this stays, punchd cannot use this model"
                ),
                format!(
                    "{place} 处有指纹模块，但拒绝命令 {command}（应答 {code:?}）：如持续如此，punchd 无法使用该型号"
                ),
            ),
            Self::Mute { what, code } => {
                let said = code.map_or_else(|| "nothing".to_owned(), |code| format!("{code:?}"));
                Text::new(
                    format!(
                        "there is a fingerprint module at {place}, and it does not tell {what} (it says {said}): if this stays, punchd cannot use this model"
                    ),
                    format!(
                        "{place} 处有指纹模块，但不提供必要的信息（{what}，应答 {said}）：如持续如此，punchd 无法使用该型号"
                    ),
                )
            }
            Self::Memory => Text::new(
                format!("the module at {place} does not keep what is written into its notepad any more: replace it"),
                format!("{place} 处的模块不再保存写入其记事本的内容：请更换模块"),
            ),
            Self::Broken => Text::new(
                format!("the module at {place} says that its sensor is broken: replace it"),
                format!("{place} 处的模块报告传感器损坏：请更换模块"),
            ),
            Self::NotRecorded(why) => Text::new(
                format!("what the module at {place} holds cannot be recorded, so that no finger is read: {why}"),
                format!("无法记录 {place} 处模块的内容，因此不读取指纹：{why}"),
            ),
        }
    }
}
