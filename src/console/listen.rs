//! The route on which an operator listens to a device: what is presented, in every usual format, and whose it is or would be.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use punchd_contract::card_text::{every_text, is_partial};
use punchd_contract::{Credential, Text};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::refusal::Refusal;
use super::running::Running;
use super::stream::{self, Line};
use crate::agent::Operations;
use crate::intake;

/// Nobody listens longer than this; who still wants to, asks again.
const LISTENS: Duration = Duration::from_secs(8 * 3600);

/// What was heard at a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// The kind of credential.
    pub kind: String,
    /// Its value as the people list would write it.
    pub value: String,
    /// How the reader writes what it reads.
    pub profile: Option<String>,
    /// Its number in the journal, where it was recorded.
    pub seq: Option<u64>,
    /// The sign that the person got.
    pub tone: String,
    /// The same in words.
    pub text: Text,
    /// Every usual way to write it.
    pub written: Vec<Written>,
}

/// One way to write a card's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The format.
    pub format: String,
    /// The number.
    pub text: String,
    /// Several cards can have this number.
    pub partial: bool,
    /// Whose it would be if the people list had the card as a reader with this format tells it.
    pub people: Vec<String>,
}

impl Heard {
    fn of(heard: intake::Heard, operations: &Operations) -> Self {
        let people = |credential: &Credential| operations.attendance.who(credential);
        let written = match &heard.credential {
            Credential::Card(bytes) => every_text(bytes)
                .into_iter()
                .map(|written| {
                    let meant = written.format.parse(&written.text).unwrap_or_default();
                    Written {
                        format: written.format.word().to_owned(),
                        partial: written.partial || is_partial(&meant),
                        people: people(&Credential::Card(meant)),
                        text: written.text,
                    }
                })
                .collect(),
            Credential::Unreadable => Vec::new(),
            other => vec![Written {
                format: other.kind().to_owned(),
                text: other.value(),
                partial: false,
                people: people(other),
            }],
        };
        Self {
            kind: heard.credential.kind().to_owned(),
            value: heard.credential.value(),
            profile: heard.profile,
            seq: heard.seq,
            tone: heard.sign.tone.word().to_owned(),
            text: heard.sign.text,
            written,
        }
    }
}

/// Listens until the client goes away.
pub(super) async fn listen(State(running): State<Arc<Running>>, Path(name): Path<String>) -> Result<Response, Refusal> {
    let (operations, desk) = (running.operations().await?, running.desk(&name).await?);
    let mut heard = desk.listen();
    // The desk goes with the agent; its ear closing ends the answer.
    drop(desk);
    let (lines, answer) = mpsc::channel::<Line<Heard>>(stream::WAITING);
    // Ends with the client, with the agent, or after the bound.
    tokio::spawn(async move {
        let end = tokio::time::sleep(LISTENS);
        tokio::pin!(end);
        loop {
            let one = tokio::select! {
                one = heard.recv() => one,
                () = lines.closed() => return,
                () = &mut end => return,
            };
            match one {
                Ok(one) => {
                    if lines.send(Line::Step(Heard::of(one, &operations))).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    Ok(stream::answer(answer))
}
