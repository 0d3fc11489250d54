//! What a program says.

use jiff::civil::DateTime;
use punchd_contract::{
    Alert, Batch, Condition, Contact, Cursor, Done, FingerModule, FingerName, Health, MAX_BATCH, Origin, Reading,
    SerialNumber, StoredFinger, Template, TerminalUser, Text, Upload,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::civil::clock;
use super::hex::from_hex;
use super::reading::reading;
use super::wire::{Id, Sentence, WireAlert, WireContact, WireFinger, WireUpload};
use super::{VERSION, Wrong};

const TYPES: &str = "hello, health, reading, batch, step, done, failed";
/// The longest id that is a text.
const MAX_ID: usize = 64;
/// The longest cursor (contract).
const MAX_CURSOR: usize = 64 << 10;
/// The longest template (contract).
const MAX_TEMPLATE: usize = 4 << 10;

/// One message of a program.
#[derive(Clone, Debug)]
pub enum FromProgram {
    /// The first line: who it is.
    Hello(Hello),
    /// How its device is.
    Health(Health),
    /// One reading, of a person who may be waiting.
    Reading(Box<SentReading>),
    /// Several things that are committed together.
    Batch(Box<SentBatch>),
    /// A step on the way of a command.
    Step {
        /// Of which command.
        id: u64,
        /// What is to be done now.
        text: Text,
    },
    /// A command was carried out.
    Done {
        /// Which.
        id: u64,
        /// What was done.
        done: Done,
    },
    /// A command was not carried out.
    Failed {
        /// Which.
        id: u64,
        /// Why.
        failure: Failure,
    },
}

/// Who a program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The version of the protocol that it speaks.
    pub protocol: u64,
    /// What it calls itself.
    pub name: String,
    /// The serial number of its device, if that keeps a log.
    pub log: Option<SerialNumber>,
    /// The commands that it carries out.
    pub can: Vec<CommandWord>,
}

/// The commands by their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the command of its name")]
pub enum CommandWord {
    Identify,
    SetClock,
    ReadLog,
    Reconcile,
    Unlock,
    EnrolPerson,
    DeletePerson,
    SetFace,
    EnrolFinger,
    StoreFinger,
    DeleteFinger,
}

/// A reading that waits for its receipt.
#[derive(Clone, Debug)]
pub struct SentReading {
    /// What the receipt is to be called.
    pub id: Id,
    /// The reading.
    pub reading: Reading,
}

/// A batch that waits for its receipts.
#[derive(Clone, Debug)]
pub struct SentBatch {
    /// What the receipts are to be called.
    pub id: Id,
    /// The batch, without the offset of the clock.
    pub batch: Batch,
    /// What the device's clock shows.
    pub clock: Option<DateTime>,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device cannot do that.
    Unsupported,
    /// The device cannot be reached.
    Unreachable(Text),
    /// Anything else.
    Failed(Text),
}

/// A line that was not understood, with the id that it has, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its `type`, if it is a known one that waits for an answer.
    pub waits_as: Option<Id>,
    /// What is wrong.
    pub wrong: Wrong,
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self { waits_as: None, wrong }
    }
}

impl FromProgram {
    /// Reads a line. `log`: see [`reading`].
    pub fn parse(line: &[u8], log: Option<&SerialNumber>) -> Result<Self, Refused> {
        let value: Value = serde_json::from_slice(line).map_err(|error| Wrong::NoJson(error.to_string()))?;
        let Value::Object(object) = value else { return Err(Wrong::NoObject.into()) };
        let Some(Value::String(kind)) = object.get("type") else { return Err(Wrong::NoType.into()) };
        let waiting = |work: &dyn Fn(Id) -> Result<Self, Wrong>| {
            let id = id(&object)?;
            work(id.clone()).map_err(|wrong| Refused { waits_as: Some(id), wrong })
        };
        Ok(match kind.as_str() {
            "hello" => Self::Hello(hello(&object)?),
            "health" => Self::Health(health(&object)?),
            "reading" => waiting(&|id| {
                Ok(Self::Reading(Box::new(SentReading { id, reading: reading(&object, log, Origin::Live)? })))
            })?,
            "batch" => waiting(&|id| Ok(Self::Batch(Box::new(batch(id, &object, log)?))))?,
            "step" => Self::Step { id: command(&object)?, text: sentence(&object)? },
            "done" => Self::Done { id: command(&object)?, done: done(&object)? },
            "failed" => Self::Failed { id: command(&object)?, failure: failure(&object)? },
            other => return Err(Wrong::UnknownType(other.chars().take(40).collect(), TYPES).into()),
        })
    }
}

