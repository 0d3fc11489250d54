//! What goes wrong between the driver and the chip, and what a person should do about it.

use punchd_contract::{LineError, Place, Text};

/// Why the chip cannot be spoken to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// There is no line.
    #[error("{0}")]
    Line(#[from] LineError),
    /// The line is there and nothing comes.
    #[error(
        "{0} opens and nothing answers: set the board's switches to HSU, let its TX go to the port's RX and its RX to TX, check its power, and see that no serial console is on the port"
    )]
    Silent(Place),
    /// Something comes, and it is no chip of this kind.
    #[error(
        "{0} answers, but not like a PN532: another device may be on this port (correct `port`), or the wires are loose or too long"
    )]
    Noise(Place),
    /// What is sent comes back.
    #[error("{0} sends back what is sent: TX and RX are joined, or the board is not wired to both")]
    Echo(Place),
    /// It answered and does not any more, or not to this command.
    #[error("the PN532 at {0} stopped answering: check its supply (3.3 or 5 V, 150 mA) and the wires")]
    Lost(Place),
    /// It refuses what every PN532 understands.
    #[error("the PN532 at {place} does not understand command {code:02X}: its firmware is not a PN532's")]
    Refuses {
        /// Where.
        place: Place,
        /// The command.
        code: u8,
    },
    /// A relative with another way to be spoken to.
    #[error("{place} has a {chip}; this driver speaks to a PN532")]
    OtherChip {
        /// Where.
        place: Place,
        /// What it says of itself.
        chip: String,
    },
}

impl Trouble {
    /// The sentence for people.
    pub(crate) fn text(&self) -> Text {
        let zh = match self {
            Self::Line(error) => return error.text(),
            Self::Silent(place) => format!(
                "{place} 可以打开但没有应答：请将板上拨码开关拨到 HSU，TX 接串口 RX、RX 接串口 TX，检查供电，并确认串口未被系统控制台占用"
            ),
            Self::Noise(place) => {
                format!("{place} 有数据但不是 PN532：该串口上可能是其他设备（请更正 `port`），或接线松动、过长")
            }
            Self::Echo(place) => format!("{place} 原样返回所发数据：TX 与 RX 短接，或读卡器未接好两根线"),
            Self::Lost(place) => format!("{place} 上的 PN532 不再应答：请检查供电（3.3 或 5 V，150 mA）和接线"),
            Self::Refuses { place, code } => {
                format!("{place} 上的 PN532 不认识命令 {code:02X}：其固件不是 PN532 的固件")
            }
            Self::OtherChip { place, chip } => format!("{place} 上是 {chip}；本驱动只支持 PN532"),
        };
        Text::new(self.to_string(), zh)
    }
}

/// Why what lies on the reader is not taken: it says nothing about who stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Which of them is meant cannot be known (facts/readers.md A.4).
    #[error("Two cards at once. Present one alone.")]
    Several,
    /// A phone, or a card that makes up a number every time (facts/readers.md A.5, H.2).
    #[error("This phone or card shows a random number. Use your card or the app.")]
    Random,
    /// A phone whose application is missing or switched off.
    #[error("Open the attendance app on the phone, or use your card.")]
    NoApplication,
    /// The application answers with what cannot be a number of somebody.
    #[error("The app's answer is no number. Please tell the office.")]
    Unusable,
    /// It lies there and cannot be read.
    #[error("Not read. Hold the card still.")]
    Unclear,
}

impl Refusal {
    /// For the person who stands there.
    pub(crate) fn text(self) -> Text {
        let zh = match self {
            Self::Several => "同时有两张卡，请只刷一张",
            Self::Random => "手机或卡片的号码是随机的，请使用工卡或应用",
            Self::NoApplication => "请打开手机上的考勤应用，或使用工卡",
            Self::Unusable => "应用返回的内容不是有效号码，请联系管理员",
            Self::Unclear => "读取失败，请平放并保持不动",
        };
        Text::new(self.to_string(), zh)
    }
}
