//! Where edges come from and where lights are switched: the GPIO lines of this machine, or whatever a test puts in their place.

use punchd_contract::Text;

use crate::protocol::frames::Edge;
pub use crate::settings::Wiring;

/// What a reader can be shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lamp {
    /// The wire of the green light.
    Green,
    /// The wire of the red light.
    Red,
    /// The wire of the buzzer.
    Buzzer,
}

impl Lamp {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Green, Self::Red, Self::Buzzer];
}

/// Opens the lines of one reader.
pub trait Board: Sync {
    /// The open lines.
    type Lines: OpenLines;
    /// Opens them, all or none.
    fn open(&self, wiring: &Wiring) -> impl Future<Output = Result<Self::Lines, BoardError>> + Send;
}

/// The open lines of one reader. Dropping them switches everything off and closes them.
pub trait OpenLines: Send {
    /// The next edge; safe to drop.
    fn edge(&mut self) -> impl Future<Output = Result<Edge, BoardError>> + Send;
    /// An edge that has come already and nobody has taken: asked of the lines themselves, without waiting.
    fn waiting(&mut self) -> Result<Option<Edge>, BoardError>;
    /// Switches a lamp; one that is not wired is nothing.
    fn switch(&mut self, lamp: Lamp, on: bool) -> impl Future<Output = Result<(), BoardError>> + Send;
}

/// Why the lines cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// No such chip.
    #[error("there is no GPIO chip {wanted}: set `chip` to one of {there} (`gpiodetect` lists them too)")]
    NoChip {
        /// What was set.
        wanted: String,
        /// What there is.
        there: String,
    },
    /// Not allowed.
    #[error("punchd may not open {0}: give its user the group gpio and let the service use the device, see the manual")]
    Forbidden(String),
    /// A line is in use.
    #[error("line {line} of {chip} is in use by {by:?}: stop that, or correct the line numbers (`gpioinfo` shows all)")]
    Taken {
        /// The chip.
        chip: String,
        /// The line.
        line: u32,
        /// What its user calls itself.
        by: String,
    },
    /// No such line, or it cannot do that.
    #[error("{chip} cannot use the lines {lines} as asked ({why}): correct the line numbers, or set pull = \"none\"")]
    Unfit {
        /// The chip.
        chip: String,
        /// The lines that were asked for.
        lines: String,
        /// What the kernel said.
        why: String,
    },
    /// The lines have no interrupts.
    #[error(
        "{0} cannot report edges: Wiegand needs the GPIO lines of the machine itself, not those of such an adapter or expander"
    )]
    NoEdges(String),
    /// No GPIO character device of the second version.
    #[error("this machine's Linux is older than 5.10, which reading Wiegand needs: update its system")]
    OldKernel,
    /// It was there and is gone.
    #[error("{0} is gone: check the plug of the GPIO adapter")]
    Gone(String),
}

impl BoardError {
    /// The sentence for people.
    pub fn text(&self) -> Text {
        let zh = match self {
            Self::NoChip { wanted, there } => {
                format!("没有 GPIO 芯片 {wanted}：请将 `chip` 设为 {there} 之一（`gpiodetect` 也可列出）")
            }
            Self::Forbidden(chip) => {
                format!("punchd 无权打开 {chip}：请将其用户加入 gpio 组，并允许服务使用该设备，见手册")
            }
            Self::Taken { chip, line, by } => {
                format!("{chip} 的线 {line} 正被 {by:?} 占用：请停用它，或更正线号（`gpioinfo` 可查看）")
            }
            Self::Unfit { chip, lines, why } => {
                format!("{chip} 不能按要求使用线 {lines}（{why}）：请更正线号，或设置 pull = \"none\"")
            }
            Self::NoEdges(chip) => {
                format!("{chip} 不能报告电平边沿：韦根须接在本机自身的 GPIO 线上，不能接在此类适配器或扩展芯片上")
            }
            Self::OldKernel => "本机 Linux 内核早于 5.10，无法读取韦根：请升级系统".to_owned(),
            Self::Gone(chip) => format!("{chip} 已断开：请检查 GPIO 适配器的插头"),
        };
        Text::new(self.to_string(), zh)
    }
}
