//! Where keys come from: the kernel's input devices, or a virtual keyboard in memory.

pub mod evdev;
pub mod inputs;

use std::time::Duration;

use punchd_contract::{Found, Text};

use crate::protocol::typing::Stroke;
use crate::wanted::Wanted;

/// What has keyboards.
pub trait Source: Send + Sync + 'static {
    /// A keyboard that nobody else hears.
    type Reader: Reader;
    /// Finds the keyboard and takes it for ourselves alone, so that nothing types into a console. Bounded.
    fn open(wanted: &Wanted) -> impl Future<Output = Result<Self::Reader, InputError>> + Send;
    /// What looks like a reader and is not a keyboard that somebody types on. Opens nothing.
    fn readers() -> impl Future<Output = Vec<Found>> + Send;
}

/// A keyboard taken.
pub trait Reader: Send {
    /// What it is and where, for people.
    fn name(&self) -> &str;
    /// What happens next on it. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Result<Event, InputError>> + Send;
    /// Whether it has a light or a bell.
    fn can_show(&self) -> bool;
    /// Turns its lights and its bell on or off.
    fn show(&mut self, on: bool);
}

/// What happens on a keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key, and when by a clock that nobody sets.
    Key {
        /// Which.
        code: u16,
        /// What happened to it.
        stroke: Stroke,
        /// When.
        at: Duration,
    },
    /// Events were lost: more came than anybody read.
    Lost,
}

/// Why there is no keyboard, or no longer one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No such device is plugged in.
    #[error(
        "no input device is {0}: check the plug and the setting `device` (`punchd devices discover` lists readers)"
    )]
    NotThere(Wanted),
    /// It is there and types no numbers.
    #[error("{0} has no digits and Enter: it is no reader; correct `device` (`punchd devices discover` lists readers)")]
    NoKeys(Wanted),
    /// Several fit.
    #[error("several input devices are {wanted}: set `device` to the port of the right one ({places})")]
    Several {
        /// What was asked for.
        wanted: Wanted,
        /// Where they are.
        places: String,
    },
    /// It may not be opened.
    #[error("punchd may not read {0}: give its user the group input, see the manual")]
    Forbidden(String),
    /// Somebody else has grabbed it.
    #[error(
        "{0} is taken by another program or another device of the configuration: close it there, or correct `device`"
    )]
    Taken(String),
    /// It was there and is gone.
    #[error("{0} was unplugged: check the plug")]
    Gone(String),
    /// Anything else.
    #[error("{0} cannot be read: {1}")]
    Failed(String, String),
}

impl InputError {
    /// The sentence for people.
    pub fn text(&self) -> Text {
        let zh = match self {
            Self::NotThere(wanted) => {
                format!("没有输入设备 {wanted}：请检查插头和 `device` 设置（`punchd devices discover` 可列出读头）")
            }
            Self::NoKeys(wanted) => {
                format!(
                    "{wanted} 没有数字键和回车键，不是读头：请更正 `device`（`punchd devices discover` 可列出读头）"
                )
            }
            Self::Several { wanted, places } => {
                format!("有多个输入设备符合 {wanted}：请将 `device` 设为其所在端口（{places}）")
            }
            Self::Forbidden(node) => format!("punchd 无权读取 {node}：请将其用户加入 input 组，见手册"),
            Self::Taken(node) => format!("{node} 正被其他程序或另一台设备占用：请关闭占用者，或更正 `device`"),
            Self::Gone(name) => format!("{name} 已拔出：请检查插头"),
            Self::Failed(node, why) => format!("{node} 无法读取：{why}"),
        };
        Text::new(self.to_string(), zh)
    }
}
