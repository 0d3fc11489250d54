//! `[[destination]]`: where punches go. A kind of destination declares itself as a kind of device does.

use punchd_contract::{Default, Setting, Shape, Values};

use super::check::{Check, More};
use super::declared::{Block, Declared, Form};
use super::names::{DestinationName, OrganisationName};
use super::nearest::nearest;
use super::organisation::Organisations;
use super::secrets::SecretOrigin;
use super::shape::meant;
use super::source::Place;
use super::tree::{Raw, Table};
use super::wecom::{WECOM, WecomSettings};

/// What a kind of destination is and what can be set about it.
#[derive(Debug)]
pub struct DestinationDeclaration {
    /// The word after `kind =`.
    pub kind: &'static str,
    /// What it is for, in one line: English.
    pub en: &'static str,
    /// 中文.
    pub zh: &'static str,
    /// Its settings, in the order in which a person would write them.
    pub settings: &'static [Setting],
    /// Turns checked values into settings, or names what does not go together.
    pub prepare: fn(&Values) -> Result<DestinationSettings, Vec<punchd_contract::Mistake>>,
}

/// Every kind of destination.
pub static DESTINATIONS: &[&DestinationDeclaration] = &[&WECOM];

/// The settings of a destination, by its kind.
#[derive(Clone, Debug)]
pub enum DestinationSettings {
    /// WeCom's own API.
    Wecom(WecomSettings),
}

/// Which of the punches that are there when a destination is added go to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// None: what is recorded from then on.
    #[default]
    None,
    /// All.
    All,
    /// Those of this day and later, in the gateway's zone, whenever they are recorded.
    From(jiff::civil::Date),
}

impl DestinationSettings {
    /// What it leads to: two that lead to the same are one.
    pub fn identity(&self) -> &str {
        match self {
            Self::Wecom(settings) => &settings.corp_id,
        }
    }
}

/// `[[destination]]`.
pub static DESTINATION: Block = Block {
    name: "destination",
    repeated: true,
    en: "Where the punches of an organisation go. These settings belong to every kind; each kind has its own besides.",
    zh: "一个企业的打卡送往何处。以下设置适用于所有类型，各类型另有自己的设置。",
    settings: &[
        Declared {
            key: "name",
            form: Form::Shape(Shape::Text),
            default: Default::Required,
            en: "its name: 1–40 of letters, digits, - _ .",
            zh: "名称：1–40 个字母、数字、- _ .",
        },
        Declared {
            key: "kind",
            form: Form::Shape(Shape::Text),
            default: Default::Required,
            en: "what it is, such as \"wecom\"",
            zh: "类型，如 \"wecom\"",
        },
        Declared {
            key: "organisation",
            form: Form::Shape(Shape::Text),
            default: Default::Absent,
            en: "whose punches go there; absent: those of the only organisation",
            zh: "送出哪个企业的打卡；只有一个企业时可省略",
        },
        Declared {
            key: "history",
            form: Form::History,
            default: Default::Absent,
            en: "which punches that were recorded before the destination was added go there: \"none\", \"all\", or those of a day (in the gateway's zone) and later; absent: none. What is recorded afterwards goes there, whenever it happened; with a day, nothing older does. A destination is known by its corp: under another name it goes on where it was",
            zh: "添加此去向之前已记录的打卡送出哪些：\"none\" 不送，\"all\" 全部，或某日（按网关时区）起；不设则不送。之后记录的打卡一律送出；设为日期时，更早的不送。去向按企业识别：改名后继续，不会重送",
        },
    ],
};

/// A destination.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// What the operator calls it.
    pub name: DestinationName,
    /// What it is.
    pub declaration: &'static DestinationDeclaration,
    /// Whose punches go there.
    pub organisation: OrganisationName,
    /// Which punches of the past go there.
    pub history: History,
    /// Its kind's settings.
    pub settings: DestinationSettings,
    /// Where its secrets came from.
    pub secrets: Vec<SecretOrigin>,
}

