//! What can go wrong with a terminal, and what a person should do about it.

use std::time::Duration;

use punchd_contract::{NotRecorded, SerialNumber, Text};

use super::protocol::bulk::{BulkError, Table};
use super::protocol::frame::FrameError;
use super::protocol::layout::LayoutError;
use super::protocol::user::UserError;

/// Why a contact with a terminal failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The name has no address.
    #[error("the host name has no address")]
    NoSuchHost,
    /// Nothing answers at the address: check power, cable, address.
    #[error("nothing answers")]
    Unreachable,
    /// Something is there, and the port is closed: check port and the terminal's network settings.
    #[error("the port is closed")]
    Refused,
    /// The connection opens and nothing comes: probably another program holds the terminal's only place.
    #[error("connected, and no answer: busy with another client")]
    Busy,
    /// An answer in a session did not come.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// The connection ended.
    #[error("the connection broke")]
    Broken,
    /// What arrived is not the protocol.
    #[error("what arrived is not the protocol: {0}")]
    Garbled(#[from] FrameError),
    /// A comm key is wanted: set `comm_key`.
    #[error("a comm key is wanted")]
    KeyMissing,
    /// The comm key is wrong: set the right one.
    #[error("the comm key is wrong")]
    KeyWrong,
    /// The terminal said no to something that every terminal does.
    #[error("the terminal refused {0}")]
    Rejected(&'static str),
    /// A transfer did not arrive whole; nothing of it was used.
    #[error("a transfer was not complete: {0}")]
    Transfer(#[from] BulkError),
    /// The terminal refuses its log or list in every way that we know, with this code.
    #[error("{0:?} refused with code {1}")]
    NotHandedOver(Table, u16),
    /// The parts of a transfer came in another order every time; nothing of it was used.
    #[error("the parts of a transfer come in no certain order")]
    OutOfOrder,
    /// What came as the log does not read as one; nothing of it was used.
    #[error("{error} ({model})")]
    NoLog {
        /// The model as the terminal says.
        model: String,
        /// What was tried.
        error: LayoutError,
    },
    /// The user list cannot be read.
    #[error("{0}")]
    Users(#[from] UserError),
    /// Another terminal answers than the one that is expected.
    #[error("{found} answers instead of {expected}")]
    WrongTerminal {
        /// Who should.
        expected: SerialNumber,
        /// Who does.
        found: SerialNumber,
    },
    /// The gateway cannot record just now; the terminal keeps everything.
    #[error("{0}")]
    NotRecorded(NotRecorded),
    /// Another device block of this gateway talks to this terminal already.
    #[error("another device of this gateway is in contact with this address")]
    TwoBlocks,
}

impl Trouble {
    /// The sentence for people.
    pub fn text(&self, address: &str) -> Text {
        let (en, zh) = match self {
            Self::NoSuchHost => (
                format!("the name in {address} has no address: check `address` and the gateway's DNS"),
                format!("{address} 的主机名无法解析：请检查 address 设置和网关的 DNS"),
            ),
            Self::Unreachable => (
                format!("nothing answers at {address}: check the terminal's power and network cable, and `address`"),
                format!("{address} 没有应答：请检查考勤机的电源、网线和 address 设置"),
            ),
            Self::Refused => (
                format!(
                    "{address} is reachable but its port is closed: check the port in `address`, and whether the terminal is still starting or has pull access switched off"
                ),
                format!(
                    "{address} 可以到达但端口关闭：请检查 address 中的端口，以及考勤机是否正在启动或关闭了网络通讯"
                ),
            ),
            Self::Busy => (
                format!(
                    "{address} takes the connection but does not answer: it is probably busy with another program; close that, a terminal serves one at a time"
                ),
                format!("{address} 接受连接但不应答：可能正被其他软件占用；请关闭那个软件，考勤机一次只服务一个连接"),
            ),
            Self::NoAnswer(limit) => (
                format!(
                    "{address} stopped answering for {} s: trying again; if it stays so, restart the terminal or raise `timeout`",
                    limit.as_secs()
                ),
                format!(
                    "{address} 已 {} 秒没有应答：正在重试；若一直如此，请重启考勤机或调大 timeout",
                    limit.as_secs()
                ),
            ),
            Self::Broken => (
                format!("the connection to {address} broke: trying again; if it stays so, check the network cable"),
                format!("与 {address} 的连接中断：正在重试；若一直如此，请检查网线"),
            ),
            Self::Garbled(_) => (
                format!(
                    "{address} sends something that is not the terminal's protocol: trying again; if it stays so, check that `address` is a pull terminal"
                ),
                format!("{address} 发来的数据不符合考勤机协议：正在重试；若一直如此，请确认 address 指向考勤机"),
            ),
            Self::KeyMissing => (
                format!("terminal {address} answers but wants a comm key: set `comm_key`"),
                format!("考勤机 {address} 有应答但要求通讯密码：请设置 comm_key"),
            ),
            Self::KeyWrong => (
                format!("terminal {address} refuses the comm key: set `comm_key` to the one in the terminal's menu"),
                format!("考勤机 {address} 拒绝了通讯密码：请把 comm_key 改为考勤机菜单中的通讯密码"),
            ),
            Self::Rejected(what) => (
                format!("terminal {address} refuses {what}: trying again; if it stays so, restart the terminal"),
                format!("考勤机 {address} 拒绝了请求（{what}）：正在重试；若一直如此，请重启考勤机"),
            ),
            Self::Transfer(error) => (
                format!(
                    "terminal {address} did not hand its data over whole ({error}); nothing of it was used: trying again; if it stays so, check the network"
                ),
                format!(
                    "考勤机 {address} 的数据没有传完整（{error}）；未采用任何部分：正在重试；若一直如此，请检查网络"
                ),
            ),
            Self::NotHandedOver(table, code) => {
                let (en, zh) = match table {
                    Table::Users => ("user list", "人员名单"),
                    Table::Punches => ("log", "考勤记录"),
                };
                (
                    format!(
                        "terminal {address} refuses to hand over its {en} (code {code}): restart it and see whether its menu allows PC or pull access; if it stays so, its firmware is not supported this way: use push instead, and please report its model"
                    ),
                    format!(
                        "考勤机 {address} 拒绝提供{zh}（代码 {code}）：请重启，并检查菜单是否允许电脑连接；若一直如此，说明该固件不支持这种方式：请改用 push，并反馈型号"
                    ),
                )
            }
            Self::OutOfOrder => (
                format!(
                    "the parts of the data of terminal {address} arrive in another order at every read; nothing of it was used: set `transport = \"tcp\"`, or check the network"
                ),
                format!(
                    "考勤机 {address} 的数据每次到达的顺序都不同；未采用任何部分：请设置 transport = \"tcp\"，或检查网络"
                ),
            ),
            Self::NoLog { model, error } => {
                let seen = error.text();
                (
                    format!(
                        "what terminal {address} ({model}) hands over as its log does not read as one ({}); none of it was used, the bytes are kept, and it is tried again: please report the model with this sentence",
                        seen.en
                    ),
                    format!(
                        "考勤机 {address}（{model}）交出的内容无法作为考勤记录读取（{}）；未采用任何部分，原始数据已保留，会再次尝试：请把型号和这句话一起反馈",
                        seen.zh
                    ),
                )
            }
            Self::Users(error) => (
                format!(
                    "the user list of terminal {address} cannot be understood ({error}): please report the terminal's model"
                ),
                format!("无法识别考勤机 {address} 的人员名单（{error}）：请反馈型号"),
            ),
            Self::WrongTerminal { expected, found } => (
                format!(
                    "terminal {found} answers at {address}, {expected} is expected: nothing was read; correct `address`, or set `serial` if the terminal was replaced, or name `subnets` to search"
                ),
                format!(
                    "{address} 上应答的是考勤机 {found}，应为 {expected}：未读取任何数据；请更正 address，若已更换考勤机请修改 serial，或设置 subnets 以便寻找"
                ),
            ),
            Self::NotRecorded(NotRecorded::DiskFull) => (
                "the gateway's disk is full: free some space; the terminal keeps its punches until then".to_owned(),
                "网关磁盘已满：请释放空间；在此之前打卡记录仍保留在考勤机中".to_owned(),
            ),
            Self::NotRecorded(why) => (
                format!("the gateway cannot record just now ({why}); the terminal keeps its punches: trying again"),
                format!("网关暂时无法记录（{why}）；打卡记录仍保留在考勤机中：正在重试"),
            ),
            Self::TwoBlocks => (
                format!("another device of this configuration uses {address} just now: remove one of the two blocks"),
                format!("配置中另一台设备正在使用 {address}：请删除重复的设备"),
            ),
        };
        Text { en, zh }
    }

    /// Whether the terminal may have moved to another address.
    pub fn suggests_a_search(&self) -> bool {
        matches!(self, Self::NoSuchHost | Self::Unreachable | Self::Refused | Self::WrongTerminal { .. })
    }

    /// Whether trying again soon changes nothing before a person has acted.
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::KeyMissing | Self::KeyWrong | Self::WrongTerminal { .. } | Self::NoLog { .. })
    }
}
