//! Why a command did not do what was asked: a code for programs, a sentence for people.

use std::fmt::Display;
use std::io;

use hyper::StatusCode;
use punchd_contract::Text;

use super::exit::Exit;
use crate::agent::{OperationError, StartError};
use crate::config::{Language, Mistakes};
use crate::console::{BindError, ClientError};
use crate::journal::{ExportError, JournalError};

/// Not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the program exits with.
    pub exit: Exit,
    /// What is the matter and what to do.
    pub text: Text,
}

impl Failure {
    /// With words in both languages.
    pub fn new(exit: Exit, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { exit, text: Text::new(en, zh) }
    }

    /// With the words that there are.
    pub fn plain(exit: Exit, words: impl Display) -> Self {
        let words = words.to_string();
        Self { exit, text: Text::new(words.clone(), words) }
    }

    /// A file could not be written or created.
    pub fn writing(path: &std::path::Path, error: &io::Error) -> Self {
        let (exit, path) = (exit_of_io(error), path.display());
        Self::new(exit, format!("cannot write {path}: {error}"), format!("无法写入 {path}：{error}"))
    }
}

fn exit_of_io(error: &io::Error) -> Exit {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Exit::NoPermission,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Exit::Disk,
        _ => Exit::CannotCreate,
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let exit = match &error {
            JournalError::DiskFull
            | JournalError::NoRoomToSalvage { .. }
            | JournalError::Broken(_)
            | JournalError::Damaged(_) => Exit::Disk,
            JournalError::Busy | JournalError::Closed => Exit::TryAgain,
            JournalError::InUse(_) => Exit::Unavailable,
            JournalError::CannotOpen { why, .. } if why.contains("ermission denied") => Exit::NoPermission,
            JournalError::CannotOpen { .. } | JournalError::Pragma { .. } | JournalError::Newer { .. } => {
                Exit::CannotCreate
            }
            JournalError::Refused(_) | JournalError::Declined(_) | JournalError::Sqlite(_) => Exit::Negative,
        };
        match error {
            JournalError::DiskFull => Self::new(
                exit,
                "the disk is full: nothing can be recorded. Free some space",
                "磁盘已满，无法保存。请清理空间",
            ),
            JournalError::NoRoomToSalvage { needed, free } => {
                let (needed, free) = (needed.div_ceil(1 << 20), free >> 20);
                Self::new(
                    exit,
                    format!(
                        "the journal is damaged, and salvaging it needs {needed} MiB of room where {free} MiB are free: make room, then start punchd again. Nothing was changed"
                    ),
                    format!(
                        "日志文件损坏，转存需要 {needed} MiB 空间，目前只有 {free} MiB：请先清理空间，再启动 punchd。未做任何改动"
                    ),
                )
            }
            JournalError::InUse(folder) => {
                let folder = folder.display();
                Self::new(
                    exit,
                    format!("{folder} is in use by another punchd: stop that one first (systemctl stop punchd)"),
                    format!("{folder} 正被另一个 punchd 使用：请先停止它（systemctl stop punchd）"),
                )
            }
            JournalError::Declined(text) => Self { exit, text },
            other => Self::plain(exit, other),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        JournalError::from(error).into()
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Journal(error) => error.into(),
            other => Self::plain(Exit::Unavailable, other),
        }
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        let exit = match &error {
            BindError::InUse(_) => Exit::Unavailable,
            BindError::NotASocket(_) => Exit::CannotCreate,
            BindError::Refused { why, .. } => exit_of_io(why),
        };
        Self::plain(exit, error)
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::new(Exit::Usage, mistakes.say(Language::English), mistakes.say(Language::Chinese))
    }
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Journal(error) => error.into(),
            OperationError::Config(mistakes) => Self::new(
                Exit::Usage,
                format!("the configuration would not be right any more:\n{}", mistakes.say(Language::English)),
                format!("配置将不再正确：\n{}", mistakes.say(Language::Chinese)),
            ),
            error @ OperationError::Write { .. } => Self::plain(Exit::CannotCreate, error),
            error @ OperationError::Refused(_) => Self::plain(Exit::Negative, error),
            OperationError::Declined(text) => Self { exit: Exit::Negative, text },
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::NoAgent(_) => Exit::Unavailable,
            ClientError::NotAllowed(_) => Exit::NoPermission,
            ClientError::Silent(_) => Exit::TryAgain,
            ClientError::TooLarge => Exit::Usage,
            ClientError::NotUnderstood(_) => Exit::Unavailable,
            ClientError::Refused { status, .. } => match *status {
                StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                    Exit::Usage
                }
                StatusCode::BAD_GATEWAY => Exit::Unavailable,
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Exit::TryAgain,
                StatusCode::INSUFFICIENT_STORAGE => Exit::Disk,
                _ => Exit::Negative,
            },
        };
        match error {
            ClientError::Refused { text, .. } => Self { exit, text },
            ClientError::NoAgent(socket) => {
                let socket = socket.display();
                Self::new(
                    exit,
                    format!("no agent answers at {socket}: is it running? systemctl status punchd"),
                    format!("{socket} 没有应答：服务是否在运行？请查看 systemctl status punchd"),
                )
            }
            ClientError::NotAllowed(socket) => {
                let socket = socket.display();
                Self::new(
                    exit,
                    format!(
                        "you may not talk to the agent at {socket}: become a member of its group (sudo usermod -aG punchd YOU, then log in again), or use sudo"
                    ),
                    format!(
                        "无权通过 {socket} 连接服务：请加入其用户组（sudo usermod -aG punchd 用户名，然后重新登录），或使用 sudo"
                    ),
                )
            }
            ClientError::Silent(socket) => {
                let socket = socket.display();
                Self::new(
                    exit,
                    format!("the agent at {socket} does not answer in time: see systemctl status punchd"),
                    format!("{socket} 的服务未在规定时间内应答：请查看 systemctl status punchd"),
                )
            }
            ClientError::TooLarge => {
                Self::new(exit, "this is more than 16 MiB: send it in parts", "内容超过 16 MiB：请分批发送")
            }
            ClientError::NotUnderstood(why) => Self::new(
                exit,
                format!(
                    "the answer of the agent is not understood ({why}): are this program and the running one the same version? systemctl restart punchd"
                ),
                format!(
                    "无法理解服务的应答（{why}）：本程序与运行中的服务版本是否一致？可执行 systemctl restart punchd"
                ),
            ),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Journal(error) => error.into(),
            ExportError::Io(error) => {
                Self::plain(exit_of_io(&error), format!("cannot write or read the export: {error}"))
            }
            error @ ExportError::Malformed { .. } => Self::plain(Exit::Negative, error),
        }
    }
}
