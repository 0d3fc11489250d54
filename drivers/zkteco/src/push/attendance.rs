//! The attendance dialect: handshake, punches, operations and people (facts/terminals.md B.2–B.4).

use jiff::SignedDuration;
use jiff::civil::DateTime;
use punchd_contract::{
    Alert, AlertKind, Credential, Direction, Event, Happened, Method, Occurrences, Origin, Reading, Text, Upload,
};

use super::memory::Dialect;
use super::protocol::attlog::{Punch, is_heading};
use super::protocol::fields::Fields;
use super::protocol::operlog::{self, Deed, Line, Operation};
use super::protocol::text::{decode, lines};
use super::protocol::time::Stamped;
use super::protocol::{codes, handshake, sealed::sealed};
use super::reply::{Ask, Reply};
use super::security;
use super::terminal::{Taken, Terminal};

/// The most of a line that is kept with its reading; the body is kept whole.
const RAW: usize = 4096;

/// A record at most this far from the gateway's time came as it happened.
const LIVE: SignedDuration = SignedDuration::from_mins(5);

impl Terminal {
    /// `GET cdata`: tells the terminal how to behave.
    pub async fn greet(&self, ask: &Ask) -> Reply {
        let zone_minutes = self.zone_minutes();
        let language = ask.query.get("language").map(|text| text.chars().take(8).collect::<String>());
        self.change(|state| {
            state.memory.dialect = Some(Dialect::Attendance);
            state.memory.language = language.or(state.memory.language.take());
            state.zone_told = zone_minutes;
            let options = handshake::Options {
                serial: self.serial(),
                stamps: &state.memory.stamps,
                error_delay: self.settings.error_delay,
                delay: self.settings.delay,
                zone_minutes,
                version: ask.query.get("pushver"),
            };
            Reply::ok(options.answer())
        })
        .await
    }

    /// `POST cdata`: takes what was uploaded.
    pub async fn upload(&self, ask: &Ask) -> Reply {
        if ask.body.is_empty() && !ask.has_length {
            // An answer of OK would make the terminal forget what never arrived.
            return Reply::refused(411, "the length of the body is missing");
        }
        let table: String =
            ask.query.get("table").unwrap_or("").chars().filter(|c| c.is_ascii_graphic()).take(32).collect();
        let body = sealed(&ask.body);
        let mut taken = Taken { stamp: stamp(ask, &table), ..Taken::default() };
        let reply = match table.to_ascii_uppercase().as_str() {
            "ATTLOG" => self.punches(&body, &mut taken),
            "OPERLOG" | "BIODATA" => self.operations(&body, &mut taken),
            "IDCARD" | "ERRORLOG" => Reply::taken(lines(&body).count()),
            "ATTPHOTO" => Reply::ok("OK"),
            "OPTIONS" => self.options(&body),
            "RTLOG" => self.events(&body, &mut taken),
            "RTSTATE" if self.doors_are_as_before(&body) => return Reply::ok("OK"),
            "RTSTATE" => Reply::ok("OK"),
            "TABLEDATA" => {
                let name = security::table_name(ask);
                self.table_data(&name, &body, &mut taken).unwrap_or_else(|| self.unknown(&name, &mut taken))
            }
            _ => self.unknown(&table, &mut taken),
        };
        let reply = self.keep(&table, body, taken, reply).await;
        if reply.status != 200 {
            self.state().doors.clear();
        }
        reply
    }

    /// `fdata`: photos of older firmware.
    pub async fn photo(&self, ask: &Ask) -> Reply {
        self.keep("ATTPHOTO", sealed(&ask.body), Taken::default(), Reply::ok("OK")).await
    }

    /// Makes the body and what was found in it durable; only then the reply goes out.
    pub async fn keep(&self, table: &str, body: Vec<u8>, mut taken: Taken, reply: Reply) -> Reply {
        let readings = taken.readings.len();
        if !body.is_empty() {
            taken.upload = Some(Upload { table: table.to_owned(), body, understood: reply.status == 200 });
        }
        match self.take(taken).await {
            Ok(()) => {
                tracing::debug!(device = %self.device, table, readings, status = reply.status, "an upload is on disk");
                reply
            }
            Err(error) => {
                tracing::warn!(device = %self.device, table, %error, "an upload was not recorded; the terminal keeps it");
                Reply::not_recorded(&error)
            }
        }
    }

