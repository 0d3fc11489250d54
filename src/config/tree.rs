//! The written configuration as one tree: every file parsed, then joined, with the place of every key and value.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::findings::Findings;
use super::source::{Place, Sources};
use super::syntax::{self, Broken, line_around};

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
pub(super) fn read(sources: &Sources, repeated: &[&str], findings: &mut Findings) -> Table {
    let mut whole = Table { at: sources.start(), entries: Vec::new() };
    for source in sources.texts() {
        let (table, errors) = DeTable::parse_recoverable(source.text);
        let mut lost = Vec::new();
        // What follows a broken spot in the same line is mostly its consequence.
        let mut first_of_line = BTreeMap::new();
        for error in errors {
            findings.broken();
            let offset = error.span().map_or(source.text.len(), |span| span.start.min(source.text.len()));
            let line = line_around(source.text, offset);
            lost.push(lost_section(source.text, line.start).unwrap_or(line.clone()));
            // So is what the parser says about the end of a file that was cut.
            if !(source.cut && offset >= source.text.len()) {
                first_of_line.entry(line.start).or_insert((offset, error));
            }
        }
        for (offset, error) in first_of_line.into_values() {
            let Broken { offset, text } = syntax::explain(source.text, offset, error.message(), repeated);
            findings.mistake(Place { file: source.file, offset }, text.en, text.zh);
        }
        let file = File { number: source.file, lost };
        join(&mut whole, file.table(Place { file: source.file, offset: 0 }, table.into_inner()), sources, findings);
    }
    whole
}

/// The lines that belong to a section whose heading is broken: they would be taken for settings of another one.
fn lost_section(text: &str, line: usize) -> Option<Range<usize>> {
    let heading = text.get(line..)?;
    if !heading.trim_start().starts_with('[') {
        return None;
    }
    let end = heading.match_indices("\n[").next().map_or(text.len(), |(at, _)| line + at + 1);
    Some(line..end)
}

fn join(whole: &mut Table, part: Table, sources: &Sources, findings: &mut Findings) {
    let mut known: HashMap<String, usize> =
        whole.entries.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
    for entry in part.entries {
        let Some(earlier) = known.get(&entry.key).and_then(|at| whole.entries.get_mut(*at)) else {
            known.insert(entry.key.clone(), whole.entries.len());
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

/// A file whose parsed values become ours.
struct File {
    number: usize,
    /// What is not to be looked at.
    lost: Vec<Range<usize>>,
}

impl File {
    fn table(&self, at: Place, table: DeTable<'_>) -> Table {
        let kept = |at: usize| !self.lost.iter().any(|lost| lost.contains(&at));
        let mut entries: Vec<Entry> = table
            .into_iter()
            .filter(|(key, _)| kept(key.span().start))
            .map(|(key, value)| Entry {
                at: Place { file: self.number, offset: key.span().start },
                key: key.into_inner().into_owned(),
                node: self.node(value),
            })
            .collect();
        entries.sort_by_key(|entry| entry.at);
        Table { at, entries }
    }

    fn node(&self, value: Spanned<DeValue<'_>>) -> Node {
        let at = Place { file: self.number, offset: value.span().start };
        let raw = match value.into_inner() {
            DeValue::String(text) => Raw::Text(text.into_owned()),
            DeValue::Integer(number) => Raw::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Float(number) => Raw::Float(number.as_str().parse().ok()),
            DeValue::Boolean(truth) => Raw::Boolean(truth),
            DeValue::Datetime(moment) => Raw::Datetime(moment),
            DeValue::Array(values) => Raw::Array(values.into_iter().map(|value| self.node(value)).collect()),
            DeValue::Table(table) => Raw::Table(self.table(at, table)),
        };
        Node { at, raw }
    }
}

/// One value, as it would stand behind a key.
pub(super) fn parse_value(text: &str) -> Option<Raw> {
    DeValue::parse(text).ok().map(|value| File { number: 0, lost: Vec::new() }.node(value).raw)
}
