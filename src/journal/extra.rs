//! The open part of a reading: evidence that most readings do not have, as JSON, covered by the chain like every column.

use jiff::tz::Offset;
use punchd_contract::{Credential, Doubt, Event, Happened, Reading};
use serde::{Deserialize, Serialize};

/// What stands in the column `extra`; absent parts are left out, and a reading without any has no text at all.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Extra {
    /// Whether it is a punch.
    #[serde(default, skip_serializing_if = "is_punch")]
    pub event: Event,
    /// Why a person has to look at it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// What else the event names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Credential>,
    /// How far the terminal's clock was ahead of UTC, where the record tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    utc_offset_s: Option<i32>,
}

fn is_punch(event: &Event) -> bool {
    *event == Event::Punch
}

impl Extra {
    pub fn of(reading: &Reading) -> Self {
        let utc_offset_s = match reading.happened {
            Happened::ByTerminalAt(_, offset) => Some(offset.seconds()),
            Happened::ByTerminal(_) | Happened::Impossible | Happened::Now => None,
        };
        Self { event: reading.event.clone(), doubt: reading.doubt.clone(), also: reading.also.clone(), utc_offset_s }
    }

    pub fn offset(&self) -> Option<Offset> {
        self.utc_offset_s.and_then(|seconds| Offset::from_seconds(seconds).ok())
    }

    pub fn to_text(&self) -> Option<String> {
        let says = !is_punch(&self.event) || self.doubt.is_some() || self.also.is_some() || self.utc_offset_s.is_some();
        // Plain data of ours: it always becomes JSON.
        says.then(|| serde_json::to_string(self).ok()).flatten()
    }

    /// What a later version wrote beside what is known here is left alone.
    pub fn from_text(text: Option<String>) -> Self {
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}
