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
    /// The password is another.
    #[error("the module refuses the password")]
    WrongPassword,
    /// It wants its password again: it was without power.
    #[error("the module was without power")]
    Restarted,
    /// It does not tell what punchd has to know.
    #[error("the module refuses to tell {what}: {code:?}")]
    Mute {
        /// What.
        what: &'static str,
        /// What it said instead.
        code: Code,
    },
    /// Its memory cannot be written.
    #[error("the module's memory cannot be written: {0:?}")]
    Memory(Code),
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
                format!("the fingerprint module at {place} refuses the password: set `password`"),
                format!("{place} 处的指纹模块拒绝了密码：请设置 `password`"),
            ),
            Self::Restarted => Text::new(
                format!(
                    "the fingerprint module at {place} has lost power for a moment: if this comes again, check its supply"
                ),
                format!("{place} 处的指纹模块曾短暂断电：如反复出现，请检查供电"),
            ),
            Self::Mute { what, code } => Text::new(
                format!("the module at {place} does not tell {what} (it says {code:?}): punchd cannot use this model"),
                format!("{place} 处的模块不提供必要的信息（{what}，应答 {code:?}）：punchd 无法使用该型号"),
            ),
            Self::Memory(code) => Text::new(
                format!("the module at {place} cannot write its memory (it says {code:?}): replace it"),
                format!("{place} 处的模块无法写入其存储器（应答 {code:?}）：请更换模块"),
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
