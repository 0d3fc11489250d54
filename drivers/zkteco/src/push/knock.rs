//! Who knocks and is not let in: each refusal leaves a trace that an operator sees, bounded so that a flood fills nothing.

use std::net::IpAddr;
use std::time::Duration;

use punchd_contract::{SerialNumber, Stranger, Text};
use tokio::time::Instant;

use super::KIND;
use super::driver::House;
use super::reply::{Ask, Reply, Verb};
use super::security;
use super::trouble::{self, Cause};

/// How often one stranger is reported.
const STRANGER_EVERY: Duration = Duration::from_secs(60);

/// How many strangers are remembered at once; more are turned away unreported until one is forgotten.
const MOST_STRANGERS: usize = 64;

/// How many kinds of trouble of one stranger are reported in that time.
const MOST_TROUBLES: usize = 4;

impl House {
    /// Refuses what cannot be a request of the protocol, whoever it is from. `None`: it can.
    pub(super) fn odd(&self, ask: &Ask) -> Option<Reply> {
        let (status, cause, text) = match (ask.door, ask.verb) {
            (_, Verb::Other) => (405, Cause::Method, method(ask)),
            (None, _) => (404, Cause::Path, trouble::path(&trouble::shown_path(&ask.path))),
            _ => return None,
        };
        self.refused(ask, cause, text.clone());
        Some(Reply::refused(status, &text.en))
    }

    /// Somebody without a serial number that could be one.
    pub(super) fn unnamed(&self, ask: &Ask) -> Reply {
        let text = match ask.query.get("SN").map(str::trim) {
            None | Some("") => Text::new(
                "it gives no serial number (SN), so it cannot be told from others: set one in its menu or update its firmware",
                "设备未给出序列号（SN），无法识别：请在设备上设置序列号或升级固件",
            ),
            Some(_) => Text::new(
                "its serial number has characters that no serial number has, or is too long: look at its menu, and at what stands between",
                "设备给出的序列号含有非法字符或过长：请检查设备菜单及中间的代理",
            ),
        };
        self.meet(None, ask.peer, String::new(), Some(text));
        Reply::refused(400, "a serial number (SN) is missing or is none")
    }

    /// A refusal before the request was read to its end.
    pub(super) fn refused(&self, ask: &Ask, cause: Cause, text: Text) {
        match self.terminal(ask) {
            Some(terminal) if terminal.settings.source.is_none_or(|source| source == ask.peer) => {
                terminal.not_taken(400, cause, text);
            }
            _ => self.meet(ask.serial(), ask.peer, dialect(ask), Some(text)),
        }
    }

    /// Bytes that are no HTTP.
    pub(super) fn no_http(&self, peer: IpAddr) {
        let text = Text::new(
            "it sends something that is not HTTP: if it is a terminal, switch HTTPS and encryption off in its cloud server menu",
            "收到的不是 HTTP 请求：若为考勤机，请在云服务器菜单中关闭 HTTPS 和加密",
        );
        self.meet(None, peer, String::new(), Some(text));
    }

    /// A terminal that nobody has approved.
    pub(super) fn unapproved(&self, serial: SerialNumber, ask: &Ask) {
        self.meet(Some(serial), ask.peer, dialect(ask), None);
    }

    /// Shows a stranger to the operator, now and then.
    fn meet(&self, serial: Option<SerialNumber>, peer: IpAddr, detail: String, trouble: Option<Text>) {
        let address = peer.to_string();
        let name = serial.as_ref().map_or_else(|| format!("@{address}"), |serial| serial.to_string());
        let mut strangers = self.strangers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        strangers.retain(|_, (at, _)| at.elapsed() < STRANGER_EVERY);
        let is_full = strangers.len() >= MOST_STRANGERS && !strangers.contains_key(&name);
        if is_full {
            return;
        }
        let (_, told) = strangers.entry(name).or_insert_with(|| (Instant::now(), Vec::new()));
        // The same again is not news; another trouble of the same one is, a few times.
        if told.contains(&trouble) || told.len() >= MOST_TROUBLES {
            return;
        }
        told.push(trouble.clone());
        drop(strangers);
        tracing::info!(serial = serial.as_ref().map(SerialNumber::as_str), %peer, "an unknown terminal wants in");
        self.port.stranger(Stranger { kind: KIND, serial, address, detail, trouble });
    }
}

fn dialect(ask: &Ask) -> String {
    let version = ask.query.get("pushver").unwrap_or("").chars().filter(char::is_ascii_graphic).take(24);
    let dialect = match security::said(ask) {
        Some(super::memory::Dialect::Security) => "security push",
        _ => "attendance push",
    };
    format!("{dialect} {}", version.collect::<String>()).trim().to_owned()
}

fn method(ask: &Ask) -> Text {
    let path = trouble::shown_path(&ask.path);
    Text::new(
        format!(
            "it uses a method other than GET and POST for {path}: it is no terminal of this kind, or something between changes it"
        ),
        format!("对 {path} 使用了 GET、POST 以外的方法：可能不是此类设备，或被中间的代理改写"),
    )
}
