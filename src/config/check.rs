//! One section or block against what is declared about it: unknown keys, missing ones, wrong values, defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use punchd_contract::{Default, Setting, Shape, Value, Values};

use super::declared::Declared;
use super::destination::History;
use super::findings::Findings;
use super::nearest::nearest;
use super::secrets::{self, Need, SecretOrigin, Surroundings};
use super::service::Service;
use super::shape::{self, Checked};
use super::source::Place;
use super::tree::{Node, Raw, Table};
use super::zone::Zone;

/// What a check needs to know and what it has found.
pub(super) struct Check<'c> {
    pub(super) findings: Findings,
    pub(super) surroundings: &'c Surroundings<'c>,
    pub(super) secrets: Need,
    /// The service that is to use the configuration, where somebody else checks it.
    pub(super) service: Option<&'c Service>,
    /// The folder of the main file, absolute.
    pub(super) folder: PathBuf,
}

/// The settings that a block has besides its own.
#[derive(Clone, Copy)]
pub(super) enum More {
    /// Those of its kind.
    Of(&'static [Setting]),
    /// The kind is not known, so any key may be right.
    Unknown,
}

/// A section after the check. A key whose value was wrong is *written* but has no value.
pub(super) struct Section {
    pub(super) at: Place,
    written: BTreeMap<String, Place>,
    own: BTreeMap<&'static str, Checked>,
    /// The values of the block's kind.
    pub(super) kind: Values,
    pub(super) secrets: Vec<SecretOrigin>,
}

impl Check<'_> {
    /// A path of the file: relative ones start at the file's folder.
    pub(super) fn path(&self, written: &str) -> PathBuf {
        self.folder.join(Path::new(written))
    }

