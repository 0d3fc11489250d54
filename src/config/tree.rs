//! The written configuration as one tree: every file parsed, then joined, with the place of every key and value.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::Findings;
use super::source::{Place, Sources};

/// A table with its entries in the order in which they were written.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) at: Place,
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Place,
    pub(super) node: Node,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) raw: Raw,
}

#[derive(Clone, Debug)]
pub(super) enum Raw {
    Text(String),
    /// `None`: too large for 64 bits.
    Integer(Option<i64>),
    Float(Option<f64>),
    Boolean(bool),
    Datetime(toml::value::Datetime),
    Array(Vec<Node>),
    Table(Table),
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Raw {
    /// What it is, in both languages.
    pub(super) fn called(&self) -> (&'static str, &'static str) {
        match self {
            Self::Text(_) => ("a text", "文本"),
            Self::Integer(_) => ("a whole number", "整数"),
            Self::Float(_) => ("a decimal number", "小数"),
            Self::Boolean(_) => ("true or false", "布尔值"),
            Self::Datetime(_) => ("a date or time", "日期或时间"),
            Self::Array(_) => ("a list", "列表"),
            Self::Table(_) => ("a table", "表"),
        }
    }
}

/// Parses every file and joins them: lists of tables are appended, tables are joined key by key, and the same key twice is
/// a mistake that names both places.
pub(super) fn read(sources: &Sources, findings: &mut Findings) -> Table {
    let mut whole = Table { at: sources.start(), entries: Vec::new() };
    for (file, text) in sources.texts() {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut last_line = None;
        for error in errors {
            findings.broken();
            let offset = error.span().map_or(text.len(), |span| span.start.min(text.len()));
            let at = Place { file, offset };
            // What follows a broken spot in the same line is mostly its consequence.
            let line = sources.spot(at).line;
            if last_line.replace(line) == Some(line) {
                continue;
            }
            let message = error.message().trim();
            findings.mistake(
                at,
                format!("is not TOML here: {message}. A setting is written key = \"text\", key = 5 or key = true"),
                format!("这里不符合 TOML 语法：{message}。正确写法如 key = \"text\"、key = 5 或 key = true"),
            );
        }
        let table = own_table(file, Place { file, offset: 0 }, table.into_inner());
        join(&mut whole, table, sources, findings);
    }
    whole
}

fn join(whole: &mut Table, part: Table, sources: &Sources, findings: &mut Findings) {
    for entry in part.entries {
        let Some(earlier) = whole.entries.iter_mut().find(|known| known.key == entry.key) else {
            whole.entries.push(entry);
            continue;
        };
        match (&mut earlier.node.raw, entry.node.raw) {
            (Raw::Table(known), Raw::Table(more)) => join(known, more, sources, findings),
            (Raw::Array(known), Raw::Array(more)) if all_tables(known) && all_tables(&more) => known.extend(more),
            _ => {
                let first = sources.spot(earlier.at);
                findings.mistake(
                    entry.at,
                    format!("`{}` is set a second time; the first is in {first}: keep one of them", entry.key),
                    format!("`{}` 重复设置，第一处在 {first}：请只保留一处", entry.key),
                );
            }
        }
    }
}

fn all_tables(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| matches!(node.raw, Raw::Table(_)))
}

fn own_table(file: usize, at: Place, table: DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| Entry {
            at: Place { file, offset: key.span().start },
            key: key.into_inner().into_owned(),
            node: own(file, value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.at);
    Table { at, entries }
}

fn own(file: usize, value: Spanned<DeValue<'_>>) -> Node {
    let at = Place { file, offset: value.span().start };
    let raw = match value.into_inner() {
        DeValue::String(text) => Raw::Text(text.into_owned()),
        DeValue::Integer(number) => Raw::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Raw::Float(number.as_str().parse().ok()),
        DeValue::Boolean(truth) => Raw::Boolean(truth),
        DeValue::Datetime(moment) => Raw::Datetime(moment),
        DeValue::Array(values) => Raw::Array(values.into_iter().map(|value| own(file, value)).collect()),
        DeValue::Table(table) => Raw::Table(own_table(file, at, table)),
    };
    Node { at, raw }
}

/// One value, as it would stand behind a key.
pub(super) fn parse_value(text: &str) -> Option<Raw> {
    DeValue::parse(text).ok().map(|value| own(0, value).raw)
}
