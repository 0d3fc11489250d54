//! What attendance needs to know of a device: its zone, how its user ids are meant, how its clock is treated.

use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// How a device's readings are judged. Stored with the device in the journal, so that a verdict can be explained later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRules {
    /// IANA name of the zone in which the device's clock runs.
    pub zone: String,
    /// What a terminal's user id means.
    pub user_ids: UserIdRule,
    /// Readings of an earlier local date are kept but do not count; absent: of one before the day on which the device was first
    /// seen.
    pub count_from: Option<Date>,
    /// Up to this offset the terminal's clock counts as right.
    pub clock_tolerance: Duration,
    /// What happens to readings of a terminal whose clock is further off.
    pub wrong_clock: WrongClock,
    /// How good the gateway's clock must be to date readings of local readers by it.
    pub trusted_within: Duration,
}

/// What a terminal's user id means. The people list comes first in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserIdRule {
    /// It is the WeCom userid.
    Userid,
    /// Only the people list tells.
    Mapped,
    /// With this in front it is the WeCom userid.
    Prefixed(String),
}

impl UserIdRule {
    /// The userid that the rule makes of a terminal's user id.
    pub(super) fn userid(&self, id: &str) -> Option<String> {
        match self {
            Self::Mapped => None,
            Self::Userid => Some(id.to_owned()),
            Self::Prefixed(prefix) => Some(format!("{prefix}{id}")),
        }
    }
}

/// What happens to readings of a terminal whose clock is off by more than the tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrongClock {
    /// Corrected where the offset is proven for the moment of the reading, else held for a person.
    Hold,
    /// Taken as the terminal gave them.
    AsRecorded,
    /// Corrected by the offset of the contact that brought them.
    Correct,
}
