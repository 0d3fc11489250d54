//! The only place with an HTTP client: sends one request and says whether it left.
//!
//! *Not sent* is claimed only where the connection was never made: name, TCP, proxy tunnel, TLS. As soon as a byte of the
//! request may be on its way, every fault is *unknown*, also that of a kept connection which the server had closed.
//! (The HTTP library itself moves a request to a new connection when the old one was gone before it was taken up; that is
//! no second sending. Any other repetition is switched off.)

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::answer::MAX_ANSWER;
use super::outcome::{ServerDate, Unknown, Unreachable};
use super::seconds::UnixSeconds;

mod fault;
mod time;
mod url;

pub use time::{ClientClock, TimeHost};
pub use url::{BaseUrl, BaseUrlError, Proxy, ProxyError};

/// Kept connections are given up before servers customarily do, so that a request rarely meets a closing one.
const IDLE: Duration = Duration::from_secs(15);

/// How the server is reached.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Where: WeCom itself, a hub, or a stand-in.
    pub base_url: BaseUrl,
    /// Through an HTTP proxy. The system's proxy settings are not looked at.
    pub proxy: Option<Proxy>,
    /// A file of PEM certificates that are trusted besides the public ones.
    pub extra_ca: Option<PathBuf>,
    /// The longest wait for name, TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// The longest wait for all of a call; longer than `connect_timeout`.
    pub total_timeout: Duration,
    /// The clock that certificates are judged by and that answers teach; absent: the system's, and nothing is taught.
    pub clock: Option<ClientClock>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::default(),
            proxy: None,
            extra_ca: None,
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(30),
            clock: None,
        }
    }
}

/// An HTTP client that is set up when it is first used, so that nothing of a start depends on certificates or clock.
#[derive(Debug)]
pub(crate) struct Client {
    settings: HttpSettings,
    http: OnceCell<reqwest::Client>,
}

/// One request. The values of `query` may be secrets: they go into the URL and nowhere else.
pub(crate) struct Request<'a> {
    pub(crate) path: &'static str,
    pub(crate) query: &'a [(&'static str, &'a str)],
    pub(crate) body: Body,
}

/// What goes along; the method follows from it.
pub(crate) enum Body {
    /// GET.
    Nothing,
    /// POST.
    Json(Bytes),
}

/// A complete answer with status 200.
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    pub(crate) date: Option<ServerDate>,
    pub(crate) hidden: Hidden,
}

/// Why there is no reply.
pub(crate) enum Fault {
    /// The request never left.
    Unreachable(Unreachable),
    /// It may have left.
    Unknown(Unknown),
}

/// What must not show in any text.
#[derive(Default)]
pub(crate) struct Hidden(Vec<String>);

impl Hidden {
    fn of(request: &Request<'_>, url: &Url) -> Self {
        let plain = request.query.iter().map(|(_, value)| (*value).to_owned());
        // As the URL spells them, in case that somebody quotes the URL back.
        let spelt = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let mut all: Vec<String> = plain.chain(spelt.map(|(_, value)| value.to_owned())).collect();
        all.retain(|value| !value.is_empty());
        Self(all)
    }

    /// The text with dots for whatever must not show.
    pub(crate) fn scrub(&self, mut text: String) -> String {
        for hidden in &self.0 {
            if text.contains(hidden.as_str()) {
                text = text.replace(hidden.as_str(), "•••");
            }
        }
        text
    }
}

impl Client {
    pub(crate) fn new(settings: HttpSettings) -> Self {
        Self { settings, http: OnceCell::new() }
    }

