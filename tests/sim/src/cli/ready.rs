//! The one line of JSON on stdout that says that something is ready, and where: what a script waits for.

use std::io::Write;
use std::net::SocketAddr;

use serde::Serialize;

use super::Failure;

#[derive(Debug, Serialize)]
struct Ready<'a> {
    ready: &'a str,
    address: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Says that `what` is ready at `address`, with the URL where it speaks HTTP.
pub(super) fn say(what: &str, address: SocketAddr, url: Option<String>) -> Result<(), Failure> {
    let silent = |error: String| Failure::Unavailable(format!("cannot say on stdout that it is ready: {error}"));
    let line =
        serde_json::to_string(&Ready { ready: what, address, url }).map_err(|error| silent(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| silent(error.to_string()))
}
