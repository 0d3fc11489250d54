//! One access token for one app: fetched once for all who wait, renewed ahead of its end, never hammered for.
//!
//! WeCom bans the *address* of whoever asks too often with a wrong secret (facts/wecom-api.md 4.2), so every failure is
//! followed by a pause in which nobody asks, however many calls want a token. Lifetimes run on the monotonic clock: the
//! wall clock of a gateway jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::errors::Class;
use super::outcome::{NoToken, Refusal, TokenFailure};

/// How long before its end a token is renewed.
const AHEAD: Duration = Duration::from_secs(300);
/// The shortest and longest life that is believed.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(86_400);
/// What is assumed if WeCom does not say (facts/wecom-api.md 4.2).
const USUAL: Duration = Duration::from_secs(7200);
/// Rejected tokens are replaced at once, but not more often than this.
const REPLACE_GAP: Duration = Duration::from_secs(60);

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A token. Shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessToken(Arc<str>);

impl AccessToken {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

/// What `gettoken` gave.
pub(crate) struct Fetched {
    pub(crate) token: String,
    pub(crate) expires_in: Option<u64>,
}

/// The token of one app.
#[derive(Debug, Default)]
pub(crate) struct AppToken {
    /// Held while a token is being fetched.
    state: Mutex<State>,
    /// Rejected tokens in a row, with no accepted one between. Apart from the rest, so that the answer of one call need not
    /// wait for the fetch of another.
    rejections: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// Failed fetches in a row.
    failures: u32,
    replaced_at: Option<Instant>,
    pause: Option<Pause>,
}

#[derive(Debug)]
struct Held {
    token: AccessToken,
    renew_at: Instant,
    ends_at: Instant,
}

#[derive(Debug)]
struct Pause {
    until: Instant,
    because: TokenFailure,
}

impl AppToken {
    /// The token, fetched if need be. Those who come while it is being fetched wait for that one fetch.
    pub(crate) async fn get<F>(&self, fetch: F) -> Result<AccessToken, NoToken>
    where
        F: AsyncFnOnce() -> Result<Fetched, TokenFailure>,
    {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(held) = state.held.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.token.clone());
        }
        if let Some(pause) = state.pause.as_ref().filter(|pause| now < pause.until) {
            let (because, retry_in) = (pause.because.clone(), pause.until - now);
            return state.still_good(now).ok_or(NoToken { because, retry_in });
        }
        let fetched = fetch().await;
        let now = Instant::now();
        match fetched {
            Ok(fetched) => Ok(state.hold(fetched, now)),
            Err(because) => {
                state.failures = state.failures.saturating_add(1);
                let retry_in = pause_after(&because, state.failures);
                tracing::warn!(in_a_row = state.failures, retry_in_s = retry_in.as_secs(), %because, "no access token from WeCom");
                state.pause = Some(Pause { until: now + retry_in, because: because.clone() });
                state.still_good(now).ok_or(NoToken { because, retry_in })
            }
        }
    }

    /// Takes note that WeCom rejected this token. Answers whether one more try with another token makes sense now.
    pub(crate) async fn rejected(&self, token: &AccessToken, refusal: &Refusal) -> bool {
        let mut state = self.state.lock().await;
        if state.held.as_ref().is_some_and(|held| held.token != *token) {
            return true;
        }
        if state.held.take().is_none() {
            // Another call saw the same token rejected before; the pause that may have followed holds for both.
            return state.pause.is_none();
        }
        let now = Instant::now();
        let rejections = self.rejections.load(Ordering::Relaxed).saturating_add(1);
        self.rejections.store(rejections, Ordering::Relaxed);
        let just_replaced = state.replaced_at.is_some_and(|at| now < at + REPLACE_GAP);
        if rejections == 1 && !just_replaced {
            state.replaced_at = Some(now);
            tracing::info!(code = refusal.code, "WeCom voided the access token, fetching another one");
            return true;
        }
        let first = if refusal.class() == Class::SecretWrong { 5 * MINUTE } else { MINUTE };
        let length = doubling(first, HOUR, rejections.saturating_sub(1).max(1));
        tracing::warn!(code = refusal.code, retry_in_s = length.as_secs(), "WeCom rejects fresh access tokens");
        state.pause = Some(Pause { until: now + length, because: TokenFailure::Rejected(refusal.clone()) });
        false
    }

    /// A person wants the next call to ask at once. Failures stay counted, so that the pause after the next one is no shorter.
    pub(crate) async fn forget_pause(&self) {
        self.state.lock().await.pause = None;
    }

    /// Takes note that WeCom accepted the token of a call.
    pub(crate) fn accepted(&self) {
        self.rejections.store(0, Ordering::Relaxed);
    }
}

impl State {
    fn hold(&mut self, fetched: Fetched, now: Instant) -> AccessToken {
        let life = fetched.expires_in.map_or(USUAL, Duration::from_secs).clamp(SHORTEST, LONGEST);
        let token = AccessToken(fetched.token.into());
        let renew_at = now + life.saturating_sub(AHEAD).max(SHORTEST);
        self.held = Some(Held { token: token.clone(), renew_at, ends_at: now + life });
        self.failures = 0;
        self.pause = None;
        token
    }

    /// The token that should have been renewed already, as long as it lives.
    fn still_good(&self, now: Instant) -> Option<AccessToken> {
        self.held.as_ref().filter(|held| now < held.ends_at).map(|held| held.token.clone())
    }
}

/// How long nobody asks after the n-th failure in a row.
fn pause_after(because: &TokenFailure, in_a_row: u32) -> Duration {
    match because {
        // WeCom has seen nothing of it.
        TokenFailure::Unreachable(_) => doubling(Duration::from_secs(1), MINUTE, in_a_row),
        TokenFailure::Unknown(_) => doubling(Duration::from_secs(5), 10 * MINUTE, in_a_row),
        TokenFailure::Refused(refusal) | TokenFailure::Rejected(refusal) => match refusal.class() {
            Class::Transient | Class::Concurrency => doubling(Duration::from_secs(5), 10 * MINUTE, in_a_row),
            Class::RateLimited if in_a_row == 1 => MINUTE,
            Class::RateLimited => HOUR,
            _ => doubling(5 * MINUTE, HOUR, in_a_row),
        },
    }
}

fn doubling(first: Duration, most: Duration, in_a_row: u32) -> Duration {
    first.saturating_mul(2u32.saturating_pow(in_a_row.saturating_sub(1))).min(most)
}

#[cfg(test)]
mod tests;
