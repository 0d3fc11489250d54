//! The attendance dialect: handshake and uploads (facts/terminals.md B.2–B.4). What an upload is answered is decided here; what its
//! lines are, in [`reading`](super::reading).

use std::borrow::Cow;

use bytes::Bytes;
use punchd_contract::{Alert, AlertKind, Text, Upload};

use super::memory::Dialect;
use super::protocol::fields::Fields;
use super::protocol::operlog::{Deed, Operation};
use super::protocol::table::Table;
use super::protocol::text::{decode, utf8};
use super::protocol::{handshake, kept};
use super::reply::{Ask, Reply};
use super::terminal::{Taken, Terminal};
use super::trouble::{self, Cause};

impl Terminal {
    /// `GET cdata`: tells the terminal how to behave.
    pub async fn greet(&self, ask: &Ask) -> Reply {
        let zone_minutes = self.zone_minutes();
        let language = ask.query.get("language").map(|text| text.chars().take(8).collect::<String>());
        self.change(|state| {
            state.trail.end();
            state.memory.dialect = Some(Dialect::Attendance);
            state.memory.identity_cards = says_identity_cards(ask);
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
            return self.not_taken(411, Cause::Length, trouble::length());
        }
        if ask.query.get("AuthType").is_some() {
            return self.not_taken(400, Cause::ServerCheck, trouble::server_check());
        }
        let name = table_name(ask);
        let table = Table::named(&name);
        let body = text_of(&ask.body, table);
        if is_packed(ask, &body) {
            return self.not_taken(400, Cause::Packed, trouble::packed());
        }
        let mut taken = Taken { stamp: stamp(ask, &name), ..Taken::default() };
        let reply = match table {
            Some(Table::Options) => self.options(&name, &body, &mut taken),
            Some(Table::States) if self.doors_are_as_before(&body) => {
                self.read(&name, table, false, &body, &mut Taken::default());
                return Reply::ok("OK");
            }
            _ => self.lines(ask, &name, table, &body, &mut taken),
        };
        let reply = self.keep(&name, taken, reply).await;
        if reply.status != 200 {
            self.state().doors.clear();
        } else {
            self.state().troubles.over(Cause::Length);
        }
        reply
    }

    fn lines(&self, ask: &Ask, name: &str, table: Option<Table>, body: &[u8], taken: &mut Taken) -> Reply {
        let of_a_log = ask.query.get("tablename").is_some();
        let counted = self.read(name, table, !of_a_log, body, taken);
        let table = table.or(counted.heading.filter(|_| name.is_empty()));
        self.speaks(name, table, of_a_log);
        taken.kept = counted.kept;
        if counted.other > 0 && matches!(table, Some(Table::Operations | Table::People)) {
            taken.alerts.push((format!("lines:{name}:other"), lines_not_understood(name)));
        }
        match table {
            None => self.unknown(name, taken),
            _ if of_a_log => {
                // Values may hold line ends: the terminal's own count is the smaller one.
                let said = ask.query.get("count").and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
                Reply::ok(format!("{name}={}", counted.lines.min(said)))
            }
            Some(Table::Events | Table::States | Table::Photos) => Reply::ok("OK"),
            _ if is_enrolment(ask) => Reply::ok("OK"),
            _ => Reply::taken(counted.lines),
        }
    }

    /// Notes how the terminal speaks, by what it just sent.
    fn speaks(&self, name: &str, table: Option<Table>, of_a_log: bool) {
        let mut state = self.state();
        match table {
            // Also where it was an access controller before: the same serial number may get other firmware.
            Some(Table::Attendance) => {
                state.memory.dialect = Some(Dialect::Attendance);
                state.orders.still_sending(tokio::time::Instant::now());
            }
            Some(Table::Events) if !of_a_log || name.eq_ignore_ascii_case("transaction") => {
                state.memory.dialect.get_or_insert(Dialect::Security);
            }
            _ => {}
        }
    }

    /// Nothing was taken, and people should know why.
    pub(super) fn not_taken(&self, status: u16, cause: Cause, text: Text) -> Reply {
        let why = text.en.clone();
        let now = self.port.now();
        let mut state = self.state();
        if state.troubles.happened(cause, text) {
            tracing::warn!(device = %self.device, ?cause, "an upload could not be taken: {why}");
        }
        state.live_clock.begins_anew(now.utc);
        drop(state);
        self.say_health();
        Reply::refused(status, &why)
    }

    /// `querydata`: an answer to a query of the security dialect.
    pub async fn query_data(&self, ask: &Ask) -> Reply {
        self.upload(ask).await
    }

    /// `fdata`: photos of older firmware, of which nothing is kept; and whatever else comes that way.
    pub async fn photo(&self, ask: &Ask) -> Reply {
        let body = text_of(&ask.body, Some(Table::Photos));
        let mut taken = Taken::default();
        let counted = self.read("ATTPHOTO", Some(Table::Photos), false, &body, &mut taken);
        taken.kept = counted.kept;
        self.keep("ATTPHOTO", taken, Reply::ok("OK")).await
    }

    /// Makes what was found and what is kept of the body durable; only then the reply goes out.
    pub async fn keep(&self, table: &str, mut taken: Taken, reply: Reply) -> Reply {
        let readings = taken.readings.len();
        let body = std::mem::take(&mut taken.kept);
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
                let now = self.port.now();
                self.state().live_clock.begins_anew(now.utc);
                Reply::not_recorded(&error)
            }
        }
    }

    fn options(&self, name: &str, body: &[u8], taken: &mut Taken) -> Reply {
        let counted = self.read(name, Some(Table::Options), false, body, taken);
        let text = decode(body, self.settings.charset.of(body)).replace(['\n', '\t', '\r'], ",");
        self.learn(&Fields::parse(&text, ','));
        taken.kept = if taken.readings.is_empty() { kept::of_options(body, &text) } else { counted.kept };
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

    /// A table that nobody described: its records are held, it is shown and never answered OK, so that the terminal keeps it too.
    pub(super) fn unknown(&self, table: &str, taken: &mut Taken) -> Reply {
        let table = if table.is_empty() { "(none)" } else { table };
        let mut state = self.state();
        if state.unknown_tables.len() < 16 {
            state.unknown_tables.insert(table.to_owned());
        }
        taken.stamp = None;
        taken.alerts.push((format!("table:{table}"), table_not_known(table)));
        Reply::refused(400, "this table is not known here; nothing of it counts as taken")
    }
}

