//! `[[person]]` and `[people]`: who presents what, as far as it stands in the configuration.

use std::collections::HashMap;
use std::path::PathBuf;

use punchd_contract::{Default, Shape};

use super::check::{Check, More};
use super::declared::{Block, Declared, Form};
use super::names::OrganisationName;
use super::organisation::Organisations;
use super::source::{Place, Sources};
use super::tree::Table;
use crate::attendance::UserId;
use crate::attendance::people::{Contains, Part};
use crate::attendance::roster_csv::{CardNumber, NotACard};

/// `[[person]]`.
pub static PERSON: Block = Block {
    name: "person",
    repeated: true,
    en: "A person and what they present. A key that is left out says nothing: what a spreadsheet said of it stays; an empty list takes back what stood here. For more than a few, import a CSV file instead ([people] file).",
    zh: "一名人员及其凭据。未写的项不作说明，表格中的内容保持不变；写空列表则撤回此前写在这里的内容。人数较多时请改用 CSV 导入（[people] file）。",
    settings: &[
        Declared {
            key: "userid",
            form: Form::Shape(Shape::Text),
            default: Default::Required,
            en: "the WeCom member id (账号)",
            zh: "企业微信成员账号",
        },
        Declared {
            key: "name",
            form: Form::Shape(Shape::Text),
            default: Default::Required,
            en: "shown to the person and to the operator",
            zh: "姓名，显示给本人和管理员",
        },
        Declared {
            key: "organisation",
            form: Form::Shape(Shape::Text),
            default: Default::Absent,
            en: "the person's organisation; absent: the only one",
            zh: "所属企业；只有一个企业时可省略",
        },
        Declared {
            key: "user_ids",
            form: Form::Shape(Shape::Texts),
            default: Default::Absent,
            en: "the person's ids at terminals, as text: \"007\" and \"7\" are two",
            zh: "该人员在终端上的编号（文本：\"007\" 与 \"7\" 不同）",
        },
        Declared {
            key: "cards",
            form: Form::Shape(Shape::Texts),
            default: Default::Absent,
            en: "card numbers: the card's bytes in hexadecimal as the reader shows them, such as \"04A1B2C3\" or \"04:10:20:30\"",
            zh: "卡号：读卡器显示的十六进制字节，如 \"04A1B2C3\" 或 \"04:10:20:30\"",
        },
        Declared {
            key: "codes",
            form: Form::Shape(Shape::Texts),
            default: Default::Absent,
            en: "what the person's own bar or QR code says, as `punchd devices listen` shows it",
            zh: "本人条码或二维码的内容，以 `punchd devices listen` 显示的为准",
        },
        Declared {
            key: "badges",
            form: Form::Shape(Shape::Texts),
            default: Default::Absent,
            en: "Bluetooth badges, such as \"ibeacon:UUID/MAJOR/MINOR\", as `punchd devices listen` shows them",
            zh: "蓝牙工牌，如 \"ibeacon:UUID/MAJOR/MINOR\"，以 `punchd devices listen` 显示的为准",
        },
    ],
};

/// `[people]`.
pub static PEOPLE: Block = Block {
    name: "people",
    repeated: false,
    en: "Where more people come from.",
    zh: "其他人员的来源。",
    settings: &[Declared {
        key: "file",
        form: Form::Shape(Shape::Text),
        default: Default::Absent,
        en: "a CSV file that is imported at every start if it changed; absent: none",
        zh: "每次启动时若有变化则导入的 CSV 文件；不设则不导入",
    }],
};

/// A person of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonConfig {
    /// The WeCom member.
    pub userid: UserId,
    /// For displays.
    pub name: String,
    /// Where the person belongs.
    pub organisation: OrganisationName,
    /// Ids at terminals.
    pub user_ids: Vec<String>,
    /// Cards.
    pub cards: Vec<CardNumber>,
    /// Contents of codes.
    pub codes: Vec<String>,
    /// Bluetooth badges.
    pub badges: Vec<String>,
    /// What is written: the keys that are not there say nothing.
    pub contains: Contains,
}

