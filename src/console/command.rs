//! Commands of the command line that the agent carries out, for those who may use its socket and not read its files.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body as Streamed;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use punchd_contract::Text;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::refusal::Refusal;
use super::routes::{Body, read};
use super::running::Running;
use crate::config::{Config, Language};
use crate::journal::{self, Options};

/// How long a command may take: verifying a chain of years is the longest.
pub const COMMAND_WAITS: Duration = Duration::from_secs(600);
/// Commands at the same time; each has a thread and a connection to the journal. Others wait.
pub(super) const COMMANDS: usize = 2;
/// Pieces of an export that may wait for a client.
const PIECES: usize = 4;
/// How large a piece is.
const PIECE: usize = 64 << 10;

/// A command line that is to be carried out beside the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandRequest {
    /// The arguments, without the program's name.
    pub arguments: Vec<String>,
    /// The language of the answer.
    pub language: Language,
    /// How wide the screen is; absent: no line is broken.
    pub width: Option<usize>,
    /// Whether the answer goes to a terminal.
    pub terminal: bool,
    /// Who asks.
    pub operator: String,
    /// The file that the command reads, byte by byte as the characters of the same number.
    pub input: Option<String>,
}

/// What the command answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandAnswer {
    /// What it exits with.
    pub exit: u8,
    /// For standard output.
    pub out: String,
    /// Why it was not done.
    pub failure: Option<Text>,
}

/// Who carries commands out: the command line's own code, over the agent's configuration.
pub type Commands = fn(CommandRequest, Config) -> CommandAnswer;

pub(super) async fn carry_out(State(running): State<Arc<Running>>, body: Body) -> Result<Response, Refusal> {
    let request: CommandRequest = read(body)?;
    let answer = tokio::time::timeout(COMMAND_WAITS, running.carry_out(request)).await;
    Ok(Json(answer.map_err(|_| Refusal::took_too_long())??).into_response())
}

/// Every reading as JSON Lines. What breaks off in the middle shows as an answer without an end.
pub(super) async fn export(State(running): State<Arc<Running>>) -> Result<Response, Refusal> {
    let turn = running.turn().await?;
    let options = Options::in_folder(&running.operations().await?.config.gateway.data);
    let (pieces, arriving) = mpsc::channel::<Result<Bytes, std::io::Error>>(PIECES);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let mut to = std::io::BufWriter::with_capacity(PIECE, Pieces(pieces.clone()));
        let written =
            options.read_only().map_err(journal::ExportError::from).and_then(|sql| journal::export(&sql, &mut to));
        let flushed = written.and_then(|_| std::io::Write::flush(&mut to).map_err(Into::into));
        if let Err(error) = flushed {
            tracing::debug!(%error, "an export over the socket broke off");
            // The client may be the reason.
            let _ = pieces.blocking_send(Err(std::io::Error::other(error.to_string())));
        }
    });
    let pieces = futures_util::stream::unfold(arriving, |mut arriving| async move {
        let piece = arriving.recv().await?;
        Some((piece, arriving))
    });
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/x-ndjson")], Streamed::from_stream(pieces))
        .into_response())
}

/// Writes into a channel, waiting where it is full.
struct Pieces(mpsc::Sender<Result<Bytes, std::io::Error>>);

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
