//! The words that stand for methods and directions, and back.

use punchd_contract::{Credential, Direction, Method};
use serde_json::Value;

use super::Wrong;

/// The method; absent: what the credential's kind tells.
pub fn method(value: Option<&Value>, credential: &Credential) -> Result<Method, Wrong> {
    const RIGHT: &str =
        "password, finger, card, face, palm, code, proximity, several or the device's own number (0 to 65535)";
    let wrong = || Wrong::field("method", RIGHT);
    match value {
        None | Some(Value::Null) => Ok(match credential {
            Credential::Card(_) => Method::Card,
            Credential::Finger(_) => Method::Finger,
            Credential::Token(_) => Method::Code,
            Credential::Badge(_) => Method::Proximity,
            Credential::UserId(_) | Credential::Row(_) | Credential::Unreadable => Method::Unsaid,
        }),
        Some(Value::Number(number)) => {
            number.as_u64().and_then(|number| u16::try_from(number).ok()).map(Method::Other).ok_or_else(wrong)
        }
        Some(Value::String(word)) => Ok(match word.as_str() {
            "password" => Method::Password,
            "finger" => Method::Finger,
            "card" => Method::Card,
            "face" => Method::Face,
            "palm" => Method::Palm,
            "code" => Method::Code,
            "proximity" => Method::Proximity,
            "several" => Method::Several,
            _ => return Err(wrong()),
        }),
        Some(_) => Err(wrong()),
    }
}

/// The direction; absent: the device does not say.
pub fn direction(value: Option<&Value>) -> Result<Direction, Wrong> {
    const RIGHT: &str =
        "in, out, break_out, break_in, overtime_in, overtime_out or the device's own number (0 to 65535)";
    let wrong = || Wrong::field("direction", RIGHT);
    match value {
        None | Some(Value::Null) => Ok(Direction::Unsaid),
        Some(Value::Number(number)) => {
            number.as_u64().and_then(|number| u16::try_from(number).ok()).map(Direction::Other).ok_or_else(wrong)
        }
        Some(Value::String(word)) => Ok(match word.as_str() {
            "in" => Direction::In,
            "out" => Direction::Out,
            "break_out" => Direction::BreakOut,
            "break_in" => Direction::BreakIn,
            "overtime_in" => Direction::OvertimeIn,
            "overtime_out" => Direction::OvertimeOut,
            _ => return Err(wrong()),
        }),
        Some(_) => Err(wrong()),
    }
}
