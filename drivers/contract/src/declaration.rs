//! How a driver declares itself, once: the config check, the reference, the completions and `punchd devices kinds` are made
//! from this.

/// What a kind of device is and what can be set about it.
#[derive(Debug)]
pub struct Declaration {
    /// The word after `kind =`, such as `zkteco-pull`.
    pub kind: &'static str,
    /// What it is for, in one line: English.
    pub en: &'static str,
    /// 中文.
    pub zh: &'static str,
    /// A network terminal (keeps its own log) or a local reader (keeps nothing).
    pub keeps_log: bool,
    /// What it can be asked to do.
    pub abilities: &'static [Ability],
    /// Its settings, in the order in which a person would write them.
    pub settings: &'static [Setting],
}

/// What a device can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Beep or blink.
    Identify,
    /// Take the gateway's time.
    SetClock,
    /// Read its whole log again.
    ReadLog,
    /// Fetch and count a period.
    Reconcile,
    /// Open a door.
    Unlock,
    /// Store and remove people.
    People,
    /// Store faces.
    Faces,
    /// Enrol, store and remove fingers.
    Fingers,
}

/// One setting of a kind.
#[derive(Debug)]
pub struct Setting {
    /// The key in `punchd.toml`.
    pub key: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// What holds if it is absent.
    pub default: Default,
    /// What it does: English.
    pub en: &'static str,
    /// 中文.
    pub zh: &'static str,
}

/// What may stand behind a setting's key.
#[derive(Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from … to ….
    Integer(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// A length of time such as `"90s"`, `"5m"`, `"24h"`, `"7d"`; from … to … seconds.
    Duration(u64, u64),
    /// A line to a device: `/dev/…`, `tcp://host:port`, `ble://address-or-name`.
    Line,
    /// `host`, `host:port`, `ip:port`; the port that holds if none is given.
    Endpoint(u16),
    /// A list of texts.
    Texts,
    /// A list of whole numbers, each from … to ….
    Integers(i64, i64),
    /// `{ file = "…" }`, `{ env = "…" }` or `{ credential = "…" }`; never the secret itself.
    Secret,
}

/// What holds if a setting is absent.
#[derive(Debug)]
pub enum Default {
    /// It must be given.
    Required,
    /// Nothing.
    Absent,
    /// This, written as in the file.
    Is(&'static str),
}
