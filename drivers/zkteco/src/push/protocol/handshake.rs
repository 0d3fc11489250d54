//! The answers that tell a terminal how to behave (facts/terminals.md B.2, B.5).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::time::zone_option;

/// The newest protocol that stays plain: 2.4.0 and up may want encryption of a closed library.
const NEWEST: (u32, u32, u32) = (2, 3, 0);

/// What holds if a terminal does not say.
const OLDEST: (u32, u32, u32) = (2, 2, 14);

/// What is said to an attendance terminal.
#[derive(Debug)]
pub struct Options<'a> {
    /// Its serial number.
    pub serial: &'a str,
    /// The last stamps that it gave, by table in upper case.
    pub stamps: &'a BTreeMap<String, String>,
    /// How long it waits after a failure.
    pub error_delay: Duration,
    /// How often it polls.
    pub delay: Duration,
    /// Minutes ahead of UTC; `None` while our clock is not trusted.
    pub zone_minutes: Option<i32>,
    /// The protocol version that it offers.
    pub version: Option<&'a str>,
}

impl Options<'_> {
    /// The answer to `options=all`.
    pub fn answer(&self) -> String {
        let mut text = format!("GET OPTION FROM: {}\n", self.serial);
        let mut say = |key: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{key}={value}");
        };
        for table in ["ATTLOG", "OPERLOG", "ATTPHOTO", "BIODATA", "IDCARD", "ERRORLOG"] {
            say(&format!("{table}Stamp"), self.stamp(table));
        }
        if self.version.is_none() {
            say("Stamp", self.stamp("ATTLOG"));
            say("OpStamp", self.stamp("OPERLOG"));
            say("PhotoStamp", self.stamp("ATTPHOTO"));
        }
        say("ErrorDelay", &self.error_delay.as_secs().to_string());
        say("Delay", &self.delay.as_secs().to_string());
        say("TransTimes", "00:00;12:00");
        say("TransInterval", "1");
        // Punches, operations and users: no photos, no templates.
        match self.version {
            Some(_) => say("TransFlag", "TransData AttLog\tOpLog\tEnrollUser\tChgUser"),
            None => say("TransFlag", "110010100000"),
        }
        if let Some(minutes) = self.zone_minutes {
            say("TimeZone", &zone_option(minutes));
        }
        say("Realtime", "1");
        say("Encrypt", "0");
        let version = agreed(self.version);
        say("ServerVer", &version);
        say("PushProtVer", &version);
        text
    }

    /// Never 0, which means "send everything again" at every handshake.
    fn stamp(&self, table: &str) -> &str {
        self.stamps.get(table).map_or("None", String::as_str)
    }
}

/// A stamp that may be given back: short, plain, not zero.
pub fn stamp(text: &str) -> Option<&str> {
    let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (fits && !text.trim_matches('0').is_empty()).then_some(text)
}

/// The lower of what the terminal offers and what stays plain.
pub fn agreed(offered: Option<&str>) -> String {
    let (major, minor, patch) = offered.map_or(OLDEST, |text| version(text).unwrap_or(OLDEST)).min(NEWEST);
    format!("{major}.{minor}.{patch}")
}

fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.trim().split('.').map(|part| part.parse::<u32>().ok());
    Some((parts.next()??, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)))
}

/// What is said to an access controller.
#[derive(Debug)]
pub struct DoorOptions<'a> {
    /// The code of its registration; in the answer to a known one only.
    pub registry_code: Option<&'a str>,
    /// The version that it said.
    pub version: &'a str,
    /// How long it waits after a failure.
    pub error_delay: Duration,
    /// How often it polls.
    pub delay: Duration,
    /// The mark of this run.
    pub session: &'a str,
}

impl DoorOptions<'_> {
    /// The answer to `/iclock/push`, or to the handshake of a known terminal.
    pub fn answer(&self) -> String {
        let mut text = String::new();
        if let Some(code) = self.registry_code {
            text.push_str(&format!("registry=ok\nRegistryCode={code}\n"));
        }
        let (version, session) = (self.version, self.session);
        let (error_delay, delay) = (self.error_delay.as_secs(), self.delay.as_secs());
        text.push_str(&format!(
            "ServerVersion={version}\nServerName=punchd\nPushVersion={version}\nErrorDelay={error_delay}\n\
             RequestDelay={delay}\nTransTimes=00:00;12:00\nTransInterval=1\nTransTables=User Transaction\nRealtime=1\n\
             SessionID={session}\nTimeoutSec=10\n"
        ));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(version: Option<&str>, zone_minutes: Option<i32>) -> String {
        let stamps = BTreeMap::from([("ATTLOG".to_owned(), "82983982".to_owned())]);
        let (error_delay, delay) = (Duration::from_secs(30), Duration::from_secs(10));
        Options { serial: "X1", stamps: &stamps, error_delay, delay, zone_minutes, version }.answer()
    }

    #[test]
    fn a_terminal_gets_its_stamp_back_its_zone_and_a_plain_version() {
        let text = answer(Some("2.4.1"), Some(480));
        assert!(text.starts_with("GET OPTION FROM: X1\nATTLOGStamp=82983982\nOPERLOGStamp=None\n"), "{text}");
        for line in ["TimeZone=8", "Realtime=1", "Encrypt=0", "PushProtVer=2.3.0", "Delay=10", "ErrorDelay=30"] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(answer(None, None).contains("PushProtVer=2.2.14\n"));
        assert!(!answer(None, None).contains("TimeZone"));
        assert_eq!(agreed(Some("2.2.8")), "2.2.8");
        assert_eq!(agreed(Some("x")), "2.2.14");
    }

    #[test]
    fn a_stamp_of_zero_is_never_given_back() {
        assert_eq!(stamp("0"), None);
        assert_eq!(stamp("000"), None);
        assert_eq!(stamp("9999"), Some("9999"));
        assert_eq!(stamp("1\nShell"), None);
    }
}
