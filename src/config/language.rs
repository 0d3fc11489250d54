//! The language in which punchd speaks to people.

use punchd_contract::Text;
use serde::{Deserialize, Serialize};

/// Which of the two languages is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English alone.
    English,
    /// 只用中文.
    Chinese,
    /// Both, English first.
    #[default]
    Both,
}

impl Language {
    /// The text in this language.
    pub fn of(self, text: &Text) -> String {
        match self {
            Self::English => text.en.clone(),
            Self::Chinese => text.zh.clone(),
            Self::Both => text.to_string(),
        }
    }
}
