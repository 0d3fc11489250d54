//! The other end of the console: a small client that waits no longer than it must.

mod lines;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use punchd_contract::Text;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

pub use lines::Lines;

use super::command::{COMMAND_WAITS, CommandAnswer, CommandRequest};
use super::refusal::Body;
use super::{MAX_BODY, REQUEST_WAITS};

/// How long an agent may take to let us in.
const CONNECT_WAITS: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const MAX_ANSWER: usize = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no agent answers at {}: is it running? systemctl status punchd", .0.display())]
    NoAgent(PathBuf),
    /// The socket is not for this user.
    #[error("you may not talk to the agent at {}: become a member of its group (sudo usermod -aG punchd YOU, then log in again), or use sudo", .0.display())]
    NotAllowed(PathBuf),
    /// It listens and does not answer.
    #[error("the agent at {} does not answer in time: see systemctl status punchd", .0.display())]
    Silent(PathBuf),
    /// The request is too large to be sent.
    #[error("this is more than 16 MiB: send it in parts")]
    TooLarge,
    /// The answer cannot be understood.
    #[error("the answer of the agent is not understood ({0}): are this program and the running one the same version?")]
    NotUnderstood(String),
    /// The agent did not do it.
    #[error("{}", text.en)]
    Refused {
        /// The class of it.
        status: StatusCode,
        /// What is the matter and what to do.
        text: Text,
    },
}

/// Talks to the agent behind one socket; a connection a request.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// For this socket.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, Bytes::new(), REQUEST_WAITS).await
    }

    /// Has a command line carried out.
    pub async fn carry_out_command(&self, request: &CommandRequest) -> Result<CommandAnswer, ClientError> {
        let body = serde_json::to_vec(request).map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
        if body.len() > MAX_BODY {
            return Err(ClientError::TooLarge);
        }
        self.ask(Method::POST, "/v1/command", body.into(), COMMAND_WAITS).await
    }

    /// Hands every piece of a long answer to `take`, until its end.
    pub async fn pour<E: From<ClientError>>(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (response, _connection) = self.send(Method::GET, path, Bytes::new()).await?;
        if !response.status().is_success() {
            return Err(refused(response).await.into());
        }
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
            take(&frame.into_data().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Has something done.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
        if body.len() > MAX_BODY {
            return Err(ClientError::TooLarge);
        }
        self.ask(Method::POST, path, body.into(), REQUEST_WAITS).await
    }

    /// Listens to what goes on.
    pub async fn listen<T: DeserializeOwned>(&self, path: &str) -> Result<Lines<T>, ClientError> {
        self.lines(Method::GET, path, Bytes::new()).await
    }

    /// Has something done that goes in steps.
    pub async fn carry_out<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Lines<T>, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
        self.lines(Method::POST, path, body.into()).await
    }

    async fn lines<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Lines<T>, ClientError> {
        let (response, connection) = self.send(method, path, body).await?;
        if response.status().is_success() {
            return Ok(Lines::new(response.into_body(), connection));
        }
        Err(refused(response).await)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        waits: Duration,
    ) -> Result<T, ClientError> {
        // A little longer than the agent's own bound, so that its words arrive.
        let answered = tokio::time::timeout(waits + CONNECT_WAITS, async {
            let (response, _connection) = self.send_patiently(method, path, body, waits).await?;
            if !response.status().is_success() {
                return Err(refused(response).await);
            }
            let answer = all_of(response).await?;
            serde_json::from_slice(&answer).map_err(|error| ClientError::NotUnderstood(error.to_string()))
        });
        answered.await.map_err(|_| ClientError::Silent(self.socket.clone()))?
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(Response<Incoming>, JoinSet<()>), ClientError> {
        self.send_patiently(method, path, body, REQUEST_WAITS).await
    }

    /// Sends a request and waits for the head of its answer. The connection lives in the set.
    async fn send_patiently(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        waits: Duration,
    ) -> Result<(Response<Incoming>, JoinSet<()>), ClientError> {
        let silent = |_| ClientError::Silent(self.socket.clone());
        let broken = |error: hyper::Error| ClientError::NotUnderstood(error.to_string());
        let stream = tokio::time::timeout(CONNECT_WAITS, UnixStream::connect(&self.socket)).await.map_err(silent)?;
        let stream = stream.map_err(|error| self.not_connected(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let mut carried = JoinSet::new();
        carried.spawn(async move {
            // A break shows in the answer.
            let _ = connection.await;
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "punchd")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
        let response = tokio::time::timeout(waits + CONNECT_WAITS, sender.send_request(request)).await;
        Ok((response.map_err(silent)?.map_err(broken)?, carried))
    }

    fn not_connected(&self, error: &io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::PermissionDenied => ClientError::NotAllowed(self.socket.clone()),
            io::ErrorKind::WouldBlock => ClientError::Silent(self.socket.clone()),
            _ => ClientError::NoAgent(self.socket.clone()),
        }
    }
}

async fn all_of(response: Response<Incoming>) -> Result<Bytes, ClientError> {
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| ClientError::NotUnderstood(error.to_string()))?.to_bytes())
}

async fn refused(response: Response<Incoming>) -> ClientError {
    let status = response.status();
    let answer = all_of(response).await.unwrap_or_default();
    let text = match serde_json::from_slice::<Body>(&answer) {
        Ok(Body { error }) => Text::new(error.en.clone(), error.zh.unwrap_or(error.en)),
        Err(_) => Text::new(status.to_string(), status.to_string()),
    };
    ClientError::Refused { status, text }
}