    /// Checks a table. `title` is how a person would call it, such as `[[device]] "gate-1"`.
    pub(super) fn section(&mut self, table: &Table, title: &str, own: &'static [Declared], more: More) -> Section {
        let kind: &'static [Setting] = match more {
            More::Of(settings) => settings,
            More::Unknown => &[],
        };
        let mut section = Section {
            at: table.at,
            written: table.entries.iter().map(|entry| (entry.key.clone(), entry.at)).collect(),
            own: BTreeMap::new(),
            kind: Values::new(),
            secrets: Vec::new(),
        };
        self.unknown_keys(table, title, own, kind, more);
        for declared in own {
            if let Some(checked) = self.own_value(table, title, declared, &mut section.secrets) {
                section.own.insert(declared.key, checked);
            }
        }
        for setting in kind {
            if let Some(value) = self.kind_value(table, title, setting, &mut section.secrets) {
                section.kind = std::mem::take(&mut section.kind).with(setting.key, value);
            }
        }
        section
    }

    fn unknown_keys(&mut self, table: &Table, title: &str, own: &[Declared], kind: &[Setting], more: More) {
        if matches!(more, More::Unknown) {
            return;
        }
        let known = || own.iter().map(|declared| declared.key).chain(kind.iter().map(|setting| setting.key));
        for entry in &table.entries {
            if !known().any(|key| key == entry.key) {
                self.unknown_key(entry.at, title, &entry.key, nearest(&entry.key, known()));
            }
        }
    }

    pub(super) fn unknown_key(&mut self, at: Place, title: &str, key: &str, near: Option<&str>) {
        let shown: String = key.chars().take(60).collect();
        let (en, zh) = match near {
            Some(near) => (format!("did you mean `{near}`?"), format!("是不是 `{near}`？")),
            None => (
                "remove it, or see the list of settings in docs/config.md".to_owned(),
                "请删去，或查看 docs/config.md 中的设置列表".to_owned(),
            ),
        };
        self.findings.mistake(
            at,
            format!("{title} has no setting `{shown}`: {en}"),
            format!("{title} 没有 `{shown}` 这一项：{zh}"),
        );
    }

    fn own_value(
        &mut self,
        table: &Table,
        title: &str,
        declared: &'static Declared,
        secrets: &mut Vec<SecretOrigin>,
    ) -> Option<Checked> {
        match (table.get(declared.key), &declared.default) {
            (Some(entry), _) => match &declared.form {
                super::declared::Form::Shape(Shape::Secret) => {
                    self.secret(declared.key, &entry.node, secrets).map(Checked::Value)
                }
                form => shape::form(self, declared.key, form, &entry.node),
            },
            (None, Default::Required) => {
                let right = shape::right_form(&declared.form);
                self.required(table.at, title, declared.key, declared.en, declared.zh, right);
                None
            }
            (None, Default::Absent) => None,
            (None, Default::Is(written)) => {
                self.default(table.at, written, |check, node| shape::form(check, declared.key, &declared.form, node))
            }
        }
    }

    fn kind_value(
        &mut self,
        table: &Table,
        title: &str,
        setting: &'static Setting,
        secrets: &mut Vec<SecretOrigin>,
    ) -> Option<Value> {
        match (table.get(setting.key), &setting.default) {
            (Some(entry), _) => match setting.shape {
                Shape::Secret => self.secret(setting.key, &entry.node, secrets),
                _ => shape::value(self, setting.key, &setting.shape, &entry.node),
            },
            (None, Default::Required) => {
                let right = shape::right(&setting.shape);
                self.required(table.at, title, setting.key, setting.en, setting.zh, right);
                None
            }
            (None, Default::Absent) => None,
            // A secret that a terminal has from the factory (such as the comm key 0) may stand in a declaration.
            (None, Default::Is(written)) if matches!(setting.shape, Shape::Secret) => {
                Some(Value::Secret(punchd_contract::Secret::new(written.trim_matches('"'))))
            }
            (None, Default::Is(written)) => {
                self.default(table.at, written, |check, node| shape::value(check, setting.key, &setting.shape, node))
            }
        }
    }

    fn secret(&mut self, key: &'static str, node: &Node, secrets: &mut Vec<SecretOrigin>) -> Option<Value> {
        let (secret, source) = secrets::fetch(self, key, node)?;
        secrets.push(SecretOrigin { key, source });
        Some(Value::Secret(secret))
    }

    fn required(&mut self, at: Place, title: &str, key: &str, en: &str, zh: &str, right: (String, String)) {
        self.findings.missing(
            at,
            format!("{title} needs `{key}` ({en}): {}", right.0),
            format!("{title} 缺少 `{key}`（{zh}）：{}", right.1),
        );
    }

    /// A declared default, written as in the file; texts may leave the quotes out.
    fn default<T>(&mut self, at: Place, written: &str, read: impl Fn(&mut Self, &Node) -> Option<T>) -> Option<T> {
        let mistakes = self.findings.mistakes.len();
        for raw in [super::tree::parse_value(written), Some(Raw::Text(written.to_owned()))].into_iter().flatten() {
            let value = read(self, &Node { at, raw });
            if value.is_some() {
                self.findings.mistakes.truncate(mistakes);
                return value;
            }
        }
        // Only a wrong declaration comes here; the mistakes that `read` left say which.
        None
    }
}

impl Section {
    /// Whether the key stands in the file, right or wrong.
    pub(super) fn is_written(&self, key: &str) -> bool {
        self.written.contains_key(key)
    }

    /// The place of a key, or of the section if the key is not there.
    pub(super) fn place(&self, key: &str) -> Place {
        self.written.get(key).copied().unwrap_or(self.at)
    }

    fn value(&self, key: &str) -> Option<&Value> {
        match self.own.get(key) {
            Some(Checked::Value(value)) => Some(value),
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn texts(&self, key: &str) -> Option<&[String]> {
        match self.value(key) {
            Some(Value::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        match self.value(key) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        match self.value(key) {
            Some(Value::Duration(length)) => Some(*length),
            _ => None,
        }
    }

    pub(super) fn zone(&self, key: &str) -> Option<&Zone> {
        match self.own.get(key) {
            Some(Checked::Zone(zone)) => Some(zone),
            _ => None,
        }
    }

    pub(super) fn date(&self, key: &str) -> Option<jiff::civil::Date> {
        match self.own.get(key) {
            Some(Checked::Date(date)) => Some(*date),
            _ => None,
        }
    }

    pub(super) fn history(&self, key: &str) -> Option<History> {
        match self.own.get(key) {
            Some(Checked::History(history)) => Some(*history),
            _ => None,
        }
    }

    pub(super) fn degrees(&self, key: &str) -> Option<f64> {
        match self.own.get(key) {
            Some(Checked::Degrees(degrees)) => Some(*degrees),
            _ => None,
        }
    }
}
