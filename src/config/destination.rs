//! `[[destination]]`: where punches go. A kind of destination declares itself as a kind of device does.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use punchd_contract::{Default, Secret, Setting, Shape, Values};

use super::check::{Check, More};
use super::declared::{Block, Declared, Form};
use super::names::{DestinationName, OrganisationName};
use super::nearest::nearest;
use super::organisation::Organisations;
use super::secrets::SecretOrigin;
use super::shape::meant;
use super::source::Place;
use super::tree::{Raw, Table};

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
    ],
};

/// The declaration of `wecom`.
pub static WECOM: DestinationDeclaration = DestinationDeclaration {
    kind: "wecom",
    en: "WeCom, through a self-built app that the punch app lists as a caller",
    zh: "企业微信，通过已加入打卡应用“可调用接口的应用”的自建应用",
    settings: &[
        Setting {
            key: "corp_id",
            shape: Shape::Text,
            default: Default::Required,
            en: "the corp's id, from My Company in the WeCom console",
            zh: "企业 ID，见企业微信管理后台“我的企业”",
        },
        Setting {
            key: "secret",
            shape: Shape::Secret,
            default: Default::Required,
            en: "the secret of the self-built app",
            zh: "自建应用的 Secret",
        },
        Setting {
            key: "base_url",
            shape: Shape::Text,
            default: Default::Is("https://qyapi.weixin.qq.com"),
            en: "where the API is",
            zh: "接口地址",
        },
        // 60 calls a minute are shared by all gateways of the corp (facts/wecom-api.md 1.5).
        Setting {
            key: "calls_per_minute",
            shape: Shape::Integer(1, 60),
            default: Default::Is("20"),
            en: "this gateway's share of the 60 writing calls a minute that all gateways of the corp have together",
            zh: "本网关每分钟的写入调用数；企业全部网关合计每分钟 60 次",
        },
        Setting {
            key: "proxy",
            shape: Shape::Text,
            default: Default::Absent,
            en: "an HTTP proxy on the way, such as \"http://10.0.0.1:3128\" or \"http://user@10.0.0.1:3128\"",
            zh: "HTTP 代理，如 \"http://10.0.0.1:3128\" 或 \"http://user@10.0.0.1:3128\"",
        },
        Setting {
            key: "proxy_password",
            shape: Shape::Secret,
            default: Default::Absent,
            en: "the password of the proxy's user",
            zh: "代理用户的密码",
        },
        Setting {
            key: "ca_file",
            shape: Shape::Text,
            default: Default::Absent,
            en: "certificates (PEM) that are trusted besides the built-in ones, for a site whose firewall opens TLS",
            zh: "除内置证书外额外信任的证书（PEM），用于防火墙拆解 TLS 的场所",
        },
        Setting {
            key: "settle",
            shape: Shape::Duration(0, 86_400),
            default: Default::Is("10m"),
            en: "a record in doubt that is not seen when read back counts as absent only after this time",
            zh: "结果不明的记录，读回时未见到，经过此时间后才视为未送达",
        },
        Setting {
            key: "confirm",
            shape: Shape::Boolean,
            default: Default::Is("true"),
            en: "whether delivered punches are read back later to see that WeCom shows them",
            zh: "是否在送达后读回，确认企业微信中可见",
        },
        Setting {
            key: "confirm_after",
            shape: Shape::Duration(60, 7 * 86_400),
            default: Default::Is("1h"),
            en: "how long after delivery they are read back",
            zh: "送达后多久读回",
        },
    ],
    prepare: wecom,
};

/// The settings of a `wecom` destination.
#[derive(Clone, Debug)]
pub struct WecomSettings {
    /// The corp.
    pub corp_id: String,
    /// The self-built app's secret.
    pub secret: Secret,
    /// Where the API is, without a slash at the end.
    pub base_url: String,
    /// Writing calls a minute.
    pub calls_per_minute: NonZeroU32,
    /// The way through a proxy.
    pub proxy: Option<Proxy>,
    /// More certificates to trust, as written; the config check has made it absolute.
    pub ca_file: Option<PathBuf>,
    /// When a doubtful record that is not seen counts as absent.
    pub settle: Duration,
    /// When delivered punches are read back; `None`: never.
    pub confirm_after: Option<Duration>,
}