pub(super) fn people_file(check: &mut Check<'_>, table: &Table) -> Option<PathBuf> {
    let section = check.section(table, "[people]", PEOPLE.settings, More::Of(&[]));
    let file = check.path(section.text("file")?);
    if !file.is_file() {
        let shown = file.display();
        check.findings.warning(
            section.place("file"),
            format!("there is no file {shown} now: nobody is imported from it until it is there"),
            format!("目前没有文件 {shown}：在它出现之前不会导入人员"),
        );
    }
    Some(file)
}

pub(super) fn people(
    check: &mut Check<'_>,
    sources: &Sources,
    tables: &[&Table],
    organisations: &Organisations,
) -> Vec<PersonConfig> {
    let mut people = Vec::new();
    let mut taken: HashMap<(OrganisationName, &'static str, String), (Place, String)> = HashMap::new();
    for table in tables {
        let Some((at, person)) = person(check, table, organisations) else { continue };
        let keys = std::iter::once(("userid", person.userid.folded()))
            .chain(person.user_ids.iter().map(|id| ("user id", id.clone())))
            .chain(person.cards.iter().map(|card| ("card", card.hex())))
            .chain(person.codes.iter().map(|code| ("code", code.clone())))
            .chain(person.badges.iter().map(|badge| ("badge", badge.clone())));
        for (what, value) in keys {
            let key = (person.organisation.clone(), what, value.clone());
            match taken.get(&key) {
                Some((first, _)) if what == "userid" => {
                    let first = sources.spot(*first);
                    check.findings.mistake(
                        at,
                        format!(
                            "the userid {:?} is already in {first} (case does not count in WeCom): join the two blocks",
                            person.userid.as_str()
                        ),
                        format!(
                            "账号 {:?} 已在 {first} 出现（企业微信不区分大小写）：请合并这两段",
                            person.userid.as_str()
                        ),
                    );
                }
                Some((first, holder)) if *holder != person.userid.folded() => {
                    let first = sources.spot(*first);
                    check.findings.mistake(
                        at,
                        format!("the {what} {value:?} already belongs to the person in {first}: one {what} cannot stand for two people"),
                        format!("凭据 {value:?} 已属于 {first} 的人员：一个凭据不能代表两个人"),
                    );
                }
                _ => {
                    taken.insert(key, (at, person.userid.folded()));
                }
            }
        }
        people.push(person);
    }
    people
}

fn person(check: &mut Check<'_>, table: &Table, organisations: &Organisations) -> Option<(Place, PersonConfig)> {
    let section = check.section(table, "[[person]]", PERSON.settings, More::Of(&[]));
    let organisation = organisations.of(check, &section, "[[person]]");
    let userid = section.text("userid").map(UserId::new);
    if let Some(Err(error)) = &userid {
        check.findings.mistake(
            section.place("userid"),
            error.to_string(),
            "账号（userid）应为 1–64 个字母、数字或 _ - . @：请从企业微信管理后台的成员页面复制",
        );
    }
    let mut cards = Vec::new();
    for written in section.texts("cards").unwrap_or_default() {
        match CardNumber::parse(written) {
            Ok(card) => cards.push(card),
            Err(refused) => {
                let text = NotACard::say(&refused, written);
                check.findings.mistake(section.place("cards"), text.en, text.zh);
            }
        }
    }
    Some((
        section.place("userid"),
        PersonConfig {
            userid: userid?.ok()?,
            name: section.text("name")?.to_owned(),
            organisation: organisation?,
            user_ids: section.texts("user_ids").unwrap_or_default().to_vec(),
            cards,
            codes: section.texts("codes").unwrap_or_default().to_vec(),
            badges: section.texts("badges").unwrap_or_default().to_vec(),
            contains: [
                (Part::Name, "name"),
                (Part::UserIds, "user_ids"),
                (Part::Cards, "cards"),
                (Part::Codes, "codes"),
                (Part::Badges, "badges"),
            ]
            .into_iter()
            .filter(|(_, key)| section.is_written(key))
            .map(|(part, _)| part)
            .collect(),
        },
    ))
}
