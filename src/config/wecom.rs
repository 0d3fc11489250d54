//! The kind of destination `wecom`: its declaration and its settings.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use punchd_contract::{Default, Mistake, Secret, Setting, Shape, Values};

use super::destination::{DestinationDeclaration, DestinationSettings};
use super::odd::Odd;

/// Corp ids have 18 characters, secrets of apps 43.
const SECRET_LIKE: usize = 32;

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
    /// More certificates to trust, an absolute path.
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

fn wecom(values: &Values) -> Result<DestinationSettings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let text = |key| values.text(key).map(str::to_owned);

    let corp_id = text("corp_id").unwrap_or_default();
    mistakes.extend(not_a_corp(&corp_id));
    let base_url = text("base_url").unwrap_or_default();
    match reqwest::Url::parse(&base_url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.query().is_none() => {
            if !url.username().is_empty() || url.password().is_some() {
                mistakes.push(
                    Mistake::new("base_url", "an address without user and password")
                        .in_chinese("地址中不能含用户名和密码"),
                );
            }
        }
        _ => mistakes.push(
            Mistake::new("base_url", "an address such as \"https://qyapi.weixin.qq.com\"")
                .in_chinese("应为 \"https://qyapi.weixin.qq.com\" 这样的地址"),
        ),
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

/// What stands in the place of a corp's id, if it is none. Its text is not repeated: it may be the secret.
fn not_a_corp(written: &str) -> Option<Mistake> {
    let digits = !written.is_empty() && written.chars().all(|c| c.is_ascii_digit());
    let plain = written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let where_it_is = "copy it from 我的企业 (My Company) in the WeCom console; it looks like \"ww1234567890abcdef\"";
    let zh = "请从管理后台“我的企业”复制企业 ID，形如 \"ww1234567890abcdef\"";
    let (en, because) = if digits {
        (
            "this is a number, as an app's AgentId is (1000002)".to_owned(),
            "这是数字，像是应用的 AgentId（如 1000002）".to_owned(),
        )
    } else if written.chars().any(char::is_whitespace) {
        ("there is a blank in it, as copying leaves one".to_owned(), "其中有空格，可能是复制时带入的".to_owned())
    } else if let Some(odd) = Odd::first_in(written) {
        odd.words()
    } else if plain && written.len() >= SECRET_LIKE {
        (
            "this is as long as an app's secret: the secret goes into a file of its own, not here (and should be reset, now that it stood here)".to_owned(),
            "长度像是应用的 Secret：Secret 应存入单独的文件，不能写在这里（既已写在此处，建议重置）".to_owned(),
        )
    } else if !plain {
        ("it consists of letters, digits, _ and -".to_owned(), "只能由字母、数字、_ 和 - 组成".to_owned())
    } else {
        return None;
    };
    Some(Mistake::new("corp_id", format!("{en}; {where_it_is}")).in_chinese(format!("{because}；{zh}")))
}

fn proxy(values: &Values, mistakes: &mut Vec<Mistake>) -> Option<Proxy> {
    let password = values.secret("proxy_password").cloned();
    let Some(written) = values.text("proxy") else {
        if password.is_some() {
            mistakes.push(
                Mistake::new("proxy_password", "it goes with `proxy`: set that too, or remove the password")
                    .in_chinese("须与 `proxy` 一起设置：请补上 `proxy`，或删去密码"),
            );
        }
        return None;
    };
    // The address is not repeated in any message: people put passwords into it.
    let Some(mut url) = reqwest::Url::parse(written).ok().filter(|url| url.scheme() == "http" && url.host().is_some())
    else {
        mistakes.push(
            Mistake::new("proxy", "an address such as \"http://10.0.0.1:3128\"")
                .in_chinese("应为 \"http://10.0.0.1:3128\" 这样的地址"),
        );
        return None;
    };
    if url.password().is_some() {
        mistakes.push(
            Mistake::new(
                "proxy",
                "a password must not stand in the address: write \"http://user@10.0.0.1:3128\" and proxy_password = { file = \"…\" }",
            )
            .in_chinese("地址中不能含密码：请写 \"http://用户@10.0.0.1:3128\"，另设 proxy_password = { file = \"…\" }"),
        );
        return None;
    }
    let user = url.username().to_owned();
    let login = match (user.is_empty(), password) {
        (true, None) => None,
        (false, Some(password)) => Some((user, password)),
        (false, None) => {
            mistakes.push(
                Mistake::new("proxy", "a user needs proxy_password = { file = \"…\" }")
                    .in_chinese("有用户名时须设 proxy_password = { file = \"…\" }"),
            );
            return None;
        }
        (true, Some(_)) => {
            mistakes.push(
                Mistake::new("proxy", "a password needs a user: \"http://user@10.0.0.1:3128\"")
                    .in_chinese("有密码时须写用户名：\"http://用户@10.0.0.1:3128\""),
            );
            return None;
        }
    };
    // An http address with a host takes an empty user.
    let _ = url.set_username("");
    Some(Proxy { url: url.to_string(), login })
}