fn id(object: &Map<String, Value>) -> Result<Id, Wrong> {
    const RIGHT: &str = "a whole number or a text of 1 to 64 characters; the answer carries it";
    let id = object.get("id").and_then(|id| serde_json::from_value(id.clone()).ok());
    id.filter(|id| matches!(id, Id::Number(_)) || matches!(id, Id::Text(text) if (1..=MAX_ID).contains(&text.len())))
        .ok_or_else(|| Wrong::field("id", RIGHT))
}

/// The number of a command.
fn command(object: &Map<String, Value>) -> Result<u64, Wrong> {
    object.get("id").and_then(Value::as_u64).ok_or_else(|| Wrong::field("id", "the number of the command"))
}

fn part<T: DeserializeOwned>(object: &Map<String, Value>) -> Result<T, Wrong> {
    Ok(serde_json::from_value(Value::Object(object.clone()))?)
}

fn sentence(object: &Map<String, Value>) -> Result<Text, Wrong> {
    part::<Sentence>(object)?.text().ok_or_else(|| Wrong::field("en", "a sentence (and `zh` the same in Chinese)"))
}

fn hello(object: &Map<String, Value>) -> Result<Hello, Wrong> {
    #[derive(Deserialize)]
    struct Wire {
        protocol: u64,
        name: String,
        keeps_log: Option<bool>,
        serial: Option<String>,
        can: Option<Value>,
    }
    let wire: Wire = part(object)?;
    // What a later version says here, nobody knows: its number is what counts.
    let known = wire.protocol == VERSION;
    let name = wire.name.trim().to_owned();
    if known && (!(1..=60).contains(&name.chars().count()) || name.chars().any(char::is_control)) {
        return Err(Wrong::field("name", "1 to 60 characters"));
    }
    let log = match (wire.keeps_log.unwrap_or(false), wire.serial) {
        (true, Some(serial)) if known => Some(self::serial(serial)?),
        (true, None) if known => {
            return Err(Wrong::field("serial", "given: a device that keeps a log is known by its serial number"));
        }
        _ => None,
    };
    let can = wire.can.filter(|_| known).map_or(Ok(Vec::new()), serde_json::from_value)?;
    Ok(Hello { protocol: wire.protocol, name, log, can })
}

fn serial(text: String) -> Result<SerialNumber, Wrong> {
    const RIGHT: &str = "1 to 64 printable ASCII characters without spaces, slashes, quotes and < > &";
    SerialNumber::new(text).map_err(|_| Wrong::field("serial", RIGHT))
}

fn health(object: &Map<String, Value>) -> Result<Health, Wrong> {
    #[derive(Deserialize)]
    struct Wire {
        condition: Condition,
    }
    let Wire { condition } = part(object)?;
    Ok(Health { condition, text: sentence(object)? })
}

