//! What became of a call: it never left, it was answered, or nobody knows.

use std::net::IpAddr;
use std::time::Duration;

use punchd_contract::Text;

use super::errors::{self, Class};
use super::seconds::UnixSeconds;

/// What became of a call. The rule of doubt rests on the difference between the first and the last.
#[derive(Debug)]
#[must_use]
pub enum Outcome<T> {
    /// The request provably never left: it may be sent again without asking.
    NotSent(NotSent),
    /// WeCom answered.
    Answered(Answered<T>),
    /// It may have been carried out or not: read back before sending anything again.
    Unknown(Unknown),
}

/// An answer.
#[derive(Debug)]
pub struct Answered<T> {
    /// What was asked for, or the refusal.
    pub result: Result<T, Refusal>,
    /// The server's clock, if it told it.
    pub date: Option<ServerDate>,
}

/// An `errcode` other than 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("WeCom refused: {code} {message}")]
pub struct Refusal {
    /// `errcode`.
    pub code: i64,
    /// `errmsg`, on one line, without token or secret. For logs; logic goes by the code.
    pub message: String,
}

/// The server's clock at an answer. Whoever uses it as a time source adds the round trip and a second to the bound.
/// Over plain HTTP, anybody on the way can have written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerDate {
    /// The `Date` header, whole seconds.
    pub time: UnixSeconds,
    /// From before the request was sent until the head of the answer was there: the moment lies in that span.
    pub round_trip: Duration,
    /// Whether the server proved who it is (HTTPS).
    pub proven: bool,
}

/// Why a request never left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The server was not reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// There is no access token.
    #[error(transparent)]
    NoToken(#[from] NoToken),
}

/// Why a server was not reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    /// The name was not resolved.
    #[error("the server's name was not resolved: {0}")]
    Name(String),
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// No connection in time.
    #[error("no connection in time")]
    Timeout,
    /// The proxy was not reached or refused.
    #[error("the proxy did not connect: {0}")]
    Proxy(String),
    /// The server did not prove who it is.
    #[error("the server did not prove who it is: {0}")]
    Tls(String),
    /// The server's certificate does not hold at the time that this machine believes it is.
    #[error("the server's certificate does not hold at the time of this machine's clock: {0}")]
    CertificateTime(String),
}

/// There is no access token, and this is why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no access token: {because}")]
pub struct NoToken {
    /// What happened when it was last asked for.
    pub because: TokenFailure,
    /// Until then no other is asked for: calls fail with this without touching the network.
    pub retry_in: Duration,
}

/// Why no token was to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFailure {
    /// The server was not reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The call for it broke.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// WeCom refused to give one.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// WeCom gave one, and refused that in the calls.
    #[error("a fresh token is refused in calls: {0}")]
    Rejected(Refusal),
}

/// Why nobody knows what became of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke after sending had begun.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// Another HTTP status than 200, which WeCom itself always gives: something in between answered.
    #[error("HTTP status {0}")]
    Status(u16),
    /// Longer than 16 MiB.
    #[error("the answer is longer than 16 MiB")]
    TooLarge,
    /// Not an answer of WeCom.
    #[error("not an answer of WeCom: {0}")]
    Unreadable(String),
}

impl<T> Outcome<T> {
    /// The refusal, if it was answered with one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Answered(Answered { result: Err(refusal), .. }) => Some(refusal),
            _ => None,
        }
    }

    /// The server's clock, if it was answered and told.
    pub fn date(&self) -> Option<ServerDate> {
        match self {
            Self::Answered(answered) => answered.date,
            _ => None,
        }
    }
}

impl Refusal {
    /// What a delivery does about it.
    pub fn class(&self) -> Class {
        errors::class_of(self.code)
    }

    /// What is wrong and what to do, where a call was refused.
    pub fn text(&self) -> Text {
        self.with_address(errors::advice(self.code))
    }

    /// What is wrong and what to do, where no token was given.
    pub fn text_without_token(&self) -> Text {
        self.with_address(errors::advice_without_token(self.code))
    }

    fn with_address(&self, mut text: Text) -> Text {
        if let (Class::Configuration, Some(ip)) = (self.class(), self.caller_ip()) {
            text.en.push_str(&format!(" WeCom sees this gateway as {ip}."));
            text.zh.push_str(&format!("企业微信看到的本网关 IP 为 {ip}。"));
        }
        text
    }

