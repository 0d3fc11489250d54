//! What the console answers when it does not do what was asked.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use punchd_contract::{CommandError, Text};
use serde::{Deserialize, Serialize};

use crate::agent::OperationError;
use crate::journal::JournalError;

/// Not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The class of it.
    pub status: StatusCode,
    /// What is the matter and what to do.
    pub text: Text,
}

/// How a refusal travels.
#[derive(Serialize, Deserialize)]
pub(super) struct Body {
    pub error: Words,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Words {
    pub en: String,
    /// Absent where only English is known, such as what the system says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
}

impl Refusal {
    /// With words in both languages.
    pub fn new(status: StatusCode, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { status, text: Text::new(en, zh) }
    }

    /// With the words that there are.
    pub fn plain(status: StatusCode, words: impl std::fmt::Display) -> Self {
        let words = words.to_string();
        Self { status, text: Text::new(words.clone(), words) }
    }

    pub(super) fn starting() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the agent is just starting again with its new configuration: try again in a moment",
            "服务正在用新配置重新启动，请稍后再试",
        )
    }

    pub(super) fn busy() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the configuration is just being read: try again in a moment",
            "正在读取配置，请稍后再试",
        )
    }

    pub(super) fn defect() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "a defect of punchd: see the log", "punchd 缺陷，请查看日志")
    }

    pub(super) fn took_too_long() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "this took too long and nobody knows whether it was done: look with `punchd status`, then try again",
            "操作超时，结果不明：请先用 `punchd status` 查看，再重试",
        )
    }

    pub(super) fn no_device(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("no device is called {name:?}: see `punchd devices`"),
            format!("没有名为 {name:?} 的设备，请查看 `punchd devices`"),
        )
    }

    pub(super) fn configuration(mistakes: Text) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, text: mistakes }
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        let status = match &error {
            JournalError::DiskFull | JournalError::Broken(_) | JournalError::Damaged(_) => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            JournalError::Busy | JournalError::Closed => StatusCode::SERVICE_UNAVAILABLE,
            JournalError::Refused(_) | JournalError::Declined(_) => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match error {
            JournalError::DiskFull => Self::new(
                status,
                "the disk is full: nothing can be recorded. Free some space; punchd goes on by itself",
                "磁盘已满，无法保存。请清理空间，之后会自动恢复",
            ),
            JournalError::Declined(text) => Self { status, text },
            other => Self::plain(status, other),
        }
    }
}

impl From<OperationError> for Refusal {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Journal(error) => error.into(),
            error @ OperationError::Refused(_) => Self::plain(StatusCode::CONFLICT, error),
            OperationError::Declined(text) => Self { status: StatusCode::CONFLICT, text },
            OperationError::Config(mistakes) => {
                use crate::config::Language::{Chinese, English};
                Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    format!("the configuration would not be right any more:\n{}", mistakes.say(English)),
                    format!("配置将不再正确：\n{}", mistakes.say(Chinese)),
                )
            }
            error @ OperationError::Write { .. } => Self::plain(StatusCode::INTERNAL_SERVER_ERROR, error),
        }
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Unsupported => Self::new(
                StatusCode::NOT_IMPLEMENTED,
                "this kind of device cannot do that: see `punchd devices kinds`",
                "此类设备不支持该操作，请查看 `punchd devices kinds`",
            ),
            CommandError::Unreachable(Text { en, zh }) => Self::new(
                StatusCode::BAD_GATEWAY,
                format!("the device is not reachable just now: {en}"),
                format!("目前无法连接设备：{zh}"),
            ),
            CommandError::Failed(text) => Self { status: StatusCode::CONFLICT, text },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Text { en, zh } = self.text;
        let zh = (zh != en).then_some(zh);
        // Two texts always become JSON.
        let body = serde_json::to_vec(&Body { error: Words { en, zh } }).unwrap_or_default();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}
