//! How the sections of `punchd.toml` declare their settings; the check and the reference are made from it.

use punchd_contract::{Default, Shape};

/// A section of the file.
#[derive(Debug)]
pub struct Block {
    /// The name in brackets.
    pub name: &'static str,
    /// `[[name]]`, any number of times, instead of `[name]`, once.
    pub repeated: bool,
    /// What it is for: English.
    pub en: &'static str,
    /// 中文.
    pub zh: &'static str,
    /// Its settings, in the order in which a person would write them.
    pub settings: &'static [Declared],
}

/// One setting of a section.
#[derive(Debug)]
pub struct Declared {
    /// The key.
    pub key: &'static str,
    /// What may stand there.
    pub form: Form,
    /// What holds if it is absent.
    pub default: Default,
    /// What it does: English.
    pub en: &'static str,
    /// 中文.
    pub zh: &'static str,
}

/// What may stand behind a key of our own: what drivers may ask for, and a few things that only punchd knows.
#[derive(Debug)]
pub enum Form {
    /// As drivers declare it.
    Shape(Shape),
    /// A time zone of the bundled database.
    Zone,
    /// A day, unquoted.
    Date,
    /// "none", "all" or a day, unquoted.
    History,
    /// Degrees from minus this to this.
    Degrees(u8),
}
