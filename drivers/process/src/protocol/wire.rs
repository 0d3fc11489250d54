//! The shapes of the smaller parts of messages.

use punchd_contract::{AlertKind, Text};
use serde::{Deserialize, Serialize};

/// What a program calls a message whose answer it waits for: a whole number or a text of at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
}

/// The longest sentence.
const MAX_SENTENCE: usize = 500;

/// A sentence; where one language is missing, the other stands for it.
pub(super) fn text(en: Option<&str>, zh: Option<&str>) -> Option<Text> {
    let cut = |text: &str| text.chars().filter(|c| !c.is_control()).take(MAX_SENTENCE).collect::<String>();
    let full = |text: Option<&str>| text.map(cut).filter(|text| !text.trim().is_empty());
    match (full(en), full(zh)) {
        (Some(en), Some(zh)) => Some(Text { en, zh }),
        (Some(one), None) | (None, Some(one)) => Some(Text { en: one.clone(), zh: one }),
        (None, None) => None,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Sentence {
    pub en: Option<String>,
    pub zh: Option<String>,
}

impl Sentence {
    pub fn text(&self) -> Option<Text> {
        text(self.en.as_deref(), self.zh.as_deref())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCredential {
    pub kind: String,
    pub value: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireKey {
    pub content: String,
    pub occurrence: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireEvent {
    pub code: u16,
    #[serde(flatten)]
    pub sentence: Sentence,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireAlert {
    pub kind: AlertKind,
    #[serde(flatten)]
    pub sentence: Sentence,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireContact {
    pub serial: Option<String>,
    pub address: Option<String>,
    pub firmware: Option<String>,
    pub clock: Option<String>,
    pub records_claimed: Option<u64>,
    pub records_read: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireUpload {
    pub table: String,
    pub body: String,
    pub understood: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireFinger {
    pub name: String,
    pub model: Option<String>,
    pub template: Option<String>,
}