fn batch(id: Id, object: &Map<String, Value>, log: Option<&SerialNumber>) -> Result<SentBatch, Wrong> {
    #[derive(Deserialize)]
    struct Wire {
        readings: Option<Vec<Map<String, Value>>>,
        contact: Option<WireContact>,
        alerts: Option<Vec<WireAlert>>,
        users: Option<Vec<TerminalUser>>,
        fingers: Option<FingerModule>,
        upload: Option<WireUpload>,
    }
    let wire: Wire = part(object)?;
    let objects = wire.readings.unwrap_or_default();
    if objects.len() > MAX_BATCH {
        return Err(Wrong::field("readings", "at most 1000; send the rest in the next batch"));
    }
    // What a terminal hands over in a batch was in its log; only what it says to be live is believed to be of just now.
    let origin = if log.is_some() { Origin::Log } else { Origin::Live };
    let readings = objects.iter().map(|object| reading(object, log, origin)).collect::<Result<_, _>>()?;
    let cursor = object.get("cursor").filter(|cursor| !cursor.is_null()).map(|cursor| Cursor(cursor.to_string()));
    if cursor.as_ref().is_some_and(|cursor| cursor.0.len() > MAX_CURSOR) {
        return Err(Wrong::field("cursor", "at most 64 KiB of JSON"));
    }
    let clock = wire.contact.as_ref().and_then(|contact| contact.clock.as_deref()).map(clock).transpose()?;
    let contact = wire.contact.map(|wire| contact(wire, log)).transpose()?;
    let alerts = wire.alerts.unwrap_or_default().into_iter().take(MAX_BATCH).map(alert).collect::<Result<_, _>>()?;
    let upload = wire.upload.map(upload).transpose()?;
    let (users, fingers) = (wire.users, wire.fingers);
    Ok(SentBatch {
        id,
        batch: Batch { readings, cursor, contact, upload, alerts, users, fingers, ..Batch::default() },
        clock,
    })
}

fn contact(wire: WireContact, log: Option<&SerialNumber>) -> Result<Contact, Wrong> {
    let short = |text: Option<String>| text.map(|text| text.chars().filter(|c| !c.is_control()).take(100).collect());
    Ok(Contact {
        serial: wire.serial.map(serial).transpose()?.or_else(|| log.cloned()),
        address: short(wire.address),
        firmware: short(wire.firmware),
        clock: None,
        records_claimed: wire.records_claimed,
        records_read: wire.records_read,
    })
}

fn alert(wire: WireAlert) -> Result<Alert, Wrong> {
    let text = wire.sentence.text().ok_or_else(|| Wrong::field("alerts", "each with a sentence in `en` or `zh`"))?;
    Ok(Alert { kind: wire.kind, text })
}

fn upload(wire: WireUpload) -> Result<Upload, Wrong> {
    let body = from_hex(&wire.body).ok_or_else(|| Wrong::field("upload.body", "bytes in hexadecimal"))?;
    let table = wire.table.chars().filter(|c| !c.is_control()).take(40).collect();
    Ok(Upload { table, body, understood: wire.understood })
}

fn done(object: &Map<String, Value>) -> Result<Done, Wrong> {
    #[derive(Deserialize)]
    struct Wire {
        finger: Option<WireFinger>,
    }
    let Wire { finger } = part(object)?;
    let finger = finger.map(|finger| {
        let bytes = finger.template.as_deref().map(|hex| from_hex(hex).filter(|bytes| bytes.len() <= MAX_TEMPLATE));
        let template = match (bytes, finger.model) {
            (None, _) => None,
            (Some(Some(bytes)), Some(model)) => Some(Template { model, bytes }),
            _ => return Err(Wrong::field("finger.template", "at most 4096 bytes in hexadecimal, with `model`")),
        };
        Ok(StoredFinger { name: FingerName(finger.name), template })
    });
    let text = part::<Sentence>(object)?.text().unwrap_or_else(|| Text::new("Done.", "已完成。"));
    Ok(Done { text, finger: finger.transpose()? })
}

fn failure(object: &Map<String, Value>) -> Result<Failure, Wrong> {
    #[derive(Deserialize)]
    struct Wire {
        reason: Option<String>,
    }
    let Wire { reason } = part(object)?;
    let text = || sentence(object);
    match reason.as_deref() {
        Some("unsupported") => Ok(Failure::Unsupported),
        Some("unreachable") => Ok(Failure::Unreachable(text()?)),
        None | Some("failed") => Ok(Failure::Failed(text()?)),
        Some(_) => Err(Wrong::field("reason", "unsupported, unreachable or failed")),
    }
}

#[cfg(test)]
mod tests;