/// Checks one block. The place is that of its name.
pub(super) fn destination(
    check: &mut Check<'_>,
    table: &Table,
    organisations: &Organisations,
) -> Option<(Place, DestinationConfig)> {
    let title = match table.get("name").map(|entry| &entry.node.raw) {
        Some(Raw::Text(name)) => format!("[[destination]] {:?}", name.chars().take(40).collect::<String>()),
        _ => "[[destination]]".to_owned(),
    };
    let declaration = kind(check, table);
    let more = declaration.map_or(More::Unknown, |declaration| More::Of(declaration.settings));
    let before = check.findings.mistakes.len();
    let mut section = check.section(table, &title, DESTINATION.settings, more);
    let clean = check.findings.mistakes.len() == before;

    let name = section.text("name").map(DestinationName::new);
    if let Some(Err(_)) = name {
        check.findings.mistake(
            section.place("name"),
            "a destination's `name` has 1 to 40 of the characters a-z A-Z 0-9 - _ ., such as \"wecom\"",
            "去向的 `name` 应为 1–40 个 a-z A-Z 0-9 - _ . 字符，如 \"wecom\"",
        );
    }
    let organisation = organisations.of(check, &section, &title);
    certificates(check, &mut section);
    if let Some(address) = section.kind.text("base_url")
        && is_in_the_clear(address)
    {
        check.findings.warning(
            section.place("base_url"),
            "the address begins with http, so the secret and all punches go over the network unencrypted: use https",
            "地址以 http 开头，机密和打卡将以明文传输：请使用 https",
        );
    }
    let settings = if clean { prepare(check, declaration?, &section) } else { None };
    Some((
        section.place("name"),
        DestinationConfig {
            name: name?.ok()?,
            declaration: declaration?,
            organisation: organisation?,
            history: section.history("history").unwrap_or_default(),
            settings: settings?,
            secrets: section.secrets,
        },
    ))
}

fn kind(check: &mut Check<'_>, table: &Table) -> Option<&'static DestinationDeclaration> {
    let entry = table.get("kind")?;
    let Raw::Text(kind) = &entry.node.raw else { return None };
    let found = DESTINATIONS.iter().copied().find(|known| known.kind == kind);
    if found.is_none() {
        let kinds = || DESTINATIONS.iter().map(|known| known.kind);
        let (en, zh) = meant(nearest(kind, kinds()));
        let (shown, kinds) = (kind.chars().take(60).collect::<String>(), kinds().collect::<Vec<_>>().join(", "));
        check.findings.mistake(
            entry.node.at,
            format!("there is no kind of destination {shown:?}{en}: the kinds are {kinds}"),
            format!("没有去向类型 {shown:?}{zh}：现有类型为 {kinds}"),
        );
    }
    found
}

/// Makes `ca_file` absolute and sees that it is there.
fn certificates(check: &mut Check<'_>, section: &mut super::check::Section) {
    let Some(written) = section.kind.text("ca_file") else { return };
    let path = check.path(written);
    if !path.is_file() {
        let shown = path.display();
        check.findings.mistake(
            section.place("ca_file"),
            format!("there is no file {shown}: give the certificates (PEM) that the site's firewall uses, or remove `ca_file`"),
            format!("没有文件 {shown}：请提供防火墙所用的证书（PEM），或删去 `ca_file`"),
        );
    }
    let path = path.to_string_lossy().into_owned();
    section.kind = std::mem::take(&mut section.kind).with("ca_file", punchd_contract::Value::Text(path));
}

fn is_in_the_clear(address: &str) -> bool {
    reqwest::Url::parse(address).is_ok_and(|url| {
        let local = url.host_str().is_some_and(|host| {
            host == "localhost"
                || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        url.scheme() == "http" && !local
    })
}

fn prepare(
    check: &mut Check<'_>,
    declaration: &DestinationDeclaration,
    section: &super::check::Section,
) -> Option<DestinationSettings> {
    match (declaration.prepare)(&section.kind) {
        Ok(settings) => Some(settings),
        Err(mistakes) => {
            for mistake in mistakes {
                let (key, punchd_contract::Text { en, zh }) = (mistake.key, mistake.text());
                let at = section.place(key);
                check.findings.mistake(at, format!("`{key}`: {en}"), format!("`{key}`：{zh}"));
            }
            None
        }
    }
}
