//! The stand-in's own pages, which WeCom does not have: what it holds, how it behaves.

use axum::extract::Query;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use serde::Deserialize;
use tracing::debug;

use super::Shared;
use super::http::Payload;

/// Records in one page of `/held`, unless more are asked for.
const PAGE: usize = 10_000;

/// Which part of `/held`.
#[derive(Debug, Default, Deserialize)]
struct Part {
    after: Option<u64>,
    limit: Option<usize>,
}

/// Answers one of them.
pub(super) fn own_page(shared: &Shared, method: &Method, path: &str, uri: &Uri, body: &[u8]) -> Response<Payload> {
    let done = serde_json::json!({"done": true});
    let (status, page) = match (method.as_str(), path) {
        ("GET", "/held") => {
            let Query(part) = Query::<Part>::try_from_uri(uri).unwrap_or_default();
            let limit = part.limit.unwrap_or(PAGE);
            let state = shared.state();
            let page = serde_json::json!({
                "held": state.held.len(),
                "records": state.held.page(part.after.unwrap_or(0), limit),
                "twice": state.held.twice(limit),
                "calls": state.calls,
            });
            (StatusCode::OK, page)
        }
        ("GET", "/behaviour") => (StatusCode::OK, serde_json::json!(shared.state().behaviour)),
        ("POST", "/behaviour") => {
            let mut refused = None;
            shared.change(|behaviour| match behaviour.patched(body) {
                Ok(changed) => *behaviour = changed,
                Err(error) => refused = Some(error),
            });
            match refused {
                None => (StatusCode::OK, serde_json::json!(shared.state().behaviour)),
                Some(error) => (StatusCode::BAD_REQUEST, serde_json::json!({"error": error.to_string()})),
            }
        }
        ("POST", "/forget") => {
            shared.forget();
            (StatusCode::OK, done)
        }
        ("POST", "/tokens/expire") => {
            shared.state().tokens.expire();
            (StatusCode::OK, done)
        }
        ("POST", "/tokens/void") => {
            shared.state().tokens.void();
            (StatusCode::OK, done)
        }
        _ => {
            shared.state().calls.other += 1;
            debug!(%method, path, "no such page");
            let known = "GET /held, GET and POST /behaviour, POST /forget, POST /tokens/expire, POST /tokens/void, and the calls \
                         gettoken, add_checkin_record, getcheckindata below /cgi-bin";
            (StatusCode::NOT_FOUND, serde_json::json!({"error": format!("no such page; there are {known}")}))
        }
    };
    let mut response = Response::new(Payload::whole(page.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}