    /// The address from which WeCom saw the call come: the quickest way to learn what to enter as trusted IP
    /// (facts/wecom-api.md 0). For people, not for logic.
    pub fn caller_ip(&self) -> Option<IpAddr> {
        let (_, rest) = self.message.split_once("from ip:")?;
        let end = rest.trim_start().find(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'));
        let candidate = rest.trim_start();
        candidate.get(..end.unwrap_or(candidate.len()))?.trim_end_matches(['.', ':']).parse().ok()
    }
}

impl NotSent {
    /// The refusal of the token, if that is why: its class says whether the destination is to be stopped.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::NoToken(NoToken {
                because: TokenFailure::Refused(refusal) | TokenFailure::Rejected(refusal),
                ..
            }) => Some(refusal),
            _ => None,
        }
    }

    /// Whether a token was given for it, so that corp id and secret are right.
    pub fn was_given_a_token(&self) -> bool {
        matches!(self, Self::NoToken(NoToken { because: TokenFailure::Rejected(_), .. }))
    }

    /// What is wrong and what to do.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreachable(why) => why.text(),
            Self::NoToken(NoToken { because, .. }) => match because {
                TokenFailure::Unreachable(why) => why.text(),
                TokenFailure::Unknown(why) => why.text(),
                TokenFailure::Refused(refusal) => refusal.text_without_token(),
                TokenFailure::Rejected(refusal) => refusal.text(),
            },
        }
    }
}

impl Unreachable {
    /// What is wrong and what to do.
    pub fn text(&self) -> Text {
        match self {
            Self::Setup(why) => Text::new(
                format!("The connection to WeCom cannot be set up: {why}. Correct the WeCom settings."),
                format!("无法建立到企业微信的连接：{why}。请更正企业微信相关设置。"),
            ),
            Self::Name(_) => Text::new(
                "WeCom's name is not resolved: check the network and its DNS server.",
                "无法解析企业微信域名：请检查网络与 DNS。",
            ),
            Self::Connect(_) | Self::Timeout => Text::new(
                "WeCom is not reachable: check the network; punches are kept and delivered later.",
                "无法连接企业微信：请检查网络；打卡已保存，稍后上传。",
            ),
            Self::Proxy(why) => Text::new(
                format!("The HTTP proxy does not connect ({why}): check its address, user and password."),
                format!("HTTP 代理无法连接（{why}）：请检查代理地址、用户名和密码。"),
            ),
            Self::Tls(why) => Text::new(
                format!(
                    "The server did not prove who it is ({why}): if it has a certificate of your own, set the CA file."
                ),
                format!("服务器证书校验失败（{why}）：若使用自有证书，请设置 CA 文件。"),
            ),
            Self::CertificateTime(_) => Text::new(
                "The server's certificate does not hold at this machine's time: most likely the gateway's clock is wrong, check its date.",
                "服务器证书在本机时间下无效：很可能是网关时钟不正确，请检查日期。",
            ),
        }
    }
}

impl Unknown {
    /// What is wrong and what to do.
    pub fn text(&self) -> Text {
        match self {
            Self::Timeout | Self::Broken(_) => Text::new(
                "The connection to WeCom broke during a call; punchd reads back what arrived.",
                "与企业微信的连接在调用中断开，punchd 会回读核对。",
            ),
            Self::Status(status) => Text::new(
                format!(
                    "Something between here and WeCom answers instead of it (HTTP {status}): check proxy, hub and base URL."
                ),
                format!("途中有其他设备代替企业微信应答（HTTP {status}）：请检查代理、hub 与地址设置。"),
            ),
            Self::TooLarge | Self::Unreadable(_) => Text::new(
                "What answers is not WeCom (a login page of the network?): check network, proxy and base URL.",
                "应答的不是企业微信（可能是网络的登录页面）：请检查网络、代理与地址设置。",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> Refusal {
        Refusal { code: 60020, message: message.into() }
    }

    #[test]
    fn a_refused_address_is_told_to_the_operator() {
        let refusal = refused("not allow to access from your ip, hint: [1], from ip: 203.0.113.9, more info at x");
        assert_eq!(refusal.caller_ip(), Some(IpAddr::from([203, 0, 113, 9])));
        assert!(refusal.text().en.contains("203.0.113.9") && refusal.text().zh.contains("203.0.113.9"));
    }

    #[test]
    fn the_secret_is_called_wrong_only_where_no_token_is_given_for_it() {
        let refusal = Refusal { code: 40001, message: String::new() };
        let said = |because| NotSent::from(NoToken { because, retry_in: Duration::ZERO }).text();
        let refused = said(TokenFailure::Refused(refusal.clone()));
        assert!(refused.en.contains("secret is wrong") && refused.zh.contains("Secret 不正确"), "{refused:?}");
        for text in [refusal.text(), said(TokenFailure::Rejected(refusal))] {
            assert!(!text.en.contains("secret is wrong") && !text.zh.contains("Secret 不正确"), "{text:?}");
            assert!(text.en.contains("base_url") && text.zh.contains("base_url"), "{text:?}");
        }
    }

    #[test]
    fn words_without_an_address_name_none() {
        for message in ["", "from ip:", "from ip: 。", "from ip: unknown, x", "from ip: 1.2.3"] {
            assert_eq!(refused(message).caller_ip(), None, "{message}");
        }
    }
}
