//! Answers that go on: one JSON value a line, for as long as there is something to tell and somebody listens.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use punchd_contract::Text;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::refusal::Refusal;

/// Lines that may wait for a client; what is told to one that does not keep up waits or is dropped, as its teller decides.
pub(super) const WAITING: usize = 64;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line<T> {
    /// Something on the way: what to do next, what was heard.
    Step(T),
    /// It is done; the last line.
    Done(T),
    /// It was not done, and why; the last line.
    Error(Text),
}

impl<T> From<Refusal> for Line<T> {
    fn from(refusal: Refusal) -> Self {
        Self::Error(refusal.text)
    }
}

/// The answer that consists of what arrives there. The sender learns by its closing that nobody listens any more.
pub(super) fn answer<T: Serialize + Send + 'static>(lines: mpsc::Receiver<Line<T>>) -> Response {
    let lines = futures_util::stream::unfold(lines, |mut lines| async move {
        let line = lines.recv().await?;
        // Values of ours always become JSON.
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), lines))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}
