//! The one line of JSON on stdout that says that something is ready, and where: what a script waits for.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use super::Failure;

#[derive(Debug, Serialize)]
struct Ready<'a> {
    ready: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'a Path>,
}

/// Says that `what` is ready at `address`, with the URL where it speaks HTTP.
pub(super) fn say(what: &str, address: SocketAddr, url: Option<String>) -> Result<(), Failure> {
    line(&Ready { ready: what, address: Some(address), url, port: None })
}

/// Says that `what` is ready at this serial port.
pub(super) fn say_port(what: &str, port: &Path) -> Result<(), Failure> {
    line(&Ready { ready: what, address: None, url: None, port: Some(port) })
}

/// Says something as one line of JSON.
pub(super) fn line(said: &impl Serialize) -> Result<(), Failure> {
    let silent = |error: String| Failure::Unavailable(format!("cannot say on stdout what happens: {error}"));
    let line = serde_json::to_string(said).map_err(|error| silent(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| silent(error.to_string()))
}
