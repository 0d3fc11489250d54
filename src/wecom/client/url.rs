//! The two addresses that a person configures: the server's and the proxy's.

use punchd_contract::Secret;
use reqwest::Url;

/// Where the API is. Plain HTTP only where it was written so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is no base URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL of HTTP.
    #[error("write it as https://host or https://host/path")]
    NotHttp,
    /// User and password in it.
    #[error("user and password do not belong into this address: remove what stands before the @")]
    Credentials,
    /// Query or fragment in it.
    #[error("nothing may follow the path: remove what stands from ? or # on")]
    Trailing,
}

impl BaseUrl {
    /// Checks what a person wrote.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let url = http_url(text).ok_or(BaseUrlError::NotHttp)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlError::Trailing);
        }
        Ok(Self(url))
    }

    /// The address itself.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// The URL of a call: path below the base, and the query.
    pub(super) fn with(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        let full = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&full);
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

impl Default for BaseUrl {
    /// WeCom itself.
    #[expect(clippy::expect_used, reason = "a constant, and a test parses it")]
    fn default() -> Self {
        Self::parse("https://qyapi.weixin.qq.com").expect("a URL")
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// An HTTP proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    login: Option<(String, Secret)>,
}

/// Why a text is no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not `http://host:port`.
    #[error("write it as http://host:port; user and password have settings of their own")]
    NotHttp,
}

impl Proxy {
    /// `http://host:port`, with a user and password if the proxy wants them.
    pub fn new(address: &str, login: Option<(String, Secret)>) -> Result<Self, ProxyError> {
        let url = http_url(address).ok_or(ProxyError::NotHttp)?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if bare && url.path() == "/" && url.fragment().is_none() {
            Ok(Self { url, login })
        } else {
            Err(ProxyError::NotHttp)
        }
    }

    pub(super) fn for_client(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        Ok(match &self.login {
            Some((user, password)) => proxy.basic_auth(user, password.reveal()),
            None => proxy,
        })
    }
}

pub(super) fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_wecom_over_https() {
        assert_eq!(BaseUrl::default().to_string(), "https://qyapi.weixin.qq.com/");
    }

    #[test]
    fn a_call_goes_below_the_path_of_a_hub() {
        let base = BaseUrl::parse("http://hub.example:8080/wecom/").unwrap();
        let url = base.with("/cgi-bin/gettoken", &[("corpid", "a b"), ("corpsecret", "x&y")]);
        assert_eq!(url.as_str(), "http://hub.example:8080/wecom/cgi-bin/gettoken?corpid=a+b&corpsecret=x%26y");
    }

    #[test]
    fn an_address_that_cannot_be_meant_is_refused_with_what_to_write() {
        for (text, error) in [
            ("qyapi.weixin.qq.com", BaseUrlError::NotHttp),
            ("ftp://qyapi.weixin.qq.com", BaseUrlError::NotHttp),
            ("", BaseUrlError::NotHttp),
            ("https://u:p@host", BaseUrlError::Credentials),
            ("https://host/?access_token=x", BaseUrlError::Trailing),
            ("https://host/#x", BaseUrlError::Trailing),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn a_proxy_does_not_show_its_password() {
        let login = Some(("site7".to_owned(), Secret::new("hunter2")));
        let proxy = Proxy::new("http://10.0.0.1:3128", login).unwrap();
        assert!(!format!("{proxy:?}").contains("hunter2"));
        assert_eq!(Proxy::new("http://u:p@10.0.0.1:3128", None), Err(ProxyError::NotHttp));
        assert_eq!(Proxy::new("socks5://10.0.0.1:1080", None), Err(ProxyError::NotHttp));
    }
}
