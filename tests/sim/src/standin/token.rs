//! Tokens: who gets one, how long it is good, and what is said when it is not (facts/wecom-api.md 4.2).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::State;
use super::behaviour::Reissue;
use super::disturbance::Call;
use super::errcode::Errcode;
use super::options::Options;

/// Tokens remembered; an older one is answered like one that never was.
const REMEMBERED: usize = 1_000;
/// As long as real ones are about; callers must not assume less than 512.
const LENGTH: usize = 214;

#[derive(Debug)]
struct Issued {
    secret: String,
    expires: i64,
    void: bool,
}

/// The tokens that were given out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    issued: HashMap<String, Issued>,
    order: VecDeque<String>,
}

/// The answer to `gettoken`.
#[derive(Debug, Serialize)]
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) expires_in: u64,
}

impl Tokens {
    /// What is wrong with a token, if anything.
    pub(super) fn check(&self, token: Option<&str>, now: i64) -> Result<(), Errcode> {
        let token = token.filter(|token| !token.is_empty()).ok_or(Errcode::TOKEN_MISSING)?;
        match self.issued.get(token) {
            Some(issued) if issued.void => Err(Errcode::WRONG_TOKEN),
            Some(issued) if issued.expires <= now => Err(Errcode::TOKEN_EXPIRED),
            Some(_) => Ok(()),
            None => Err(Errcode::WRONG_TOKEN),
        }
    }

    /// From now on all of them are too old (42001).
    pub(super) fn expire(&mut self) {
        for issued in self.issued.values_mut() {
            issued.expires = i64::MIN;
        }
    }

    /// From now on none of them was ever good (40014).
    pub(super) fn void(&mut self) {
        for issued in self.issued.values_mut() {
            issued.void = true;
        }
    }

    fn grant(&mut self, secret: &str, lifetime: Duration, reissue: Reissue, now: i64) -> (Granted, bool) {
        let live =
            self.issued.iter().find(|(_, issued)| issued.secret == secret && !issued.void && issued.expires > now);
        if let (Reissue::Same, Some((token, issued))) = (reissue, live) {
            let expires_in = u64::try_from(issued.expires.saturating_sub(now)).unwrap_or(0);
            return (Granted { access_token: token.clone(), expires_in }, false);
        }
        if reissue == Reissue::OldDies {
            self.issued.values_mut().filter(|issued| issued.secret == secret).for_each(|issued| issued.void = true);
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.issued.remove(&oldest);
        }
        let token: String = (0..LENGTH).map(|_| fastrand::alphanumeric()).collect();
        let expires = now.saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX));
        self.issued.insert(token.clone(), Issued { secret: secret.to_owned(), expires, void: false });
        self.order.push_back(token.clone());
        (Granted { access_token: token, expires_in: lifetime.as_secs() }, true)
    }
}

/// `gettoken`.
pub(super) fn gettoken(
    state: &mut State,
    options: &Options,
    corp_id: Option<&str>,
    secret: Option<&str>,
    from: IpAddr,
    now: i64,
) -> Result<Granted, Errcode> {
    if state.rates.is_banned(from, now) || !state.rates.take(Call::Gettoken, &options.limits, now) {
        return Err(Errcode::TOO_MANY_CALLS);
    }
    let corp_id = corp_id.filter(|given| !given.is_empty()).ok_or(Errcode::CORP_MISSING)?;
    let secret = secret.filter(|given| !given.is_empty()).ok_or(Errcode::SECRET_MISSING)?;
    if corp_id != options.corp_id {
        return Err(Errcode::WRONG_CORP);
    }
    if !options.secrets.iter().any(|known| known == secret) {
        state.rates.wrong_secret(from, &options.limits, now);
        return Err(Errcode::WRONG_SECRET);
    }
    if !state.behaviour.enabled {
        return Err(Errcode::APP_DISABLED);
    }
    let lifetime = state.behaviour.token_lifetime;
    let (granted, fresh) = state.tokens.grant(secret, lifetime, state.behaviour.reissue, now);
    state.calls.tokens_issued += u64::from(fresh);
    Ok(granted)
}
