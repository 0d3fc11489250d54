//! The security dialect: registration, events at doors, and the time (facts/terminals.md B.5).

use jiff::tz::TimeZone;

use super::memory::Dialect;
use super::protocol::fields::Fields;
use super::protocol::handshake::DoorOptions;
use super::protocol::kept;
use super::protocol::text::decode;
use super::protocol::time::{to_number, zone_sign};
use super::reply::{Ask, Reply};
use super::terminal::{Taken, Terminal};

/// What holds if a terminal does not say. [K]
const VERSION: &str = "3.0.1";

/// The dialect that a handshake says, by the kind of the device and not by its version.
pub fn said(ask: &Ask) -> Option<Dialect> {
    let kind = ask.query.get("DeviceType")?.trim();
    match kind {
        "" => None,
        kind if kind.eq_ignore_ascii_case("acc") => Some(Dialect::Security),
        _ => Some(Dialect::Attendance),
    }
}

impl Terminal {
    /// `GET cdata`: a registered terminal gets its settings, another one registers first.
    pub async fn greet_door(&self, ask: &Ask) -> Reply {
        let version = version(ask.query.get("pushver"));
        self.change(|state| {
            state.memory.dialect = Some(Dialect::Security);
            match &state.memory.registry_code {
                Some(code) => Reply::ok(self.door_options(Some(code), &version, &state.session)),
                None => Reply::ok("OK"),
            }
        })
        .await
    }

    /// `registry`: gives the terminal its code. The allow-list was asked before.
    pub async fn register(&self, ask: &Ask) -> Reply {
        let text = decode(&ask.body, self.settings.charset.of(&ask.body)).replace(['\n', '\t', '\r'], ",");
        self.learn(&Fields::parse(&text, ','));
        let taken = Taken { kept: kept::of_options(&ask.body, &text), ..Taken::default() };
        let code = self
            .change(|state| {
                state.memory.dialect = Some(Dialect::Security);
                // A terminal that registers sends everybody next.
                state.users.clear();
                state.users_complete = true;
                state.memory.registry_code.get_or_insert_with(|| fastrand::u64(1 << 32..u64::MAX).to_string()).clone()
            })
            .await;
        self.keep("registry", taken, Reply::ok(format!("RegistryCode={code}"))).await
    }

    /// `push`: the settings.
    pub async fn door_settings(&self, ask: &Ask) -> Reply {
        let version = version(ask.query.get("pushver"));
        self.change(|state| {
            state.memory.dialect = Some(Dialect::Security);
            Reply::ok(self.door_options(None, &version, &state.session))
        })
        .await
    }

    fn door_options(&self, registry_code: Option<&str>, version: &str, session: &str) -> String {
        let (error_delay, delay) = (self.settings.error_delay, self.settings.delay);
        DoorOptions { registry_code, version, error_delay, delay, session }.answer()
    }

    /// `rtdata?type=time`: the number of A.8 in UTC, with our zone beside it. Without a trusted clock there is no answer.
    pub fn time(&self) -> Reply {
        let now = self.port.now();
        match (now.bound, self.zone_minutes()) {
            (Some(_), Some(minutes)) => {
                let number = to_number(TimeZone::UTC.to_datetime(now.utc));
                self.state().zone_told = Some(minutes);
                Reply::ok(format!("DateTime={number},ServerTZ={}", zone_sign(minutes)))
            }
            _ => Reply::refused(503, "the gateway does not know the time yet"),
        }
    }

    /// Whether the doors' states are the last kept ones but for their time: terminals repeat them every few seconds, and
    /// they are nobody's punches.
    pub(super) fn doors_are_as_before(&self, body: &[u8]) -> bool {
        let is_time = |field: &&[u8]| field.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"time="));
        let fields = body.split(|byte| b"\t\r\n".contains(byte)).filter(|field| !is_time(field));
        let doors = fields.collect::<Vec<_>>().join(&b'\t');
        let mut state = self.state();
        let same = state.doors == doors;
        state.doors = doors;
        same
    }
}

/// Echoes a plausible version.
fn version(offered: Option<&str>) -> String {
    let plausible = |text: &&str| text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    offered.filter(plausible).filter(|text| !text.is_empty()).unwrap_or(VERSION).to_owned()
}
