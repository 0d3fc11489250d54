//! The security dialect: registration, events at doors, and the time (facts/terminals.md B.5).

use jiff::tz::TimeZone;
use punchd_contract::{Occurrences, Reading};

use super::attendance::happened;
use super::memory::Dialect;
use super::protocol::fields::Fields;
use super::protocol::handshake::DoorOptions;
use super::protocol::operlog;
use super::protocol::rtlog::Event;
use super::protocol::text::{decode, lines};
use super::protocol::time::{to_number, zone_sign};
use super::protocol::{codes, sealed::sealed};
use super::reply::{Ask, Reply};
use super::terminal::{Taken, Terminal};

/// What holds if a terminal does not say. [K]
const VERSION: &str = "3.0.1";

/// Whether a handshake is one of this dialect: by what the terminal says of itself, not by its version.
pub fn says_so(ask: &Ask) -> bool {
    ask.query.get("DeviceType").is_some_and(|kind| kind.eq_ignore_ascii_case("acc"))
}

/// The name of an uploaded table, fit for logs.
pub fn table_name(ask: &Ask) -> String {
    let name = ask.query.get("tablename").unwrap_or("");
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
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
        let body = sealed(&ask.body);
        let text = decode(&body, self.settings.charset.of(&body)).replace(['\n', '\t'], ",");
        self.learn(&Fields::parse(&text, ','));
        let code = self
            .change(|state| {
                state.memory.dialect = Some(Dialect::Security);
                // A terminal that registers sends everybody next.
                state.users.clear();
                state.users_complete = true;
                state.memory.registry_code.get_or_insert_with(|| fastrand::u64(1 << 32..u64::MAX).to_string()).clone()
            })
            .await;
        self.keep("registry", body, Taken::default(), Reply::ok(format!("RegistryCode={code}"))).await
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

    /// `table=rtlog`: events; those that name a person or a card are readings, the others stay in the body.
    pub(super) fn events(&self, body: &[u8], taken: &mut Taken) -> Reply {
        self.state().memory.dialect.get_or_insert(Dialect::Security);
        let encoding = self.settings.charset.of(body);
        let mut occurrences = Occurrences::new();
        for raw in lines(body) {
            let line = decode(raw, encoding);
            let Some(event) = Event::parse(&line) else {
                taken.readings.push(self.unreadable(raw, &mut occurrences));
                continue;
            };
            let Some(credential) = event.credential() else { continue };
            taken.readings.push(Reading {
                credential,
                happened: happened(&event.time),
                origin: self.origin(&event.time),
                method: codes::method(event.verify),
                direction: codes::side_of_door(event.inout),
                key: Some(occurrences.key(event.content(self.serial()))),
                profile: None,
                event: punchd_contract::Event::Punch,
                doubt: None,
                raw: raw.iter().copied().take(4096).collect(),
            });
        }
        self.note_unreadable("rtlog", taken);
        Reply::ok("OK")
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

    /// Tables of this dialect. `None`: not known.
    pub(super) fn table_data(&self, name: &str, body: &[u8], taken: &mut Taken) -> Option<Reply> {
        let count = lines(body).count();
        match name.to_ascii_lowercase().as_str() {
            "user" => {
                let encoding = self.settings.charset.of(body);
                let user = |raw| operlog::user(&Fields::parse(without_table(&decode(raw, encoding)), '\t'));
                taken.users.extend(lines(body).filter_map(user));
            }
            "transaction" => {
                self.events(body, taken);
            }
            // Their content was taken out; the terminal keeps its own.
            "biodata" | "biophoto" | "userpic" | "templatev10" => {}
            _ => return None,
        }
        Some(Reply::ok(format!("{name}={count}")))
    }

    /// `querydata`: an answer to a query.
    pub async fn query_data(&self, ask: &Ask) -> Reply {
        let (name, body) = (table_name(ask), sealed(&ask.body));
        let mut taken = Taken::default();
        let reply = self.table_data(&name, &body, &mut taken).unwrap_or_else(|| self.unknown(&name, &mut taken));
        self.keep(&name, body, taken, reply).await
    }
}

/// Lines of this dialect's tables may begin with the table's name.
fn without_table(line: &str) -> &str {
    match line.split_once(' ') {
        Some((word, rest)) if !word.contains('=') => rest,
        _ => line,
    }
}

/// Echoes a plausible version.
fn version(offered: Option<&str>) -> String {
    let plausible = |text: &&str| text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    offered.filter(plausible).filter(|text| !text.is_empty()).unwrap_or(VERSION).to_owned()
}
