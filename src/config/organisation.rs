//! `[[organisation]]`: the WeCom corps that the gateway serves, strictly apart.

use std::time::Duration;

use punchd_contract::{Default, Shape};

use super::check::{Check, More, Section};
use super::declared::{Block, Declared, Form};
use super::names::OrganisationName;
use super::nearest::nearest;
use super::shape::meant;
use super::source::Place;
use super::tree::Table;

/// `[[organisation]]`.
pub static ORGANISATION: Block = Block {
    name: "organisation",
    repeated: true,
    en: "A WeCom corp with its app and its people. If there is no such block, there is one organisation called \"main\".",
    zh: "一个企业（企业微信主体）及其应用和人员。未写此段时只有一个名为 \"main\" 的企业。",
    settings: &[
        Declared {
            key: "name",
            form: Form::Shape(Shape::Text),
            default: Default::Required,
            en: "its name here: 1–40 of letters, digits, - _ .",
            zh: "在本配置中的名称：1–40 个字母、数字、- _ .",
        },
        Declared {
            key: "merge_window",
            form: Form::Shape(Shape::Duration(0, 12 * 3_600)),
            default: Default::Absent,
            en: "its own merge window; absent: that of [attendance]",
            zh: "该企业单独的合并时间；不设则用 [attendance] 的值",
        },
    ],
};

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its name.
    pub name: OrganisationName,
    /// Readings within it are merged into the punch before them.
    pub merge_window: Duration,
}

/// The organisations, with the places where they were written.
#[derive(Default)]
pub(super) struct Organisations {
    pub(super) list: Vec<(Place, Organisation)>,
    /// One could not be read, so a name that is not in the list may still be right.
    pub(super) incomplete: bool,
}

pub(super) fn organisations(check: &mut Check<'_>, tables: &[&Table], merge_window: Duration) -> Organisations {
    let mut found = Organisations::default();
    for table in tables {
        let section = check.section(table, "[[organisation]]", ORGANISATION.settings, More::Of(&[]));
        match name_of(check, &section) {
            Some(name) => {
                let merge_window = section.duration("merge_window").unwrap_or(merge_window);
                found.list.push((section.place("name"), Organisation { name, merge_window }));
            }
            None => found.incomplete = true,
        }
    }
    if tables.is_empty() {
        let at = Place { file: 0, offset: 0 };
        found.list.push((at, Organisation { name: OrganisationName::main(), merge_window }));
    }
    found
}

fn name_of(check: &mut Check<'_>, section: &Section) -> Option<OrganisationName> {
    let name = OrganisationName::new(section.text("name")?);
    if name.is_err() {
        check.findings.mistake(
            section.place("name"),
            "an organisation's `name` has 1 to 40 of the characters a-z A-Z 0-9 - _ ., such as \"acme\"",
            "企业的 `name` 应为 1–40 个 a-z A-Z 0-9 - _ . 字符，如 \"acme\"",
        );
    }
    name.ok()
}

impl Organisations {
    /// The organisation of this name, or a mistake that names the nearest.
    pub(super) fn find(&self, check: &mut Check<'_>, at: Place, name: &str) -> Option<OrganisationName> {
        let found = self.list.iter().find(|(_, known)| known.name.as_str() == name);
        if found.is_none() && !self.incomplete {
            let (en, zh) = meant(nearest(name, self.names()));
            let known = self.names().collect::<Vec<_>>().join(", ");
            check.findings.missing(
                at,
                format!("no organisation is called {name:?}{en}; there is: {known}. Add [[organisation]] name = {name:?} or correct the name"),
                format!("没有名为 {name:?} 的企业{zh}；现有：{known}。请添加 [[organisation]] name = {name:?} 或改正名称"),
            );
        }
        found.map(|(_, known)| known.name.clone())
    }

    /// The one that holds if none is named: the only one.
    pub(super) fn only(&self) -> Option<OrganisationName> {
        match self.list.as_slice() {
            [(_, only)] if !self.incomplete => Some(only.name.clone()),
            _ => None,
        }
    }

    /// The organisation that a block names with `organisation =`, or the only one.
    pub(super) fn of(&self, check: &mut Check<'_>, section: &Section, title: &str) -> Option<OrganisationName> {
        if let Some(name) = section.text("organisation") {
            return self.find(check, section.place("organisation"), name);
        }
        if self.only().is_none() && !section.is_written("organisation") {
            let known = self.names().collect::<Vec<_>>().join(", ");
            check.findings.missing(
                section.at,
                format!("{title} needs `organisation`, because there are several: one of {known}"),
                format!("有多个企业，{title} 需要写明 `organisation`：{known} 之一"),
            );
        }
        self.only()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(_, known)| known.name.as_str())
    }
}
