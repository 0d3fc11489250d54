//! The time that certificates are judged by, and what an answer tells of the time.
//!
//! A gateway that boots in 1970 finds every certificate not yet valid. So certificates are judged by the clock's best guess, and
//! where there is none, the time is asked for first over plain HTTP: the `Date` of any answer of the API's own host, or of one of
//! the configured hosts. Nobody vouches for that; it is a [`Hint`], which serves to judge certificates and for nothing else, and
//! never before the build of this program. The first answer over verified TLS then tells the time as an anchor.
//!
//! Only verified TLS does. A `Date` over plain HTTP can have been written by anybody on the way, also where the address is of this
//! machine: no wages are dated by it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AGE, HeaderMap};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;
use tokio::time::Instant;

use super::{date_of, url::http_url};
use crate::clock::{Anchor, AnchorSource, Clock, Hint, UnixMillis};

/// The longest wait for a host that is asked for the time.
const ANSWERS: Duration = Duration::from_secs(5);
/// Nobody is asked more often.
const ASKED_EVERY: Duration = Duration::from_secs(60);
/// A clock that is known to within this judges certificates by itself.
const KNOWN_WITHIN: Duration = Duration::from_secs(3600);
/// The `Date` header is cut to the second.
const RESOLUTION: Duration = Duration::from_secs(1);

/// A host that is asked for the time over plain HTTP, where nothing else knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeHost(Url);

impl TimeHost {
    /// `host` or `host:port`; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let url = http_url(&format!("http://{}", text.trim()))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        bare.then_some(Self(url))
    }

    /// The host itself at the customary port.
    fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        Some(Self(http_url(&format!("http://{host}"))?))
    }

    fn name(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

/// The clock that a client judges certificates by and teaches.
#[derive(Clone)]
pub struct ClientClock {
    clock: Arc<dyn Clock>,
    hosts: Vec<TimeHost>,
    asked: Arc<Mutex<Option<Instant>>>,
}

impl std::fmt::Debug for ClientClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientClock").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl TimeProvider for ClientClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.clock.certificate_time().seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl ClientClock {
    /// Over this clock; `hosts` are asked after the API's own.
    pub fn new(clock: Arc<dyn Clock>, hosts: Vec<TimeHost>) -> Self {
        Self { clock, hosts, asked: Arc::default() }
    }

    /// After a certificate that does not hold at this time: asks for a better one, if none is known. Tells whether it got one.
    pub(super) async fn ask_first(&self, http: &reqwest::Client, api: &Url) -> bool {
        let known = self.clock.now().bound.is_some_and(|bound| bound <= KNOWN_WITHIN);
        if known || !self.may_ask() {
            return false;
        }
        for host in TimeHost::of(api).iter().chain(&self.hosts) {
            let Some(time) = ask(http, host).await else { continue };
            let hint = Hint { boottime: self.clock.now().boottime, time, from: host.name().to_owned() };
            self.clock.hint(hint.clone());
            if self.clock.hinted().as_ref() == Some(&hint) {
                tracing::warn!(
                    from = host.name(),
                    time = %time.timestamp(),
                    "the time is not known: certificates are judged by what this host says, which nobody vouches for; no punch is dated by it"
                );
                return true;
            }
        }
        tracing::warn!("the time is not known, and no host told it: no certificate can be judged");
        false
    }

    fn may_ask(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let may = asked.is_none_or(|last| last.elapsed() >= ASKED_EVERY);
        if may {
            *asked = Some(Instant::now());
        }
        may
    }

    /// An answer over verified TLS has just arrived: its date ties the middle of the round trip to true time.
    pub(super) fn learn(&self, headers: &HeaderMap, round_trip: Duration) {
        // Somebody in between kept it for a while.
        if headers.contains_key(AGE) {
            return;
        }
        let Some(date) = date_of(headers) else { return };
        let (way, stamp) = (round_trip / 2, self.clock.stamp());
        self.clock.learn(&Anchor {
            boot: stamp.boot,
            boottime: stamp.boottime.before(way),
            true_time: UnixMillis(date.get().saturating_mul(1000).saturating_add(500)),
            bound: RESOLUTION.saturating_add(way),
            source: AnchorSource::Wecom,
        });
    }
}

/// The `Date` of whatever it answers: a redirection has one, too.
async fn ask(http: &reqwest::Client, host: &TimeHost) -> Option<UnixMillis> {
    let answer = http.head(host.0.clone()).timeout(ANSWERS).send().await;
    match answer {
        Ok(answer) => date_of(answer.headers()).map(|date| UnixMillis(date.get().saturating_mul(1000))),
        Err(error) => {
            tracing::debug!(host = host.name(), error = %error.without_url(), "a host did not tell the time");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_host_is_a_name_with_or_without_a_port() {
        for good in ["time.example", "10.0.0.1:8080", "[fd00::1]:80"] {
            assert!(TimeHost::parse(good).is_some(), "{good}");
        }
        for bad in ["", "https://time.example", "time.example/path", "u@time.example", "a b", "x?y"] {
            assert!(TimeHost::parse(bad).is_none(), "{bad}");
        }
    }
}
