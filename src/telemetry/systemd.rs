//! What systemd is told over `$NOTIFY_SOCKET`: ready, how things are, that we live, that we reload or stop.
//!
//! The protocol is datagrams of `NAME=value` lines (sd_notify(3)). Without the variable nothing is told and nothing fails.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How long a message may wait for systemd to make room.
const WAITS: Duration = Duration::from_millis(500);

/// The way to systemd.
#[derive(Debug)]
pub struct Systemd {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// As the environment of this process says.
    pub fn of_this_process() -> Self {
        let variable = |name: &str| std::env::var_os(name);
        Self::from_variables(&variable, std::process::id())
    }

    /// As these variables say, for the process with this number.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>, process: u32) -> Self {
        let to = variable("NOTIFY_SOCKET").and_then(|name| match open(&name) {
            Ok(to) => Some(to),
            Err(error) => {
                tracing::warn!(%error, "systemd cannot be told anything: NOTIFY_SOCKET cannot be used");
                None
            }
        });
        let number = |name: &str| variable(name)?.to_str()?.parse::<u64>().ok();
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| meant && *usec > 0).map(Duration::from_micros);
        Self { to, watchdog }
    }

    /// How long systemd waits between two signs of life before it kills; `None` if it does not watch.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog.filter(|_| self.to.is_some())
    }

    /// Everything runs.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// How things are, in a line.
    pub fn status(&self, status: &str) {
        self.tell(&format!("STATUS={}", one_line(status)));
    }

    /// The journal's writer and the runtime have made progress.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// The configuration is read again; `ready` follows.
    pub fn reloading(&self) {
        self.tell("RELOADING=1\nSTATUS=Reading the configuration again");
    }

    /// We stop in order.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Stopping");
    }

    /// Starting or stopping goes on for up to this long from now.
    pub fn takes_longer(&self, by: Duration) {
        self.tell(&format!("EXTEND_TIMEOUT_USEC={}", by.as_micros()));
    }

    fn tell(&self, message: &str) {
        let Some((from, to)) = &self.to else { return };
        if let Err(error) = from.send_to_addr(message.as_bytes(), to) {
            tracing::debug!(%error, "systemd could not be told");
        }
    }
}

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let to = match name.as_bytes().split_first() {
        Some((b'@', rest)) => SocketAddr::from_abstract_name(rest)?,
        Some((b'/', _)) => SocketAddr::from_pathname(name)?,
        _ => return Err(io::Error::other("neither a path nor an abstract name")),
    };
    let from = UnixDatagram::unbound()?;
    from.set_write_timeout(Some(WAITS))?;
    Ok((from, to))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn systemd(socket: &str, more: &[(&str, &str)]) -> Systemd {
        let socket = OsString::from(socket);
        let more: Vec<(String, OsString)> = more.iter().map(|(n, v)| ((*n).to_owned(), v.into())).collect();
        let variable = |name: &str| match name {
            "NOTIFY_SOCKET" => Some(socket.clone()),
            other => more.iter().find(|(known, _)| known == other).map(|(_, value)| value.clone()),
        };
        Systemd::from_variables(&variable, 77)
    }

    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 512];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn an_abstract_socket_and_a_path_are_told_alike() {
        let name = format!("punchd-test-{}", std::process::id());
        let listener = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        systemd(&format!("@{name}"), &[]).ready("all\nwell");
        assert_eq!(received(&listener), "READY=1\nSTATUS=all well");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        systemd(path.to_str().unwrap(), &[]).alive();
        assert_eq!(received(&listener), "WATCHDOG=1");
    }

    #[test]
    fn the_watchdog_is_that_of_this_process_alone() {
        let watch =
            |pid: &'static str| systemd("@x", &[("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", pid)]).watchdog();
        assert_eq!(watch("77"), Some(Duration::from_secs(30)));
        assert_eq!(watch("78"), None);
        assert_eq!(systemd("@x", &[("WATCHDOG_USEC", "0")]).watchdog(), None);
    }

    #[test]
    fn a_socket_that_makes_no_sense_is_not_used() {
        assert!(systemd("relative", &[]).to.is_none());
        assert!(systemd("", &[]).to.is_none());
    }
}