    /// Sends once and reads the whole answer. Where a certificate does not hold because the time is not known, the time is asked
    /// for first: nothing had left yet.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Reply, Fault> {
        match (self.send_once(&request).await, &self.settings.clock) {
            (Err(Fault::Unreachable(Unreachable::CertificateTime(why))), Some(clock)) => {
                let http = self.http().await?;
                if clock.ask_first(http, self.settings.base_url.url()).await {
                    self.send_once(&request).await
                } else {
                    Err(Fault::Unreachable(Unreachable::CertificateTime(why)))
                }
            }
            (outcome, _) => outcome,
        }
    }

    /// Has the clock learn the time from the server, without any secret or call of the API. Nothing is to be learned over plain
    /// HTTP. `false`: it was not reached, or does not prove who it is.
    pub(crate) async fn ask_time(&self) -> bool {
        let (Some(clock), url) = (&self.settings.clock, self.settings.base_url.url()) else { return false };
        let Ok(http) = self.http().await else { return false };
        for asked_first in [false, true] {
            let started = Instant::now();
            match http.head(url.clone()).send().await {
                Ok(answer) => {
                    clock.learn(answer.headers(), started.elapsed());
                    return true;
                }
                Err(error) => match fault::of(error, self.settings.proxy.is_some(), &Hidden::default()) {
                    Fault::Unreachable(Unreachable::CertificateTime(_)) if !asked_first => {
                        if !clock.ask_first(http, url).await {
                            return false;
                        }
                    }
                    _ => return false,
                },
            }
        }
        false
    }

    /// Whether the server proves who it is.
    pub(crate) fn is_proven(&self) -> bool {
        self.settings.base_url.url().scheme() == "https"
    }

    async fn http(&self) -> Result<&reqwest::Client, Fault> {
        self.http.get_or_try_init(|| set_up(&self.settings)).await.map_err(Fault::Unreachable)
    }

    async fn send_once(&self, request: &Request<'_>) -> Result<Reply, Fault> {
        let http = self.http().await?;
        let url = self.settings.base_url.with(request.path, request.query);
        let hidden = Hidden::of(request, &url);
        let proven = url.scheme() == "https";
        let builder = match &request.body {
            Body::Nothing => http.get(url),
            Body::Json(body) => {
                http.post(url).header(reqwest::header::CONTENT_TYPE, "application/json").body(body.clone())
            }
        };
        let fault = |error| fault::of(error, self.settings.proxy.is_some(), &hidden);

        let started = Instant::now();
        let mut response = builder.send().await.map_err(fault)?;
        let round_trip = started.elapsed();

        let status = response.status();
        if status != reqwest::StatusCode::OK {
            return Err(Fault::Unknown(Unknown::Status(status.as_u16())));
        }
        if let (true, Some(clock)) = (proven, &self.settings.clock) {
            clock.learn(response.headers(), round_trip);
        }
        let date = date_of(response.headers()).map(|time| ServerDate { time, round_trip, proven });
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Fault::Unknown(Unknown::TooLarge));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { body, date, hidden })
    }
}

/// The `Date` header of RFC 9110: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date_of(headers: &reqwest::header::HeaderMap) -> Option<UnixSeconds> {
    let text = headers.get(reqwest::header::DATE)?.to_str().ok()?;
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    UnixSeconds::try_from(time).ok()
}

async fn set_up(settings: &HttpSettings) -> Result<reqwest::Client, Unreachable> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("punchd/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls(settings).await?)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.total_timeout)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2);
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(proxy.for_client().map_err(|e| Unreachable::Setup(e.without_url().to_string()))?);
    }
    builder.build().map_err(|e| Unreachable::Setup(fault::chain(&e.without_url())))
}

async fn tls(settings: &HttpSettings) -> Result<rustls::ClientConfig, Unreachable> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = &settings.extra_ca {
        let cannot = |why: String| Unreachable::Setup(format!("CA file {}: {why}", path.display()));
        let pem = tokio::fs::read(path).await.map_err(|e| cannot(e.to_string()))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|e| cannot(format!("not PEM: {e}")))?;
            roots.add(certificate).map_err(|e| cannot(e.to_string()))?;
        }
        if roots.len() == before {
            return Err(cannot("holds no certificate in PEM form".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = match &settings.clock {
        Some(clock) => rustls::ClientConfig::builder_with_details(provider, Arc::new(clock.clone())),
        None => rustls::ClientConfig::builder_with_provider(provider),
    };
    Ok(builder
        .with_safe_default_protocol_versions()
        .map_err(|e| Unreachable::Setup(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