/// An HTTP proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its address, without user and password.
    pub url: String,
    /// The user and the password.
    pub login: Option<(String, Secret)>,
}

/// A destination.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// What the operator calls it.
    pub name: DestinationName,
    /// What it is.
    pub declaration: &'static DestinationDeclaration,
    /// Whose punches go there.
    pub organisation: OrganisationName,
    /// Its kind's settings.
    pub settings: DestinationSettings,
    /// Where its secrets came from.
    pub secrets: Vec<SecretOrigin>,
}

fn wecom(values: &Values) -> Result<DestinationSettings, Vec<punchd_contract::Mistake>> {
    use punchd_contract::Mistake;
    let mut mistakes = Vec::new();
    let text = |key| values.text(key).map(str::to_owned);

    let corp_id = text("corp_id").unwrap_or_default();
    if !corp_id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) || corp_id.len() > 64 {
        mistakes.push(Mistake::new(
            "corp_id",
            "copy it from 我的企业 in the WeCom console; it looks like \"ww1234567890abcdef\"",
        ));
    }
    let base_url = text("base_url").unwrap_or_default();
    match reqwest::Url::parse(&base_url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.query().is_none() => {
            if !url.username().is_empty() || url.password().is_some() {
                mistakes.push(Mistake::new("base_url", "an address without user and password"));
            }
        }
        _ => mistakes.push(Mistake::new("base_url", "an address such as \"https://qyapi.weixin.qq.com\"")),
    }
    let proxy = proxy(values, &mut mistakes);
    let calls =
        values.integer("calls_per_minute").and_then(|calls| u32::try_from(calls).ok()).and_then(NonZeroU32::new);
    match (values.secret("secret"), calls, values.duration("settle"), mistakes.is_empty()) {
        (Some(secret), Some(calls_per_minute), Some(settle), true) => Ok(DestinationSettings::Wecom(WecomSettings {
            corp_id,
            secret: secret.clone(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            calls_per_minute,
            proxy,
            ca_file: text("ca_file").map(PathBuf::from),
            settle,
            confirm_after: values.duration("confirm_after").filter(|_| values.boolean("confirm")),
        })),
        _ => Err(mistakes),
    }
}

fn proxy(values: &Values, mistakes: &mut Vec<punchd_contract::Mistake>) -> Option<Proxy> {
    use punchd_contract::Mistake;
    let password = values.secret("proxy_password").cloned();
    let Some(written) = values.text("proxy") else {
        if password.is_some() {
            mistakes.push(Mistake::new("proxy_password", "it goes with `proxy`: set that too, or remove the password"));
        }
        return None;
    };
    // The address is not repeated in any message: people put passwords into it.
    let Some(mut url) = reqwest::Url::parse(written).ok().filter(|url| url.scheme() == "http" && url.host().is_some())
    else {
        mistakes.push(Mistake::new("proxy", "an address such as \"http://10.0.0.1:3128\""));
        return None;
    };
    if url.password().is_some() {
        mistakes.push(Mistake::new(
            "proxy",
            "a password must not stand in the address: write \"http://user@10.0.0.1:3128\" and proxy_password = { file = \"…\" }",
        ));
        return None;
    }
    let user = url.username().to_owned();
    let login = match (user.is_empty(), password) {
        (true, None) => None,
        (false, Some(password)) => Some((user, password)),
        (false, None) => {
            mistakes.push(Mistake::new("proxy", "a user needs proxy_password = { file = \"…\" }"));
            return None;
        }
        (true, Some(_)) => {
            mistakes.push(Mistake::new("proxy", "a password needs a user: \"http://user@10.0.0.1:3128\""));
            return None;
        }
    };
    // An http address with a host takes an empty user.
    let _ = url.set_username("");
    Some(Proxy { url: url.to_string(), login })
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
                check.findings.mistake(
                    section.place(mistake.key),
                    format!("`{}`: {}", mistake.key, mistake.right),
                    format!("`{}`：{}", mistake.key, mistake.right),
                );
            }
            None
        }
    }
}
