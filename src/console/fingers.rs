//! The routes of fingers: enrolling step by step, assigning, withdrawing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::refusal::Refusal;
use super::routes::{Body, read};
use super::running::Running;
use super::stream::{self, Line};
use crate::agent::{Assign, Enrol, FingerError, Withdraw};

impl From<FingerError> for Refusal {
    fn from(error: FingerError) -> Self {
        match error {
            FingerError::Operation(error) => error.into(),
            FingerError::Command(error) => error.into(),
        }
    }
}

/// Enrols; ends early when the client goes away, which gives the enrolment up at the module.
pub(super) async fn enrol(State(running): State<Arc<Running>>, body: Body) -> Result<Response, Refusal> {
    let enrol: Enrol = read(body)?;
    let (operations, desk) = (running.operations().await?, running.desk(&enrol.device).await?);
    let (lines, answer) = mpsc::channel::<Line<Value>>(stream::WAITING);
    // Ends with the command, which is bounded, or with the client.
    tokio::spawn(async move {
        let steps = lines.clone();
        // A step that nobody takes in time is told by the next one.
        let step = move |text| drop(steps.try_send(Line::Step(json!(text))));
        let outcome = tokio::select! {
            outcome = operations.enrol_finger(&desk, enrol, step) => outcome,
            () = lines.closed() => return,
        };
        let last = match outcome {
            Ok(done) => Line::Done(json!(done)),
            Err(error) => Refusal::from(error).into(),
        };
        // The client may have gone at the very end.
        let _ = lines.send(last).await;
    });
    Ok(stream::answer(answer))
}

pub(super) async fn assign(State(running): State<Arc<Running>>, body: Body) -> Result<Response, Refusal> {
    let assign: Assign = read(body)?;
    Ok(Json(running.operations().await?.assign_finger(assign).await?).into_response())
}

pub(super) async fn withdraw(State(running): State<Arc<Running>>, body: Body) -> Result<Response, Refusal> {
    let withdraw: Withdraw = read(body)?;
    let desks = running.desks().await?;
    Ok(Json(running.operations().await?.withdraw_finger(withdraw, &desks).await?).into_response())
}
