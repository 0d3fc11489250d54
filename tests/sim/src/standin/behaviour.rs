//! How the stand-in behaves: everything about WeCom that nobody has documented, and every way in which a call can go wrong.
//!
//! All of it can be changed while it runs, from the test ([`Standin::behaviour`](super::Standin::behaviour)) or from outside
//! (`POST /behaviour`, where only the fields given change). Durations are seconds in JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disturbance::{Call, Disturbance};
use super::errcode::Errcode;

/// What becomes of a batch that has a bad record (facts/wecom-api.md 1.4: not documented, so both are played).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Atomicity {
    /// Nothing of it is stored.
    Atomic,
    /// The good records are stored; the answer is the errcode of the first bad one.
    Partial,
}

/// What becomes of a record whose member and second are held already (facts/wecom-api.md 1.4: not documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// It is accepted and counted, and changes nothing.
    Drop,
    /// It becomes a second record and is shown twice.
    Keep,
}

/// What length is measured in (facts/wecom-api.md 1.2: the page says characters, a neighbour counts bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lengths {
    /// Unicode characters.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// What a second `gettoken` gives while the first token is alive (facts/wecom-api.md 4.2: rely on none of them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reissue {
    /// The same token.
    Same,
    /// Another one; both are good.
    BothLive,
    /// Another one; the first is void at once.
    OldDies,
}

/// What a read-back does with a member that does not exist (not documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownRead {
    /// The call is refused.
    Refused,
    /// The member is left out.
    LeftOut,
}

/// Whether the server can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It answers.
    Answers,
    /// It takes connections and resets them when a WeCom call comes in. The stand-in's own pages still answer.
    Resets,
    /// Nobody listens on the port; after the duration, if there is one, it answers again.
    Refuses(#[serde(with = "seconds::optional")] Option<Duration>),
}

/// How the stand-in behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// A batch with a bad record.
    pub atomicity: Atomicity,
    /// A record that is held already.
    pub duplicates: Duplicates,
    /// What the limits of texts are measured in.
    pub lengths: Lengths,
    /// Whether an empty `location_title`, `location_detail` or `device_detail` counts as given.
    pub empty_texts: bool,
    /// How a member that does not exist is refused: 60111, 301021, 40003 and 46004 are all known.
    pub unknown_user: Errcode,
    /// A member that does not exist, in a read-back.
    pub unknown_read: UnknownRead,
    /// Members that exist but are outside of what the app may see.
    pub out_of_range: BTreeSet<String>,
    /// Members that no punch rule covers: accepted, never shown (facts/wecom-api.md 1.1).
    pub uncovered: BTreeSet<String>,
    /// Members on a night shift: what they punch before 06:00 belongs to the day before.
    pub night_shift: BTreeSet<String>,
    /// How long a record stays invisible after it was accepted.
    #[serde(with = "seconds")]
    pub visible_after: Duration,
    /// Whether read-backs contain 未打卡 rows for points without a punch, future ones included.
    pub missing_rows: bool,
    /// Numbers as strings, a byte order mark, unknown fields, a `gettoken` answer without `errcode`.
    pub quirky: bool,
    /// How far in the future a punch may be.
    #[serde(with = "seconds")]
    pub future_skew: Duration,
    /// How old a punch may be; without it, any age is taken.
    #[serde(with = "seconds::optional")]
    pub oldest: Option<Duration>,
    /// How long a token lives.
    #[serde(with = "seconds")]
    pub token_lifetime: Duration,
    /// What a second `gettoken` gives.
    pub reissue: Reissue,
    /// Whether the app is among those that may call the punch API; if not, 48002.
    pub callable: bool,
    /// Whether the app is enabled; if not, 50003.
    pub enabled: bool,
    /// Whether the caller's address is trusted; if not, 60020.
    pub trusted_ip: bool,
    /// How long a call waits before it is looked at. A caller who gives up meanwhile has sent nothing.
    #[serde(with = "seconds")]
    pub delay_before: Duration,
    /// How long the answer waits. A caller who gives up meanwhile does not know that the call took effect.
    #[serde(with = "seconds")]
    pub delay_answer: Duration,
    /// Whether the server can be reached.
    pub reach: Reach,
    /// What goes wrong, in this order: the first one that fits a call and is not used up.
    pub disturbances: Vec<Disturbance>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            atomicity: Atomicity::Atomic,
            duplicates: Duplicates::Drop,
            lengths: Lengths::Characters,
            empty_texts: false,
            unknown_user: Errcode::USER_NOT_FOUND,
            unknown_read: UnknownRead::Refused,
            out_of_range: BTreeSet::new(),
            uncovered: BTreeSet::new(),
            night_shift: BTreeSet::new(),
            visible_after: Duration::ZERO,
            missing_rows: true,
            quirky: false,
            future_skew: Duration::ZERO,
            oldest: None,
            token_lifetime: Duration::from_secs(7200),
            reissue: Reissue::Same,
            callable: true,
            enabled: true,
            trusted_ip: true,
            delay_before: Duration::ZERO,
            delay_answer: Duration::ZERO,
            reach: Reach::Answers,
            disturbances: Vec::new(),
        }
    }
}

/// Why a change from outside was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Not JSON, no such field, or a value that does not fit.
    #[error("{0}; GET /behaviour shows every field with the value it has now")]
    Json(#[from] serde_json::Error),
    /// Not an object.
    #[error("send a JSON object with the fields to change; GET /behaviour shows them all")]
    NotAnObject,
    /// Nobody could undo it.
    #[error("a port that refuses cannot be told to open again: send {{\"reach\":{{\"refuses\":SECONDS}}}}")]
    NoWayBack,
}

impl Behaviour {
    /// This behaviour with the fields of `patch`, a JSON object, in their place.
    pub fn patched(&self, patch: &[u8]) -> Result<Self, ChangeError> {
        let serde_json::Value::Object(patch) = serde_json::from_slice(patch)? else {
            return Err(ChangeError::NotAnObject);
        };
        let mut whole = serde_json::to_value(self)?;
        if let Some(fields) = whole.as_object_mut() {
            fields.extend(patch);
        }
        let mut changed: Self = serde_json::from_value(whole)?;
        if changed.reach == Reach::Refuses(None) {
            return Err(ChangeError::NoWayBack);
        }
        changed.fold();
        Ok(changed)
    }

    /// The first disturbance that is due for this call, counted as used.
    pub(super) fn disturbed(&mut self, call: Call) -> Option<Disturbance> {
        let due = self.disturbances.iter_mut().find_map(|one| one.due(call));
        self.disturbances.retain(|one| one.times != Some(0));
        due
    }

    /// Brings the lists of members into the form in which they are looked up.
    pub(super) fn fold(&mut self) {
        for list in [&mut self.out_of_range, &mut self.uncovered, &mut self.night_shift] {
            *list = list.iter().map(|userid| userid.to_ascii_lowercase()).collect();
        }
    }
}

/// A duration as a number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }

    pub mod optional {
        use std::time::Duration;

        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

        pub fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
            duration.map(|d| d.as_secs_f64()).serialize(to)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
            Option::<f64>::deserialize(from)?.map(Duration::try_from_secs_f64).transpose().map_err(D::Error::custom)
        }
    }
}
