//! One app of one corp, as WeCom knows it: how its calls are made.

use std::num::NonZeroU32;

use bytes::Bytes;
use punchd_contract::Secret;
use serde_json::{Map, Value};

use super::answer;
use super::client::{Body, Client, Fault, HttpSettings, Reply, Request};
use super::errors::Class;
use super::outcome::{Answered, Outcome, Refusal, TokenFailure, Unknown};
use super::pace::{Pace, Permit};
use super::token::{AccessToken, AppToken, Fetched};

/// What an app needs.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// The corp's id (企业 ID).
    pub corp_id: String,
    /// The self-built app's secret.
    pub secret: Secret,
    /// How WeCom is reached.
    pub http: HttpSettings,
    /// Calls of `add_checkin_record` in any 60 seconds. WeCom allows 60 to all gateways of a corp together.
    pub writes_per_minute: NonZeroU32,
    /// Calls of `getcheckindata` in any 60 seconds. WeCom allows 600 to a corp.
    pub reads_per_minute: NonZeroU32,
}

impl AppSettings {
    /// WeCom itself, with the customary limits.
    pub fn new(corp_id: impl Into<String>, secret: Secret) -> Self {
        const WRITES: NonZeroU32 = NonZeroU32::new(20).unwrap();
        const READS: NonZeroU32 = NonZeroU32::new(60).unwrap();
        Self {
            corp_id: corp_id.into(),
            secret,
            http: HttpSettings::default(),
            writes_per_minute: WRITES,
            reads_per_minute: READS,
        }
    }
}

/// One app of one corp. There is one of these for each corp id and secret, shared by all who call: token and pace are its.
#[derive(Debug)]
pub struct App {
    corp_id: String,
    secret: Secret,
    client: Client,
    token: AppToken,
    writes: Pace,
    reads: Pace,
}

/// Reads what was asked for from an answer with `errcode` 0, or from one without an `errcode` where that is good enough.
pub(super) type Read<T> = fn(Option<i64>, Map<String, Value>) -> Result<T, String>;

/// One call, ready to be made.
pub(super) struct Call<T> {
    pub(super) path: &'static str,
    pub(super) body: Bytes,
    pub(super) read: Read<T>,
}

impl App {
    /// An app; opens nothing.
    pub fn new(settings: AppSettings) -> Self {
        Self {
            corp_id: settings.corp_id,
            secret: settings.secret,
            client: Client::new(settings.http),
            token: AppToken::default(),
            writes: Pace::new(settings.writes_per_minute),
            reads: Pace::new(settings.reads_per_minute),
        }
    }

    /// The pace of `add_checkin_record`.
    pub fn writes(&self) -> &Pace {
        &self.writes
    }

    /// Forgets that nobody is to ask for a token for a while: a person changed something and wants to see whether it helped.
    pub async fn try_at_once(&self) {
        self.token.forget_pause().await;
    }

    /// The pace of `getcheckindata`.
    pub fn reads(&self) -> &Pace {
        &self.reads
    }

    /// Has the clock learn the time from the server. `false`: it could not, for now or (over plain HTTP) ever.
    pub async fn ask_time(&self) -> bool {
        self.client.is_proven() && self.client.ask_time().await
    }

    /// Makes a call in its turn. A token that WeCom rejects is replaced once and the call repeated: the rejection says that
    /// nothing was carried out.
    pub(super) async fn call<T>(&self, permit: &mut Permit<'_>, call: Call<T>) -> Outcome<T> {
        let Call { path, body, read } = call;
        let mut repeated = false;
        loop {
            let token = match self.token.get(async || self.fetch_token().await).await {
                Ok(token) => token,
                Err(no_token) => return Outcome::NotSent(no_token.into()),
            };
            permit.begin();
            let outcome = self.exchange(path, &token, body.clone(), read).await;
            match outcome.refusal() {
                None => {}
                Some(refusal) => {
                    tracing::debug!(path, code = refusal.code, message = refusal.message, "WeCom refused");
                    match refusal.class() {
                        Class::TokenExpired | Class::SecretWrong => {
                            let another = self.token.rejected(&token, refusal).await;
                            if another && !repeated {
                                repeated = true;
                                permit.again().await;
                                continue;
                            }
                            return outcome;
                        }
                        Class::RateLimited => permit.limited(),
                        Class::Concurrency => permit.crowded(),
                        _ => permit.passed(),
                    }
                }
            }
            if let Outcome::Answered(Answered { result, .. }) = &outcome {
                self.token.accepted();
                if result.is_ok() {
                    permit.passed();
                }
            }
            return outcome;
        }
    }

    async fn exchange<T>(&self, path: &'static str, token: &AccessToken, body: Bytes, read: Read<T>) -> Outcome<T> {
        let query = [("access_token", token.reveal())];
        match self.client.send(Request { path, query: &query, body: Body::Json(body) }).await {
            Ok(reply) => {
                let date = reply.date;
                match result(reply, read) {
                    Ok(result) => Outcome::Answered(Answered { result, date }),
                    Err(why) => Outcome::Unknown(why),
                }
            }
            Err(Fault::Unreachable(why)) => Outcome::NotSent(why.into()),
            Err(Fault::Unknown(why)) => Outcome::Unknown(why),
        }
    }

    async fn fetch_token(&self) -> Result<Fetched, TokenFailure> {
        let query = [("corpid", self.corp_id.as_str()), ("corpsecret", self.secret.reveal())];
        let request = Request { path: "/cgi-bin/gettoken", query: &query, body: Body::Nothing };
        match self.client.send(request).await {
            Ok(reply) => result(reply, read_token)?.map_err(TokenFailure::Refused),
            Err(Fault::Unreachable(why)) => Err(why.into()),
            Err(Fault::Unknown(why)) => Err(why.into()),
        }
    }
}

/// Sorts a body: what was asked for, a refusal, or not an answer of WeCom.
fn result<T>(reply: Reply, read: Read<T>) -> Result<Result<T, Refusal>, Unknown> {
    let object = answer::object(&reply.body).map_err(Unknown::Unreadable)?;
    let code = answer::errcode(&object).map_err(Unknown::Unreadable)?;
    match code {
        None | Some(0) => read(code, object).map(Ok).map_err(Unknown::Unreadable),
        Some(code) => Ok(Err(Refusal { code, message: answer::errmsg(&object, &reply.hidden) })),
    }
}

/// Old samples have no `errcode` (facts/wecom-api.md 10.1); the token itself is proof enough.
fn read_token(_code: Option<i64>, object: Map<String, Value>) -> Result<Fetched, String> {
    let token = answer::text(&object, "access_token");
    if token.is_empty() {
        return Err("the answer has no access_token".into());
    }
    let expires_in = answer::number(&object, "expires_in").and_then(|seconds| u64::try_from(seconds).ok());
    Ok(Fetched { token, expires_in })
}
