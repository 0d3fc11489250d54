//! Answers that go on, line by line.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::ClientError;
use crate::console::stream::Line;

/// The longest line that is read.
const MAX_LINE: usize = 1 << 20;

/// The lines of an answer. Dropped, it tells the agent that nobody listens any more.
pub struct Lines<T> {
    body: Incoming,
    waiting: Vec<u8>,
    /// Carries the connection for as long as the lines are wanted.
    _connection: JoinSet<()>,
    line: std::marker::PhantomData<T>,
}

impl<T: DeserializeOwned> Lines<T> {
    pub(super) fn new(body: Incoming, connection: JoinSet<()>) -> Self {
        Self { body, waiting: Vec::new(), _connection: connection, line: std::marker::PhantomData }
    }

    /// The next line; `None` after the last. Waits for as long as there is nothing to tell.
    pub async fn next(&mut self) -> Result<Option<Line<T>>, ClientError> {
        loop {
            if let Some(end) = self.waiting.iter().position(|byte| *byte == b'\n') {
                let rest = self.waiting.split_off(end + 1);
                let line = std::mem::replace(&mut self.waiting, rest);
                let line = serde_json::from_slice(&line);
                return line.map(Some).map_err(|error| ClientError::NotUnderstood(error.to_string()));
            }
            let data: Bytes = match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(ClientError::NotUnderstood(error.to_string())),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            if self.waiting.len() + data.len() > MAX_LINE {
                return Err(ClientError::NotUnderstood("a line without an end".to_owned()));
            }
            self.waiting.extend_from_slice(&data);
        }
    }
}