/// The table of an upload by the words of its address, fit for logs.
fn table_name(ask: &Ask) -> String {
    let of = |key| ask.query.get(key).unwrap_or("");
    let name = match (of("tablename"), of("table")) {
        ("", "") if is_enrolment(ask) => of("type"),
        // So the vendor's document prints it.
        ("", table) => table.strip_prefix("tablename=").unwrap_or(table),
        (name, _) => name,
    };
    name.chars().filter(|c| c.is_ascii_graphic()).take(32).collect()
}

/// What a person just enrolled at the terminal, without a table (vendor's Security PUSH V4.8 §12.6): not used.
fn is_enrolment(ask: &Ask) -> bool {
    let kind = ask.query.get("type").unwrap_or("");
    ask.query.get("table").is_none()
        && ["BioData", "EnrollInfoData"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// The part of a body that is text: photos stand behind a NUL.
fn text_of(body: &Bytes, table: Option<Table>) -> Cow<'_, [u8]> {
    let end = match table {
        Some(Table::Photos) => body.iter().position(|byte| *byte == 0).unwrap_or(body.len()),
        _ => body.len(),
    };
    utf8(body.get(..end).unwrap_or_default())
}

/// Whether a body is packed or encrypted: by its address, its first bytes, or because it is no text.
fn is_packed(ask: &Ask, body: &[u8]) -> bool {
    const MAGIC: [&[u8]; 6] = [b"\x1F\x8B", b"PK\x03\x04", b"BZh", b"\xFD7zXZ", b"\x28\xB5\x2F\xFD", b"Rar!"];
    let said = ask
        .query
        .get("ContentType")
        .is_some_and(|kind| !kind.is_empty() && !kind.to_ascii_lowercase().contains("text"));
    let control = |byte: &&u8| (**byte < b' ' && !matches!(**byte, b'\t' | b'\r' | b'\n' | 0)) || **byte == 0x7F;
    let nul = |byte: &&u8| **byte == 0;
    let much = |count: usize, part: usize| count > 8 && count > body.len() / part;
    said || MAGIC.iter().any(|magic| body.starts_with(magic))
        || much(body.iter().filter(control).count(), 20)
        || much(body.iter().filter(nul).count(), 4)
}

/// Whether a handshake says that the terminal reads identity cards.
fn says_identity_cards(ask: &Ask) -> bool {
    ask.query.get("DeviceType").is_some_and(|kind| kind.eq_ignore_ascii_case("pid"))
}

/// The stamp of an upload, to be echoed in the next handshake.
fn stamp(ask: &Ask, table: &str) -> Option<(String, String)> {
    const TABLES: [&str; 6] = ["ATTLOG", "OPERLOG", "ATTPHOTO", "BIODATA", "IDCARD", "ERRORLOG"];
    let table = TABLES.into_iter().find(|known| known.eq_ignore_ascii_case(table))?;
    let own = format!("{table}Stamp");
    let text = ask.query.get("Stamp").or_else(|| ask.query.get("OpStamp")).or_else(|| ask.query.get(&own))?;
    handshake::stamp(text).map(|stamp| (table.to_owned(), stamp.to_owned()))
}

fn table_not_known(table: &str) -> Alert {
    let text = Text::new(
        format!(
            "the terminal sends data under a name that no document lists ({table}): it was not told OK, so it keeps them and sends them again; if they are punches, they are held here until somebody decides. Please report the model"
        ),
        format!(
            "设备上传了未知数据表（{table}）：未回复 OK，设备会保留并重发；其中像打卡的记录已暂扣待确认。请反馈型号"
        ),
    );
    Alert { kind: AlertKind::NotUnderstood, text }
}

fn lines_not_understood(table: &str) -> Alert {
    let text = Text::new(
        format!(
            "the terminal sent lines of {table} that are not understood; no time stands in them, so none is a punch: please report the model"
        ),
        format!("设备上传的 {table} 中有无法识别的行，其中没有时间，不是打卡记录：请反馈型号"),
    );
    Alert { kind: AlertKind::NotUnderstood, text }
}

/// What somebody should hear of; told once, though the terminal may send the line again.
pub(super) fn alert(operation: &Operation) -> Option<(String, Alert)> {
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