    fn punches(&self, body: &[u8], taken: &mut Taken) -> Reply {
        let encoding = self.settings.charset.of(body);
        let mut occurrences = Occurrences::new();
        for raw in lines(body) {
            let line = decode(raw, encoding);
            if is_heading(&line) {
                continue;
            }
            let Some(punch) = Punch::parse(&line) else {
                taken.readings.push(self.unreadable(raw, &mut occurrences));
                continue;
            };
            let credential = match punch.names_somebody() {
                true => Credential::UserId(punch.pin.clone()),
                false => Credential::Unreadable,
            };
            taken.readings.push(Reading {
                credential,
                happened: happened(&punch.time),
                origin: self.origin(&punch.time),
                method: codes::method(punch.verify),
                direction: codes::direction(punch.status),
                key: Some(occurrences.key(punch.content(self.serial()))),
                profile: None,
                event: Event::Punch,
                doubt: None,
                raw: raw.iter().copied().take(RAW).collect(),
            });
        }
        self.note_unreadable("ATTLOG", taken);
        let mut state = self.state();
        // Also where it was an access controller before: the same serial number may get other firmware.
        state.memory.dialect = Some(Dialect::Attendance);
        state.orders.still_sending(tokio::time::Instant::now());
        Reply::taken(taken.readings.len())
    }

    /// A line that says nothing we know: kept as it is.
    pub(super) fn unreadable(&self, raw: &[u8], occurrences: &mut Occurrences) -> Reading {
        let raw: Vec<u8> = raw.iter().copied().take(RAW).collect();
        let content = format!("{}|raw|{}", self.serial(), String::from_utf8_lossy(&raw));
        Reading {
            credential: Credential::Unreadable,
            happened: Happened::Impossible,
            origin: Origin::Log,
            method: Method::Unsaid,
            direction: Direction::Unsaid,
            key: Some(occurrences.key(content)),
            profile: None,
            event: Event::Punch,
            doubt: None,
            raw,
        }
    }

    /// Counts and tells of lines that could not be read.
    pub(super) fn note_unreadable(&self, table: &str, taken: &mut Taken) {
        let unreadable = |reading: &&Reading| reading.credential == Credential::Unreadable;
        let count = taken.readings.iter().filter(unreadable).count() as u64;
        if count > 0 {
            self.state().unreadable += count;
            let text = Text::new(
                format!(
                    "the terminal sent punches of {table} that name nobody or cannot be read; they are kept: look at them"
                ),
                format!("设备上传的 {table} 中有无法识别的打卡记录，已保留，请查看"),
            );
            taken.alerts.push((format!("lines:{table}"), Alert { kind: AlertKind::NotUnderstood, text }));
        }
    }

    /// How a record of this time came to us.
    pub(super) fn origin(&self, time: &Stamped) -> Origin {
        let Some(time) = time.civil() else { return Origin::Log };
        if self.state().survey.fetching().is_some_and(|period| period.has(time.date())) {
            return Origin::Backfill;
        }
        match self.local_now() {
            Some(now) if now.duration_since(time).abs() <= LIVE => Origin::Live,
            _ => Origin::Log,
        }
    }

    fn operations(&self, body: &[u8], taken: &mut Taken) -> Reply {
        let encoding = self.settings.charset.of(body);
        let mut count = 0;
        for raw in lines(body) {
            count += 1;
            match operlog::parse(&decode(raw, encoding)) {
                Line::Operation(operation) => taken.alerts.extend(alert(&operation)),
                Line::User(user) => taken.users.push(user),
                Line::Biometric => {}
                Line::Unknown => taken.alerts.push(("lines:OPERLOG".into(), not_understood("OPERLOG"))),
            }
        }
        Reply::taken(count)
    }

