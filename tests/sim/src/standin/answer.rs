//! From a request to an answer: which call it is, what goes wrong with it, and the words in which WeCom answers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Query;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use tracing::info;

use super::disturbance::{Call, Disturbance, Instead};
use super::errcode::Errcode;
use super::http::{Cut, Payload};
use super::own_pages::own_page;
use super::{Reach, Shared, State, add_checkin_record, getcheckindata, token};

/// The byte order mark before a quirky answer.
const MARK: &str = "\u{feff}";
/// What is read of a body at most.
const MAX_BODY: usize = 4 * 1024 * 1024;
const PROXY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
const GARBAGE: &[u8] = b"\x1f\x8b\x08\x00{\"errcode\":0,\"errm\xff\xfe";

/// The parameters in the URL.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    access_token: Option<String>,
    corpid: Option<String>,
    corpsecret: Option<String>,
}

/// Answers a request, or cuts the connection.
pub(super) async fn answer(
    shared: Arc<Shared>,
    from: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Payload>, Cut> {
    let (head, body) = request.into_parts();
    let body = tokio::time::timeout(shared.options.patience, Limited::new(body, MAX_BODY).collect());
    let body: Option<Bytes> = match body.await {
        Ok(Ok(body)) => Some(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => None,
        _ => return Err(Cut),
    };
    let call = match head.uri.path() {
        "/cgi-bin/gettoken" => Call::Gettoken,
        "/cgi-bin/checkin/add_checkin_record" => Call::AddCheckinRecord,
        "/cgi-bin/checkin/getcheckindata" => Call::Getcheckindata,
        path if path.starts_with("/cgi-bin/") => return shared.unknown(path, from, body.is_none()),
        path => return Ok(own_page(&shared, &head.method, path, &head.uri, &body.unwrap_or_default())),
    };
    let (delay, disturbance) = {
        let mut state = shared.state();
        if state.behaviour.reach != Reach::Answers {
            return Err(Cut);
        }
        state.calls.count(call);
        let disturbance = state.behaviour.disturbed(call);
        state.calls.disturbed += u64::from(disturbance.is_some());
        (state.behaviour.delay_before, disturbance)
    };
    pause(delay).await;
    let asked = Asked { call, method: head.method, uri: head.uri, body, from };
    let response = match disturbance {
        None => shared.settle(&asked)?.response(),
        Some(disturbance) => shared.disturbed(&asked, &disturbance)?,
    };
    let delay = shared.state().behaviour.delay_answer;
    pause(delay).await;
    Ok(response)
}

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// A call as it came.
struct Asked {
    call: Call,
    method: Method,
    uri: Uri,
    /// `None`: it is bigger than anything that is read.
    body: Option<Bytes>,
    from: IpAddr,
}

/// An answer in WeCom's words.
struct Said {
    code: Errcode,
    text: String,
    /// Whether more of the body may be on its way, so that the connection is of no more use.
    closes: bool,
}

impl Said {
    fn response(self) -> Response<Payload> {
        let mut response = Response::new(Payload::whole(self.text));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
        // Status 200 for errors too, with this header beside it (facts/wecom-api.md 0).
        if self.code != Errcode::OK {
            headers.insert("error-code", HeaderValue::from(self.code.0));
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Shared {
    /// Lets a call take effect and puts the outcome into words.
    fn settle(&self, asked: &Asked) -> Result<Said, Cut> {
        let batch = match asked.call {
            // Parsed before the state is locked: it is the dear part.
            Call::AddCheckinRecord => asked.body.as_deref().map(add_checkin_record::read),
            _ => None,
        };
        let mut state = self.state();
        if state.behaviour.reach != Reach::Answers {
            return Err(Cut);
        }
        let outcome = self.effect(&mut state, asked, batch);
        let code = outcome.as_ref().err().copied().unwrap_or(Errcode::OK);
        info!(call = ?asked.call, from = %asked.from, errcode = code.0, held = state.held.len(), "answered a call");
        let said = say(&mut state, asked, outcome);
        drop(state);
        if asked.call == Call::AddCheckinRecord {
            self.stored.notify_waiters();
        }
        Ok(said)
    }

    /// What the call does. `Ok` is what goes into the answer beside `errcode`, as the inside of a JSON object.
    fn effect(
        &self,
        state: &mut State,
        asked: &Asked,
        batch: Option<Result<add_checkin_record::Batch, Errcode>>,
    ) -> Result<String, Errcode> {
        let now = (self.options.clock)();
        let seconds = now.as_second();
        let Query(url) = Query::<Parameters>::try_from_uri(&asked.uri).unwrap_or_default();
        let wanted = if asked.call == Call::Gettoken { Method::GET } else { Method::POST };
        if asked.method != wanted {
            return Err(Errcode::BAD_JSON);
        }
        if asked.call == Call::Gettoken {
            let (corp_id, secret) = (url.corpid.as_deref(), url.corpsecret.as_deref());
            let granted = token::gettoken(state, &self.options, corp_id, secret, asked.from, seconds)?;
            let expires_in = match state.behaviour.quirky {
                true => format!("\"{}\"", granted.expires_in),
                false => granted.expires_in.to_string(),
            };
            return Ok(format!("\"access_token\":\"{}\",\"expires_in\":{expires_in}", granted.access_token));
        }
        if state.rates.is_banned(asked.from, seconds) {
            return Err(Errcode::TOO_MANY_CALLS);
        }
        state.tokens.check(url.access_token.as_deref(), seconds)?;
        if !state.behaviour.enabled {
            return Err(Errcode::APP_DISABLED);
        }
        if !state.behaviour.trusted_ip {
            return Err(Errcode::UNTRUSTED_IP);
        }
        if !state.behaviour.callable {
            return Err(Errcode::NOT_CALLABLE);
        }
        if !state.rates.take(asked.call, &self.options.limits, seconds) {
            return Err(Errcode::TOO_MANY_CALLS);
        }
        let body = asked.body.as_deref().ok_or(Errcode::BODY_TOO_BIG)?;
        match batch {
            Some(batch) => add_checkin_record::take(state, &self.options, batch?, now).map(|()| String::new()),
            None => {
                let rows = getcheckindata::answer(state, &self.options, &getcheckindata::read(body)?, now)?;
                Ok(format!("\"checkindata\":{rows}"))
            }
        }
    }

    /// Answers a call that the stand-in does not know, as WeCom answers one that it does not know.
    fn unknown(&self, path: &str, from: IpAddr, body_is_too_big: bool) -> Result<Response<Payload>, Cut> {
        let mut state = self.state();
        if state.behaviour.reach != Reach::Answers {
            return Err(Cut);
        }
        state.calls.other += 1;
        let code = Errcode::NO_SUCH_CALL;
        state.calls.answered(code);
        info!(path, %from, errcode = code.0, "there is no such call");
        let mark = if state.behaviour.quirky { MARK } else { "" };
        Ok(Said { code, text: format!("{mark}{}", refusal(code, from)), closes: body_is_too_big }.response())
    }

    /// Lets the call go wrong.
    fn disturbed(&self, asked: &Asked, disturbance: &Disturbance) -> Result<Response<Payload>, Cut> {
        info!(call = ?asked.call, from = %asked.from, takes_effect = disturbance.takes_effect,
            instead = ?disturbance.instead, "disturbing a call as told");
        let settled = if disturbance.takes_effect { Some(self.settle(asked)?) } else { None };
        let mut response = match disturbance.instead {
            Instead::Cut => return Err(Cut),
            Instead::Errcode(code) => {
                let outcome = if code == Errcode::OK { Ok(String::new()) } else { Err(code) };
                return Ok(say(&mut self.state(), asked, outcome).response());
            }
            Instead::HalfAnswer => {
                let said = settled.unwrap_or_else(|| say(&mut self.state(), asked, Err(Errcode::BUSY)));
                Response::new(Payload::half(said.text))
            }
            Instead::WithoutRows => return Ok(say(&mut self.state(), asked, Ok(String::new())).response()),
            Instead::NullRows => {
                return Ok(say(&mut self.state(), asked, Ok("\"checkindata\":null".to_owned())).response());
            }
            Instead::Garbage => Response::new(Payload::whole(GARBAGE)),
            Instead::BadGateway => {
                let mut response = Response::new(Payload::whole(PROXY_PAGE));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        };
        let kind = if disturbance.instead == Instead::BadGateway { "text/html" } else { "application/json" };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(response)
    }
}

/// Puts an outcome into WeCom's words.
fn say(state: &mut State, asked: &Asked, outcome: Result<String, Errcode>) -> Said {
    let code = outcome.as_ref().err().copied().unwrap_or(Errcode::OK);
    state.calls.answered(code);
    let quirky = state.behaviour.quirky;
    let mark = if quirky { MARK } else { "" };
    let text = match outcome {
        // Old answers had no errcode where all was well (facts/wecom-api.md 13.9).
        Ok(rest) if quirky && asked.call == Call::Gettoken => format!("{mark}{{{rest}}}"),
        Ok(rest) => {
            let comma = if rest.is_empty() { "" } else { "," };
            format!("{mark}{{\"errcode\":0,\"errmsg\":\"ok\"{comma}{rest}}}")
        }
        Err(code) => format!("{mark}{}", refusal(code, asked.from)),
    };
    Said { code, text, closes: asked.body.is_none() }
}

/// A refusal in WeCom's words, with a hint for its support and the caller's address.
fn refusal(code: Errcode, from: IpAddr) -> String {
    let (number, text) = (code.0, code.text());
    let hint: String = (0..19).map(|_| fastrand::digit(10)).collect();
    format!(
        "{{\"errcode\":{number},\"errmsg\":\"{text}, hint: [{hint}], from ip: {from}, \
         more info at https://open.work.weixin.qq.com/devtool/query?e={number}\"}}"
    )
}
