//! The terminal's HTTP client: one request after the other, with the connection kept or closed.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::push::protocol::text::{Charset, decode};

/// Longer than a server may take for a batch.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server answered.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The `Date` header.
    pub date: Option<Timestamp>,
    /// The text.
    pub text: String,
}

impl Answer {
    /// Whether the terminal may forget what it sent: `OK`, or `OK: n` with any count, which terminals do not compare.
    pub fn is_ok(&self) -> bool {
        let word = self.text.split(':').next().unwrap_or_default();
        self.status == 200 && word.trim() == "OK"
    }

    /// Whether a table was taken: `name=n` as the security dialect has it, or `OK` as many servers say.
    pub fn took(&self, table: &str, lines: usize) -> bool {
        self.is_ok() || (self.status == 200 && self.text.trim() == format!("{table}={lines}"))
    }
}

/// A way to the server.
pub struct Line {
    server: String,
    keep_alive: bool,
    open: Option<SendRequest<Full<Bytes>>>,
    /// Runs the open connection; dropped with the line.
    running: JoinSet<()>,
}

impl Line {
    pub fn new(server: String, keep_alive: bool) -> Self {
        Self { server, keep_alive, open: None, running: JoinSet::new() }
    }

    /// Sends one request and reads its answer.
    pub async fn ask(&mut self, path: &str, body: Option<Vec<u8>>) -> Result<Answer> {
        match timeout(PATIENCE, self.ask_patiently(path, body)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.hang_up();
                Err(ErrorKind::TimedOut.into())
            }
        }
    }

    fn hang_up(&mut self) {
        self.open = None;
        self.running = JoinSet::new();
    }

    async fn ask_patiently(&mut self, path: &str, body: Option<Vec<u8>>) -> Result<Answer> {
        let mut sender = match self.open.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(path).header("Host", &self.server);
        request = request.header("User-Agent", "iClock Proxy/1.09").header("Content-Type", "text/plain");
        if !self.keep_alive {
            request = request.header("Connection", "close");
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).map_err(Error::other)?;
        let response = sender.send_request(request).await.map_err(Error::other)?;
        let date = response.headers().get("Date").and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        let status = response.status().as_u16();
        let text = response.into_body().collect().await.map_err(Error::other)?.to_bytes();
        if self.keep_alive {
            self.open = Some(sender);
        }
        Ok(Answer { status, date, text: decode(&text, Charset::Auto.of(&text)).into_owned() })
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>> {
        self.running = JoinSet::new();
        let stream = TcpStream::connect(&self.server).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::other)?;
        self.running.spawn(async move {
            // How it ended shows in the answer.
            let _ = connection.await;
        });
        Ok(sender)
    }
}

/// Sends bytes as they are, waits, and hangs up.
pub async fn raw(server: &str, bytes: &[u8], wait: Duration) -> Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(bytes).await?;
    sleep(wait).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Answer;

    fn answer(status: u16, text: &str) -> Answer {
        Answer { status, date: None, text: text.to_owned() }
    }

    #[test]
    fn ok_with_and_without_a_count_is_taken_and_nothing_else() {
        for text in ["OK", "OK\n", "OK: 2", "OK:2\r\n", " OK "] {
            assert!(answer(200, text).is_ok() && answer(200, text).took("user", 2), "{text:?}");
        }
        for text in ["", "OKAY", "ok", "NOT OK", "error", "user=2"] {
            assert!(!answer(200, text).is_ok(), "{text:?}");
        }
        assert!(!answer(400, "OK").is_ok() && !answer(400, "user=2").took("user", 2));
        assert!(answer(200, "user=2\r\n").took("user", 2) && !answer(200, "user=1").took("user", 2));
    }
}