    fn options(&self, body: &[u8]) -> Reply {
        let text = decode(body, self.settings.charset.of(body)).replace(['\n', '\t'], ",");
        self.learn(&Fields::parse(&text, ','));
        Reply::ok("OK")
    }

    /// Takes the firmware from whatever names it.
    pub(super) fn learn(&self, fields: &Fields) {
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(60).collect::<String>();
        let version =
            fields.get(&["FWVersion", "FirmVer", "~FirmVer", "FirmwareVersion"]).filter(|text| !text.is_empty());
        if let Some(version) = version {
            let model = fields.get(&["~DeviceName", "DeviceName"]).unwrap_or("");
            self.state().firmware = Some(plain(format!("{model} {version}").trim()));
        }
        if let Some(count) = fields.number(&["TransactionCount"]) {
            self.state().claimed = Some(count);
        }
    }

    /// A table that nobody described: kept, shown, never answered OK, so that the terminal keeps it too.
    pub(super) fn unknown(&self, table: &str, taken: &mut Taken) -> Reply {
        let table = if table.is_empty() { "(none)" } else { table };
        let mut state = self.state();
        if state.unknown_tables.len() < 16 {
            state.unknown_tables.insert(table.to_owned());
        }
        taken.stamp = None;
        taken.alerts.push((format!("table:{table}"), not_understood(table)));
        Reply::refused(400, "this table is not known here; it was kept, and nothing of it counts as taken")
    }
}

/// The stamp of an upload, to be echoed in the next handshake.
fn stamp(ask: &Ask, table: &str) -> Option<(String, String)> {
    const TABLES: [&str; 6] = ["ATTLOG", "OPERLOG", "ATTPHOTO", "BIODATA", "IDCARD", "ERRORLOG"];
    let table = TABLES.into_iter().find(|known| known.eq_ignore_ascii_case(table))?;
    let own = format!("{table}Stamp");
    let text = ask.query.get("Stamp").or_else(|| ask.query.get("OpStamp")).or_else(|| ask.query.get(&own))?;
    handshake::stamp(text).map(|stamp| (table.to_owned(), stamp.to_owned()))
}

pub(super) fn happened(time: &Stamped) -> Happened {
    time.civil().map_or(Happened::Impossible, |time: DateTime| Happened::ByTerminal(time))
}

fn not_understood(table: &str) -> Alert {
    let text = Text::new(
        format!("the terminal sends data of a kind that is not known ({table}); it is kept, on the terminal too"),
        format!("设备上传了未知类型的数据（{table}），已保留，设备上也未删除"),
    );
    Alert { kind: AlertKind::NotUnderstood, text }
}

/// What somebody should hear of; told once, though the terminal may send the line again.
fn alert(operation: &Operation) -> Option<(String, Alert)> {
    let Operation { deed, code, who, time, object } = operation;
    let (kind, en, zh) = match deed {
        Deed::ClockSet => (AlertKind::ClockSet, "the terminal's clock was set", "设备时间被修改"),
        Deed::PunchesDeleted => {
            (AlertKind::PunchesDeleted, "punches were deleted on the terminal", "设备上的打卡记录被删除")
        }
        Deed::EverythingDeleted => {
            (AlertKind::PunchesDeleted, "all data was deleted on the terminal", "设备上的全部数据被清除")
        }
        Deed::AdministratorsCleared => (
            AlertKind::Other,
            "the terminal's administrators were cleared: anybody can open its menu",
            "设备管理员被清除，任何人都能进入菜单",
        ),
        Deed::Duress => (AlertKind::Other, "somebody punched under duress", "有人在胁迫下打卡"),
        Deed::Other => return None,
    };
    let text = Text::new(
        format!("{en} (by user {who}, at {time} by its clock); what had arrived before is safe: ask who did it"),
        format!("{zh}（操作人 {who}，设备时间 {time}），此前已上传的记录不受影响，请核实操作人"),
    );
    Some((format!("oplog:{code}:{who}:{time}:{object}"), Alert { kind, text }))
}
